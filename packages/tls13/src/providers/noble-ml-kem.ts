/** ML-KEM-768 of FIPS 203 with @noble/post-quantum. Measured on Node 20.20: 0.3 ms for a key, 0.35 to encapsulate, 0.45 to decapsulate. */
import { ml_kem768 } from '@noble/post-quantum/ml-kem.js';
import type { MlKemEncapsulation, MlKemKeyPair } from './hybrid-key-share.ts';

/** Bytes of `d` and `z`, from which FIPS 203 §7.1 makes a key pair. */
export const ML_KEM_SEED_LENGTH = 64;
/** Bytes of `m`, from which FIPS 203 §7.2 encapsulates. */
export const ML_KEM_MESSAGE_LENGTH = 32;

/** @param seed 64 random bytes */
export function nobleMlKemKeyPair(seed: Uint8Array): MlKemKeyPair {
  const { publicKey, secretKey } = ml_kem768.keygen(seed);
  return {
    encapsulationKey: publicKey,
    decapsulate: (ciphertext) => ml_kem768.decapsulate(ciphertext, secretKey),
  };
}

/**
 * @param encapsulationKey 1,184 bytes
 * @param message 32 random bytes
 * @returns undefined where the key holds a number that is not below the modulus (FIPS 203 §7.2)
 */
export function nobleEncapsulate(encapsulationKey: Uint8Array, message: Uint8Array): MlKemEncapsulation | undefined {
  try {
    const { cipherText, sharedSecret } = ml_kem768.encapsulate(encapsulationKey, message);
    return { ciphertext: cipherText, sharedSecret };
  } catch {
    return undefined;
  }
}
