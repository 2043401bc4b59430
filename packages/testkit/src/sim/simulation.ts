/**
 * Virtual time: a heap of things to do, ordered by time and, at the same time, by who asked first. Nothing waits: the clock jumps to the next of them.
 * With one seeded random source for everything that is left to chance, a seed is the whole run.
 */
import { type SeededRandom, seededRandom } from '../random.ts';
import { PacketLog } from './packet-log.ts';

/** Something that will happen, see Simulation.at(). */
export interface Scheduled {
  readonly time: number;
  readonly sequence: number;
  /** Undefined once it has happened or was cancelled. */
  action: (() => void) | undefined;
}

export interface SimulationOptions {
  /** @default the environment variable SEED, or 1 */
  readonly seed?: number;
  /** Where the clock starts, ms. Not 0, so that a 0 that means `none` cannot pass for a time. @default 1000 */
  readonly start?: number;
}

export class Simulation {
  readonly seed: number;
  /** Draw from a fork() of it, so that one user's appetite does not change what another gets. */
  readonly random: SeededRandom;
  /** Every datagram that entered a link. */
  readonly packetLog: PacketLog = new PacketLog();
  #now: number;
  #sequence: number = 0;
  readonly #heap: Scheduled[] = [];

  constructor(options: SimulationOptions = {}) {
    this.seed = options.seed ?? Number(process.env['SEED'] ?? 1);
    this.random = seededRandom(this.seed);
    this.#now = options.start ?? 1000;
  }

  /** ms */
  get now(): number {
    return this.#now;
  }

  /** When the next thing happens, ms; Infinity when nothing is pending. */
  get nextTime(): number {
    this.#dropCancelled();
    return this.#heap.length === 0 ? Infinity : this.#heap[0]!.time;
  }

  /** @param time ms; the past means now, after everything that is already due */
  at(time: number, action: () => void): Scheduled {
    if (!(time < Infinity)) throw new RangeError(`Cannot schedule at ${time}`);
    const scheduled: Scheduled = { time: Math.max(time, this.#now), sequence: this.#sequence++, action };
    this.#heap.push(scheduled);
    this.#siftUp(this.#heap.length - 1);
    return scheduled;
  }

  /** Without effect on what has happened already. */
  cancel(scheduled: Scheduled): void {
    scheduled.action = undefined;
  }

  /** Moves the clock to the next thing and does it. @returns false when nothing is pending */
  step(): boolean {
    this.#dropCancelled();
    const next = this.#heap[0];
    if (next === undefined) return false;
    this.#pop();
    this.#now = next.time;
    const action = next.action!;
    next.action = undefined;
    action();
    return true;
  }

  /** Does everything due up to `time`, and leaves the clock there. */
  runUntil(time: number): void {
    while (this.nextTime <= time) this.step();
    this.#now = Math.max(this.#now, time);
  }

  /**
   * Steps until the condition holds.
   * @returns true when it does; false when nothing is pending or the next thing lies beyond `deadline`
   */
  run(until: () => boolean, deadline: number = Infinity): boolean {
    while (!until()) {
      if (this.nextTime > deadline || !this.step()) return false;
    }
    return true;
  }

  #dropCancelled(): void {
    while (this.#heap.length > 0 && this.#heap[0]!.action === undefined) this.#pop();
  }

  #pop(): void {
    const last = this.#heap.pop()!;
    if (this.#heap.length === 0) return;
    this.#heap[0] = last;
    this.#siftDown();
  }

  #siftUp(from: number): void {
    const heap = this.#heap;
    const item = heap[from]!;
    let i = from;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (!isBefore(item, heap[parent]!)) break;
      heap[i] = heap[parent]!;
      i = parent;
    }
    heap[i] = item;
  }

  #siftDown(): void {
    const heap = this.#heap;
    const item = heap[0]!;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++;
      if (!isBefore(heap[child]!, item)) break;
      heap[i] = heap[child]!;
      i = child;
    }
    heap[i] = item;
  }
}

function isBefore(a: Scheduled, b: Scheduled): boolean {
  return a.time < b.time || (a.time === b.time && a.sequence < b.sequence);
}
