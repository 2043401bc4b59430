/**
 * The two sides of flow control (RFC 9000 §4.1), the same for one stream and for the connection.
 *
 * The connection's window grows and shrinks with the streams that may use it (StreamRegistry); a stream's grows where it is what holds a fast reader back
 * (WindowTuner).
 */

/** What we allow the peer to send. */
export class ReceiveWindow {
  /** Unread bytes we are willing to hold. */
  size: number;
  /** The limit as announced; it never goes back. */
  limit: number;
  /** Bytes the peer has used of it: its highest offset, or the sum of them. */
  received: number = 0;
  /** Bytes that were read or thrown away. */
  consumed: number = 0;
  /** Bytes of `size` that tuning added. */
  gained: number = 0;
  /** When the window was last raised, ms; kept by WindowTuner. */
  lastUpdateTime: number = -Infinity;
  readonly #step: number;

  /** @param step an update is due when it would raise the limit by so much */
  constructor(size: number, step: number) {
    this.size = size;
    this.limit = size;
    this.#step = step;
  }

  /** Whether it is time to announce a new limit. */
  get isUpdateDue(): boolean {
    return this.consumed + this.size - this.limit >= this.#step;
  }

  /** Raises the limit as far as what was consumed allows. @returns the limit to announce */
  raise(): number {
    const limit = this.consumed + this.size;
    if (limit > this.limit) this.limit = limit;
    return this.limit;
  }
}

/** What the peer allows us to send. */
export class SendWindow {
  limit: number = 0;
  /** Bytes sent for the first time; bytes sent again do not count. */
  used: number = 0;

  get available(): number {
    return this.limit - this.used;
  }

  /** RFC 9000 §4.1: a limit that is not larger is ignored. @returns whether it was larger */
  raise(limit: number): boolean {
    if (limit <= this.limit) return false;
    this.limit = limit;
    return true;
  }
}

/** The part of a stream's receive window that makes an update due. Larger parts save frames, smaller ones keep a fast sender from running dry. */
export const WINDOW_UPDATE_PART = 0.25;
