/**
 * X25519MLKEM768 (draft-ietf-tls-ecdhe-mlkem): ML-KEM-768 of FIPS 203 and X25519 side by side, for whoever makes the two. Of each value, the half of ML-KEM
 * comes first: the client's share is encapsulation key and x25519 key, the server's is ciphertext and x25519 key, the secret both secrets.
 */
import { NamedGroup } from '../provider.ts';
import type { KeyShare, KeyShareAnswer } from '../provider.ts';

/** Bytes, FIPS 203 table 3. */
export const ENCAPSULATION_KEY_LENGTH = 1184;
export const CIPHERTEXT_LENGTH = 1088;
const X25519_LENGTH = 32;

/** The client's half of ML-KEM-768. */
export interface MlKemKeyPair {
  /** 1,184 bytes. */
  readonly encapsulationKey: Uint8Array;
  /**
   * @param ciphertext 1,088 bytes
   * @returns 32 bytes. A ciphertext that was not made for this key gives a secret that nobody knows (FIPS 203 §6.3: implicit rejection), and no error.
   */
  decapsulate(ciphertext: Uint8Array): Uint8Array;
}

/** The server's half of ML-KEM-768. */
export interface MlKemEncapsulation {
  /** 1,088 bytes. */
  readonly ciphertext: Uint8Array;
  /** 32 bytes. */
  readonly sharedSecret: Uint8Array;
}

/** The share of a client. */
export function hybridKeyShare(mlKem: MlKemKeyPair, x25519: KeyShare): KeyShare {
  return {
    group: NamedGroup.X25519MLKEM768,
    publicKey: join(mlKem.encapsulationKey, x25519.publicKey),
    sharedSecret(peerPublicKey) {
      if (peerPublicKey.length !== CIPHERTEXT_LENGTH + X25519_LENGTH) return undefined;
      const secret = x25519.sharedSecret(peerPublicKey.subarray(CIPHERTEXT_LENGTH));
      if (secret === undefined) return undefined;
      return join(mlKem.decapsulate(peerPublicKey.subarray(0, CIPHERTEXT_LENGTH)), secret);
    },
  };
}

/**
 * The answer of a server.
 *
 * @param encapsulate gives undefined for a key that fails the check of FIPS 203 §7.2
 * @param answerX25519 see CryptoProvider.answerKeyShare
 */
export function answerHybrid(
  peerPublicKey: Uint8Array,
  encapsulate: (encapsulationKey: Uint8Array) => MlKemEncapsulation | undefined,
  answerX25519: (peerPublicKey: Uint8Array) => KeyShareAnswer | undefined,
): KeyShareAnswer | undefined {
  if (peerPublicKey.length !== ENCAPSULATION_KEY_LENGTH + X25519_LENGTH) return undefined;
  const x25519 = answerX25519(peerPublicKey.subarray(ENCAPSULATION_KEY_LENGTH));
  if (x25519 === undefined) return undefined;
  const mlKem = encapsulate(peerPublicKey.subarray(0, ENCAPSULATION_KEY_LENGTH));
  if (mlKem === undefined) return undefined;
  return {
    publicKey: join(mlKem.ciphertext, x25519.publicKey),
    sharedSecret: join(mlKem.sharedSecret, x25519.sharedSecret),
  };
}

function join(mlKem: Uint8Array, x25519: Uint8Array): Uint8Array {
  const out = new Uint8Array(mlKem.length + x25519.length);
  out.set(mlKem);
  out.set(x25519, mlKem.length);
  return out;
}
