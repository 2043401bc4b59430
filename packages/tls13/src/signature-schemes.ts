/** What each SignatureScheme of RFC 8446 §4.2.3 stands for, and which keys it goes with. */
import type { HashAlgorithm, SignatureAlgorithm } from './provider.ts';
import { SignatureScheme } from './provider.ts';
import type { KeyType, PublicKey } from './public-key.ts';

export interface SchemeParameters {
  readonly scheme: SignatureScheme;
  readonly keyType: KeyType;
  readonly algorithm: SignatureAlgorithm;
}

const ROWS: readonly SchemeParameters[] = [
  row(SignatureScheme.ECDSA_SECP256R1_SHA256, 'ecdsa-p256', { kind: 'ecdsa', hash: 'sha256' }),
  row(SignatureScheme.ECDSA_SECP384R1_SHA384, 'ecdsa-p384', { kind: 'ecdsa', hash: 'sha384' }),
  row(SignatureScheme.ED25519, 'ed25519', { kind: 'ed25519' }),
  row(SignatureScheme.ECDSA_SECP521R1_SHA512, 'ecdsa-p521', { kind: 'ecdsa', hash: 'sha512' }),
  row(SignatureScheme.RSA_PSS_RSAE_SHA256, 'rsa', { kind: 'rsa-pss', hash: 'sha256' }),
  row(SignatureScheme.RSA_PSS_RSAE_SHA384, 'rsa', { kind: 'rsa-pss', hash: 'sha384' }),
  row(SignatureScheme.RSA_PSS_RSAE_SHA512, 'rsa', { kind: 'rsa-pss', hash: 'sha512' }),
  row(SignatureScheme.RSA_PSS_PSS_SHA256, 'rsa-pss', { kind: 'rsa-pss', hash: 'sha256' }),
  row(SignatureScheme.RSA_PSS_PSS_SHA384, 'rsa-pss', { kind: 'rsa-pss', hash: 'sha384' }),
  row(SignatureScheme.RSA_PSS_PSS_SHA512, 'rsa-pss', { kind: 'rsa-pss', hash: 'sha512' }),
  row(SignatureScheme.RSA_PKCS1_SHA256, 'rsa', { kind: 'rsa-pkcs1', hash: 'sha256' }),
  row(SignatureScheme.RSA_PKCS1_SHA384, 'rsa', { kind: 'rsa-pkcs1', hash: 'sha384' }),
  row(SignatureScheme.RSA_PKCS1_SHA512, 'rsa', { kind: 'rsa-pkcs1', hash: 'sha512' }),
];

const TABLE: ReadonlyMap<number, SchemeParameters> = new Map(ROWS.map((each) => [each.scheme, each]));

/** Every scheme, in the order a verifier offers them. */
export const ALL_SIGNATURE_SCHEMES: readonly SignatureScheme[] = ROWS.map(({ scheme }) => scheme);

/** @returns undefined for a code point that is not known here. */
export function schemeParameters(scheme: number): SchemeParameters | undefined {
  return TABLE.get(scheme);
}

/** What of a key decides how it may sign. */
export type SignerKey = Pick<PublicKey, 'type'> & { readonly pssHash?: HashAlgorithm | undefined };

/** The schemes a key may sign a CertificateVerify with (RFC 8446 §4.4.3 leaves out RSASSA-PKCS1-v1_5), best first. */
export function signingSchemes(key: SignerKey): readonly SignatureScheme[] {
  return ROWS.filter((each) => each.algorithm.kind !== 'rsa-pkcs1' && isSchemeOf(key, each)).map(
    ({ scheme }) => scheme,
  );
}

/** Whether a signature of this key may go by this scheme. */
export function isSchemeOf(key: SignerKey, { keyType, algorithm }: SchemeParameters): boolean {
  return key.type === keyType && isAllowedHash(key, algorithm);
}

/** Whether a certificate may be signed by this key with this algorithm: as isSchemeOf(), but any curve goes with any hash, and PSS with any RSA key. */
export function isAlgorithmOf(key: SignerKey, algorithm: SignatureAlgorithm): boolean {
  switch (algorithm.kind) {
    case 'ecdsa':
      return key.type === 'ecdsa-p256' || key.type === 'ecdsa-p384' || key.type === 'ecdsa-p521';
    case 'ed25519':
      return key.type === 'ed25519';
    case 'rsa-pss':
      return key.type === 'rsa' || (key.type === 'rsa-pss' && isAllowedHash(key, algorithm));
    case 'rsa-pkcs1':
      // RFC 4055 §1.2: a key for RSASSA-PSS is for nothing else.
      return key.type === 'rsa';
    default:
      return false;
  }
}

function isAllowedHash({ pssHash }: SignerKey, { hash }: SignatureAlgorithm): boolean {
  return pssHash === undefined || pssHash === hash;
}

function row(scheme: SignatureScheme, keyType: KeyType, algorithm: SignatureAlgorithm): SchemeParameters {
  return { scheme, keyType, algorithm };
}
