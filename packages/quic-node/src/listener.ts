/** The accepting side: one UDP port and the connections that clients make to it. */
import type { Connection, EndpointStats, QuicError } from '@mquictt/quic-core';
import type { SocketAddress } from './addresses.ts';
import { CLOSE_DEADLINE, QuicConnection, type ConnectionOwner } from './connection.ts';
import type { Driver } from './driver.ts';
import { throwLater } from './errors.ts';
import type { HandshakeHooks } from './handshake-hooks.ts';
import type { CloseOptions, ListenOptions, SignalOptions } from './options.ts';
import { WaiterQueue } from './waiters.ts';

/** Connections that may wait for accept() unless told otherwise. */
const BACKLOG = 1_024;

/** Made by listen(); never by `new`. Iterates over the connections whose handshake is complete. */
export class QuicListener implements AsyncIterable<QuicConnection> {
  readonly #driver: Driver;
  readonly #backlog: number;
  readonly #onHandshakeError: ListenOptions['onHandshakeError'];
  readonly #hooks: HandshakeHooks;
  /** Every connection that has not ended, those in the handshake included. */
  readonly #connections = new Set<QuicConnection>();
  readonly #established = new Set<QuicConnection>();
  readonly #unaccepted = new Set<QuicConnection>();
  readonly #accepting = new WaiterQueue<QuicConnection | undefined>();
  readonly #owner: ConnectionOwner = {
    onConnected: (connection) => this.#onConnected(connection),
    onClosed: (connection, error) => this.#onClosed(connection, error),
  };
  #onConnection: ((connection: QuicConnection) => void) | undefined = undefined;
  #closePromise: Promise<void> | undefined = undefined;
  #socketError: Error | undefined = undefined;

  /** @internal */
  constructor(driver: Driver, options: Pick<ListenOptions, 'backlog' | 'clientCertificates' | 'onHandshakeError'>) {
    this.#driver = driver;
    this.#backlog = options.backlog ?? BACKLOG;
    this.#onHandshakeError = options.onHandshakeError;
    this.#hooks = { judge: options.clientCertificates?.judge };
    driver.onIncoming = (core) => this.#onIncoming(core);
    driver.onSocketError = (error) => {
      this.#socketError = error;
      void this.close({ deadline: 0 });
    };
  }

  /** IP address and port as bound. */
  get address(): SocketAddress {
    return this.#driver.address;
  }

  /** Connections whose handshake is complete and that have not ended. */
  get connectionCount(): number {
    return this.#established.size;
  }

  /** Whether close() was called. */
  get isClosed(): boolean {
    return this.#closePromise !== undefined;
  }

  /** Why the socket died, should it ever do so; the listener is closed then. */
  get socketError(): Error | undefined {
    return this.#socketError;
  }

  /** Exceptions caught inside; 0 unless there is a bug. */
  get internalErrors(): number {
    return this.#driver.internalErrors + this.#driver.endpoint.stats().internalErrors;
  }

  /** Counters of the endpoint as they are now. */
  stats(): EndpointStats {
    return this.#driver.endpoint.stats();
  }

  /** Is called, in the driver's turn, with each connection instead of accept(); those that came earlier are delivered when it is set. */
  get onConnection(): ((connection: QuicConnection) => void) | undefined {
    return this.#onConnection;
  }

  set onConnection(callback: ((connection: QuicConnection) => void) | undefined) {
    this.#onConnection = callback;
    while (this.#onConnection !== undefined) {
      const connection = this.#takeUnaccepted();
      if (connection === undefined) return;
      this.#deliver(connection);
    }
  }

  /** The next connection. @returns undefined once the listener is closed */
  accept(options: SignalOptions = {}): Promise<QuicConnection | undefined> {
    if (options.signal?.aborted === true) return Promise.reject(options.signal.reason);
    const connection = this.#takeUnaccepted();
    if (connection !== undefined || this.isClosed) return Promise.resolve(connection);
    return this.#accepting.wait(undefined, options);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<QuicConnection, void, undefined> {
    for (let next = await this.accept(); next !== undefined; next = await this.accept()) yield next;
  }

  /**
   * Refuses new connections, closes the living ones as QuicConnection.close() does, and frees the port.
   *
   * @param options.deadline how long to wait for acknowledgements, ms. @default 5_000
   * @returns once the port is free; never rejects. A second call only waits.
   */
  close(options: CloseOptions = {}): Promise<void> {
    this.#closePromise ??= this.#close(options);
    return this.#closePromise;
  }

  async #close(options: CloseOptions): Promise<void> {
    this.#driver.endpoint.stopAccepting();
    this.#unaccepted.clear();
    this.#accepting.resolveAll(undefined);
    const deadline = options.deadline ?? CLOSE_DEADLINE;
    const closing = [...this.#connections].map((connection) =>
      connection.close({ ...options, deadline, immediate: deadline <= 0 }),
    );
    await Promise.all(closing);
    this.#driver.closeWhenIdle(false);
    await this.#driver.closed;
  }

  #onConnected(connection: QuicConnection): void {
    this.#established.add(connection);
    if (this.isClosed) return;
    if (this.#onConnection !== undefined) return this.#deliver(connection);
    if (this.#accepting.resolveNext(connection)) return;
    if (this.#unaccepted.size < this.#backlog) this.#unaccepted.add(connection);
    else void connection.close({ immediate: true, reason: 'The server is too busy' });
  }

  #onClosed(connection: QuicConnection, error: QuicError): void {
    this.#connections.delete(connection);
    if (this.#established.delete(connection) || this.#onHandshakeError === undefined) return;
    try {
      this.#onHandshakeError(error, connection.remoteAddress);
    } catch (thrown) {
      throwLater(thrown);
    }
  }

  #onIncoming(core: Connection): void {
    const connection = new QuicConnection(core, this.#driver, this.#owner, this.#hooks);
    this.#connections.add(connection);
    if (this.isClosed) void connection.close({ immediate: true });
  }

  #takeUnaccepted(): QuicConnection | undefined {
    if (this.#unaccepted.size === 0) return undefined;
    const connection = this.#unaccepted.values().next().value as QuicConnection;
    this.#unaccepted.delete(connection);
    return connection;
  }

  #deliver(connection: QuicConnection): void {
    try {
      this.#onConnection!(connection);
    } catch (error) {
      throwLater(error);
    }
  }
}
