/**
 * Numbers of streams are bounded by 2^60 (RFC 9000 §4.6), a bound that lies beyond the exact integers of a double: the bytes have to tell.
 */

/**
 * Whether a varint is greater than 2^60.
 *
 * @param at where the varint begins
 * @param value what Reader.varint() made of it: only a saturated one needs a look at its eight bytes
 */
export function exceedsMaxStreams(buffer: Uint8Array, at: number, value: number): boolean {
  if (value < Number.MAX_SAFE_INTEGER) return false;
  const high = buffer[at]! & 0x3f;
  if (high !== 0x10) return high > 0x10;
  for (let i = at + 1; i < at + 8; i++) if (buffer[i] !== 0) return true;
  return false;
}
