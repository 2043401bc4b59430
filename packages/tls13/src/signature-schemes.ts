/** What each SignatureScheme of RFC 8446 §4.2.3 stands for. */
import type { HashAlgorithm } from './provider.ts';
import { SignatureScheme } from './provider.ts';
import type { KeyType } from './public-key.ts';

export interface SchemeParameters {
  readonly scheme: SignatureScheme;
  readonly keyType: KeyType;
  /** Undefined for Ed25519, which hashes inside. */
  readonly hash: HashAlgorithm | undefined;
  readonly padding: 'pss' | 'pkcs1' | undefined;
}

const ROWS: readonly (readonly [SignatureScheme, KeyType, HashAlgorithm | undefined, 'pss' | 'pkcs1' | undefined])[] = [
  [SignatureScheme.ECDSA_SECP256R1_SHA256, 'ecdsa-p256', 'sha256', undefined],
  [SignatureScheme.ECDSA_SECP384R1_SHA384, 'ecdsa-p384', 'sha384', undefined],
  [SignatureScheme.ED25519, 'ed25519', undefined, undefined],
  [SignatureScheme.RSA_PSS_RSAE_SHA256, 'rsa', 'sha256', 'pss'],
  [SignatureScheme.RSA_PSS_RSAE_SHA384, 'rsa', 'sha384', 'pss'],
  [SignatureScheme.RSA_PSS_RSAE_SHA512, 'rsa', 'sha512', 'pss'],
  [SignatureScheme.RSA_PKCS1_SHA256, 'rsa', 'sha256', 'pkcs1'],
  [SignatureScheme.RSA_PKCS1_SHA384, 'rsa', 'sha384', 'pkcs1'],
  [SignatureScheme.RSA_PKCS1_SHA512, 'rsa', 'sha512', 'pkcs1'],
];

const TABLE: ReadonlyMap<number, SchemeParameters> = new Map(
  ROWS.map(([scheme, keyType, hash, padding]) => [scheme, { scheme, keyType, hash, padding }]),
);

/** Every scheme, in the order a verifier offers them. */
export const ALL_SIGNATURE_SCHEMES: readonly SignatureScheme[] = ROWS.map(([scheme]) => scheme);

/** @returns undefined for a code point that is not known here. */
export function schemeParameters(scheme: number): SchemeParameters | undefined {
  return TABLE.get(scheme);
}

/** The schemes a key of this type may sign a CertificateVerify with (RFC 8446 §4.4.3 leaves out RSASSA-PKCS1-v1_5), best first. */
export function signingSchemes(keyType: KeyType): readonly SignatureScheme[] {
  return ROWS.filter(([, type, , padding]) => type === keyType && padding !== 'pkcs1').map(([scheme]) => scheme);
}
