/**
 * The driver: one core endpoint, its UDP sockets and its one timer.
 *
 * Datagrams of one poll phase are collected and processed in one turn; commands ask for a turn, so that everything that is written
 * in one tick shares packets. A turn is
 *
 *   datagrams in, deadlines, events to their handlers, datagrams out, timer
 *
 * with one clock reading and nothing asynchronous inside. Commands that handlers give during a turn are sent in the same turn.
 *
 * What throws here is a bug, and must not take the process and its other connections along: it is caught, counted in internalErrors,
 * and where it belongs to a single connection, that connection is closed.
 */
import type { Connection, ConnectionEvent, DatagramBatch, Endpoint } from '@mquictt/quic-core';
import type { SocketAddress } from './addresses.ts';
import { returnBatch, takeBatch } from './batch-pool.ts';
import type { Runtime, Timer, UdpSocket } from './runtime.ts';

/** Datagrams after which a turn stops sending and asks for another, so that acknowledgements get a hearing in between. */
const MAX_DATAGRAMS_PER_TURN = 512;
/** ms that a socket stays open after its last connection was closed by us, to repeat that to a peer that missed it (RFC 9000 §10.2.1). */
const MAX_LINGER = 1_000;
/** ms until the next look at a deadline that cannot be served while the socket is full, or after a turn that failed. */
const RETRY_DELAY = 5;

/** Takes one event of a connection, in the driver's turn. It hangs on the context of the core's connection. */
export type ConnectionHandler = (event: ConnectionEvent) => void;

export interface DriverSocketOptions {
  readonly address: string;
  readonly port: number;
  readonly receiveBufferSize?: number | undefined;
  readonly sendBufferSize?: number | undefined;
}

export class Driver {
  readonly runtime: Runtime;
  readonly endpoint: Endpoint;
  /** Settles when the sockets are closed. */
  readonly closed: Promise<void>;
  /** Exceptions that escaped from the core or a handler; 0 unless there is a bug. */
  internalErrors: number = 0;
  /** The last of them. */
  lastInternalError: unknown = undefined;
  /** Datagrams dropped because they came while the endpoint was at work, or from an impossible address. */
  droppedDatagrams: number = 0;
  /** A client's first packet was accepted: the receiver hangs a handler on the connection's context. */
  onIncoming: ((connection: Connection) => void) | undefined = undefined;
  /** A socket died; no connection over it can go on. */
  onSocketError: ((error: Error) => void) | undefined = undefined;

  readonly #sockets: UdpSocket[] = [];
  readonly #timer: Timer;
  readonly #watchers = new Set<() => void>();
  readonly #turn: () => void = () => this.#runTurn();
  #incoming: DatagramBatch | undefined = undefined;
  /** Datagrams that the socket had no room for, from #unsentFrom on. */
  #unsent: DatagramBatch | undefined = undefined;
  #unsentFrom: number = 0;
  #isScheduled: boolean = false;
  /** While set, a turn is under way that will still send: a command needs no further turn. */
  #willSend: boolean = false;
  #isHandling: boolean = false;
  #hasFailed: boolean = false;
  #connectionCount: number = 0;
  #closeWhenIdle: boolean = false;
  #detachWhenIdle: boolean = false;
  #mustLinger: boolean = false;
  #lingerUntil: number = Infinity;
  #isClosed: boolean = false;
  #resolveClosed: () => void = () => {};

  constructor(runtime: Runtime, endpoint: Endpoint) {
    this.runtime = runtime;
    this.endpoint = endpoint;
    this.#timer = runtime.createTimer(this.#turn);
    this.closed = new Promise((resolve) => {
      this.#resolveClosed = resolve;
    });
  }

  /** Address of the first socket. */
  get address(): SocketAddress {
    const socket = this.#sockets[0];
    return socket === undefined ? { host: '', port: 0 } : { host: socket.address, port: socket.port };
  }

  /** Connections that have not ended. */
  get connectionCount(): number {
    return this.#connectionCount;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Opens one more socket; the core knows them by their number, from 0. */
  async bind(options: DriverSocketOptions): Promise<void> {
    const number = this.#sockets.length;
    const socket = await this.runtime.bind({
      address: options.address,
      port: options.port,
      ...(options.receiveBufferSize === undefined ? {} : { receiveBufferSize: options.receiveBufferSize }),
      ...(options.sendBufferSize === undefined ? {} : { sendBufferSize: options.sendBufferSize }),
      onDatagram: (data, address, port) => this.#onDatagram(data, number, address, port),
      onWritable: () => this.#onWritable(),
      onError: (error) => this.#onSocketDied(error),
    });
    if (this.#isClosed) await socket.close();
    else this.#sockets.push(socket);
  }

  /** A command was given: there will be a turn. */
  wake(): void {
    if (this.#isScheduled || this.#willSend || this.#isClosed) return;
    this.#isScheduled = true;
    this.runtime.schedule(this.#turn);
  }

  /** Calls `watcher` in each turn, after its events, until unwatch(): for what has no event. */
  watch(watcher: () => void): void {
    this.#watchers.add(watcher);
  }

  unwatch(watcher: () => void): void {
    this.#watchers.delete(watcher);
  }

  connectionStarted(): void {
    this.#connectionCount++;
  }

  /** @param mustLinger the peer may have to be told again, should it have missed that we closed */
  connectionEnded(mustLinger: boolean): void {
    this.#connectionCount--;
    if (mustLinger) this.#mustLinger = true;
  }

  /**
   * From now on the sockets close with the last connection.
   * @param detach do not keep the process alive for what remains to be said after that
   */
  closeWhenIdle(detach: boolean): void {
    this.#closeWhenIdle = true;
    this.#detachWhenIdle = detach;
    this.wake();
  }

  /** Closes the sockets now, whatever lives. */
  shutDown(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#timer.clear();
    this.#watchers.clear();
    if (this.#incoming !== undefined) returnBatch(this.#incoming);
    // A batch that the system still reads from is left to the garbage collector.
    this.#incoming = undefined;
    this.#unsent = undefined;
    void Promise.all(this.#sockets.map((socket) => socket.close())).then(this.#resolveClosed, this.#resolveClosed);
  }

  #onDatagram(data: Uint8Array, socket: number, address: string, port: number): void {
    if (this.#isClosed || data.length === 0) return;
    // Port 0 cannot be answered; a forged source address may well carry it.
    if (port === 0 || this.#isHandling) {
      this.droppedDatagrams++;
      return;
    }
    this.#incoming ??= takeBatch();
    if (!this.#incoming.push(data, socket, address, port, 0)) {
      this.#handleIncoming(this.runtime.now());
      if (!this.#incoming.push(data, socket, address, port, 0)) this.droppedDatagrams++;
    }
    if (!this.#isScheduled) {
      this.#isScheduled = true;
      this.runtime.schedule(this.#turn);
    }
  }

  #onWritable(): void {
    if (this.#isClosed) return;
    if (this.#unsent !== undefined) this.#sendRest(this.#unsent);
    this.wake();
  }

  #runTurn(): void {
    this.#isScheduled = false;
    if (this.#isClosed) return;
    const now = this.runtime.now();
    this.#hasFailed = false;
    this.#willSend = true;
    if (this.#incoming !== undefined) {
      this.#handleIncoming(now);
      returnBatch(this.#incoming);
      this.#incoming = undefined;
    }
    this.#handleTimeout(now);
    this.#drainEvents();
    for (const watcher of this.#watchers) watcher();
    this.#drainEvents();
    this.#willSend = false;
    this.#transmit(now);
    // Sending may have brought news, such as room for more; what is done about it belongs to another turn.
    this.#drainEvents();
    this.#finish(now);
  }

  #handleIncoming(now: number): void {
    const batch = this.#incoming!;
    this.#isHandling = true;
    try {
      this.endpoint.handleDatagrams(batch, now);
    } catch (error) {
      this.#internalError(error);
    }
    this.#isHandling = false;
    batch.clear();
  }

  #handleTimeout(now: number): void {
    try {
      if (now >= this.endpoint.nextTimeout()) this.endpoint.handleTimeout(now);
    } catch (error) {
      this.#internalError(error);
    }
  }

  #drainEvents(): void {
    for (;;) {
      let event;
      try {
        event = this.endpoint.nextEvent();
      } catch (error) {
        this.#internalError(error);
        return;
      }
      if (event === undefined) return;
      const connection = event.connection;
      try {
        if (event.type === 'incoming') this.onIncoming?.(connection);
        const handler = connection.context as ConnectionHandler | undefined;
        // News of a connection that was not announced yet waits for the announcement.
        if (handler === undefined) continue;
        for (let news = connection.nextEvent(); news !== undefined; news = connection.nextEvent()) handler(news);
      } catch (error) {
        this.#internalError(error);
        this.#abandon(connection);
      }
    }
  }

  /** Ends a connection whose state can no longer be trusted. */
  #abandon(connection: Connection): void {
    try {
      connection.close(0, 'internal error');
    } catch (error) {
      this.#internalError(error);
    }
  }

  #transmit(now: number): void {
    if (this.#unsent !== undefined) return;
    const batch = takeBatch();
    try {
      let sent = 0;
      while (this.endpoint.pollTransmit(batch, now) > 0) {
        sent += batch.count;
        if (!this.#send(batch, 0)) return;
        batch.clear();
        if (sent >= MAX_DATAGRAMS_PER_TURN) {
          this.wake();
          break;
        }
      }
    } catch (error) {
      this.#internalError(error);
      batch.clear();
    }
    returnBatch(batch);
  }

  /** @returns false when the socket is full: the batch is kept as it is, and the rest goes when there is room */
  #send(batch: DatagramBatch, from: number): boolean {
    const count = batch.count;
    let start = from;
    while (start < count) {
      const number = batch.socket[start]!;
      let end = start + 1;
      while (end < count && batch.socket[end] === number) end++;
      const socket = this.#sockets[number];
      if (socket === undefined) {
        start = end;
        continue;
      }
      // The socket takes what is from `start` up to the batch's count: for the while this run is all there is.
      batch.count = end;
      const taken = socket.send(batch, start);
      batch.count = count;
      start += taken;
      if (start < end) {
        this.#unsent = batch;
        this.#unsentFrom = start;
        return false;
      }
    }
    return true;
  }

  #sendRest(batch: DatagramBatch): void {
    this.#unsent = undefined;
    if (this.#send(batch, this.#unsentFrom)) returnBatch(batch);
  }

  #finish(now: number): void {
    if (this.#closeWhenIdle && this.#connectionCount === 0 && !this.#isScheduled && this.#canClose(now)) {
      this.shutDown();
      return;
    }
    let deadline = Infinity;
    try {
      deadline = this.endpoint.nextTimeout();
    } catch (error) {
      this.#internalError(error);
    }
    deadline = Math.min(deadline, this.#lingerUntil);
    // Nothing can be sent while the socket is full, and a failed turn would fail again at once: do not spin on what is overdue.
    if (this.#unsent !== undefined || this.#hasFailed) deadline = Math.max(deadline, now + RETRY_DELAY);
    if (deadline < Infinity) this.#timer.set(deadline);
    else this.#timer.clear();
  }

  #canClose(now: number): boolean {
    if (!this.#mustLinger || this.endpoint.connectionCount === 0 || now >= this.#lingerUntil) return true;
    if (this.#lingerUntil === Infinity) {
      this.#lingerUntil = now + MAX_LINGER;
      if (this.#detachWhenIdle) for (const socket of this.#sockets) socket.unref?.();
    }
    return false;
  }

  #onSocketDied(error: Error): void {
    if (this.#isClosed) return;
    this.onSocketError?.(error);
  }

  #internalError(error: unknown): void {
    this.internalErrors++;
    this.lastInternalError = error;
    this.#hasFailed = true;
  }
}
