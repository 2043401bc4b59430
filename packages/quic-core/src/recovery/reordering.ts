/**
 * How much reordering a path shows, learnt from packets that were declared lost and acknowledged after all. RFC 9002 §6.1.1 sets the thresholds to start with
 * and allows to raise them; without that, a path that reorders by more than three packets keeps the window at its minimum for ever.
 *
 * They are never lowered: the time threshold, which stays within two round trips, bounds what that may cost on a path that has changed.
 */

/** RFC 9002 §6.1.1: reordering by fewer packets is no loss. */
export const K_PACKET_THRESHOLD = 3;
/** RFC 9002 §6.1.2, of the round-trip time. */
export const K_TIME_THRESHOLD: number = 9 / 8;
const MAX_PACKET_THRESHOLD = 256;
const MAX_TIME_THRESHOLD = 2;
/** Packets declared lost that are remembered. */
const REMEMBERED = 32;

export class Reordering {
  packetThreshold: number = K_PACKET_THRESHOLD;
  timeThreshold: number = K_TIME_THRESHOLD;
  /** Packets that were declared lost in error, as far as they were remembered. */
  spuriousCount: number = 0;
  /** Packet numbers, -1 where there is none, and when each was sent. */
  readonly #lost: number[] = [];
  readonly #timeSent: number[] = [];
  #next: number = 0;
  #count: number = 0;

  onLost(packetNumber: number, timeSent: number): void {
    if (this.#lost[this.#next] === undefined || this.#lost[this.#next] === -1) this.#count++;
    this.#lost[this.#next] = packetNumber;
    this.#timeSent[this.#next] = timeSent;
    this.#next = (this.#next + 1) % REMEMBERED;
  }

  /**
   * @param ranges flat [start, end) pairs of an ACK, the newest first
   * @param largestAcked before this ACK
   * @param rtt that loss detection goes by, ms
   */
  onAck(ranges: ArrayLike<number>, rangeCount: number, largestAcked: number, rtt: number, now: number): void {
    if (this.#count === 0) return;
    for (let i = 0; i < this.#lost.length; i++) {
      const packetNumber = this.#lost[i]!;
      if (packetNumber < 0 || !isAmong(packetNumber, ranges, rangeCount)) continue;
      this.#lost[i] = -1;
      this.#count--;
      this.spuriousCount++;
      // What would have been enough to wait for it.
      const distance = largestAcked - packetNumber + 1;
      this.packetThreshold = Math.min(MAX_PACKET_THRESHOLD, Math.max(this.packetThreshold, distance));
      const wait = (now - this.#timeSent[i]!) / rtt;
      this.timeThreshold = Math.min(MAX_TIME_THRESHOLD, Math.max(this.timeThreshold, wait));
    }
  }
}

function isAmong(value: number, ranges: ArrayLike<number>, rangeCount: number): boolean {
  for (let i = 0; i < rangeCount; i++) {
    if (value >= ranges[2 * i]!) return value < ranges[2 * i + 1]!;
  }
  return false;
}
