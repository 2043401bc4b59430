/**
 * Which stream is next to fill a packet.
 *
 * Two lists per urgency: streams with something that needs no connection credit (lost bytes, a bare FIN), and streams with new bytes. A stream stands in one
 * of them at most, so running out of connection credit costs one bit in a mask and no walk past blocked streams.
 *
 * The order: lower urgency values first, strictly; within one, lost bytes before new ones, and one stream before the next. A stream at the front of its list
 * keeps its place until it has nothing to send, is blocked, or has sent TURN_BYTES; then, at the end of a packet, it goes to the back. So a packet seldom
 * carries more than one stream that goes on beyond it and a lost packet stalls few of them, while no stream of an urgency waits for ever.
 */
import type { Stream } from './stream.ts';
import { MAX_URGENCY } from './stream-id.ts';

/** About eleven full packets of 1,452 bytes: much longer than a packet, shorter than what a short stream minds waiting for. */
const TURN_BYTES = 16_384;

const LISTS = (MAX_URGENCY + 1) * 2;
/** Lists with even numbers: no connection credit needed. */
const FREE_LISTS = 0x5555;
const FRESH_LISTS = 0xaaaa;

export class ReadyStreams {
  readonly #first: (Stream | undefined)[] = new Array<Stream | undefined>(LISTS).fill(undefined);
  readonly #last: (Stream | undefined)[] = new Array<Stream | undefined>(LISTS).fill(undefined);
  /** A bit for each list that is not empty. */
  #mask: number = 0;

  /** Whether a stream has something to send, given whether there is connection credit. */
  hasReady(hasCredit: boolean): boolean {
    return (hasCredit ? this.#mask : this.#mask & FREE_LISTS) !== 0;
  }

  /** Whether a stream waits with new bytes. */
  get hasFresh(): boolean {
    return (this.#mask & FRESH_LISTS) !== 0;
  }

  /** The stream whose turn it is, undefined when there is none. */
  next(hasCredit: boolean): Stream | undefined {
    const mask = hasCredit ? this.#mask : this.#mask & FREE_LISTS;
    return mask === 0 ? undefined : this.#first[31 - Math.clz32(mask & -mask)];
  }

  /**
   * Whether what stands in the lists is so little that `room` bytes hold it. It stops counting as soon as they do not.
   * @param frameOverhead bytes to reckon for the header of a frame
   */
  fits(room: number, frameOverhead: number): boolean {
    let left = room;
    for (let mask = this.#mask; mask !== 0; mask &= mask - 1) {
      let stream = this.#first[31 - Math.clz32(mask & -mask)];
      for (; stream !== undefined; stream = stream.readyNext) {
        left -= stream.send!.buffer.pendingBytes + frameOverhead;
        if (left < 0) return false;
      }
    }
    return true;
  }

  /** Puts a stream at the back of the list for its urgency; one that is in the right list keeps its place. */
  place(stream: Stream, isFresh: boolean): void {
    const list = stream.urgency * 2 + (isFresh ? 1 : 0);
    if (stream.readyList === list) return;
    this.remove(stream);
    this.#append(stream, list);
  }

  remove(stream: Stream): void {
    const list = stream.readyList;
    if (list === -1) return;
    const next = stream.readyNext;
    const previous = stream.readyPrevious;
    if (previous === undefined) this.#first[list] = next;
    else previous.readyNext = next;
    if (next === undefined) this.#last[list] = previous;
    else next.readyPrevious = previous;
    if (next === undefined && previous === undefined) this.#mask &= ~(1 << list);
    stream.readyNext = undefined;
    stream.readyPrevious = undefined;
    stream.readyList = -1;
  }

  /** A packet is full: the stream that was served last gives way if it has had its turn. */
  endTurn(stream: Stream): void {
    const list = stream.readyList;
    if (list === -1 || stream.turnBytes < TURN_BYTES) return;
    this.remove(stream);
    this.#append(stream, list);
  }

  clear(): void {
    this.#first.fill(undefined);
    this.#last.fill(undefined);
    this.#mask = 0;
  }

  #append(stream: Stream, list: number): void {
    const last = this.#last[list];
    stream.readyList = list;
    stream.readyPrevious = last;
    stream.turnBytes = 0;
    if (last === undefined) {
      this.#first[list] = stream;
      this.#mask |= 1 << list;
    } else {
      last.readyNext = stream;
    }
    this.#last[list] = stream;
  }
}
