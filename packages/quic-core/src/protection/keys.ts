/** From secrets to keys (RFC 9001 §5.1, §5.2, §6.1). */
import { hkdfExpandLabel, TLS_AES_128_GCM_SHA256 } from '@mquictt/tls13';
import type { CipherSuite, CryptoProvider } from '@mquictt/tls13';
import type { QuicVersion } from '../version.ts';
import type { HeaderKey, PacketKey, PacketProtector } from './protector.ts';

/** The keys of one direction of one encryption level. */
export interface PacketKeys {
  readonly packetKey: PacketKey;
  readonly headerKey: HeaderKey;
}

/** Initial packets are protected with this suite, whatever the handshake will choose (RFC 9001 §5.2). */
export const INITIAL_SUITE: CipherSuite = TLS_AES_128_GCM_SHA256;

const IV_LENGTH = 12;
const NO_CONTEXT = new Uint8Array(0);

/** @param secret a traffic secret of TLS, or an Initial secret with INITIAL_SUITE */
export function derivePacketKeys(
  provider: CryptoProvider,
  protector: PacketProtector,
  version: QuicVersion,
  suite: CipherSuite,
  secret: Uint8Array,
): PacketKeys {
  const headerKey = hkdfExpandLabel(provider, suite.hash, secret, version.labels.hp, NO_CONTEXT, suite.keyLength);
  return {
    packetKey: derivePacketKey(provider, protector, version, suite, secret),
    headerKey: protector.headerKey(suite.aead, headerKey),
  };
}

/** The AEAD key alone: header protection keeps its key over key updates (RFC 9001 §6.1). */
export function derivePacketKey(
  provider: CryptoProvider,
  protector: PacketProtector,
  version: QuicVersion,
  suite: CipherSuite,
  secret: Uint8Array,
): PacketKey {
  const key = hkdfExpandLabel(provider, suite.hash, secret, version.labels.key, NO_CONTEXT, suite.keyLength);
  const iv = hkdfExpandLabel(provider, suite.hash, secret, version.labels.iv, NO_CONTEXT, IV_LENGTH);
  return protector.packetKey(suite.aead, key, iv);
}

/** @returns the traffic secret of the next key phase (RFC 9001 §6.1). */
export function nextSecret(
  provider: CryptoProvider,
  version: QuicVersion,
  suite: CipherSuite,
  secret: Uint8Array,
): Uint8Array {
  return hkdfExpandLabel(provider, suite.hash, secret, version.labels.ku, NO_CONTEXT, suite.hashLength);
}

/**
 * The secrets of both directions of the Initial level, for derivePacketKeys() with INITIAL_SUITE. They keep nothing secret: anyone who saw
 * the first packet can make them (RFC 9001 §5.2).
 *
 * @param dcid the destination connection ID of the client's first Initial, or the one that a Retry gave it
 */
export function initialSecrets(
  provider: CryptoProvider,
  version: QuicVersion,
  dcid: Uint8Array,
): { readonly client: Uint8Array; readonly server: Uint8Array } {
  const { hash, hashLength } = INITIAL_SUITE;
  const secret = provider.hkdfExtract(hash, version.initialSalt, dcid);
  return {
    client: hkdfExpandLabel(provider, hash, secret, 'client in', NO_CONTEXT, hashLength),
    server: hkdfExpandLabel(provider, hash, secret, 'server in', NO_CONTEXT, hashLength),
  };
}
