/** Signatures with node:crypto. */
import { constants, createPrivateKey, createPublicKey, sign as nodeSign, verify as nodeVerify } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { Alert } from '../alerts.ts';
import { TlsError } from '../errors.ts';
import { readPrivateKeyInfo } from '../private-key.ts';
import type { SignatureAlgorithm, SignatureScheme, SigningKey } from '../provider.ts';
import { readPublicKeyInfo, writePublicKeyInfo } from '../public-key.ts';
import { isAlgorithmOf, isSchemeOf, schemeParameters, signingSchemes } from '../signature-schemes.ts';
import { importPublicKey } from './public-keys.ts';
import type { ImportedPublicKey } from './public-keys.ts';

/** See CryptoProvider.verify. */
export function verify(
  publicKeyInfo: Uint8Array,
  scheme: SignatureScheme,
  message: Uint8Array,
  signature: Uint8Array,
): boolean {
  const parameters = schemeParameters(scheme);
  const imported = importPublicKey(publicKeyInfo);
  if (parameters === undefined || imported === undefined || !isSchemeOf(imported.publicKey, parameters)) return false;
  return verifyWith(imported, parameters.algorithm, message, signature);
}

/** See CryptoProvider.verifyCertificate. */
export function verifyCertificate(
  publicKeyInfo: Uint8Array,
  algorithm: SignatureAlgorithm,
  message: Uint8Array,
  signature: Uint8Array,
): boolean {
  const imported = importPublicKey(publicKeyInfo);
  if (imported === undefined || !isAlgorithmOf(imported.publicKey, algorithm)) return false;
  return verifyWith(imported, algorithm, message, signature);
}

function verifyWith(
  { publicKey, key }: ImportedPublicKey,
  algorithm: SignatureAlgorithm,
  message: Uint8Array,
  signature: Uint8Array,
): boolean {
  // RFC 8017 §8.1.2, §8.2.2: as long as the modulus. OpenSSL lets PSS signatures go without their leading zeros.
  if ('modulus' in publicKey && signature.length !== publicKey.modulus.length) return false;
  try {
    return nodeVerify(algorithm.hash, message, { key, ...paddingOptions(algorithm) }, signature);
  } catch {
    return false;
  }
}

/** See CryptoProvider.importSigningKey. */
export function importSigningKey(key: Uint8Array): SigningKey {
  const schemes = signingSchemes(readPrivateKeyInfo(key));
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
      const algorithm = schemeParameters(scheme)?.algorithm;
      if (algorithm === undefined || !schemes.includes(scheme))
        throw new RangeError(`This key cannot sign with scheme 0x${scheme.toString(16)}`);
      return new Uint8Array(nodeSign(algorithm.hash, message, { key: privateKey, ...paddingOptions(algorithm) }));
    },
  };
}

function unusableKey(cause?: unknown): TlsError {
  const message = 'Private key cannot be used: it is damaged, or its public half belongs to another key';
  return new TlsError('ERR_TLS_KEY_UNSUPPORTED', Alert.INTERNAL_ERROR, message, { fault: 'local', cause });
}

/** RFC 8446 §4.2.3: the salt is as long as the digest. */
function paddingOptions({ kind }: SignatureAlgorithm): { padding?: number; saltLength?: number } {
  if (kind === 'rsa-pss')
    return { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };
  return kind === 'rsa-pkcs1' ? { padding: constants.RSA_PKCS1_PADDING } : {};
}
