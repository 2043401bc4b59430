/**
 * Cuts a byte stream into MQTT packets. A packet that lies whole in a chunk is not copied; one that comes in pieces is gathered in a buffer that grows
 * as its bytes come, so that a large announced length costs a peer as much as it costs us.
 */
import { PacketError } from '../errors.ts';
import { FIRST_PACKET_ALLOCATION } from '../limits.ts';
import { ReasonCode } from '../reason-codes.ts';

const EMPTY = new Uint8Array(0);

export class PacketSplitter {
  /** Bytes of the packet that next() found; belongs to the caller together with the chunk it came in. */
  buffer: Uint8Array = EMPTY;
  /** Where the packet begins in `buffer`. */
  start = 0;
  /** Where its variable header begins. */
  bodyStart = 0;
  end = 0;

  readonly #maxPacketSize: number;
  /** What was pushed and not yet cut. */
  #chunk: Uint8Array = EMPTY;
  #position = 0;
  /** The beginning of a packet that was not whole in its chunk. */
  #partial: Uint8Array = EMPTY;
  #partialLength = 0;

  /** @param maxPacketSize bytes, fixed header included */
  constructor(maxPacketSize: number) {
    this.#maxPacketSize = maxPacketSize;
  }

  /** Whether the stream may end here: nothing is left of a packet. */
  get isBetweenPackets(): boolean {
    return this.#partialLength === 0 && this.#position === this.#chunk.length;
  }

  /** The first byte of a packet that is not complete; -1 when there is none. */
  get partialHeader(): number {
    return this.#partialLength === 0 ? -1 : this.#partial[0];
  }

  /** Bytes held for a packet that is not complete. */
  get partialLength(): number {
    return this.#partialLength;
  }

  /** Takes the next bytes of the stream; they must not change afterwards. Call next() until it says no before pushing more. */
  push(bytes: Uint8Array): void {
    // slice() of a Buffer does not copy: below here there are none.
    const chunk = Buffer.isBuffer(bytes) ? new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length) : bytes;
    if (this.#position < this.#chunk.length) {
      const rest = this.#chunk.length - this.#position;
      const joined = new Uint8Array(rest + chunk.length);
      joined.set(this.#chunk.subarray(this.#position));
      joined.set(chunk, rest);
      this.#chunk = joined;
    } else {
      this.#chunk = chunk;
    }
    this.#position = 0;
  }

  /**
   * @returns the first byte (type and flags) of the next packet, which now stands in `buffer`; -1 when there is no whole one
   * @throws PacketError MALFORMED_PACKET, PACKET_TOO_LARGE: the stream cannot be read any further
   */
  next(): number {
    if (this.#partialLength > 0) return this.#completePartial();
    const chunk = this.#chunk;
    const start = this.#position;
    if (start === chunk.length) return -1;
    const bodyStart = this.#readLength(chunk, start, chunk.length);
    if (bodyStart === -1 || this.end > chunk.length) {
      this.#keep(chunk, start, chunk.length);
      return -1;
    }
    this.buffer = chunk;
    this.start = start;
    this.bodyStart = bodyStart;
    this.#position = this.end;
    return chunk[start];
  }

  /** Reads the remaining length; sets `end`. @returns where the body begins, -1 when bytes are missing */
  #readLength(buffer: Uint8Array, start: number, limit: number): number {
    let length = 0;
    for (let i = 1; i <= 4; i++) {
      if (start + i >= limit) return -1;
      const byte = buffer[start + i];
      length |= (byte & 127) << (7 * (i - 1));
      if (byte < 128) {
        // [MQTT-1.5.5-1]
        if (byte === 0 && i > 1)
          throw new PacketError(ReasonCode.MALFORMED_PACKET, 'The remaining length is longer than it has to be');
        const size = 1 + i + length;
        if (size > this.#maxPacketSize)
          throw new PacketError(
            ReasonCode.PACKET_TOO_LARGE,
            `A packet of ${size} bytes is larger than the ${this.#maxPacketSize} bytes allowed`,
          );
        this.end = start + size;
        return start + i + 1;
      }
    }
    throw new PacketError(ReasonCode.MALFORMED_PACKET, 'The remaining length has more than four bytes');
  }

  #completePartial(): number {
    // The header first: at most four more bytes tell how much is wanted.
    for (;;) {
      const chunk = this.#chunk;
      const bodyStart = this.#readLength(this.#partial, 0, this.#partialLength);
      if (bodyStart !== -1) {
        const missing = this.end - this.#partialLength;
        const take = Math.min(missing, chunk.length - this.#position);
        this.#keep(chunk, this.#position, this.#position + take);
        if (take < missing) return -1;
        this.buffer = this.#partial;
        this.start = 0;
        this.bodyStart = bodyStart;
        // The packet leaves with its buffer: whoever keeps views of it keeps nothing else.
        this.#partial = EMPTY;
        this.#partialLength = 0;
        return this.buffer[0];
      }
      if (this.#position === chunk.length) return -1;
      this.#keep(chunk, this.#position, this.#position + 1);
    }
  }

  /** Moves bytes of the chunk behind the partial packet. */
  #keep(chunk: Uint8Array, from: number, to: number): void {
    const length = this.#partialLength + to - from;
    if (length > this.#partial.length) {
      const grown = new Uint8Array(Math.max(length, 2 * this.#partial.length, FIRST_PACKET_ALLOCATION));
      grown.set(this.#partial.subarray(0, this.#partialLength));
      this.#partial = grown;
    }
    this.#partial.set(chunk.subarray(from, to), this.#partialLength);
    this.#partialLength = length;
    this.#position = to;
    if (this.#position === chunk.length) {
      this.#chunk = EMPTY;
      this.#position = 0;
    }
  }
}
