/** DISCONNECT and AUTH (MQTT 5 §3.14, §3.15; MQTT 3.1.1 §3.14). */
import { PacketError } from '../errors.ts';
import { ReasonCode } from '../reason-codes.ts';
import { NO_LIMITS, encodeWithin, hasDiagnostics, wantedDiagnostics } from './diagnostics.ts';
import type { Diagnostics, PeerLimits } from './diagnostics.ts';
import { checkReasonCode } from './packet-reason-codes.ts';
import { PacketType } from './packet-types.ts';
import type { ProtocolVersion, Sender } from './packet-types.ts';
import { readPropertyFields } from './property-reader.ts';
import type { PropertyFields, UserPropertyList } from './properties.ts';
import type { PacketReader } from './reader.ts';
import { packetWriter } from './writer.ts';

export interface DisconnectPacket {
  readonly type: typeof PacketType.DISCONNECT;
  readonly reasonCode: number;
  /** Seconds, -1 when there is none. */
  readonly sessionExpiryInterval: number;
  readonly serverReference: string | undefined;
  readonly reasonString: string | undefined;
  readonly userProperties: UserPropertyList;
}

/** What DISCONNECT may say besides reason code and reason string. */
export type DisconnectFields = Pick<PropertyFields, 'sessionExpiryInterval' | 'serverReference' | 'userProperties'>;

export interface AuthPacket {
  readonly type: typeof PacketType.AUTH;
  readonly reasonCode: number;
  /** There, but for an AUTH of no bytes that means success. */
  readonly authenticationMethod: string | undefined;
  readonly authenticationData: Uint8Array | undefined;
  readonly reasonString: string | undefined;
  readonly userProperties: UserPropertyList;
}

export interface AuthFields extends Diagnostics {
  readonly reasonCode: number;
  readonly authenticationMethod: string;
  readonly authenticationData?: Uint8Array | undefined;
}

/** @throws PacketError MALFORMED_PACKET, PROTOCOL_ERROR, IMPLEMENTATION_SPECIFIC_ERROR */
export function decodeDisconnect(reader: PacketReader, version: ProtocolVersion, sender?: Sender): DisconnectPacket {
  let reasonCode = 0;
  let properties: PropertyFields = {};
  // Both may be left out (MQTT 5 §3.14.2.1, §3.14.2.2.1).
  if (version === 5 && reader.remaining > 0) {
    reasonCode = reader.uint8();
    if (reader.remaining > 0) properties = readPropertyFields(reader, PacketType.DISCONNECT);
  }
  checkReasonCode(PacketType.DISCONNECT, reasonCode, sender);
  reader.expectEnd('DISCONNECT');
  const { sessionExpiryInterval = -1, serverReference, reasonString, userProperties = [] } = properties;
  // [MQTT-3.14.2-2]
  if (sender === 'server' && sessionExpiryInterval !== -1)
    throw new PacketError(ReasonCode.PROTOCOL_ERROR, 'DISCONNECT of a server has a session expiry interval');
  return {
    type: PacketType.DISCONNECT,
    reasonCode,
    sessionExpiryInterval,
    serverReference,
    reasonString,
    userProperties,
  };
}

/**
 * MQTT 3.1.1 has neither reason codes nor properties here, and its servers do not send the packet.
 *
 * @param more `sessionExpiryInterval` is for clients [MQTT-3.14.2-2], `serverReference` for servers
 */
export function encodeDisconnect(
  reasonCode: number,
  reasonString: string | undefined,
  version: ProtocolVersion,
  more: DisconnectFields = {},
  peer: PeerLimits = NO_LIMITS,
): Uint8Array {
  return encodeWithin({ ...more, reasonString }, peer, (within) => {
    const { sessionExpiryInterval, serverReference } = within;
    const isPlain = sessionExpiryInterval === undefined && serverReference === undefined && !hasDiagnostics(within);
    if (version < 5 || (reasonCode === 0 && isPlain)) return Uint8Array.of(0xe0, 0);
    return packetWriter
      .begin()
      .uint8(reasonCode)
      .properties(PacketType.DISCONNECT, within)
      .finish(PacketType.DISCONNECT << 4);
  });
}

/** @throws PacketError MALFORMED_PACKET, PROTOCOL_ERROR, IMPLEMENTATION_SPECIFIC_ERROR */
export function decodeAuth(reader: PacketReader, sender?: Sender): AuthPacket {
  let reasonCode: number = ReasonCode.SUCCESS;
  let properties: PropertyFields = {};
  // §3.15.2.1: success without properties has no bytes at all.
  const isEmpty = reader.remaining === 0;
  if (!isEmpty) {
    reasonCode = reader.uint8();
    properties = readPropertyFields(reader, PacketType.AUTH);
  }
  checkReasonCode(PacketType.AUTH, reasonCode, sender);
  reader.expectEnd('AUTH');
  const { authenticationMethod, authenticationData, reasonString, userProperties = [] } = properties;
  // §3.15.2.2.2
  if (!isEmpty && authenticationMethod === undefined)
    throw new PacketError(ReasonCode.PROTOCOL_ERROR, 'AUTH does not name its authentication method');
  return { type: PacketType.AUTH, reasonCode, authenticationMethod, authenticationData, reasonString, userProperties };
}

export function encodeAuth(fields: AuthFields, peer: PeerLimits = NO_LIMITS): Uint8Array {
  const { reasonCode, authenticationMethod, authenticationData } = fields;
  const wanted = { ...wantedDiagnostics(fields, peer) };
  const { reasonString, userProperties } = wanted;
  const all = { reasonCode, authenticationMethod, authenticationData, reasonString, userProperties };
  return encodeWithin(all, peer, (within) =>
    packetWriter
      .begin()
      .uint8(reasonCode)
      .properties(PacketType.AUTH, within)
      .finish(PacketType.AUTH << 4),
  );
}
