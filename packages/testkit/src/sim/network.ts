/**
 * Virtual UDP for any number of hosts. Links between two sockets come into being with the first datagram, made by the network's factory, one per direction.
 */
import { Link, type Stage } from './link.ts';
import type { Simulation } from './simulation.ts';

/** An address and a port. */
export interface Place {
  readonly address: string;
  readonly port: number;
}

export interface SimNetworkOptions {
  readonly simulation: Simulation;
  /** The stages of a direction that is used for the first time. @default 1 ms */
  readonly link?: (from: Place, to: Place) => readonly Stage[];
}

export interface SimSocketOptions extends Place {
  /** The bytes are valid during the call. */
  readonly onDatagram: (bytes: Uint8Array, address: string, port: number) => void;
}

/** First port given to those who do not care. */
const EPHEMERAL_PORT = 49_152;
const LAST_PORT = 65_535;

export class SimNetwork {
  readonly simulation: Simulation;
  readonly #stages: (from: Place, to: Place) => readonly Stage[];
  readonly #sockets = new Map<string, SimSocket>();
  readonly #links = new Map<string, Link>();
  readonly #names = new Map<string, readonly string[]>();
  #nextPort: number = EPHEMERAL_PORT;

  constructor(options: SimNetworkOptions) {
    this.simulation = options.simulation;
    this.#stages = options.link ?? (() => [defaultDelay]);
  }

  /**
   * @param options.port 0 = any free one
   * @throws Error with code EADDRINUSE
   */
  bind(options: SimSocketOptions): SimSocket {
    let { port } = options;
    if (port === 0) {
      do {
        port = this.#nextPort;
        this.#nextPort = port === LAST_PORT ? EPHEMERAL_PORT : port + 1;
      } while (this.#sockets.has(keyOf(options.address, port)));
    }
    const key = keyOf(options.address, port);
    if (this.#sockets.has(key)) throw Object.assign(new Error(`bind EADDRINUSE ${key}`), { code: 'EADDRINUSE' });
    const socket = new SimSocket(this, options.address, port, options.onDatagram);
    this.#sockets.set(key, socket);
    return socket;
  }

  /** Makes a host name known to lookup(). */
  name(hostname: string, ...addresses: string[]): void {
    this.#names.set(hostname, addresses);
  }

  /** @returns nothing for an unknown name, the address itself for an IP literal */
  lookup(hostname: string): readonly string[] {
    const known = this.#names.get(hostname);
    if (known !== undefined) return known;
    return /^[\d.]+$|:/.test(hostname) ? [hostname] : [];
  }

  /** The link of a direction, made if need be, e.g. to drop what comes next or to read its counters. */
  link(from: Place, to: Place): Link {
    const name = `${keyOf(from.address, from.port)}>${keyOf(to.address, to.port)}`;
    let link = this.#links.get(name);
    if (link === undefined) {
      const key = keyOf(to.address, to.port);
      link = new Link({
        simulation: this.simulation,
        name,
        stages: this.#stages(from, to),
        deliver: (bytes) => this.#sockets.get(key)?.receive(bytes, from.address, from.port),
      });
      this.#links.set(name, link);
    }
    return link;
  }

  /** @internal a socket was closed */
  release(socket: SimSocket): void {
    const key = keyOf(socket.address, socket.port);
    if (this.#sockets.get(key) === socket) this.#sockets.delete(key);
  }
}

export class SimSocket {
  readonly address: string;
  readonly port: number;
  readonly #network: SimNetwork;
  readonly #onDatagram: SimSocketOptions['onDatagram'];
  #isClosed: boolean = false;

  constructor(network: SimNetwork, address: string, port: number, onDatagram: SimSocketOptions['onDatagram']) {
    this.#network = network;
    this.address = address;
    this.port = port;
    this.#onDatagram = onDatagram;
  }

  /** Copies the bytes; they may be reused at once. */
  send(bytes: Uint8Array, address: string, port: number): void {
    if (!this.#isClosed) this.#network.link(this, { address, port }).send(bytes);
  }

  receive(bytes: Uint8Array, address: string, port: number): void {
    if (!this.#isClosed) this.#onDatagram(bytes, address, port);
  }

  close(): void {
    this.#isClosed = true;
    this.#network.release(this);
  }
}

function keyOf(address: string, port: number): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

const defaultDelay: Stage =
  ({ simulation }, next) =>
  (packet) =>
    void simulation.at(simulation.now + 1, () => next(packet));
