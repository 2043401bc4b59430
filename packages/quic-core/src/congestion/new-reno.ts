/**
 * NewReno: RFC 9002 §7 and appendix B. Slow start doubles, congestion avoidance adds one datagram per round trip, a loss halves, once per round trip.
 *
 * Left out: ECN-CE (node:dgram does not show it) and HyStart++.
 */
import type { CongestionController, CongestionControllerFactory } from './controller.ts';

const INITIAL_WINDOW_DATAGRAMS = 10;
/** RFC 9002 §7.2: ten datagrams, unless they are so large that their bytes would make a burst. */
const INITIAL_WINDOW_BYTES = 14_720;
/** kMinimumWindow, datagrams. */
const MINIMUM_WINDOW_DATAGRAMS = 2;
const K_LOSS_REDUCTION_FACTOR = 0.5;

export const newReno: CongestionControllerFactory = (maxDatagramSize) => new NewReno(maxDatagramSize);

class NewReno implements CongestionController {
  readonly name: string = 'newreno';
  congestionWindow: number;
  slowStartThreshold: number = Infinity;
  #maxDatagramSize: number;
  /** Packets sent up to then belong to the round trip that has already paid for its loss, ms. */
  #recoveryStartTime: number = -Infinity;
  /** Bytes acknowledged in congestion avoidance that did not yet make a whole window. */
  #ackedBytes: number = 0;
  #untouched: boolean = true;

  constructor(maxDatagramSize: number) {
    this.#maxDatagramSize = maxDatagramSize;
    this.congestionWindow = initialWindow(maxDatagramSize);
  }

  onPacketSent(_now: number, _bytes: number): void {}

  onPacketAcked(bytes: number, timeSent: number, _now: number, isWindowLimited: boolean, _smoothedRtt: number): void {
    // RFC 9002 §7.8: a window that was not used has not been shown to fit the path. §7.3.2: no growth while in recovery.
    if (!isWindowLimited || timeSent <= this.#recoveryStartTime) return;
    this.#untouched = false;
    if (this.congestionWindow < this.slowStartThreshold) {
      this.congestionWindow += bytes;
      return;
    }
    // RFC 9002 §7.3.3: one datagram more for each window that was acknowledged.
    this.#ackedBytes += bytes;
    if (this.#ackedBytes >= this.congestionWindow) {
      this.#ackedBytes -= this.congestionWindow;
      this.congestionWindow += this.#maxDatagramSize;
    }
  }

  onCongestionEvent(newestLostTimeSent: number, now: number): void {
    if (newestLostTimeSent <= this.#recoveryStartTime) return;
    this.#recoveryStartTime = now;
    this.#untouched = false;
    this.#ackedBytes = 0;
    this.slowStartThreshold = Math.max(
      Math.floor(this.congestionWindow * K_LOSS_REDUCTION_FACTOR),
      this.#minimumWindow,
    );
    this.congestionWindow = this.slowStartThreshold;
  }

  onPersistentCongestion(): void {
    this.congestionWindow = this.#minimumWindow;
    this.#recoveryStartTime = -Infinity;
    this.#ackedBytes = 0;
    this.#untouched = false;
  }

  onDatagramSizeChanged(maxDatagramSize: number): void {
    const smaller = maxDatagramSize < this.#maxDatagramSize;
    this.#maxDatagramSize = maxDatagramSize;
    // RFC 9002 §7.2: recalculate the initial window; a window in use shrinks to it only when datagrams shrank.
    if (this.#untouched) this.congestionWindow = initialWindow(maxDatagramSize);
    else if (smaller) this.congestionWindow = Math.min(this.congestionWindow, initialWindow(maxDatagramSize));
    this.congestionWindow = Math.max(this.congestionWindow, this.#minimumWindow);
  }

  get #minimumWindow(): number {
    return MINIMUM_WINDOW_DATAGRAMS * this.#maxDatagramSize;
  }
}

function initialWindow(maxDatagramSize: number): number {
  return Math.min(INITIAL_WINDOW_DATAGRAMS * maxDatagramSize, Math.max(2 * maxDatagramSize, INITIAL_WINDOW_BYTES));
}
