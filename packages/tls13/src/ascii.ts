/** Text of the protocol: key schedule labels, ALPN names and host names are all plain ASCII. */

/** @throws RangeError for characters outside ASCII */
export function asciiBytes(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code > 0x7f) throw new RangeError(`"${text}" expected to be ASCII`);
    bytes[i] = code;
  }
  return bytes;
}

/** Two digits per byte, in lower case. */
export function hexText(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += byte.toString(16).padStart(2, '0');
  return text;
}

/** One character per byte, so that different bytes are different strings. */
export function latin1Text(bytes: Uint8Array): string {
  // Many characters in a call: one by one, V8 keeps a tree of all the steps, 25 KB for 800 bytes (Node 20).
  let text = '';
  for (let i = 0; i < bytes.length; i += 4096) {
    const codes: ArrayLike<number> = bytes.subarray(i, i + 4096);
    text += String.fromCharCode.apply(undefined, codes as number[]);
  }
  return text;
}

/** The way back from `latin1Text`. */
export function latin1Bytes(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}
