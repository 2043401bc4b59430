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
  'provider: AEAD': { ...nodeProvider, aead: () => OPEN_AEAD },
} as const satisfies Record<string, CryptoProvider>;

export type WeakProvider = keyof typeof WEAK_PROVIDERS;
