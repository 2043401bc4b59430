/** What every crypto provider checks in the same way: lengths that only our own callers can get wrong. */
import type { AeadAlgorithm, HashAlgorithm } from './provider.ts';

/** Bytes. */
export const HASH_LENGTHS: Readonly<Record<HashAlgorithm, number>> = { sha256: 32, sha384: 48, sha512: 64 };

const AEAD_KEY_LENGTHS: Readonly<Record<AeadAlgorithm, number>> = {
  'aes-128-gcm': 16,
  'aes-256-gcm': 32,
  'chacha20-poly1305': 32,
};

/** RFC 5869 §2.3: L <= 255 * HashLen. @throws RangeError */
export function checkHkdfLength(algorithm: HashAlgorithm, length: number): void {
  const max = 255 * HASH_LENGTHS[algorithm];
  if (!Number.isInteger(length) || length < 0 || length > max)
    throw new RangeError(`"length" expected an integer up to ${max} for ${algorithm}, got ${length}`);
}

/** @throws RangeError */
export function checkAeadKey(algorithm: AeadAlgorithm, key: Uint8Array): void {
  const expected = AEAD_KEY_LENGTHS[algorithm];
  if (key.length !== expected)
    throw new RangeError(`"key" expected ${expected} bytes for ${algorithm}, got ${key.length}`);
}

/** RFC 8446 §5.3: all AEADs of TLS 1.3 have nonces of 12 bytes. @throws RangeError */
export function checkAeadNonce(nonce: Uint8Array): void {
  if (nonce.length !== 12) throw new RangeError(`"nonce" expected 12 bytes, got ${nonce.length}`);
}
