/** What listeners on TCP ports have in common: limits, who is connected, and an orderly end. */
import { once } from 'node:events';
import type { AddressInfo, Server, Socket } from 'node:net';
import type { SocketAddress } from '@mquictt/quic-node';
import { plainAddress } from '@mquictt/quic-node';
import type { LogFunction } from '../core/broker-stats.ts';
import { CONNECT_DEADLINE, MAX_CONNECTIONS, MAX_HALF_OPEN_CONNECTIONS } from '../limits.ts';
import { HalfOpen } from './half-open.ts';
import type { TransportCloseOptions, TransportConnection, TransportKind, TransportListener } from './transport.ts';

export interface SocketListenerOptions {
  readonly kind: Exclude<TransportKind, 'quic'>;
  readonly name: string;
  /** IP address or name. */
  readonly host: string;
  readonly port: number;
  readonly maxConnections?: number | undefined;
  readonly maxHalfOpenConnections?: number | undefined;
  readonly log: LogFunction;
}

/** What every server is made with. */
export const SERVER_OPTIONS = {
  /** A client that has said all it has to say still gets its answers. */
  allowHalfOpen: true,
  noDelay: true,
  /** Finds peers that are gone where MQTT's keep-alive is off. */
  keepAlive: true,
  keepAliveInitialDelay: 60_000,
} as const;

/** Connections that the kernel keeps while we are busy; it may allow fewer. */
const BACKLOG = 4_096;

export class SocketListener implements TransportListener {
  readonly kind: Exclude<TransportKind, 'quic'>;
  readonly name: string;
  readonly #server: Server;
  readonly #log: LogFunction;
  readonly #halfOpen: HalfOpen;
  readonly #connections = new Set<TransportConnection>();
  #onConnection: ((connection: TransportConnection) => void) | undefined = undefined;
  #address: SocketAddress = { host: '', port: 0 };
  #closing: Promise<void> | undefined = undefined;

  constructor(server: Server, options: SocketListenerOptions) {
    const { kind, name, log } = options;
    this.kind = kind;
    this.name = name;
    this.#server = server;
    this.#log = log;
    this.#halfOpen = new HalfOpen({
      maxCount: options.maxHalfOpenConnections ?? MAX_HALF_OPEN_CONNECTIONS,
      deadline: CONNECT_DEADLINE,
      onDropped: (address, why) => log('warn', why, { listener: name, remote: address }),
    });
    server.maxConnections = options.maxConnections ?? MAX_CONNECTIONS;
    server.on('connection', (socket: Socket) => this.#halfOpen.add(socket));
    server.on('drop', (data) => {
      const remote = `${data?.remoteAddress} ${data?.remotePort}`;
      log('warn', 'Too many connections on this listener', { listener: name, remote });
    });
  }

  /** @throws the system's error when the address cannot be had */
  async listen({ host, port }: SocketListenerOptions): Promise<this> {
    this.#server.listen({ host, port, backlog: BACKLOG });
    await once(this.#server, 'listening');
    this.#server.on('error', (error) =>
      this.#log('error', 'Accepting connections failed', { listener: this.name, error }),
    );
    const { address, port: bound } = this.#server.address() as AddressInfo;
    this.#address = { host: plainAddress(address), port: bound };
    return this;
  }

  get address(): SocketAddress {
    return this.#address;
  }

  get connectionCount(): number {
    return this.#connections.size;
  }

  /** Connections without an accepted CONNECT, those in a handshake included. */
  get halfOpenCount(): number {
    return this.#halfOpen.count;
  }

  get onConnection(): ((connection: TransportConnection) => void) | undefined {
    return this.#onConnection;
  }

  /** Connections that came before are handed over when it is set. */
  set onConnection(callback: ((connection: TransportConnection) => void) | undefined) {
    const isFirst = this.#onConnection === undefined;
    this.#onConnection = callback;
    if (isFirst && callback !== undefined) for (const connection of this.#connections) callback(connection);
  }

  /** A connection is through with the handshakes below MQTT. */
  deliver(connection: TransportConnection): void {
    this.#connections.add(connection);
    void connection.closed.then(() => this.#connections.delete(connection));
    if (this.#closing === undefined) this.#onConnection?.(connection);
    else void connection.close({ immediate: true });
  }

  /** CONNECT was accepted on the connection with this key. */
  accepted(key: string | undefined): void {
    this.#halfOpen.remove(key);
  }

  /** A client was turned away before MQTT began. */
  refused(address: SocketAddress, why: string): void {
    const remote = `${address.host} ${address.port}`;
    this.#log('info', 'A handshake failed', { listener: this.name, remote, why });
  }

  close(options: TransportCloseOptions = {}): Promise<void> {
    this.#closing ??= this.#close(options);
    return this.#closing;
  }

  async #close(options: TransportCloseOptions): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    await Promise.all([...this.#connections].map((connection) => connection.close(options)));
    this.#halfOpen.destroyAll();
    await closed;
  }
}
