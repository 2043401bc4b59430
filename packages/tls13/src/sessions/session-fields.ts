/** What the encodings of both kinds of session are made of. The first byte is the version; what is not exactly as we write it is no session. */
import { CIPHER_SUITES } from '../cipher-suites.ts';
import { Reader, Writer } from '../codec.ts';
import { TlsError, decodeError } from '../errors.ts';
import { MAX_TICKET_LIFETIME } from '../limits.ts';

/** @returns undefined where it has more than `maxSize` bytes */
export function encodeSession(
  version: number,
  maxSize: number,
  write: (writer: Writer) => void,
): Uint8Array | undefined {
  const writer = new Writer().uint8(version);
  write(writer);
  const data = writer.finish();
  return data.length > maxSize ? undefined : data;
}

/** @returns undefined for anything malformed; nothing in it is a view of `data` */
export function decodeSession<T>(
  data: Uint8Array,
  version: number,
  maxSize: number,
  read: (reader: Reader) => T,
): T | undefined {
  if (data.length > maxSize) return undefined;
  try {
    // Not slice(): of a Buffer that is a view.
    const reader = new Reader(new Uint8Array(data), 'Session');
    if (reader.uint8() !== version) return undefined;
    const session = read(reader);
    reader.end();
    return session;
  } catch (error) {
    if (error instanceof TlsError) return undefined;
    throw error;
  }
}

/** Cipher suite and pre-shared key, which is as long as the suite's hash (RFC 8446 §4.6.1). */
export function writeKey(writer: Writer, cipherSuite: number, secret: Uint8Array): void {
  writer.uint16(cipherSuite).vector8(secret);
}

export function readKey(reader: Reader): { readonly cipherSuite: number; readonly secret: Uint8Array } {
  const cipherSuite = reader.uint16();
  const secret = reader.vector8();
  if (CIPHER_SUITES.find(({ id }) => id === cipherSuite)?.hashLength !== secret.length)
    throw decodeError('Session has a key that does not suit its cipher suite');
  return { cipherSuite, secret };
}

/** Wall clock at the start and the end of a session, whole ms since 1970. */
export function writeLifetime(writer: Writer, start: number, end: number): void {
  for (const time of [Math.floor(start), Math.floor(end)])
    writer.uint32(Math.floor(time / 2 ** 32)).uint32(time % 2 ** 32);
}

export function readLifetime(reader: Reader): readonly [start: number, end: number] {
  const start = reader.uint32() * 2 ** 32 + reader.uint32();
  const end = reader.uint32() * 2 ** 32 + reader.uint32();
  if (end > Number.MAX_SAFE_INTEGER || end < start || end - start > MAX_TICKET_LIFETIME * 1000)
    throw decodeError('Session does not end within seven days of its start');
  return [start, end];
}

/** As UTF-16, which gives back every string as it was: two names must not become one. */
export function writeText(writer: Writer, text: string): void {
  writer.vector16(() => {
    for (let i = 0; i < text.length; i++) writer.uint16(text.charCodeAt(i));
  });
}

export function readText(reader: Reader): string {
  const units = new Reader(reader.vector16(), 'Text of a session');
  let text = '';
  while (units.remaining > 0) text += String.fromCharCode(units.uint16());
  return text;
}

export function readFlag(reader: Reader): boolean {
  const flag = reader.uint8();
  if (flag > 1) throw decodeError(`Session has ${flag} where 0 or 1 belongs`);
  return flag === 1;
}

/** A byte that says whether it is there, then the value. */
export function writeOptional<T>(writer: Writer, value: T | undefined, write: (value: T) => void): void {
  writer.uint8(value === undefined ? 0 : 1);
  if (value !== undefined) write(value);
}

export function readOptional<T>(reader: Reader, read: () => T): T | undefined {
  return readFlag(reader) ? read() : undefined;
}

/** Not expired, and not from a clock that was ahead: no session lives for longer than seven days (RFC 8446 §4.6.1). */
export function isCurrent(expiresAt: number, unixTime: number): boolean {
  return unixTime < expiresAt && expiresAt - unixTime <= MAX_TICKET_LIFETIME * 1000;
}
