/**
 * The extensions of RFC 5280 §4.2.1 that a chain is judged by, from their DER.
 *
 * Everything critical that is not listed here is kept by its OID, for the caller to refuse. certificatePolicies counts as understood: without an
 * initial policy set of our own, every policy will do (RFC 5280 §6.1.1 (c) to (g)); policyConstraints does not.
 */
import { AsnConvert } from '@peculiar/asn1-schema';
import { AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsage } from '@peculiar/asn1-x509';
import type { Extension } from '@peculiar/asn1-x509';
import { latin1Text } from '../ascii.ts';
import { DerError, DerTag, checkDer, derContent, readDerChildren, readDerRoot } from '../der.ts';
import type { DerElement } from '../der.ts';

/** Bits of KeyUsage as @peculiar/asn1-x509 numbers them: bit 0 of the BIT STRING is 1. */
export const KeyUsageFlag = { DIGITAL_SIGNATURE: 0x01, KEY_CERT_SIGN: 0x20 } as const;

export const SERVER_AUTH = '1.3.6.1.5.5.7.3.1';
export const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2';
export const ANY_EXTENDED_KEY_USAGE = '2.5.29.37.0';

/** GeneralName by kind (RFC 5280 §4.2.1.6). */
export interface GeneralNames {
  /** Bytes as Latin-1, so that nothing is lost: they are compared, not shown. */
  readonly dnsNames: readonly string[];
  /** 4 or 16 bytes in names; twice that, address and mask, in constraints. */
  readonly ipAddresses: readonly Uint8Array[];
  /** Context tags of the other kinds that occur. */
  readonly otherTags: readonly number[];
}

export interface NameConstraints {
  readonly permitted: GeneralNames;
  readonly excluded: GeneralNames;
}

export interface CertificateExtensions {
  isCa: boolean;
  /** Undefined for no limit. */
  pathLength: number | undefined;
  /** Undefined where the extension is missing. */
  keyUsage: number | undefined;
  extendedKeyUsage: readonly string[] | undefined;
  subjectAlternativeName: GeneralNames | undefined;
  nameConstraints: NameConstraints | undefined;
  subjectKeyIdentifier: string | undefined;
  authorityKeyIdentifier: string | undefined;
  /** OIDs of critical extensions that are not understood here. */
  unknownCritical: string[];
}

const CERTIFICATE_POLICIES = '2.5.29.32';

/** @throws DerError, or what the ASN.1 parser throws, when an extension is malformed or occurs twice */
export function readExtensions(list: readonly Extension[]): CertificateExtensions {
  const out: CertificateExtensions = {
    isCa: false,
    pathLength: undefined,
    keyUsage: undefined,
    extendedKeyUsage: undefined,
    subjectAlternativeName: undefined,
    nameConstraints: undefined,
    subjectKeyIdentifier: undefined,
    authorityKeyIdentifier: undefined,
    unknownCritical: [],
  };
  const seen = new Set<string>();
  for (const { extnID, critical, extnValue } of list) {
    // RFC 5280 §4.2: a certificate must not include more than one instance of an extension.
    if (seen.has(extnID)) throw new DerError(`Extension ${extnID} occurs twice`);
    seen.add(extnID);
    const read = READERS.get(extnID);
    if (read !== undefined) {
      const value = new Uint8Array(extnValue.buffer);
      checkDer(value);
      read(out, value);
    } else if (critical && extnID !== CERTIFICATE_POLICIES) out.unknownCritical.push(extnID);
  }
  return out;
}

const READERS: ReadonlyMap<string, (out: CertificateExtensions, value: Uint8Array) => void> = new Map([
  [
    '2.5.29.19',
    (out: CertificateExtensions, value: Uint8Array): void => {
      readDerRoot(value, DerTag.SEQUENCE);
      const { cA, pathLenConstraint } = AsnConvert.parse(value, BasicConstraints);
      // The parser gives large integers as text.
      const pathLength = pathLenConstraint === undefined ? undefined : Number(pathLenConstraint);
      if (pathLength !== undefined && !(pathLength >= 0)) throw new DerError('pathLen is negative');
      out.isCa = cA;
      out.pathLength = pathLength;
    },
  ],
  [
    '2.5.29.15',
    (out: CertificateExtensions, value: Uint8Array): void => {
      readDerRoot(value, DerTag.BIT_STRING);
      out.keyUsage = AsnConvert.parse(value, KeyUsage).toNumber();
    },
  ],
  [
    '2.5.29.37',
    (out: CertificateExtensions, value: Uint8Array): void => {
      readDerRoot(value, DerTag.SEQUENCE);
      out.extendedKeyUsage = [...AsnConvert.parse(value, ExtendedKeyUsage)];
    },
  ],
  [
    '2.5.29.17',
    (out: CertificateExtensions, value: Uint8Array): void => {
      out.subjectAlternativeName = readGeneralNames(value, readDerChildren(value, readDerRoot(value, DerTag.SEQUENCE)));
      for (const address of out.subjectAlternativeName.ipAddresses)
        if (address.length !== 4 && address.length !== 16) throw new DerError('IP address has the wrong length');
    },
  ],
  [
    '2.5.29.30',
    (out: CertificateExtensions, value: Uint8Array): void => {
      const parts = readDerChildren(value, readDerRoot(value, DerTag.SEQUENCE));
      out.nameConstraints = { permitted: readSubtrees(value, parts, 0xa0), excluded: readSubtrees(value, parts, 0xa1) };
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
      const { keyIdentifier } = AsnConvert.parse(value, AuthorityKeyIdentifier);
      if (keyIdentifier !== undefined) out.authorityKeyIdentifier = latin1Text(new Uint8Array(keyIdentifier.buffer));
    },
  ],
]);

function readGeneralNames(bytes: Uint8Array, elements: readonly DerElement[]): GeneralNames {
  const dnsNames: string[] = [];
  const ipAddresses: Uint8Array[] = [];
  const otherTags: number[] = [];
  for (const element of elements) {
    if (element.tag === 0x82) dnsNames.push(latin1Text(derContent(bytes, element)));
    else if (element.tag === 0x87) ipAddresses.push(derContent(bytes, element).slice());
    else otherTags.push(element.tag);
  }
  return { dnsNames, ipAddresses, otherTags };
}

/** GeneralSubtrees of one kind (RFC 5280 §4.2.1.10); minimum and maximum are not in use and count as an unknown kind. */
function readSubtrees(bytes: Uint8Array, parts: readonly DerElement[], tag: number): GeneralNames {
  const part = parts.find((element) => element.tag === tag);
  const bases: DerElement[] = [];
  const otherTags: number[] = [];
  for (const subtree of part === undefined ? [] : readDerChildren(bytes, part)) {
    const [base, ...limits] = readDerChildren(bytes, subtree);
    if (base === undefined) throw new DerError('Name constraint is empty');
    bases.push(base);
    if (limits.length > 0) otherTags.push(base.tag);
  }
  const names = readGeneralNames(bytes, bases);
  for (const address of names.ipAddresses)
    if (address.length !== 8 && address.length !== 32) throw new DerError('IP address range has the wrong length');
  return { ...names, otherTags: [...names.otherTags, ...otherTags] };
}
