/** Connection IDs (RFC 9000 §5.1) as values: bytes to write, and a string to look up. */

/** @returns the ID at buffer[start..start+length) as a key for a Map: one character per byte. */
export function connectionIdKey(buffer: Uint8Array, start: number, length: number): string {
  const b = buffer;
  // One call that makes a flat string: a string built character by character would be flattened at each lookup. Eight bytes is what we issue.
  if (length === 8) {
    return String.fromCharCode(
      b[start]!,
      b[start + 1]!,
      b[start + 2]!,
      b[start + 3]!,
      b[start + 4]!,
      b[start + 5]!,
      b[start + 6]!,
      b[start + 7]!,
    );
  }
  let key = '';
  for (let i = start; i < start + length; i++) key += String.fromCharCode(b[i]!);
  return key;
}

/** An immutable connection ID with a copy of its bytes. */
export class ConnectionId {
  /** Not to be changed. */
  readonly bytes: Uint8Array;
  /** See connectionIdKey(). */
  readonly key: string;

  /** @param bytes copied. 0..20 bytes in version 1 */
  constructor(bytes: Uint8Array) {
    this.bytes = bytes.slice();
    this.key = connectionIdKey(bytes, 0, bytes.length);
  }

  /** A copy of buffer[start..start+length). */
  static read(buffer: Uint8Array, start: number, length: number): ConnectionId {
    return new ConnectionId(buffer.subarray(start, start + length));
  }

  get length(): number {
    return this.bytes.length;
  }

  equals(other: ConnectionId): boolean {
    return this.key === other.key;
  }

  /** Compares with bytes in place. */
  matches(buffer: Uint8Array, start: number, length: number): boolean {
    const bytes = this.bytes;
    if (bytes.length !== length) return false;
    for (let i = 0; i < length; i++) if (bytes[i] !== buffer[start + i]) return false;
    return true;
  }

  toString(): string {
    let hex = '';
    for (const byte of this.bytes) hex += byte.toString(16).padStart(2, '0');
    return hex;
  }
}
