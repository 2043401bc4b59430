import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PacketError } from '../../src/errors.ts';
import { PacketSplitter } from '../../src/packets/splitter.ts';
import { concat, hex, toHex } from '../support/hex.ts';

const test = suite('splitter');

const PINGREQ = hex('c0 00');
const SMALL = hex('30 05 0001 61 0102');
/** 200 bytes of body: a length of two bytes. */
const MEDIUM = concat(hex('30 c8 01'), new Uint8Array(200).fill(7));

function packetsOf(splitter: PacketSplitter): string[] {
  const found: string[] = [];
  for (let header = splitter.next(); header !== -1; header = splitter.next()) {
    assert.is(header, splitter.buffer[splitter.start]);
    found.push(toHex(splitter.buffer.subarray(splitter.start, splitter.end)));
  }
  return found;
}

test('cuts at every byte', () => {
  const stream = concat(SMALL, PINGREQ, MEDIUM, SMALL);
  const expected = [SMALL, PINGREQ, MEDIUM, SMALL].map(toHex);
  for (let first = 0; first <= stream.length; first++) {
    for (const second of [first, Math.min(first + 1, stream.length), stream.length]) {
      const splitter = new PacketSplitter(1_000);
      const found: string[] = [];
      for (const chunk of [stream.slice(0, first), stream.slice(first, second), stream.slice(second)]) {
        splitter.push(chunk);
        found.push(...packetsOf(splitter));
      }
      assert.equal(found, expected, `cut at ${first} and ${second}`);
      assert.ok(splitter.isBetweenPackets);
    }
  }
});

test('cuts a stream that comes byte by byte', () => {
  const splitter = new PacketSplitter(1_000);
  const found: string[] = [];
  for (const byte of concat(MEDIUM, SMALL, PINGREQ)) {
    splitter.push(Uint8Array.of(byte));
    found.push(...packetsOf(splitter));
  }
  assert.equal(found, [MEDIUM, SMALL, PINGREQ].map(toHex));
});

test('does not copy packets that are whole in a chunk', () => {
  const splitter = new PacketSplitter(1_000);
  const chunk = concat(SMALL, MEDIUM);
  splitter.push(chunk);
  splitter.next();
  assert.is(splitter.buffer, chunk);
  splitter.next();
  assert.is(splitter.buffer, chunk);
  assert.is(splitter.bodyStart - splitter.start, 3);
});

test('takes a chunk while the last one is not used up', () => {
  const splitter = new PacketSplitter(1_000);
  splitter.push(concat(SMALL, PINGREQ));
  splitter.next();
  splitter.push(MEDIUM);
  assert.equal(packetsOf(splitter), [PINGREQ, MEDIUM].map(toHex));
});

test('knows whether a stream may end', () => {
  const splitter = new PacketSplitter(1_000);
  assert.ok(splitter.isBetweenPackets);
  splitter.push(SMALL.slice(0, 1));
  assert.is(splitter.next(), -1);
  assert.not.ok(splitter.isBetweenPackets);
});

test('[MQTT-3.2.2-15] refuses a packet larger than allowed from its header alone', () => {
  for (const [size, isAllowed] of [
    [1_000, true],
    [1_001, false],
  ] as const) {
    const body = size - 3;
    const header = Uint8Array.of(0x30, (body & 127) | 128, body >> 7);
    for (const cut of [1, 2, 3]) {
      const splitter = new PacketSplitter(1_000);
      splitter.push(header.slice(0, cut));
      const rest = (): number => {
        let found = splitter.next();
        if (cut < 3) {
          splitter.push(header.slice(cut));
          found = splitter.next();
        }
        return found;
      };
      if (isAllowed) assert.is(rest(), -1);
      else assert.throws(rest, (error: PacketError) => error.reasonCode === 0x95);
    }
  }
});

test('[MQTT-1.5.5-1] refuses lengths that are too long to be minimal, or too long at all', () => {
  for (const bytes of ['c0 80 00', 'c0 80 80 00', 'c0 ff ff ff 80', 'c0 80 80 80 80']) {
    const splitter = new PacketSplitter(2 ** 30);
    splitter.push(hex(bytes));
    assert.throws(
      () => splitter.next(),
      (error: PacketError) => error instanceof PacketError && error.reasonCode === 0x81,
    );
  }
});

test('an announced length costs nothing before its bytes come', () => {
  const splitter = new PacketSplitter(2 ** 28);
  // 268,435,455 bytes announced, ten sent.
  splitter.push(concat(hex('30 ff ff ff 7f'), new Uint8Array(10)));
  assert.throws(
    () => splitter.next(),
    (error: PacketError) => error.reasonCode === 0x95,
  );
  const small = new PacketSplitter(1_048_576);
  small.push(concat(hex('30 fb ff 3f'), new Uint8Array(10)));
  assert.is(small.next(), -1);
  assert.is(small.partialLength, 14);
});

test.run();
