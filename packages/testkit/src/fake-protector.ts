/**
 * Packet protection without any secrecy, for simulations and fuzzers: payloads stay readable, yet a damaged packet, a wrong key and a wrong packet number
 * are still refused. Everything is a function of its input, so a seed gives the same bytes every time.
 */
import type { HeaderKey, PacketBatch, PacketKey, PacketProtector } from '@mquictt/quic-core';

const TAG_LENGTH = 16;
const SAMPLE_LENGTH = 16;
const MASK_LENGTH = 5;

/** Odd, so that multiplying by one loses nothing: two inputs that differ in one word never meet again. */
const PRIME_A = 0x0100_0193;
const PRIME_B = 0x85eb_ca6b;

/** The tag of the packet that was looked at last: two words. */
let checksumA = 0;
let checksumB = 0;

/** Leaves a checksum of buffer[start..end) in checksumA and checksumB. */
function checksum(buffer: Uint8Array, start: number, end: number, seedA: number, seedB: number): void {
  let a = seedA ^ (end - start);
  let b = seedB;
  let at = start;
  for (; at + 4 <= end; at += 4) {
    const word = buffer[at]! | (buffer[at + 1]! << 8) | (buffer[at + 2]! << 16) | (buffer[at + 3]! << 24);
    a = Math.imul(a ^ word, PRIME_A);
    b = Math.imul((b ^ (b >>> 15)) + word, PRIME_B);
  }
  for (; at < end; at++) {
    a = Math.imul(a ^ buffer[at]!, PRIME_A);
    b = Math.imul((b ^ (b >>> 15)) + buffer[at]!, PRIME_B);
  }
  checksumA = a ^ (a >>> 16);
  checksumB = b ^ (b >>> 13);
}

class FakePacketKey implements PacketKey {
  readonly #a: number;
  readonly #b: number;

  constructor(algorithm: string, key: Uint8Array, iv: Uint8Array) {
    const name = Uint8Array.from(algorithm, (letter) => letter.charCodeAt(0));
    checksum(name, 0, name.length, 1, 2);
    checksum(key, 0, key.length, checksumA, checksumB);
    checksum(iv, 0, iv.length, checksumA, checksumB);
    this.#a = checksumA;
    this.#b = checksumB;
  }

  seal(buffer: Uint8Array, batch: PacketBatch): void {
    for (let i = 0; i < batch.count; i++) {
      const end = batch.payloadEnd[i]!;
      this.#checksum(buffer, batch, i, end);
      for (let j = 0; j < TAG_LENGTH; j++) buffer[end + j] = tagByte(j);
    }
  }

  open(buffer: Uint8Array, batch: PacketBatch): void {
    for (let i = 0; i < batch.count; i++) {
      const end = batch.payloadEnd[i]! - TAG_LENGTH;
      batch.ok[i] = 0;
      if (end < batch.payloadStart[i]!) continue;
      this.#checksum(buffer, batch, i, end);
      let difference = 0;
      for (let j = 0; j < TAG_LENGTH; j++) difference |= buffer[end + j]! ^ tagByte(j);
      batch.ok[i] = difference === 0 ? 1 : 0;
    }
  }

  #checksum(buffer: Uint8Array, batch: PacketBatch, i: number, end: number): void {
    const packetNumber = batch.packetNumber[i]!;
    // Header and payload are neighbours: where one ends counts as well as their bytes.
    const headerLength = batch.payloadStart[i]! - batch.headerStart[i]!;
    const a = Math.imul(this.#a ^ packetNumber, PRIME_B) ^ Math.floor(packetNumber / 0x1_0000_0000);
    checksum(buffer, batch.headerStart[i]!, end, a, this.#b ^ headerLength);
  }
}

/** Byte j of the tag: each word twice, once turned round. */
function tagByte(j: number): number {
  const word = (j & 4) === 0 ? checksumA : checksumB;
  const byte = (word >>> ((j & 3) * 8)) & 0xff;
  return j < 8 ? byte : byte ^ 0xff;
}

class FakeHeaderKey implements HeaderKey {
  readonly #a: number;
  readonly #b: number;

  constructor(key: Uint8Array) {
    checksum(key, 0, key.length, 3, 4);
    this.#a = checksumA;
    this.#b = checksumB;
  }

  masks(buffer: Uint8Array, sampleStart: Int32Array, count: number, out: Uint8Array): void {
    for (let i = 0; i < count; i++) {
      const start = sampleStart[i]!;
      checksum(buffer, start, start + SAMPLE_LENGTH, this.#a, this.#b);
      const at = i * MASK_LENGTH;
      out[at] = checksumA;
      out[at + 1] = checksumA >>> 8;
      out[at + 2] = checksumA >>> 16;
      out[at + 3] = checksumA >>> 24;
      out[at + 4] = checksumB;
    }
  }
}

/** Never outside of tests: it hides nothing. */
export const fakeProtector: PacketProtector = {
  name: 'fake',
  packetKey: (algorithm, key, iv) => new FakePacketKey(algorithm, key, iv),
  headerKey: (_algorithm, key) => new FakeHeaderKey(key),
};
