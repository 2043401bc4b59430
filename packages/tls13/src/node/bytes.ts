/** Buffers as plain byte arrays, and byte arrays as JSON Web Keys carry them. */

/** The same bytes without Buffer's methods: whoever gets them may slice() and compare. */
export function plain(buffer: Buffer): Uint8Array {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.length);
}

export function base64Url(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64url');
}

/** A copy of its own: short Buffers are views of a pool. */
export function bytesOfBase64Url(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'base64url'));
}
