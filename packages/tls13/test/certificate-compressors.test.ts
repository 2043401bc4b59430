import { performance } from 'node:perf_hooks';
import { brotliCompressSync, constants, deflateSync } from 'node:zlib';
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { seededRandom, testCertificatePem } from '@mquictt/testkit';
import { readCertificatesPem } from '../src/index.ts';
import { brotliCertificateCompressor, zlibCertificateCompressor } from '../src/node/index.ts';
import { concat, fromHex } from './support/bytes.ts';

const test = suite('certificate compressors');
const SEED = Number(process.env['SEED'] ?? 56);

const chain = concat(...readCertificatesPem(testCertificatePem('rsa-chain').certificatePem));

for (const [name, compressor, algorithm] of [
  ['zlib', zlibCertificateCompressor, 1],
  ['brotli', brotliCertificateCompressor, 2],
] as const) {
  test(`${name} has its code point, makes certificates smaller and gives them back`, () => {
    assert.is(compressor.algorithm, algorithm);
    const compressed = compressor.compress(chain);
    assert.ok(compressed.length < chain.length, `${compressed.length} of ${chain.length}`);
    assert.equal(compressor.decompress(compressed, chain.length), chain);
    // No Buffer, whose slice() would be a view.
    assert.is(compressor.decompress(compressed, chain.length)?.constructor, Uint8Array);
    assert.is(compressed.constructor, Uint8Array);
  });

  test(`${name}: whatever is compressed comes back, for its very length only`, () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 1, maxLength: 2000 }),
        fc.integer({ min: 0, max: 3000 }),
        (data, other) => {
          const compressed = compressor.compress(data);
          assert.equal(compressor.decompress(compressed, data.length), data);
          for (const length of [0, data.length - 1, data.length + 1, other])
            if (length !== data.length) assert.is(compressor.decompress(compressed, length), undefined);
        },
      ),
      { seed: SEED, numRuns: 100 },
    );
  });

  test(`${name}: what is cut or damaged never throws and is never longer than said`, () => {
    const random = seededRandom(SEED);
    const compressed = compressor.compress(chain);
    for (let length = 0; length < compressed.length; length += 7)
      assert.is(compressor.decompress(compressed.subarray(0, length), chain.length), undefined);
    for (let round = 0; round < 500; round++) {
      const damaged = compressed.slice();
      damaged[random.integer(damaged.length)] = random.integer(256);
      const result = compressor.decompress(damaged, chain.length);
      if (result !== undefined) assert.is(result.length, chain.length);
      assert.is(compressor.decompress(random.bytes(random.integer(200)), 100)?.length ?? 100, 100);
    }
  });
}

test('bytes of other encoders are read', () => {
  const data = new TextEncoder().encode('certificate certificate certificate');
  // python3 -c 'import zlib; print(zlib.compress(b"certificate certificate certificate").hex())'
  assert.equal(zlibCertificateCompressor.decompress(fromHex(ZLIB_HEX), data.length), data);
  assert.equal(brotliCertificateCompressor.decompress(brotliCompressSync(data), data.length), data);
});

const ZLIB_HEX = '789c4b4e2d2ac94ccb4c4e2c495548c6ce0600f8720dca';

test('a message that would unpack to 64 MiB costs no more than it may', () => {
  const zeros = new Uint8Array(64 << 20);
  const bombs = [
    { compressor: zlibCertificateCompressor, data: deflateSync(zeros), ms: 30 },
    { compressor: brotliCertificateCompressor, data: brotli(zeros, constants.BROTLI_DEFAULT_WINDOW), ms: 100 },
  ];
  for (const { compressor, data, ms } of bombs) {
    let best = Infinity;
    for (let i = 0; i < 5; i++) {
      const start = performance.now();
      assert.is(compressor.decompress(data, 65_536), undefined);
      best = Math.min(best, performance.now() - start);
    }
    assert.ok(best < ms, `${best} ms`);
  }
});

test('brotli windows above 4 MiB are refused unread, all others are read', () => {
  const data = chain.subarray(0, 500);
  for (let window = constants.BROTLI_MIN_WINDOW_BITS; window <= constants.BROTLI_MAX_WINDOW_BITS; window++) {
    const result = brotliCertificateCompressor.decompress(brotli(data, window), data.length);
    assert.is(result !== undefined, window <= 22, `window of 2^${window}`);
  }
});

function brotli(data: Uint8Array, window: number): Uint8Array {
  return brotliCompressSync(data, {
    params: { [constants.BROTLI_PARAM_LGWIN]: window, [constants.BROTLI_PARAM_QUALITY]: 5 },
  });
}

test.run();
