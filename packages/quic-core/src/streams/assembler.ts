/**
 * Reassembly of one byte stream (RFC 9000 §2.2): pieces come in any order, overlapping and repeated, and are read in order exactly once. Serves STREAM
 * and CRYPTO frames alike; final sizes and flow control belong to the owner.
 *
 * Bytes lie in pages, pages form runs, a run is a stretch without a hole. The first run begins at the read offset and takes nearly everything; each
 * further run stands behind a hole. So the cost of a piece that arrives out of order is bounded by the number of holes, whatever its size, and closing a
 * hole links two lists of pages.
 *
 * Memory held is at most about twice the bytes held: a page is as large as what its run already holds (512 B to 64 KiB), the first one exactly as large as
 * its piece, and nothing is held while there is nothing to read.
 */
import { copyBytes } from '../bytes.ts';

/** Smallest page of in-order data after the first. Pieces smaller than this are moved together when runs join, so that a page is worth its object. */
const MIN_PAGE = 512;
/** Smallest page behind a hole: a peer may open many holes with a byte each. */
const MIN_RUN_PAGE = 64;
const MAX_PAGE = 65_536;
/** A view is handed out only if it is at least this part of its page; otherwise the reader gets a copy, so that a short message pins no large page. */
const MAX_PINNED_FACTOR = 4;

export class Assembler {
  readonly #maxGaps: number;
  /** The run that begins at readOffset. */
  readonly #first: Run = new Run(0);
  /** The runs behind holes, sorted. */
  readonly #runs: Run[] = [];
  #highestOffset: number = 0;
  #bufferedBytes: number = 0;

  /** @param maxGaps holes at once, beyond which insert() refuses */
  constructor(maxGaps: number) {
    this.#maxGaps = maxGaps;
  }

  /** Offset of the next byte that read() gives. */
  get readOffset(): number {
    return this.#first.start;
  }

  /** End of the furthest byte received. */
  get highestOffset(): number {
    return this.#highestOffset;
  }

  /** Bytes that can be read now. */
  get readableBytes(): number {
    return this.#first.end - this.#first.start;
  }

  /** Memory held, bytes of all pages. */
  get bufferedBytes(): number {
    return this.#bufferedBytes;
  }

  /** Holes in what was received. */
  get gapCount(): number {
    return this.#runs.length;
  }

  /**
   * Takes buffer[start..end), which begins at `offset` of the stream. Copies what is new.
   *
   * @returns false when that would make more holes than allowed; then nothing was taken
   */
  insert(offset: number, buffer: Uint8Array, start: number, end: number): boolean {
    const endOffset = offset + (end - start);
    const first = this.#first;
    if (offset <= first.end) {
      if (endOffset <= first.end) return true;
      this.#extend(first, 0, buffer, start + (first.end - offset), end);
    } else {
      if (offset === endOffset) return true;
      if (!this.#insertBehindHole(offset, endOffset, buffer, start, end)) return false;
    }
    if (endOffset > this.#highestOffset) this.#highestOffset = endOffset;
    return true;
  }

  /**
   * The next bytes in order, as far as they lie together.
   *
   * @returns a chunk that belongs to the caller, or undefined when there is nothing to read
   */
  read(maxLength: number): Uint8Array | undefined {
    const first = this.#first;
    const page = first.head;
    if (page === undefined || maxLength <= 0) return undefined;
    const data = page.data;
    const from = page.start;
    const held = page.end - from;
    const length = maxLength < held ? Math.floor(maxLength) : held;
    if (length === 0) return undefined;
    page.start = from + length;
    first.start += length;
    if (length === held) {
      first.head = page.next;
      if (first.head === undefined) first.tail = undefined;
      this.#bufferedBytes -= data.length;
    }
    if (length === data.length) return data;
    return length * MAX_PINNED_FACTOR >= data.length
      ? data.subarray(from, from + length)
      : data.slice(from, from + length);
  }

  /** Lets go of everything received. Reading goes on behind it. */
  discard(): void {
    this.#first.clear(this.#highestOffset);
    this.#runs.length = 0;
    this.#bufferedBytes = 0;
  }

  #insertBehindHole(offset: number, endOffset: number, buffer: Uint8Array, start: number, end: number): boolean {
    const runs = this.#runs;
    const index = this.#firstRunEndingAt(offset);
    const touched = index < runs.length ? runs[index]! : undefined;
    if (touched !== undefined && touched.start <= offset) {
      if (endOffset > touched.end) this.#extend(touched, index + 1, buffer, start + (touched.end - offset), end);
      return true;
    }
    const run = new Run(offset);
    if (touched !== undefined && touched.start <= endOffset) {
      // The new run swallows the one it reaches and takes its place: no hole more than before.
      runs[index] = run;
      this.#append(run, buffer, start, start + (touched.start - offset));
      this.#absorb(run, touched);
      if (endOffset > run.end) this.#extend(run, index + 1, buffer, start + (run.end - offset), end);
      return true;
    }
    if (runs.length >= this.#maxGaps) return false;
    this.#append(run, buffer, start, end);
    if (index === runs.length) runs.push(run);
    else runs.splice(index, 0, run);
    return true;
  }

  /**
   * Continues a run with buffer[start..end), taking from it what is not there yet and joining the runs that it reaches.
   *
   * @param nextIndex index in #runs of the run behind this one
   */
  #extend(run: Run, nextIndex: number, buffer: Uint8Array, start: number, end: number): void {
    const runs = this.#runs;
    const endOffset = run.end + (end - start);
    const base = run.end - start;
    let index = nextIndex;
    for (;;) {
      const next = index < runs.length ? runs[index]! : undefined;
      const limit = next !== undefined && next.start < endOffset ? next.start : endOffset;
      if (limit > run.end) this.#append(run, buffer, run.end - base, limit - base);
      if (next === undefined || next.start > run.end) break;
      this.#absorb(run, next);
      index++;
      // A run that reaches beyond the piece has only ended where no other run touches it.
      if (run.end >= endOffset) break;
    }
    if (index > nextIndex) runs.splice(nextIndex, index - nextIndex);
  }

  /** Copies buffer[from..to) to the end of a run. */
  #append(run: Run, buffer: Uint8Array, from: number, to: number): void {
    let at = from;
    const tail = run.tail;
    if (tail !== undefined) {
      const room = tail.data.length - tail.end;
      const length = to - at < room ? to - at : room;
      copyBytes(buffer, at, tail.data, tail.end, length);
      tail.end += length;
      at += length;
    }
    if (at < to) {
      const length = to - at;
      const page = new Page(new Uint8Array(this.#pageSize(run, length)));
      copyBytes(buffer, at, page.data, 0, length);
      page.end = length;
      run.link(page);
      this.#bufferedBytes += page.data.length;
    }
    run.end += to - from;
  }

  #pageSize(run: Run, length: number): number {
    const held = run.end - run.start;
    if (held === 0) return length;
    const smallest = run === this.#first ? MIN_PAGE : MIN_RUN_PAGE;
    return Math.max(length, Math.min(Math.max(held, smallest), MAX_PAGE));
  }

  /** Moves the pages of the run that begins where `run` ends. */
  #absorb(run: Run, next: Run): void {
    let page = next.head;
    while (page !== undefined) {
      const following = page.next;
      const length = page.end - page.start;
      const tail = run.tail;
      // Linking a page gives up the free end of the one before it. Copying whatever fits there keeps that waste below the bytes that follow it.
      if (length < MIN_PAGE || (tail !== undefined && tail.data.length - tail.end >= length)) {
        this.#bufferedBytes -= page.data.length;
        this.#append(run, page.data, page.start, page.end);
      } else {
        page.next = undefined;
        run.link(page);
        run.end += length;
      }
      page = following;
    }
  }

  /** @returns index of the first run whose end is at or beyond `offset`; most pieces belong to the last one */
  #firstRunEndingAt(offset: number): number {
    const runs = this.#runs;
    let high = runs.length;
    if (high === 0 || runs[high - 1]!.end < offset) return high;
    let low = 0;
    high--;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (runs[middle]!.end < offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** Bytes data[start..end) of a page are held; data[end..] is free. What was handed to the reader is never written again. */
class Page {
  readonly data: Uint8Array;
  start: number = 0;
  end: number = 0;
  next: Page | undefined = undefined;

  constructor(data: Uint8Array) {
    this.data = data;
  }
}

/** Stream bytes [start, end) without a hole. */
class Run {
  start: number;
  end: number;
  head: Page | undefined = undefined;
  tail: Page | undefined = undefined;

  constructor(start: number) {
    this.start = start;
    this.end = start;
  }

  link(page: Page): void {
    if (this.tail === undefined) this.head = page;
    else this.tail.next = page;
    this.tail = page;
  }

  clear(offset: number): void {
    this.start = offset;
    this.end = offset;
    this.head = undefined;
    this.tail = undefined;
  }
}
