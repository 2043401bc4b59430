/** The estimate of a path's round-trip time: RFC 9002 §5. All times ms. */

/** RFC 9002 §6.2.2: assumed before the first sample. */
export const K_INITIAL_RTT = 333;
/** RFC 9002 §6.1.2: the granularity of timers. */
export const K_GRANULARITY = 1;

export class RttEstimator {
  /** The newest sample; 0 before the first. */
  latest: number = 0;
  smoothed: number = K_INITIAL_RTT;
  rttvar: number = K_INITIAL_RTT / 2;
  /** 0 before the first sample. */
  min: number = 0;
  hasSample: boolean = false;

  /**
   * @param latest ms from the sending of the largest newly acknowledged packet to now
   * @param ackDelay what the peer says that it waited, ms
   * @param handshakeConfirmed from then on the peer's max_ack_delay binds it
   * @param maxAckDelay of the peer, ms
   */
  update(latest: number, ackDelay: number, handshakeConfirmed: boolean, maxAckDelay: number): void {
    this.latest = latest;
    if (!this.hasSample) {
      this.hasSample = true;
      this.min = latest;
      this.smoothed = latest;
      this.rttvar = latest / 2;
      return;
    }
    // RFC 9002 §5.2: the minimum ignores the acknowledgement delay, and §5.3: the delay never takes a sample below the minimum.
    if (latest < this.min) this.min = latest;
    const delay = handshakeConfirmed ? Math.min(ackDelay, maxAckDelay) : ackDelay;
    const adjusted = latest >= this.min + delay ? latest - delay : latest;
    this.rttvar = 0.75 * this.rttvar + 0.25 * Math.abs(this.smoothed - adjusted);
    this.smoothed = 0.875 * this.smoothed + 0.125 * adjusted;
  }

  /** The probe timeout without backoff (RFC 9002 §6.2.1). @param maxAckDelay 0 for Initial and Handshake packets */
  pto(maxAckDelay: number): number {
    return this.smoothed + Math.max(4 * this.rttvar, K_GRANULARITY) + maxAckDelay;
  }

  /** RFC 9002 §5.2: after persistent congestion the path may be another one, so the next sample sets the minimum anew. */
  resetMin(): void {
    this.min = Infinity;
  }
}
