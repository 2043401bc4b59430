/** Signatures with @noble/curves: ECDSA over P-256, P-384 and P-521 (FIPS 186-5, RFC 6979), Ed25519 (RFC 8032); RSA is handed on. */
import { ed25519 } from '@noble/curves/ed25519.js';
import { p256, p384, p521 } from '@noble/curves/nist.js';
import { bytesToNumberLE } from '@noble/curves/utils.js';
import { sha256, sha384, sha512 } from '@noble/hashes/sha2.js';
import { Alert } from '../alerts.ts';
import { equalBytes } from '../der.ts';
import { TlsError } from '../errors.ts';
import { readPrivateKeyInfo } from '../private-key.ts';
import type { SignatureAlgorithm, SignatureScheme, SigningKey } from '../provider.ts';
import { readPublicKeyInfo, writePublicKeyInfo } from '../public-key.ts';
import type { PublicKey } from '../public-key.ts';
import type { Random } from '../random.ts';
import { isAlgorithmOf, isSchemeOf, schemeParameters, signingSchemes } from '../signature-schemes.ts';
import { createRsaSigner, verifyRsa } from './noble-rsa.ts';

/** High S values are as good as low ones in TLS and X.509; signatures are DER (RFC 8446 §4.2.3). */
const ECDSA_OPTIONS = { lowS: false, format: 'der' } as const;

const CURVES = { 'ecdsa-p256': p256, 'ecdsa-p384': p384, 'ecdsa-p521': p521 } as const;
const HASHES = { sha256, sha384, sha512 } as const;

/** See CryptoProvider.verify. */
export function verify(
  publicKeyInfo: Uint8Array,
  scheme: SignatureScheme,
  message: Uint8Array,
  signature: Uint8Array,
): boolean {
  const parameters = schemeParameters(scheme);
  const key = readPublicKeyInfo(publicKeyInfo);
  if (parameters === undefined || typeof key === 'string' || !isSchemeOf(key, parameters)) return false;
  return verifyWith(key, parameters.algorithm, message, signature);
}

/** See CryptoProvider.verifyCertificate. */
export function verifyCertificate(
  publicKeyInfo: Uint8Array,
  algorithm: SignatureAlgorithm,
  message: Uint8Array,
  signature: Uint8Array,
): boolean {
  const key = readPublicKeyInfo(publicKeyInfo);
  if (typeof key === 'string' || !isAlgorithmOf(key, algorithm)) return false;
  return verifyWith(key, algorithm, message, signature);
}

function verifyWith(
  key: PublicKey,
  algorithm: SignatureAlgorithm,
  message: Uint8Array,
  signature: Uint8Array,
): boolean {
  try {
    switch (key.type) {
      case 'ed25519':
        // RFC 8032 §5.1.7 to the letter rather than the laxer ZIP 215, which noble defaults to.
        return verifyEd25519(key.key, message, signature);
      case 'rsa':
      case 'rsa-pss':
        return verifyRsa(key, algorithm, message, signature);
      default: {
        if (algorithm.hash === undefined) return false;
        // Hashed here, since a curve may come with another hash than its own in certificates.
        const digest = HASHES[algorithm.hash](message);
        return CURVES[key.type].verify(signature, digest, key.point, { ...ECDSA_OPTIONS, prehash: false });
      }
    }
  } catch {
    // noble throws for points off the curve and signatures that do not parse.
    return false;
  }
}

/**
 * The equation without the cofactor, [S]B = R + [k]A, which RFC 8032 §5.1.7 calls sufficient and OpenSSL checks. ed25519.verify() of noble checks the
 * other, [8][S]B = [8]R + [8][k]A, and so takes signatures that their maker has tampered with and that another provider refuses.
 */
function verifyEd25519(key: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  if (signature.length !== 64) return false;
  const { Point } = ed25519;
  const r = signature.subarray(0, 32);
  const s = bytesToNumberLE(signature.subarray(32));
  // S + L would be the same number to the equation: one signature in several forms.
  if (s >= Point.Fn.ORDER) return false;
  const k = Point.Fn.create(bytesToNumberLE(sha512.create().update(r).update(key).update(message).digest()));
  const expected = Point.BASE.multiplyUnsafe(s).subtract(Point.fromBytes(key).multiplyUnsafe(k));
  return equalBytes(expected.toBytes(), r);
}

/** See CryptoProvider.importSigningKey. */
export function importSigningKey(key: Uint8Array, random: Random): SigningKey {
  const privateKey = readPrivateKeyInfo(key);
  const schemes = signingSchemes(privateKey);
  if ('modulus' in privateKey) {
    const { type, identifier, modulus, publicExponent: exponent } = privateKey;
    const publicKey: PublicKey = type === 'rsa' ? { type, modulus, exponent } : { type, identifier, modulus, exponent };
    return signingKey(schemes, publicKey, createRsaSigner(privateKey, random));
  }
  const { type, secret } = privateKey;
  if (type === 'ed25519')
    return signingKey(schemes, { type, key: ed25519.getPublicKey(secret) }, (_, message) =>
      ed25519.sign(message, secret),
    );
  const curve = CURVES[type];
  if (!curve.utils.isValidSecretKey(secret)) {
    const message = 'EC private key is not in the range of its curve';
    throw new TlsError('ERR_TLS_KEY_UNSUPPORTED', Alert.INTERNAL_ERROR, message, { fault: 'local' });
  }
  // Nonces are those of RFC 6979: a weak random source cannot give the key away. The curve's own hash is that of its scheme.
  return signingKey(schemes, { type, point: curve.getPublicKey(secret, false) }, (_, message) =>
    curve.sign(message, secret, { ...ECDSA_OPTIONS, prehash: true }),
  );
}

function signingKey(
  schemes: readonly SignatureScheme[],
  publicKey: PublicKey,
  sign: (scheme: SignatureScheme, message: Uint8Array) => Uint8Array,
): SigningKey {
  return {
    schemes,
    publicKeyInfo: writePublicKeyInfo(publicKey),
    sign(scheme, message) {
      if (!schemes.includes(scheme)) throw new RangeError(`This key cannot sign with scheme 0x${scheme.toString(16)}`);
      return sign(scheme, message);
    },
  };
}
