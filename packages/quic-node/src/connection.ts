/** One QUIC connection: streams to open, streams to accept, and an orderly end. */
import type { Connection, ConnectionEvent, ConnectionStats, QuicError } from '@mquictt/quic-core';
import { formatAddress, plainAddress, type SocketAddress } from './addresses.ts';
import type { ConnectionHandler, Driver } from './driver.ts';
import { invalidState, streamLimitError, throwLater } from './errors.ts';
import { answerHandshake, type HandshakeHooks } from './handshake-hooks.ts';
import type { ConnectionCloseOptions, OpenStreamOptions, SignalOptions } from './options.ts';
import type { Timer } from './runtime.ts';
import { QuicStream } from './stream.ts';
import type { StreamHost, StreamSink } from './stream-host.ts';
import { WaiterQueue } from './waiters.ts';

/** ms openStream() waits for credit unless told otherwise. */
const OPEN_TIMEOUT = 30_000;
/** ms close() waits for acknowledgements unless told otherwise. */
export const CLOSE_DEADLINE = 5_000;

/** Who is told of the beginning and the end of a connection. */
export interface ConnectionOwner {
  onConnected(connection: QuicConnection): void;
  onClosed(connection: QuicConnection, error: QuicError): void;
}

/** Made by connect() and by a QuicListener; never by `new`. Iterates over the streams that the peer opens. */
export class QuicConnection implements AsyncIterable<QuicStream> {
  /**
   * Settles when the connection is over, whatever the reason, and never rejects: the error says who ended it and why; undefined
   * when we did, with code 0.
   */
  readonly closed: Promise<QuicError | undefined>;

  readonly #core: Connection;
  readonly #driver: Driver;
  readonly #owner: ConnectionOwner;
  readonly #hooks: HandshakeHooks;
  readonly #host: StreamHost;
  readonly #streams = new Map<number, StreamSink>();
  /**
   * Opened by the peer and not yet accepted, in that order. The peer's stream limits bound it, as one that is reset in the meantime, and
   * thus gives its credit back, is taken out.
   */
  readonly #unaccepted = new Map<number, QuicStream>();
  readonly #accepting = new WaiterQueue<QuicStream | undefined>();
  readonly #openingBidirectional = new WaiterQueue<QuicStream>();
  readonly #openingUnidirectional = new WaiterQueue<QuicStream>();
  #onStream: ((stream: QuicStream) => void) | undefined = undefined;
  readonly #closeWhenDrained = (): void => {
    if (this.#core.isDrained) this.#closeNow();
  };
  #resolveClosed: (error: QuicError | undefined) => void = () => {};
  #closePromise: Promise<void> | undefined = undefined;
  #closeCode: number = 0;
  #closeReason: string = '';
  #closeTimer: Timer | undefined = undefined;
  #wasConnected: boolean = false;
  #isClosed: boolean = false;

  /** @internal */
  constructor(core: Connection, driver: Driver, owner: ConnectionOwner, hooks: HandshakeHooks = {}) {
    this.#core = core;
    this.#driver = driver;
    this.#owner = owner;
    this.#hooks = hooks;
    this.#host = {
      core,
      wake: () => driver.wake(),
      adopt: (id, sink) => void this.#streams.set(id, sink),
      forget: (id) => {
        this.#streams.delete(id);
        this.#unaccepted.delete(id);
      },
    };
    this.closed = new Promise((resolve) => {
      this.#resolveClosed = resolve;
    });
    const handler: ConnectionHandler = (event) => this.#onEvent(event);
    core.context = handler;
    driver.connectionStarted();
  }

  /** The peer's address on the current path: a client may move. */
  get remoteAddress(): SocketAddress {
    return { host: plainAddress(this.#core.remoteAddress), port: this.#core.remotePort };
  }

  /** Our address as the socket is bound; `0.0.0.0` or `::` where it is bound to all. */
  get localAddress(): SocketAddress {
    return this.#driver.address;
  }

  /** The application protocol both sides agreed on. */
  get alpnProtocol(): string {
    return this.#core.alpnProtocol ?? '';
  }

  /** The name the client asked for (SNI); undefined on a server that was asked for none, as by a client that dialled an IP address. */
  get serverName(): string | undefined {
    return this.#core.serverName;
  }

  /** DER certificates of the peer, leaf first; empty for a client without one. Of a client whose session was resumed only the leaf is known. */
  get peerCertificates(): readonly Uint8Array[] {
    return this.#core.peerCertificates;
  }

  /** What this server's judge called the client, now or when the resumed session began; undefined where it was not asked, and on a client. */
  get peerIdentity(): string | undefined {
    return this.#core.peerIdentity;
  }

  /** Whether a session of an earlier connection was resumed: no certificates were exchanged then, and nobody was judged again. */
  get isResumed(): boolean {
    return this.#core.isResumed;
  }

  /** Whether this side made the connection. */
  get isClient(): boolean {
    return this.#core.isClient;
  }

  /** Why it ended; undefined while it lives. Set as well when this side ended it, for whoever was still waiting. */
  get closeError(): QuicError | undefined {
    return this.#core.closeError;
  }

  /** Streams that are in use on either side. */
  get streamCount(): number {
    return this.#streams.size;
  }

  /**
   * Is called, in the driver's turn, with each stream that the peer opens, instead of acceptStream(); streams that came earlier are
   * delivered when it is set.
   */
  get onStream(): ((stream: QuicStream) => void) | undefined {
    return this.#onStream;
  }

  set onStream(callback: ((stream: QuicStream) => void) | undefined) {
    this.#onStream = callback;
    while (this.#onStream !== undefined) {
      const stream = this.#takeUnaccepted();
      if (stream === undefined) return;
      this.#deliver(stream);
    }
  }

  /**
   * Opens a stream, and waits where the peer allows no more of them at the moment; first come, first served.
   *
   * @throws QuicError ERR_QUIC_STREAM_LIMIT after the timeout, ERR_QUIC_INVALID_STATE while closing, or the connection's error;
   *   `signal.reason` when aborted
   */
  openStream(options: OpenStreamOptions = {}): Promise<QuicStream> {
    const { bidirectional = true, signal, timeout = OPEN_TIMEOUT, urgency } = options;
    if (signal?.aborted === true) return Promise.reject(signal.reason);
    const error = this.#unusable();
    if (error !== undefined) return Promise.reject(error);
    const stream = this.tryOpenStream(bidirectional);
    if (stream !== undefined) {
      if (urgency !== undefined) stream.setPriority(urgency);
      return Promise.resolve(stream);
    }
    const runtime = this.#driver.runtime;
    const waiting = this.#opening(bidirectional).wait(undefined, {
      signal,
      timeout: {
        runtime,
        timeout,
        error: () => streamLimitError(formatAddress(this.remoteAddress), bidirectional, timeout),
      },
    });
    if (urgency === undefined) return waiting;
    return waiting.then((stream) => {
      stream.setPriority(urgency);
      return stream;
    });
  }

  /** Opens a stream now. @returns undefined when the peer allows no more of them, others wait already, or the connection is ending */
  tryOpenStream(bidirectional: boolean = true): QuicStream | undefined {
    if (this.#unusable() !== undefined || this.#opening(bidirectional).size > 0) return undefined;
    return this.#open(bidirectional);
  }

  /**
   * The next stream that the peer opens. One that the peer gave up altogether before it was accepted does not come.
   * @returns undefined once the connection is over (closeError says why)
   */
  acceptStream(options: SignalOptions = {}): Promise<QuicStream | undefined> {
    if (options.signal?.aborted === true) return Promise.reject(options.signal.reason);
    const stream = this.#takeUnaccepted();
    if (stream !== undefined || this.#isClosed) return Promise.resolve(stream);
    return this.#accepting.wait(undefined, options);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<QuicStream, void, undefined> {
    for (let stream = await this.acceptStream(); stream !== undefined; stream = await this.acceptStream()) yield stream;
  }

  /** Asks the peer for a sign of life; its acknowledgement keeps the connection from idling out. */
  ping(): void {
    if (this.#isClosed) return;
    this.#core.ping();
    this.#driver.wake();
  }

  /** Changes the packet keys (RFC 9001 §6). @returns false while that is not yet allowed */
  updateKeys(): boolean {
    if (this.#isClosed) return false;
    const started = this.#core.updateKeys();
    if (started) this.#driver.wake();
    return started;
  }

  /**
   * Secrets that this connection's two ends know and nobody else, e.g. to bind an application's login to it (RFC 8446 §7.5, RFC 9266).
   *
   * @param context both ends must give the same; none is the same as an empty one
   * @param length bytes, up to 8,160
   */
  exportKeyingMaterial(label: string, context: Uint8Array, length: number): Uint8Array {
    return this.#core.exportKeyingMaterial(label, context, length);
  }

  /** Counters as they are now. */
  stats(): ConnectionStats {
    return this.#core.stats();
  }

  /**
   * Ends the connection: waits until the peer has acknowledged everything that was written, at most until the deadline, then tells
   * it. New streams are not opened any more. A second call changes nothing, but may make the end immediate.
   *
   * @returns once the peer has been told, or the connection is over for another reason; never rejects
   */
  close(options: ConnectionCloseOptions = {}): Promise<void> {
    if (this.#closePromise === undefined) {
      this.#closePromise = this.closed.then(() => undefined);
      this.#closeCode = options.errorCode ?? 0;
      this.#closeReason = options.reason ?? '';
      const error = invalidState('The connection is being closed by this side');
      this.#openingBidirectional.rejectAll(error);
      this.#openingUnidirectional.rejectAll(error);
      // Before the handshake is complete nobody has anything to wait for.
      if (this.#core.isConnected && options.immediate !== true) this.#startDraining(options.deadline ?? CLOSE_DEADLINE);
      else this.#closeNow();
    } else if (options.immediate === true) {
      this.#closeNow();
    }
    return this.#closePromise;
  }

  #onEvent(event: ConnectionEvent): void {
    switch (event.type) {
      case 'connected':
        this.#wasConnected = true;
        return this.#owner.onConnected(this);
      case 'judge-peer-chain':
      case 'choose-certificate':
      case 'look-up-ticket':
      case 'session':
        return answerHandshake(this.#core, event, this.#hooks, this.remoteAddress, this.#host.wake);
      case 'stream-opened':
        return this.#streamOpened(event.id);
      case 'stream-readable':
        return this.#streams.get(event.id)?.onEvent('readable', 0);
      case 'stream-writable':
        return this.#streams.get(event.id)?.onEvent('writable', 0);
      case 'stream-finished':
        return this.#streams.get(event.id)?.onEvent('finished', 0);
      case 'stream-stopped':
        return this.#streams.get(event.id)?.onEvent('stopped', event.errorCode);
      case 'streams-available':
        return this.#streamsAvailable(event.bidirectional);
      case 'closed':
        return this.#onClosed(event.error);
    }
  }

  #startDraining(deadline: number): void {
    this.#driver.watch(this.#closeWhenDrained);
    this.#closeTimer = this.#driver.runtime.createTimer(() => this.#closeNow());
    this.#closeTimer.set(this.#driver.runtime.now() + deadline);
    this.#driver.wake();
  }

  #closeNow(): void {
    this.#closeTimer?.clear();
    this.#driver.unwatch(this.#closeWhenDrained);
    if (this.#isClosed || this.#core.closeError !== undefined) return;
    this.#core.close(this.#closeCode, this.#closeReason);
    this.#driver.wake();
  }

  #onClosed(error: QuicError): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#closeTimer?.clear();
    this.#driver.unwatch(this.#closeWhenDrained);
    this.#openingBidirectional.rejectAll(error);
    this.#openingUnidirectional.rejectAll(error);
    for (const sink of this.#streams.values()) sink.onClosed(error);
    this.#streams.clear();
    this.#accepting.resolveAll(undefined);
    const isOurs = error.fault === 'local' && error.code === 'ERR_QUIC_APPLICATION_CLOSE' && error.errorCode === 0;
    this.#resolveClosed(isOurs ? undefined : error);
    this.#owner.onClosed(this, error);
    this.#driver.connectionEnded(this.#mayHaveToRepeat(error));
  }

  /**
   * Whether the peer may have missed the end, and asks on (RFC 9000 §10.2.1): not where it closed by itself (what we found wrong with it
   * has a cause), lost its state, is silent, or never got through the handshake.
   */
  #mayHaveToRepeat(error: QuicError): boolean {
    if (error.fault === 'timeout' || error.code === 'ERR_QUIC_STATELESS_RESET') return false;
    if (error.fault === 'peer' && error.cause === undefined) return false;
    return this.isClient ? this.#core.stats().datagramsReceived > 0 : this.#wasConnected;
  }

  #streamOpened(id: number): void {
    const stream = new QuicStream(this, this.#host, id, false);
    if (this.#onStream !== undefined) this.#deliver(stream);
    else if (!this.#accepting.resolveNext(stream)) this.#unaccepted.set(id, stream);
  }

  #deliver(stream: QuicStream): void {
    try {
      this.#onStream!(stream);
    } catch (error) {
      throwLater(error);
    }
  }

  #takeUnaccepted(): QuicStream | undefined {
    if (this.#unaccepted.size === 0) return undefined;
    const stream = this.#unaccepted.values().next().value as QuicStream;
    this.#unaccepted.delete(stream.id);
    return stream;
  }

  #open(bidirectional: boolean): QuicStream | undefined {
    const id = this.#core.openStream(bidirectional);
    if (id < 0) return undefined;
    const stream = new QuicStream(this, this.#host, id, true);
    return stream;
  }

  #opening(bidirectional: boolean): WaiterQueue<QuicStream> {
    return bidirectional ? this.#openingBidirectional : this.#openingUnidirectional;
  }

  #streamsAvailable(bidirectional: boolean): void {
    const waiters = this.#opening(bidirectional);
    while (waiters.size > 0) {
      const stream = this.#open(bidirectional);
      if (stream === undefined) return;
      waiters.resolveNext(stream);
    }
  }

  #unusable(): QuicError | undefined {
    if (this.#core.closeError !== undefined) return this.#core.closeError;
    return this.#closePromise === undefined ? undefined : invalidState('The connection is being closed by this side');
  }
}
