/**
 * Packet headers as far as they can be read without keys, and writing them (RFC 9000 §17, RFC 8999 §5).
 *
 * Reading never throws: whoever can send us a datagram can send garbage, and a flood of it must cost next to nothing. The packet number, the
 * key phase and the reserved bits are still under header protection here: protection/header-protection.ts lifts it. Retry is in retry.ts.
 */
import { Reader } from './cursor.ts';
import type { Writer } from './cursor.ts';
import { MAX_CONNECTION_ID_LENGTH } from './limits.ts';
import { writePacketNumber } from './packet-number.ts';
import { PacketType } from './packet-type.ts';
import { SAMPLE_LENGTH, TAG_LENGTH } from './protection/protector.ts';
import { findVersion } from './version.ts';
import type { QuicVersion } from './version.ts';

export { PacketType };

const LONG_HEADER = 0x80;
const FIXED_BIT = 0x40;
/** First byte of a short header, after header protection is lifted (RFC 9000 §17.3.1). */
export const SPIN_BIT = 0x20;
export const KEY_PHASE_BIT = 0x04;
/** RFC 9000 §17.2, §17.3.1: reserved bits, 0 once protection is lifted, or the packet is a PROTOCOL_VIOLATION. */
export const LONG_RESERVED_BITS = 0x0c;
export const SHORT_RESERVED_BITS = 0x18;

/** The most that a packet number takes; the sample is taken as if it did (RFC 9001 §5.4.2). */
const MAX_PACKET_NUMBER_LENGTH = 4;

/** What readHeader() found. One object is reused for all packets; positions are indexes into the buffer it was read from. */
export class PacketHeader {
  type: PacketType = PacketType.INITIAL;
  /** 0 for short headers, which do not tell. */
  version: number = 0;
  /** The first byte of the packet. */
  headerStart: number = 0;
  dcidStart: number = 0;
  /** 0..20, but 0..255 in VERSION_NEGOTIATION and UNKNOWN_VERSION. */
  dcidLength: number = 0;
  scidStart: number = 0;
  scidLength: number = 0;
  /** INITIAL and RETRY: the token. VERSION_NEGOTIATION: the list of versions. */
  tokenStart: number = 0;
  tokenLength: number = 0;
  /** -1 where there is none: RETRY, VERSION_NEGOTIATION, UNKNOWN_VERSION. */
  packetNumberOffset: number = -1;
  /**
   * Where the sample of header protection begins; -1 where the packet is too short to hold one (drop it: RFC 9001 §5.4.2) or has none. A short header
   * without a sample may still be a stateless reset.
   */
  sampleOffset: number = -1;
  /** The end of this packet: another one may follow in the same datagram. */
  packetEnd: number = 0;
}

// Synchronous use only: nothing below calls out while it reads.
const reader = new Reader();

/**
 * Reads the header of the packet at buffer[start], without keys.
 *
 * @param end the end of the datagram
 * @param localCidLength length of the connection IDs that we issue: short headers do not tell it
 * @returns false when this and the rest of the datagram must be dropped; the header's fields are then undefined
 */
export function readHeader(
  header: PacketHeader,
  buffer: Uint8Array,
  start: number,
  end: number,
  localCidLength: number,
): boolean {
  if (start >= end) return false;
  const first = buffer[start]!;
  header.headerStart = start;
  header.packetEnd = end;
  header.tokenStart = 0;
  header.tokenLength = 0;
  header.packetNumberOffset = -1;
  header.sampleOffset = -1;
  if ((first & LONG_HEADER) !== 0) return readLongHeader(header, buffer, start, end, first);

  // RFC 9000 §17.3.1: packets whose fixed bit is 0 are not valid in this version. Stateless resets have it too (§10.3).
  if ((first & FIXED_BIT) === 0 || start + 1 + localCidLength > end) return false;
  header.type = PacketType.ONE_RTT;
  header.version = 0;
  header.dcidStart = start + 1;
  header.dcidLength = localCidLength;
  header.scidStart = 0;
  header.scidLength = 0;
  setPacketNumberOffset(header, start + 1 + localCidLength, end);
  return true;
}

function readLongHeader(header: PacketHeader, buffer: Uint8Array, start: number, end: number, first: number): boolean {
  // 1. What every version has (RFC 8999 §5.1): version and connection IDs of up to 255 bytes.
  reader.reset(buffer, start + 1, end);
  const version = reader.uint32();
  header.version = version;
  header.dcidLength = reader.uint8();
  header.dcidStart = reader.skip(header.dcidLength);
  header.scidLength = reader.uint8();
  header.scidStart = reader.skip(header.scidLength);
  if (reader.failed) return false;

  if (version === 0) {
    // RFC 9000 §17.2.1: a list of at least one version. The fixed bit means nothing here.
    header.type = PacketType.VERSION_NEGOTIATION;
    header.tokenStart = reader.position;
    header.tokenLength = reader.remaining;
    return header.tokenLength >= 4 && header.tokenLength % 4 === 0;
  }
  const row = findVersion(version);
  if (row === undefined) {
    header.type = PacketType.UNKNOWN_VERSION;
    return true;
  }

  // 2. What version 1 says.
  if ((first & FIXED_BIT) === 0) return false;
  // RFC 9000 §17.2: longer connection IDs are dropped.
  if (header.dcidLength > MAX_CONNECTION_ID_LENGTH || header.scidLength > MAX_CONNECTION_ID_LENGTH) return false;
  const type = row.longTypes[(first >> 4) & 0x03]!;
  header.type = type;
  if (type === PacketType.RETRY) {
    // RFC 9000 §17.2.5: everything between the header and the integrity tag is the token, and Retry is alone in its datagram.
    header.tokenStart = reader.position;
    header.tokenLength = reader.remaining - TAG_LENGTH;
    return header.tokenLength > 0;
  }
  if (type === PacketType.INITIAL) {
    header.tokenLength = reader.varint();
    header.tokenStart = reader.skip(header.tokenLength);
  }
  const length = reader.varint();
  if (reader.failed || length > reader.remaining) return false;
  header.packetEnd = reader.position + length;
  setPacketNumberOffset(header, reader.position, header.packetEnd);
  return true;
}

function setPacketNumberOffset(header: PacketHeader, offset: number, packetEnd: number): void {
  header.packetNumberOffset = offset;
  const sampleOffset = offset + MAX_PACKET_NUMBER_LENGTH;
  header.sampleOffset = sampleOffset + SAMPLE_LENGTH <= packetEnd ? sampleOffset : -1;
}

/** Whether the list of a VERSION_NEGOTIATION packet holds `version`. */
export function offersVersion(buffer: Uint8Array, header: PacketHeader, version: number): boolean {
  reader.reset(buffer, header.tokenStart, header.tokenStart + header.tokenLength);
  while (reader.remaining >= 4) if (reader.uint32() === version) return true;
  return false;
}

/** Bytes of a long header with its 2-byte Length field and packet number. @param tokenLength counts for INITIAL only */
export function longHeaderSize(
  type: PacketType,
  dcidLength: number,
  scidLength: number,
  tokenLength: number,
  packetNumberLength: number,
): number {
  const token = type === PacketType.INITIAL ? (tokenLength < 0x40 ? 1 : 2) + tokenLength : 0;
  return 1 + 4 + 1 + dcidLength + 1 + scidLength + token + 2 + packetNumberLength;
}

/**
 * Writes a long header, packet number included, not yet protected. The Length field is two bytes and still 0: see setPacketLength().
 *
 * @param type INITIAL, ZERO_RTT or HANDSHAKE
 * @param token written for INITIAL only, 0..16383 bytes
 * @returns the position of the Length field; the packet number begins two bytes later
 */
export function writeLongHeader(
  writer: Writer,
  version: QuicVersion,
  type: PacketType,
  dcid: Uint8Array,
  scid: Uint8Array,
  token: Uint8Array,
  packetNumber: number,
  packetNumberLength: number,
): number {
  writer.uint8(LONG_HEADER | FIXED_BIT | (version.longTypeBits[type]! << 4) | (packetNumberLength - 1));
  writer.uint32(version.version);
  writer.uint8(dcid.length);
  writer.bytes(dcid);
  writer.uint8(scid.length);
  writer.bytes(scid);
  if (type === PacketType.INITIAL) {
    writer.varint(token.length);
    writer.bytes(token);
  }
  const lengthOffset = writer.position;
  writer.varint2(0);
  appendPacketNumber(writer, packetNumber, packetNumberLength);
  return lengthOffset;
}

/**
 * Fills in the Length field.
 *
 * @param lengthOffset what writeLongHeader() returned
 * @param packetEnd the end of the packet, tag included
 */
export function setPacketLength(buffer: Uint8Array, lengthOffset: number, packetEnd: number): void {
  const length = packetEnd - lengthOffset - 2;
  buffer[lengthOffset] = 0x40 | (length >>> 8);
  buffer[lengthOffset + 1] = length;
}

/** Bytes of a short header. */
export function shortHeaderSize(dcidLength: number, packetNumberLength: number): number {
  return 1 + dcidLength + packetNumberLength;
}

/**
 * Writes a short header, packet number included, not yet protected.
 *
 * @param keyPhase 0 or 1
 * @param spinBit 0 or 1
 * @returns the position of the packet number
 */
export function writeShortHeader(
  writer: Writer,
  dcid: Uint8Array,
  keyPhase: number,
  spinBit: number,
  packetNumber: number,
  packetNumberLength: number,
): number {
  writer.uint8(
    FIXED_BIT | (spinBit === 0 ? 0 : SPIN_BIT) | (keyPhase === 0 ? 0 : KEY_PHASE_BIT) | (packetNumberLength - 1),
  );
  writer.bytes(dcid);
  const packetNumberOffset = writer.position;
  appendPacketNumber(writer, packetNumber, packetNumberLength);
  return packetNumberOffset;
}

function appendPacketNumber(writer: Writer, packetNumber: number, length: number): void {
  const at = writer.position;
  if (length > writer.remaining) throw new RangeError(`No room for a packet number of ${length} bytes`);
  writePacketNumber(writer.buffer, at, packetNumber, length);
  writer.position = at + length;
}

/** Bytes that writeVersionNegotiation() takes. */
export function versionNegotiationSize(header: PacketHeader, versionCount: number): number {
  return 1 + 4 + 1 + header.scidLength + 1 + header.dcidLength + 4 * versionCount;
}

/**
 * Answers a packet of an unknown version (RFC 9000 §17.2.1): its connection IDs, swapped, and our versions.
 *
 * @param unusedBits 7 random bits for the first byte
 * @param source the buffer that `header` was read from; may not overlap the writer's room
 */
export function writeVersionNegotiation(
  writer: Writer,
  unusedBits: number,
  source: Uint8Array,
  header: PacketHeader,
  versions: readonly number[],
): void {
  // RFC 9000 §17.2.1: the bit where others have the fixed bit should be 1, for whoever tells QUIC from other protocols by it.
  writer.uint8(LONG_HEADER | FIXED_BIT | (unusedBits & 0x3f));
  writer.uint32(0);
  writer.uint8(header.scidLength);
  writer.bytes(source.subarray(header.scidStart, header.scidStart + header.scidLength));
  writer.uint8(header.dcidLength);
  writer.bytes(source.subarray(header.dcidStart, header.dcidStart + header.dcidLength));
  for (const version of versions) writer.uint32(version);
}
