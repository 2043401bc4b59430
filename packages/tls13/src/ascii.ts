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

const DIGITS = '0123456789abcdef';

/** Two digits per byte, in lower case. */
export function hexText(bytes: Uint8Array): string {
  const digits = new Uint8Array(2 * bytes.length);
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] as number;
    digits[2 * i] = DIGITS.charCodeAt(byte >> 4);
    digits[2 * i + 1] = DIGITS.charCodeAt(byte & 15);
  }
  return latin1Text(digits);
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
