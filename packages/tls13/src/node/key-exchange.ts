/**
 * Key exchange of RFC 8446 §4.2.8.2 and §7.4.2 with node:crypto: x25519, secp256r1, secp384r1 and X25519MLKEM768.
 *
 * No half of a key pair that was generated as KeyObjects may be exported as JWK: on Node 20 the process hangs for good when the garbage collector
 * comes in the middle of the export, since both want the lock of that key (20.20: after 15,000 pairs; 24.21 is mended). Asked for as JWK at once, it is
 * exported by the generator itself, which is alive then.
 *
 * Measured on Node 20.20, medians: an x25519 pair 38 µs, reading the peer's key as JWK 6 (as SPKI 73), the secret 35. For secp256r1, createECDH takes 21 and
 * 100, and KeyObjects 57, 62 and 95; for secp384r1 730 and 1,890.
 */
import { createECDH, createPrivateKey, createPublicKey, diffieHellman, generateKeyPairSync } from 'node:crypto';
import type { ECDH, JsonWebKey, KeyObject } from 'node:crypto';
import { NamedGroup } from '../provider.ts';
import type { KeyShare, KeyShareAnswer } from '../provider.ts';
import { answerHybrid, hybridKeyShare } from '../providers/hybrid-key-share.ts';
import { base64Url, bytesOfBase64Url, plain } from './bytes.ts';
import { encapsulate, generateMlKemKeyPair, mlKemKeyPairFromSeed } from './ml-kem.ts';

/** See CryptoProvider.groups. */
export const nodeGroups: readonly NamedGroup[] = [
  NamedGroup.X25519MLKEM768,
  NamedGroup.X25519,
  NamedGroup.SECP256R1,
  NamedGroup.SECP384R1,
];

const CURVES = {
  [NamedGroup.SECP256R1]: { name: 'prime256v1', publicKeyLength: 65 },
  [NamedGroup.SECP384R1]: { name: 'secp384r1', publicKeyLength: 97 },
} as const;

/** PrivateKeyInfo of X25519 (RFC 8410 §7) up to the 32 bytes of the key. */
const X25519_KEY_PREFIX: Uint8Array = Uint8Array.from([
  0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x6e, 0x04, 0x22, 0x04, 0x20,
]);

/** See CryptoProvider.generateKeyShares. */
export function generateKeyShares(groups: readonly NamedGroup[]): KeyShare[] {
  let shared: KeyShare | undefined;
  const x25519Share = (): KeyShare => (shared ??= generateKeyShare(NamedGroup.X25519));
  return groups.map((group) => {
    if (group === NamedGroup.X25519) return x25519Share();
    if (group === NamedGroup.X25519MLKEM768) return hybridKeyShare(generateMlKemKeyPair(), x25519Share());
    return generateKeyShare(group);
  });
}

/** See CryptoProvider.answerKeyShare. */
export function answerKeyShare(group: NamedGroup, peerPublicKey: Uint8Array): KeyShareAnswer | undefined {
  if (group === NamedGroup.X25519MLKEM768)
    return answerHybrid(peerPublicKey, encapsulate, (peer) => answerKeyShare(NamedGroup.X25519, peer));
  const { publicKey, sharedSecret } = generateKeyShare(group);
  const secret = sharedSecret(peerPublicKey);
  return secret === undefined ? undefined : { publicKey, sharedSecret: secret };
}

/** Draws a key pair of a group of one curve from OpenSSL's generator. */
function generateKeyShare(group: NamedGroup): KeyShare {
  if (group === NamedGroup.X25519) {
    const { publicKey, privateKey } = generateX25519KeyPair('x25519', { publicKeyEncoding: { format: 'jwk' } });
    return x25519KeyShare(publicKey, privateKey);
  }
  if (group !== NamedGroup.SECP256R1 && group !== NamedGroup.SECP384R1)
    throw new RangeError(`Group ${String(group)} is not supported`);
  const ecdh = createECDH(CURVES[group].name);
  ecdh.generateKeys();
  return curveKeyShare(group, ecdh);
}

/** The type declarations of Node 20 do not know that one half may be encoded and the other not. */
const generateX25519KeyPair = generateKeyPairSync as unknown as (
  type: 'x25519',
  options: { readonly publicKeyEncoding: { readonly format: 'jwk' } },
) => { readonly publicKey: JsonWebKey; readonly privateKey: KeyObject };

/** A key share whose private key is given; for test vectors. @param secret see nobleKeyShare */
export function nodeKeyShare(group: NamedGroup, secret: Uint8Array): KeyShare {
  if (group === NamedGroup.X25519MLKEM768)
    return hybridKeyShare(
      mlKemKeyPairFromSeed(secret.subarray(0, 64)),
      nodeKeyShare(NamedGroup.X25519, secret.subarray(64)),
    );
  if (group === NamedGroup.X25519) {
    const key = Buffer.concat([X25519_KEY_PREFIX, secret]);
    const privateKey = createPrivateKey({ key, format: 'der', type: 'pkcs8' });
    return x25519KeyShare(privateKey.export({ format: 'jwk' }), privateKey);
  }
  const ecdh = createECDH(CURVES[group].name);
  ecdh.setPrivateKey(secret);
  return curveKeyShare(group, ecdh);
}

function x25519KeyShare({ x = '' }: JsonWebKey, privateKey: KeyObject): KeyShare {
  return {
    group: NamedGroup.X25519,
    publicKey: bytesOfBase64Url(x),
    sharedSecret(peerPublicKey) {
      if (peerPublicKey.length !== 32) return undefined;
      const peer = base64Url(peerPublicKey);
      try {
        const publicKey = createPublicKey({ key: { kty: 'OKP', crv: 'X25519', x: peer }, format: 'jwk' });
        // OpenSSL fails for a result of zeros (RFC 7748 §6.1).
        return plain(diffieHellman({ privateKey, publicKey }));
      } catch {
        return undefined;
      }
    },
  };
}

function curveKeyShare(group: keyof typeof CURVES, ecdh: ECDH): KeyShare {
  return {
    group,
    publicKey: new Uint8Array(ecdh.getPublicKey()),
    sharedSecret(peerPublicKey) {
      // RFC 8446 §4.2.8.2: only the uncompressed form; OpenSSL would also take the others.
      if (peerPublicKey.length !== CURVES[group].publicKeyLength || peerPublicKey[0] !== 0x04) return undefined;
      try {
        return plain(ecdh.computeSecret(peerPublicKey));
      } catch {
        return undefined;
      }
    },
  };
}
