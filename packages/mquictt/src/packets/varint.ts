/** Variable byte integers (MQTT 5 §1.5.5): seven bits a byte, least significant first. */

/** The largest value four bytes hold. */
export const VARINT_MAX = 268_435_455;

/** Bytes of the shortest, and only legal, encoding. [MQTT-1.5.5-1] */
export function varintLength(value: number): number {
  return value < 128 ? 1 : value < 16_384 ? 2 : value < 2_097_152 ? 3 : 4;
}

/** @returns the position after it */
export function writeVarint(out: Uint8Array, position: number, value: number): number {
  let rest = value;
  while (rest >= 128) {
    out[position++] = (rest & 127) | 128;
    rest >>>= 7;
  }
  out[position++] = rest;
  return position;
}
