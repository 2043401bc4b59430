/** MQTT 5 properties (§2.2.2): which exist, of which type, in which packets, how often, and under which name our packets have them. */
import { ReasonCode } from '../reason-codes.ts';
import { PacketType } from './packet-types.ts';

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

/** By identifier. */
export const RULE_OF: readonly (PropertyRule | undefined)[] = Array.from({ length: 0x2b }, (_, id) =>
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
