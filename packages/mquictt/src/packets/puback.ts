/**
 * PUBACK, PUBREC, PUBREL and PUBCOMP (MQTT 5 §3.4 to §3.7) in their usual form of four bytes, which every QoS 1 message needs once and every QoS 2
 * message three times per hop: read and written without an object. The same in all versions: reason code 0 and no properties are left out. The long form
 * goes through acknowledgements.ts.
 */
import { PacketType } from './packet-types.ts';

export type AcknowledgementType =
  typeof PacketType.PUBACK | typeof PacketType.PUBREC | typeof PacketType.PUBREL | typeof PacketType.PUBCOMP;

/** The first byte of the packet. PUBREL has a flag set. [MQTT-3.6.1-1] */
export function headerOf(type: AcknowledgementType): number {
  return type === PacketType.PUBREL ? 0x62 : type << 4;
}

/** Writes the four bytes of the short form. @returns the position after them */
export function writeShortAcknowledgement(
  out: Uint8Array,
  position: number,
  type: AcknowledgementType,
  packetIdentifier: number,
): number {
  out[position] = headerOf(type);
  out[position + 1] = 2;
  out[position + 2] = packetIdentifier >> 8;
  out[position + 3] = packetIdentifier & 0xff;
  return position + 4;
}

export function encodeShortAcknowledgement(type: AcknowledgementType, packetIdentifier: number): Uint8Array {
  return Uint8Array.of(headerOf(type), 2, packetIdentifier >> 8, packetIdentifier & 0xff);
}

export function encodePuback(packetIdentifier: number): Uint8Array {
  return encodeShortAcknowledgement(PacketType.PUBACK, packetIdentifier);
}

/**
 * Reads the short form of all four; which one it is says `header >> 4`.
 *
 * @param header first byte
 * @param bodyStart where the body begins
 * @returns the identifier, or 0 when this is none of them in short form (or a malformed one: codec.ts says which)
 */
export function readShortAcknowledgement(header: number, buffer: Uint8Array, bodyStart: number, end: number): number {
  if (end - bodyStart !== 2) return 0;
  if (header !== 0x40 && header !== 0x50 && header !== 0x62 && header !== 0x70) return 0;
  return (buffer[bodyStart] << 8) | buffer[bodyStart + 1];
}

/** The same for PUBACK alone. */
export function readShortPuback(header: number, buffer: Uint8Array, bodyStart: number, end: number): number {
  return header === 0x40 ? readShortAcknowledgement(header, buffer, bodyStart, end) : 0;
}
