/**
 * Finds persistent congestion among the packets that one loss detection declared lost (RFC 9002 §7.6): two ack-eliciting ones, sent further apart than
 * some probe timeouts, with nothing acknowledged between them.
 *
 * It looks at one packet number space and at one detection, as §7.6.2 permits. A long outage ends with one acknowledgement that declares all of it lost.
 */
export class PersistentCongestion {
  #shortest: number = Infinity;
  #notBefore: number = Infinity;
  #start: number = -1;
  found: boolean = false;

  /**
   * @param shortest duration that counts, ms
   * @param notBefore packets sent up to the first RTT sample do not count: the probe timeout was a guess then
   */
  begin(shortest: number, notBefore: number): void {
    this.#shortest = shortest;
    this.#notBefore = notBefore;
    this.#start = -1;
    this.found = false;
  }

  /** To be called for each lost packet, in the order of packet numbers. */
  onLost(timeSent: number, ackEliciting: boolean): void {
    if (!ackEliciting || timeSent <= this.#notBefore) return;
    if (this.#start < 0) this.#start = timeSent;
    else if (timeSent - this.#start > this.#shortest) this.found = true;
  }

  /** The next packet number was acknowledged, or may have been. */
  onGap(): void {
    this.#start = -1;
  }
}
