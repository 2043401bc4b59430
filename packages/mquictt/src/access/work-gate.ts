/** Bounds work that many ask for: some at once, some waiting, the others are sent away. */

export class WorkGate {
  readonly #atOnce: number;
  readonly #maxWaiting: number;
  readonly #maxWaitingFrom: number;
  /** How many wait, by origin. */
  readonly #origins = new Map<string, number>();
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  /** @param maxWaitingFrom of one origin. @default as many as may wait at all */
  constructor(atOnce: number, maxWaiting: number, maxWaitingFrom: number = maxWaiting) {
    this.#atOnce = atOnce;
    this.#maxWaiting = maxWaiting;
    this.#maxWaitingFrom = maxWaitingFrom;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  /**
   * @param isWanted asked when its turn comes
   * @param origin who asks, as far as it matters who else does. @default nobody in particular
   * @returns undefined when too many wait already, or nobody wants it any more
   */
  async run<T>(work: () => Promise<T>, isWanted: () => boolean = () => true, origin = ''): Promise<T | undefined> {
    if (this.#running >= this.#atOnce) {
      const others = this.#origins.get(origin) ?? 0;
      if (this.#waiting.length >= this.#maxWaiting || (origin !== '' && others >= this.#maxWaitingFrom))
        return undefined;
      this.#origins.set(origin, others + 1);
      // Whoever ends hands its place on.
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
      this.#leave(origin);
    } else {
      this.#running++;
    }
    try {
      return isWanted() ? await work() : undefined;
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#running--;
      else next();
    }
  }

  #leave(origin: string): void {
    const others = (this.#origins.get(origin) ?? 0) - 1;
    if (others > 0) this.#origins.set(origin, others);
    else this.#origins.delete(origin);
  }
}
