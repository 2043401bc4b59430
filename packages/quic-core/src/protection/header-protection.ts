/**
 * Putting header protection on and taking it off, given the mask (RFC 9001 §5.4.1). The masks come from a HeaderKey, many at a time.
 *
 * It covers the packet number and the low bits of the first byte: four in long headers, five in short ones.
 */

/** The bits of a first byte that are protected. Whether the header is long is not. */
function protectedBits(firstByte: number): number {
  return (firstByte & 0x80) !== 0 ? 0x0f : 0x1f;
}

/**
 * Protects a header in place. The payload must be sealed already: the mask is made from it.
 *
 * @param packetNumberLength 1..4
 * @param maskOffset where the 5 bytes of this packet's mask begin
 */
export function protectHeader(
  buffer: Uint8Array,
  headerStart: number,
  packetNumberOffset: number,
  packetNumberLength: number,
  mask: Uint8Array,
  maskOffset: number,
): void {
  const first = buffer[headerStart]!;
  buffer[headerStart] = first ^ (mask[maskOffset]! & protectedBits(first));
  for (let i = 0; i < packetNumberLength; i++) buffer[packetNumberOffset + i]! ^= mask[maskOffset + 1 + i]!;
}

/**
 * Takes the protection off in place. Applied to a packet that was not for this key it leaves garbage, which the AEAD then refuses; protectHeader() with the
 * returned length restores the bytes.
 *
 * @returns the length of the packet number, 1..4; read it with readPacketNumber()
 */
export function unprotectHeader(
  buffer: Uint8Array,
  headerStart: number,
  packetNumberOffset: number,
  mask: Uint8Array,
  maskOffset: number,
): number {
  const first = buffer[headerStart]! ^ (mask[maskOffset]! & protectedBits(buffer[headerStart]!));
  buffer[headerStart] = first;
  // RFC 9001 §5.4.1: the length is itself under protection and known only now.
  const packetNumberLength = (first & 0x03) + 1;
  for (let i = 0; i < packetNumberLength; i++) buffer[packetNumberOffset + i]! ^= mask[maskOffset + 1 + i]!;
  return packetNumberLength;
}
