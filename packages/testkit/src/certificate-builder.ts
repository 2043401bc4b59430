/**
 * Makes X.509 certificates for tests, byte by byte, so that each rule of RFC 5280 can be broken alone: names with NUL, CAs that are none,
 * signatures by the wrong key, algorithms nobody should use.
 */
import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, sign as nodeSign } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import {
  concat,
  der,
  derBitString,
  derBoolean,
  derExplicit,
  derImplicit,
  derInteger,
  derNull,
  derOctetString,
  derOid,
  derSequence,
  derSet,
  derTime,
  derUtf8,
} from './der.ts';

/** `pss2048` is RSA bound to RSASSA-PSS by its OID, `pss2048-sha384` to one hash as well. */
export type TestKeyType =
  | 'p256'
  | 'p384'
  | 'p521'
  | 'ed25519'
  | `rsa${number}`
  | `pss${number}`
  | `pss${number}-${'sha256' | 'sha384' | 'sha512'}`;

export interface TestKeyPair {
  readonly privateKey: KeyObject;
  /** DER PrivateKeyInfo. */
  readonly pkcs8: Uint8Array;
  /** DER SubjectPublicKeyInfo. */
  readonly spki: Uint8Array;
}

export type TestSignatureAlgorithm =
  | 'ecdsa-sha256'
  | 'ecdsa-sha384'
  | 'ecdsa-sha512'
  | 'ecdsa-sha1'
  | 'rsa-sha256'
  | 'rsa-sha384'
  | 'rsa-sha512'
  | 'rsa-sha1'
  | 'rsa-md5'
  | 'pss-sha256'
  | 'pss-sha384'
  | 'pss-sha512'
  | 'ed25519';

export interface TestExtension {
  readonly oid: string;
  readonly critical?: boolean;
  readonly value: Uint8Array;
}

export interface CertificateOptions {
  /** The common name. @default 'test' */
  readonly subject?: string;
  /** The whole subject as DER Name, instead of `subject`. */
  readonly subjectDer?: Uint8Array;
  /** @default the subject: self-signed */
  readonly issuer?: string;
  readonly issuerDer?: Uint8Array;
  readonly serial?: number;
  /** ms since 1970. @default 2020-01-01 */
  readonly notBefore?: number;
  /** ms since 1970. @default 2120-01-01 */
  readonly notAfter?: number;
  /** Whose key the certificate carries. */
  readonly key: TestKeyPair;
  /** Who signs it. @default `key`: self-signed */
  readonly issuerKey?: TestKeyPair;
  /** @default what suits the issuer's key */
  readonly algorithm?: TestSignatureAlgorithm;
  readonly extensions?: readonly TestExtension[];
  /** 0x02 means v3. @default v3; 'omit' leaves the field out (v1) */
  readonly version?: number | 'omit';
  /** Puts another AlgorithmIdentifier outside than inside. */
  readonly outerAlgorithm?: TestSignatureAlgorithm;
}

const CURVES = { p256: 'P-256', p384: 'P-384', p521: 'P-521' } as const;
/** As bytes at once: on Node 20, exporting a generated KeyObject as JWK may hang (see key-exchange.ts of tls13). */
const ENCODING = {
  publicKeyEncoding: { format: 'der', type: 'spki' },
  privateKeyEncoding: { format: 'der', type: 'pkcs8' },
} as const;

const generate = generateKeyPairSync as unknown as (type: string, options: object) => { readonly privateKey: Buffer };

/** Makes a key pair. Not seeded: what must be the same every time takes a committed key. */
export function testKeyPair(type: TestKeyType): TestKeyPair {
  return testKeyPairFromPkcs8(generatePkcs8(type));
}

function generatePkcs8(type: TestKeyType): Uint8Array {
  if (type === 'ed25519') return generate(type, ENCODING).privateKey;
  if (type === 'p256' || type === 'p384' || type === 'p521')
    return generate('ec', { namedCurve: CURVES[type], ...ENCODING }).privateKey;
  const [, kind, bits, hash] = /^(rsa|pss)(\d+)(?:-(.*))?$/.exec(type) ?? [];
  const options = { modulusLength: Number(bits), ...ENCODING };
  if (kind === 'rsa') return generate('rsa', options).privateKey;
  const binding =
    hash === undefined ? {} : { hashAlgorithm: hash, mgf1HashAlgorithm: hash, saltLength: saltLength(hash) };
  return generate('rsa-pss', { ...options, ...binding }).privateKey;
}

/** @param pkcs8 DER PrivateKeyInfo */
export function testKeyPairFromPkcs8(pkcs8: Uint8Array): TestKeyPair {
  return keyPairFrom(createPrivateKey({ key: Buffer.from(pkcs8), format: 'der', type: 'pkcs8' }));
}

function keyPairFrom(privateKey: KeyObject): TestKeyPair {
  return {
    privateKey,
    pkcs8: new Uint8Array(privateKey.export({ format: 'der', type: 'pkcs8' })),
    spki: new Uint8Array(createPublicKey(privateKey).export({ format: 'der', type: 'spki' })),
  };
}

/** @returns a DER certificate. */
export function buildCertificate(options: CertificateOptions): Uint8Array {
  const issuerKey = options.issuerKey ?? options.key;
  const algorithm = options.algorithm ?? defaultAlgorithm(issuerKey);
  const subject = options.subjectDer ?? distinguishedName(options.subject ?? 'test');
  const issuer = options.issuerDer ?? (options.issuer === undefined ? subject : distinguishedName(options.issuer));
  const parts = [
    derInteger(options.serial ?? 1),
    algorithmIdentifier(algorithm),
    issuer,
    derSequence(derTime(options.notBefore ?? Date.UTC(2020, 0, 1)), derTime(options.notAfter ?? Date.UTC(2120, 0, 1))),
    subject,
    options.key.spki,
  ];
  if (options.version !== 'omit') parts.unshift(derExplicit(0, derInteger(options.version ?? 2)));
  if (options.extensions !== undefined && options.extensions.length > 0)
    parts.push(derExplicit(3, derSequence(...options.extensions.map(extension))));
  const tbs = derSequence(...parts);
  return derSequence(
    tbs,
    algorithmIdentifier(options.outerAlgorithm ?? algorithm),
    derBitString(signTbs(algorithm, issuerKey.privateKey, tbs)),
  );
}

/** A Name with one common name. */
export function distinguishedName(commonName: string): Uint8Array {
  return derSequence(derSet(derSequence(derOid('2.5.4.3'), derUtf8(commonName))));
}

/** The extensions that certificates of the web carry. */
export const extensions = {
  basicConstraints(ca: boolean, pathLength?: number): TestExtension {
    const parts = ca ? [derBoolean(true)] : [];
    if (pathLength !== undefined) parts.push(derInteger(pathLength));
    return { oid: '2.5.29.19', critical: true, value: derSequence(...parts) };
  },
  /** @param bits by RFC 5280 §4.2.1.3: 0 digitalSignature, 2 keyEncipherment, 5 keyCertSign, 6 cRLSign ... */
  keyUsage(...bits: readonly number[]): TestExtension {
    const bytes = [0, 0];
    for (const bit of bits) bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) | (0x80 >> (bit & 7));
    const last = bits.length === 0 ? -1 : Math.max(...bits);
    const used = last < 0 ? [] : bytes.slice(0, (last >> 3) + 1);
    return {
      oid: '2.5.29.15',
      critical: true,
      value: derBitString(Uint8Array.from(used), last < 0 ? 0 : 7 - (last & 7)),
    };
  },
  extendedKeyUsage(...oids: readonly string[]): TestExtension {
    return { oid: '2.5.29.37', value: derSequence(...oids.map(derOid)) };
  },
  /** Strings are DNS names, byte arrays IP addresses. */
  subjectAlternativeName(...names: readonly (string | Uint8Array)[]): TestExtension {
    return { oid: '2.5.29.17', value: derSequence(...names.map(generalName)) };
  },
  /** Strings are DNS subtrees, byte arrays address and mask. */
  nameConstraints(
    permitted: readonly (string | Uint8Array)[],
    excluded: readonly (string | Uint8Array)[] = [],
    critical = true,
  ): TestExtension {
    const subtrees = (names: readonly (string | Uint8Array)[]): Uint8Array =>
      concat(names.map((name) => derSequence(generalName(name))));
    const parts: Uint8Array[] = [];
    if (permitted.length > 0) parts.push(der(0xa0, subtrees(permitted)));
    if (excluded.length > 0) parts.push(der(0xa1, subtrees(excluded)));
    return { oid: '2.5.29.30', critical, value: derSequence(...parts) };
  },
  subjectKeyIdentifier(key: TestKeyPair): TestExtension {
    return { oid: '2.5.29.14', value: derOctetString(keyIdentifier(key)) };
  },
  authorityKeyIdentifier(key: TestKeyPair): TestExtension {
    return { oid: '2.5.29.35', value: derSequence(derImplicit(0, keyIdentifier(key))) };
  },
} as const;

export const SERVER_AUTH = '1.3.6.1.5.5.7.3.1';
export const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2';

/** @returns PEM text. @param label such as 'CERTIFICATE' */
export function toPem(label: string, bytes: Uint8Array): string {
  const base64 = Buffer.from(bytes)
    .toString('base64')
    .replace(/.{64}(?=.)/g, '$&\n');
  return `-----BEGIN ${label}-----\n${base64}\n-----END ${label}-----\n`;
}

function generalName(name: string | Uint8Array): Uint8Array {
  return typeof name === 'string' ? derImplicit(2, new TextEncoder().encode(name)) : derImplicit(7, name);
}

function keyIdentifier(key: TestKeyPair): Uint8Array {
  return new Uint8Array(createHash('sha256').update(key.spki).digest().subarray(0, 20));
}

function extension({ oid, critical, value }: TestExtension): Uint8Array {
  return critical === true
    ? derSequence(derOid(oid), derBoolean(true), derOctetString(value))
    : derSequence(derOid(oid), derOctetString(value));
}

function defaultAlgorithm({ privateKey }: TestKeyPair): TestSignatureAlgorithm {
  if (privateKey.asymmetricKeyType === 'ed25519') return 'ed25519';
  if (privateKey.asymmetricKeyType === 'rsa') return 'rsa-sha256';
  const { hashAlgorithm = 'sha256', namedCurve } = privateKey.asymmetricKeyDetails ?? {};
  if (privateKey.asymmetricKeyType === 'rsa-pss') return `pss-${hashAlgorithm as 'sha256'}`;
  if (namedCurve === 'secp521r1') return 'ecdsa-sha512';
  return namedCurve === 'secp384r1' ? 'ecdsa-sha384' : 'ecdsa-sha256';
}

const HASH_OIDS = {
  sha256: '2.16.840.1.101.3.4.2.1',
  sha384: '2.16.840.1.101.3.4.2.2',
  sha512: '2.16.840.1.101.3.4.2.3',
} as const;

function algorithmIdentifier(algorithm: TestSignatureAlgorithm): Uint8Array {
  switch (algorithm) {
    case 'ecdsa-sha1':
      return derSequence(derOid('1.2.840.10045.4.1'));
    case 'ecdsa-sha256':
      return derSequence(derOid('1.2.840.10045.4.3.2'));
    case 'ecdsa-sha384':
      return derSequence(derOid('1.2.840.10045.4.3.3'));
    case 'ecdsa-sha512':
      return derSequence(derOid('1.2.840.10045.4.3.4'));
    case 'rsa-md5':
      return derSequence(derOid('1.2.840.113549.1.1.4'), derNull());
    case 'rsa-sha1':
      return derSequence(derOid('1.2.840.113549.1.1.5'), derNull());
    case 'rsa-sha256':
      return derSequence(derOid('1.2.840.113549.1.1.11'), derNull());
    case 'rsa-sha384':
      return derSequence(derOid('1.2.840.113549.1.1.12'), derNull());
    case 'rsa-sha512':
      return derSequence(derOid('1.2.840.113549.1.1.13'), derNull());
    case 'ed25519':
      return derSequence(derOid('1.3.101.112'));
    default: {
      const hash = algorithm.slice(4) as keyof typeof HASH_OIDS;
      const hashIdentifier = derSequence(derOid(HASH_OIDS[hash]), derNull());
      return derSequence(
        derOid('1.2.840.113549.1.1.10'),
        derSequence(
          derExplicit(0, hashIdentifier),
          derExplicit(1, derSequence(derOid('1.2.840.113549.1.1.8'), hashIdentifier)),
          derExplicit(2, derInteger(saltLength(hash))),
        ),
      );
    }
  }
}

function saltLength(hash: string): number {
  return Number(hash.slice(3)) / 8;
}

function signTbs(algorithm: TestSignatureAlgorithm, key: KeyObject, tbs: Uint8Array): Uint8Array {
  if (algorithm === 'ed25519') return new Uint8Array(nodeSign(null, tbs, key));
  const [family, hash = ''] = algorithm.split('-');
  if (family !== 'pss') return new Uint8Array(nodeSign(hash, tbs, key));
  const RSA_PKCS1_PSS_PADDING = 6;
  return new Uint8Array(nodeSign(hash, tbs, { key, padding: RSA_PKCS1_PSS_PADDING, saltLength: saltLength(hash) }));
}
