/**
 * The extensions of RFC 5280 §4.2.1 that a chain is judged by, from their DER.
 *
 * Everything critical that is not listed here is kept by its OID, for the caller to refuse. certificatePolicies counts as understood: without an
 * initial policy set of our own, every policy will do (RFC 5280 §6.1.1 (c) to (g)); policyConstraints does not.
 */
import { hexText, latin1Text } from '../ascii.ts';
import {
  DerError,
  DerTag,
  checkDer,
  derBoolean,
  derContent,
  derOid,
  derUnsigned,
  expectDerChild,
  readDerChildren,
  readDerRoot,
} from '../der.ts';
import type { DerElement } from '../der.ts';
import { readGeneralNames, readSubtrees } from './general-names.ts';
import type { GeneralNames, NameConstraints } from './general-names.ts';

/** Bits of the first byte of KeyUsage, which holds all but decipherOnly: bit 0 of a BIT STRING is the highest. */
export const KeyUsageFlag = { DIGITAL_SIGNATURE: 0x80, KEY_CERT_SIGN: 0x04 } as const;

export const SERVER_AUTH = '1.3.6.1.5.5.7.3.1';
export const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2';
export const ANY_EXTENDED_KEY_USAGE = '2.5.29.37.0';

export interface CertificateExtensions {
  isCa: boolean;
  /** Undefined for no limit. */
  pathLength: number | undefined;
  /** Of KeyUsageFlag. Undefined where the extension is missing. */
  keyUsage: number | undefined;
  extendedKeyUsage: readonly string[] | undefined;
  subjectAlternativeName: GeneralNames | undefined;
  nameConstraints: NameConstraints | undefined;
  subjectKeyIdentifier: string | undefined;
  authorityKeyIdentifier: string | undefined;
  /** Of the issuer's certificate, hexadecimal. */
  authoritySerialNumber: string | undefined;
  /** OIDs of critical extensions that are not understood here. */
  unknownCritical: string[];
}

const CERTIFICATE_POLICIES = '2.5.29.32';

/**
 * @param list `Extensions ::= SEQUENCE OF Extension`, an element of `bytes`
 * @throws DerError when an extension is malformed or occurs twice
 */
export function readExtensions(bytes: Uint8Array, list: DerElement | undefined): CertificateExtensions {
  const out: CertificateExtensions = {
    isCa: false,
    pathLength: undefined,
    keyUsage: undefined,
    extendedKeyUsage: undefined,
    subjectAlternativeName: undefined,
    nameConstraints: undefined,
    subjectKeyIdentifier: undefined,
    authorityKeyIdentifier: undefined,
    authoritySerialNumber: undefined,
    unknownCritical: [],
  };
  const seen = new Set<string>();
  const elements = list === undefined ? [] : readDerChildren(bytes, list);
  if (list !== undefined && elements.length === 0) throw new DerError('List of extensions is empty');
  for (const extension of elements) {
    const { oid, isCritical, value } = readExtension(bytes, extension);
    // RFC 5280 §4.2: a certificate must not include more than one instance of an extension.
    if (seen.has(oid)) throw new DerError(`Extension ${oid} occurs twice`);
    seen.add(oid);
    const read = READERS.get(oid);
    if (read !== undefined) {
      checkDer(value);
      read(out, value);
    } else if (isCritical && oid !== CERTIFICATE_POLICIES) out.unknownCritical.push(oid);
  }
  return out;
}

/**
 * RFC 5280 §4.1: SEQUENCE { extnID, critical BOOLEAN DEFAULT FALSE, extnValue OCTET STRING }, and nothing more: a `critical` in another place
 * must not get lost. FALSE should not be written out, but is.
 */
function readExtension(
  bytes: Uint8Array,
  element: DerElement,
): { readonly oid: string; readonly isCritical: boolean; readonly value: Uint8Array } {
  if (element.tag !== DerTag.SEQUENCE) throw new DerError('Extension is no sequence');
  const children = readDerChildren(bytes, element);
  const oid = derOid(bytes, expectDerChild(children, 0, DerTag.OBJECT_IDENTIFIER));
  const critical = children[1]?.tag === DerTag.BOOLEAN ? children[1] : undefined;
  const valueIndex = critical === undefined ? 1 : 2;
  const value = derContent(bytes, expectDerChild(children, valueIndex, DerTag.OCTET_STRING));
  if (children.length !== valueIndex + 1) throw new DerError(`Extension ${oid} has too many parts`);
  return { oid, isCritical: critical !== undefined && derBoolean(bytes, critical), value };
}

const READERS: ReadonlyMap<string, (out: CertificateExtensions, value: Uint8Array) => void> = new Map([
  [
    '2.5.29.19',
    (out: CertificateExtensions, value: Uint8Array): void => {
      const children = readDerChildren(value, readDerRoot(value, DerTag.SEQUENCE));
      const isCa = children[0]?.tag === DerTag.BOOLEAN ? children.shift() : undefined;
      const pathLength = children[0]?.tag === DerTag.INTEGER ? children.shift() : undefined;
      if (children.length > 0) throw new DerError('Basic constraints are malformed');
      out.isCa = isCa !== undefined && derBoolean(value, isCa);
      // One above 2^53 is rounded, which no chain is long enough to notice.
      if (pathLength !== undefined)
        out.pathLength = derUnsigned(value, pathLength).reduce((sum, byte) => sum * 256 + byte, 0);
    },
  ],
  [
    '2.5.29.15',
    (out: CertificateExtensions, value: Uint8Array): void => {
      const content = derContent(value, readDerRoot(value, DerTag.BIT_STRING));
      const [unusedBits, flags = 0] = content;
      // X.690 §11.2.1: unused bits are zero, lest one of them should count.
      const isPadded = content.length > 1 && (content[content.length - 1] & (2 ** unusedBits - 1)) !== 0;
      if (content.length === 0 || unusedBits > 7 || isPadded) throw new DerError('Key usage is malformed');
      out.keyUsage = flags;
    },
  ],
  [
    '2.5.29.37',
    (out: CertificateExtensions, value: Uint8Array): void => {
      const purposes = readDerChildren(value, readDerRoot(value, DerTag.SEQUENCE));
      if (purposes.length === 0) throw new DerError('Extended key usage is empty');
      out.extendedKeyUsage = purposes.map((_, index) =>
        derOid(value, expectDerChild(purposes, index, DerTag.OBJECT_IDENTIFIER)),
      );
    },
  ],
  [
    '2.5.29.17',
    (out: CertificateExtensions, value: Uint8Array): void => {
      const names = readDerChildren(value, readDerRoot(value, DerTag.SEQUENCE));
      if (names.length === 0) throw new DerError('Subject alternative name is empty');
      out.subjectAlternativeName = readGeneralNames(value, names, false);
    },
  ],
  [
    '2.5.29.30',
    (out: CertificateExtensions, value: Uint8Array): void => {
      const parts = readDerChildren(value, readDerRoot(value, DerTag.SEQUENCE));
      // A constraint that is not found where it belongs must not count as none.
      const tags = parts.map(({ tag }) => tag).join(' ');
      if (!['160', '161', '160 161'].includes(tags)) throw new DerError('Name constraints are malformed');
      const part = (tag: number): DerElement | undefined => parts.find((element) => element.tag === tag);
      out.nameConstraints = { permitted: readSubtrees(value, part(0xa0)), excluded: readSubtrees(value, part(0xa1)) };
    },
  ],
  [
    '2.5.29.14',
    (out: CertificateExtensions, value: Uint8Array): void => {
      out.subjectKeyIdentifier = latin1Text(derContent(value, readDerRoot(value, DerTag.OCTET_STRING)));
    },
  ],
  [
    '2.5.29.35',
    (out: CertificateExtensions, value: Uint8Array): void => {
      // keyIdentifier [0], authorityCertIssuer [1], authorityCertSerialNumber [2]; the last two come together.
      const parts = readDerChildren(value, readDerRoot(value, DerTag.SEQUENCE));
      const [first, ...rest] = parts;
      const tags = parts.map(({ tag }) => tag).join(' ');
      if (!['', '128', '161 130', '128 161 130'].includes(tags))
        throw new DerError('Authority key identifier is malformed');
      if (first?.tag === 0x80) out.authorityKeyIdentifier = latin1Text(derContent(value, first));
      const serialNumber = (first?.tag === 0x80 ? rest : parts)[1];
      if (serialNumber !== undefined) out.authoritySerialNumber = hexText(derContent(value, serialNumber));
    },
  ],
]);
