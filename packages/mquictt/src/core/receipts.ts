/**
 * QoS 2 messages that were received and not yet released (MQTT 5 §4.3.3): what makes a repeated PUBLISH recognisable. Live ones are keyed by flow and
 * identifier; those of a flow that died belong to the session, each with a digest, since peers that draw identifiers per stream may have used one twice.
 */
import { MAX_ORPHANED_RECEIPTS } from '../limits.ts';

/** Who writes receipts down. */
export interface ReceiptLog {
  added(identifier: number, digest: number): void;
  released(identifier: number, digest: number): void;
}

export class Receipts {
  /** Digests by packet identifier. */
  readonly #digests = new Map<number, number>();
  readonly #log: ReceiptLog | undefined;

  constructor(log?: ReceiptLog) {
    this.#log = log;
  }

  get size(): number {
    return this.#digests.size;
  }

  has(identifier: number): boolean {
    return this.#digests.has(identifier);
  }

  add(identifier: number, digest: number): void {
    this.#digests.set(identifier, digest);
    this.#log?.added(identifier, digest);
  }

  /** @returns whether it was there */
  release(identifier: number): boolean {
    const digest = this.#digests.get(identifier);
    if (digest === undefined) return false;
    this.#digests.delete(identifier);
    this.#log?.released(identifier, digest);
    return true;
  }

  /** Hands everything over. */
  moveTo(orphans: OrphanedReceipts): void {
    for (const [identifier, digest] of this.#digests) orphans.add(identifier, digest);
    this.#digests.clear();
  }
}

export class OrphanedReceipts {
  readonly #digests = new Map<number, number[]>();
  readonly #log: ReceiptLog | undefined;
  #size = 0;

  constructor(log?: ReceiptLog) {
    this.#log = log;
  }

  get size(): number {
    return this.#size;
  }

  add(identifier: number, digest: number): void {
    const known = this.#digests.get(identifier);
    if (known === undefined) this.#digests.set(identifier, [digest]);
    else if (known.includes(digest)) return;
    else known.push(digest);
    this.#size++;
    if (this.#size > MAX_ORPHANED_RECEIPTS) this.release(this.#digests.keys().next().value as number);
  }

  /**
   * Takes out the message that a repeated PUBLISH means: by identifier, and by digest where several share it.
   *
   * @returns whether it was there
   */
  take(identifier: number, digest: number): boolean {
    const known = this.#digests.get(identifier);
    if (known === undefined) return false;
    if (known.length === 1) return this.release(identifier);
    const index = known.indexOf(digest);
    if (index === -1) return false;
    known.splice(index, 1);
    this.#size--;
    this.#log?.released(identifier, digest);
    return true;
  }

  /** The same for a PUBREL, which tells no more than the identifier. */
  release(identifier: number): boolean {
    const known = this.#digests.get(identifier);
    if (known === undefined) return false;
    const digest = known.shift() as number;
    this.#size--;
    if (known.length === 0) this.#digests.delete(identifier);
    this.#log?.released(identifier, digest);
    return true;
  }

  /** Forgets all of them. */
  clear(): void {
    for (const [identifier, digests] of this.#digests) {
      for (const digest of digests) this.#log?.released(identifier, digest);
    }
    this.#digests.clear();
    this.#size = 0;
  }
}

/**
 * 53 bits over several pieces of a message. Only its own sender could make two of its messages collide, and would lose one of them: this has to be fast,
 * not strong.
 */
export function digestOf(...pieces: readonly Uint8Array[]): number {
  let low = 0x811c9dc5;
  let high = 0x01000193;
  for (const piece of pieces) {
    for (let i = 0; i < piece.length; i++) {
      low = Math.imul(low ^ piece[i], 0x01000193);
      high = Math.imul(high ^ piece[i], 0x85ebca6b);
    }
    // Where one piece ends and the next begins counts as well.
    low = Math.imul(low ^ piece.length, 0x01000193);
    high = Math.imul(high ^ piece.length, 0x85ebca6b) ^ (low >>> 15);
  }
  return (high >>> 11) * 0x1_0000_0000 + (low >>> 0);
}
