/**
 * What was received in one packet number space, and when to say so: RFC 9000 §13.2.
 *
 * Left out: ECN counts (§13.4), as node:dgram does not show the codepoint; ACK_FREQUENCY.
 */
import { MAX_ACK_RANGES } from '../limits.ts';
import { Ranges } from './ranges.ts';
import { Space } from './spaces.ts';

/** RFC 9000 §13.2.2: acknowledge after at least this many ack-eliciting packets. */
const ACK_ELICITING_THRESHOLD = 2;

export class AckTracker {
  readonly #immediate: boolean;
  readonly #maxAckDelay: number;
  /** Packet numbers to acknowledge. */
  readonly ranges: Ranges = new Ranges();
  /** Numbers below it are forgotten; RFC 9000 §13.2.3: they must not be accepted again. */
  #floor: number = 0;
  /** Ack-eliciting packets since the last ACK was sent. */
  #elicitingCount: number = 0;
  #largest: number = -1;
  #largestEliciting: number = -1;
  /** Lowest number received since the last ACK was sent: no ACK has carried it yet. */
  #lowestUnreported: number = Infinity;
  /** When the packet with the largest number came, ms. */
  largestReceivedTime: number = 0;
  /** When to send an ACK at the latest, ms; Infinity = none is owed. */
  ackDeadline: number = Infinity;

  /** @param maxAckDelay the max_ack_delay we announced, ms; counts in the application space alone */
  constructor(space: Space, maxAckDelay = 25) {
    // RFC 9000 §13.2.1: all ack-eliciting Initial and Handshake packets are acknowledged immediately.
    this.#immediate = space !== Space.APPLICATION;
    this.#maxAckDelay = maxAckDelay;
  }

  /** Whether the packet was seen before, or is so old that nobody remembers. */
  isDuplicate(packetNumber: number): boolean {
    return packetNumber < this.#floor || this.ranges.contains(packetNumber);
  }

  /** To be called once per packet that opened and is no duplicate, after its frames were handled. */
  onPacketReceived(packetNumber: number, ackEliciting: boolean, now: number): void {
    const ranges = this.ranges;
    const largest = this.#largest;
    if (!ranges.add(packetNumber, packetNumber + 1)) return;
    if (ranges.count > MAX_ACK_RANGES) {
      ranges.trimTo(MAX_ACK_RANGES);
      this.#floor = ranges.smallest;
    }
    if (packetNumber > largest) {
      this.#largest = packetNumber;
      this.largestReceivedTime = now;
    }
    if (packetNumber < this.#lowestUnreported) this.#lowestUnreported = packetNumber;
    if (!ackEliciting) return;

    this.#elicitingCount++;
    const outOfOrder =
      // RFC 9000 §13.2.1: at once when a packet comes late, or when it leaves a gap below it.
      packetNumber < this.#largestEliciting || (largest >= 0 && packetNumber > largest + 1);
    if (packetNumber > this.#largestEliciting) this.#largestEliciting = packetNumber;
    if (this.#immediate || outOfOrder || this.#elicitingCount >= ACK_ELICITING_THRESHOLD) this.ackDeadline = now;
    else if (this.ackDeadline === Infinity) this.ackDeadline = now + this.#maxAckDelay;
  }

  /** Whether an ACK is owed: send it with the next packet, whatever the deadline. */
  get shouldBundle(): boolean {
    return this.#elicitingCount > 0;
  }

  /** How long the newest packet has waited, whole µs, before it is shifted by ack_delay_exponent. */
  ackDelayUs(now: number): number {
    return Math.max(0, Math.round((now - this.largestReceivedTime) * 1000));
  }

  /** @param largest the largest packet number that the ACK named */
  onAckSent(_largest: number, _now: number): void {
    this.#elicitingCount = 0;
    this.#lowestUnreported = Infinity;
    this.ackDeadline = Infinity;
  }

  /** The peer has our ACK up to `largest`, so these need no mention any more (RFC 9000 §13.2.4). */
  onAckAcked(largest: number): void {
    // Packets that came late, after that ACK was sent, still have to be reported.
    const below = Math.min(largest + 1, this.#lowestUnreported);
    if (below <= this.#floor) return;
    this.#floor = below;
    this.ranges.dropBelow(below);
  }
}
