/** MQTT 5 properties (§2.2.2): which exist, of which type, in which packets, and how often. */
import { PacketError } from '../errors.ts';
import { ReasonCode } from '../reason-codes.ts';
import type { PacketReader } from './reader.ts';

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

type PropertyType = 'flag' | 'uint16' | 'uint32' | 'varint' | 'string' | 'binary' | 'pair';

interface PropertyRule {
  readonly type: PropertyType;
  /** Bit n is set when the property may stand in packet type n. */
  readonly packets: number;
  /** 0 is a protocol error. */
  readonly nonZero: boolean;
}

const [CONNECT, CONNACK, PUBLISH, SUBSCRIBE, DISCONNECT, AUTH] = [1, 2, 3, 8, 14, 15];
/** PUBACK, PUBREC, PUBREL, PUBCOMP, SUBACK, UNSUBACK. */
const ACKNOWLEDGEMENTS = [4, 5, 6, 7, 9, 11];
const EVERYWHERE = [WILL, CONNECT, CONNACK, PUBLISH, ...ACKNOWLEDGEMENTS, SUBSCRIBE, 10, DISCONNECT, AUTH];

function rule(type: PropertyType, packets: readonly number[], nonZero = false): PropertyRule {
  return { type, packets: packets.reduce((bits, packet) => bits | (1 << packet), 0), nonZero };
}

/** MQTT 5 table 2-4. */
const RULES: ReadonlyMap<number, PropertyRule> = new Map<number, PropertyRule>([
  [PropertyId.PAYLOAD_FORMAT_INDICATOR, rule('flag', [PUBLISH, WILL])],
  [PropertyId.MESSAGE_EXPIRY_INTERVAL, rule('uint32', [PUBLISH, WILL])],
  [PropertyId.CONTENT_TYPE, rule('string', [PUBLISH, WILL])],
  [PropertyId.RESPONSE_TOPIC, rule('string', [PUBLISH, WILL])],
  [PropertyId.CORRELATION_DATA, rule('binary', [PUBLISH, WILL])],
  [PropertyId.SUBSCRIPTION_IDENTIFIER, rule('varint', [PUBLISH, SUBSCRIBE], true)],
  [PropertyId.SESSION_EXPIRY_INTERVAL, rule('uint32', [CONNECT, CONNACK, DISCONNECT])],
  [PropertyId.ASSIGNED_CLIENT_IDENTIFIER, rule('string', [CONNACK])],
  [PropertyId.SERVER_KEEP_ALIVE, rule('uint16', [CONNACK])],
  [PropertyId.AUTHENTICATION_METHOD, rule('string', [CONNECT, CONNACK, AUTH])],
  [PropertyId.AUTHENTICATION_DATA, rule('binary', [CONNECT, CONNACK, AUTH])],
  [PropertyId.REQUEST_PROBLEM_INFORMATION, rule('flag', [CONNECT])],
  [PropertyId.WILL_DELAY_INTERVAL, rule('uint32', [WILL])],
  [PropertyId.REQUEST_RESPONSE_INFORMATION, rule('flag', [CONNECT])],
  [PropertyId.RESPONSE_INFORMATION, rule('string', [CONNACK])],
  [PropertyId.SERVER_REFERENCE, rule('string', [CONNACK, DISCONNECT])],
  [PropertyId.REASON_STRING, rule('string', [CONNACK, ...ACKNOWLEDGEMENTS, DISCONNECT, AUTH])],
  [PropertyId.RECEIVE_MAXIMUM, rule('uint16', [CONNECT, CONNACK], true)],
  [PropertyId.TOPIC_ALIAS_MAXIMUM, rule('uint16', [CONNECT, CONNACK])],
  [PropertyId.TOPIC_ALIAS, rule('uint16', [PUBLISH])],
  [PropertyId.MAXIMUM_QOS, rule('flag', [CONNACK])],
  [PropertyId.RETAIN_AVAILABLE, rule('flag', [CONNACK])],
  [PropertyId.USER_PROPERTY, rule('pair', EVERYWHERE)],
  [PropertyId.MAXIMUM_PACKET_SIZE, rule('uint32', [CONNECT, CONNACK], true)],
  [PropertyId.WILDCARD_SUBSCRIPTION_AVAILABLE, rule('flag', [CONNACK])],
  [PropertyId.SUBSCRIPTION_IDENTIFIER_AVAILABLE, rule('flag', [CONNACK])],
  [PropertyId.SHARED_SUBSCRIPTION_AVAILABLE, rule('flag', [CONNACK])],
]);

/** A property's value: numbers for the three integer types and flags (0 or 1), a pair for user properties. */
export type PropertyValue = number | string | Uint8Array | readonly [string, string];

/**
 * Called for each property.
 *
 * @param start position of its identifier
 * @param end position after its value
 */
export type PropertyVisitor = (id: PropertyId, value: PropertyValue, start: number, end: number) => void;

/**
 * Reads and checks a property section with its length.
 *
 * @param packet the packet type, or WILL
 * @throws PacketError MALFORMED_PACKET, PROTOCOL_ERROR
 */
export function readProperties(reader: PacketReader, packet: number, visit?: PropertyVisitor): void {
  const length = reader.varint();
  if (length === 0) return;
  const outerEnd = reader.end;
  const end = reader.position + length;
  if (end > outerEnd) throw new PacketError(ReasonCode.MALFORMED_PACKET, 'Properties are longer than their packet');
  reader.end = end;
  // Identifiers end at 0x2a: two words of bits say which ones were seen.
  let seenLow = 0;
  let seenHigh = 0;
  while (reader.position < end) {
    const start = reader.position;
    const id = reader.varint();
    const property = RULES.get(id);
    if (property === undefined)
      throw new PacketError(ReasonCode.MALFORMED_PACKET, `There is no property 0x${id.toString(16)}`);
    if ((property.packets & (1 << packet)) === 0)
      throw new PacketError(
        ReasonCode.PROTOCOL_ERROR,
        `Property 0x${id.toString(16)} does not belong into this packet`,
      );
    const isRepeatable =
      id === PropertyId.USER_PROPERTY || (id === PropertyId.SUBSCRIPTION_IDENTIFIER && packet === PUBLISH);
    const bit = 1 << (id & 31);
    if (!isRepeatable && ((id < 32 ? seenLow : seenHigh) & bit) !== 0)
      throw new PacketError(ReasonCode.PROTOCOL_ERROR, `Property 0x${id.toString(16)} comes more than once`);
    if (id < 32) seenLow |= bit;
    else seenHigh |= bit;
    const value = readValue(reader, property.type);
    if (property.nonZero && value === 0)
      throw new PacketError(ReasonCode.PROTOCOL_ERROR, `Property 0x${id.toString(16)} must not be 0`);
    visit?.(id as PropertyId, value, start, reader.position);
  }
  // MQTT 5 §3.1.2.11.10: data without a method makes no sense.
  const method = 1 << PropertyId.AUTHENTICATION_METHOD;
  const data = 1 << PropertyId.AUTHENTICATION_DATA;
  if ((seenLow & data) !== 0 && (seenLow & method) === 0)
    throw new PacketError(ReasonCode.PROTOCOL_ERROR, 'There is authentication data without a method');
  reader.end = outerEnd;
}

function readValue(reader: PacketReader, type: PropertyType): PropertyValue {
  switch (type) {
    case 'flag': {
      const value = reader.uint8();
      if (value > 1)
        throw new PacketError(ReasonCode.PROTOCOL_ERROR, `A property that is 0 or 1 has the value ${value}`);
      return value;
    }
    case 'uint16':
      return reader.uint16();
    case 'uint32':
      return reader.uint32();
    case 'varint':
      return reader.varint();
    case 'string':
      return reader.string();
    case 'binary':
      return reader.binary();
    case 'pair':
      return [reader.string(), reader.string()];
  }
}
