/** Reads the fields of one packet. Every read checks the end, so what a peer sends can only raise MALFORMED_PACKET. */
import { PacketError } from '../errors.ts';
import { ReasonCode } from '../reason-codes.ts';
import { checkUtf8, readUtf8 } from './utf8.ts';

export class PacketReader {
  readonly buffer: Uint8Array;
  position: number;
  /** End of what may be read; properties narrow it for a while. */
  end: number;

  constructor(buffer: Uint8Array, start: number, end: number) {
    this.buffer = buffer;
    this.position = start;
    this.end = end;
  }

  get remaining(): number {
    return this.end - this.position;
  }

  uint8(): number {
    if (this.position + 1 > this.end) throw tooShort();
    return this.buffer[this.position++];
  }

  uint16(): number {
    if (this.position + 2 > this.end) throw tooShort();
    const value = (this.buffer[this.position] << 8) | this.buffer[this.position + 1];
    this.position += 2;
    return value;
  }

  uint32(): number {
    const high = this.uint16();
    return high * 65_536 + this.uint16();
  }

  varint(): number {
    let value = 0;
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.uint8();
      value |= (byte & 127) << shift;
      if (byte < 128) {
        // [MQTT-1.5.5-1]: the last byte of a longer encoding than needed is zero.
        if (byte === 0 && shift > 0)
          throw new PacketError(ReasonCode.MALFORMED_PACKET, 'A variable byte integer is longer than it has to be');
        return value;
      }
    }
    throw new PacketError(ReasonCode.MALFORMED_PACKET, 'A variable byte integer has more than four bytes');
  }

  string(): string {
    const length = this.uint16();
    this.skip(length);
    return readUtf8(this.buffer, this.position - length, this.position);
  }

  /** Checks a string and steps over it. */
  skipString(): void {
    const length = this.uint16();
    this.skip(length);
    checkUtf8(this.buffer, this.position - length, this.position);
  }

  /** @returns a view into the packet */
  binary(): Uint8Array {
    const length = this.uint16();
    this.skip(length);
    return this.buffer.subarray(this.position - length, this.position);
  }

  skip(length: number): void {
    if (this.position + length > this.end) throw tooShort();
    this.position += length;
  }

  /** @throws PacketError MALFORMED_PACKET: 0 is no identifier */
  packetIdentifier(): number {
    const identifier = this.uint16();
    // [MQTT-2.2.1-3], [MQTT-2.2.1-4]; [MQTT311-2.3.1-1]
    if (identifier === 0) throw new PacketError(ReasonCode.MALFORMED_PACKET, 'A packet identifier is 0');
    return identifier;
  }

  expectEnd(what: string): void {
    if (this.position !== this.end)
      throw new PacketError(ReasonCode.MALFORMED_PACKET, `${what} has bytes after its end`);
  }
}

function tooShort(): PacketError {
  return new PacketError(ReasonCode.MALFORMED_PACKET, 'A field is longer than its packet');
}
