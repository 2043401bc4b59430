/** MQTT 5 properties (§2.2.2): which exist, of which type, in which packets, how often, and under which name our packets have them. */
import { PacketError } from '../errors.ts';
import { MAX_USER_PROPERTIES } from '../limits.ts';
import { ReasonCode } from '../reason-codes.ts';
import { PacketType, packetTypeName } from './packet-types.ts';
import type { PacketReader } from './reader.ts';
import { readUtf8 } from './utf8.ts';

export const PropertyId = {
  PAYLOAD_FORMAT_INDICATOR: 0x01,
  MESSAGE_EXPIRY_INTERVAL: 0x02,
  CONTENT_TYPE: 0x03,
  RESPONSE_TOPIC: 0x08,
  CORRELATION_DATA: 0x09,
  SUBSCRIPTION_IDENTIFIER: 0x0b,
  SESSION_EXPIRY_INTERVAL: 0x11,
  ASSIGNED_CLIENT_IDENTIFIER: 0x12,
  SERVER_KEEP_ALIVE: 0x13,
  AUTHENTICATION_METHOD: 0x15,
  AUTHENTICATION_DATA: 0x16,
  REQUEST_PROBLEM_INFORMATION: 0x17,
  WILL_DELAY_INTERVAL: 0x18,
  REQUEST_RESPONSE_INFORMATION: 0x19,
  RESPONSE_INFORMATION: 0x1a,
  SERVER_REFERENCE: 0x1c,
  REASON_STRING: 0x1f,
  RECEIVE_MAXIMUM: 0x21,
  TOPIC_ALIAS_MAXIMUM: 0x22,
  TOPIC_ALIAS: 0x23,
  MAXIMUM_QOS: 0x24,
  RETAIN_AVAILABLE: 0x25,
  USER_PROPERTY: 0x26,
  MAXIMUM_PACKET_SIZE: 0x27,
  WILDCARD_SUBSCRIPTION_AVAILABLE: 0x28,
  SUBSCRIPTION_IDENTIFIER_AVAILABLE: 0x29,
  SHARED_SUBSCRIPTION_AVAILABLE: 0x2a,
} as const;
export type PropertyId = (typeof PropertyId)[keyof typeof PropertyId];

/** Where properties stand: the packet types by number, and the will inside CONNECT as 0. */
export const WILL = 0;

/** Names and values in order; names may repeat. */
export type UserPropertyList = readonly (readonly [name: string, value: string])[];

/** Every property under its name; a packet has those that belong to it. Intervals in seconds, sizes in bytes. */
export interface PropertyFields {
  readonly payloadFormatIndicator?: number | undefined;
  readonly messageExpiryInterval?: number | undefined;
  readonly contentType?: string | undefined;
  readonly responseTopic?: string | undefined;
  readonly correlationData?: Uint8Array | undefined;
  /** 1..268,435,455 */
  readonly subscriptionIdentifier?: number | undefined;
  readonly sessionExpiryInterval?: number | undefined;
  readonly assignedClientIdentifier?: string | undefined;
  readonly serverKeepAlive?: number | undefined;
  readonly authenticationMethod?: string | undefined;
  readonly authenticationData?: Uint8Array | undefined;
  readonly requestProblemInformation?: boolean | undefined;
  readonly willDelayInterval?: number | undefined;
  readonly requestResponseInformation?: boolean | undefined;
  readonly responseInformation?: string | undefined;
  readonly serverReference?: string | undefined;
  readonly reasonString?: string | undefined;
  /** 1..65,535 */
  readonly receiveMaximum?: number | undefined;
  readonly topicAliasMaximum?: number | undefined;
  /** 1..65,535 */
  readonly topicAlias?: number | undefined;
  /** 0 or 1; left out for 2. */
  readonly maximumQos?: number | undefined;
  readonly retainAvailable?: boolean | undefined;
  readonly userProperties?: UserPropertyList | undefined;
  /** At least 1. */
  readonly maximumPacketSize?: number | undefined;
  readonly wildcardSubscriptionAvailable?: boolean | undefined;
  readonly subscriptionIdentifierAvailable?: boolean | undefined;
  readonly sharedSubscriptionAvailable?: boolean | undefined;
}

/** `flag` is true or false, `bit` the number 0 or 1; both are one byte. */
export type PropertyType = 'flag' | 'bit' | 'uint16' | 'uint32' | 'varint' | 'string' | 'binary' | 'pair';

export interface PropertyRule {
  readonly id: PropertyId;
  readonly name: keyof PropertyFields;
  readonly type: PropertyType;
  /** Bit n is set when the property may stand in packet type n. */
  readonly packets: number;
  /** What 0 is called, where 0 is not allowed; 0 where it is. */
  readonly zero: ReasonCode;
}

const { CONNECT, CONNACK, PUBLISH, SUBSCRIBE, UNSUBSCRIBE, DISCONNECT, AUTH } = PacketType;
const ACKNOWLEDGEMENTS = [
  PacketType.PUBACK,
  PacketType.PUBREC,
  PacketType.PUBREL,
  PacketType.PUBCOMP,
  PacketType.SUBACK,
  PacketType.UNSUBACK,
];
const EVERYWHERE = [WILL, CONNECT, CONNACK, PUBLISH, ...ACKNOWLEDGEMENTS, SUBSCRIBE, UNSUBSCRIBE, DISCONNECT, AUTH];

function rule(
  id: PropertyId,
  name: keyof PropertyFields,
  type: PropertyType,
  packets: readonly number[],
  zero: ReasonCode = ReasonCode.SUCCESS,
): PropertyRule {
  return { id, name, type, packets: packets.reduce((bits, packet) => bits | (1 << packet), 0), zero };
}

/** MQTT 5 table 2-4, in the order in which we write. */
const RULES: readonly PropertyRule[] = [
  rule(PropertyId.PAYLOAD_FORMAT_INDICATOR, 'payloadFormatIndicator', 'bit', [PUBLISH, WILL]),
  rule(PropertyId.WILL_DELAY_INTERVAL, 'willDelayInterval', 'uint32', [WILL]),
  rule(PropertyId.MESSAGE_EXPIRY_INTERVAL, 'messageExpiryInterval', 'uint32', [PUBLISH, WILL]),
  rule(PropertyId.CONTENT_TYPE, 'contentType', 'string', [PUBLISH, WILL]),
  rule(PropertyId.RESPONSE_TOPIC, 'responseTopic', 'string', [PUBLISH, WILL]),
  rule(PropertyId.CORRELATION_DATA, 'correlationData', 'binary', [PUBLISH, WILL]),
  rule(
    PropertyId.SUBSCRIPTION_IDENTIFIER,
    'subscriptionIdentifier',
    'varint',
    [PUBLISH, SUBSCRIBE],
    ReasonCode.PROTOCOL_ERROR,
  ),
  rule(PropertyId.TOPIC_ALIAS, 'topicAlias', 'uint16', [PUBLISH], ReasonCode.TOPIC_ALIAS_INVALID), // [MQTT-3.3.2-8]
  rule(PropertyId.SESSION_EXPIRY_INTERVAL, 'sessionExpiryInterval', 'uint32', [CONNECT, CONNACK, DISCONNECT]),
  rule(PropertyId.RECEIVE_MAXIMUM, 'receiveMaximum', 'uint16', [CONNECT, CONNACK], ReasonCode.PROTOCOL_ERROR),
  rule(PropertyId.MAXIMUM_QOS, 'maximumQos', 'bit', [CONNACK]),
  rule(PropertyId.RETAIN_AVAILABLE, 'retainAvailable', 'flag', [CONNACK]),
  rule(PropertyId.MAXIMUM_PACKET_SIZE, 'maximumPacketSize', 'uint32', [CONNECT, CONNACK], ReasonCode.PROTOCOL_ERROR),
  rule(PropertyId.ASSIGNED_CLIENT_IDENTIFIER, 'assignedClientIdentifier', 'string', [CONNACK]),
  rule(PropertyId.TOPIC_ALIAS_MAXIMUM, 'topicAliasMaximum', 'uint16', [CONNECT, CONNACK]),
  rule(PropertyId.REQUEST_RESPONSE_INFORMATION, 'requestResponseInformation', 'flag', [CONNECT]),
  rule(PropertyId.REQUEST_PROBLEM_INFORMATION, 'requestProblemInformation', 'flag', [CONNECT]),
  rule(PropertyId.WILDCARD_SUBSCRIPTION_AVAILABLE, 'wildcardSubscriptionAvailable', 'flag', [CONNACK]),
  rule(PropertyId.SUBSCRIPTION_IDENTIFIER_AVAILABLE, 'subscriptionIdentifierAvailable', 'flag', [CONNACK]),
  rule(PropertyId.SHARED_SUBSCRIPTION_AVAILABLE, 'sharedSubscriptionAvailable', 'flag', [CONNACK]),
  rule(PropertyId.SERVER_KEEP_ALIVE, 'serverKeepAlive', 'uint16', [CONNACK]),
  rule(PropertyId.RESPONSE_INFORMATION, 'responseInformation', 'string', [CONNACK]),
  rule(PropertyId.SERVER_REFERENCE, 'serverReference', 'string', [CONNACK, DISCONNECT]),
  rule(PropertyId.AUTHENTICATION_METHOD, 'authenticationMethod', 'string', [CONNECT, CONNACK, AUTH]),
  rule(PropertyId.AUTHENTICATION_DATA, 'authenticationData', 'binary', [CONNECT, CONNACK, AUTH]),
  rule(PropertyId.REASON_STRING, 'reasonString', 'string', [CONNACK, ...ACKNOWLEDGEMENTS, DISCONNECT, AUTH]),
  rule(PropertyId.USER_PROPERTY, 'userProperties', 'pair', EVERYWHERE),
];

const RULE_OF: readonly (PropertyRule | undefined)[] = Array.from({ length: 0x2b }, (_, id) =>
  RULES.find((found) => found.id === id),
);

/** The properties that may stand in each packet. */
const RULES_OF: readonly (readonly PropertyRule[])[] = Array.from({ length: 16 }, (_, packet) =>
  RULES.filter((found) => (found.packets & (1 << packet)) !== 0),
);

/** @param packet the packet type, or WILL */
export function propertiesOf(packet: number): readonly PropertyRule[] {
  return RULES_OF[packet];
}

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
  rule: PropertyRule = RULES[0];
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
      id === PropertyId.USER_PROPERTY || (id === PropertyId.SUBSCRIPTION_IDENTIFIER && this.#packet === PUBLISH);
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
