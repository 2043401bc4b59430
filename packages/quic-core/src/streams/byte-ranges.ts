/**
 * A set of byte offsets, kept as sorted, disjoint ranges that do not touch.
 *
 * What was acknowledged out of order and what was lost are such sets. They are short (one entry per hole), so a flat array of numbers with a fast path
 * at its end is all there is to it.
 */
export class ByteRanges {
  /** start, end, start, end ...; ends are exclusive. */
  readonly #bounds: number[] = [];

  get isEmpty(): boolean {
    return this.#bounds.length === 0;
  }

  /** Number of ranges. */
  get count(): number {
    return this.#bounds.length / 2;
  }

  /** Start of the first range, -1 when the set is empty. */
  get firstStart(): number {
    return this.#bounds.length === 0 ? -1 : this.#bounds[0]!;
  }

  /** End of the first range, -1 when the set is empty. */
  get firstEnd(): number {
    return this.#bounds.length === 0 ? -1 : this.#bounds[1]!;
  }

  startOf(index: number): number {
    return this.#bounds[index * 2]!;
  }

  endOf(index: number): number {
    return this.#bounds[index * 2 + 1]!;
  }

  /** Adds [start, end). */
  add(start: number, end: number): void {
    if (start >= end) return;
    const bounds = this.#bounds;
    const size = bounds.length;
    if (size === 0 || start > bounds[size - 1]!) {
      bounds.push(start, end);
      return;
    }
    // All ranges that touch [start, end) become one.
    const from = this.indexEndingAt(start) * 2;
    let to = from;
    let mergedStart = start;
    let mergedEnd = end;
    while (to < size && bounds[to]! <= end) {
      if (bounds[to]! < mergedStart) mergedStart = bounds[to]!;
      if (bounds[to + 1]! > mergedEnd) mergedEnd = bounds[to + 1]!;
      to += 2;
    }
    if (to === from) {
      bounds.splice(from, 0, start, end);
      return;
    }
    bounds[from] = mergedStart;
    bounds[from + 1] = mergedEnd;
    if (to - from > 2) bounds.splice(from + 2, to - from - 2);
  }

  /** Removes [start, end). */
  remove(start: number, end: number): void {
    const bounds = this.#bounds;
    const size = bounds.length;
    if (start >= end || size === 0 || start >= bounds[size - 1]! || end <= bounds[0]!) return;
    let from = this.indexEndingAt(start) * 2;
    if (from < size && bounds[from + 1]! <= start) from += 2;
    if (from >= size || bounds[from]! >= end) return;
    if (bounds[from]! < start) {
      if (bounds[from + 1]! > end) {
        // A hole in the middle of one range.
        bounds.splice(from + 1, 0, start, end);
        return;
      }
      bounds[from + 1] = start;
      from += 2;
    }
    let to = from;
    while (to < size && bounds[to + 1]! <= end) to += 2;
    if (to < size && bounds[to]! < end) bounds[to] = end;
    if (to > from) bounds.splice(from, to - from);
  }

  /** Removes everything below `offset`. */
  removeBelow(offset: number): void {
    if (this.#bounds.length > 0 && this.#bounds[0]! < offset) this.remove(0, offset);
  }

  clear(): void {
    if (this.#bounds.length > 0) this.#bounds.length = 0;
  }

  /** @returns index of the first range whose end is at or beyond `offset`, `count` when there is none */
  indexEndingAt(offset: number): number {
    const bounds = this.#bounds;
    let low = 0;
    let high = bounds.length / 2;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (bounds[middle * 2 + 1]! < offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
