/**
 * Public keys as certificates carry them: SubjectPublicKeyInfo of RFC 5280 §4.1.2.7 with the algorithms of RFC 3279 §2.3.1 (RSA),
 * RFC 5480 §2.1 (P-256, P-384) and RFC 8410 §4 (Ed25519).
 *
 * Both crypto providers judge keys by this one reader, so that they agree on what is usable. Left out on purpose: compressed points (RFC 8422
 * §5.1.2 allows none), keys bound to RSASSA-PSS by their OID, RSA below 2048 or above 8192 bits, Ed25519 keys of small order.
 */
import { MAX_RSA_BITS, MIN_RSA_BITS } from './limits.ts';
import {
  DerTag,
  derContent,
  derUnsigned,
  derWhole,
  equalBytes,
  expectDerChild,
  readDerChildren,
  readDerRoot,
  writeDer,
  writeDerUnsigned,
} from './der.ts';

export type KeyType = 'ecdsa-p256' | 'ecdsa-p384' | 'ed25519' | 'rsa';

export type PublicKey =
  | {
      readonly type: 'ecdsa-p256' | 'ecdsa-p384';
      /** Uncompressed: 0x04, x, y. Not yet checked to be on the curve. */
      readonly point: Uint8Array;
    }
  | { readonly type: 'ed25519'; readonly key: Uint8Array }
  | {
      readonly type: 'rsa';
      /** Magnitudes, big-endian, without leading zeros. */
      readonly modulus: Uint8Array;
      readonly exponent: Uint8Array;
    };

/** AlgorithmIdentifiers as whole DER elements. */
const ECDSA_P256 = Uint8Array.from([
  0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03,
  0x01, 0x07,
]);
const ECDSA_P384 = Uint8Array.from([
  0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22,
]);
const ED25519 = Uint8Array.from([0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70]);
const RSA = Uint8Array.from([0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00]);

/** AlgorithmIdentifier of each key type, for SubjectPublicKeyInfo and PrivateKeyInfo alike. */
export const KEY_ALGORITHMS: Readonly<Record<KeyType, Uint8Array>> = {
  'ecdsa-p256': ECDSA_P256,
  'ecdsa-p384': ECDSA_P384,
  ed25519: ED25519,
  rsa: RSA,
};

/**
 * @param publicKeyInfo DER SubjectPublicKeyInfo
 * @returns the key, or what is wrong with it as a phrase that fits behind "its key"
 */
export function readPublicKeyInfo(publicKeyInfo: Uint8Array): PublicKey | string {
  try {
    const children = readDerChildren(publicKeyInfo, readDerRoot(publicKeyInfo, DerTag.SEQUENCE));
    const type = keyTypeOf(derWhole(publicKeyInfo, expectDerChild(children, 0, DerTag.SEQUENCE)));
    const bitString = derContent(publicKeyInfo, expectDerChild(children, 1, DerTag.BIT_STRING));
    if (children.length !== 2 || bitString[0] !== 0) return 'is malformed';
    if (type === undefined) return 'is of a type that is not supported (P-256, P-384, Ed25519 and RSA are)';
    return readKey(type, bitString.subarray(1));
  } catch {
    return 'is malformed';
  }
}

/** @param algorithm AlgorithmIdentifier as a whole DER element */
export function keyTypeOf(algorithm: Uint8Array): KeyType | undefined {
  for (const type of ['ecdsa-p256', 'rsa', 'ecdsa-p384', 'ed25519'] as const)
    if (equalBytes(algorithm, KEY_ALGORITHMS[type])) return type;
  return undefined;
}

/** Writes the one SubjectPublicKeyInfo that a key has. */
export function writePublicKeyInfo(key: PublicKey): Uint8Array {
  const content =
    key.type === 'rsa'
      ? writeDer(DerTag.SEQUENCE, writeDerUnsigned(key.modulus), writeDerUnsigned(key.exponent))
      : key.type === 'ed25519'
        ? key.key
        : key.point;
  const bitString = writeDer(DerTag.BIT_STRING, Uint8Array.of(0), content);
  return writeDer(DerTag.SEQUENCE, KEY_ALGORITHMS[key.type], bitString);
}

function readKey(type: KeyType, bytes: Uint8Array): PublicKey | string {
  if (type === 'ed25519') return ed25519KeyProblem(bytes) ?? { type, key: bytes };
  if (type === 'rsa') return readRsaKey(bytes);
  const length = type === 'ecdsa-p256' ? 65 : 97;
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

function readRsaKey(bytes: Uint8Array): PublicKey | string {
  // RFC 8017 A.1.1: RSAPublicKey ::= SEQUENCE { modulus INTEGER, publicExponent INTEGER }
  const children = readDerChildren(bytes, readDerRoot(bytes, DerTag.SEQUENCE));
  if (children.length !== 2) return 'is malformed';
  const modulus = derUnsigned(bytes, expectDerChild(children, 0, DerTag.INTEGER));
  const exponent = derUnsigned(bytes, expectDerChild(children, 1, DerTag.INTEGER));
  return rsaKeyProblem(modulus, exponent) ?? { type: 'rsa', modulus, exponent };
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
