/**
 * The crypto provider: every primitive that the handshake and the packet protection lean on, behind one interface.
 *
 * A provider is synchronous (a QUIC packet cannot wait for a promise) and stateless. Three exist: `noble` (portable, the
 * reference), `node` (node:crypto, in the `./node` subpath) and testkit's `fake` (no secrecy, for fuzzers and
 * simulations). All of them pass the same contract suite.
 *
 * Names and code points are those of RFC 8446 (§4.2.3 signature schemes, §4.2.7 groups, §B.4 cipher suites).
 */
import type { Random } from './random.ts';

/** Hash functions by the name node:crypto and RFC 5869 texts use. */
export type HashAlgorithm = 'sha256' | 'sha384' | 'sha512';

/** AEAD algorithms of the three cipher suites (RFC 8446 §B.4). All have 12-byte nonces and 16-byte tags. */
export type AeadAlgorithm = 'aes-128-gcm' | 'aes-256-gcm' | 'chacha20-poly1305';

/** TLS NamedGroup code points (RFC 8446 §4.2.7). */
export const NamedGroup = {
  SECP256R1: 0x0017,
  SECP384R1: 0x0018,
  X25519: 0x001d,
  /** ML-KEM-768 and X25519 together, so that both have to be broken (draft-ietf-tls-ecdhe-mlkem). */
  X25519MLKEM768: 0x11ec,
} as const;
export type NamedGroup = (typeof NamedGroup)[keyof typeof NamedGroup];

/** TLS SignatureScheme code points (RFC 8446 §4.2.3). */
export const SignatureScheme = {
  RSA_PKCS1_SHA256: 0x0401,
  RSA_PKCS1_SHA384: 0x0501,
  RSA_PKCS1_SHA512: 0x0601,
  ECDSA_SECP256R1_SHA256: 0x0403,
  ECDSA_SECP384R1_SHA384: 0x0503,
  ECDSA_SECP521R1_SHA512: 0x0603,
  RSA_PSS_RSAE_SHA256: 0x0804,
  RSA_PSS_RSAE_SHA384: 0x0805,
  RSA_PSS_RSAE_SHA512: 0x0806,
  ED25519: 0x0807,
  RSA_PSS_PSS_SHA256: 0x0809,
  RSA_PSS_PSS_SHA384: 0x080a,
  RSA_PSS_PSS_SHA512: 0x080b,
} as const;
export type SignatureScheme = (typeof SignatureScheme)[keyof typeof SignatureScheme];

/**
 * How something is signed, apart from the key. PSS has a salt as long as the hash and the same hash in MGF1. Ed25519 hashes inside.
 */
export type SignatureAlgorithm =
  | { readonly kind: 'ecdsa' | 'rsa-pkcs1' | 'rsa-pss'; readonly hash: HashAlgorithm }
  | { readonly kind: 'ed25519'; readonly hash?: undefined };

/** A running hash; the transcript of a handshake is one of these. */
export interface RunningHash {
  update(data: Uint8Array): void;
  /** The digest of everything so far. The hash goes on afterwards: digests may be taken as often as wanted. */
  digest(): Uint8Array;
}

/** The client's half of a key exchange. */
export interface KeyShare {
  readonly group: NamedGroup;
  /**
   * As it goes into KeyShareEntry.key_exchange, bytes: x25519 32; secp256r1 65 and secp384r1 97 (uncompressed points); X25519MLKEM768 1,216 (the
   * ML-KEM encapsulation key, then the x25519 key).
   */
  readonly publicKey: Uint8Array;
  /**
   * @param peerPublicKey KeyShareEntry.key_exchange of the server; for X25519MLKEM768 1,120 bytes (ML-KEM ciphertext, then x25519 key)
   * @returns the shared secret (32 bytes, 48 for secp384r1, 64 for X25519MLKEM768: ML-KEM's first), or undefined where the peer's key is unusable:
   *   wrong length, off the curve, an x25519 result of all zeros (RFC 8446 §7.4.2). Never throws for peer input.
   */
  sharedSecret(peerPublicKey: Uint8Array): Uint8Array | undefined;
}

/** The server's half: made from the client's, as a key encapsulation needs it. */
export interface KeyShareAnswer {
  /** KeyShareEntry.key_exchange for the ServerHello. */
  readonly publicKey: Uint8Array;
  readonly sharedSecret: Uint8Array;
}

/** A private signing key. */
export interface SigningKey {
  /** The schemes this key can sign with, best first. Never contains RSA_PKCS1_*: TLS 1.3 forbids them in CertificateVerify. */
  readonly schemes: readonly SignatureScheme[];
  /** The public half as DER SubjectPublicKeyInfo. */
  readonly publicKeyInfo: Uint8Array;
  sign(scheme: SignatureScheme, message: Uint8Array): Uint8Array;
}

/**
 * One AEAD key for one-shot use (tokens, Retry, tests). Packets use quic-core's batch interface instead.
 * Both methods throw RangeError for a nonce that has not 12 bytes.
 */
export interface Aead {
  /** @returns ciphertext followed by the 16-byte tag. */
  seal(nonce: Uint8Array, additionalData: Uint8Array, plaintext: Uint8Array): Uint8Array;
  /** @returns the plaintext, or undefined where the tag does not match or the input is shorter than a tag. Never throws for peer input. */
  open(nonce: Uint8Array, additionalData: Uint8Array, ciphertext: Uint8Array): Uint8Array | undefined;
}

export interface CryptoProvider {
  readonly name: string;
  /** Groups this provider can do, best first. */
  readonly groups: readonly NamedGroup[];
  /** Schemes this provider can verify. */
  readonly verifySchemes: readonly SignatureScheme[];

  hash(algorithm: HashAlgorithm, data: Uint8Array): Uint8Array;
  createHash(algorithm: HashAlgorithm): RunningHash;
  hmac(algorithm: HashAlgorithm, key: Uint8Array, data: Uint8Array): Uint8Array;
  /** RFC 5869 §2.2. An empty salt means HashLen zeros. */
  hkdfExtract(algorithm: HashAlgorithm, salt: Uint8Array, inputKeyMaterial: Uint8Array): Uint8Array;
  /** RFC 5869 §2.3. @throws RangeError when length > 255 * HashLen. */
  hkdfExpand(algorithm: HashAlgorithm, pseudoRandomKey: Uint8Array, info: Uint8Array, length: number): Uint8Array;

  /**
   * Draws key pairs, one per group and in that order. Where x25519 and X25519MLKEM768 are both asked for, they share one x25519 key. `random` is not
   * used by providers whose engine draws its own keys (`node`).
   *
   * @throws RangeError for a group that is not in `groups`
   */
  generateKeyShares(groups: readonly NamedGroup[], random: Random): readonly KeyShare[];

  /**
   * A server's answer to the share of a client.
   *
   * @param peerPublicKey KeyShareEntry.key_exchange of the client
   * @returns undefined where the client's share is unusable (see KeyShare.sharedSecret, and FIPS 203 §7.2 for ML-KEM). Never throws for peer input.
   */
  answerKeyShare(group: NamedGroup, peerPublicKey: Uint8Array, random: Random): KeyShareAnswer | undefined;

  /** @param key DER PrivateKeyInfo (PKCS#8). @throws TlsError ERR_TLS_KEY_UNSUPPORTED */
  importSigningKey(key: Uint8Array, random: Random): SigningKey;

  /**
   * @param publicKeyInfo DER SubjectPublicKeyInfo
   * @returns whether the signature is good. False for unusable keys and malformed signatures and where the key's type is not the scheme's
   *   (an ECDSA scheme is bound to its curve, RSA_PSS_RSAE_* and RSA_PSS_PSS_* to the OID of the key); never throws for peer input. RSA_PKCS1_* are the
   *   caller's to keep out of CertificateVerify.
   */
  verify(publicKeyInfo: Uint8Array, scheme: SignatureScheme, message: Uint8Array, signature: Uint8Array): boolean;

  /**
   * Verifies the signature of a certificate, where X.509 leaves more open than TLS does: any of the hashes with any curve (RFC 5758 §3.2), RSASSA-PSS by
   * keys of either OID.
   *
   * @param publicKeyInfo DER SubjectPublicKeyInfo of the issuer
   * @returns whether the signature is good; false as for `verify`, and never throws for peer input
   */
  verifyCertificate(
    publicKeyInfo: Uint8Array,
    algorithm: SignatureAlgorithm,
    message: Uint8Array,
    signature: Uint8Array,
  ): boolean;

  /** @throws RangeError when the key's length is not the algorithm's. */
  aead(algorithm: AeadAlgorithm, key: Uint8Array): Aead;
}
