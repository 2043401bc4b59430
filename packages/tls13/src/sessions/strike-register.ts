/** A memory for tickets that came with early data, in one process (RFC 8446 §8.2). */
import { latin1Text } from '../ascii.ts';
import { MAX_STRIKES, MAX_TICKET_AGE_SKEW } from '../limits.ts';
import type { CryptoProvider } from '../provider.ts';
import type { EarlyDataGuard } from './early-data-guard.ts';

export interface StrikeRegisterOptions {
  readonly provider: CryptoProvider;
  /** Wall clock now, ms since 1970: nothing is known of what was let in before. */
  readonly unixTime: number;
  /** Tickets remembered of one window of 20 seconds, and as many of the window before; 60 bytes each. When it is full, early data is refused. @default 100,000 */
  readonly capacity?: number;
}

/** A ClientHello is fresh from one skew before to one skew after the moment it names, so a replay comes no later than this after the original. ms. */
const WINDOW: number = 2 * MAX_TICKET_AGE_SKEW;
/** Bytes of a SHA-256. Two tickets with the same ones would only have the second refused. */
const REMEMBERED_LENGTH = 16;

/**
 * Lets early data in once per ticket. It refuses what it cannot know about: everything in the first 20 seconds after it was made (RFC 8446 §8.2), and
 * after the wall clock has been set back, until the clock has caught up.
 *
 * It knows of one process only. Where several servers redeem the same tickets (`SealedTickets` with shared keys, or a shared store), a replay
 * to another one gets in: refuse early data there, or write a guard that asks a common memory.
 */
export class StrikeRegister implements EarlyDataGuard {
  readonly #provider: CryptoProvider;
  readonly #capacity: number;
  /** Everything let in at this wall clock or later is remembered. */
  #completeSince: number;
  /** When `current` began. It and `completeSince` never go back. */
  #currentSince: number;
  #current: Set<string> = new Set();
  #previous: Set<string> = new Set();

  /** @throws RangeError where capacity is no positive integer or unixTime no time */
  constructor({ provider, unixTime, capacity = MAX_STRIKES }: StrikeRegisterOptions) {
    if (!Number.isSafeInteger(capacity) || capacity < 1)
      throw new RangeError(`"capacity" expected a positive integer, got ${capacity}`);
    if (!Number.isFinite(unixTime))
      throw new RangeError(`"unixTime" expected milliseconds since 1970, got ${unixTime}`);
    this.#provider = provider;
    this.#capacity = capacity;
    this.#completeSince = unixTime;
    this.#currentSince = unixTime;
  }

  /** How many tickets are remembered. */
  get size(): number {
    return this.#current.size + this.#previous.size;
  }

  admit(ticket: Uint8Array, unixTime: number): boolean {
    if (unixTime >= this.#currentSince + WINDOW) {
      this.#previous = this.#current;
      this.#current = new Set();
      this.#completeSince = this.#currentSince;
      this.#currentSince = unixTime;
    }
    // The original of what is fresh now came at most a window ago, or later on a clock that has been set back since.
    if (unixTime < this.#completeSince + WINDOW) return false;
    if (this.#current.size >= this.#capacity) return false;
    const name = latin1Text(this.#provider.hash('sha256', ticket).subarray(0, REMEMBERED_LENGTH));
    if (this.#previous.has(name) || this.#current.has(name)) return false;
    this.#current.add(name);
    return true;
  }
}
