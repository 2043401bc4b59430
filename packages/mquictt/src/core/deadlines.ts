/** Deadlines of many objects in one heap, so that the driver needs one timer and nothing is ever scanned. */

/** Something with a deadline. It belongs to at most one heap. */
export interface Timed {
  /** ms, Infinity = none. Changed by Deadlines only. */
  deadline: number;
  /** Place in the heap, -1 = not in it. Changed by Deadlines only. */
  heapIndex: number;
  handleTimeout(now: number): void;
}

export class Deadlines {
  readonly #heap: Timed[] = [];

  get size(): number {
    return this.#heap.length;
  }

  /** The earliest deadline, Infinity when there is none. */
  next(): number {
    return this.#heap.length === 0 ? Infinity : this.#heap[0].deadline;
  }

  /** Sets or moves a deadline; Infinity removes it. */
  set(item: Timed, deadline: number): void {
    const heap = this.#heap;
    if (deadline === Infinity) {
      this.#remove(item);
      return;
    }
    if (item.heapIndex === -1) {
      item.heapIndex = heap.length;
      heap.push(item);
    }
    item.deadline = deadline;
    this.#up(item.heapIndex);
    this.#down(item.heapIndex);
  }

  /** Calls everything that is due. An item is out of the heap when it is called, and may be set again. */
  run(now: number): void {
    // What is set again for a time that has passed waits for the next call, or a mistake would loop for ever.
    for (let budget = this.#heap.length; budget > 0 && this.next() <= now; budget--) {
      const item = this.#heap[0];
      this.#remove(item);
      item.handleTimeout(now);
    }
  }

  #remove(item: Timed): void {
    const index = item.heapIndex;
    item.deadline = Infinity;
    if (index === -1) return;
    item.heapIndex = -1;
    const last = this.#heap.pop() as Timed;
    if (last === item) return;
    this.#heap[index] = last;
    last.heapIndex = index;
    this.#up(index);
    this.#down(last.heapIndex);
  }

  #up(from: number): void {
    let index = from;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (this.#heap[parent].deadline <= this.#heap[index].deadline) return;
      this.#swap(parent, index);
      index = parent;
    }
  }

  #down(from: number): void {
    let index = from;
    for (;;) {
      let smallest = index;
      for (const child of [2 * index + 1, 2 * index + 2]) {
        if (child < this.#heap.length && this.#heap[child].deadline < this.#heap[smallest].deadline) smallest = child;
      }
      if (smallest === index) return;
      this.#swap(smallest, index);
      index = smallest;
    }
  }

  #swap(a: number, b: number): void {
    const first = this.#heap[a];
    const second = this.#heap[b];
    this.#heap[a] = second;
    this.#heap[b] = first;
    second.heapIndex = a;
    first.heapIndex = b;
  }
}
