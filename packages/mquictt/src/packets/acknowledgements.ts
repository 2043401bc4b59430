/** PUBACK, PUBREC, PUBREL and PUBCOMP (MQTT 5 §3.4 to §3.7) in every form; puback.ts has the usual one of four bytes. */
import { NO_LIMITS, encodeWithin, hasDiagnostics, wantedDiagnostics } from './diagnostics.ts';
import type { Diagnostics, PeerLimits } from './diagnostics.ts';
import { checkReasonCode } from './packet-reason-codes.ts';
import { PacketType, packetTypeName } from './packet-types.ts';
import type { ProtocolVersion } from './packet-types.ts';
import { readPropertyFields } from './property-reader.ts';
import type { PropertyFields, UserPropertyList } from './properties.ts';
import { encodeShortAcknowledgement, headerOf } from './puback.ts';
import type { AcknowledgementType } from './puback.ts';
import type { PacketReader } from './reader.ts';
import { packetWriter } from './writer.ts';

export interface AcknowledgementPacket {
  readonly type: AcknowledgementType;
  readonly packetIdentifier: number;
  /** 0 in MQTT 3.1.1. */
  readonly reasonCode: number;
  readonly reasonString: string | undefined;
  readonly userProperties: UserPropertyList;
}

/** @throws PacketError MALFORMED_PACKET, PROTOCOL_ERROR, IMPLEMENTATION_SPECIFIC_ERROR */
export function decodeAcknowledgement(
  reader: PacketReader,
  type: AcknowledgementType,
  version: ProtocolVersion,
): AcknowledgementPacket {
  const packetIdentifier = reader.packetIdentifier();
  let reasonCode = 0;
  let properties: PropertyFields = {};
  // Both may be left out (MQTT 5 §3.4.2.1).
  if (version === 5 && reader.remaining > 0) {
    reasonCode = reader.uint8();
    checkReasonCode(type, reasonCode);
    if (reader.remaining > 0) properties = readPropertyFields(reader, type);
  }
  reader.expectEnd(packetTypeName(type));
  const { reasonString, userProperties = [] } = properties;
  return { type, packetIdentifier, reasonCode, reasonString, userProperties };
}

/** In the short form where that says everything, and always so before MQTT 5, which has no reason codes here. */
export function encodeAcknowledgement(
  type: AcknowledgementType,
  packetIdentifier: number,
  reasonCode: number,
  version: ProtocolVersion,
  diagnostics: Diagnostics = {},
  peer: PeerLimits = NO_LIMITS,
): Uint8Array {
  return encodeWithin(wantedDiagnostics(diagnostics, peer), peer, (within) => {
    if (version < 5 || (reasonCode === 0 && !hasDiagnostics(within)))
      return encodeShortAcknowledgement(type, packetIdentifier);
    return packetWriter
      .begin()
      .uint16(packetIdentifier)
      .uint8(reasonCode)
      .properties(type, within)
      .finish(headerOf(type));
  });
}

/** PUBACK of MQTT 5 with a reason and nothing else. */
export function encodeRefusingPuback(packetIdentifier: number, reasonCode: number): Uint8Array {
  return encodeAcknowledgement(PacketType.PUBACK, packetIdentifier, reasonCode, 5);
}
