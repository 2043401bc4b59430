/** The one stream of a connection that has no others: what TCP, TLS and WebSocket connections have in common. */
import { SOCKET_SEND_BUFFER } from '../limits.ts';
import type { ReceiveState, TransportStream } from './transport.ts';

/** What carries the bytes. */
export interface Carrier {
  /** Bytes written that the system has not taken yet. */
  readonly bufferedBytes: number;
  /** Queues bytes, which must not change. drained() of the stream follows when all have left. */
  write(data: Uint8Array): void;
  /** Ends our half, after what was written, where halves can end alone. */
  end(): void;
  pause(): void;
  resume(): void;
  /** Ends the connection at once. */
  destroy(): void;
}

export class ControlStream implements TransportStream {
  readonly id = 0;
  readonly bidirectional = true;
  readonly isReadable = true;
  readonly isWritable = true;
  readonly resetCode = -1;
  onReadable: (() => void) | undefined = undefined;
  onWritable: (() => void) | undefined = undefined;
  onStopped: ((errorCode: number) => void) | undefined = undefined;
  onClosed: ((error: never) => void) | undefined = undefined;
  receiveState: ReceiveState = 'open';
  /** Set when less was taken than given. */
  isBlocked = false;

  readonly #carrier: Carrier;
  /** Mostly empty: chunks are read as they come. */
  #unread: Uint8Array[] = [];
  #isPaused = false;
  /** Nobody reads any more. */
  #isDiscarding = false;
  #hasEnded = false;
  #isFinished = false;
  #isClosed = false;

  constructor(carrier: Carrier) {
    this.#carrier = carrier;
  }

  get writableBytes(): number {
    if (this.#isFinished || this.#isClosed) return 0;
    return Math.max(0, SOCKET_SEND_BUFFER - this.#carrier.bufferedBytes);
  }

  tryRead(): Uint8Array | undefined {
    const chunk = this.#unread.shift();
    if (this.#unread.length > 0) return chunk;
    if (chunk === undefined && this.#hasEnded) this.receiveState = 'finished';
    // Only a read that finds nothing shows that the reader wants more.
    if (chunk === undefined && this.#isPaused) {
      this.#isPaused = false;
      this.#carrier.resume();
    }
    return chunk;
  }

  tryWrite(data: Uint8Array, fin: boolean = false): number {
    if (this.#isFinished || this.#isClosed) return 0;
    let taken = 0;
    // The system may take bytes at once, and says then that there is room instead of saying so later.
    for (let room = this.writableBytes; taken < data.length && room > 0; room = this.writableBytes) {
      const end = Math.min(data.length, taken + room);
      this.#carrier.write(taken === 0 && end === data.length ? data : data.subarray(taken, end));
      taken = end;
    }
    this.isBlocked = taken < data.length;
    if (fin && !this.isBlocked) {
      this.#isFinished = true;
      this.#carrier.end();
    }
    return taken;
  }

  /** There is no other way to give up sending. */
  reset(): void {
    this.#carrier.destroy();
  }

  stop(): void {
    this.#isDiscarding = true;
    this.#unread = [];
    this.receiveState = 'finished';
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#carrier.resume();
  }

  // --- What the connection calls ---

  receive(chunk: Uint8Array): void {
    if (this.#isDiscarding || chunk.length === 0) return;
    this.#unread.push(chunk);
    this.onReadable?.();
    if (this.#unread.length === 0 || this.#isPaused) return;
    this.#isPaused = true;
    this.#carrier.pause();
  }

  receiveEnd(): void {
    this.#hasEnded = true;
    this.onReadable?.();
  }

  drained(): void {
    if (!this.isBlocked) return;
    this.isBlocked = false;
    this.onWritable?.();
  }

  /** The connection is over. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.onClosed?.(undefined as never);
  }
}
