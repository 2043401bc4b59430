/**
 * Good signatures of certificates, remembered: that this certificate was signed by that key will be true tomorrow as well. Whether it is valid today,
 * for this name and this purpose, is judged each time.
 *
 * Each provider has a memory of its own, so that what one of them believes (a test's that says yes to everything) never counts with another. Only paths
 * that ended in a trusted root leave something here: what strangers make up drives nothing out.
 */
import { MAX_CACHED_SIGNATURES } from '../limits.ts';
import type { CryptoProvider } from '../provider.ts';
import type { ParsedCertificate } from './parse.ts';

let memories = new WeakMap<CryptoProvider, Set<string>>();

/** By the hash of the whole certificate, its algorithm and signature included, and the hash of the key. */
export function signatureKey(certificate: ParsedCertificate, issuer: ParsedCertificate): string {
  return certificate.fingerprint + issuer.publicKeyHash;
}

export function isKnownSignature(provider: CryptoProvider, key: string): boolean {
  return memories.get(provider)?.has(key) ?? false;
}

/** @param path leaf first, root last; every signature in it was found good by this provider */
export function rememberSignatures(provider: CryptoProvider, path: readonly ParsedCertificate[]): void {
  let memory = memories.get(provider);
  if (memory === undefined) memories.set(provider, (memory = new Set()));
  for (const [index, issuer] of path.entries()) {
    if (index === 0) continue;
    const key = signatureKey(path[index - 1], issuer);
    if (memory.size >= MAX_CACHED_SIGNATURES && !memory.has(key))
      for (const oldest of memory) {
        memory.delete(oldest);
        break;
      }
    memory.add(key);
  }
}

export function forgetSignatures(): void {
  memories = new WeakMap();
}
