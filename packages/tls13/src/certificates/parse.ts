/**
 * Certificates from DER (RFC 5280 §4.1), parsed once and kept.
 *
 * Everything is read by the strict reader (bounded depth and size, shortest lengths, nothing behind the end) but the text of names, which
 * @peculiar/asn1-x509 decodes for messages. What is signed or compared stays raw: the TBSCertificate, the names, the key.
 */
import { MAX_CACHED_CERTIFICATES, MAX_CACHED_CERTIFICATE_SIZE, MAX_CERTIFICATE_SIZE } from '../limits.ts';
import { sha256 } from '@noble/hashes/sha2.js';
import { AsnConvert } from '@peculiar/asn1-schema';
import { Name } from '@peculiar/asn1-x509';
import { latin1Text } from '../ascii.ts';
import {
  DerTag,
  checkDer,
  derContent,
  derUnsigned,
  derWhole,
  equalBytes,
  expectDerChild,
  readDerChildren,
  readDerRoot,
} from '../der.ts';
import type { DerElement } from '../der.ts';
import { TlsError } from '../errors.ts';
import { readPublicKeyInfo } from '../public-key.ts';
import type { PublicKey } from '../public-key.ts';
import { readExtensions } from './certificate-extensions.ts';
import type { CertificateExtensions } from './certificate-extensions.ts';
import { malformedCertificate, printable, unsupportedCertificate } from './errors.ts';
import { readSignatureAlgorithm } from './signature-algorithm.ts';
import type { CertificateSignatureAlgorithm } from './signature-algorithm.ts';
import { readTime } from './time.ts';

export interface ParsedCertificate {
  readonly der: Uint8Array;
  /** The TBSCertificate exactly as it was signed. */
  readonly tbs: Uint8Array;
  /** For messages, such as `CN=example.org, O=Example`; the serial number where the subject is empty. Contains what the issuer wrote. */
  readonly subjectText: string;
  readonly issuerText: string;
  /** DER Names, one character per byte: for comparing and indexing. */
  readonly subject: string;
  readonly issuer: string;
  /** Hexadecimal. */
  readonly serialNumber: string;
  /** ms since 1970, both inclusive. */
  readonly notBefore: number;
  readonly notAfter: number;
  /** DER SubjectPublicKeyInfo exactly as in the certificate. */
  readonly publicKeyInfo: Uint8Array;
  /** A string says what is wrong with the key. */
  readonly publicKey: PublicKey | string;
  readonly signatureAlgorithm: CertificateSignatureAlgorithm;
  readonly signature: Uint8Array;
  readonly extensions: Readonly<CertificateExtensions>;
}

/** By hash, see MAX_CACHED_CERTIFICATES. */
const cache = new Map<string, ParsedCertificate>();

/**
 * @param der one certificate; copied where it is kept
 * @throws TlsError bad_certificate when it is malformed, unsupported_certificate when it is not of version 3
 */
export function parseCertificate(der: Uint8Array): ParsedCertificate {
  if (der.length > MAX_CERTIFICATE_SIZE)
    throw malformedCertificate(`Certificate has ${der.length} bytes where ${MAX_CERTIFICATE_SIZE} are allowed`);
  const hash = latin1Text(sha256(der));
  const known = cache.get(hash);
  if (known !== undefined) return known;
  // Not slice(): of a Buffer that is a view, and what the owner writes there later would change what is cached here.
  const parsed = parse(new Uint8Array(der));
  if (der.length <= MAX_CACHED_CERTIFICATE_SIZE) {
    if (cache.size >= MAX_CACHED_CERTIFICATES)
      for (const oldest of cache.keys()) {
        cache.delete(oldest);
        break;
      }
    cache.set(hash, parsed);
  }
  return parsed;
}

/** Who a certificate is for, quoted for a message. */
export function describeCertificate(certificate: ParsedCertificate): string {
  return `"${certificate.subjectText}"`;
}

/** @returns the DER Name of the subject, one character per byte, without parsing the rest. @throws DerError */
export function readSubject(der: Uint8Array): string {
  const { tbs, first } = readFrame(der);
  return latin1Text(derWhole(der, expectDerChild(tbs, first + 4, DerTag.SEQUENCE)));
}

function parse(der: Uint8Array): ParsedCertificate {
  try {
    return parseChecked(der);
  } catch (error) {
    if (error instanceof TlsError) throw error;
    const reason = error instanceof Error ? `: ${printable(error.message)}` : '';
    throw malformedCertificate(`Certificate is malformed${reason}`, error);
  }
}

function parseChecked(der: Uint8Array): ParsedCertificate {
  checkDer(der);
  const { outer, tbs, first } = readFrame(der);
  if (first === 0) throw unsupportedCertificate('Certificate is of version 1; only version 3 is supported');
  const [version] = derUnsigned(der, expectDerChild(readDerChildren(der, tbs[0]), 0, DerTag.INTEGER));
  if (version !== 2)
    throw unsupportedCertificate(`Certificate is of version ${version + 1}; only version 3 is supported`);
  // The unique identifiers, which nobody uses, then the extensions. A second list of them must not go unread.
  const optional = tbs.slice(first + 6);
  if (optional.some(({ tag }, i) => ![0x81, 0x82, 0xa3].includes(tag) || (i > 0 && tag <= optional[i - 1].tag)))
    throw malformedCertificate('Certificate has parts that RFC 5280 does not know');

  // RFC 5280 §4.1.1.2: the signed copy of the algorithm must be the same as the one outside.
  const identifier = derWhole(der, expectDerChild(outer, 1, DerTag.SEQUENCE));
  if (!equalBytes(identifier, derWhole(der, expectDerChild(tbs, first + 1, DerTag.SEQUENCE))))
    throw malformedCertificate('Certificate names one signature algorithm inside and another outside');
  const signature = derContent(der, expectDerChild(outer, 2, DerTag.BIT_STRING));
  if (signature[0] !== 0) throw malformedCertificate('Certificate has a signature that does not end at a byte');

  const validity = readDerChildren(der, expectDerChild(tbs, first + 3, DerTag.SEQUENCE));
  const [notBefore, notAfter] = validity.map((time) => readTime(der, time));
  if (validity.length !== 2) throw malformedCertificate('Certificate has a validity without a start and an end');

  const publicKeyInfo = derWhole(der, expectDerChild(tbs, first + 5, DerTag.SEQUENCE));
  // RFC 5280 §4.1.2.2: serial numbers that are negative or too long occur, and do no harm.
  const serial = hex(derContent(der, expectDerChild(tbs, first, DerTag.INTEGER)));
  const subject = derWhole(der, expectDerChild(tbs, first + 4, DerTag.SEQUENCE));
  const issuer = derWhole(der, expectDerChild(tbs, first + 2, DerTag.SEQUENCE));
  return {
    der,
    tbs: derWhole(der, expectDerChild(outer, 0, DerTag.SEQUENCE)),
    subjectText: nameText(subject) || `serial number ${printable(serial)}`,
    issuerText: nameText(issuer) || 'nobody',
    subject: latin1Text(subject),
    issuer: latin1Text(issuer),
    serialNumber: serial,
    notBefore,
    notAfter,
    publicKeyInfo,
    publicKey: readPublicKeyInfo(publicKeyInfo),
    signatureAlgorithm: readSignatureAlgorithm(identifier),
    signature: signature.subarray(1),
    extensions: readExtensions(der, extensionList(der, optional)),
  };
}

/** [3] EXPLICIT Extensions: one list. */
function extensionList(der: Uint8Array, optional: readonly DerElement[]): DerElement | undefined {
  const wrapper = optional.find(({ tag }) => tag === 0xa3);
  if (wrapper === undefined) return undefined;
  const children = readDerChildren(der, wrapper);
  if (children.length !== 1) throw malformedCertificate('Certificate has several lists of extensions');
  return expectDerChild(children, 0, DerTag.SEQUENCE);
}

/** Certificate ::= SEQUENCE { tbs SEQUENCE, algorithm, signature }; `first` is the serial number's index in it, after the optional version. */
function readFrame(der: Uint8Array): {
  outer: ReturnType<typeof readDerChildren>;
  tbs: ReturnType<typeof readDerChildren>;
  first: number;
} {
  const outer = readDerChildren(der, readDerRoot(der, DerTag.SEQUENCE));
  if (outer.length !== 3) throw malformedCertificate(`Certificate has ${outer.length} parts instead of 3`);
  const tbs = readDerChildren(der, expectDerChild(outer, 0, DerTag.SEQUENCE));
  return { outer, tbs, first: tbs[0]?.tag === 0xa0 ? 1 : 0 };
}

const ATTRIBUTES: ReadonlyMap<string, string> = new Map([
  ['2.5.4.3', 'CN'],
  ['2.5.4.10', 'O'],
  ['2.5.4.11', 'OU'],
  ['2.5.4.6', 'C'],
  ['2.5.4.8', 'ST'],
  ['2.5.4.7', 'L'],
]);

function nameText(name: Uint8Array): string {
  const parts: string[] = [];
  for (const rdn of AsnConvert.parse(name, Name))
    for (const { type, value } of rdn) parts.push(`${ATTRIBUTES.get(type) ?? type}=${value.toString()}`);
  return printable(parts.join(', '));
}

function hex(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += byte.toString(16).padStart(2, '0');
  return text;
}
