/**
 * Names of subjects and issuers (RFC 5280 §4.1.2.4): as text for people, and in one form for comparing (§7.1).
 *
 * Two authorities may write one name as PrintableString and as UTF8String, in capitals, or with more spaces. What is compared is therefore the text
 * without case (NFKC, then lower case) and with single spaces. Text that RFC 4518 would not let pass (control characters, characters that nobody
 * sees), and types that are no plain text, are compared by their bytes alone.
 */
import { latin1Text } from '../ascii.ts';
import {
  DerError,
  DerTag,
  derContent,
  derOid,
  derWhole,
  expectDerChild,
  readDerChildren,
  readDerRoot,
} from '../der.ts';
import type { DerElement } from '../der.ts';
import { printable } from './errors.ts';

export interface DistinguishedName {
  /** For messages, such as `CN=example.org, O=Example`. Empty for the empty name. */
  readonly text: string;
  /** Relative names, the outermost (country) first. */
  readonly parts: readonly RelativeName[];
  /** Equal for names that are equal by RFC 5280 §7.1. */
  readonly normalized: string;
  /** Values of commonName that are text, as they were written. */
  readonly commonNames: readonly string[];
  /** Values of emailAddress, one character per byte: name constraints on mail addresses hold for them too (§4.2.1.10). */
  readonly mailAddresses: readonly string[];
}

export interface RelativeName {
  /** Types and values for comparing. */
  readonly normalized: string;
  /** Types alone. */
  readonly types: string;
  /** Whether the values are text whose equality says something: if not, two of other bytes may still mean the same. */
  readonly isText: boolean;
}

const COMMON_NAME = '2.5.4.3';
const EMAIL_ADDRESS = '1.2.840.113549.1.9.1';

const ATTRIBUTES: ReadonlyMap<string, string> = new Map([
  [COMMON_NAME, 'CN'],
  ['2.5.4.10', 'O'],
  ['2.5.4.11', 'OU'],
  ['2.5.4.6', 'C'],
  ['2.5.4.8', 'ST'],
  ['2.5.4.7', 'L'],
]);

/** @param name DER Name. @throws DerError */
export function readName(name: Uint8Array): DistinguishedName {
  const texts: string[] = [];
  const mailAddresses: string[] = [];
  const commonNames: string[] = [];
  const parts = readDerChildren(name, readDerRoot(name, DerTag.SEQUENCE)).map((set): RelativeName => {
    const attributes = readRelativeName(name, set);
    for (const { type, text, bytes, isText } of attributes) {
      texts.push(`${ATTRIBUTES.get(type) ?? type}=${text}`);
      if (type === EMAIL_ADDRESS) mailAddresses.push(bytes);
      if (type === COMMON_NAME && isText) commonNames.push(text);
    }
    return {
      normalized: attributes.map(({ normalized }) => normalized).join('+'),
      types: attributes.map(({ type }) => type).join('+'),
      isText: attributes.every(({ isText }) => isText),
    };
  });
  return {
    text: printable(texts.join(', ')),
    parts,
    normalized: parts.map(({ normalized }) => normalized).join(','),
    commonNames,
    mailAddresses,
  };
}

interface Attribute {
  readonly type: string;
  readonly text: string;
  readonly isText: boolean;
  /** With its length, so that no value can look like the beginning of the next attribute. */
  readonly normalized: string;
  /** Content, one character per byte. */
  readonly bytes: string;
}

/** SET OF SEQUENCE { type, value }, sorted: a set has no order. */
function readRelativeName(name: Uint8Array, set: DerElement): Attribute[] {
  const elements = readDerChildren(name, set);
  if (set.tag !== DerTag.SET || elements.length === 0) throw new DerError('Name is malformed');
  return elements
    .map((element): Attribute => {
      const children = readDerChildren(name, element);
      if (element.tag !== DerTag.SEQUENCE || children.length !== 2) throw new DerError('Name is malformed');
      const type = derOid(name, expectDerChild(children, 0, DerTag.OBJECT_IDENTIFIER));
      const bytes = latin1Text(derContent(name, children[1]));
      const text = readText(name, children[1]);
      const comparable = text === undefined ? undefined : normalizeText(text);
      // No text has a NUL that is comparable.
      const value = comparable ?? `\u0000${latin1Text(derWhole(name, children[1]))}`;
      const normalized = `${type}=${value.length}:${value}`;
      return { type, text: text ?? bytes, isText: comparable !== undefined, normalized, bytes };
    })
    .sort((a, b) => (a.normalized < b.normalized ? -1 : 1));
}

/** @returns undefined for what is no text, or text in no certain encoding (TeletexString) */
function readText(bytes: Uint8Array, element: DerElement): string | undefined {
  const content = derContent(bytes, element);
  switch (element.tag) {
    case 0x0c:
      return readUtf8(content);
    // NumericString, PrintableString, IA5String: ASCII.
    case 0x12:
    case 0x13:
    case 0x16:
      return content.some((byte) => byte >= 0x80) ? undefined : latin1Text(content);
    // UniversalString and BMPString.
    case 0x1c:
      return readUnits(content, 4);
    case 0x1e:
      return readUnits(content, 2);
    default:
      return undefined;
  }
}

/** RFC 4518 in short: what that would map to nothing or refuse is left to the comparison of bytes. */
function normalizeText(text: string): string | undefined {
  const folded = text.normalize('NFKC').toLowerCase().replace(/\s+/gu, ' ').trim();
  return /\p{C}/u.test(folded) ? undefined : folded;
}

/** RFC 3629: shortest forms, no surrogates. */
function readUtf8(bytes: Uint8Array): string | undefined {
  let text = '';
  for (let i = 0; i < bytes.length;) {
    const first = bytes[i++];
    const more = first < 0x80 ? 0 : first < 0xc2 ? -1 : first < 0xe0 ? 1 : first < 0xf0 ? 2 : first < 0xf5 ? 3 : -1;
    if (more === -1 || i + more > bytes.length) return undefined;
    let point = more === 0 ? first : first & (0x3f >> more);
    for (let j = 0; j < more; j++) {
      const next = bytes[i++];
      if ((next & 0xc0) !== 0x80) return undefined;
      point = point * 64 + (next & 0x3f);
    }
    if ((more === 2 && point < 0x800) || (more === 3 && point < 0x1_0000) || !isScalar(point)) return undefined;
    text += String.fromCodePoint(point);
  }
  return text;
}

/** Code points of 2 or 4 bytes each. */
function readUnits(bytes: Uint8Array, size: number): string | undefined {
  if (bytes.length % size !== 0) return undefined;
  let text = '';
  for (let i = 0; i < bytes.length; i += size) {
    const point = bytes.subarray(i, i + size).reduce((sum, byte) => sum * 256 + byte, 0);
    if (!isScalar(point)) return undefined;
    text += String.fromCodePoint(point);
  }
  return text;
}

function isScalar(point: number): boolean {
  return point <= 0x10_ffff && (point < 0xd800 || point > 0xdfff);
}
