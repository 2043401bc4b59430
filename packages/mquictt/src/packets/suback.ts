/** SUBACK and UNSUBACK (MQTT 5 §3.9, §3.11; MQTT 3.1.1 §3.9, §3.11). */
import { PacketError } from '../errors.ts';
import { ReasonCode } from '../reason-codes.ts';
import { NO_LIMITS, encodeWithin, wantedDiagnostics } from './diagnostics.ts';
import type { Diagnostics, PeerLimits } from './diagnostics.ts';
import { checkReasonCode } from './packet-reason-codes.ts';
import { PacketType, packetTypeName } from './packet-types.ts';
import type { ProtocolVersion } from './packet-types.ts';
import { readPropertyFields } from './property-reader.ts';
import type { PropertyFields, UserPropertyList } from './properties.ts';
import type { PacketReader } from './reader.ts';
import { packetWriter } from './writer.ts';

/** SUBACK and UNSUBACK; the latter has no reason codes before MQTT 5. */
export interface SubackPacket {
  readonly type: typeof PacketType.SUBACK | typeof PacketType.UNSUBACK;
  readonly packetIdentifier: number;
  readonly reasonCodes: readonly number[];
  readonly reasonString: string | undefined;
  readonly userProperties: UserPropertyList;
}

/** @throws PacketError MALFORMED_PACKET, PROTOCOL_ERROR, IMPLEMENTATION_SPECIFIC_ERROR */
export function decodeSuback(reader: PacketReader, type: SubackPacket['type'], version: ProtocolVersion): SubackPacket {
  const packetIdentifier = reader.packetIdentifier();
  const properties: PropertyFields = version === 5 ? readPropertyFields(reader, type) : {};
  const reasonCodes: number[] = [];
  if (version === 5 || type === PacketType.SUBACK) {
    // One for each topic filter, and there was at least one. [MQTT-3.9.3-1], [MQTT-3.11.3-1]
    if (reader.remaining === 0)
      throw new PacketError(ReasonCode.MALFORMED_PACKET, `${packetTypeName(type)} has no reason codes`);
    while (reader.remaining > 0) {
      const code = reader.uint8();
      if (version === 5) checkReasonCode(type, code);
      // [MQTT311-3.9.3-2]
      else if (code > 2 && code !== 0x80)
        throw new PacketError(ReasonCode.MALFORMED_PACKET, `SUBACK does not have return code ${code}`);
      reasonCodes.push(code);
    }
  }
  reader.expectEnd(packetTypeName(type));
  const { reasonString, userProperties = [] } = properties;
  return { type, packetIdentifier, reasonCodes, reasonString, userProperties };
}

/** @param reasonCodes of MQTT 5; what earlier versions say instead is found by itself */
export function encodeSuback(
  packetIdentifier: number,
  reasonCodes: readonly number[],
  version: ProtocolVersion,
  diagnostics: Diagnostics = {},
  peer: PeerLimits = NO_LIMITS,
): Uint8Array {
  if (version === 5) return encode(PacketType.SUBACK, packetIdentifier, reasonCodes, diagnostics, peer);
  const out = packetWriter.begin().uint16(packetIdentifier);
  // MQTT 3.1.1 knows one code for every refusal. MQTT 3.1 has none: §3.8 has the server acknowledge, and the client is not told.
  const refusal = version === 4 ? 0x80 : 0;
  for (const code of reasonCodes) out.uint8(code >= 0x80 ? refusal : code);
  return out.finish(PacketType.SUBACK << 4);
}

/** Before MQTT 5 there are no reason codes. */
export function encodeUnsuback(
  packetIdentifier: number,
  reasonCodes: readonly number[],
  version: ProtocolVersion,
  diagnostics: Diagnostics = {},
  peer: PeerLimits = NO_LIMITS,
): Uint8Array {
  if (version === 5) return encode(PacketType.UNSUBACK, packetIdentifier, reasonCodes, diagnostics, peer);
  return Uint8Array.of(0xb0, 2, packetIdentifier >> 8, packetIdentifier & 0xff);
}

function encode(
  type: SubackPacket['type'],
  packetIdentifier: number,
  reasonCodes: readonly number[],
  diagnostics: Diagnostics,
  peer: PeerLimits,
): Uint8Array {
  return encodeWithin(wantedDiagnostics(diagnostics, peer), peer, (within) => {
    const out = packetWriter.begin().uint16(packetIdentifier).properties(type, within);
    for (const code of reasonCodes) out.uint8(code);
    return out.finish(type << 4);
  });
}
