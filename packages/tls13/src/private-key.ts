/**
 * Private keys as files carry them: PKCS#8 PrivateKeyInfo (RFC 5208, RFC 5958) holding SEC1 ECPrivateKey (RFC 5915), CurvePrivateKey
 * (RFC 8410 §7) or RSAPrivateKey (RFC 8017 A.1.2), and the way from the bare SEC1 and PKCS#1 forms to it.
 */
import { Alert } from './alerts.ts';
import {
  DerError,
  DerTag,
  derContent,
  derUnsigned,
  derWhole,
  expectDerChild,
  readDerChildren,
  readDerRoot,
  writeDer,
} from './der.ts';
import { TlsError } from './errors.ts';
import { CURVE_SIZES, KEY_ALGORITHMS, readKeyAlgorithm, rsaKeyProblem } from './public-key.ts';
import type { EcdsaKeyType, KeyAlgorithm } from './public-key.ts';

export type PrivateKey =
  | { readonly type: EcdsaKeyType | 'ed25519'; readonly secret: Uint8Array }
  | (Omit<KeyAlgorithm, 'type'> & { readonly type: 'rsa' | 'rsa-pss' } & RsaPrivateKey);

/** The numbers of RSAPrivateKey as magnitudes. */
export interface RsaPrivateKey {
  readonly modulus: Uint8Array;
  readonly publicExponent: Uint8Array;
  readonly privateExponent: Uint8Array;
  readonly prime1: Uint8Array;
  readonly prime2: Uint8Array;
  readonly exponent1: Uint8Array;
  readonly exponent2: Uint8Array;
  readonly coefficient: Uint8Array;
}

/** @param key DER PrivateKeyInfo. @throws TlsError ERR_TLS_KEY_UNSUPPORTED */
export function readPrivateKeyInfo(key: Uint8Array): PrivateKey {
  return guarded(() => {
    const children = readDerChildren(key, readDerRoot(key, DerTag.SEQUENCE));
    const version = derUnsigned(key, expectDerChild(children, 0, DerTag.INTEGER));
    if (version.length !== 1 || version[0] > 1) throw unsupported('Private key has an unknown PKCS#8 version');
    // A copy: it may go into the public half, and whose bytes these are is free to clear them.
    const algorithm = readKeyAlgorithm(new Uint8Array(derWhole(key, expectDerChild(children, 1, DerTag.SEQUENCE))));
    if (algorithm === undefined)
      throw unsupported('Private key is of a type that is not supported; use P-256, P-384, P-521, Ed25519 or RSA');
    return readKey(algorithm, derContent(key, expectDerChild(children, 2, DerTag.OCTET_STRING)));
  });
}

/** @param key DER ECPrivateKey with its curve. @returns DER PrivateKeyInfo. @throws TlsError ERR_TLS_KEY_UNSUPPORTED */
export function pkcs8FromSec1(key: Uint8Array): Uint8Array {
  return guarded(() => {
    const children = readDerChildren(key, readDerRoot(key, DerTag.SEQUENCE));
    const parameters = children.find((child) => child.tag === 0xa0);
    if (parameters === undefined)
      throw unsupported('EC private key does not name its curve; convert it with openssl pkcs8 -topk8 -nocrypt');
    // id-ecPublicKey, then the curve's OID just as the key has it.
    const idEcPublicKey = KEY_ALGORITHMS['ecdsa-p256'].subarray(2, 11);
    return privateKeyInfo(writeDer(DerTag.SEQUENCE, idEcPublicKey, derContent(key, parameters)), key);
  });
}

/** @param key DER RSAPrivateKey. @returns DER PrivateKeyInfo. */
export function pkcs8FromPkcs1(key: Uint8Array): Uint8Array {
  return privateKeyInfo(KEY_ALGORITHMS.rsa, key);
}

function privateKeyInfo(algorithm: Uint8Array, key: Uint8Array): Uint8Array {
  const version = writeDer(DerTag.INTEGER, Uint8Array.of(0));
  return writeDer(DerTag.SEQUENCE, version, algorithm, writeDer(DerTag.OCTET_STRING, key));
}

function readKey(algorithm: KeyAlgorithm, key: Uint8Array): PrivateKey {
  const { type } = algorithm;
  if (type === 'rsa' || type === 'rsa-pss') return { ...algorithm, type, ...readRsaKey(key) };
  if (type === 'ed25519') {
    const secret = derContent(key, readDerRoot(key, DerTag.OCTET_STRING));
    if (secret.length !== 32) throw new DerError('Ed25519 key has the wrong length');
    // Not slice(), which of a Buffer makes a view: its owner may well clear it after the import.
    return { type, secret: new Uint8Array(secret) };
  }
  const children = readDerChildren(key, readDerRoot(key, DerTag.SEQUENCE));
  const secret = derContent(key, expectDerChild(children, 1, DerTag.OCTET_STRING));
  const size = CURVE_SIZES[type];
  if (secret.length > size) throw new DerError('EC key has the wrong length');
  const padded = new Uint8Array(size);
  // Some old tools leave out leading zeros, which RFC 5915 §3 does not allow but everybody reads.
  padded.set(secret, size - secret.length);
  return { type, secret: padded };
}

function readRsaKey(key: Uint8Array): RsaPrivateKey {
  const children = readDerChildren(key, readDerRoot(key, DerTag.SEQUENCE));
  const number = (index: number): Uint8Array =>
    derUnsigned(key, expectDerChild(children, index, DerTag.INTEGER)).slice();
  if (number(0)[0] !== 0) throw unsupported('RSA private key has more than two primes, which is not supported');
  const modulus = number(1);
  const publicExponent = number(2);
  const problem = rsaKeyProblem(modulus, publicExponent);
  if (problem !== undefined) throw unsupported(`RSA private key ${problem}`);
  return {
    modulus,
    publicExponent,
    privateExponent: number(3),
    prime1: number(4),
    prime2: number(5),
    exponent1: number(6),
    exponent2: number(7),
    coefficient: number(8),
  };
}

function guarded<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof DerError) throw unsupported('Private key is malformed; export it again as PKCS#8', error);
    throw error;
  }
}

function unsupported(message: string, cause?: unknown): TlsError {
  return new TlsError('ERR_TLS_KEY_UNSUPPORTED', Alert.INTERNAL_ERROR, message, { fault: 'local', cause });
}
