/**
 * The deadlines of many connections: a binary heap whose entries know their place, so that changing one costs O(log n) and nothing is ever scanned.
 */
export interface Timed {
  /** ms. */
  deadline: number;
  /** Place in the heap, -1 when it is not in there. */
  heapIndex: number;
}

export class TimerHeap<T extends Timed> {
  readonly #items: T[] = [];

  get size(): number {
    return this.#items.length;
  }

  /** The earliest; undefined when there is none. */
  peek(): T | undefined {
    return this.#items[0];
  }

  /** Sets the deadline of an entry; Infinity takes it out. */
  update(item: T, deadline: number): void {
    if (deadline === Infinity) {
      this.remove(item);
      return;
    }
    if (item.heapIndex < 0) {
      item.deadline = deadline;
      item.heapIndex = this.#items.push(item) - 1;
      this.#up(item.heapIndex);
      return;
    }
    const before = item.deadline;
    item.deadline = deadline;
    if (deadline < before) this.#up(item.heapIndex);
    else if (deadline > before) this.#down(item.heapIndex);
  }

  remove(item: T): void {
    const index = item.heapIndex;
    if (index < 0) return;
    item.heapIndex = -1;
    const last = this.#items.pop()!;
    if (last === item) return;
    this.#place(last, index);
    this.#up(index);
    this.#down(last.heapIndex);
  }

  #up(start: number): void {
    const items = this.#items;
    const item = items[start]!;
    let index = start;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (items[parent]!.deadline <= item.deadline) break;
      this.#place(items[parent]!, index);
      index = parent;
    }
    this.#place(item, index);
  }

  #down(start: number): void {
    const items = this.#items;
    const item = items[start]!;
    let index = start;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= items.length) break;
      if (child + 1 < items.length && items[child + 1]!.deadline < items[child]!.deadline) child++;
      if (items[child]!.deadline >= item.deadline) break;
      this.#place(items[child]!, index);
      index = child;
    }
    this.#place(item, index);
  }

  #place(item: T, index: number): void {
    this.#items[index] = item;
    item.heapIndex = index;
  }
}
