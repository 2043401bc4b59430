/**
 * Just enough DER (X.690) to look into keys and certificates without building objects: a strict element reader and a writer.
 *
 * Strict means: definite lengths in their shortest form, one-byte tags, nothing past the end. What passes here is safe to hand to a general
 * ASN.1 parser, which would also take BER.
 */

import { MAX_DER_DEPTH, MAX_DER_ELEMENTS, MAX_OID_LENGTH } from './limits.ts';

export const DerTag = {
  BOOLEAN: 0x01,
  INTEGER: 0x02,
  BIT_STRING: 0x03,
  OCTET_STRING: 0x04,
  NULL: 0x05,
  OBJECT_IDENTIFIER: 0x06,
  SEQUENCE: 0x30,
  SET: 0x31,
} as const;

/** Thrown on malformed DER; never leaves the package, callers turn it into a TlsError or a refusal. */
export class DerError extends Error {
  override readonly name: string = 'DerError';
}

/** One element as positions in the bytes it was read from. */
export interface DerElement {
  readonly tag: number;
  /** Where the tag stands. */
  readonly start: number;
  readonly contentStart: number;
  /** One past the content. */
  readonly end: number;
}

/** Reads the element at `position`. @throws DerError */
export function readDerElement(bytes: Uint8Array, position: number, limit: number): DerElement {
  if (position + 2 > limit) throw new DerError('Element is cut off');
  const tag = bytes[position];
  if ((tag & 0x1f) === 0x1f) throw new DerError('Tag numbers above 30 are not used in certificates and keys');
  let length = bytes[position + 1];
  let contentStart = position + 2;
  if (length >= 0x80) {
    const size = length & 0x7f;
    // 0 is BER's indefinite length; four bytes would be more than any limit of ours.
    if (size === 0 || size > 3) throw new DerError('Length is indefinite or too long');
    if (contentStart + size > limit) throw new DerError('Length is cut off');
    length = 0;
    for (let i = 0; i < size; i++) length = length * 256 + bytes[contentStart + i];
    if (length < 0x80 || length < 2 ** (8 * (size - 1))) throw new DerError('Length is not in its shortest form');
    contentStart += size;
  }
  if (contentStart + length > limit) throw new DerError('Content is cut off');
  return { tag, start: position, contentStart, end: contentStart + length };
}

/** Reads `bytes` as exactly one element of the given tag. @throws DerError */
export function readDerRoot(bytes: Uint8Array, tag: number): DerElement {
  const element = readDerElement(bytes, 0, bytes.length);
  if (element.tag !== tag) throw new DerError(`Expected tag ${tag}, got ${element.tag}`);
  if (element.end !== bytes.length) throw new DerError('Bytes follow the element');
  return element;
}

/** The elements inside a constructed one. @throws DerError */
export function readDerChildren(bytes: Uint8Array, parent: DerElement): DerElement[] {
  const children: DerElement[] = [];
  for (let position = parent.contentStart; position < parent.end;) {
    const child = readDerElement(bytes, position, parent.end);
    children.push(child);
    position = child.end;
  }
  return children;
}

/** The child at `index`, which must have `tag`. @throws DerError */
export function expectDerChild(children: readonly DerElement[], index: number, tag: number): DerElement {
  const child = children[index];
  if (child === undefined) throw new DerError(`Element ${index} is missing`);
  if (child.tag !== tag) throw new DerError(`Expected tag ${tag} for element ${index}, got ${child.tag}`);
  return child;
}

/** A view of the content. */
export function derContent(bytes: Uint8Array, element: DerElement): Uint8Array {
  return bytes.subarray(element.contentStart, element.end);
}

/** A view of the whole element. */
export function derWhole(bytes: Uint8Array, element: DerElement): Uint8Array {
  return bytes.subarray(element.start, element.end);
}

/** The magnitude of a positive INTEGER, without leading zeros. @throws DerError for negative, empty or padded integers */
export function derUnsigned(bytes: Uint8Array, element: DerElement): Uint8Array {
  const content = derContent(bytes, element);
  if (content.length === 0) throw new DerError('Integer is empty');
  if (content[0] >= 0x80) throw new DerError('Integer is negative');
  if (content.length > 1 && content[0] === 0) {
    if (content[1] < 0x80) throw new DerError('Integer is not in its shortest form');
    return content.subarray(1);
  }
  return content;
}

/** A BOOLEAN, which DER writes as 0x00 or 0xff only (X.690 §11.1). @throws DerError */
export function derBoolean(bytes: Uint8Array, element: DerElement): boolean {
  const content = derContent(bytes, element);
  if (content.length !== 1 || (content[0] !== 0x00 && content[0] !== 0xff)) throw new DerError('Boolean is malformed');
  return content[0] === 0xff;
}

/** An OBJECT IDENTIFIER as dotted text. @throws DerError where an arc is cut off or padded (X.690 §8.19.2), or for one longer than any in use */
export function derOid(bytes: Uint8Array, element: DerElement): string {
  const content = derContent(bytes, element);
  if (content.length > MAX_OID_LENGTH) throw new DerError('Object identifier is too long');
  if (content.length === 0 || content[content.length - 1] >= 0x80) throw new DerError('Object identifier is cut off');
  let text = '';
  for (let start = 0; start < content.length;) {
    if (content[start] === 0x80) throw new DerError('Object identifier is not in its shortest form');
    let end = start;
    while (content[end] >= 0x80) end++;
    end++;
    const arc = readArc(content.subarray(start, end));
    // §8.19.4: the first two arcs share a number, and only below 2 does the second end at 39.
    const root = arc < 80 ? Math.floor(Number(arc) / 40) : 2;
    text += start === 0 ? `${root}.${BigInt(arc) - BigInt(root * 40)}` : `.${arc}`;
    start = end;
  }
  return text;
}

/** Seven bits of each byte. Arcs of 2.25 have 128 bits, more than a number holds. */
function readArc(bytes: Uint8Array): number | bigint {
  if (bytes.length <= 7) return bytes.reduce((arc, byte) => arc * 128 + (byte & 0x7f), 0);
  return bytes.reduce((arc, byte) => arc * 128n + BigInt(byte & 0x7f), 0n);
}

/**
 * Walks everything below `bytes` and refuses what a general parser should not be asked to build objects for.
 *
 * @param bytes exactly one element
 * @throws DerError for malformed DER, deep nesting or very many elements (MAX_DER_DEPTH, MAX_DER_ELEMENTS)
 */
export function checkDer(bytes: Uint8Array): void {
  let elementsLeft = MAX_DER_ELEMENTS;
  const walk = (position: number, limit: number, depth: number): void => {
    if (depth > MAX_DER_DEPTH) throw new DerError('Elements are nested too deeply');
    while (position < limit) {
      if (--elementsLeft < 0) throw new DerError('There are too many elements');
      const element = readDerElement(bytes, position, limit);
      if ((element.tag & 0x20) !== 0) walk(element.contentStart, element.end, depth + 1);
      position = element.end;
    }
  };
  if (readDerElement(bytes, 0, bytes.length).end !== bytes.length) throw new DerError('Bytes follow the element');
  walk(0, bytes.length, 0);
}

/** Writes one element. */
export function writeDer(tag: number, ...parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const lengthBytes: number[] = [];
  if (length < 0x80) lengthBytes.push(length);
  else {
    for (let rest = length; rest > 0; rest >>>= 8) lengthBytes.unshift(rest & 0xff);
    lengthBytes.unshift(0x80 | lengthBytes.length);
  }
  const out = new Uint8Array(1 + lengthBytes.length + length);
  out[0] = tag;
  out.set(lengthBytes, 1);
  let position = 1 + lengthBytes.length;
  for (const part of parts) {
    out.set(part, position);
    position += part.length;
  }
  return out;
}

/** Writes a positive INTEGER from its magnitude. */
export function writeDerUnsigned(magnitude: Uint8Array): Uint8Array {
  let start = 0;
  while (start < magnitude.length - 1 && magnitude[start] === 0) start++;
  const bytes = magnitude.subarray(start);
  return bytes.length === 0 || bytes[0] >= 0x80
    ? writeDer(DerTag.INTEGER, Uint8Array.of(0), bytes)
    : writeDer(DerTag.INTEGER, bytes);
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
