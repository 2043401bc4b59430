/** Which reason codes may stand in which packet, and who may send them (MQTT 5 §3.2.2.2, §3.4.2.1 ... §3.15.2.1). */
import { PacketError } from '../errors.ts';
import { ReasonCode, describeReasonCode } from '../reason-codes.ts';
import { PacketType, packetTypeName } from './packet-types.ts';
import type { Sender } from './packet-types.ts';

const R = ReasonCode;

// PUBACK and PUBREC, [MQTT-3.4.2-1], [MQTT-3.5.2-1]
const RECEIVED = [
  R.SUCCESS,
  R.NO_MATCHING_SUBSCRIBERS,
  R.UNSPECIFIED_ERROR,
  R.IMPLEMENTATION_SPECIFIC_ERROR,
  R.NOT_AUTHORIZED,
  R.TOPIC_NAME_INVALID,
  R.PACKET_IDENTIFIER_IN_USE,
  R.QUOTA_EXCEEDED,
  R.PAYLOAD_FORMAT_INVALID,
];
// PUBREL and PUBCOMP, [MQTT-3.6.2-1], [MQTT-3.7.2-1]
const RELEASED = [R.SUCCESS, R.PACKET_IDENTIFIER_NOT_FOUND];

const CODES: ReadonlyMap<number, ReadonlySet<number>> = new Map<number, ReadonlySet<number>>([
  [
    PacketType.CONNACK, // [MQTT-3.2.2-8]
    new Set([
      R.SUCCESS,
      R.UNSPECIFIED_ERROR,
      R.MALFORMED_PACKET,
      R.PROTOCOL_ERROR,
      R.IMPLEMENTATION_SPECIFIC_ERROR,
      R.UNSUPPORTED_PROTOCOL_VERSION,
      R.CLIENT_IDENTIFIER_NOT_VALID,
      R.BAD_USER_NAME_OR_PASSWORD,
      R.NOT_AUTHORIZED,
      R.SERVER_UNAVAILABLE,
      R.SERVER_BUSY,
      R.BANNED,
      R.BAD_AUTHENTICATION_METHOD,
      R.TOPIC_NAME_INVALID,
      R.PACKET_TOO_LARGE,
      R.QUOTA_EXCEEDED,
      R.PAYLOAD_FORMAT_INVALID,
      R.RETAIN_NOT_SUPPORTED,
      R.QOS_NOT_SUPPORTED,
      R.USE_ANOTHER_SERVER,
      R.SERVER_MOVED,
      R.CONNECTION_RATE_EXCEEDED,
    ]),
  ],
  [PacketType.PUBACK, new Set(RECEIVED)],
  [PacketType.PUBREC, new Set(RECEIVED)],
  [PacketType.PUBREL, new Set(RELEASED)],
  [PacketType.PUBCOMP, new Set(RELEASED)],
  [
    PacketType.SUBACK, // [MQTT-3.9.3-2]
    new Set([
      R.SUCCESS,
      R.GRANTED_QOS_1,
      R.GRANTED_QOS_2,
      R.UNSPECIFIED_ERROR,
      R.IMPLEMENTATION_SPECIFIC_ERROR,
      R.NOT_AUTHORIZED,
      R.TOPIC_FILTER_INVALID,
      R.PACKET_IDENTIFIER_IN_USE,
      R.QUOTA_EXCEEDED,
      R.SHARED_SUBSCRIPTIONS_NOT_SUPPORTED,
      R.SUBSCRIPTION_IDENTIFIERS_NOT_SUPPORTED,
      R.WILDCARD_SUBSCRIPTIONS_NOT_SUPPORTED,
    ]),
  ],
  [
    PacketType.UNSUBACK, // [MQTT-3.11.3-2]
    new Set([
      R.SUCCESS,
      R.NO_SUBSCRIPTION_EXISTED,
      R.UNSPECIFIED_ERROR,
      R.IMPLEMENTATION_SPECIFIC_ERROR,
      R.NOT_AUTHORIZED,
      R.TOPIC_FILTER_INVALID,
      R.PACKET_IDENTIFIER_IN_USE,
    ]),
  ],
  [
    PacketType.DISCONNECT, // [MQTT-3.14.2-1]
    new Set([
      R.SUCCESS,
      R.DISCONNECT_WITH_WILL_MESSAGE,
      R.UNSPECIFIED_ERROR,
      R.MALFORMED_PACKET,
      R.PROTOCOL_ERROR,
      R.IMPLEMENTATION_SPECIFIC_ERROR,
      R.NOT_AUTHORIZED,
      R.SERVER_BUSY,
      R.SERVER_SHUTTING_DOWN,
      // Table 2-6 has it for DISCONNECT, §3.14.2.1 has not.
      R.BAD_AUTHENTICATION_METHOD,
      R.KEEP_ALIVE_TIMEOUT,
      R.SESSION_TAKEN_OVER,
      R.TOPIC_FILTER_INVALID,
      R.TOPIC_NAME_INVALID,
      R.RECEIVE_MAXIMUM_EXCEEDED,
      R.TOPIC_ALIAS_INVALID,
      R.PACKET_TOO_LARGE,
      R.MESSAGE_RATE_TOO_HIGH,
      R.QUOTA_EXCEEDED,
      R.ADMINISTRATIVE_ACTION,
      R.PAYLOAD_FORMAT_INVALID,
      R.RETAIN_NOT_SUPPORTED,
      R.QOS_NOT_SUPPORTED,
      R.USE_ANOTHER_SERVER,
      R.SERVER_MOVED,
      R.SHARED_SUBSCRIPTIONS_NOT_SUPPORTED,
      R.CONNECTION_RATE_EXCEEDED,
      R.MAXIMUM_CONNECT_TIME,
      R.SUBSCRIPTION_IDENTIFIERS_NOT_SUPPORTED,
      R.WILDCARD_SUBSCRIPTIONS_NOT_SUPPORTED,
    ]),
  ],
  // [MQTT-3.15.2-1]
  [PacketType.AUTH, new Set([R.SUCCESS, R.CONTINUE_AUTHENTICATION, R.RE_AUTHENTICATE])],
]);

/** Codes of DISCONNECT and AUTH that only one side sends. That a server says 0x00 in DISCONNECT is let pass. */
const ONLY_FROM: ReadonlyMap<number, Readonly<Record<Sender, ReadonlySet<number>>>> = new Map([
  [
    PacketType.DISCONNECT,
    {
      client: new Set([R.DISCONNECT_WITH_WILL_MESSAGE]),
      server: new Set<number>([
        R.NOT_AUTHORIZED,
        R.SERVER_BUSY,
        R.SERVER_SHUTTING_DOWN,
        R.KEEP_ALIVE_TIMEOUT,
        R.SESSION_TAKEN_OVER,
        R.TOPIC_FILTER_INVALID,
        R.RETAIN_NOT_SUPPORTED,
        R.QOS_NOT_SUPPORTED,
        R.USE_ANOTHER_SERVER,
        R.SERVER_MOVED,
        R.SHARED_SUBSCRIPTIONS_NOT_SUPPORTED,
        R.CONNECTION_RATE_EXCEEDED,
        R.MAXIMUM_CONNECT_TIME,
        R.SUBSCRIPTION_IDENTIFIERS_NOT_SUPPORTED,
        R.WILDCARD_SUBSCRIPTIONS_NOT_SUPPORTED,
      ]),
    },
  ],
  [PacketType.AUTH, { client: new Set([R.RE_AUTHENTICATE]), server: new Set([R.SUCCESS]) }],
]);

/**
 * @param type of the packet in which the code stands
 * @param sender undefined where it does not matter
 * @throws PacketError MALFORMED_PACKET for a code that is not listed, PROTOCOL_ERROR for one of the other side
 */
export function checkReasonCode(type: number, code: number, sender?: Sender): void {
  if (CODES.get(type)?.has(code) !== true)
    throw new PacketError(
      ReasonCode.MALFORMED_PACKET,
      `${packetTypeName(type)} does not have reason code ${describeReasonCode(code)}`,
    );
  const other = sender === 'client' ? 'server' : 'client';
  if (sender !== undefined && ONLY_FROM.get(type)?.[other].has(code) === true)
    throw new PacketError(
      ReasonCode.PROTOCOL_ERROR,
      `${packetTypeName(type)} of a ${sender} has reason code ${describeReasonCode(code)}, which only a ${other} sends`,
    );
}
