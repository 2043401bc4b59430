/**
 * Grows the receive window of a stream that is held up by nothing else: one whose reader consumes a window in less than two round trips would otherwise
 * get a window per round trip at the most, however fast the path is.
 *
 * What a stream's window gains, the connection's gains as well, so that unread bytes of one stream still take credit from no other; what all streams
 * together may gain is bounded.
 */
import type { ReceiveWindow } from './flow-control.ts';
import { WINDOW_UPDATE_PART } from './flow-control.ts';

/** The time, as far as the connection knows it. */
export interface Pace {
  /** ms */
  readonly now: number;
  /** Smoothed round-trip time, ms. */
  readonly roundTrip: number;
}

/** A window is too small when it is consumed in less than so many round trips. */
const ROUND_TRIPS_PER_WINDOW = 2;

export class WindowTuner {
  readonly #pace: Pace;
  readonly #connection: ReceiveWindow;
  readonly #maxWindow: number;
  #budget: number;

  /**
   * @param connection the connection's window
   * @param maxWindow to which one stream may grow, bytes
   * @param budget bytes that all streams together may gain
   */
  constructor(pace: Pace, connection: ReceiveWindow, maxWindow: number, budget: number) {
    this.#pace = pace;
    this.#connection = connection;
    this.#maxWindow = maxWindow;
    this.#budget = budget;
  }

  /** The reader has consumed a part of a stream's window since the last call. */
  onPartConsumed(window: ReceiveWindow): void {
    const { now, roundTrip } = this.#pace;
    const elapsed = now - window.lastUpdateTime;
    window.lastUpdateTime = now;
    if (elapsed >= roundTrip * ROUND_TRIPS_PER_WINDOW * WINDOW_UPDATE_PART) return;
    const gain = Math.min(window.size, this.#maxWindow - window.size, this.#budget);
    if (gain <= 0) return;
    this.#budget -= gain;
    window.gained += gain;
    window.size += gain;
    this.#connection.size += gain;
  }

  /** The stream is gone: what it gained may go to others. */
  release(window: ReceiveWindow): void {
    this.#budget += window.gained;
    this.#connection.size -= window.gained;
    window.gained = 0;
  }
}
