import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { decodePacketNumber, packetNumberLength, readPacketNumber, writePacketNumber } from '../src/packet-number.ts';
import { check, fc } from './support/property.ts';
import { readVectors } from './support/vectors.ts';

interface Vectors {
  readonly packetNumberEncoding: readonly {
    readonly largestAcked: string;
    readonly packetNumber: string;
    readonly bits: number;
  }[];
  readonly packetNumberDecoding: readonly {
    readonly largestReceived: string;
    readonly truncated: string;
    readonly packetNumber: string;
  }[];
}

const test = suite('packet numbers');
const vectors = readVectors<Vectors>('rfc9000-appendix-a.json');

test('lengths are those of RFC 9000 A.2', () => {
  for (const { largestAcked, packetNumber, bits } of vectors.packetNumberEncoding) {
    assert.is(packetNumberLength(parseInt(packetNumber, 16), parseInt(largestAcked, 16)) * 8, bits);
  }
});

test('numbers are completed as in RFC 9000 A.3', () => {
  for (const { largestReceived, truncated, packetNumber } of vectors.packetNumberDecoding) {
    const length = truncated.length / 2;
    assert.is(
      decodePacketNumber(parseInt(largestReceived, 16), parseInt(truncated, 16), length),
      parseInt(packetNumber, 16),
    );
  }
});

test('the first packet of a space takes one byte', () => {
  assert.is(packetNumberLength(0, -1), 1);
  assert.is(decodePacketNumber(-1, 0, 1), 0);
  assert.is(packetNumberLength(126, -1), 1);
  assert.is(packetNumberLength(127, -1), 2);
});

test('what is sent is restored by any receiver that has not fallen behind the acknowledged one', () => {
  check(
    fc.property(
      fc.integer({ min: 0, max: 2 ** 48 }),
      fc.integer({ min: 0, max: 2 ** 31 - 1 }),
      fc.nat(31),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (largestAcked, distance, shift, received) => {
        const packetNumber = largestAcked + 1 + (distance >>> shift);
        const length = packetNumberLength(packetNumber, largestAcked);
        const bytes = new Uint8Array(6);
        writePacketNumber(bytes, 1, packetNumber, length);
        assert.is(bytes[0], 0);
        assert.is(bytes[length + 1], 0);
        const truncated = readPacketNumber(bytes, 1, length);
        assert.is(truncated, packetNumber % 2 ** (8 * length));
        // It has the acknowledged one at least, and at most all before this one.
        const largestReceived = largestAcked + Math.floor((packetNumber - 1 - largestAcked) * received);
        assert.is(decodePacketNumber(largestReceived, truncated, length), packetNumber);
      },
    ),
    2_000,
  );
});

test('completing gives the number nearest to the expected one', () => {
  check(
    fc.property(
      fc.integer({ min: -1, max: 2 ** 40 }),
      fc.integer({ min: 1, max: 4 }),
      fc.integer({ min: 0, max: 2 ** 32 - 1 }),
      (largestReceived, length, number) => {
        const window = 2 ** (8 * length);
        const truncated = number % window;
        const decoded = decodePacketNumber(largestReceived, truncated, length);
        const expected = largestReceived + 1;
        assert.is(decoded % window, truncated);
        assert.ok(decoded >= 0);
        // Below 0 there is nothing, so near 0 the nearest may be further away.
        if (decoded >= window) assert.ok(Math.abs(decoded - expected) <= window / 2);
      },
    ),
    2_000,
  );
});

test.run();
