/** Nonces of packet protection (RFC 9001 §5.3). */
import type { AeadAlgorithm } from '@mquictt/tls13';

export const NONCE_LENGTH = 12;

/** Writes iv XOR packet number, the latter as 64 bits in network order at the end, into out[0..12). */
export function writeNonce(out: Uint8Array, iv: Uint8Array, packetNumber: number): void {
  const high = Math.floor(packetNumber / 0x1_0000_0000);
  out[0] = iv[0]!;
  out[1] = iv[1]!;
  out[2] = iv[2]!;
  out[3] = iv[3]!;
  out[4] = iv[4]! ^ (high >>> 24);
  out[5] = iv[5]! ^ (high >>> 16);
  out[6] = iv[6]! ^ (high >>> 8);
  out[7] = iv[7]! ^ high;
  // Bitwise operators take a number modulo 2^32.
  out[8] = iv[8]! ^ (packetNumber >>> 24);
  out[9] = iv[9]! ^ (packetNumber >>> 16);
  out[10] = iv[10]! ^ (packetNumber >>> 8);
  out[11] = iv[11]! ^ packetNumber;
}

/** Bytes of a key. */
export const KEY_LENGTHS: Readonly<Record<AeadAlgorithm, number>> = {
  'aes-128-gcm': 16,
  'aes-256-gcm': 32,
  'chacha20-poly1305': 32,
};

/** @throws RangeError for a key or iv of the wrong length */
export function checkKeyLength(algorithm: AeadAlgorithm, key: Uint8Array, iv?: Uint8Array): void {
  if (key.length !== KEY_LENGTHS[algorithm]) {
    throw new RangeError(`Key of ${key.length} bytes for ${algorithm}, expected ${KEY_LENGTHS[algorithm]}`);
  }
  if (iv !== undefined && iv.length !== NONCE_LENGTH) {
    throw new RangeError(`Initialization vector of ${iv.length} bytes, expected ${NONCE_LENGTH}`);
  }
}
