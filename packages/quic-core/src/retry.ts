/**
 * The integrity tag of Retry packets (RFC 9001 §5.8): proof that whoever sent the Retry has seen our Initial. Sending Retry is left out.
 */
import type { CryptoProvider } from '@mquictt/tls13';
import { TAG_LENGTH } from './protection/protector.ts';
import type { QuicVersion } from './version.ts';

/**
 * @param originalDcid the destination connection ID of the client's first Initial
 * @param packetWithoutTag the Retry packet up to its tag
 * @returns 16 bytes
 */
export function retryIntegrityTag(
  provider: CryptoProvider,
  version: QuicVersion,
  originalDcid: Uint8Array,
  packetWithoutTag: Uint8Array,
): Uint8Array {
  const pseudoPacket = new Uint8Array(1 + originalDcid.length + packetWithoutTag.length);
  pseudoPacket[0] = originalDcid.length;
  pseudoPacket.set(originalDcid, 1);
  pseudoPacket.set(packetWithoutTag, 1 + originalDcid.length);
  return provider.aead('aes-128-gcm', version.retryKey).seal(version.retryNonce, pseudoPacket, new Uint8Array(0));
}

/** Whether a whole Retry packet carries the right tag. The keys are public: nothing here needs constant time. */
export function isRetryAuthentic(
  provider: CryptoProvider,
  version: QuicVersion,
  originalDcid: Uint8Array,
  packet: Uint8Array,
): boolean {
  const tagStart = packet.length - TAG_LENGTH;
  if (tagStart < 0) return false;
  const expected = retryIntegrityTag(provider, version, originalDcid, packet.subarray(0, tagStart));
  return expected.every((byte, i) => byte === packet[tagStart + i]);
}
