import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { seededRandom } from '@mquictt/testkit';
import { hexText, latin1Bytes, latin1Text } from '../src/ascii.ts';

const test = suite('bytes as text');

test('every byte is its character, around the sizes of one step and far above', () => {
  const random = seededRandom(57);
  for (const length of [0, 1, 255, 4095, 4096, 4097, 8192, 200_000]) {
    const bytes = random.bytes(length);
    const text = latin1Text(bytes);
    assert.is(text, Buffer.from(bytes).toString('latin1'));
    assert.equal(latin1Bytes(text), bytes);
  }
  assert.is(latin1Text(Buffer.from('view of a Buffer').subarray(5)), 'of a Buffer');
});

test('every byte is two digits', () => {
  const bytes = Uint8Array.from({ length: 256 }, (_, i) => i);
  assert.is(hexText(bytes), Buffer.from(bytes).toString('hex'));
  assert.is(hexText(new Uint8Array(0)), '');
});

for (const [name, make, length] of [
  ['latin1Text', latin1Text, 800],
  ['hexText', hexText, 400],
] as const)
  test(`text of ${name} that is kept takes little more memory than its characters`, () => {
    const bytes = seededRandom(58).bytes(length);
    globalThis.gc?.();
    const before = process.memoryUsage().heapUsed;
    const kept = Array.from({ length: 1000 }, () => make(bytes));
    globalThis.gc?.();
    const each = (process.memoryUsage().heapUsed - before) / kept.length;
    assert.ok(each < 2000, `${each} bytes for 800 characters`);
  });

test.run();
