import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { der } from '@mquictt/testkit';
import { readName } from '../../src/certificates/distinguished-name.ts';

const test = suite('distinguished names');
const SEED = Number(process.env['SEED'] ?? 20_26);

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

type Part = readonly (readonly [string, Uint8Array])[];

/** A Name of relative names, each of which is a list of types and values. */
function name(...parts: readonly Part[]): Uint8Array {
  return der.derSequence(
    ...parts.map((part) => der.derSet(...part.map(([type, value]) => der.derSequence(der.derOid(type), value)))),
  );
}

const CN = '2.5.4.3';
const text = (value: Uint8Array): string => readName(name([[CN, value]])).text;

test('as text', () => {
  const full = name(
    [['2.5.4.6', der.der(0x13, bytes('DE'))]],
    [
      ['2.5.4.10', der.derUtf8('Größe & Söhne')],
      ['2.5.4.11', der.derUtf8('Vertrieb')],
    ],
    [['2.5.4.97', der.derUtf8('VATDE-1')]],
  );
  assert.is(readName(full).text, 'C=DE, O=Größe & Söhne, OU=Vertrieb, 2.5.4.97=VATDE-1');
  assert.is(readName(der.derSequence()).text, '');
});

test('strings of every type, and what is none', () => {
  assert.is(text(der.der(0x12, bytes('42'))), 'CN=42');
  assert.is(text(der.der(0x16, bytes('a@b'))), 'CN=a@b');
  assert.is(text(der.der(0x1e, Uint8Array.of(0x20, 0xac, 0, 0x31))), 'CN=€1');
  assert.is(text(der.der(0x1c, Uint8Array.of(0, 1, 0xf6, 0x00))), 'CN=\u{1f600}');
  // TeletexString is read as Latin-1, as everybody does, but for showing only.
  assert.is(text(der.der(0x14, Uint8Array.of(0xfc))), 'CN=ü');
  for (const odd of [der.der(0x1e, Uint8Array.of(0x31)), der.der(0x1e, Uint8Array.of(0xd8, 0)), der.derNull()])
    assert.type(text(odd), 'string');
});

test('what is no Name', () => {
  const attribute = der.derSequence(der.derOid(CN), der.derUtf8('x'));
  for (const bad of [
    der.derSet(),
    der.derSequence(der.derSet()),
    der.derSequence(attribute),
    der.derSequence(der.derSet(der.derSet(der.derOid(CN), der.derUtf8('x')))),
    der.derSequence(der.derSet(der.derSequence(der.derOid(CN)))),
    der.derSequence(der.derSet(der.derSequence(der.derOid(CN), der.derUtf8('x'), der.derUtf8('y')))),
    der.derSequence(der.derSet(der.derSequence(der.derUtf8('x'), der.derUtf8('y')))),
  ])
    assert.throws(() => readName(bad), /malformed|Expected tag/);
});

test('UTF-8 is read as TextDecoder reads it', () => {
  const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  const theirs = (value: Uint8Array): string | undefined => {
    try {
      return strict.decode(value);
    } catch {
      return undefined;
    }
  };
  const interesting = fc.constantFrom(
    0x00,
    0x41,
    0x7f,
    0x80,
    0xa0,
    0xbf,
    0xc1,
    0xc2,
    0xe0,
    0xed,
    0xf0,
    0xf4,
    0xf5,
    0xff,
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.array(fc.oneof(interesting, fc.nat(255)), { maxLength: 8 }).map((list) => Uint8Array.from(list)),
        fc.string({ unit: 'binary', maxLength: 6 }).map(bytes),
      ),
      (value) => {
        const [part] = readName(name([[CN, der.der(0x0c, value)]])).parts;
        const expected = theirs(value);
        // Text that can be compared is there exactly where there is text and nothing in it is unprintable.
        const folded = expected?.normalize('NFKC').toLowerCase().replace(/\s+/gu, ' ').trim();
        assert.is(part?.isText, folded !== undefined && !/\p{C}/u.test(folded), Buffer.from(value).toString('hex'));
        if (part?.isText === true) assert.is(part.normalized, `${CN}=${(folded ?? '').length}:${folded ?? ''}`);
      },
    ),
    { seed: SEED, numRuns: 3000 },
  );
});

test('names are equal by RFC 5280 §7.1 or not, and no value can pass for two', () => {
  const normalized = (...parts: readonly Part[]): string => readName(name(...parts)).normalized;
  const utf8 = der.derUtf8;
  assert.is(normalized([[CN, utf8('A  b')]]), normalized([[CN, der.der(0x13, bytes(' a B'))]]));
  const both: [string, Uint8Array][] = [
    [CN, utf8('a')],
    ['2.5.4.10', utf8('b')],
  ];
  assert.is(normalized(both), normalized(both.toReversed()));
  const different = [
    normalized([[CN, utf8('a')]]),
    normalized([[CN, utf8('b')]]),
    normalized([['2.5.4.10', utf8('a')]]),
    normalized([[CN, utf8('a')]], [[CN, utf8('a')]]),
    normalized([
      [CN, utf8('a')],
      [CN, utf8('a')],
    ]),
    normalized([[CN, utf8(`a,${CN}=1:a`)]]),
    normalized([[CN, utf8(`a+${CN}=1:a`)]]),
    normalized([[CN, der.der(0x14, bytes('a'))]]),
    normalized(),
  ];
  assert.is(new Set(different).size, different.length);
});

test.run();
