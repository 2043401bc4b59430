import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Assembler } from '../../src/streams/assembler.ts';
import { check, fc } from '../support/property.ts';

const test = suite('assembler');

/** The byte that stands at an offset of the stream, so that a misplaced one is seen. */
const byteAt = (offset: number): number => (offset * 31 + (offset >> 8) * 17) & 0xff;

/** buffer[start..end) with the bytes of stream offsets from..to, inside of a larger datagram. */
function piece(from: number, to: number): [Uint8Array, number, number] {
  const buffer = new Uint8Array(to - from + 7).fill(0xee);
  for (let i = from; i < to; i++) buffer[3 + i - from] = byteAt(i);
  return [buffer, 3, 3 + to - from];
}

function insert(assembler: Assembler, from: number, to: number): boolean {
  const [buffer, start, end] = piece(from, to);
  const taken = assembler.insert(from, buffer, start, end);
  buffer.fill(0xdd); // whatever was kept must have been copied
  return taken;
}

function readAll(assembler: Assembler, maxLength: number = Infinity): number {
  for (;;) {
    const offset = assembler.readOffset;
    const chunk = assembler.read(maxLength);
    if (chunk === undefined) return assembler.readOffset;
    assert.ok(chunk.length > 0 && chunk.length <= maxLength);
    chunk.forEach((byte, i) => assert.is(byte, byteAt(offset + i), `byte at ${offset + i}`));
  }
}

test('behaves like an array of bytes, whatever the order and the overlap', () => {
  const step = fc.oneof(
    { weight: 4, arbitrary: fc.record({ kind: fc.constant('insert'), at: fc.nat(6_000), length: fc.nat(1_500) }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('next'), at: fc.nat(40), length: fc.nat(1_500) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('tiny'), at: fc.nat(6_000), length: fc.nat(3) }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('read'), at: fc.constant(0), length: fc.nat(3_000) }) },
  );
  check(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const assembler = new Assembler(1_000);
      const received = new Uint8Array(20_000);
      let readTo = 0;
      let highest = 0;
      const kept: [number, Uint8Array][] = [];
      for (const { kind, at, length } of steps) {
        if (kind === 'read') {
          const chunk = assembler.read(length);
          if (received[readTo] === 0 || length === 0) assert.is(chunk, undefined);
          else {
            assert.ok(chunk!.length > 0 && chunk!.length <= length);
            kept.push([readTo, chunk!]);
            readTo += chunk!.length;
          }
        } else {
          const from = kind === 'next' ? Math.max(0, readTo + assembler.readableBytes - at) : at;
          assert.ok(insert(assembler, from, from + length));
          received.fill(1, from, from + length);
          if (length > 0 && from + length > readTo) highest = Math.max(highest, from + length);
        }
        let end = readTo;
        while (received[end] === 1) end++;
        assert.is(assembler.readOffset, readTo);
        assert.is(assembler.readableBytes, end - readTo);
        assert.is(assembler.highestOffset, highest);
        assert.is(assembler.gapCount, countRuns(received, end));
        assertMemory(assembler, received, readTo);
      }
      readAll(assembler);
      assert.is(assembler.gapCount > 0, assembler.bufferedBytes > 0);
      // Chunks belong to the reader: nothing has been written into them since.
      for (const [offset, chunk] of kept) chunk.forEach((byte, i) => assert.is(byte, byteAt(offset + i)));
    }),
    300,
  );
});

function countRuns(received: Uint8Array, from: number): number {
  let runs = 0;
  for (let i = from; i < received.length; i++) if (received[i] === 1 && received[i - 1] !== 1) runs++;
  return runs;
}

/** Memory is bounded by the bytes held: at most the double plus what pages of their smallest size cost. */
function assertMemory(assembler: Assembler, received: Uint8Array, readTo: number): void {
  let held = 0;
  for (let i = readTo; i < received.length; i++) held += received[i]!;
  assert.ok(assembler.bufferedBytes >= held);
  // 8 times: a large page that was nearly read is kept until its last byte is.
  const bound = 8 * held + 16_384 + assembler.gapCount * 64;
  assert.ok(assembler.bufferedBytes <= bound, `${assembler.bufferedBytes} bytes for ${held}`);
}

test('an idle stream holds no memory', () => {
  const assembler = new Assembler(10);
  for (let i = 0; i < 100; i++) {
    insert(assembler, i * 700, i * 700 + 700);
    assert.ok(assembler.bufferedBytes > 0);
    readAll(assembler);
    assert.is(assembler.bufferedBytes, 0);
  }
});

test('pages grow with what is held', () => {
  const assembler = new Assembler(10);
  for (let i = 0; i < 1_000; i++) insert(assembler, i * 100, i * 100 + 100);
  assert.is(assembler.readableBytes, 100_000);
  assert.ok(assembler.bufferedBytes < 200_000);
  let chunks = 0;
  while (assembler.read(Infinity) !== undefined) chunks++;
  assert.ok(chunks < 15, `${chunks} chunks`);
});

test('a short chunk pins no large page', () => {
  const assembler = new Assembler(10);
  for (let i = 0; i < 100; i++) insert(assembler, i * 1_000, i * 1_000 + 1_000);
  for (let chunk = assembler.read(20); chunk !== undefined; chunk = assembler.read(20)) {
    assert.ok(chunk.buffer.byteLength <= chunk.length * 4 || chunk.buffer.byteLength <= 80);
  }
  assert.is(assembler.readOffset, 100_000);
});

test('refuses one hole too many and takes nothing of it', () => {
  const assembler = new Assembler(3);
  for (let i = 1; i <= 3; i++) assert.ok(insert(assembler, i * 10, i * 10 + 1));
  const before = assembler.bufferedBytes;
  assert.not(insert(assembler, 100, 101));
  assert.is(assembler.bufferedBytes, before);
  assert.is(assembler.highestOffset, 31);
  // What closes a hole or widens an island is still taken.
  assert.ok(insert(assembler, 11, 15));
  assert.ok(insert(assembler, 29, 30));
  assert.ok(insert(assembler, 0, 12));
  assert.is(assembler.gapCount, 2);
  assert.ok(insert(assembler, 100, 101));
});

test('holes of one byte, made and closed again and again, cost a bounded amount', () => {
  const assembler = new Assembler(1_000);
  const length = 262_144;
  let worst = 0;
  for (let base = 0; base < length; base += 1_900) {
    const end = Math.min(base + 1_900, length);
    for (let i = base + 1; i < end; i += 2) assert.ok(insert(assembler, i, i + 1));
    for (let i = base; i < end; i += 2) assert.ok(insert(assembler, i, i + 1));
    worst = Math.max(worst, assembler.bufferedBytes / end);
  }
  assert.is(assembler.readableBytes, length);
  assert.ok(assembler.bufferedBytes < 2.2 * length, `${assembler.bufferedBytes}`);
  let chunks = 0;
  for (let chunk = assembler.read(Infinity); chunk !== undefined; chunk = assembler.read(Infinity)) chunks++;
  assert.ok(chunks < 600, `${chunks} pages`);
});

test('islands that are linked one after the other waste no more than they hold', () => {
  const assembler = new Assembler(1_000);
  // A large unread beginning, so that the next page would be large; then single bytes in order with islands of 600 between them.
  insert(assembler, 0, 65_536);
  const islands = 100;
  for (let i = 0; i < islands; i++) insert(assembler, 65_537 + i * 601, 65_537 + i * 601 + 600);
  for (let i = 0; i < islands; i++) insert(assembler, 65_536 + i * 601, 65_537 + i * 601);
  assert.is(assembler.readableBytes, 65_536 + islands * 601);
  assert.ok(assembler.bufferedBytes < 2 * assembler.readableBytes + 65_536, `${assembler.bufferedBytes}`);
  assert.is(readAll(assembler), 65_536 + islands * 601);
});

test('bytes that come back to front are not copied over and over', () => {
  const assembler = new Assembler(10);
  for (let i = 50_000; i > 0; i -= 10) insert(assembler, i - 10, i);
  assert.is(assembler.readableBytes, 50_000);
  assert.is(readAll(assembler, 999), 50_000);
});

test('discard lets go of everything and goes on behind it', () => {
  const assembler = new Assembler(10);
  insert(assembler, 0, 100);
  insert(assembler, 200, 300);
  assembler.discard();
  assert.is(assembler.bufferedBytes, 0);
  assert.is(assembler.readableBytes, 0);
  assert.is(assembler.readOffset, 300);
  assert.ok(insert(assembler, 100, 200));
  assert.is(assembler.read(10), undefined);
  insert(assembler, 300, 310);
  assert.is(readAll(assembler), 310);
});

test('empty pieces change nothing', () => {
  const assembler = new Assembler(1);
  assert.ok(insert(assembler, 0, 0));
  assert.ok(insert(assembler, 50, 50));
  assert.is(assembler.gapCount, 0);
  assert.is(assembler.highestOffset, 0);
  insert(assembler, 0, 10);
  assert.is(assembler.read(0), undefined);
});

test.run();
