/** One stream and its channel: bytes up as long as nobody is held back, pieces down as the stream takes them. */
import type { Channel } from '../core/channel.ts';
import type { TransportStream } from '../transports/transport.ts';

const EMPTY = new Uint8Array(0);

/** Who runs the core's next steps after something was handed to it. */
export interface StreamBindingHost {
  now(): number;
  /** Looks after everything that the core has named. */
  flush(): void;
}

export class StreamBinding {
  readonly channel: Channel;
  readonly #stream: TransportStream;
  readonly #host: StreamBindingHost;
  /** The stream took less than it was given and will say when it takes more. */
  #isBlocked = false;
  /** The channel was held back: there may be something left to read. */
  #hasUnread = false;
  #isEnded = false;
  #isReset = false;

  constructor(stream: TransportStream, channel: Channel, host: StreamBindingHost) {
    this.#stream = stream;
    this.channel = channel;
    this.#host = host;
    channel.context = this;
    stream.onReadable = () => this.#onReadable();
    stream.onWritable = () => {
      this.#isBlocked = false;
      this.serve(this.#host.now());
      this.#host.flush();
    };
    stream.onStopped = (errorCode) => {
      this.#isReset = true;
      channel.receiveReset(errorCode, this.#host.now());
      this.#host.flush();
    };
    // What had arrived before the connection ended still counts, and comes before a will.
    stream.onClosed = () => this.#read(this.#host.now());
  }

  /** Reads what arrived before anybody listened. */
  start(): void {
    this.#read(this.#host.now());
  }

  /** Does what the core wants done, see Channel. */
  serve(now: number): void {
    const channel = this.channel;
    const stream = this.#stream;
    if (channel.abortCode !== -1) {
      if (!this.#isReset) {
        this.#isReset = true;
        if (stream.isWritable) stream.reset(channel.abortCode);
        if (stream.isReadable) stream.stop(channel.abortCode);
      }
      return;
    }
    if (stream.isWritable && !this.#isReset && !this.#isEnded) this.#write(now);
    if (this.#hasUnread && !channel.isHeld) {
      this.#hasUnread = false;
      channel.resume(now);
      this.#read(now);
    }
  }

  #onReadable(): void {
    this.#read(this.#host.now());
    this.#host.flush();
  }

  #read(now: number): void {
    const channel = this.channel;
    const stream = this.#stream;
    while (channel.isOpen) {
      if (channel.isHeld) {
        this.#hasUnread = true;
        return;
      }
      const chunk = stream.tryRead();
      if (chunk === undefined) break;
      channel.receive(chunk, now);
    }
    const state = stream.receiveState;
    if (state === 'finished') channel.receiveEnd(now);
    else if (state === 'reset') channel.receiveReset(stream.resetCode, now);
  }

  #write(now: number): void {
    const channel = this.channel;
    const stream = this.#stream;
    while (!this.#isBlocked) {
      const piece = channel.poll(Math.max(1, stream.writableBytes), now);
      if (piece === undefined) break;
      const taken = stream.tryWrite(piece);
      if (taken < piece.length) {
        channel.putBack(piece.subarray(taken));
        // Having taken less, the stream calls onWritable.
        this.#isBlocked = true;
      }
    }
    if (channel.isFinished && !this.#isBlocked) {
      this.#isEnded = true;
      stream.tryWrite(EMPTY, true);
    }
  }
}
