/**
 * Spreads packets over the round trip instead of sending a window at once (RFC 9002 §7.7): a token bucket, filled at a little more than a
 * congestion window per round trip. Sizes are bytes, times ms.
 */

/** Above 1, so that variations of the round-trip time do not leave the window unused (RFC 9002 §7.7). */
const GAIN = 1.25;
/** Slow start doubles the window in each round trip: acknowledgements come at the old rate, so pacing must allow twice that. */
const SLOW_START_GAIN = 2;
/** The bucket holds what timers of 1 ms need to keep up: what comes in during 2 ms. */
const BURST_INTERVAL = 2;
const MIN_BURST_DATAGRAMS = 10;
const MAX_BURST_DATAGRAMS = 256;
/** Waking up more often than this costs more than it smooths. */
const MIN_DELAY = 1;
/** A floor for round-trip times on loopback, so that the rate stays finite. */
const MIN_RTT = 0.01;

export class Pacer {
  #maxDatagramSize: number;
  /** Below zero after probes, which do not ask. */
  #tokens: number;
  #lastTime: number = 0;
  /** Bytes per ms; 0 = not pacing yet. */
  #rate: number = 0;

  constructor(maxDatagramSize: number) {
    this.#maxDatagramSize = maxDatagramSize;
    this.#tokens = MIN_BURST_DATAGRAMS * maxDatagramSize;
  }

  /** Bytes that may leave at once when nothing was sent for a while. */
  get burst(): number {
    const size = this.#maxDatagramSize;
    return Math.min(MAX_BURST_DATAGRAMS * size, Math.max(MIN_BURST_DATAGRAMS * size, this.#rate * BURST_INTERVAL));
  }

  /** The window or the round-trip time changed. Until this is called for the first time, with a measured RTT, nothing is held back. */
  setRate(congestionWindow: number, smoothedRtt: number, inSlowStart: boolean, now: number): void {
    this.#refill(now);
    this.#rate = ((inSlowStart ? SLOW_START_GAIN : GAIN) * congestionWindow) / Math.max(smoothedRtt, MIN_RTT);
  }

  onPacketSent(bytes: number, now: number): void {
    if (this.#rate === 0) return;
    this.#refill(now);
    this.#tokens -= bytes;
  }

  /** @returns 0 when a datagram may leave now, else when to ask again, ms */
  nextSendTime(now: number): number {
    if (this.#rate === 0) return 0;
    this.#refill(now);
    const missing = this.#maxDatagramSize - this.#tokens;
    return missing <= 0 ? 0 : now + Math.max(MIN_DELAY, missing / this.#rate);
  }

  onDatagramSizeChanged(maxDatagramSize: number): void {
    this.#maxDatagramSize = maxDatagramSize;
  }

  #refill(now: number): void {
    if (now > this.#lastTime) {
      this.#tokens = Math.min(this.burst, this.#tokens + (now - this.#lastTime) * this.#rate);
      this.#lastTime = now;
    }
  }
}
