/**
 * Signatures with node:crypto.
 *
 * Public keys go in as JWK, 12 µs against 160 for SPKI, which is why nothing is cached. What a key may be is judged by the package's own reader, so that
 * this provider takes neither more nor less than `noble`.
 */
import { constants, createPrivateKey, createPublicKey, sign as nodeSign, verify as nodeVerify } from 'node:crypto';
import type { JsonWebKey, KeyObject } from 'node:crypto';
import { Alert } from '../alerts.ts';
import { TlsError } from '../errors.ts';
import { readPrivateKeyInfo } from '../private-key.ts';
import type { SignatureScheme, SigningKey } from '../provider.ts';
import { readPublicKeyInfo, writePublicKeyInfo } from '../public-key.ts';
import type { PublicKey } from '../public-key.ts';
import { schemeParameters, signingSchemes } from '../signature-schemes.ts';
import type { SchemeParameters } from '../signature-schemes.ts';

/** See CryptoProvider.verify. */
export function verify(
  publicKeyInfo: Uint8Array,
  scheme: SignatureScheme,
  message: Uint8Array,
  signature: Uint8Array,
): boolean {
  const parameters = schemeParameters(scheme);
  const publicKey = readPublicKeyInfo(publicKeyInfo);
  if (parameters === undefined || typeof publicKey === 'string' || publicKey.type !== parameters.keyType) return false;
  // RFC 8017 §8.1.2, §8.2.2: as long as the modulus. OpenSSL lets PSS signatures go without their leading zeros.
  if (publicKey.type === 'rsa' && signature.length !== publicKey.modulus.length) return false;
  try {
    const key = createPublicKey({ key: jsonWebKey(publicKey), format: 'jwk' });
    return nodeVerify(parameters.hash, message, { key, ...paddingOptions(parameters) }, signature);
  } catch {
    // OpenSSL throws for points off the curve.
    return false;
  }
}

/** See CryptoProvider.importSigningKey. */
export function importSigningKey(key: Uint8Array): SigningKey {
  const { type } = readPrivateKeyInfo(key);
  const schemes = signingSchemes(type);
  try {
    const signingKey = signingKeyOf(createPrivateKey({ key: Buffer.from(key), format: 'der', type: 'pkcs8' }), schemes);
    // OpenSSL takes the public half from the file and does not ask whether it belongs to the private one.
    const message = Uint8Array.of(1);
    const [scheme] = schemes;
    if (verify(signingKey.publicKeyInfo, scheme, message, signingKey.sign(scheme, message))) return signingKey;
  } catch (cause) {
    throw unusableKey(cause);
  }
  throw unusableKey();
}

function signingKeyOf(privateKey: KeyObject, schemes: readonly SignatureScheme[]): SigningKey {
  const publicKeyInfo = new Uint8Array(createPublicKey(privateKey).export({ format: 'der', type: 'spki' }));
  const publicKey = readPublicKeyInfo(publicKeyInfo);
  return {
    schemes,
    publicKeyInfo: typeof publicKey === 'string' ? publicKeyInfo : writePublicKeyInfo(publicKey),
    sign(scheme, message) {
      const parameters = schemeParameters(scheme);
      if (parameters === undefined || !schemes.includes(scheme))
        throw new RangeError(`This key cannot sign with scheme 0x${scheme.toString(16)}`);
      return new Uint8Array(nodeSign(parameters.hash, message, { key: privateKey, ...paddingOptions(parameters) }));
    },
  };
}

function unusableKey(cause?: unknown): TlsError {
  const message = 'Private key cannot be used: it is damaged, or its public half belongs to another key';
  return new TlsError('ERR_TLS_KEY_UNSUPPORTED', Alert.INTERNAL_ERROR, message, { fault: 'local', cause });
}

/** RFC 8446 §4.2.3: the salt is as long as the digest. */
function paddingOptions({ padding }: SchemeParameters): { padding?: number; saltLength?: number } {
  if (padding === 'pss')
    return { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };
  return padding === 'pkcs1' ? { padding: constants.RSA_PKCS1_PADDING } : {};
}

function jsonWebKey(key: PublicKey): JsonWebKey {
  switch (key.type) {
    case 'ed25519':
      return { kty: 'OKP', crv: 'Ed25519', x: base64Url(key.key) };
    case 'rsa':
      return { kty: 'RSA', n: base64Url(key.modulus), e: base64Url(key.exponent) };
    default: {
      const half = (key.point.length - 1) / 2;
      return {
        kty: 'EC',
        crv: key.type === 'ecdsa-p256' ? 'P-256' : 'P-384',
        x: base64Url(key.point.subarray(1, 1 + half)),
        y: base64Url(key.point.subarray(1 + half)),
      };
    }
  }
}

function base64Url(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64url');
}
