/** Every packet but PUBLISH: which family of files reads it, and what is checked before any of them does. publish.ts reads PUBLISH. */
import { PacketError } from '../errors.ts';
import { ReasonCode } from '../reason-codes.ts';
import { decodeAcknowledgement } from './acknowledgements.ts';
import type { AcknowledgementPacket } from './acknowledgements.ts';
import { decodeConnack } from './connack.ts';
import type { ConnackPacket } from './connack.ts';
import { decodeConnect } from './connect.ts';
import type { ConnectPacket } from './connect.ts';
import { decodeAuth, decodeDisconnect } from './disconnect.ts';
import type { AuthPacket, DisconnectPacket } from './disconnect.ts';
import { PacketType, packetTypeName } from './packet-types.ts';
import type { ProtocolVersion, Sender } from './packet-types.ts';
import { PacketReader } from './reader.ts';
import { decodeSuback } from './suback.ts';
import type { SubackPacket } from './suback.ts';
import { decodeSubscribe, decodeUnsubscribe } from './subscribe.ts';
import type { SubscribePacket, UnsubscribePacket } from './subscribe.ts';

export { encodeAcknowledgement, encodeRefusingPuback } from './acknowledgements.ts';
export { encodeConnack } from './connack.ts';
export type { ConnackFields } from './connack.ts';
export { encodeConnect } from './connect-writer.ts';
export type { ConnectFields, WillFields } from './connect-writer.ts';
export type { ReceivedWill } from './connect.ts';
export type { Diagnostics, PeerLimits } from './diagnostics.ts';
export { encodeAuth, encodeDisconnect } from './disconnect.ts';
export type { AuthFields, DisconnectFields } from './disconnect.ts';
export type { UserPropertyList } from './properties.ts';
export { encodeSuback, encodeUnsuback } from './suback.ts';
export { encodeSubscribe, encodeUnsubscribe } from './subscribe.ts';
export type { ReceivedSubscription, SubscriptionRequest } from './subscribe.ts';
export type {
  AcknowledgementPacket,
  AuthPacket,
  ConnackPacket,
  ConnectPacket,
  DisconnectPacket,
  SubackPacket,
  SubscribePacket,
  UnsubscribePacket,
};

export interface PingPacket {
  readonly type: typeof PacketType.PINGREQ | typeof PacketType.PINGRESP;
}

export type Packet =
  | ConnectPacket
  | ConnackPacket
  | AcknowledgementPacket
  | SubscribePacket
  | UnsubscribePacket
  | SubackPacket
  | DisconnectPacket
  | AuthPacket
  | PingPacket;

/** PINGREQ. Not to be changed. */
export const PINGREQ: Uint8Array = Uint8Array.of(0xc0, 0);
/** PINGRESP. Not to be changed. */
export const PINGRESP: Uint8Array = Uint8Array.of(0xd0, 0);

/** Bit n is set when only that side sends packet type n. */
const ONLY_FROM: Readonly<Record<Sender, number>> = {
  client:
    (1 << PacketType.CONNECT) | (1 << PacketType.SUBSCRIBE) | (1 << PacketType.UNSUBSCRIBE) | (1 << PacketType.PINGREQ),
  server:
    (1 << PacketType.CONNACK) | (1 << PacketType.SUBACK) | (1 << PacketType.UNSUBACK) | (1 << PacketType.PINGRESP),
};

/**
 * Reads one whole packet that is not a PUBLISH. Nothing of the result lies in `buffer`.
 *
 * @param start where the packet begins; `bodyStart` where its body does
 * @param version of the connection; a CONNECT brings its own
 * @param sender whose packets these are; undefined: either's, and what only one side may send or say is not checked
 * @throws PacketError with the reason code of the standard
 */
export function decodePacket(
  buffer: Uint8Array,
  start: number,
  bodyStart: number,
  end: number,
  version: ProtocolVersion,
  sender?: Sender,
): Packet {
  const header = buffer[start];
  const type = header >> 4;
  checkHeader(type, header & 15, version, sender);
  const reader = new PacketReader(buffer, bodyStart, end);
  switch (type) {
    case PacketType.CONNECT:
      return decodeConnect(reader);
    case PacketType.CONNACK:
      return decodeConnack(reader, version);
    case PacketType.PUBACK:
    case PacketType.PUBREC:
    case PacketType.PUBREL:
    case PacketType.PUBCOMP:
      return decodeAcknowledgement(reader, type, version);
    case PacketType.SUBSCRIBE:
      return decodeSubscribe(reader, version);
    case PacketType.SUBACK:
    case PacketType.UNSUBACK:
      return decodeSuback(reader, type, version);
    case PacketType.UNSUBSCRIBE:
      return decodeUnsubscribe(reader, version);
    case PacketType.PINGREQ:
    case PacketType.PINGRESP:
      reader.expectEnd(packetTypeName(type));
      return { type };
    case PacketType.DISCONNECT:
      return decodeDisconnect(reader, version, sender);
    case PacketType.AUTH:
      return decodeAuth(reader, sender);
    default:
      throw new PacketError(ReasonCode.MALFORMED_PACKET, `${packetTypeName(type)} is not read here`);
  }
}

function checkHeader(type: number, flags: number, version: ProtocolVersion, sender: Sender | undefined): void {
  if (type === 0 || (type === PacketType.AUTH && version < 5))
    throw new PacketError(ReasonCode.MALFORMED_PACKET, `There is no ${packetTypeName(type)} in this version of MQTT`);
  // [MQTT-2.1.3-1], [MQTT-3.6.1-1], [MQTT-3.8.1-1], [MQTT-3.10.1-1], [MQTT-3.14.1-1], [MQTT-3.15.1-1]; [MQTT311-2.2.2-2]
  const isQos1 = type === PacketType.PUBREL || type === PacketType.SUBSCRIBE || type === PacketType.UNSUBSCRIBE;
  const expected = isQos1 ? 2 : 0;
  // MQTT 3.1 §2.1: these three are sent with QoS 1, and with DUP when they are sent again.
  const isRepeated = version === 3 && isQos1 && flags === 10;
  if (flags !== expected && !isRepeated)
    throw new PacketError(
      ReasonCode.MALFORMED_PACKET,
      `The flags of ${packetTypeName(type)} are ${flags}, expected ${expected}`,
    );
  const other = sender === 'client' ? 'server' : 'client';
  const isOthers =
    (ONLY_FROM[other] & (1 << type)) !== 0 || (sender === 'server' && version < 5 && type === PacketType.DISCONNECT);
  if (sender !== undefined && isOthers)
    throw new PacketError(ReasonCode.PROTOCOL_ERROR, `${packetTypeName(type)} came from a ${sender}`);
}
