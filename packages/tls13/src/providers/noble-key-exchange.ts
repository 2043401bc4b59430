/**
 * Key exchange of RFC 8446 §4.2.8.2 and §7.4.2 in JavaScript: x25519 (RFC 7748), secp256r1 and secp384r1 with @noble/curves, and X25519MLKEM768.
 * All that is random comes from the `Random` that is handed in.
 */
import { x25519 } from '@noble/curves/ed25519.js';
import { p256, p384 } from '@noble/curves/nist.js';
import { NamedGroup } from '../provider.ts';
import type { KeyShare, KeyShareAnswer } from '../provider.ts';
import type { Random } from '../random.ts';
import { answerHybrid, hybridKeyShare } from './hybrid-key-share.ts';
import { ML_KEM_MESSAGE_LENGTH, ML_KEM_SEED_LENGTH, nobleEncapsulate, nobleMlKemKeyPair } from './noble-ml-kem.ts';

/** See CryptoProvider.groups. */
export const nobleGroups: readonly NamedGroup[] = [
  NamedGroup.X25519MLKEM768,
  NamedGroup.X25519,
  NamedGroup.SECP256R1,
  NamedGroup.SECP384R1,
];

const CURVES = {
  [NamedGroup.SECP256R1]: { curve: p256, publicKeyLength: 65 },
  [NamedGroup.SECP384R1]: { curve: p384, publicKeyLength: 97 },
} as const;

/** See CryptoProvider.generateKeyShares. */
export function generateKeyShares(groups: readonly NamedGroup[], random: Random): KeyShare[] {
  let shared: KeyShare | undefined;
  const x25519Share = (): KeyShare => (shared ??= nobleKeyShare(NamedGroup.X25519, privateBytes(32, random)));
  return groups.map((group) => {
    if (group === NamedGroup.X25519) return x25519Share();
    if (group === NamedGroup.X25519MLKEM768)
      return hybridKeyShare(nobleMlKemKeyPair(privateBytes(ML_KEM_SEED_LENGTH, random)), x25519Share());
    return generateKeyShare(group, random);
  });
}

/** See CryptoProvider.answerKeyShare. */
export function answerKeyShare(
  group: NamedGroup,
  peerPublicKey: Uint8Array,
  random: Random,
): KeyShareAnswer | undefined {
  if (group === NamedGroup.X25519MLKEM768)
    return answerHybrid(
      peerPublicKey,
      (encapsulationKey) => nobleEncapsulate(encapsulationKey, privateBytes(ML_KEM_MESSAGE_LENGTH, random)),
      (peer) => answerKeyShare(NamedGroup.X25519, peer, random),
    );
  const { publicKey, sharedSecret } = generateKeyShare(group, random);
  const secret = sharedSecret(peerPublicKey);
  return secret === undefined ? undefined : { publicKey, sharedSecret: secret };
}

/** Draws a key pair of a group of one curve. */
function generateKeyShare(group: NamedGroup, random: Random): KeyShare {
  if (group === NamedGroup.X25519) return nobleKeyShare(group, privateBytes(32, random));
  if (group !== NamedGroup.SECP256R1 && group !== NamedGroup.SECP384R1)
    throw new RangeError(`Group ${String(group)} is not supported`);
  const { utils, lengths } = CURVES[group].curve;
  // Half as many bytes more as the scalar has, so that reducing them leaves no bias (FIPS 186-5 A.2.1).
  return nobleKeyShare(group, utils.randomSecretKey(privateBytes(lengths.seed ?? 72, random)));
}

/** A key share whose private key is given; for test vectors. @param secret 32 bytes, 48 for secp384r1, 96 for X25519MLKEM768: ML-KEM's seed first */
export function nobleKeyShare(group: NamedGroup, secret: Uint8Array): KeyShare {
  if (group === NamedGroup.X25519MLKEM768)
    return hybridKeyShare(
      nobleMlKemKeyPair(secret.subarray(0, ML_KEM_SEED_LENGTH)),
      nobleKeyShare(NamedGroup.X25519, secret.subarray(ML_KEM_SEED_LENGTH)),
    );
  if (group === NamedGroup.X25519)
    return {
      group,
      publicKey: x25519.getPublicKey(secret),
      // noble throws for a result of zeros (RFC 7748 §6.1) and for a wrong length.
      sharedSecret: (peerPublicKey) => attempt(() => x25519.getSharedSecret(secret, peerPublicKey)),
    };
  const { curve, publicKeyLength } = CURVES[group];
  return {
    group,
    publicKey: curve.getPublicKey(secret, false),
    sharedSecret: (peerPublicKey) =>
      // RFC 8446 §4.2.8.2: only the uncompressed form, 0x04 and both coordinates.
      peerPublicKey.length === publicKeyLength && peerPublicKey[0] === 0x04
        ? attempt(() => curve.getSharedSecret(secret, peerPublicKey, true).slice(1))
        : undefined,
  };
}

function privateBytes(length: number, random: Random): Uint8Array {
  const bytes = new Uint8Array(length);
  random.fillPrivate(bytes);
  return bytes;
}

function attempt(compute: () => Uint8Array): Uint8Array | undefined {
  try {
    return compute();
  } catch {
    return undefined;
  }
}
