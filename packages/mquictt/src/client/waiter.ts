/** One promise that somebody else settles, and that a signal may give up. */
export class Waiter {
  readonly promise: Promise<void>;
  #resolve: () => void = () => {};
  #reject: (error: unknown) => void = () => {};
  readonly #signal: AbortSignal | undefined;
  #onAbort: (() => void) | undefined = undefined;

  constructor(signal: AbortSignal | undefined) {
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.#signal = signal;
    if (signal === undefined) return;
    this.#onAbort = (): void => this.#reject(signal.reason);
    if (signal.aborted) this.#onAbort();
    else signal.addEventListener('abort', this.#onAbort, { once: true });
  }

  /** @param error undefined = all is well. A second call has no effect. */
  settle(error: unknown): void {
    if (this.#onAbort !== undefined) {
      this.#signal?.removeEventListener('abort', this.#onAbort);
      this.#onAbort = undefined;
    }
    if (error === undefined) this.#resolve();
    else this.#reject(error);
  }
}
