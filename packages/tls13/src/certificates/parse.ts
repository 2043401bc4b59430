/**
 * Certificates from DER (RFC 5280 §4.1), parsed once and kept. Everything is read strictly: bounded depth and size, shortest lengths, nothing behind
 * the end.
 */
import { MAX_CACHED_CERTIFICATES, MAX_CACHED_CERTIFICATE_SIZE, MAX_CERTIFICATE_SIZE } from '../limits.ts';
import { sha256 } from '@noble/hashes/sha2.js';
import { hexText, latin1Text } from '../ascii.ts';
import {
  DerError,
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
import { readName } from './distinguished-name.ts';
import type { DistinguishedName } from './distinguished-name.ts';
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
  /** DER Names, one character per byte. */
  readonly subject: string;
  readonly issuer: string;
  /** The same for comparing (RFC 5280 §7.1) and indexing: names that are equal have equal `normalized`. */
  readonly subjectName: DistinguishedName;
  readonly issuerName: DistinguishedName;
  /** SHA-256 of `der`, hexadecimal. */
  readonly fingerprint: string;
  /** Hexadecimal. */
  readonly serialNumber: string;
  /** ms since 1970, both inclusive. */
  readonly notBefore: number;
  readonly notAfter: number;
  /** DER SubjectPublicKeyInfo exactly as in the certificate. */
  readonly publicKeyInfo: Uint8Array;
  /** SHA-256 of `publicKeyInfo`, hexadecimal. */
  readonly publicKeyHash: string;
  /** A string says what is wrong with the key. */
  readonly publicKey: PublicKey | string;
  readonly signatureAlgorithm: CertificateSignatureAlgorithm;
  readonly signature: Uint8Array;
  readonly extensions: Readonly<CertificateExtensions>;
}

/** By their last bytes, which belong to the signature and so are as good as random; see MAX_CACHED_CERTIFICATES. */
const cache = new Map<string, ParsedCertificate>();

/**
 * @param der one certificate; copied where it is kept
 * @throws TlsError bad_certificate when it is malformed, unsupported_certificate when it is not of version 3
 */
export function parseCertificate(der: Uint8Array): ParsedCertificate {
  if (der.length > MAX_CERTIFICATE_SIZE)
    throw malformedCertificate(`Certificate has ${der.length} bytes where ${MAX_CERTIFICATE_SIZE} are allowed`);
  const tail = latin1Text(der.subarray(-20));
  const known = cache.get(tail);
  // Comparing costs a tenth of hashing, and a certificate made to have another's tail gains nothing: it is parsed.
  if (known !== undefined && equalBytes(known.der, der)) return known;
  // Not slice(): of a Buffer that is a view, and what the owner writes there later would change what is cached here.
  const parsed = parse(new Uint8Array(der));
  if (der.length <= MAX_CACHED_CERTIFICATE_SIZE) {
    if (cache.size >= MAX_CACHED_CERTIFICATES)
      for (const oldest of cache.keys()) {
        cache.delete(oldest);
        break;
      }
    cache.set(tail, parsed);
  }
  return parsed;
}

export function forgetParsedCertificates(): void {
  cache.clear();
}

/** @returns SHA-256 as hexadecimal: how certificates are told apart in reports and by people. */
export function fingerprintOf(der: Uint8Array): string {
  return hexText(sha256(der));
}

/** Who a certificate is for, quoted for a message. */
export function describeCertificate(certificate: ParsedCertificate): string {
  return `"${certificate.subjectText}"`;
}

/** Whether an authority issued it to itself, for a new key say (RFC 5280 §3.2). */
export function isSelfIssued(certificate: ParsedCertificate): boolean {
  return certificate.subjectName.normalized === certificate.issuerName.normalized;
}

/** @returns the DER Name of the subject, one character per byte, without parsing the rest. @throws DerError */
export function readSubject(der: Uint8Array): string {
  return latin1Text(subjectOf(der));
}

/** @throws DerError */
export function readSubjectName(der: Uint8Array): DistinguishedName {
  return readName(subjectOf(der));
}

function subjectOf(der: Uint8Array): Uint8Array {
  const { tbs, first } = readFrame(der);
  return derWhole(der, expectDerChild(tbs, first + 4, DerTag.SEQUENCE));
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
  const [versionElement, ...more] = readDerChildren(der, tbs[0]);
  const [version, ...bytes] = derUnsigned(der, expectDerChild([versionElement], 0, DerTag.INTEGER));
  if (more.length + bytes.length > 0) throw malformedCertificate('Certificate has a version that is no single digit');
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
  const serial = readSerialNumber(der, expectDerChild(tbs, first, DerTag.INTEGER));
  const subject = derWhole(der, expectDerChild(tbs, first + 4, DerTag.SEQUENCE));
  const issuer = derWhole(der, expectDerChild(tbs, first + 2, DerTag.SEQUENCE));
  const [subjectName, issuerName] = [readName(subject), readName(issuer)];
  // RFC 5280 §4.1.2.4
  if (issuerName.parts.length === 0) throw malformedCertificate('Certificate has an issuer without a name');
  return {
    der,
    tbs: derWhole(der, expectDerChild(outer, 0, DerTag.SEQUENCE)),
    subjectText: subjectName.text || `serial number ${printable(serial)}`,
    issuerText: issuerName.text,
    subject: latin1Text(subject),
    issuer: latin1Text(issuer),
    subjectName,
    issuerName,
    fingerprint: fingerprintOf(der),
    serialNumber: serial,
    notBefore,
    notAfter,
    publicKeyInfo,
    publicKeyHash: hexText(sha256(publicKeyInfo)),
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

/** RFC 5280 §4.1.2.2: numbers that are negative or too long occur, and do no harm; two ways to write one number would. */
function readSerialNumber(der: Uint8Array, element: DerElement): string {
  const [first, second] = derContent(der, element);
  const isPadded = (first === 0x00 && second < 0x80) || (first === 0xff && second >= 0x80);
  if (first === undefined || (second !== undefined && isPadded)) throw new DerError('Serial number is malformed');
  return hexText(derContent(der, element));
}
