import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PacketError } from '../../src/errors.ts';
import { checkUtf8, readUtf8, utf8Problem } from '../../src/packets/utf8.ts';
import { hex, utf8 } from '../support/hex.ts';
import { SEED } from '../support/seed.ts';

const test = suite('utf8');

function isRefused(bytes: Uint8Array, read: (buffer: Uint8Array, start: number, end: number) => unknown): boolean {
  // It must look at its part of the buffer only.
  const buffer = Uint8Array.from([0x80, ...bytes, 0x80, 0x80]);
  try {
    read(buffer, 1, 1 + bytes.length);
    return false;
  } catch (error) {
    assert.instance(error, PacketError);
    assert.is((error as PacketError).reasonCode, 0x81);
    return true;
  }
}

const REFUSED: readonly [string, string][] = [
  ['[MQTT-1.5.4-1] [MQTT311-1.5.3-1] the first surrogate', 'eda080'],
  ['[MQTT-1.5.4-1] [MQTT311-1.5.3-1] the last surrogate', 'edbfbf'],
  ['[MQTT-1.5.4-1] [MQTT311-1.5.3-1] a pair of surrogates', 'eda080edb080'],
  ['[MQTT-1.5.4-2] [MQTT311-1.5.3-2] U+0000', '00'],
  ['[MQTT-1.5.4-2] [MQTT311-1.5.3-2] U+0000 in two bytes', 'c080'],
  ['a byte that follows nothing', '80'],
  ['an overlong form of two bytes', 'c1bf'],
  ['an overlong form of three bytes', 'e09fbf'],
  ['an overlong form of four bytes', 'f08fbfbf'],
  ['what is beyond U+10FFFF', 'f4908080'],
  ['a form of five bytes', 'f888808080'],
  ['two bytes without the second', 'c2'],
  ['three bytes without the third', 'e0a080'.slice(0, 4)],
  ['four bytes without the fourth', 'f09f9880'.slice(0, 6)],
  ['three bytes whose third does not follow', 'e2824a'],
  ['four bytes whose third does not follow', 'f09f4180'],
  ['0xff', 'ff'],
];
for (const [what, bytes] of REFUSED)
  test(`${what} is refused`, () => {
    assert.ok(isRefused(hex(bytes), checkUtf8), 'checkUtf8');
    assert.ok(isRefused(hex(bytes), readUtf8), 'readUtf8');
    assert.ok(isRefused(Uint8Array.from([0x61, ...hex(bytes)]), checkUtf8));
  });

const READ: readonly [string, string][] = [
  ['[MQTT-1.5.4-3] [MQTT311-1.5.3-3] a byte order mark', '\uFEFFa\uFEFF'],
  ['what stands on each side of the surrogates', '\uD7FF\uE000'],
  ['the ends of each length', '\u0001\u007F\u0080\u07FF\u0800\uFFFF\u{10000}\u{10FFFF}'],
  ['control characters and non-characters', '\u0001\u001F\u007F\u009F\uFFFE'],
];
for (const [what, value] of READ)
  test(`${what} is text`, () => {
    const bytes = utf8(value);
    assert.is(readUtf8(bytes, 0, bytes.length), value);
    checkUtf8(bytes, 0, bytes.length);
    assert.is(utf8Problem(value), undefined);
  });

test('checking and reading agree on any bytes', () => {
  const piece = fc.oneof(
    fc.uint8Array({ maxLength: 4 }),
    fc.constantFrom(...['eda080', 'ed9fbf', 'e0a080', 'f0908080', 'f48fbfbf', 'f4908080', 'c280', '61'].map(hex)),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 6 }), (pieces) => {
      const bytes = Uint8Array.from(pieces.flatMap((part) => [...part]));
      assert.is(isRefused(bytes, checkUtf8), isRefused(bytes, readUtf8));
    }),
    { seed: SEED, numRuns: 5_000 },
  );
});

test('a text has a problem exactly when it has half a pair or U+0000', () => {
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom('a', '\0', '\uD800', '\uDC00', '\uDBFF', '\uDFFF', 'é'), { maxLength: 6 }),
      (parts) => {
        const value = parts.join('');
        const expected = value.includes('\0') || /\p{Surrogate}/u.test(value);
        assert.is(utf8Problem(value) !== undefined, expected);
      },
    ),
    { seed: SEED, numRuns: 2_000 },
  );
});

test('[MQTT-4.7.3-3] [MQTT311-4.7.3-3] the length of a text is that of its UTF-8', () => {
  assert.is(utf8Problem('x'.repeat(65_535)), undefined);
  assert.is(utf8Problem('é'.repeat(32_768)), 'is 65536 bytes long, more than 65535');
});

test.run();
