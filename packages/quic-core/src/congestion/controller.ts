/**
 * What loss recovery asks of a congestion controller (RFC 9002 §7). Sizes are bytes, times milliseconds.
 *
 * Bytes in flight are counted by recovery, not here: a controller only says how large the window is. Every controller passes one contract suite.
 */
export interface CongestionController {
  readonly name: string;
  /** Bytes that may be in flight. Never below two datagrams (RFC 9002 §7.2). */
  readonly congestionWindow: number;
  /** Infinity until the first congestion event. */
  readonly slowStartThreshold: number;

  onPacketSent(now: number, bytes: number): void;
  /**
   * One call per acknowledged in-flight packet.
   * @param isWindowLimited whether the window was what held back sending while the packet was in flight; when it was not, the window must
   *   not grow (RFC 9002 §7.8)
   */
  onPacketAcked(bytes: number, timeSent: number, now: number, isWindowLimited: boolean, smoothedRtt: number): void;
  /**
   * One call per loss detection that declared packets lost, with the send time of the newest of them. At most one reduction per round trip
   * (RFC 9002 §7.3.2).
   */
  onCongestionEvent(newestLostTimeSent: number, now: number): void;
  /** RFC 9002 §7.6: the window collapses to its minimum. */
  onPersistentCongestion(): void;
  /** Loss was declared in error, or packets left flight for another reason (key discard): nothing to react to. */
  onDatagramSizeChanged(maxDatagramSize: number): void;
}

/** @param maxDatagramSize bytes */
export type CongestionControllerFactory = (maxDatagramSize: number) => CongestionController;
