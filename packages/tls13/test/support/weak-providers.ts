/** Providers that do one thing less than they should: how a check that is a primitive is turned off. For attacks in tests. */
import type { Aead, CryptoProvider } from '../../src/provider.ts';
import { HASH_LENGTHS } from '../../src/provider-checks.ts';
import { nodeProvider } from '../../src/node/index.ts';

const TAG = new Uint8Array(16);

/** Neither secret nor sealed: whoever has it can read and change it. */
const OPEN_AEAD: Aead = {
  seal: (_nonce, _data, plaintext) => Uint8Array.from([...plaintext, ...TAG]),
  open: (_nonce, _data, ciphertext) =>
    ciphertext.length < TAG.length ? undefined : ciphertext.slice(0, ciphertext.length - TAG.length),
};

export const WEAK_PROVIDERS = {
  'provider: signatures in CertificateVerify': { ...nodeProvider, verify: () => true },
  'provider: signatures in certificates': { ...nodeProvider, verifyCertificate: () => true },
  /** Every MAC is the same, so that Finished and binder need no secret. */
  'provider: MACs': {
    ...nodeProvider,
    hmac: (algorithm) => new Uint8Array(HASH_LENGTHS[algorithm]).fill(0xaa),
  },
  /** All handshakes have the same transcript, so that nobody notices what was changed on the way. */
  'provider: transcript': {
    ...nodeProvider,
    createHash: (algorithm) => ({ update: () => {}, digest: () => new Uint8Array(HASH_LENGTHS[algorithm]) }),
  },
  /** Takes points that lead to a secret that everybody knows. */
  'provider: points of small order': {
    ...nodeProvider,
    generateKeyShares: (groups, random) =>
      nodeProvider.generateKeyShares(groups, random).map((share) => ({
        group: share.group,
        publicKey: share.publicKey,
        sharedSecret: (peer) => share.sharedSecret(peer) ?? new Uint8Array(32),
      })),
    answerKeyShare: (group, peer, random) =>
      nodeProvider.answerKeyShare(group, peer, random) ?? {
        publicKey: new Uint8Array(32).fill(9),
        sharedSecret: new Uint8Array(32),
      },
  },
  'provider: AEAD': { ...nodeProvider, aead: () => OPEN_AEAD },
} as const satisfies Record<string, CryptoProvider>;

/** The attacker's own: its x25519 key is zero, and so is every secret. */
export const ZERO_SHARES: CryptoProvider = {
  ...nodeProvider,
  generateKeyShares: (groups) =>
    groups.map((group) => ({ group, publicKey: new Uint8Array(32), sharedSecret: () => new Uint8Array(32) })),
  answerKeyShare: () => ({ publicKey: new Uint8Array(32), sharedSecret: new Uint8Array(32) }),
};

export type WeakProvider = keyof typeof WEAK_PROVIDERS;
