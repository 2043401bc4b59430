/** Writes the fields of one packet. Its length is known at the end only, so the fixed header is put before the body last. */
import { usageError } from '../errors.ts';
import type { PropertyFields, PropertyRule } from './properties.ts';
import { propertiesOf } from './properties.ts';
import { Slab } from './slab.ts';
import { VARINT_MAX, varintLength, writeVarint } from './varint.ts';

/** Bytes that the fixed header may take. */
const HEADER_ROOM = 5;
const FIRST_SIZE = 1_024;
/** A buffer that grew beyond this for one packet is not kept for the next. */
const KEPT_SIZE = 65_536;

const encoder = new TextEncoder();

export class PacketWriter {
  #out = new Uint8Array(FIRST_SIZE);
  #position = HEADER_ROOM;
  readonly #slab = new Slab();

  /** Forgets what was written. One writer serves all: a packet is written from begin() to finish() without a pause. */
  begin(): this {
    if (this.#out.length > KEPT_SIZE) this.#out = new Uint8Array(FIRST_SIZE);
    this.#position = HEADER_ROOM;
    return this;
  }

  uint8(value: number): this {
    this.#reserve(1);
    this.#out[this.#position++] = value;
    return this;
  }

  uint16(value: number): this {
    this.#reserve(2);
    this.#out[this.#position++] = value >> 8;
    this.#out[this.#position++] = value;
    return this;
  }

  uint32(value: number): this {
    return this.uint16(value >>> 16).uint16(value);
  }

  varint(value: number): this {
    this.#reserve(4);
    this.#position = writeVarint(this.#out, this.#position, value);
    return this;
  }

  /** @throws MqttError ERR_MQTT_INVALID_ARGUMENT: U+0000, or more than 65,535 bytes */
  string(text: string): this {
    if (text.includes('\0')) throw usageError('ERR_MQTT_INVALID_ARGUMENT', 'A text for a packet contains U+0000');
    // A UTF-16 unit becomes at most three bytes.
    this.#reserve(2 + 3 * text.length);
    const start = this.#position + 2;
    const { written } = encoder.encodeInto(text, this.#out.subarray(start));
    if (written > 65_535)
      throw usageError('ERR_MQTT_INVALID_ARGUMENT', `A text for a packet is ${written} bytes long, more than 65535`);
    this.uint16(written);
    this.#position = start + written;
    return this;
  }

  /** @throws MqttError ERR_MQTT_INVALID_ARGUMENT: more than 65,535 bytes */
  binary(bytes: Uint8Array): this {
    if (bytes.length > 65_535)
      throw usageError('ERR_MQTT_INVALID_ARGUMENT', `Data for a packet is ${bytes.length} bytes long, more than 65535`);
    return this.uint16(bytes.length).raw(bytes);
  }

  /** Bytes without a length. */
  raw(bytes: Uint8Array): this {
    this.#reserve(bytes.length);
    this.#out.set(bytes, this.#position);
    this.#position += bytes.length;
    return this;
  }

  /**
   * Writes a property section with its length.
   *
   * @param packet the packet type, or WILL
   * @param fields properties that do not belong into the packet are left out
   * @param encoded more of them, as bytes
   */
  properties(packet: number, fields: PropertyFields, encoded?: Uint8Array): this {
    const start = this.uint8(0).#position; // [MQTT-2.2.2-1]
    for (const rule of propertiesOf(packet)) {
      const value = fields[rule.name];
      if (value !== undefined) this.#property(rule, value);
    }
    if (encoded !== undefined) this.raw(encoded);
    const length = this.#position - start;
    const more = varintLength(length) - 1;
    if (more > 0) {
      this.#reserve(more);
      this.#out.copyWithin(start + more, start, this.#position);
      this.#position += more;
    }
    writeVarint(this.#out, start - 1, length);
    return this;
  }

  #property(rule: PropertyRule, value: NonNullable<PropertyFields[keyof PropertyFields]>): void {
    if (rule.type === 'pair') {
      // [MQTT-3.3.2-18]: in the order given
      for (const [name, text] of value as readonly (readonly [string, string])[])
        this.uint8(rule.id).string(name).string(text);
      return;
    }
    this.uint8(rule.id);
    switch (rule.type) {
      case 'flag':
      case 'bit':
        this.uint8(Number(value));
        break;
      case 'uint16':
        this.uint16(value as number);
        break;
      case 'uint32':
        this.uint32(value as number);
        break;
      case 'varint':
        this.varint(value as number);
        break;
      case 'string':
        this.string(value as string);
        break;
      case 'binary':
        this.binary(value as Uint8Array);
        break;
    }
  }

  /**
   * @param header the first byte
   * @returns the packet
   * @throws MqttError ERR_MQTT_PACKET_TOO_LARGE
   */
  finish(header: number): Uint8Array {
    const length = this.#position - HEADER_ROOM;
    if (length > VARINT_MAX)
      throw usageError('ERR_MQTT_PACKET_TOO_LARGE', `A packet has ${length} bytes, more than ${VARINT_MAX}`);
    const start = HEADER_ROOM - 1 - varintLength(length);
    this.#out[start] = header;
    writeVarint(this.#out, start + 1, length);
    const size = this.#position - start;
    const at = this.#slab.allocate(size);
    const packet = this.#slab.buffer.subarray(at, at + size);
    packet.set(this.#out.subarray(start, this.#position));
    return packet;
  }

  /** What was written, without a header. */
  body(): Uint8Array {
    return this.#out.slice(HEADER_ROOM, this.#position);
  }

  #reserve(bytes: number): void {
    const needed = this.#position + bytes;
    if (needed <= this.#out.length) return;
    const grown = new Uint8Array(Math.max(needed, 2 * this.#out.length));
    grown.set(this.#out.subarray(0, this.#position));
    this.#out = grown;
  }
}

/** The one writer of all packets. */
export const packetWriter: PacketWriter = new PacketWriter();
