import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { SendBuffer } from '../../src/streams/send-buffer.ts';
import { check, fc } from '../support/property.ts';

const test = suite('send buffer');

const byteAt = (offset: number): number => (offset * 13 + (offset >> 7)) & 0xff;

function bytes(from: number, length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => byteAt(from + i));
}

function copied(buffer: SendBuffer, offset: number, length: number): Uint8Array {
  const target = new Uint8Array(length + 4).fill(0xaa);
  buffer.copy(offset, length, target, 2);
  assert.equal([...target.subarray(0, 2), ...target.subarray(length + 2)], [0xaa, 0xaa, 0xaa, 0xaa]);
  return target.subarray(2, length + 2);
}

/** What each byte is, one by one. */
class Model {
  readonly states: ('unsent' | 'flight' | 'lost' | 'acked')[] = [];

  /** First range to send: the first lost run, else everything unsent. */
  pending(): [number, number] | undefined {
    const wanted = this.states.includes('lost') ? 'lost' : 'unsent';
    const start = this.states.indexOf(wanted);
    if (start === -1) return undefined;
    let end = start;
    while (this.states[end] === wanted) end++;
    return [start, end - start];
  }

  get ackedOffset(): number {
    const at = this.states.findIndex((state) => state !== 'acked');
    return at === -1 ? this.states.length : at;
  }
}

test('behaves like a list of bytes with a state each, in any order of sending, loss and acknowledgement', () => {
  const step = fc.record({
    kind: fc.constantFrom('write', 'send', 'send', 'send', 'ack', 'ack', 'lose', 'loseAgain'),
    size: fc.oneof(fc.nat(60), fc.nat(1_200), fc.integer({ min: 4_090, max: 6_000 })),
    pick: fc.nat(),
  });
  check(
    fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
      const buffer = new SendBuffer();
      const model = new Model();
      const flights: [number, number][] = [];
      /** Declared lost, but still able to arrive. */
      const ghosts: [number, number][] = [];
      for (const { kind, size, pick } of steps) {
        if (kind === 'write') {
          buffer.write(bytes(model.states.length, size));
          for (let i = 0; i < size; i++) model.states.push('unsent');
        } else if (kind === 'send') {
          const expected = model.pending();
          assert.is(buffer.hasPending(), expected !== undefined);
          if (expected === undefined) continue;
          assert.equal([buffer.pendingOffset, buffer.pendingLength], expected);
          const length = Math.min(expected[1], size + 1);
          assert.equal(copied(buffer, expected[0], length), bytes(expected[0], length));
          buffer.markSent(expected[0], length);
          model.states.fill('flight', expected[0], expected[0] + length);
          flights.push([expected[0], length]);
        } else if (kind === 'ack') {
          // An acknowledgement can also come for what was declared lost.
          const from = pick % 4 === 0 && ghosts.length > 0 ? ghosts : flights;
          if (from.length === 0) continue;
          const [offset, length] = from.splice(pick % from.length, 1)[0]!;
          buffer.onAcked(offset, length);
          model.states.fill('acked', offset, offset + length);
        } else {
          const from = kind === 'lose' ? flights : ghosts;
          if (from.length === 0) continue;
          const flight = from[pick % from.length]!;
          if (kind === 'lose') {
            flights.splice(flights.indexOf(flight), 1);
            ghosts.push(flight);
          }
          buffer.onLost(...flight);
          for (let i = flight[0]; i < flight[0] + flight[1]; i++)
            if (model.states[i] !== 'acked') model.states[i] = 'lost';
        }
        assert.is(buffer.writeOffset, model.states.length);
        assert.is(buffer.ackedOffset, model.ackedOffset);
        assert.is(buffer.length, model.states.length - model.ackedOffset);
        const unsent = model.states.indexOf('unsent');
        assert.is(buffer.sentOffset, unsent === -1 ? model.states.length : unsent);
        assert.is(buffer.hasLost, model.states.includes('lost'));
        assert.is(buffer.pendingBytes, model.states.filter((state) => state === 'lost' || state === 'unsent').length);
        assert.is(buffer.bufferedBytes > 0, buffer.length > 0);
      }
      // Everything still held can be read back.
      assert.equal(copied(buffer, buffer.ackedOffset, buffer.length), bytes(buffer.ackedOffset, buffer.length));
    }),
    400,
  );
});

test('keeps chunks of 4 KiB by reference and copies smaller ones', () => {
  const buffer = new SendBuffer();
  const small = bytes(0, 4_095);
  const large = bytes(4_095, 4_096);
  buffer.write(small);
  buffer.write(large);
  small.fill(0);
  large[7] = 99; // forbidden to a caller, and how the test sees that it is the same memory
  assert.equal(copied(buffer, 0, 4_095), bytes(0, 4_095));
  assert.is(copied(buffer, 4_095 + 7, 1)[0], 99);
});

test('copies small chunks together', () => {
  const buffer = new SendBuffer();
  for (let i = 0; i < 1_000; i++) buffer.write(bytes(i * 20, 20));
  assert.ok(buffer.bufferedBytes < 2 * 20_000);
  assert.equal(copied(buffer, 0, 20_000), bytes(0, 20_000));
});

test('releases memory from the front as it is acknowledged', () => {
  const buffer = new SendBuffer();
  for (let i = 0; i < 10; i++) buffer.write(bytes(i * 5_000, 5_000));
  buffer.markSent(0, 50_000);
  for (let i = 0; i < 10; i++) {
    assert.is(buffer.bufferedBytes, 50_000 - i * 5_000);
    buffer.onAcked(i * 5_000, 5_000);
  }
  assert.is(buffer.bufferedBytes, 0);
  buffer.write(bytes(50_000, 10));
  assert.is(buffer.bufferedBytes, 10);
});

test('does not send again what arrived although it was declared lost', () => {
  const buffer = new SendBuffer();
  buffer.write(bytes(0, 300));
  buffer.markSent(0, 300);
  buffer.onLost(0, 300);
  buffer.onAcked(100, 100);
  assert.ok(buffer.hasPending());
  assert.equal([buffer.pendingOffset, buffer.pendingLength], [0, 100]);
  buffer.markSent(0, 100);
  buffer.onAcked(0, 100);
  assert.ok(buffer.hasPending());
  assert.equal([buffer.pendingOffset, buffer.pendingLength], [200, 100]);
  buffer.onAcked(200, 100);
  assert.not(buffer.hasPending());
  assert.is(buffer.length, 0);
});

test('does not send again what another transmission brought', () => {
  const buffer = new SendBuffer();
  buffer.write(bytes(0, 100));
  buffer.markSent(0, 100);
  buffer.onLost(0, 100);
  buffer.markSent(0, 50);
  buffer.markSent(50, 50);
  buffer.onAcked(50, 50);
  buffer.onLost(0, 100); // the first transmission once more
  assert.ok(buffer.hasPending());
  assert.equal([buffer.pendingOffset, buffer.pendingLength], [0, 50]);
});

test('acknowledging every other packet leaves a bounded number of ranges', () => {
  const buffer = new SendBuffer();
  buffer.write(bytes(0, 100_000));
  buffer.markSent(0, 100_000);
  for (let i = 1; i < 100; i += 2) buffer.onAcked(i * 1_000, 1_000);
  assert.is(buffer.rangeCount, 50);
  for (let i = 0; i < 100; i += 2) buffer.onLost(i * 1_000, 1_000);
  assert.is(buffer.rangeCount, 100);
  for (let i = 0; i < 100; i += 2) buffer.onAcked(i * 1_000, 1_000);
  assert.is(buffer.rangeCount, 0);
  assert.is(buffer.length, 0);
});

test('discard lets go of everything', () => {
  const buffer = new SendBuffer();
  buffer.write(bytes(0, 10_000));
  buffer.markSent(0, 5_000);
  buffer.onLost(0, 1_000);
  buffer.discard();
  assert.not(buffer.hasPending());
  assert.is(buffer.length, 0);
  assert.is(buffer.bufferedBytes, 0);
  assert.throws(() => buffer.copy(0, 1, new Uint8Array(1), 0), RangeError);
});

test.run();
