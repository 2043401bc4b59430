/**
 * Public keys in the form of node:crypto. They go in as JWK, which for P-256 takes 60 µs on Node 20.20, for P-384 450, and as SPKI 100 more; what was read
 * lately is kept, as peers have the same authorities and a client meets the same server again.
 */
import { createPublicKey } from 'node:crypto';
import type { JsonWebKey, KeyObject } from 'node:crypto';
import { MAX_CACHED_PUBLIC_KEYS } from '../limits.ts';
import { readPublicKeyInfo } from '../public-key.ts';
import type { PublicKey } from '../public-key.ts';
import { base64Url } from './bytes.ts';

export interface ImportedPublicKey {
  readonly publicKey: PublicKey;
  readonly key: KeyObject;
}

/** By the bytes of SubjectPublicKeyInfo as text. */
const cache = new Map<string, ImportedPublicKey>();

/**
 * What a key may be is judged by the package's own reader, so that this provider takes neither more nor less than `noble`.
 *
 * @returns undefined for a key that cannot be used
 */
export function importPublicKey(publicKeyInfo: Uint8Array): ImportedPublicKey | undefined {
  const text = Buffer.from(publicKeyInfo.buffer, publicKeyInfo.byteOffset, publicKeyInfo.length).toString('latin1');
  const known = cache.get(text);
  if (known !== undefined) return known;
  // A copy, which is kept: the bytes may be a view of a whole message.
  const publicKey = readPublicKeyInfo(new Uint8Array(publicKeyInfo));
  if (typeof publicKey === 'string') return undefined;
  let key: KeyObject;
  try {
    key = createPublicKey({ key: jsonWebKey(publicKey), format: 'jwk' });
  } catch {
    // OpenSSL throws for points off the curve.
    return undefined;
  }
  const imported = { publicKey, key };
  if (cache.size >= MAX_CACHED_PUBLIC_KEYS) cache.delete(cache.keys().next().value as string);
  cache.set(text, imported);
  return imported;
}

const CURVE_NAMES = { 'ecdsa-p256': 'P-256', 'ecdsa-p384': 'P-384', 'ecdsa-p521': 'P-521' } as const;

function jsonWebKey(key: PublicKey): JsonWebKey {
  switch (key.type) {
    case 'ed25519':
      return { kty: 'OKP', crv: 'Ed25519', x: base64Url(key.key) };
    case 'rsa':
    case 'rsa-pss':
      // OpenSSL need not know what a key is bound to: the reader and signature-schemes.ts do.
      return { kty: 'RSA', n: base64Url(key.modulus), e: base64Url(key.exponent) };
    default: {
      const half = (key.point.length - 1) / 2;
      const [x, y] = [key.point.subarray(1, 1 + half), key.point.subarray(1 + half)];
      return { kty: 'EC', crv: CURVE_NAMES[key.type], x: base64Url(x), y: base64Url(y) };
    }
  }
}
