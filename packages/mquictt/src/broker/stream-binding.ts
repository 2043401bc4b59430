/** One QUIC stream and the flow it carries: bytes up as long as nobody is held back, pieces down as the stream takes them. */
import type { QuicStream } from '@mquictt/quic-node';
import type { Flow } from '../core/flow.ts';

const EMPTY = new Uint8Array(0);

/** Who runs the core's next steps after something was handed to it. */
export interface StreamBindingHost {
  now(): number;
  /** Looks after everything that the core has named. */
  flush(): void;
}

export class StreamBinding {
  readonly flow: Flow;
  readonly #stream: QuicStream;
  readonly #host: StreamBindingHost;
  /** The stream took less than it was given and will say when it takes more. */
  #isBlocked = false;
  /** The flow was held back: there may be something left to read. */
  #hasUnread = false;
  #isEnded = false;
  #isReset = false;

  constructor(stream: QuicStream, flow: Flow, host: StreamBindingHost) {
    this.#stream = stream;
    this.flow = flow;
    this.#host = host;
    flow.context = this;
    stream.onReadable = () => this.#onReadable();
    stream.onWritable = () => {
      this.#isBlocked = false;
      this.serve(this.#host.now());
      this.#host.flush();
    };
    stream.onStopped = (errorCode) => {
      this.#isReset = true;
      flow.receiveReset(errorCode, this.#host.now());
      this.#host.flush();
    };
    // What had arrived before the connection ended still counts, and comes before a will.
    stream.onClosed = () => this.#read(this.#host.now());
  }

  /** Reads what arrived before anybody listened. */
  start(): void {
    this.#read(this.#host.now());
  }

  /** Does what the core wants done, see Flow. */
  serve(now: number): void {
    const flow = this.flow;
    const stream = this.#stream;
    if (flow.abortCode !== -1) {
      if (!this.#isReset) {
        this.#isReset = true;
        if (stream.isWritable) stream.reset(flow.abortCode);
        if (stream.isReadable) stream.stop(flow.abortCode);
      }
      return;
    }
    if (stream.isWritable && !this.#isReset && !this.#isEnded) this.#write(now);
    if (this.#hasUnread && !flow.isHeld) {
      this.#hasUnread = false;
      flow.resume(now);
      this.#read(now);
    }
  }

  #onReadable(): void {
    this.#read(this.#host.now());
    this.#host.flush();
  }

  #read(now: number): void {
    const flow = this.flow;
    const stream = this.#stream;
    while (flow.isOpen) {
      if (flow.isHeld) {
        this.#hasUnread = true;
        return;
      }
      const chunk = stream.tryRead();
      if (chunk === undefined) break;
      flow.receive(chunk, now);
    }
    const state = stream.receiveState;
    if (state === 'finished') flow.receiveEnd(now);
    else if (state === 'reset') flow.receiveReset(stream.resetCode, now);
  }

  #write(now: number): void {
    const flow = this.flow;
    const stream = this.#stream;
    while (!this.#isBlocked) {
      const piece = flow.poll(Math.max(1, stream.writableBytes), now);
      if (piece === undefined) break;
      const taken = stream.tryWrite(piece);
      if (taken < piece.length) {
        flow.putBack(piece.subarray(taken));
        // Having taken less, the stream calls onWritable.
        this.#isBlocked = true;
      }
    }
    if (flow.isFinished && !this.#isBlocked) {
      this.#isEnded = true;
      stream.tryWrite(EMPTY, true);
    }
  }
}
