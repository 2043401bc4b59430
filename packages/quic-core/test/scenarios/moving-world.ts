/** Two endpoints whose client may change its address, as behind a NAT, and whose packets somebody may forward from elsewhere. */
import type { Connection } from '@mquictt/quic-core';
import {
  CLIENT_ADDRESS,
  CLIENT_PORT,
  EndpointNode,
  Link,
  SERVER_ADDRESS,
  SERVER_PORT,
  stages,
  TEST_SERVER_NAME,
  type Simulation,
} from '@mquictt/testkit';
import { World, type WorldOptions } from './harness.ts';

interface Place {
  readonly address: string;
  readonly port: number;
}

export interface Transfer {
  received: number;
  isDone: boolean;
}

export class MovingWorld {
  readonly simulation: Simulation;
  readonly client: EndpointNode;
  readonly server: EndpointNode;
  /** Where the client is now. What is sent to other places gets lost. */
  clientPlace: Place = { address: CLIENT_ADDRESS, port: CLIENT_PORT };
  /** Looks at each datagram of the client when it leaves. */
  onUp: ((bytes: Uint8Array) => void) | undefined;
  /** The next datagram of the client comes from there alone. */
  stealNext: Place | undefined;
  /** Nothing of the client's arrives but what is stolen. */
  isClientMute: boolean = false;
  /** Bytes that the server sent to where the client is not. */
  strayBytes: number = 0;
  readonly #pumps: (() => void)[] = [];
  #serverConnection: Connection | undefined;

  constructor(options: WorldOptions = {}) {
    const { simulation, pair } = new World(options);
    this.simulation = simulation;
    const uplink = new Link({
      simulation,
      name: 'client>server',
      stages: options.up ?? [stages.delay(5)],
      deliver: (bytes) => {
        if (this.isClientMute && this.stealNext === undefined) return;
        const { address, port } = this.stealNext ?? this.clientPlace;
        this.stealNext = undefined;
        this.server.deliver(bytes, address, port);
      },
    });
    const downlink = new Link({
      simulation,
      name: 'server>client',
      stages: options.down ?? [stages.delay(5)],
      deliver: (bytes) => this.client.deliver(bytes, SERVER_ADDRESS, SERVER_PORT),
    });
    const onTurn = (): void => this.#pumps.forEach((pump) => pump());
    this.client = new EndpointNode({
      simulation,
      name: 'client',
      endpoint: pair.client.endpoint,
      handlers: { onTurn },
      send: (bytes) => {
        this.onUp?.(bytes);
        uplink.send(bytes);
      },
    });
    this.server = new EndpointNode({
      simulation,
      name: 'server',
      endpoint: pair.server.endpoint,
      handlers: { onTurn, onIncoming: (connection) => (this.#serverConnection ??= connection) },
      send: (bytes, address, port) => {
        if (address === this.clientPlace.address && port === this.clientPlace.port) downlink.send(bytes);
        else this.strayBytes += bytes.length;
      },
    });
  }

  connect(): { client: Connection; server: Connection } {
    const place = { serverName: TEST_SERVER_NAME, address: SERVER_ADDRESS, port: SERVER_PORT };
    const client = this.client.endpoint.connect(place, this.simulation.now);
    this.client.adopt(client);
    this.runUntil(() => client.isConnected && this.#serverConnection?.isConnected === true);
    return { client, server: this.#serverConnection! };
  }

  wake(): void {
    this.client.wake();
    this.server.wake();
  }

  runFor(ms: number): void {
    this.simulation.runUntil(this.simulation.now + ms);
  }

  /** @throws Error when nothing of the kind happens within a minute */
  runUntil(condition: () => boolean): void {
    const { simulation } = this;
    if (!simulation.run(condition, simulation.now + 60_000)) {
      throw new Error(`Not done at ${simulation.now} ms, SEED=${simulation.seed}`);
    }
  }

  /** Sends bytes over a new stream and reads them on the other side. */
  transfer(from: Connection, to: Connection, length: number): Transfer {
    const id = from.openStream(false);
    const transfer = { received: 0, isDone: false };
    const chunk = new Uint8Array(50_000).fill(7);
    let written = 0;
    this.#pumps.push(() => {
      while (written < length && from.closeError === undefined) {
        const size = Math.min(chunk.length, length - written);
        const accepted = from.writeStream(id, chunk.subarray(0, size), written + size === length);
        written += accepted;
        if (accepted < size) break;
      }
      for (let data = to.readStream(id); data !== undefined; data = to.readStream(id)) transfer.received += data.length;
      transfer.isDone = transfer.received === length;
    });
    this.wake();
    return transfer;
  }
}
