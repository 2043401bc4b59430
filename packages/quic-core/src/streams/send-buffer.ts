/**
 * The bytes of one stream on their way out: accepted, sent, lost, acknowledged. Serves STREAM and CRYPTO frames alike (RFC 9000 §2.2, §13.3); flow control
 * and the end of the stream belong to the owner.
 *
 *     0 ........ ackedOffset ............... sentOffset ............ writeOffset
 *     released   in flight, lost or acknowledged   accepted, never sent
 *
 * Bytes are released from the front, so memory follows ackedOffset. Large chunks are kept by reference: whoever wrote them must not change them until then.
 */
import { copyBytes } from '../bytes.ts';
import { ByteRanges } from './byte-ranges.ts';

/** Chunks of this size are kept by reference; below it a copy of many together costs less than an object each. */
const BY_REFERENCE = 4096;
/** Pages of copied chunks: the first as large as its chunk, then as large as what is held, between these. */
const MIN_PAGE = 512;
const MAX_PAGE = 16_384;

export class SendBuffer {
  /** Chunks from ackedOffset on, in order. */
  #head: Chunk | undefined = undefined;
  #tail: Chunk | undefined = undefined;
  /** The chunk that was copied from last; sending moves forward through the list. */
  #cursor: Chunk | undefined = undefined;
  /** Acknowledged beyond ackedOffset. */
  readonly #acked: ByteRanges = new ByteRanges();
  /** To be sent again: all below sentOffset, none acknowledged. */
  readonly #lost: ByteRanges = new ByteRanges();
  #ackedOffset: number = 0;
  #sentOffset: number = 0;
  #writeOffset: number = 0;
  #bufferedBytes: number = 0;

  /** Where the next range to send begins; set by hasPending(). */
  pendingOffset: number = 0;
  /** Bytes of that range; set by hasPending(). */
  pendingLength: number = 0;

  /** End of everything accepted. */
  get writeOffset(): number {
    return this.#writeOffset;
  }

  /** The first byte that was never sent. */
  get sentOffset(): number {
    return this.#sentOffset;
  }

  /** Everything below is acknowledged and released. */
  get ackedOffset(): number {
    return this.#ackedOffset;
  }

  /** Bytes accepted and not yet released: unsent, in flight, lost, or acknowledged behind a hole. */
  get length(): number {
    return this.#writeOffset - this.#ackedOffset;
  }

  /** Bytes never sent. */
  get unsentBytes(): number {
    return this.#writeOffset - this.#sentOffset;
  }

  /** Bytes waiting to be sent, lost and unsent ones together. */
  get pendingBytes(): number {
    let sum = this.unsentBytes;
    for (let i = 0; i < this.#lost.count; i++) sum += this.#lost.endOf(i) - this.#lost.startOf(i);
    return sum;
  }

  get hasLost(): boolean {
    return !this.#lost.isEmpty;
  }

  /** Memory held, bytes of all chunks and pages. */
  get bufferedBytes(): number {
    return this.#bufferedBytes;
  }

  /** Ranges remembered, lost and acknowledged ones, for tests of its bound. */
  get rangeCount(): number {
    return this.#acked.count + this.#lost.count;
  }

  /** Takes all of `data`. Chunks of 4 KiB and more are kept by reference until acknowledged, smaller ones are copied together. */
  write(data: Uint8Array): void {
    const length = data.length;
    if (length === 0) return;
    if (length >= BY_REFERENCE) {
      this.#link(new Chunk(data, this.#writeOffset, length, false));
    } else {
      let copied = 0;
      const tail = this.#tail;
      if (tail !== undefined && tail.isPage) {
        copied = Math.min(tail.data.length - tail.length, length);
        copyBytes(data, 0, tail.data, tail.length, copied);
        tail.length += copied;
      }
      if (copied < length) {
        const rest = length - copied;
        const held = this.length;
        const size = held === 0 ? rest : Math.max(rest, Math.min(Math.max(held, MIN_PAGE), MAX_PAGE));
        const page = new Uint8Array(size);
        copyBytes(data, copied, page, 0, rest);
        this.#link(new Chunk(page, this.#writeOffset + copied, rest, true));
      }
    }
    this.#writeOffset += length;
  }

  /**
   * Whether anything waits to be sent: lost ranges first, then what was never sent. Sets pendingOffset and pendingLength to the first range; it
   * may be sent in parts.
   */
  hasPending(): boolean {
    if (!this.#lost.isEmpty) {
      this.pendingOffset = this.#lost.firstStart;
      this.pendingLength = this.#lost.firstEnd - this.pendingOffset;
      return true;
    }
    this.pendingOffset = this.#sentOffset;
    this.pendingLength = this.#writeOffset - this.#sentOffset;
    return this.pendingLength > 0;
  }

  /** Copies bytes that are not yet released: [offset, offset + length) to target[at..). */
  copy(offset: number, length: number, target: Uint8Array, at: number): void {
    let chunk = this.#cursor !== undefined && this.#cursor.start <= offset ? this.#cursor : this.#head;
    let from = offset;
    let to = at;
    let left = length;
    while (left > 0) {
      if (chunk === undefined)
        throw new RangeError(`No bytes at offset ${from}, held are ${this.#ackedOffset}..${this.#writeOffset}`);
      const within = from - chunk.start;
      if (within >= chunk.length) {
        chunk = chunk.next;
        continue;
      }
      const part = Math.min(chunk.length - within, left);
      copyBytes(chunk.data, within, target, to, part);
      this.#cursor = chunk;
      from += part;
      to += part;
      left -= part;
    }
  }

  /** [offset, offset + length) went out, as a part of a pending range. */
  markSent(offset: number, length: number): void {
    const end = offset + length;
    if (offset < this.#sentOffset) this.#lost.remove(offset, end);
    if (end > this.#sentOffset) this.#sentOffset = end;
  }

  onAcked(offset: number, length: number): void {
    const end = offset + length;
    if (end <= this.#ackedOffset) return;
    // Declared lost and then acknowledged after all: nothing to send again.
    if (!this.#lost.isEmpty) this.#lost.remove(offset, end);
    if (offset > this.#ackedOffset) {
      this.#acked.add(offset, end);
      return;
    }
    this.#ackedOffset = end;
    const acked = this.#acked;
    if (!acked.isEmpty) {
      acked.removeBelow(end);
      if (acked.firstStart === end) {
        this.#ackedOffset = acked.firstEnd;
        acked.remove(acked.firstStart, acked.firstEnd);
      }
    }
    this.#release();
  }

  /** Puts [offset, offset + length) back to be sent, except what another transmission has brought there. */
  onLost(offset: number, length: number): void {
    const end = offset + length;
    let at = offset > this.#ackedOffset ? offset : this.#ackedOffset;
    const acked = this.#acked;
    for (let i = acked.indexEndingAt(at); i < acked.count && at < end; i++) {
      const ackedStart = acked.startOf(i);
      const ackedEnd = acked.endOf(i);
      if (ackedEnd <= at) continue;
      if (ackedStart >= end) break;
      this.#lost.add(at, ackedStart);
      at = ackedEnd;
    }
    this.#lost.add(at, end);
  }

  /** Lets go of all bytes; the offsets stay. */
  discard(): void {
    this.#head = undefined;
    this.#tail = undefined;
    this.#cursor = undefined;
    this.#acked.clear();
    this.#lost.clear();
    this.#sentOffset = this.#writeOffset;
    this.#ackedOffset = this.#writeOffset;
    this.#bufferedBytes = 0;
  }

  #link(chunk: Chunk): void {
    if (this.#tail === undefined) this.#head = chunk;
    else this.#tail.next = chunk;
    this.#tail = chunk;
    this.#bufferedBytes += chunk.data.length;
  }

  #release(): void {
    const acked = this.#ackedOffset;
    let chunk = this.#head;
    while (chunk !== undefined && chunk.start + chunk.length <= acked) {
      this.#bufferedBytes -= chunk.data.length;
      if (this.#cursor === chunk) this.#cursor = undefined;
      chunk = chunk.next;
    }
    this.#head = chunk;
    if (chunk === undefined) this.#tail = undefined;
  }
}

/** Stream bytes [start, start + length), at the front of `data`. A page of ours has free room behind them. */
class Chunk {
  readonly data: Uint8Array;
  readonly start: number;
  length: number;
  readonly isPage: boolean;
  next: Chunk | undefined = undefined;

  constructor(data: Uint8Array, start: number, length: number, isPage: boolean) {
    this.data = data;
    this.start = start;
    this.length = length;
    this.isPage = isPage;
  }
}
