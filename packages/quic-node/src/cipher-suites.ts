/** Which cipher suites are offered and accepted, and in what order. */
import type { PacketProtector } from '@mquictt/quic-core';
import { CIPHER_SUITES, type CipherSuite } from '@mquictt/tls13';

/**
 * All suites; the one that the packet protector prefers comes first. A client offers them in this order, and a server takes the first of them that the
 * client offers: so ChaCha20 where both ends do it in WebAssembly, and AES with a peer that offers nothing else.
 */
export function cipherSuitesFor(protector: PacketProtector): readonly CipherSuite[] {
  const first = CIPHER_SUITES.filter((suite) => suite.aead === protector.prefers);
  return [...first, ...CIPHER_SUITES.filter((suite) => !first.includes(suite))];
}
