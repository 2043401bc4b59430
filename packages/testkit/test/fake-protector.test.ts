import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PacketBatch } from '@mquictt/quic-core';
import { fakeProtector, seededRandom } from '@mquictt/testkit';

const SEED = Number(process.env['SEED'] ?? 9005);
const TAG_LENGTH = 16;

const test = suite(`fake protector (SEED=${SEED})`);

function batchOf(...packets: [number, number, number, number][]): PacketBatch {
  const batch = new PacketBatch(64);
  for (const packet of packets) batch.add(...packet);
  return batch;
}

test('opens what it sealed, and leaves payloads readable', () => {
  const random = seededRandom(SEED);
  for (let length = 0; length < 100; length++) {
    const key = fakeProtector.packetKey('aes-128-gcm', random.bytes(16), random.bytes(12));
    const plain = random.bytes(10 + length + TAG_LENGTH);
    const buffer = plain.slice();
    key.seal(buffer, batchOf([0, 10, 10 + length, length]));
    assert.equal(buffer.subarray(0, 10 + length), plain.subarray(0, 10 + length));
    const batch = batchOf([0, 10, buffer.length, length]);
    key.open(buffer, batch);
    assert.is(batch.ok[0], 1);
  }
});

test('refuses every one-bit forgery', () => {
  const random = seededRandom(SEED);
  const key = fakeProtector.packetKey('chacha20-poly1305', random.bytes(32), random.bytes(12));
  const buffer = random.bytes(60);
  key.seal(buffer, batchOf([0, 9, 44, 5]));
  const batch = batchOf([0, 9, 60, 5]);
  for (let bit = 0; bit < 60 * 8; bit++) {
    buffer[bit >> 3]! ^= 1 << (bit & 7);
    key.open(buffer, batch);
    assert.is(batch.ok[0], 0, `bit ${bit}`);
    buffer[bit >> 3]! ^= 1 << (bit & 7);
  }
  key.open(buffer, batch);
  assert.is(batch.ok[0], 1);
});

test('refuses damage of any kind', () => {
  const random = seededRandom(SEED);
  const key = fakeProtector.packetKey('chacha20-poly1305', random.bytes(32), random.bytes(12));
  const sealed = random.bytes(1200);
  key.seal(sealed, batchOf([0, 9, 1184, 5]));
  const batch = batchOf([0, 9, 1200, 5]);
  for (let round = 0; round < 5_000; round++) {
    const buffer = sealed.slice();
    for (let i = 1 + random.integer(4); i > 0; i--) buffer[random.integer(1200)]! ^= 1 + random.integer(255);
    if (Buffer.compare(buffer, sealed) === 0) continue;
    key.open(buffer, batch);
    assert.is(batch.ok[0], 0);
  }
});

test('refuses another key, iv, algorithm, packet number and header length', () => {
  const random = seededRandom(SEED);
  const key = random.bytes(32);
  const iv = random.bytes(12);
  const buffer = random.bytes(60);
  fakeProtector.packetKey('aes-256-gcm', key, iv).seal(buffer, batchOf([0, 9, 44, 5]));
  const opens = (
    algorithm: 'aes-256-gcm' | 'chacha20-poly1305',
    k: Uint8Array,
    v: Uint8Array,
    start: number,
    pn: number,
  ): number => {
    const batch = batchOf([0, start, 60, pn]);
    fakeProtector.packetKey(algorithm, k, v).open(buffer, batch);
    return batch.ok[0]!;
  };
  const other = (bytes: Uint8Array): Uint8Array => bytes.map((byte, i) => (i === 3 ? byte ^ 1 : byte));
  assert.is(opens('aes-256-gcm', key, iv, 9, 5), 1);
  assert.is(opens('chacha20-poly1305', key, iv, 9, 5), 0);
  assert.is(opens('aes-256-gcm', other(key), iv, 9, 5), 0);
  assert.is(opens('aes-256-gcm', key, other(iv), 9, 5), 0);
  assert.is(opens('aes-256-gcm', key, iv, 10, 5), 0);
  assert.is(opens('aes-256-gcm', key, iv, 9, 6), 0);
  assert.is(opens('aes-256-gcm', key, iv, 9, 5 + 2 ** 32), 0);
});

test('packets shorter than a tag are refused', () => {
  const batch = batchOf([0, 4, 19, 0], [0, 4, 3, 0]);
  batch.ok.fill(1);
  fakeProtector.packetKey('aes-128-gcm', new Uint8Array(16), new Uint8Array(12)).open(new Uint8Array(30), batch);
  assert.equal([...batch.ok.subarray(0, 2)], [0, 0]);
});

test('masks depend on key and sample', () => {
  const random = seededRandom(SEED);
  const buffer = random.bytes(64);
  const key = random.bytes(16);
  const masks = (bytes: Uint8Array, ...starts: number[]): string => {
    const out = new Uint8Array(5 * starts.length);
    fakeProtector.headerKey('aes-128-gcm', bytes).masks(buffer, Int32Array.from(starts), starts.length, out);
    return Buffer.from(out).toString('hex');
  };
  assert.is(masks(key, 0, 20), masks(key, 0) + masks(key, 20));
  assert.is.not(masks(key, 0), masks(key, 1));
  assert.is.not(masks(key, 0), masks(random.bytes(16), 0));
});

test.run();
