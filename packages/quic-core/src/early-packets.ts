/** Packets that came before their keys (RFC 9000 §5.7): kept within a bound, in the order in which they came. */
import { MAX_UNDECRYPTABLE_BYTES, MAX_UNDECRYPTABLE_PACKETS } from './limits.ts';
import type { Path } from './path.ts';
import type { Space } from './recovery/spaces.ts';

/** A copy of a packet, and where it came from. */
export interface EarlyPacket {
  readonly bytes: Uint8Array;
  readonly space: Space;
  readonly path: Path;
  /** When it came, ms: what it waited here is part of the acknowledgement delay (RFC 9002 §5.3). */
  readonly time: number;
}

export class EarlyPackets {
  #packets: EarlyPacket[] = [];
  #bytes: number = 0;

  get isEmpty(): boolean {
    return this.#packets.length === 0;
  }

  /** Keeps a copy of buffer[start..end). @returns false where the bound is reached */
  keep(space: Space, buffer: Uint8Array, start: number, end: number, path: Path, time: number): boolean {
    const size = end - start;
    if (this.#packets.length >= MAX_UNDECRYPTABLE_PACKETS || this.#bytes + size > MAX_UNDECRYPTABLE_BYTES) return false;
    this.#packets.push({ bytes: buffer.slice(start, end), space, path, time });
    this.#bytes += size;
    return true;
  }

  /** All that wait; none is kept any longer. */
  takeAll(): readonly EarlyPacket[] {
    const packets = this.#packets;
    this.#packets = [];
    this.#bytes = 0;
    return packets;
  }
}
