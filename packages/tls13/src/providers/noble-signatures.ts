/** Signatures with @noble/curves: ECDSA over P-256 and P-384 (FIPS 186-5, RFC 6979), Ed25519 (RFC 8032); RSA is handed on. */
import { ed25519 } from '@noble/curves/ed25519.js';
import { p256, p384 } from '@noble/curves/nist.js';
import { bytesToNumberLE } from '@noble/curves/utils.js';
import { sha512 } from '@noble/hashes/sha2.js';
import { Alert } from '../alerts.ts';
import { equalBytes } from '../der.ts';
import { TlsError } from '../errors.ts';
import { readPrivateKeyInfo } from '../private-key.ts';
import type { SignatureScheme, SigningKey } from '../provider.ts';
import { readPublicKeyInfo, writePublicKeyInfo } from '../public-key.ts';
import type { PublicKey } from '../public-key.ts';
import type { Random } from '../random.ts';
import { schemeParameters, signingSchemes } from '../signature-schemes.ts';
import { createRsaSigner, verifyRsa } from './noble-rsa.ts';

/** High S values are as good as low ones in TLS and X.509; signatures are DER (RFC 8446 §4.2.3). */
const ECDSA_OPTIONS = { prehash: true, lowS: false, format: 'der' } as const;

/** See CryptoProvider.verify. */
export function verify(
  publicKeyInfo: Uint8Array,
  scheme: SignatureScheme,
  message: Uint8Array,
  signature: Uint8Array,
): boolean {
  const parameters = schemeParameters(scheme);
  const key = readPublicKeyInfo(publicKeyInfo);
  if (parameters === undefined || typeof key === 'string' || key.type !== parameters.keyType) return false;
  try {
    switch (key.type) {
      case 'ecdsa-p256':
        return p256.verify(signature, message, key.point, ECDSA_OPTIONS);
      case 'ecdsa-p384':
        return p384.verify(signature, message, key.point, ECDSA_OPTIONS);
      case 'ed25519':
        // RFC 8032 §5.1.7 to the letter rather than the laxer ZIP 215, which noble defaults to.
        return verifyEd25519(key.key, message, signature);
      default:
        return verifyRsa(key, parameters, message, signature);
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
  const schemes = signingSchemes(privateKey.type);
  if (privateKey.type === 'rsa') {
    const { modulus, publicExponent } = privateKey;
    const sign = createRsaSigner(privateKey, random);
    return signingKey(schemes, { type: 'rsa', modulus, exponent: publicExponent }, sign);
  }
  const { type, secret } = privateKey;
  if (type === 'ed25519')
    return signingKey(schemes, { type, key: ed25519.getPublicKey(secret) }, (_, message) =>
      ed25519.sign(message, secret),
    );
  const curve = type === 'ecdsa-p256' ? p256 : p384;
  if (!curve.utils.isValidSecretKey(secret))
    throw new TlsError(
      'ERR_TLS_KEY_UNSUPPORTED',
      Alert.INTERNAL_ERROR,
      'EC private key is not in the range of its curve',
      {
        fault: 'local',
      },
    );
  // Nonces are those of RFC 6979: a weak random source cannot give the key away.
  return signingKey(schemes, { type, point: curve.getPublicKey(secret, false) }, (_, message) =>
    curve.sign(message, secret, ECDSA_OPTIONS),
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
