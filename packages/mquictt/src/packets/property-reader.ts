/** Reads property sections (MQTT 5 §2.2.2): in place for what travels as bytes, as an object for the rest. */
import { PacketError } from '../errors.ts';
import { MAX_USER_PROPERTIES } from '../limits.ts';
import { ReasonCode } from '../reason-codes.ts';
import { PacketType, packetTypeName } from './packet-types.ts';
import { PropertyId, RULE_OF, WILL, propertiesOf } from './properties.ts';
import type { PropertyFields, PropertyRule } from './properties.ts';
import type { PacketReader } from './reader.ts';
import { readUtf8 } from './utf8.ts';

/**
 * Walks through a property section and checks each property, also those whose value nobody asks for.
 *
 *     const properties = new PropertyReader(reader, PacketType.DISCONNECT);
 *     while (properties.next()) if (properties.id === PropertyId.REASON_STRING) log(properties.text());
 */
export class PropertyReader {
  readonly #reader: PacketReader;
  readonly #packet: number;
  readonly #sectionEnd: number;
  readonly #packetEnd: number;
  // Identifiers end at 0x2a: two words of bits say which ones were seen.
  #seenLow = 0;
  #seenHigh = 0;

  /** What next() found. */
  rule: PropertyRule = propertiesOf(WILL)[0];
  id: number = 0;
  /** The value where it is a number, 0 or 1 for flags. */
  value = 0;
  /** Where the identifier begins, the value does, and the property ends. */
  start = 0;
  valueStart = 0;
  end = 0;

  /**
   * @param reader stands before the length of the section; the walk leaves it after the section
   * @param packet the packet type, or WILL
   * @throws PacketError MALFORMED_PACKET
   */
  constructor(reader: PacketReader, packet: number) {
    this.#reader = reader;
    this.#packet = packet;
    const length = reader.varint(); // [MQTT-2.2.2-1]
    this.#packetEnd = reader.end;
    this.#sectionEnd = reader.position + length;
    if (this.#sectionEnd > reader.end)
      throw new PacketError(ReasonCode.MALFORMED_PACKET, 'Properties are longer than their packet');
  }

  /**
   * @returns whether there is another property
   * @throws PacketError MALFORMED_PACKET, PROTOCOL_ERROR, TOPIC_ALIAS_INVALID
   */
  next(): boolean {
    const reader = this.#reader;
    if (reader.position === this.#sectionEnd) {
      this.#finish();
      return false;
    }
    reader.end = this.#sectionEnd;
    this.start = reader.position;
    const id = reader.varint();
    const rule = RULE_OF[id];
    if (rule === undefined) throw new PacketError(ReasonCode.MALFORMED_PACKET, `There is no property ${hexOf(id)}`);
    if ((rule.packets & (1 << this.#packet)) === 0)
      throw new PacketError(
        ReasonCode.PROTOCOL_ERROR,
        `Property ${hexOf(id)} does not belong into ${this.#packet === WILL ? 'a will' : packetTypeName(this.#packet)}`,
      );
    const bit = 1 << (id & 31);
    const isRepeatable =
      id === PropertyId.USER_PROPERTY ||
      (id === PropertyId.SUBSCRIPTION_IDENTIFIER && this.#packet === PacketType.PUBLISH);
    if (!isRepeatable && ((id < 32 ? this.#seenLow : this.#seenHigh) & bit) !== 0)
      throw new PacketError(ReasonCode.PROTOCOL_ERROR, `Property ${hexOf(id)} comes more than once`);
    if (id < 32) this.#seenLow |= bit;
    else this.#seenHigh |= bit;
    this.rule = rule;
    this.id = id;
    this.valueStart = reader.position;
    this.value = readValue(reader, rule);
    this.end = reader.position;
    reader.end = this.#packetEnd;
    return true;
  }

  /** The value of a string. */
  text(): string {
    return readUtf8(this.#reader.buffer, this.valueStart + 2, this.end);
  }

  /** The value of binary data: a copy. */
  bytes(): Uint8Array {
    return this.#reader.buffer.slice(this.valueStart + 2, this.end);
  }

  /** The value of a user property. */
  pair(): readonly [name: string, value: string] {
    const { buffer } = this.#reader;
    const at = this.valueStart;
    const nameEnd = at + 2 + ((buffer[at] << 8) | buffer[at + 1]);
    return [readUtf8(buffer, at + 2, nameEnd), readUtf8(buffer, nameEnd + 2, this.end)];
  }

  #finish(): void {
    // MQTT 5 §3.1.2.11.10: data without a method makes no sense.
    const method = 1 << PropertyId.AUTHENTICATION_METHOD;
    const data = 1 << PropertyId.AUTHENTICATION_DATA;
    if ((this.#seenLow & data) !== 0 && (this.#seenLow & method) === 0)
      throw new PacketError(ReasonCode.PROTOCOL_ERROR, 'There is authentication data without a method');
  }
}

/** Reads and checks a value. @returns it where it is a number */
function readValue(reader: PacketReader, rule: PropertyRule): number {
  let value = 0;
  switch (rule.type) {
    case 'flag':
    case 'bit':
      value = reader.uint8();
      if (value > 1)
        throw new PacketError(ReasonCode.PROTOCOL_ERROR, `Property ${hexOf(rule.id)} is ${value}, expected 0 or 1`);
      return value;
    case 'uint16':
      value = reader.uint16();
      break;
    case 'uint32':
      value = reader.uint32();
      break;
    case 'varint':
      value = reader.varint();
      break;
    case 'string':
      reader.skipString();
      return 0;
    case 'binary':
      reader.skip(reader.uint16());
      return 0;
    case 'pair':
      reader.skipString(); // [MQTT-1.5.7-1]
      reader.skipString();
      return 0;
  }
  if (value === 0 && rule.zero !== ReasonCode.SUCCESS)
    throw new PacketError(rule.zero, `Property ${hexOf(rule.id)} is 0`);
  return value;
}

type Writable<T> = { -readonly [Key in keyof T]: T[Key] };

/**
 * Reads a property section as an object that has the properties which are there.
 *
 * @param packet the packet type; not for PUBLISH and WILL, whose properties travel as bytes
 * @throws PacketError MALFORMED_PACKET, PROTOCOL_ERROR, IMPLEMENTATION_SPECIFIC_ERROR
 */
export function readPropertyFields(reader: PacketReader, packet: number): PropertyFields {
  const properties = new PropertyReader(reader, packet);
  const fields: Writable<Record<string, unknown>> = {};
  let userProperties: (readonly [string, string])[] | undefined;
  while (properties.next()) {
    const { name, type } = properties.rule;
    if (type === 'pair') {
      userProperties ??= [];
      if (userProperties.length === MAX_USER_PROPERTIES)
        throw new PacketError(
          ReasonCode.IMPLEMENTATION_SPECIFIC_ERROR,
          `There are more than ${MAX_USER_PROPERTIES} user properties in one packet`,
        );
      userProperties.push(properties.pair());
    } else if (type === 'string') fields[name] = properties.text();
    else if (type === 'binary') fields[name] = properties.bytes();
    else fields[name] = type === 'flag' ? properties.value === 1 : properties.value;
  }
  if (userProperties !== undefined) fields.userProperties = userProperties;
  return fields;
}

function hexOf(id: number): string {
  return `0x${id.toString(16).padStart(2, '0')}`;
}
