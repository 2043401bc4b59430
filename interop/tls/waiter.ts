/** Waits for what others bring about, for a bounded time. */

/** ms that anything may take on one machine, however busy it is. */
export const TIMEOUT = 10_000;

export class Waiter {
  readonly #wakes = new Set<() => void>();

  /** To be called whenever something may have come true. */
  wake(): void {
    for (const wake of this.#wakes) wake();
  }

  /** @throws Error that names `what` when the time is up */
  async until(isDone: () => boolean, what: string, timeout: number = TIMEOUT): Promise<void> {
    const deadline = performance.now() + timeout;
    while (!isDone()) {
      const left = deadline - performance.now();
      if (left <= 0) throw new Error(`${what} did not come within ${timeout} ms`);
      await new Promise<void>((resolve) => {
        const done = (): void => {
          clearTimeout(timer);
          this.#wakes.delete(done);
          resolve();
        };
        const timer = setTimeout(done, left);
        this.#wakes.add(done);
      });
    }
  }
}
