/** node:stream over a QUIC stream: the public edge for pipelines, with working backpressure in both directions. */
import { Duplex, type DuplexOptions } from 'node:stream';
import type { QuicError } from '@mquictt/quic-core';
import { streamResetError, streamStoppedError } from './errors.ts';
import type { QuicStream } from './stream.ts';

type Callback = (error?: Error | null) => void;

const EMPTY = new Uint8Array(0);

/** Takes over reading, writing and the callbacks of `stream`. */
export function createDuplex(stream: QuicStream): Duplex {
  return new StreamDuplex(stream);
}

class StreamDuplex extends Duplex {
  readonly #stream: QuicStream;
  /** The consumer has room, and nothing was there. */
  #wantsData: boolean = false;
  /** The rest of a chunk that did not fit, and what to call when it did. */
  #pending: Uint8Array = EMPTY;
  #pendingDone: Callback | undefined = undefined;
  /** FIN was taken. */
  #isEnded: boolean = false;
  #closeError: QuicError | undefined = undefined;

  constructor(stream: QuicStream) {
    // `readable` and `writable` turn a side off, which the type does not know.
    super({ readable: stream.isReadable, writable: stream.isWritable, decodeStrings: true } as DuplexOptions);
    this.#stream = stream;
    stream.onReadable = () => {
      if (this.#wantsData || stream.receiveState === 'reset') this.#pull();
    };
    stream.onWritable = () => this.#continueWrite();
    stream.onStopped = (errorCode) => {
      this.destroy(streamStoppedError(stream.id, errorCode));
    };
    stream.onClosed = (error) => this.#onClosed(error);
  }

  override _read(): void {
    this.#wantsData = true;
    this.#pull();
  }

  override _write(chunk: Uint8Array, _encoding: string, done: Callback): void {
    // The core keeps large chunks by reference until they are acknowledged, but node:stream lets the writer reuse them once `done` is called.
    this.#pending = new Uint8Array(chunk);
    this.#pendingDone = done;
    this.#continueWrite();
  }

  override _final(done: Callback): void {
    if (this.#closeError !== undefined) return done(this.#closeError);
    try {
      this.#stream.tryWrite(EMPTY, true);
      this.#isEnded = true;
      done();
    } catch (error) {
      done(error as Error);
    }
  }

  override _destroy(error: Error | null, done: Callback): void {
    this.#stream.onReadable = undefined;
    this.#stream.onWritable = undefined;
    this.#stream.onStopped = undefined;
    this.#stream.onClosed = undefined;
    this.#pending = EMPTY;
    const pendingDone = this.#pendingDone;
    this.#pendingDone = undefined;
    // What was ended in order is left to be delivered; what was not, the peer must not take for complete.
    if (this.#closeError === undefined) {
      if (this.#stream.isWritable && !this.#isEnded) this.#stream.reset(0);
      if (this.#stream.isReadable) this.#stream.stop(0);
    }
    pendingDone?.(error ?? this.#closeError);
    done(error);
  }

  #pull(): void {
    while (this.#wantsData) {
      const chunk = this.#stream.tryRead();
      if (chunk === undefined) break;
      if (!this.push(chunk)) this.#wantsData = false;
    }
    if (this.#stream.receiveState === 'reset') {
      this.destroy(streamResetError(this.#stream.id, this.#stream.resetCode));
    } else if (this.#wantsData && this.#stream.receiveState === 'finished') {
      this.#wantsData = false;
      this.push(null);
    } else if (this.#wantsData && this.#closeError !== undefined) {
      this.destroy(this.#closeError);
    }
  }

  #continueWrite(): void {
    const done = this.#pendingDone;
    if (done === undefined) return;
    if (this.#closeError !== undefined) {
      this.#pendingDone = undefined;
      return done(this.#closeError);
    }
    try {
      const taken = this.#stream.tryWrite(this.#pending);
      if (taken < this.#pending.length) {
        this.#pending = this.#pending.subarray(taken);
        return;
      }
    } catch (error) {
      this.#pendingDone = undefined;
      return done(error as Error);
    }
    this.#pending = EMPTY;
    this.#pendingDone = undefined;
    done();
  }

  /** What had arrived before the connection ended is still delivered; writing is over at once. */
  #onClosed(error: QuicError): void {
    this.#closeError = error;
    // Whoever closed the connection here need not be told by an 'error' of each stream; to a reader the end is premature all the same.
    if (error.fault === 'local' && error.errorCode === 0) this.destroy();
    else if (this.#pendingDone !== undefined) this.#continueWrite();
    else if (!this.#stream.isReadable || this.#stream.receiveState !== 'open') this.destroy(error);
    else if (this.#wantsData) this.#pull();
  }
}
