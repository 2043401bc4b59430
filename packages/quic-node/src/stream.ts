/**
 * One QUIC stream in two layers over the same state: promises (read, write, end, for await) for programs, and a synchronous pull
 * layer (tryRead, tryWrite and callbacks) for protocols that move many small messages and cannot pay a promise for each.
 *
 * The core may forget a stream as soon as both of its halves are done; what the application may still ask for (how the peer ended
 * it) is therefore remembered here.
 */
import type { Duplex } from 'node:stream';
import { QuicError, type ReceiveState } from '@mquictt/quic-core';
import type { QuicConnection } from './connection.ts';
import { createDuplex } from './duplex.ts';
import { invalidState, streamResetError, streamStoppedError, throwLater } from './errors.ts';
import type { SignalOptions } from './options.ts';
import type { StreamHost } from './stream-host.ts';
import { WaiterQueue } from './waiters.ts';

/** Bytes of a write() that the core has not taken yet. */
interface PendingWrite {
  readonly data: Uint8Array;
  readonly fin: boolean;
  offset: number;
}

/** `ended`: FIN was accepted. `finished`: and acknowledged. `reset`: by us. `stopped`: by the peer. */
type SendState = 'open' | 'ended' | 'finished' | 'reset' | 'stopped';

const EMPTY = new Uint8Array(0);

/** Made by openStream(), tryOpenStream() and by the peer; never by `new`. */
export class QuicStream implements AsyncIterable<Uint8Array> {
  /** Stream ID (RFC 9000 §2.1). */
  readonly id: number;
  /** Whether both sides send; otherwise only the one that opened it does. */
  readonly bidirectional: boolean;
  /** Whether we opened it. */
  readonly isLocal: boolean;
  /** The connection that carries it. */
  readonly connection: QuicConnection;

  /** New data, the end or a reset can be read. Called from the driver's turn; read until tryRead() says undefined. */
  onReadable: (() => void) | undefined = undefined;
  /** tryWrite() had taken less than it was given, and now takes more. */
  onWritable: (() => void) | undefined = undefined;
  /** Everything written, FIN included, has been acknowledged. */
  onFinished: (() => void) | undefined = undefined;
  /** The peer does not want to read on; nothing can be written any more. */
  onStopped: ((errorCode: number) => void) | undefined = undefined;
  /** The connection ended while this stream was in use. What had arrived can still be read. */
  onClosed: ((error: QuicError) => void) | undefined = undefined;

  readonly #host: StreamHost;
  readonly #reads = new WaiterQueue<Uint8Array | undefined>();
  readonly #writes = new WaiterQueue<void, PendingWrite>();
  readonly #ends = new WaiterQueue<void>();
  #receiveState: ReceiveState;
  #resetCode: number = -1;
  #sendState: SendState;
  #stopCode: number = -1;
  #closeError: QuicError | undefined = undefined;

  /** @internal */
  constructor(connection: QuicConnection, host: StreamHost, id: number, isLocal: boolean) {
    this.connection = connection;
    this.#host = host;
    this.id = id;
    this.isLocal = isLocal;
    // RFC 9000 §2.1: bit 0x02 tells unidirectional streams.
    this.bidirectional = (id & 0x02) === 0;
    this.#receiveState = this.bidirectional || !isLocal ? 'open' : 'finished';
    this.#sendState = this.bidirectional || isLocal ? 'open' : 'finished';
    host.adopt(id, {
      onEvent: (type, errorCode) => this.#onEvent(type, errorCode),
      onClosed: (error) => this.#onConnectionClosed(error),
    });
  }

  /** Whether this side may read at all. */
  get isReadable(): boolean {
    return this.bidirectional || !this.isLocal;
  }

  /** Whether this side may write at all. */
  get isWritable(): boolean {
    return this.bidirectional || this.isLocal;
  }

  /** `finished` once everything was read, `reset` once the peer gave up (see resetCode). */
  get receiveState(): ReceiveState {
    return this.#receiveState;
  }

  /** The code with which the peer gave up sending, -1 when it did not. */
  get resetCode(): number {
    return this.#resetCode;
  }

  /** Bytes that tryWrite() would take now; 0 once nothing can be written any more. */
  get writableBytes(): number {
    if (this.#sendState !== 'open' || this.#writes.size > 0 || this.#closeError !== undefined) return 0;
    return this.#host.core.writableBytes(this.id);
  }

  /**
   * The next bytes in order.
   *
   * @returns a chunk of any size that belongs to the caller, or undefined at the end
   * @throws QuicError ERR_QUIC_STREAM_RESET with the peer's errorCode, or the connection's error; `signal.reason` when aborted
   */
  read(options: SignalOptions = {}): Promise<Uint8Array | undefined> {
    if (options.signal?.aborted === true) return Promise.reject(options.signal.reason);
    if (!this.isReadable) return Promise.reject(invalidState(`Stream ${this.id} has no receiving side here`));
    if (this.#reads.size === 0) {
      const chunk = this.tryRead();
      if (chunk !== undefined) return Promise.resolve(chunk);
      if (this.#receiveState === 'finished') return Promise.resolve(undefined);
      if (this.#receiveState === 'reset') return Promise.reject(streamResetError(this.id, this.#resetCode));
      if (this.#closeError !== undefined) return Promise.reject(this.#closeError);
    }
    return this.#reads.wait(undefined, options);
  }

  /**
   * Sends bytes in order. Chunks of 4 KiB and more are not copied: they must not change until end() or a later close has been
   * acknowledged. A rejection that nobody handles is not reported: read(), end() and the connection say the same.
   *
   * @returns once all bytes were accepted: the wait is the backpressure
   * @throws QuicError ERR_QUIC_STREAM_STOPPED with the peer's errorCode, ERR_QUIC_INVALID_STATE after end() or reset(), or the connection's
   *   error; `signal.reason` when aborted, in which case a part may have been sent and only reset() leaves the peer in no doubt
   */
  write(data: Uint8Array, options: SignalOptions = {}): Promise<void> {
    return handled(this.#enqueue(data, false, options));
  }

  /**
   * Ends our side (FIN), after `data` if given.
   *
   * @returns once the peer has acknowledged everything
   * @throws like write()
   */
  end(data: Uint8Array = EMPTY): Promise<void> {
    const accepted = this.#enqueue(data, true, {});
    return handled(
      accepted.then(() => {
        if (this.#sendState === 'finished') return undefined;
        const error = this.#writeError(true);
        return error === undefined ? this.#ends.wait(undefined) : Promise.reject(error);
      }),
    );
  }

  /** Chunks until the end. Leaving the loop early asks the peer to stop sending. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      for (let chunk = await this.read(); chunk !== undefined; chunk = await this.read()) yield chunk;
    } finally {
      if (this.#receiveState === 'open') this.stop();
    }
  }

  /**
   * The next bytes without waiting. Reading is what lets the peer send more.
   *
   * @returns a chunk that belongs to the caller, or undefined when there is nothing now: receiveState tells whether more can come
   */
  tryRead(): Uint8Array | undefined {
    if (this.#receiveState !== 'open') return undefined;
    const chunk = this.#host.core.readStream(this.id);
    if (chunk !== undefined) {
      this.#host.wake();
      return chunk;
    }
    this.#noteReceiveState();
    return undefined;
  }

  /**
   * Writes without waiting. See write() for how long the bytes must not change.
   *
   * @param fin ends our side; counts only when all of data was taken
   * @returns bytes taken, 0..data.length; fewer than given means that onWritable follows. 0 once the peer stopped the stream or the
   *   connection ended
   * @throws QuicError ERR_QUIC_INVALID_STATE after the end or reset()
   */
  tryWrite(data: Uint8Array, fin: boolean = false): number {
    if (this.#sendState !== 'open') {
      if (this.#sendState === 'stopped') return 0;
      throw this.#writeError(false)!;
    }
    // Bytes of an earlier write() go first.
    if (this.#closeError !== undefined || this.#writes.size > 0) return 0;
    return this.#push(data, fin);
  }

  /**
   * Gives up sending; what is not acknowledged is lost. No effect once our side has been acknowledged, stopped or reset.
   * @param errorCode the application's code for the peer. @default 0
   */
  reset(errorCode: number = 0): void {
    if (this.#sendState !== 'open' && this.#sendState !== 'ended') return;
    this.#sendState = 'reset';
    this.#host.core.resetStream(this.id, errorCode);
    this.#host.wake();
    this.#failWrites(invalidState(`Stream ${this.id} was reset by this side with code ${errorCode}`));
    this.#forgetIfDone();
  }

  /**
   * Asks the peer to stop sending, and throws away what arrived. Waiting reads see the end. No effect once everything was read.
   * @param errorCode the application's code for the peer. @default 0
   */
  stop(errorCode: number = 0): void {
    if (this.#receiveState !== 'open') return;
    this.#receiveState = 'finished';
    this.#host.core.stopSending(this.id, errorCode);
    this.#host.wake();
    this.#reads.resolveAll(undefined);
    this.#forgetIfDone();
  }

  /** @param urgency 0 (sent first) .. 7 (last); streams begin with 3 */
  setPriority(urgency: number): void {
    this.#host.core.setPriority(this.id, urgency);
  }

  /**
   * A node:stream over this stream with backpressure in both directions; it takes over reading, writing and the callbacks. Its end is
   * our FIN, destroying it early resets and stops the stream, and a reset, a stop or the connection's end destroys it.
   */
  toDuplex(): Duplex {
    return createDuplex(this);
  }

  #onEvent(type: 'readable' | 'writable' | 'finished' | 'stopped', errorCode: number): void {
    switch (type) {
      case 'readable':
        this.#serveReads();
        if (this.#receiveState === 'open') this.#noteReset();
        this.#call(this.onReadable);
        return;
      case 'writable':
        this.#serveWrites();
        if (this.#writes.size === 0) this.#call(this.onWritable);
        return;
      case 'finished':
        if (this.#sendState !== 'open' && this.#sendState !== 'ended') return;
        this.#sendState = 'finished';
        this.#ends.resolveAll();
        this.#forgetIfDone();
        this.#call(this.onFinished);
        return;
      case 'stopped':
        if (this.#sendState !== 'open' && this.#sendState !== 'ended') return;
        this.#sendState = 'stopped';
        this.#stopCode = errorCode;
        this.#failWrites(streamStoppedError(this.id, errorCode));
        this.#forgetIfDone();
        if (this.onStopped !== undefined) this.#call(() => this.onStopped?.(errorCode));
    }
  }

  #onConnectionClosed(error: QuicError): void {
    this.#serveReads();
    this.#closeError = error;
    this.#reads.rejectAll(error);
    this.#failWrites(error);
    if (this.onClosed !== undefined) this.#call(() => this.onClosed?.(error));
  }

  #enqueue(data: Uint8Array, fin: boolean, options: SignalOptions): Promise<void> {
    if (options.signal?.aborted === true) return Promise.reject(options.signal.reason);
    const error = checkBytes(data) ?? this.#writeError(false);
    if (error !== undefined) return Promise.reject(error);
    const pending: PendingWrite = { data, fin, offset: 0 };
    if (this.#writes.size === 0 && this.#pushPending(pending)) return Promise.resolve();
    return this.#writes.wait(pending, options);
  }

  #serveWrites(): void {
    for (let waiter = this.#writes.first(); waiter !== undefined; waiter = this.#writes.first()) {
      if (this.#sendState !== 'open') return waiter.reject(this.#writeError(false));
      if (!this.#pushPending(waiter.payload)) return;
      waiter.resolve();
    }
  }

  /** @returns whether all of it was taken */
  #pushPending(pending: PendingWrite): boolean {
    const rest = pending.offset === 0 ? pending.data : pending.data.subarray(pending.offset);
    pending.offset += this.#push(rest, pending.fin);
    return pending.offset === pending.data.length && (!pending.fin || this.#sendState === 'ended');
  }

  #push(data: Uint8Array, fin: boolean): number {
    let taken = 0;
    try {
      taken = this.#host.core.writeStream(this.id, data, fin);
    } catch (error) {
      // Our side is open, but the core knows better: the peer stopped the stream or the connection is over, and the event that says so
      // is on its way.
      if (error instanceof QuicError && error.code === 'ERR_QUIC_INVALID_STATE') return 0;
      throw error;
    }
    if (taken > 0 || fin) this.#host.wake();
    if (fin && taken === data.length && this.#host.core.closeError === undefined) this.#sendState = 'ended';
    return taken;
  }

  #serveReads(): void {
    while (this.#reads.size > 0) {
      const chunk = this.tryRead();
      if (chunk !== undefined) this.#reads.resolveNext(chunk);
      else if (this.#receiveState === 'finished') this.#reads.resolveAll(undefined);
      else if (this.#receiveState === 'reset') this.#reads.rejectAll(streamResetError(this.id, this.#resetCode));
      else return;
    }
  }

  #noteReceiveState(): void {
    const state = this.#host.core.receiveState(this.id);
    if (state === 'open') return;
    this.#receiveState = state;
    if (state === 'reset') this.#resetCode = this.#host.core.resetCode(this.id);
    this.#forgetIfDone();
  }

  /** A reset counts at once; an end only after everything before it was read. */
  #noteReset(): void {
    if (this.#host.core.receiveState(this.id) !== 'reset') return;
    // Reading is what tells the core that the reset was seen, and lets it forget the stream.
    this.#host.core.readStream(this.id);
    this.#noteReceiveState();
  }

  /** Why nothing can be written; undefined while it can. @param ended whether FIN is fine, since it is its acknowledgement that is awaited */
  #writeError(ended: boolean): QuicError | undefined {
    if (this.#sendState === 'stopped') return streamStoppedError(this.id, this.#stopCode);
    if (this.#sendState === 'reset') return invalidState(`Stream ${this.id} was reset by this side`);
    if (!this.isWritable) return invalidState(`Stream ${this.id} has no sending side here`);
    if (this.#sendState === 'finished' || (this.#sendState === 'ended' && !ended)) {
      return invalidState(`Stream ${this.id} was ended before`);
    }
    return this.#closeError;
  }

  #failWrites(error: QuicError): void {
    this.#writes.rejectAll(error);
    this.#ends.rejectAll(error);
  }

  #forgetIfDone(): void {
    if (this.#receiveState !== 'open' && this.#sendState !== 'open' && this.#sendState !== 'ended') {
      this.#host.forget(this.id);
    }
  }

  #call(callback: (() => void) | undefined): void {
    if (callback === undefined) return;
    try {
      callback();
    } catch (error) {
      throwLater(error);
    }
  }
}

/** Programs write several times and await only the last: the others' rejections must not end the process. */
function handled(promise: Promise<void>): Promise<void> {
  promise.catch(() => {});
  return promise;
}

function checkBytes(data: unknown): QuicError | undefined {
  if (data instanceof Uint8Array) return undefined;
  return new QuicError('ERR_QUIC_INVALID_ARGUMENT', `data expected Uint8Array, got ${typeof data}`, { fault: 'usage' });
}
