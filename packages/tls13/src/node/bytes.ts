/** Buffers as plain byte arrays. */

/** The same bytes without Buffer's methods: whoever gets them may slice() and compare. */
export function plain(buffer: Buffer): Uint8Array {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.length);
}
