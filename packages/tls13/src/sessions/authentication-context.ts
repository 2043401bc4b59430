/** What a peer was authenticated by: a session counts only where that is still the same. */
import { latin1Bytes, latin1Text } from '../ascii.ts';
import type { RootStore } from '../certificates/roots.ts';
import type { CryptoProvider } from '../provider.ts';

/** Of settings that judge peers. */
export interface Authentication {
  readonly provider: CryptoProvider;
  readonly roots: RootStore;
  readonly judgePeerChain: boolean;
}

/** A system's roots take a millisecond to hash, and settings serve many handshakes. */
const known = new WeakMap<Authentication, Uint8Array>();

/** SHA-256 over the hashes of the roots, in an order that does not depend on theirs, and whether an application judges. */
export function authenticationContext(authentication: Authentication): Uint8Array {
  let context = known.get(authentication);
  if (context === undefined) {
    const { provider, roots, judgePeerChain } = authentication;
    const hashes = [...roots].map((der) => latin1Text(provider.hash('sha256', der))).sort();
    const text = `${judgePeerChain ? 'judged' : 'verified'}${hashes.join('')}`;
    known.set(authentication, (context = provider.hash('sha256', latin1Bytes(text))));
  }
  return context;
}
