/**
 * Packet numbers on the wire (RFC 9000 §17.1, appendix A.2 and A.3): 1 to 4 low bytes of a number that both sides can complete.
 *
 * All are doubles: a connection that sends a million packets a second reaches 2^53 after 285 years.
 */

/**
 * The bytes that a packet number needs so that a receiver, which may have seen nothing after `largestAcked`, restores it.
 *
 * @param packetNumber the number about to be sent
 * @param largestAcked the largest that the peer acknowledged in this space, -1 for none
 * @returns 1..4
 */
export function packetNumberLength(packetNumber: number, largestAcked: number): number {
  // RFC 9000 §17.1: the size must represent more than twice the range between the largest acknowledged and this one.
  const unacked = packetNumber - largestAcked;
  return unacked < 0x80 ? 1 : unacked < 0x8000 ? 2 : unacked < 0x80_0000 ? 3 : 4;
}

/** Writes the low `length` bytes of a packet number, big-endian. @param length 1..4 */
export function writePacketNumber(buffer: Uint8Array, offset: number, packetNumber: number, length: number): void {
  const low = packetNumber >>> 0;
  for (let i = 0; i < length; i++) buffer[offset + i] = low >>> ((length - 1 - i) * 8);
}

/** Reads `length` bytes, big-endian. @param length 1..4 @returns the truncated packet number, 0..2^32-1 */
export function readPacketNumber(buffer: Uint8Array, offset: number, length: number): number {
  let value = 0;
  for (let i = 0; i < length; i++) value = value * 256 + buffer[offset + i]!;
  return value;
}

/**
 * Completes a truncated packet number: of all numbers with these low bytes, the one nearest to the expected next one.
 *
 * @param largestReceived the largest number successfully opened in this space, -1 for none
 * @param truncated 0..2^(8 * length) - 1
 * @param length 1..4, bytes it took on the wire
 */
export function decodePacketNumber(largestReceived: number, truncated: number, length: number): number {
  const expected = largestReceived + 1;
  const window = 2 ** (8 * length);
  const half = window / 2;
  const candidate = expected - (expected % window) + truncated;
  if (candidate <= expected - half && candidate <= Number.MAX_SAFE_INTEGER - window) return candidate + window;
  if (candidate > expected + half && candidate >= window) return candidate - window;
  return candidate;
}
