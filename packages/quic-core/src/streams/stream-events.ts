/**
 * What the application should know about its streams, pulled one by one. A kind is pending at most once per stream (a bit), and a stream stands in the
 * queue at most once, so a peer cannot make the queue longer than the number of streams it is allowed.
 */
import type { ConnectionEvent } from '../contract.ts';
import type { Stream } from './stream.ts';

/** Bits in the order in which the events of one stream are given. */
export const StreamEventKind = { OPENED: 1, READABLE: 2, WRITABLE: 4, STOPPED: 8, FINISHED: 16 } as const;
export type StreamEventKind = (typeof StreamEventKind)[keyof typeof StreamEventKind];

export class StreamEvents {
  #first: Stream | undefined = undefined;
  #last: Stream | undefined = undefined;
  /** streams-available: bit 0 bidirectional, bit 1 unidirectional. */
  #available: number = 0;

  add(stream: Stream, kind: StreamEventKind): void {
    if (stream.events === 0) {
      if (this.#last === undefined) this.#first = stream;
      else this.#last.eventNext = stream;
      this.#last = stream;
    }
    stream.events |= kind;
  }

  addAvailable(bidirectional: boolean): void {
    this.#available |= bidirectional ? 1 : 2;
  }

  get isEmpty(): boolean {
    return this.#first === undefined && this.#available === 0;
  }

  next(): ConnectionEvent | undefined {
    const stream = this.#first;
    if (stream === undefined) return this.#nextAvailable();
    const kind = stream.events & -stream.events;
    stream.events &= ~kind;
    if (stream.events === 0) {
      this.#first = stream.eventNext;
      stream.eventNext = undefined;
      if (this.#first === undefined) this.#last = undefined;
    }
    switch (kind) {
      case StreamEventKind.OPENED:
        return { type: 'stream-opened', id: stream.id };
      case StreamEventKind.READABLE:
        return { type: 'stream-readable', id: stream.id };
      case StreamEventKind.WRITABLE:
        return { type: 'stream-writable', id: stream.id };
      case StreamEventKind.STOPPED:
        return { type: 'stream-stopped', id: stream.id, errorCode: stream.stopCode };
      default:
        return { type: 'stream-finished', id: stream.id };
    }
  }

  clear(): void {
    this.#first = undefined;
    this.#last = undefined;
    this.#available = 0;
  }

  #nextAvailable(): ConnectionEvent | undefined {
    if (this.#available === 0) return undefined;
    const bidirectional = (this.#available & 1) !== 0;
    this.#available &= bidirectional ? ~1 : ~2;
    return { type: 'streams-available', bidirectional };
  }
}
