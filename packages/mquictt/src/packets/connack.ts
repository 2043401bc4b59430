/** CONNACK (MQTT 5 §3.2, MQTT 3.1.1 §3.2). */
import { PacketError } from '../errors.ts';
import { ReasonCode, connectReturnCode, reasonCodeOfReturnCode } from '../reason-codes.ts';
import { NO_LIMITS, encodeWithin } from './diagnostics.ts';
import type { PeerLimits } from './diagnostics.ts';
import { checkReasonCode } from './packet-reason-codes.ts';
import { PacketType } from './packet-types.ts';
import type { ProtocolVersion } from './packet-types.ts';
import { readPropertyFields } from './property-reader.ts';
import type { PropertyFields } from './properties.ts';
import type { PacketReader } from './reader.ts';
import { packetWriter } from './writer.ts';

/** Properties are left out for MQTT 3.1.1 and 3.1. */
export interface ConnackFields extends Pick<
  PropertyFields,
  | 'sessionExpiryInterval'
  | 'receiveMaximum'
  | 'maximumQos'
  | 'retainAvailable'
  | 'maximumPacketSize'
  | 'assignedClientIdentifier'
  | 'topicAliasMaximum'
  | 'reasonString'
  | 'userProperties'
  | 'wildcardSubscriptionAvailable'
  | 'subscriptionIdentifierAvailable'
  | 'sharedSubscriptionAvailable'
  | 'serverKeepAlive'
  | 'responseInformation'
  | 'serverReference'
  | 'authenticationMethod'
  | 'authenticationData'
> {
  /** Goes out as false where the reason code refuses, and to MQTT 3.1, which does not know it. */
  readonly sessionPresent: boolean;
  /** MQTT 5; what MQTT 3.1.1 calls it is found by itself. */
  readonly reasonCode: number;
}

export interface ConnackPacket extends ConnackFields {
  readonly type: typeof PacketType.CONNACK;
}

/** @throws PacketError MALFORMED_PACKET, PROTOCOL_ERROR, IMPLEMENTATION_SPECIFIC_ERROR */
export function decodeConnack(reader: PacketReader, version: ProtocolVersion): ConnackPacket {
  const flags = reader.uint8();
  // [MQTT-3.2.2-1]. In MQTT 3.1 the byte is reserved and means nothing.
  if (flags > 1 && version > 3) throw new PacketError(ReasonCode.MALFORMED_PACKET, 'Reserved flags of CONNACK are set');
  const sessionPresent = flags === 1 && version > 3;
  const code = reader.uint8();
  // A server that does not speak the version may answer in the form of MQTT 3.1.1, whatever was asked.
  const isOldForm = version < 5 || (reader.remaining === 0 && code !== 0);
  let reasonCode = code;
  if (isOldForm && code < 0x80) {
    // MQTT 3.1.1 table 3.1: 6 and more are reserved.
    if (code > 5) throw new PacketError(ReasonCode.MALFORMED_PACKET, `CONNACK does not have return code ${code}`);
    reasonCode = reasonCodeOfReturnCode(code);
  } else {
    checkReasonCode(PacketType.CONNACK, code);
    if (version < 5) throw new PacketError(ReasonCode.MALFORMED_PACKET, `CONNACK does not have return code ${code}`);
  }
  // [MQTT-3.2.2-6]; [MQTT311-3.2.2-4]
  if (code !== 0 && sessionPresent)
    throw new PacketError(ReasonCode.PROTOCOL_ERROR, 'A refusing CONNACK says that there is a session');
  const properties = isOldForm ? {} : readPropertyFields(reader, PacketType.CONNACK);
  reader.expectEnd('CONNACK');
  return { type: PacketType.CONNACK, sessionPresent, reasonCode, ...properties };
}

/** @param peer whose bound keeps reason string and user properties out */
export function encodeConnack(
  fields: ConnackFields,
  version: ProtocolVersion,
  peer: PeerLimits = NO_LIMITS,
): Uint8Array {
  // [MQTT-3.2.2-6]; [MQTT311-3.2.2-4]
  const flags = fields.sessionPresent && fields.reasonCode === 0 && version > 3 ? 1 : 0;
  if (version < 5) return Uint8Array.of(0x20, 2, flags, connectReturnCode(fields.reasonCode));
  return encodeWithin(fields, peer, (within) =>
    packetWriter
      .begin()
      .uint8(flags)
      .uint8(within.reasonCode)
      .properties(PacketType.CONNACK, within)
      .finish(PacketType.CONNACK << 4),
  );
}
