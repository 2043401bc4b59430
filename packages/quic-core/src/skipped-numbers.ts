/**
 * Packet numbers that are left out on purpose (RFC 9000 §21.4): a peer that acknowledges one has not received what it acknowledges, and would make
 * us send faster than the path carries.
 */
import type { Random } from '@mquictt/tls13';

/** Packets among which one number is left out, at first and at most: the attack pays most on a young connection. */
const FIRST_GAP = 256;
const MAX_GAP = 131_072;

export class SkippedNumbers {
  readonly #random: Random;
  #gap: number = FIRST_GAP;
  /** The next number to leave out. */
  next: number = -1;

  constructor(random: Random) {
    this.#random = random;
    this.plan();
  }

  /** Chooses the next number, ever further away. */
  plan(): void {
    const bytes = new Uint8Array(4);
    this.#random.fillPublic(bytes);
    const draw = new DataView(bytes.buffer).getUint32(0);
    this.next += 1 + (draw % this.#gap);
    this.#gap = Math.min(2 * this.#gap, MAX_GAP);
  }
}
