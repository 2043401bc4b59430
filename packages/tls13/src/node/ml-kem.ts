/**
 * ML-KEM-768 of FIPS 203 with node:crypto where it has it (Node 24.21 does, with OpenSSL 3.5), and with @noble/post-quantum elsewhere.
 *
 * Measured on Node 24.21: 40 µs for a key, 55 to encapsulate for a key that has to be read, 31 to decapsulate; noble takes 0.3 to 0.45 ms.
 */
import crypto, { createPrivateKey, createPublicKey, randomFillSync } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import type { MlKemEncapsulation, MlKemKeyPair } from '../providers/hybrid-key-share.ts';
import {
  ML_KEM_MESSAGE_LENGTH,
  ML_KEM_SEED_LENGTH,
  nobleEncapsulate,
  nobleMlKemKeyPair,
} from '../providers/noble-ml-kem.ts';
import { base64Url, bytesOfBase64Url, plain } from './bytes.ts';

/** What the type declarations of Node 20 do not know. */
interface MlKemFunctions {
  encapsulate(key: KeyObject): { readonly sharedKey: Buffer; readonly ciphertext: Buffer };
  decapsulate(key: KeyObject, ciphertext: Uint8Array): Buffer;
  generateKeyPairSync(
    type: 'ml-kem-768',
    options: { readonly publicKeyEncoding: { readonly format: 'jwk' } },
  ): { readonly publicKey: { readonly pub: string }; readonly privateKey: KeyObject };
  createPublicKey(key: {
    readonly key: { readonly kty: 'AKP'; readonly alg: 'ML-KEM-768'; readonly pub: string };
    readonly format: 'jwk';
  }): KeyObject;
}

/** PrivateKeyInfo of ML-KEM-768 up to the 64 bytes of the seed (draft-ietf-lamps-kyber-certificates). */
const SEED_PREFIX: Uint8Array = Uint8Array.from([
  0x30, 0x54, 0x02, 0x01, 0x00, 0x30, 0x0b, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x04, 0x02, 0x04,
  0x42, 0x80, 0x40,
]);

let native: MlKemFunctions | undefined | null = null;

/** @returns undefined where this Node cannot do ML-KEM, or cannot write and read its keys as JWK. */
export function nativeMlKem(): MlKemFunctions | undefined {
  if (native !== null) return native;
  const functions = crypto as unknown as MlKemFunctions;
  try {
    const { pub } = generatePair(functions);
    functions.encapsulate(importKey(functions, pub));
    native = functions;
  } catch {
    native = undefined;
  }
  return native;
}

/** Draws a key pair. */
export function generateMlKemKeyPair(): MlKemKeyPair {
  const functions = nativeMlKem();
  if (functions === undefined) return nobleMlKemKeyPair(randomFillSync(new Uint8Array(ML_KEM_SEED_LENGTH)));
  const { pub, privateKey } = generatePair(functions);
  return nativeKeyPair(functions, pub, privateKey);
}

/** A key pair whose seed is given; for test vectors. @param seed 64 bytes */
export function mlKemKeyPairFromSeed(seed: Uint8Array): MlKemKeyPair {
  const functions = nativeMlKem();
  if (functions === undefined) return nobleMlKemKeyPair(seed);
  const key = Buffer.concat([SEED_PREFIX, seed]);
  const privateKey = createPrivateKey({ key, format: 'der', type: 'pkcs8' });
  const { pub = '' } = createPublicKey(privateKey).export({ format: 'jwk' }) as { pub?: string };
  return nativeKeyPair(functions, pub, privateKey);
}

/**
 * @param encapsulationKey 1,184 bytes
 * @returns undefined where the key holds a number that is not below the modulus (FIPS 203 §7.2)
 */
export function encapsulate(encapsulationKey: Uint8Array): MlKemEncapsulation | undefined {
  const functions = nativeMlKem();
  if (functions === undefined)
    return nobleEncapsulate(encapsulationKey, randomFillSync(new Uint8Array(ML_KEM_MESSAGE_LENGTH)));
  try {
    const { sharedKey, ciphertext } = functions.encapsulate(importKey(functions, base64Url(encapsulationKey)));
    return { ciphertext: plain(ciphertext), sharedSecret: plain(sharedKey) };
  } catch {
    return undefined;
  }
}

function nativeKeyPair(functions: MlKemFunctions, pub: string, privateKey: KeyObject): MlKemKeyPair {
  return {
    encapsulationKey: bytesOfBase64Url(pub),
    decapsulate: (ciphertext) => plain(functions.decapsulate(privateKey, ciphertext)),
  };
}

function generatePair(functions: MlKemFunctions): { pub: string; privateKey: KeyObject } {
  const { publicKey, privateKey } = functions.generateKeyPairSync('ml-kem-768', {
    publicKeyEncoding: { format: 'jwk' },
  });
  return { pub: publicKey.pub, privateKey };
}

function importKey(functions: MlKemFunctions, pub: string): KeyObject {
  return functions.createPublicKey({ key: { kty: 'AKP', alg: 'ML-KEM-768', pub }, format: 'jwk' });
}
