/** PUBACK (MQTT 5 §3.4) in its usual form of four bytes, which every QoS 1 message needs twice; the long form goes through codec.ts. */

/** The same in both versions: reason code 0 and no properties are left out. */
export function encodePuback(packetIdentifier: number): Uint8Array {
  return Uint8Array.of(0x40, 2, packetIdentifier >> 8, packetIdentifier & 0xff);
}

/**
 * Reads the short form.
 *
 * @param header first byte
 * @param bodyStart where the body begins
 * @returns the identifier, or 0 when this is no PUBACK in short form (or a malformed one: codec.ts says which)
 */
export function readShortPuback(header: number, buffer: Uint8Array, bodyStart: number, end: number): number {
  if (header !== 0x40 || end - bodyStart !== 2) return 0;
  return (buffer[bodyStart] << 8) | buffer[bodyStart + 1];
}
