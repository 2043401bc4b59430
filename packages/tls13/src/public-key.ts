/**
 * Public keys as certificates carry them: SubjectPublicKeyInfo of RFC 5280 §4.1.2.7 with the algorithms of RFC 3279 §2.3.1 (RSA),
 * RFC 4055 §1.2 (RSA for RSASSA-PSS alone), RFC 5480 §2.1 (P-256, P-384, P-521) and RFC 8410 §4 (Ed25519).
 *
 * Both crypto providers judge keys by this one reader, so that they agree on what is usable. Left out on purpose: compressed points (RFC 8422
 * §5.1.2 allows none), RSA below 2048 or above 8192 bits, Ed25519 keys of small order.
 */
import { MAX_RSA_BITS, MIN_RSA_BITS } from './limits.ts';
import {
  DerTag,
  derContent,
  derOid,
  derUnsigned,
  derWhole,
  equalBytes,
  expectDerChild,
  readDerChildren,
  readDerRoot,
  writeDer,
  writeDerUnsigned,
} from './der.ts';
import type { HashAlgorithm } from './provider.ts';
import { HASH_LENGTHS } from './provider-checks.ts';
import { RSASSA_PSS_OID, readPssParameters } from './pss-parameters.ts';

export type EcdsaKeyType = 'ecdsa-p256' | 'ecdsa-p384' | 'ecdsa-p521';
/** `rsa-pss` is RSA that its OID binds to RSASSA-PSS. */
export type KeyType = EcdsaKeyType | 'ed25519' | 'rsa' | 'rsa-pss';

/** Bytes of a coordinate and of a private key. */
export const CURVE_SIZES: Readonly<Record<EcdsaKeyType, number>> = {
  'ecdsa-p256': 32,
  'ecdsa-p384': 48,
  'ecdsa-p521': 66,
};

/** The AlgorithmIdentifier of a key. */
export interface KeyAlgorithm {
  readonly type: KeyType;
  /** As a whole DER element. */
  readonly identifier: Uint8Array;
  /** The only hash that a key of type `rsa-pss` may be used with, where it names one. */
  readonly pssHash?: HashAlgorithm;
}

export type PublicKey =
  | {
      readonly type: EcdsaKeyType;
      /** Uncompressed: 0x04, x, y. Not yet checked to be on the curve. */
      readonly point: Uint8Array;
    }
  | { readonly type: 'ed25519'; readonly key: Uint8Array }
  | ({ readonly type: 'rsa' } & RsaPublicKey)
  | (Omit<KeyAlgorithm, 'type'> & { readonly type: 'rsa-pss' } & RsaPublicKey);

/** Magnitudes, big-endian, without leading zeros. */
export interface RsaPublicKey {
  readonly modulus: Uint8Array;
  readonly exponent: Uint8Array;
}

/** AlgorithmIdentifiers as whole DER elements. */
const ECDSA_P256 = Uint8Array.from([
  0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03,
  0x01, 0x07,
]);
const ECDSA_P384 = Uint8Array.from([
  0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22,
]);
const ECDSA_P521 = Uint8Array.from([
  0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x23,
]);
const ED25519 = Uint8Array.from([0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70]);
const RSA = Uint8Array.from([0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00]);

/** AlgorithmIdentifier of each key type that has but one, for SubjectPublicKeyInfo and PrivateKeyInfo alike. */
export const KEY_ALGORITHMS: Readonly<Record<Exclude<KeyType, 'rsa-pss'>, Uint8Array>> = {
  'ecdsa-p256': ECDSA_P256,
  rsa: RSA,
  'ecdsa-p384': ECDSA_P384,
  ed25519: ED25519,
  'ecdsa-p521': ECDSA_P521,
};

const SUPPORTED = 'P-256, P-384, P-521, Ed25519 and RSA are';

/**
 * @param publicKeyInfo DER SubjectPublicKeyInfo
 * @returns the key, or what is wrong with it as a phrase that fits behind "its key"
 */
export function readPublicKeyInfo(publicKeyInfo: Uint8Array): PublicKey | string {
  try {
    const children = readDerChildren(publicKeyInfo, readDerRoot(publicKeyInfo, DerTag.SEQUENCE));
    const algorithm = readKeyAlgorithm(derWhole(publicKeyInfo, expectDerChild(children, 0, DerTag.SEQUENCE)));
    const bitString = derContent(publicKeyInfo, expectDerChild(children, 1, DerTag.BIT_STRING));
    if (children.length !== 2 || bitString[0] !== 0) return 'is malformed';
    if (algorithm === undefined) return `is of a type that is not supported (${SUPPORTED})`;
    return readKey(algorithm, bitString.subarray(1));
  } catch {
    return 'is malformed';
  }
}

/**
 * @param identifier AlgorithmIdentifier as a whole DER element
 * @returns undefined where it is not supported
 * @throws DerError
 */
export function readKeyAlgorithm(identifier: Uint8Array): KeyAlgorithm | undefined {
  for (const [type, known] of Object.entries(KEY_ALGORITHMS) as [KeyType, Uint8Array][])
    if (equalBytes(identifier, known)) return { type, identifier };
  const children = readDerChildren(identifier, readDerRoot(identifier, DerTag.SEQUENCE));
  if (derOid(identifier, expectDerChild(children, 0, DerTag.OBJECT_IDENTIFIER)) !== RSASSA_PSS_OID) return undefined;
  if (children.length === 1) return { type: 'rsa-pss', identifier };
  const limits = children.length === 2 ? readPssParameters(derWhole(identifier, children[1])) : undefined;
  // RFC 4055 §3.1: the key's salt length is the least that a signature may have, which in TLS has that of the hash.
  if (limits === undefined || limits.saltLength > HASH_LENGTHS[limits.hash]) return undefined;
  return { type: 'rsa-pss', identifier, pssHash: limits.hash };
}

/** Writes the one SubjectPublicKeyInfo that a key has. */
export function writePublicKeyInfo(key: PublicKey): Uint8Array {
  const identifier = key.type === 'rsa-pss' ? key.identifier : KEY_ALGORITHMS[key.type];
  const bitString = writeDer(DerTag.BIT_STRING, Uint8Array.of(0), publicKeyBytes(key));
  return writeDer(DerTag.SEQUENCE, identifier, bitString);
}

function publicKeyBytes(key: PublicKey): Uint8Array {
  if (key.type === 'ed25519') return key.key;
  if (key.type === 'rsa' || key.type === 'rsa-pss')
    return writeDer(DerTag.SEQUENCE, writeDerUnsigned(key.modulus), writeDerUnsigned(key.exponent));
  return key.point;
}

function readKey(algorithm: KeyAlgorithm, bytes: Uint8Array): PublicKey | string {
  const { type } = algorithm;
  if (type === 'ed25519') return ed25519KeyProblem(bytes) ?? { type, key: bytes };
  if (type === 'rsa' || type === 'rsa-pss') {
    const key = readRsaKey(bytes);
    if (typeof key === 'string') return key;
    return type === 'rsa' ? { type, ...key } : { ...algorithm, type, ...key };
  }
  const length = 1 + 2 * CURVE_SIZES[type];
  return bytes.length === length && bytes[0] === 0x04 ? { type, point: bytes } : 'is not an uncompressed point';
}

const ED25519_PRIME = 2n ** 255n - 19n;
/** y of the eight points whose order divides 8: the neutral one, of order 2, of order 4, and two of order 8, with either x. */
const SMALL_ORDER_Y: ReadonlySet<bigint> = new Set([
  1n,
  ED25519_PRIME - 1n,
  0n,
  0x7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7n,
  0x05fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826n,
]);

/**
 * Whatever OpenSSL may say, a key of small order signs nothing: one signature is good for every message (of eight). Points that are not in their one
 * encoding (RFC 8032 §5.1.3) are refused as well.
 */
function ed25519KeyProblem(key: Uint8Array): string | undefined {
  if (key.length !== 32) return 'has the wrong length';
  let y = 0n;
  for (let i = 31; i >= 0; i--) y = (y << 8n) | BigInt(i === 31 ? key[i] & 0x7f : key[i]);
  return y >= ED25519_PRIME || SMALL_ORDER_Y.has(y) ? 'is no usable Ed25519 point' : undefined;
}

function readRsaKey(bytes: Uint8Array): RsaPublicKey | string {
  // RFC 8017 A.1.1: RSAPublicKey ::= SEQUENCE { modulus INTEGER, publicExponent INTEGER }
  const children = readDerChildren(bytes, readDerRoot(bytes, DerTag.SEQUENCE));
  if (children.length !== 2) return 'is malformed';
  const modulus = derUnsigned(bytes, expectDerChild(children, 0, DerTag.INTEGER));
  const exponent = derUnsigned(bytes, expectDerChild(children, 1, DerTag.INTEGER));
  return rsaKeyProblem(modulus, exponent) ?? { modulus, exponent };
}

/** @returns what makes an RSA key unusable, or undefined. @param modulus without leading zeros, as `exponent` */
export function rsaKeyProblem(modulus: Uint8Array, exponent: Uint8Array): string | undefined {
  const bits = bitLength(modulus);
  if (bits < MIN_RSA_BITS) return `has only ${bits} bits where RSA needs ${MIN_RSA_BITS}`;
  if (bits > MAX_RSA_BITS) return `has ${bits} bits where RSA may have ${MAX_RSA_BITS}`;
  // 33 bits are more than any authority uses; a huge exponent would make every verification as slow as a signature.
  const exponentBits = bitLength(exponent);
  const odd = (modulus[modulus.length - 1] & exponent[exponent.length - 1] & 1) === 1;
  if (!odd || exponentBits < 2 || exponentBits > 33) return 'has an unusable RSA modulus or exponent';
  return undefined;
}

/** @param magnitude big-endian, without leading zeros */
export function bitLength(magnitude: Uint8Array): number {
  return magnitude.length === 0 ? 0 : magnitude.length * 8 - (Math.clz32(magnitude[0]) - 24);
}
