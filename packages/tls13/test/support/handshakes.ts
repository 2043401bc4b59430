/** Two handshakes that talk to each other without a carrier, and what is needed to watch them. */
import * as assert from 'uvu/assert';
import { TEST_SERVER_NAME, TEST_UNIX_TIME, seededRandom, testCredential, testRoots } from '@mquictt/testkit';
import type { TestCredentialKind } from '@mquictt/testkit';
import { alertName, type Alert } from '../../src/alerts.ts';
import { ClientHandshake } from '../../src/client-handshake.ts';
import type { ClientConfig, Credential, ServerConfig } from '../../src/config.ts';
import { TlsError, type TlsErrorCode } from '../../src/errors.ts';
import { EncryptionLevel, type Handshake, type HandshakeEvent, type OpaqueExtension } from '../../src/handshake.ts';
import { MESSAGE_HEADER_LENGTH } from '../../src/messages/handshake-message.ts';
import { nobleProvider } from '../../src/providers/noble.ts';
import type { CryptoProvider } from '../../src/provider.ts';
import { ServerHandshake } from '../../src/server-handshake.ts';
import { concat, toHex } from './bytes.ts';

export const ALPN = 'mqtt';
/** Stands for the transport parameters. */
export const EXTENSION_TYPE = 0x39;
export const CLIENT_EXTENSION: OpaqueExtension = { type: EXTENSION_TYPE, data: Uint8Array.of(1, 2, 3) };
export const SERVER_EXTENSION: OpaqueExtension = { type: EXTENSION_TYPE, data: Uint8Array.of(4, 5, 6, 7) };

const credentials = new Map<string, Credential>();

/** A test credential, read once per provider. */
export function credentialOf(kind: TestCredentialKind, provider: CryptoProvider = nobleProvider): Credential {
  const key = `${kind} ${provider.name}`;
  const known = credentials.get(key);
  if (known !== undefined) return known;
  const credential = testCredential(kind, provider, seededRandom(99));
  credentials.set(key, credential);
  return credential;
}

const roots = testRoots();

export function clientConfig(overrides: Partial<ClientConfig> = {}): ClientConfig {
  return { provider: nobleProvider, random: seededRandom(1), alpnProtocols: [ALPN], roots, ...overrides };
}

export function serverConfig(overrides: Partial<ServerConfig> = {}): ServerConfig {
  const provider = overrides.provider ?? nobleProvider;
  return {
    provider,
    random: seededRandom(2),
    alpnProtocols: [ALPN],
    credential: overrides.credential ?? credentialOf('ecdsa-p256', provider),
    ...overrides,
  };
}

export function newClient(
  overrides: Partial<ClientConfig> = {},
  serverName: string = TEST_SERVER_NAME,
): ClientHandshake {
  return new ClientHandshake(clientConfig(overrides), { serverName, extensions: [CLIENT_EXTENSION] });
}

export function newServer(overrides: Partial<ServerConfig> = {}): ServerHandshake {
  return new ServerHandshake(serverConfig(overrides), { extensions: [SERVER_EXTENSION] });
}

/** Takes all events that wait. */
export function drain(handshake: Handshake): HandshakeEvent[] {
  const events: HandshakeEvent[] = [];
  for (let event = handshake.nextEvent(); event !== undefined; event = handshake.nextEvent()) events.push(event);
  return events;
}

/** The bytes that events carry at one level. */
export function sentAt(events: readonly HandshakeEvent[], level: EncryptionLevel): Uint8Array {
  return concat(...events.flatMap((event) => (event.type === 'send' && event.level === level ? [event.data] : [])));
}

/** Cuts handshake bytes into messages. */
export function messagesOf(data: Uint8Array): Uint8Array[] {
  const messages: Uint8Array[] = [];
  for (let rest = data; rest.length > 0;) {
    const length =
      MESSAGE_HEADER_LENGTH + (((rest[1] as number) << 16) | ((rest[2] as number) << 8) | (rest[3] as number));
    messages.push(rest.slice(0, length));
    rest = rest.subarray(length);
  }
  return messages;
}

/** A short name per event, to compare orders with. */
export function eventNames(events: readonly HandshakeEvent[]): string[] {
  return events.map((event) => ('level' in event ? `${event.type} ${event.level}` : event.type));
}

export function secretOf(
  events: readonly HandshakeEvent[],
  type: 'read-secret' | 'write-secret',
  level: EncryptionLevel,
): string {
  const found = events.find((event) => event.type === type && event.level === level);
  assert.ok(found !== undefined && found.type === type, `${type} of level ${level} expected`);
  return toHex((found as { secret: Uint8Array }).secret);
}

/** How `connect` carries bytes; each may be cut up or changed on the way. */
export interface Carriage {
  /** Wall clock, ms. @default TEST_UNIX_TIME */
  readonly unixTime?: number;
  /** What the application says where it is asked. */
  onEvent?(handshake: Handshake, event: HandshakeEvent): void;
  /** Cuts what is sent at one level into the pieces in which it arrives. */
  cut?(data: Uint8Array): Uint8Array[];
  onServerSends?(level: EncryptionLevel, data: Uint8Array): Uint8Array;
  onClientSends?(level: EncryptionLevel, data: Uint8Array): Uint8Array;
}

export interface Connected {
  readonly clientEvents: readonly HandshakeEvent[];
  readonly serverEvents: readonly HandshakeEvent[];
}

/** Runs a client and a server against each other until neither has anything to say. */
export function connect(client: Handshake, server: Handshake, carriage: Carriage = {}): Connected {
  const clientEvents: HandshakeEvent[] = [];
  const serverEvents: HandshakeEvent[] = [];
  const cut = carriage.cut ?? ((data) => [data]);
  const unixTime = carriage.unixTime ?? TEST_UNIX_TIME;
  const take = (handshake: Handshake, into: HandshakeEvent[]): HandshakeEvent[] => {
    const events = drain(handshake);
    into.push(...events);
    for (const event of events) carriage.onEvent?.(handshake, event);
    return events;
  };
  client.start(unixTime);
  server.start(unixTime);
  for (let isBusy = true; isBusy;) {
    const fromClient = take(client, clientEvents);
    carry(fromClient, server, cut, carriage.onClientSends, unixTime);
    const fromServer = take(server, serverEvents);
    carry(fromServer, client, cut, carriage.onServerSends, unixTime);
    isBusy = fromClient.length + fromServer.length > 0;
  }
  return { clientEvents, serverEvents };
}

function carry(
  events: readonly HandshakeEvent[],
  to: Handshake,
  cut: (data: Uint8Array) => Uint8Array[],
  change: ((level: EncryptionLevel, data: Uint8Array) => Uint8Array) | undefined,
  unixTime: number,
): void {
  for (const level of Object.values(EncryptionLevel)) {
    const sent = sentAt(events, level);
    if (sent.length === 0) continue;
    for (const piece of cut(change === undefined ? sent : change(level, sent))) {
      // What is handed in dies with the call.
      const copy = piece.slice();
      to.handleMessages(level, copy, unixTime);
      copy.fill(0xee);
    }
  }
}

/** Asserts that `run` throws a TlsError with this alert (and code), and that the handshake is dead afterwards. */
export function expectAlert(run: () => void, alert: Alert, code?: TlsErrorCode, dead?: Handshake): void {
  let thrown: unknown;
  try {
    run();
  } catch (error) {
    thrown = error;
  }
  assert.ok(thrown instanceof TlsError, `expected a TlsError with ${alertName(alert)}, got ${String(thrown)}`);
  const error = thrown as TlsError;
  assert.is(alertName(error.alert), alertName(alert), error.message);
  if (code !== undefined) assert.is(error.code, code);
  if (dead === undefined) return;
  assert.is(dead.nextEvent(), undefined);
  assert.throws(
    () => dead.handleMessages(EncryptionLevel.HANDSHAKE, Uint8Array.of(0), TEST_UNIX_TIME),
    (again: unknown) => again === error,
  );
}
