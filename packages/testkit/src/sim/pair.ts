/** A client and a server endpoint, joined by two links, in virtual time. */
import type { Connection, ConnectOptions, Endpoint } from '@mquictt/quic-core';
import { AmplificationCheck } from './amplification-check.ts';
import { EndpointNode, type NodeHandlers } from './endpoint-node.ts';
import { Link, type Stage } from './link.ts';
import { Simulation } from './simulation.ts';

export const CLIENT_ADDRESS = '192.0.2.1';
export const CLIENT_PORT = 50_000;
export const SERVER_ADDRESS = '192.0.2.2';
export const SERVER_PORT = 4433;

export interface PairOptions {
  readonly simulation: Simulation;
  readonly client: Endpoint;
  readonly server: Endpoint;
  /** Client to server. */
  readonly up: readonly Stage[];
  /** Server to client. */
  readonly down: readonly Stage[];
  readonly clientHandlers?: NodeHandlers;
  readonly serverHandlers?: NodeHandlers;
  /** For messages, e.g. `transfer, loss2`. */
  readonly scenario?: string;
  /** Whether the server is held to its limit before it has validated the client. Makes sense for the first connection only. @default true */
  readonly checkAmplification?: boolean;
}

export class Pair {
  readonly simulation: Simulation;
  readonly client: EndpointNode;
  readonly server: EndpointNode;
  readonly up: Link;
  readonly down: Link;
  readonly #scenario: string;

  constructor(options: PairOptions) {
    const { simulation } = options;
    this.simulation = simulation;
    this.#scenario = options.scenario ?? '';
    const amplification = options.checkAmplification === false ? undefined : new AmplificationCheck();
    this.up = new Link({
      simulation,
      name: 'client>server',
      stages: options.up,
      deliver: (bytes) => {
        amplification?.onReceived(bytes);
        this.server.deliver(bytes, CLIENT_ADDRESS, CLIENT_PORT);
      },
    });
    this.down = new Link({
      simulation,
      name: 'server>client',
      stages: options.down,
      deliver: (bytes) => this.client.deliver(bytes, SERVER_ADDRESS, SERVER_PORT),
    });
    this.client = new EndpointNode({
      simulation,
      name: 'client',
      endpoint: options.client,
      ...(options.clientHandlers === undefined ? {} : { handlers: options.clientHandlers }),
      send: (bytes, address, port) => {
        if (address === SERVER_ADDRESS && port === SERVER_PORT) this.up.send(bytes);
      },
    });
    this.server = new EndpointNode({
      simulation,
      name: 'server',
      endpoint: options.server,
      ...(options.serverHandlers === undefined ? {} : { handlers: options.serverHandlers }),
      send: (bytes, address, port) => {
        if (address !== CLIENT_ADDRESS || port !== CLIENT_PORT) return;
        amplification?.onSent(bytes);
        this.down.send(bytes);
      },
    });
  }

  /** Starts a connection from the client's endpoint to the server's. */
  connect(serverName: string, options: Pick<ConnectOptions, 'session'> = {}): Connection {
    const connection = this.client.endpoint.connect(
      { serverName, address: SERVER_ADDRESS, port: SERVER_PORT, ...options },
      this.simulation.now,
    );
    this.client.adopt(connection);
    return connection;
  }

  /** Drops the next datagrams of one direction. */
  dropNext(count: number, direction: 'up' | 'down'): void {
    this[direction].dropNext(count);
  }

  /**
   * Lets time pass until the condition holds.
   * @param limitMs virtual ms from now
   * @throws Error that names scenario, seed and state, when the limit is reached or nothing is pending any more
   */
  run(until: () => boolean, limitMs: number): void {
    const { simulation } = this;
    const deadline = simulation.now + limitMs;
    let isDone;
    try {
      isDone = simulation.run(until, deadline);
    } catch (cause) {
      throw new Error(this.describe(cause instanceof Error ? cause.message : String(cause)), { cause });
    }
    if (isDone) return;
    const reason =
      simulation.nextTime === Infinity
        ? 'Deadlock: nothing is on the way and nobody has set a timer'
        : `Not done within ${limitMs} ms`;
    throw new Error(this.describe(reason));
  }

  /** Lets time pass. Unlike run() it does not mind when nothing happens. */
  runFor(ms: number): void {
    this.simulation.runUntil(this.simulation.now + ms);
  }

  describe(reason: string): string {
    const { simulation } = this;
    const lines = [`${reason}; ${this.#scenario}, SEED=${simulation.seed}, at ${simulation.now} ms`];
    for (const node of [this.client, this.server]) {
      lines.push(`${node.name}: ${node.turnCount} turns, next timeout ${node.endpoint.nextTimeout()}`);
      for (const connection of node.connections) lines.push(`  ${JSON.stringify(connection.stats())}`);
    }
    for (const link of [this.up, this.down]) lines.push(`${link.name}: ${JSON.stringify(link.stats)}`);
    for (const { time, direction, size, firstByte } of simulation.packetLog.recent().slice(-20)) {
      lines.push(`  ${time.toFixed(3)} ${direction} ${size} bytes, first 0x${firstByte.toString(16)}`);
    }
    return lines.join('\n');
  }
}
