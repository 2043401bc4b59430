/** What every protector must do, and that all of them do the same. */
import { createCipheriv } from 'node:crypto';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { seededRandom } from '@mquictt/testkit';
import type { AeadAlgorithm } from '@mquictt/tls13';
import { nodeProtector } from '../../src/node/protector.ts';
import { createWasmProtector } from '../../src/node/wasm-protector.ts';
import { protectHeader, unprotectHeader } from '../../src/protection/header-protection.ts';
import { KEY_LENGTHS } from '../../src/protection/nonce.ts';
import { portableProtector } from '../../src/protection/portable.ts';
import { MASK_LENGTH, PacketBatch, SAMPLE_LENGTH, TAG_LENGTH } from '../../src/protection/protector.ts';
import type { PacketProtector } from '../../src/protection/protector.ts';
import { toHex } from '../support/vectors.ts';

const PROTECTORS: readonly PacketProtector[] = [portableProtector, nodeProtector, createWasmProtector()!];
const ALGORITHMS = Object.keys(KEY_LENGTHS) as AeadAlgorithm[];
const SEED = Number(process.env['SEED'] ?? 9001);
const LONG = [4095, 4096, 4097, 8900, 65_000] as const;
/** On both sides of where blocks and groups of blocks end: 16 and 64 bytes, 192 and 256 in WebAssembly. */
const EDGES = [0, 1, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129, 191, 192, 193, 255, 256, 257, 447, 448, 449];

const test = suite(`packet protectors (SEED=${SEED})`);

interface Sample {
  readonly key: Uint8Array;
  readonly iv: Uint8Array;
  readonly batch: PacketBatch;
  readonly plain: Uint8Array;
}

/** Some packets with gaps of random bytes between them: whoever writes beyond a packet changes them. */
function sample(
  random: ReturnType<typeof seededRandom>,
  algorithm: AeadAlgorithm,
  lengths: readonly number[],
  headerLength?: number,
): Sample {
  const batch = new PacketBatch(64);
  let at = 0;
  for (const length of lengths) {
    const header = at + random.integer(5);
    const payload = header + (headerLength ?? random.integer(50));
    batch.add(header, payload, payload + length, Math.floor(random.next() * 2 ** random.integer(54)));
    at = payload + length + TAG_LENGTH;
  }
  return { key: random.bytes(KEY_LENGTHS[algorithm]), iv: random.bytes(12), batch, plain: random.bytes(at + 5) };
}

/** The same packets with the tags inside, for open(). */
function opening(batch: PacketBatch): PacketBatch {
  const out = new PacketBatch(batch.capacity);
  for (let i = 0; i < batch.count; i++) {
    out.add(batch.headerStart[i]!, batch.payloadStart[i]!, batch.payloadEnd[i]! + TAG_LENGTH, batch.packetNumber[i]!);
  }
  return out;
}

/** What node:crypto makes of a packet, written as plainly as can be: nonces by BigInt, no buffers shared. */
function sealPlainly(algorithm: AeadAlgorithm, { key, iv, batch, plain }: Sample, i: number): string {
  const nonce = BigInt(`0x${toHex(iv)}`) ^ BigInt(batch.packetNumber[i]!);
  const cipher = createCipheriv(
    algorithm as 'aes-128-gcm',
    key,
    Buffer.from(nonce.toString(16).padStart(24, '0'), 'hex'),
    {
      authTagLength: TAG_LENGTH,
    },
  );
  cipher.setAAD(plain.slice(batch.headerStart[i]!, batch.payloadStart[i]!));
  const text = cipher.update(plain.slice(batch.payloadStart[i]!, batch.payloadEnd[i]!));
  cipher.final();
  return text.toString('hex') + cipher.getAuthTag().toString('hex');
}

function checkSample(algorithm: AeadAlgorithm, packets: Sample): void {
  const { key, iv, batch, plain } = packets;
  let expected = '';
  for (const protector of PROTECTORS) {
    const buffer = plain.slice();
    protector.packetKey(algorithm, key, iv).seal(buffer, batch);
    if (expected === '') {
      for (let i = 0; i < batch.count; i++) {
        const sealed = buffer.subarray(batch.payloadStart[i]!, batch.payloadEnd[i]! + TAG_LENGTH);
        assert.is(toHex(sealed), sealPlainly(algorithm, packets, i));
      }
      expected = toHex(buffer);
    }
    assert.is(toHex(buffer), expected, `${protector.name} seals differently`);

    const toOpen = opening(batch);
    protector.packetKey(algorithm, key, iv).open(buffer, toOpen);
    // Tags stay where they were, all else is as before.
    for (let i = 0; i < batch.count; i++) {
      assert.is(toOpen.ok[i], 1);
      const tag = batch.payloadEnd[i]!;
      buffer.set(plain.subarray(tag, tag + TAG_LENGTH), tag);
    }
    assert.is(toHex(buffer), toHex(plain), `${protector.name} opens differently`);
  }
}

for (const algorithm of ALGORITHMS) {
  test(`${algorithm}: all protectors agree with node:crypto at lengths 0 to 1499, ${LONG.join(' and ')}`, () => {
    const random = seededRandom(SEED);
    for (let length = 0; length < 1500; length += 1 + random.integer(20)) {
      checkSample(algorithm, sample(random, algorithm, [length]));
    }
    for (const length of LONG) checkSample(algorithm, sample(random, algorithm, [length]));
  });

  test(`${algorithm}: all protectors agree where blocks end, in payload and header`, () => {
    const random = seededRandom(SEED);
    for (const payload of EDGES) {
      for (const header of EDGES) {
        if (header > 65 && payload > 65) continue;
        checkSample(algorithm, sample(random, algorithm, [payload], header));
      }
    }
    // The token of an Initial makes a header of any length.
    checkSample(algorithm, sample(random, algorithm, [1100], 1400));
    checkSample(algorithm, sample(random, algorithm, [20], 60_000));
  });

  test(`${algorithm}: batches of 1 to 64`, () => {
    const random = seededRandom(SEED);
    for (let count = 1; count <= 64; count += 1 + random.integer(6)) {
      const lengths = Array.from({ length: count }, () => random.integer(60));
      checkSample(algorithm, sample(random, algorithm, lengths));
    }
    checkSample(algorithm, sample(random, algorithm, []));
  });

  test(`${algorithm}: the packet number goes into the nonce up to 2^53-1`, () => {
    const random = seededRandom(SEED);
    for (const packetNumber of [0, 1, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 40 + 12_345, 2 ** 53 - 1]) {
      const packets = sample(random, algorithm, [30]);
      packets.batch.packetNumber[0] = packetNumber;
      checkSample(algorithm, packets);
    }
  });

  for (const protector of PROTECTORS) {
    test(`${protector.name} ${algorithm}: one packet forged in one bit is refused, its neighbours are not`, () => {
      const random = seededRandom(SEED);
      for (let round = 0; round < 60; round++) {
        const { key, iv, batch, plain } = sample(random, algorithm, [random.integer(100), 20, random.integer(40)]);
        const packetKey = protector.packetKey(algorithm, key, iv);
        packetKey.seal(plain, batch);
        const toOpen = opening(batch);
        const from = toOpen.headerStart[1]!;
        plain[from + random.integer(toOpen.payloadEnd[1]! - from)]! ^= 1 << random.integer(8);
        packetKey.open(plain, toOpen);
        assert.equal([...toOpen.ok.subarray(0, 3)], [1, 0, 1]);
      }
    });

    test(`${protector.name} ${algorithm}: every one-bit forgery of a small packet is refused, and some of large ones`, () => {
      const random = seededRandom(SEED);
      for (const [length, step] of [
        [0, 1],
        [1, 1],
        [21, 1],
        [64, 1],
        [1200, 211],
        [4000, 2003],
        [8900, 7001],
        [65_000, 67_003],
      ] as const) {
        const { key, iv, batch, plain } = sample(random, algorithm, [length], 11);
        const packetKey = protector.packetKey(algorithm, key, iv);
        packetKey.seal(plain, batch);
        const from = batch.headerStart[0]! * 8;
        const to = (batch.payloadEnd[0]! + TAG_LENGTH) * 8;
        for (let bit = from + random.integer(step); bit < to; bit += step) {
          const forged = plain.slice();
          forged[bit >> 3]! ^= 1 << (bit & 7);
          const toOpen = opening(batch);
          packetKey.open(forged, toOpen);
          assert.is(toOpen.ok[0], 0, `${length} bytes, bit ${bit - from}`);
        }
      }
    });

    test(`${protector.name} ${algorithm}: wrong key, iv, packet number and header length are refused`, () => {
      const random = seededRandom(SEED);
      const { key, iv, batch, plain } = sample(random, algorithm, [40]);
      batch.headerStart[0] = 2;
      batch.payloadStart[0] = 10;
      protector.packetKey(algorithm, key, iv).seal(plain, batch);
      const outcome = (change: (copy: PacketBatch) => void, keyOf = key, ivOf = iv): number => {
        const toOpen = opening(batch);
        change(toOpen);
        protector.packetKey(algorithm, keyOf, ivOf).open(plain.slice(), toOpen);
        return toOpen.ok[0]!;
      };
      const flipped = (bytes: Uint8Array): Uint8Array => bytes.map((byte, i) => (i === 5 ? byte ^ 1 : byte));
      assert.is(
        outcome(() => {}),
        1,
      );
      assert.is(
        outcome(() => {}, flipped(key)),
        0,
      );
      assert.is(
        outcome(() => {}, key, flipped(iv)),
        0,
      );
      assert.is(
        outcome((copy) => (copy.packetNumber[0]! += 1)),
        0,
      );
      assert.is(
        outcome((copy) => (copy.packetNumber[0]! += 2 ** 32)),
        0,
      );
      assert.is(
        outcome((copy) => (copy.headerStart[0]! += 1)),
        0,
      );
      assert.is(
        outcome((copy) => (copy.payloadStart[0]! += 1)),
        0,
      );
      assert.is(
        outcome((copy) => (copy.payloadEnd[0]! -= 1)),
        0,
      );
    });

    test(`${protector.name} ${algorithm}: packets shorter than a tag are refused`, () => {
      const packetKey = protector.packetKey(algorithm, new Uint8Array(KEY_LENGTHS[algorithm]), new Uint8Array(12));
      for (let length = -1; length < TAG_LENGTH; length++) {
        const batch = new PacketBatch(1);
        batch.add(0, 4, 4 + length, 0);
        batch.ok[0] = 1;
        packetKey.open(new Uint8Array(40), batch);
        assert.is(batch.ok[0], 0);
      }
    });

    test(`${protector.name} ${algorithm}: keys and ivs of the wrong length are refused`, () => {
      const length = KEY_LENGTHS[algorithm];
      const isRangeError = (error: unknown): boolean => error instanceof RangeError;
      assert.throws(() => protector.packetKey(algorithm, new Uint8Array(length - 1), new Uint8Array(12)), isRangeError);
      assert.throws(() => protector.packetKey(algorithm, new Uint8Array(length), new Uint8Array(11)), isRangeError);
      assert.throws(() => protector.headerKey(algorithm, new Uint8Array(length + 1)), isRangeError);
    });

    test(`${protector.name} ${algorithm}: keys are copied`, () => {
      const random = seededRandom(SEED);
      const { key, iv, batch, plain } = sample(random, algorithm, [40]);
      const expected = plain.slice();
      protector.packetKey(algorithm, key, iv).seal(expected, batch);
      const packetKey = protector.packetKey(algorithm, key, iv);
      key.fill(0);
      iv.fill(0);
      packetKey.seal(plain, batch);
      assert.is(toHex(plain), toHex(expected));
    });
  }

  test(`${algorithm}: masks are those of node:crypto, for 1 to 64 samples at once`, () => {
    const random = seededRandom(SEED);
    for (let count = 1; count <= 64; count++) {
      const key = random.bytes(KEY_LENGTHS[algorithm]);
      const buffer = random.bytes(300);
      const starts = Int32Array.from({ length: count }, () => random.integer(300 - SAMPLE_LENGTH));
      // A sample that begins with ff ff ff ff is the last block counter of ChaCha20, which nobody may trip over.
      if (count % 4 === 0) buffer.fill(0xff, starts[0]!, starts[0]! + 4);
      const expected = new Uint8Array(count * MASK_LENGTH);
      for (let i = 0; i < count; i++) {
        const bytes = buffer.slice(starts[i]!, starts[i]! + SAMPLE_LENGTH);
        expected.set(maskPlainly(algorithm, key, bytes), i * MASK_LENGTH);
      }
      for (const protector of PROTECTORS) {
        const headerKey = protector.headerKey(algorithm, key.slice());
        const before = toHex(buffer);
        // More calls on one key, of other sizes, in between.
        headerKey.masks(buffer, starts, 1, new Uint8Array(MASK_LENGTH));
        const out = new Uint8Array(count * MASK_LENGTH + 3);
        headerKey.masks(buffer, starts, count, out);
        assert.is(toHex(out.subarray(0, count * MASK_LENGTH)), toHex(expected), `${protector.name}, ${count} samples`);
        assert.equal([...out.subarray(count * MASK_LENGTH)], [0, 0, 0]);
        assert.is(toHex(buffer), before);
      }
    }
  });
}

/** RFC 9001 §5.4.3 and §5.4.4 with a cipher object for each sample. */
function maskPlainly(algorithm: AeadAlgorithm, key: Uint8Array, bytes: Uint8Array): Uint8Array {
  if (algorithm === 'chacha20-poly1305') {
    return createCipheriv('chacha20', key, bytes).update(new Uint8Array(MASK_LENGTH));
  }
  return createCipheriv(algorithm === 'aes-128-gcm' ? 'aes-128-ecb' : 'aes-256-ecb', key, null)
    .update(bytes)
    .subarray(0, MASK_LENGTH);
}

test('header protection comes off as it went on, and only touches what it may', () => {
  const random = seededRandom(SEED);
  for (let round = 0; round < 500; round++) {
    const buffer = random.bytes(40);
    const headerStart = random.integer(5);
    const packetNumberOffset = headerStart + 1 + random.integer(20);
    const length = (buffer[headerStart]! & 3) + 1;
    const mask = random.bytes(20);
    const maskOffset = random.integer(15);
    const before = buffer.slice();
    protectHeader(buffer, headerStart, packetNumberOffset, length, mask, maskOffset);
    const isLong = before[headerStart]! >= 0x80;
    for (let i = 0; i < buffer.length; i++) {
      const inNumber = i >= packetNumberOffset && i < packetNumberOffset + length;
      const allowed = i === headerStart ? (isLong ? 0x0f : 0x1f) : inNumber ? 0xff : 0;
      assert.is((buffer[i]! ^ before[i]!) & ~allowed, 0);
    }
    assert.is(unprotectHeader(buffer, headerStart, packetNumberOffset, mask, maskOffset), length);
    assert.equal(buffer, before);
  }
});

test.run();
