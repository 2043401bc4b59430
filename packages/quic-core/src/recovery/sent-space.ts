/** What loss recovery knows of one packet number space: RFC 9002 appendix A.3. */
import { MAX_SKIPPED_PACKET_NUMBERS } from '../limits.ts';
import { SentPackets } from './sent-packets.ts';

export class SentSpace {
  readonly sent: SentPackets = new SentPackets();
  largestSent: number = -1;
  largestAcked: number = -1;
  /** When the next packet exceeds the time threshold, ms; Infinity = none is waiting for that. */
  lossTime: number = Infinity;
  /** When the last ack-eliciting packet was sent or its probe timeout fired, ms. */
  lastElicitingTime: number = 0;
  elicitingInFlight: number = 0;
  /** The keys are gone; nothing more happens here. */
  discarded: boolean = false;
  /** Numbers left out on purpose, ascending. */
  readonly #skipped: number[] = [];

  skip(packetNumber: number): void {
    this.#skipped.push(packetNumber);
    if (this.#skipped.length > MAX_SKIPPED_PACKET_NUMBERS) this.#skipped.shift();
    // A number beyond the last one sent is as good as sent: whoever names it is caught by the list.
    if (packetNumber > this.largestSent) this.largestSent = packetNumber;
  }

  isSkipped(packetNumber: number): boolean {
    return this.#skipped.includes(packetNumber);
  }

  /** @param ranges flat [start, end) pairs */
  namesSkipped(ranges: ArrayLike<number>, rangeCount: number): boolean {
    for (let i = 0; i < this.#skipped.length; i++) {
      const skipped = this.#skipped[i]!;
      for (let j = 0; j < rangeCount; j++) {
        if (ranges[2 * j]! <= skipped && skipped < ranges[2 * j + 1]!) return true;
      }
    }
    return false;
  }
}
