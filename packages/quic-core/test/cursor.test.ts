import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Reader, Writer, varintSize } from '../src/cursor.ts';
import { exceedsMaxStreams } from '../src/stream-count.ts';
import { check, fc } from './support/property.ts';
import { fromHex, readVectors, toHex } from './support/vectors.ts';

interface Vectors {
  readonly varints: readonly { readonly bytes: string; readonly value: string; readonly notMinimal?: boolean }[];
}

const test = suite('cursor');
const { varints } = readVectors<Vectors>('rfc9000-appendix-a.json');

function read(bytes: Uint8Array): Reader {
  return new Reader().reset(bytes, 0, bytes.length);
}

function written(value: number): Uint8Array {
  const writer = new Writer().reset(new Uint8Array(8), 0, 8);
  writer.varint(value);
  return writer.buffer.slice(0, writer.position);
}

test('varints of RFC 9000 A.1 are read, those beyond 2^53-1 saturated', () => {
  for (const { bytes, value } of varints) {
    assert.is(read(fromHex(bytes)).varint(), Math.min(Number(value), Number.MAX_SAFE_INTEGER), bytes);
  }
});

test('varints of RFC 9000 A.1 are written where they are minimal and exact', () => {
  for (const { bytes, value, notMinimal } of varints) {
    if (notMinimal === true || !Number.isSafeInteger(Number(value))) continue;
    assert.is(toHex(written(Number(value))), bytes);
  }
});

test('every varint comes back, takes varintSize() bytes and fails when cut short', () => {
  check(
    fc.property(fc.maxSafeNat(), fc.integer({ min: 0, max: 53 }), (number, shift) => {
      const value = Math.floor(number / 2 ** shift);
      const bytes = written(value);
      assert.is(bytes.length, varintSize(value));
      const reader = read(bytes);
      assert.is(reader.varint(), value);
      assert.not(reader.failed);
      assert.is(reader.remaining, 0);
      for (let length = 0; length < bytes.length; length++) {
        const short = read(bytes.subarray(0, length));
        assert.is(short.varint(), 0);
        assert.ok(short.failed);
      }
    }),
  );
});

test('varints change size at 2^6, 2^14 and 2^30', () => {
  for (const [value, size] of [
    [0, 1],
    [63, 1],
    [64, 2],
    [16_383, 2],
    [16_384, 4],
    [2 ** 30 - 1, 4],
    [2 ** 30, 8],
    [Number.MAX_SAFE_INTEGER, 8],
  ] as const) {
    assert.is(varintSize(value), size, String(value));
    assert.is(written(value).length, size, String(value));
    assert.is(read(written(value)).varint(), value);
  }
});

test('a failed read leaves nothing to read', () => {
  const reader = read(fromHex('0102'));
  assert.is(reader.uint32(), 0);
  assert.ok(reader.failed);
  assert.is(reader.remaining, 0);
  assert.equal(reader.bytes(1), new Uint8Array(0));
});

test('writing beyond the end throws', () => {
  const writer = new Writer().reset(new Uint8Array(8), 2, 3);
  writer.uint8(1);
  assert.throws(
    () => writer.uint8(1),
    (error: unknown) => error instanceof RangeError,
  );
});

test('counts of streams are judged by their bytes', () => {
  const exceeds = (hex: string): boolean => {
    const bytes = fromHex(hex);
    return exceedsMaxStreams(bytes, 0, read(bytes).varint());
  };
  assert.not(exceeds('3f'));
  assert.not(exceeds('c01fffffffffffff'));
  assert.not(exceeds('c020000000000000'));
  assert.not(exceeds('cfffffffffffffff'));
  assert.not(exceeds('d000000000000000'));
  assert.ok(exceeds('d000000000000001'));
  assert.ok(exceeds('d100000000000000'));
  assert.ok(exceeds('ffffffffffffffff'));
});

test.run();
