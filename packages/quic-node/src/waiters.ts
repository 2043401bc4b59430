/** First come, first served: promises that wait for something which others deliver, each of them abortable. */
import type { Runtime } from './runtime.ts';

/** One caller that waits. */
export interface Waiter<T, P> {
  /** What the caller brought along. */
  readonly payload: P;
  readonly resolve: (value: T) => void;
  readonly reject: (error: unknown) => void;
}

/** How long a caller waits, and what it is told then. */
export interface WaitTimeout {
  readonly runtime: Runtime;
  /** ms. Infinity = for ever. */
  readonly timeout: number;
  readonly error: () => Error;
}

export interface WaitOptions {
  readonly signal?: AbortSignal | undefined;
  readonly timeout?: WaitTimeout | undefined;
}

export class WaiterQueue<T, P = undefined> {
  // A set keeps the order of insertion and forgets in constant time.
  readonly #waiters = new Set<Waiter<T, P>>();

  get size(): number {
    return this.#waiters.size;
  }

  /** The one who has waited longest. */
  first(): Waiter<T, P> | undefined {
    if (this.#waiters.size === 0) return undefined;
    return this.#waiters.values().next().value;
  }

  /** Joins the end of the queue. @returns a promise that rejects with `signal.reason` when aborted */
  wait(payload: P, options: WaitOptions = {}): Promise<T> {
    const { signal, timeout } = options;
    if (signal?.aborted === true) return Promise.reject(signal.reason);
    return new Promise<T>((resolve, reject) => {
      const timer =
        timeout !== undefined && timeout.timeout < Infinity
          ? timeout.runtime.createTimer(() => waiter.reject(timeout.error()))
          : undefined;
      const leave = (): void => {
        this.#waiters.delete(waiter);
        timer?.clear();
        signal?.removeEventListener('abort', onAbort);
      };
      const waiter: Waiter<T, P> = {
        payload,
        resolve: (value) => {
          leave();
          resolve(value);
        },
        reject: (error) => {
          leave();
          reject(error);
        },
      };
      const onAbort = (): void => waiter.reject(signal!.reason);
      signal?.addEventListener('abort', onAbort);
      if (timer !== undefined) timer.set(timeout!.runtime.now() + timeout!.timeout);
      this.#waiters.add(waiter);
    });
  }

  /** @returns false when nobody waits */
  resolveNext(value: T): boolean {
    const waiter = this.first();
    if (waiter === undefined) return false;
    waiter.resolve(value);
    return true;
  }

  resolveAll(value: T): void {
    for (const waiter of this.#waiters) waiter.resolve(value);
  }

  rejectAll(error: unknown): void {
    for (const waiter of this.#waiters) waiter.reject(error);
  }
}
