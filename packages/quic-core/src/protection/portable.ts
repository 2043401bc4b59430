/**
 * Packet protection in plain JavaScript, with @noble/ciphers (RFC 9001 §5.3, §5.4). It runs wherever the core does and is the reference for the
 * others; 25 to 100 µs a packet. Its AES and GHASH use tables: not constant time against someone on the same processor cache.
 */
import type { AeadAlgorithm } from '@mquictt/tls13';
import { gcm, unsafe } from '@noble/ciphers/aes.js';
import { chacha20poly1305 } from '@noble/ciphers/chacha.js';
import { ChaChaHeaderKey } from './chacha-mask.ts';
import { NONCE_LENGTH, checkKeyLength, writeNonce } from './nonce.ts';
import { MASK_LENGTH, SAMPLE_LENGTH, TAG_LENGTH } from './protector.ts';
import type { HeaderKey, PacketBatch, PacketKey, PacketProtector } from './protector.ts';

class PortablePacketKey implements PacketKey {
  readonly #cipher: typeof gcm | typeof chacha20poly1305;
  readonly #key: Uint8Array;
  readonly #iv: Uint8Array;

  constructor(algorithm: AeadAlgorithm, key: Uint8Array, iv: Uint8Array) {
    this.#cipher = algorithm === 'chacha20-poly1305' ? chacha20poly1305 : gcm;
    this.#key = key.slice();
    this.#iv = iv.slice();
  }

  seal(buffer: Uint8Array, batch: PacketBatch): void {
    for (let i = 0; i < batch.count; i++) {
      const start = batch.payloadStart[i]!;
      const header = buffer.subarray(batch.headerStart[i]!, start);
      const payload = buffer.subarray(start, batch.payloadEnd[i]!);
      buffer.set(this.#cipher(this.#key, this.#nonce(batch.packetNumber[i]!), header).encrypt(payload), start);
    }
  }

  open(buffer: Uint8Array, batch: PacketBatch): void {
    for (let i = 0; i < batch.count; i++) {
      batch.ok[i] = 0;
      const start = batch.payloadStart[i]!;
      const end = batch.payloadEnd[i]!;
      if (end - start < TAG_LENGTH) continue;
      const header = buffer.subarray(batch.headerStart[i]!, start);
      const cipher = this.#cipher(this.#key, this.#nonce(batch.packetNumber[i]!), header);
      let plaintext: Uint8Array;
      try {
        plaintext = cipher.decrypt(buffer.subarray(start, end));
      } catch {
        // Lengths are right, so the tag was not.
        continue;
      }
      buffer.set(plaintext, start);
      batch.ok[i] = 1;
    }
  }

  #nonce(packetNumber: number): Uint8Array {
    const nonce = new Uint8Array(NONCE_LENGTH);
    writeNonce(nonce, this.#iv, packetNumber);
    return nonce;
  }
}

/** RFC 9001 §5.4.3: the mask is the sample, encrypted as one block of AES. */
class PortableAesHeaderKey implements HeaderKey {
  readonly #roundKeys: Uint32Array;
  readonly #block: Uint8Array = new Uint8Array(SAMPLE_LENGTH);

  constructor(key: Uint8Array) {
    this.#roundKeys = unsafe.expandKeyLE(key);
  }

  masks(buffer: Uint8Array, sampleStart: Int32Array, count: number, out: Uint8Array): void {
    const block = this.#block;
    for (let i = 0; i < count; i++) {
      for (let j = 0; j < SAMPLE_LENGTH; j++) block[j] = buffer[sampleStart[i]! + j]!;
      unsafe.encryptBlock(this.#roundKeys, block);
      for (let j = 0; j < MASK_LENGTH; j++) out[i * MASK_LENGTH + j] = block[j]!;
    }
  }
}

/** Needs nothing but JavaScript. */
export const portableProtector: PacketProtector = {
  name: 'portable',
  packetKey(algorithm, key, iv) {
    checkKeyLength(algorithm, key, iv);
    return new PortablePacketKey(algorithm, key, iv);
  },
  headerKey(algorithm, key) {
    checkKeyLength(algorithm, key);
    return algorithm === 'chacha20-poly1305' ? new ChaChaHeaderKey(key) : new PortableAesHeaderKey(key);
  },
};
