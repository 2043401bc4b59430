/**
 * RSA (RFC 8017) over micro-rsa-dsa-dh: RSASSA-PSS and RSASSA-PKCS1-v1_5 are verified by it; for signing, the PSS encoding is done here, since its salt
 * must come from the `Random` that is handed in, and the private operation as well, for the Chinese remainder (four times faster), blinding
 * and a check of the result.
 */
import { sha256, sha384, sha512 } from '@noble/hashes/sha2.js';
import { PKCS1_SHA256, PKCS1_SHA384, PKCS1_SHA512, PSS, mgf1 } from 'micro-rsa-dsa-dh/rsa.js';
import { I2OSP, OS2IP, invert, mod, pow } from 'micro-rsa-dsa-dh/utils.js';
import { Alert } from '../alerts.ts';
import { TlsError } from '../errors.ts';
import type { RsaPrivateKey } from '../private-key.ts';
import type { HashAlgorithm, SignatureAlgorithm, SignatureScheme } from '../provider.ts';
import { bitLength } from '../public-key.ts';
import type { RsaPublicKey } from '../public-key.ts';
import type { Random } from '../random.ts';
import { schemeParameters } from '../signature-schemes.ts';

const HASHES = { sha256, sha384, sha512 } as const;
// RFC 8446 §4.2.3: the salt is as long as the digest, and MGF1 takes the same hash.
const PSS_VERIFIERS = {
  sha256: PSS(sha256, mgf1(sha256), 32),
  sha384: PSS(sha384, mgf1(sha384), 48),
  sha512: PSS(sha512, mgf1(sha512), 64),
} as const;
const PKCS1_VERIFIERS = { sha256: PKCS1_SHA256, sha384: PKCS1_SHA384, sha512: PKCS1_SHA512 } as const;

/** May throw for signatures that are no number below the modulus; the caller takes that for a no. */
export function verifyRsa(
  key: RsaPublicKey,
  { kind, hash }: SignatureAlgorithm,
  message: Uint8Array,
  signature: Uint8Array,
): boolean {
  if (hash === undefined) return false;
  const publicKey = { n: OS2IP(key.modulus), e: OS2IP(key.exponent) };
  const verifier = kind === 'rsa-pss' ? PSS_VERIFIERS[hash] : PKCS1_VERIFIERS[hash];
  return verifier.verify(publicKey, message, signature);
}

/** @returns a function that signs with one of the key's RSASSA-PSS schemes. @throws TlsError ERR_TLS_KEY_UNSUPPORTED */
export function createRsaSigner(
  key: RsaPrivateKey,
  random: Random,
): (scheme: SignatureScheme, message: Uint8Array) => Uint8Array {
  const n = OS2IP(key.modulus);
  const e = OS2IP(key.publicExponent);
  const p = OS2IP(key.prime1);
  const q = OS2IP(key.prime2);
  const dp = OS2IP(key.exponent1);
  const dq = OS2IP(key.exponent2);
  const qInverse = OS2IP(key.coefficient);
  if (p * q !== n)
    throw new TlsError(
      'ERR_TLS_KEY_UNSUPPORTED',
      Alert.INTERNAL_ERROR,
      'RSA private key is damaged: its primes do not give its modulus',
      {
        fault: 'local',
      },
    );
  const bits = bitLength(key.modulus);

  const privateOperation = (message: bigint): bigint => {
    // RFC 8017 §5.1.2 (b), of a number that an observer of its timing does not know: blinded with r^e, unblinded with 1/r.
    const seed = new Uint8Array(key.modulus.length);
    random.fillPrivate(seed);
    const r = (OS2IP(seed) % (n - 3n)) + 2n;
    const blinded = (message * pow(r, e, n)) % n;
    const s1 = pow(blinded % p, dp, p);
    const s2 = pow(blinded % q, dq, q);
    const h = mod((s1 - s2) * qInverse, p);
    const signature = ((s2 + q * h) * invert(r, n)) % n;
    // A wrong half would hand a prime factor to whoever sees the signature.
    if (pow(signature, e, n) !== message)
      throw new TlsError(
        'ERR_TLS_INTERNAL',
        Alert.INTERNAL_ERROR,
        'RSA signature does not verify; the private key is damaged',
        {
          fault: 'local',
        },
      );
    return signature;
  };

  return (scheme, message) => {
    const hash = schemeParameters(scheme)?.algorithm.hash ?? 'sha256';
    return I2OSP(privateOperation(OS2IP(encodePss(hash, message, bits - 1, random))), Math.ceil(bits / 8));
  };
}

/** EMSA-PSS-ENCODE, RFC 8017 §9.1.1. @param emBits one less than the modulus has */
function encodePss(hash: HashAlgorithm, message: Uint8Array, emBits: number, random: Random): Uint8Array {
  const digest = HASHES[hash];
  const hashLength = digest.outputLen;
  const emLength = Math.ceil(emBits / 8);
  const salt = new Uint8Array(hashLength);
  random.fillPrivate(salt);
  // 5.-6. H = Hash(eight zeros || mHash || salt)
  const toHash = new Uint8Array(8 + 2 * hashLength);
  toHash.set(digest(message), 8);
  toHash.set(salt, 8 + hashLength);
  const h = digest(toHash);
  // 7.-10. maskedDB = (zeros || 0x01 || salt) xor MGF1(H)
  const encoded = new Uint8Array(emLength);
  const dbLength = emLength - hashLength - 1;
  encoded[dbLength - hashLength - 1] = 0x01;
  encoded.set(salt, dbLength - hashLength);
  const mask = mgf1(digest)(h, { dkLen: dbLength });
  for (let i = 0; i < dbLength; i++) encoded[i] ^= mask[i];
  // 11. The bits that stand above emBits are zero.
  encoded[0] &= 0xff >> (8 * emLength - emBits);
  // 12.
  encoded.set(h, dbLength);
  encoded[emLength - 1] = 0xbc;
  return encoded;
}
