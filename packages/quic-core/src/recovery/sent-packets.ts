/**
 * The packets of one packet number space that were sent and neither acknowledged, lost nor forgotten: a ring of records, indexed by packet
 * number & mask. It doubles when the span from the oldest to the newest outgrows it, and halves again when it stays nearly empty.
 *
 * Walk it with `for (let pn = sent.oldest; pn < sent.end; pn++)` and get(); slots of packets that are gone give undefined.
 */
import { SentPacket } from './sent-packet.ts';

const MIN_CAPACITY = 16;

export class SentPackets {
  /** Records are made when their slot is first used: a handshake of six packets should not pay for a bulk transfer. */
  #slots: (SentPacket | undefined)[] = new Array<SentPacket | undefined>(MIN_CAPACITY).fill(undefined);
  #mask: number = MIN_CAPACITY - 1;
  /** Widest span since the ring was last empty, to judge whether it is too large. */
  #peakSpan: number = 0;
  /** Lowest packet number that is still here; `end` when nothing is. */
  oldest: number = 0;
  /** One beyond the highest packet number ever added. */
  end: number = 0;
  /** Records that are in use. */
  count: number = 0;

  /**
   * Opens the record of a packet that is about to be sent. Adding the highest number once more starts its record anew, so a packet whose
   * assembly was given up leaves nothing behind.
   * @param packetNumber higher than all before, or the highest again
   */
  add(packetNumber: number): SentPacket {
    if (this.count === 0) this.oldest = packetNumber;
    const span = packetNumber - this.oldest + 1;
    if (span > this.#slots.length) this.#resize(span);
    if (span > this.#peakSpan) this.#peakSpan = span;
    const slot = packetNumber & this.#mask;
    let record = this.#slots[slot];
    if (record === undefined) {
      record = new SentPacket();
      this.#slots[slot] = record;
    }
    if (record.packetNumber !== packetNumber) this.count++;
    record.reset(packetNumber);
    this.end = packetNumber + 1;
    return record;
  }

  get(packetNumber: number): SentPacket | undefined {
    // The mask keeps the low bits, also of numbers beyond 2^31.
    const record = this.#slots[packetNumber & this.#mask];
    return record !== undefined && record.packetNumber === packetNumber ? record : undefined;
  }

  /** Frees a record. Its contents stay readable until the next add(). */
  remove(packetNumber: number): void {
    const record = this.get(packetNumber);
    if (record === undefined) return;
    record.packetNumber = -1;
    this.count--;
    if (this.count === 0) {
      this.oldest = this.end;
      // Halving once per time that it runs empty lets a ring follow its connection into idleness without growing again at every burst.
      if (this.#slots.length > MIN_CAPACITY && this.#peakSpan * 8 <= this.#slots.length) this.#shrink();
      this.#peakSpan = 0;
    } else if (packetNumber === this.oldest) {
      let next = packetNumber + 1;
      while (this.get(next) === undefined) next++;
      this.oldest = next;
    }
  }

  /** Forgets everything and gives the memory back. Packet numbers go on from where they were. */
  clear(): void {
    this.#slots = new Array<SentPacket | undefined>(MIN_CAPACITY).fill(undefined);
    this.#mask = MIN_CAPACITY - 1;
    this.#peakSpan = 0;
    this.count = 0;
    this.oldest = this.end;
  }

  #resize(span: number): void {
    let capacity = this.#slots.length;
    while (capacity < span) capacity *= 2;
    const slots = new Array<SentPacket | undefined>(capacity).fill(undefined);
    for (const record of this.#slots) {
      if (record !== undefined && record.packetNumber >= 0) slots[record.packetNumber & (capacity - 1)] = record;
    }
    this.#slots = slots;
    this.#mask = capacity - 1;
  }

  #shrink(): void {
    this.#slots.length >>= 1;
    this.#mask = this.#slots.length - 1;
  }
}
