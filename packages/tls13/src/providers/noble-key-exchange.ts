/** (EC)DHE of RFC 8446 §4.2.8.2 and §7.4.2 with @noble/curves: x25519 (RFC 7748) and secp256r1. */
import { x25519 } from '@noble/curves/ed25519.js';
import { p256 } from '@noble/curves/nist.js';
import { NamedGroup } from '../provider.ts';
import type { KeyShare, KeyShareAnswer } from '../provider.ts';
import type { Random } from '../random.ts';

/** See CryptoProvider.generateKeyShares. */
export function generateKeyShares(groups: readonly NamedGroup[], random: Random): KeyShare[] {
  return groups.map((group) => generateKeyShare(group, random));
}

/** See CryptoProvider.answerKeyShare. */
export function answerKeyShare(
  group: NamedGroup,
  peerPublicKey: Uint8Array,
  random: Random,
): KeyShareAnswer | undefined {
  const { publicKey, sharedSecret } = generateKeyShare(group, random);
  const secret = sharedSecret(peerPublicKey);
  return secret === undefined ? undefined : { publicKey, sharedSecret: secret };
}

/** Draws a key pair from `random`. */
function generateKeyShare(group: NamedGroup, random: Random): KeyShare {
  if (group === NamedGroup.X25519) {
    const secret = new Uint8Array(32);
    random.fillPrivate(secret);
    return nobleKeyShare(group, secret);
  }
  if (group !== NamedGroup.SECP256R1) throw new RangeError(`Group ${String(group)} is not supported`);
  // 16 bytes more than the scalar has, so that reducing them leaves no bias (FIPS 186-5 A.2.1).
  const seed = new Uint8Array(48);
  random.fillPrivate(seed);
  return nobleKeyShare(group, p256.utils.randomSecretKey(seed));
}

/** A key share whose private key is given; for test vectors. @param secret 32 bytes */
export function nobleKeyShare(group: NamedGroup, secret: Uint8Array): KeyShare {
  if (group === NamedGroup.X25519)
    return {
      group,
      publicKey: x25519.getPublicKey(secret),
      // noble throws for a result of zeros (RFC 7748 §6.1) and for a wrong length.
      sharedSecret: (peerPublicKey) => attempt(() => x25519.getSharedSecret(secret, peerPublicKey)),
    };
  return {
    group,
    publicKey: p256.getPublicKey(secret, false),
    sharedSecret: (peerPublicKey) =>
      // RFC 8446 §4.2.8.2: only the uncompressed form, 0x04 and both coordinates.
      peerPublicKey.length === 65 && peerPublicKey[0] === 0x04
        ? attempt(() => p256.getSharedSecret(secret, peerPublicKey, true).slice(1))
        : undefined,
  };
}

function attempt(compute: () => Uint8Array): Uint8Array | undefined {
  try {
    return compute();
  } catch {
    return undefined;
  }
}
