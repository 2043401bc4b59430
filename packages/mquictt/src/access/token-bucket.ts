/** A rate and a burst: what was taken comes back with time. */

export class TokenBucket {
  readonly #perSecond: number;
  readonly #burst: number;
  #level: number;
  #updated: number;

  /** @param burst what may be taken at once; one second's worth at least makes sense */
  constructor(perSecond: number, burst: number, now: number) {
    this.#perSecond = perSecond;
    this.#burst = burst;
    this.#level = burst;
    this.#updated = now;
  }

  /** Takes, below nothing if need be. @returns ms until the level is no longer below nothing */
  take(amount: number, now: number): number {
    this.#fill(now);
    this.#level -= amount;
    return this.#level >= 0 ? 0 : (-this.#level / this.#perSecond) * 1000;
  }

  /** Takes only what is there. */
  tryTake(amount: number, now: number): boolean {
    this.#fill(now);
    if (this.#level < amount) return false;
    this.#level -= amount;
    return true;
  }

  isFull(now: number): boolean {
    this.#fill(now);
    return this.#level >= this.#burst;
  }

  #fill(now: number): void {
    if (now <= this.#updated) return;
    this.#level = Math.min(this.#burst, this.#level + ((now - this.#updated) / 1000) * this.#perSecond);
    this.#updated = now;
  }
}
