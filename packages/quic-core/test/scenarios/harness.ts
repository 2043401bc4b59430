/** A client and a server of the core, joined by the simulator, with an application that takes notes. */
import {
  createEndpoint,
  portableProtector,
  type Connection,
  type ConnectionEvent,
  type EndpointConfig,
  type PacketProtector,
  type TransportConfig,
} from '@mquictt/quic-core';
import {
  fakeProtector,
  LINKS,
  Pair,
  seededRandom,
  Simulation,
  testCredential,
  testRoots,
  TEST_SERVER_NAME,
  TEST_UNIX_TIME,
  type stages,
} from '@mquictt/testkit';
import { nobleProvider, type ClientConfig, type ClientSession, type ServerConfig } from '@mquictt/tls13';

type Stage = ReturnType<typeof stages.delay>;

export interface WorldOptions {
  readonly seed?: number;
  readonly scenario?: string;
  readonly up?: readonly Stage[];
  readonly down?: readonly Stage[];
  /** Real cryptography of packets; the fake one is fast and still notices every corrupted byte. @default false */
  readonly realProtection?: boolean;
  readonly transport?: TransportConfig;
  readonly clientTransport?: TransportConfig;
  readonly client?: Partial<ClientConfig>;
  readonly server?: Partial<ServerConfig>;
  readonly endpoint?: Partial<EndpointConfig>;
  readonly checkAmplification?: boolean;
}

export interface Note {
  readonly connection: Connection;
  readonly event: ConnectionEvent;
  readonly now: number;
}

/** Two endpoints with notes of everything they tell, and short ways to the usual. */
export class World {
  readonly simulation: Simulation;
  readonly pair: Pair;
  readonly clientNotes: Note[] = [];
  readonly serverNotes: Note[] = [];
  readonly serverConnections: Connection[] = [];
  /** Called for each event of the server's, after it was noted. */
  onServerEvent: ((connection: Connection, event: ConnectionEvent) => void) | undefined;
  onClientEvent: ((connection: Connection, event: ConnectionEvent) => void) | undefined;

  constructor(options: WorldOptions = {}) {
    this.simulation = new Simulation(options.seed === undefined ? {} : { seed: options.seed });
    const random = seededRandom(this.simulation.seed + 1);
    const provider = nobleProvider;
    const protector: PacketProtector = options.realProtection === true ? portableProtector : fakeProtector;
    const common = { provider, protector, random, unixTime: () => TEST_UNIX_TIME };
    const alpnProtocols = ['test'];
    const server = createEndpoint({
      ...common,
      ...(options.transport === undefined ? {} : { transport: options.transport }),
      server: {
        provider,
        random,
        alpnProtocols,
        credential: testCredential('ecdsa-p256', provider, random),
        ...options.server,
      },
      ...options.endpoint,
    });
    const transport = options.clientTransport ?? options.transport;
    const client = createEndpoint({
      ...common,
      ...(transport === undefined ? {} : { transport }),
      client: { provider, random, alpnProtocols, roots: testRoots(), ...options.client },
    });
    this.pair = new Pair({
      simulation: this.simulation,
      client,
      server,
      up: options.up ?? LINKS.clean(),
      down: options.down ?? LINKS.clean(),
      scenario: options.scenario ?? '',
      ...(options.checkAmplification === undefined ? {} : { checkAmplification: options.checkAmplification }),
      clientHandlers: {
        onEvent: (connection, event, now) => {
          this.clientNotes.push({ connection, event, now });
          this.onClientEvent?.(connection, event);
        },
      },
      serverHandlers: {
        onIncoming: (connection) => void this.serverConnections.push(connection),
        onEvent: (connection, event, now) => {
          this.serverNotes.push({ connection, event, now });
          this.onServerEvent?.(connection, event);
        },
      },
    });
  }

  /** Connects and lets time pass until both sides are through with the handshake. */
  connect(limitMs = 10_000, session?: ClientSession): { client: Connection; server: Connection } {
    const client = this.pair.connect(TEST_SERVER_NAME, { session });
    const count = this.serverConnections.length;
    this.pair.run(() => client.isConnected && this.serverConnections[count]?.isConnected === true, limitMs);
    return { client, server: this.serverConnections[count]! };
  }

  /** After commands from outside a handler. */
  wake(): void {
    this.pair.client.wake();
    this.pair.server.wake();
  }

  /** The error of the `closed` event of a connection, undefined before it. */
  closeErrorOf(notes: readonly Note[]): Extract<ConnectionEvent, { type: 'closed' }>['error'] | undefined {
    for (const { event } of notes) if (event.type === 'closed') return event.error;
    return undefined;
  }

  /** Everything that one stream of a connection holds now. */
  readAll(connection: Connection, id: number): Uint8Array {
    const chunks: Uint8Array[] = [];
    for (let chunk = connection.readStream(id); chunk !== undefined; chunk = connection.readStream(id))
      chunks.push(chunk);
    return concat(chunks);
  }
}

export function concat(chunks: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.length;
  }
  return all;
}

export function text(value: string): Uint8Array {
  return new TextEncoder().encode(value);
}
