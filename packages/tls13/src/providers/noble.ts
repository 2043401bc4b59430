/**
 * The portable crypto provider: @noble/ciphers, @noble/hashes, @noble/curves and @noble/post-quantum, RSA over micro-rsa-dsa-dh. Runs wherever JavaScript
 * does and is the reference that the others are compared with.
 *
 * Slower than an engine's own crypto by a factor of 10 to 45, and only as constant in time as JavaScript and BigInt allow: what signs with long-term
 * keys in public should use the `node` provider where it can.
 */
import { gcm } from '@noble/ciphers/aes.js';
import { chacha20poly1305 } from '@noble/ciphers/chacha.js';
import { expand, extract } from '@noble/hashes/hkdf.js';
import { hmac } from '@noble/hashes/hmac.js';
import { sha256, sha384, sha512 } from '@noble/hashes/sha2.js';
import { checkAeadKey, checkAeadNonce, checkHkdfLength } from '../provider-checks.ts';
import type { Aead, AeadAlgorithm, CryptoProvider, HashAlgorithm, RunningHash } from '../provider.ts';
import { ALL_SIGNATURE_SCHEMES } from '../signature-schemes.ts';
import { answerKeyShare, generateKeyShares, nobleGroups } from './noble-key-exchange.ts';
import { importSigningKey, verify, verifyCertificate } from './noble-signatures.ts';

const HASHES = { sha256, sha384, sha512 } as const;

/** The crypto provider written in JavaScript alone. */
export const nobleProvider: CryptoProvider = {
  name: 'noble',
  groups: nobleGroups,
  verifySchemes: ALL_SIGNATURE_SCHEMES,
  hash: (algorithm, data) => HASHES[algorithm](data),
  createHash: (algorithm) => new NobleRunningHash(algorithm),
  hmac: (algorithm, key, data) => hmac(HASHES[algorithm], key, data),
  hkdfExtract: (algorithm, salt, inputKeyMaterial) => extract(HASHES[algorithm], inputKeyMaterial, salt),
  hkdfExpand(algorithm, pseudoRandomKey, info, length) {
    checkHkdfLength(algorithm, length);
    return length === 0 ? new Uint8Array(0) : expand(HASHES[algorithm], pseudoRandomKey, info, length);
  },
  generateKeyShares,
  answerKeyShare,
  importSigningKey,
  verify,
  verifyCertificate,
  aead(algorithm, key) {
    checkAeadKey(algorithm, key);
    return new NobleAead(algorithm, new Uint8Array(key));
  },
};

class NobleRunningHash implements RunningHash {
  readonly #hash: ReturnType<typeof sha256.create> | ReturnType<typeof sha512.create>;

  constructor(algorithm: HashAlgorithm) {
    this.#hash = HASHES[algorithm].create();
  }

  update(data: Uint8Array): void {
    this.#hash.update(data);
  }

  digest(): Uint8Array {
    // A digest ends the object it is taken from.
    return this.#hash.clone().digest();
  }
}

class NobleAead implements Aead {
  readonly #cipher: typeof gcm | typeof chacha20poly1305;
  readonly #key: Uint8Array;

  constructor(algorithm: AeadAlgorithm, key: Uint8Array) {
    this.#cipher = algorithm === 'chacha20-poly1305' ? chacha20poly1305 : gcm;
    this.#key = key;
  }

  seal(nonce: Uint8Array, additionalData: Uint8Array, plaintext: Uint8Array): Uint8Array {
    checkAeadNonce(nonce);
    return this.#cipher(this.#key, nonce, additionalData).encrypt(plaintext);
  }

  open(nonce: Uint8Array, additionalData: Uint8Array, ciphertext: Uint8Array): Uint8Array | undefined {
    checkAeadNonce(nonce);
    const cipher = this.#cipher(this.#key, nonce, additionalData);
    try {
      return cipher.decrypt(ciphertext);
    } catch {
      return undefined;
    }
  }
}
