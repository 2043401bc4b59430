/**
 * A set of integers as sorted, disjoint, non-touching ranges [start, end), in one flat array.
 *
 * Packet numbers and stream offsets mostly come in order, so adding at the tail costs a comparison or two; anything else is a binary search and a
 * shift of numbers. Nothing is allocated but the array's own growth.
 */
export class Ranges {
  /** start0, end0, start1, end1 ..., ascending. */
  readonly #bounds: number[] = [];

  /** How many ranges. */
  get count(): number {
    return this.#bounds.length >> 1;
  }

  /** First member of range i; 0 is the lowest range. */
  start(i: number): number {
    return this.#bounds[i << 1]!;
  }

  /** One beyond the last member of range i. */
  end(i: number): number {
    return this.#bounds[(i << 1) + 1]!;
  }

  /** The largest member, -1 when there is none. */
  get largest(): number {
    const n = this.#bounds.length;
    return n === 0 ? -1 : this.#bounds[n - 1]! - 1;
  }

  /** The smallest member, -1 when there is none. */
  get smallest(): number {
    return this.#bounds.length === 0 ? -1 : this.#bounds[0]!;
  }

  /**
   * Adds [start, end).
   * @returns whether any member is new
   */
  add(start: number, end: number): boolean {
    if (start >= end) return false;
    const bounds = this.#bounds;
    const n = bounds.length;
    if (n === 0 || start > bounds[n - 1]!) {
      bounds.push(start, end);
      return true;
    }
    if (start >= bounds[n - 2]!) {
      if (end <= bounds[n - 1]!) return false;
      bounds[n - 1] = end;
      return true;
    }
    // Ranges first..last-1 touch or overlap the new one and become one with it.
    const first = this.#firstEndingAtOrAfter(start);
    let last = first;
    while (last < n && bounds[last]! <= end) last += 2;
    if (first === last) {
      this.#insert(first, start, end);
      return true;
    }
    if (last === first + 2 && bounds[first]! <= start && end <= bounds[first + 1]!) return false;
    bounds[first] = Math.min(start, bounds[first]!);
    bounds[first + 1] = Math.max(end, bounds[last - 1]!);
    this.#cut(first + 2, last);
    return true;
  }

  contains(value: number): boolean {
    const bounds = this.#bounds;
    const n = bounds.length;
    if (n === 0 || value >= bounds[n - 1]!) return false;
    if (value >= bounds[n - 2]!) return true;
    return bounds[this.#firstEndingAtOrAfter(value + 1)]! <= value;
  }

  /** Removes [start, end) wherever it overlaps. */
  remove(start: number, end: number): void {
    if (start >= end) return;
    const bounds = this.#bounds;
    let first = this.#firstEndingAtOrAfter(start + 1);
    if (first === bounds.length || bounds[first]! >= end) return;
    if (bounds[first]! < start) {
      const oldEnd = bounds[first + 1]!;
      bounds[first + 1] = start;
      if (oldEnd > end) {
        this.#insert(first + 2, end, oldEnd);
        return;
      }
      first += 2;
    }
    let last = first;
    while (last < bounds.length && bounds[last + 1]! <= end) last += 2;
    if (last < bounds.length && bounds[last]! < end) bounds[last] = end;
    this.#cut(first, last);
  }

  /** Removes every member below `value`. */
  dropBelow(value: number): void {
    const bounds = this.#bounds;
    let last = 0;
    while (last < bounds.length && bounds[last + 1]! <= value) last += 2;
    if (last < bounds.length && bounds[last]! < value) bounds[last] = value;
    this.#cut(0, last);
  }

  /** Forgets the lowest ranges until at most `maxCount` are left. */
  trimTo(maxCount: number): void {
    if (this.count > maxCount) this.#cut(0, this.#bounds.length - 2 * maxCount);
  }

  clear(): void {
    this.#bounds.length = 0;
  }

  /** Index into the array of the first range whose end is >= value; the array's length when there is none. */
  #firstEndingAtOrAfter(value: number): number {
    const bounds = this.#bounds;
    let low = 0;
    let high = bounds.length >> 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (bounds[(middle << 1) + 1]! < value) low = middle + 1;
      else high = middle;
    }
    return low << 1;
  }

  #insert(at: number, start: number, end: number): void {
    const bounds = this.#bounds;
    bounds.push(0, 0);
    // Loops, as Array.prototype.copyWithin takes V8's generic path on plain arrays.
    for (let i = bounds.length - 1; i > at + 1; i--) bounds[i] = bounds[i - 2]!;
    bounds[at] = start;
    bounds[at + 1] = end;
  }

  /** Takes out the array entries from..to-1. */
  #cut(from: number, to: number): void {
    if (from === to) return;
    const bounds = this.#bounds;
    const gone = to - from;
    for (let i = to; i < bounds.length; i++) bounds[i - gone] = bounds[i]!;
    bounds.length -= gone;
  }
}
