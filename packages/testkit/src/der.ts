/**
 * Writes DER (X.690) for certificates that tests make up, the broken ones as well: nothing is checked here. Deliberately not the
 * reader of the package under test.
 */

/** One element: tag, length, content. */
export function der(tag: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const content = concat(parts);
  const length = content.length;
  const header =
    length < 0x80
      ? [tag, length]
      : length < 0x100
        ? [tag, 0x81, length]
        : length < 0x1_0000
          ? [tag, 0x82, length >> 8, length & 0xff]
          : [tag, 0x83, length >> 16, (length >> 8) & 0xff, length & 0xff];
  return concat([Uint8Array.from(header), content]);
}

export const derSequence = (...parts: readonly Uint8Array[]): Uint8Array => der(0x30, ...parts);
export const derSet = (...parts: readonly Uint8Array[]): Uint8Array => der(0x31, ...parts);
export const derOctetString = (bytes: Uint8Array): Uint8Array => der(0x04, bytes);
export const derBitString = (bytes: Uint8Array, unusedBits = 0): Uint8Array =>
  der(0x03, Uint8Array.of(unusedBits), bytes);
export const derBoolean = (value: boolean): Uint8Array => der(0x01, Uint8Array.of(value ? 0xff : 0x00));
export const derNull = (): Uint8Array => der(0x05);
export const derUtf8 = (text: string): Uint8Array => der(0x0c, new TextEncoder().encode(text));
/** [n] around whole elements. */
export const derExplicit = (n: number, ...parts: readonly Uint8Array[]): Uint8Array => der(0xa0 | n, ...parts);
/** [n] in place of a primitive element's own tag. */
export const derImplicit = (n: number, bytes: Uint8Array): Uint8Array => der(0x80 | n, bytes);

export function derInteger(value: number | Uint8Array): Uint8Array {
  if (typeof value !== 'number') {
    let start = 0;
    while (start < value.length - 1 && value[start] === 0) start++;
    const bytes = value.subarray(start);
    return der(0x02, (bytes[0] ?? 0) >= 0x80 ? concat([Uint8Array.of(0), bytes]) : bytes);
  }
  const bytes: number[] = [];
  for (let rest = value; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256);
  return derInteger(Uint8Array.from(bytes.length === 0 ? [0] : bytes));
}

/** @param dotted such as '2.5.29.17' */
export function derOid(dotted: string): Uint8Array {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  const out: number[] = [];
  for (const arc of [first * 40 + second, ...rest]) {
    const groups = [arc & 0x7f];
    for (let left = Math.floor(arc / 128); left > 0; left = Math.floor(left / 128))
      groups.unshift((left & 0x7f) | 0x80);
    out.push(...groups);
  }
  return der(0x06, Uint8Array.from(out));
}

/** UTCTime up to 2049, GeneralizedTime from 2050 on (RFC 5280 §4.1.2.5). @param unixTime ms */
export function derTime(unixTime: number): Uint8Array {
  const text = new Date(unixTime).toISOString().replace(/[-:T]|\.\d+/g, '');
  const year = Number(text.slice(0, 4));
  const utc = year >= 1950 && year < 2050;
  return der(utc ? 0x17 : 0x18, new TextEncoder().encode(utc ? text.slice(2) : text));
}

export function concat(parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let position = 0;
  for (const part of parts) {
    out.set(part, position);
    position += part.length;
  }
  return out;
}
