import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Carried } from '../../src/recovery/sent-packet.ts';
import { SentPackets } from '../../src/recovery/sent-packets.ts';

const SEED = Number(process.env['SEED'] ?? 9002);
console.log(`SEED=${SEED}`);

const test = suite('sent packets');

function live(sent: SentPackets): number[] {
  const out: number[] = [];
  for (let pn = sent.oldest; pn < sent.end; pn++) if (sent.get(pn) !== undefined) out.push(pn);
  return out;
}

test('finds what was added and forgets what was removed', () => {
  const sent = new SentPackets();
  for (let pn = 0; pn < 5; pn++) sent.add(pn).size = 100 + pn;
  assert.is(sent.count, 5);
  assert.is(sent.get(3)!.size, 103);
  sent.remove(3);
  assert.is(sent.get(3), undefined);
  sent.remove(3);
  assert.is(sent.count, 4);
  assert.equal(live(sent), [0, 1, 2, 4]);
});

test('moves its low end over holes', () => {
  const sent = new SentPackets();
  for (let pn = 0; pn < 6; pn++) sent.add(pn);
  for (const pn of [1, 2, 4]) sent.remove(pn);
  sent.remove(0);
  assert.is(sent.oldest, 3);
  sent.remove(3);
  assert.is(sent.oldest, 5);
  sent.remove(5);
  assert.is(sent.oldest, 6);
  assert.is(sent.count, 0);
});

test('grows when the span outgrows it, whatever is still there', () => {
  const sent = new SentPackets();
  for (let pn = 0; pn < 1000; pn++) {
    sent.add(pn).carry(Carried.STREAM, 4, pn, 1);
    if (pn > 0 && pn % 3 !== 0) sent.remove(pn);
  }
  assert.is(sent.oldest, 0);
  assert.is(sent.count, 334);
  for (const pn of live(sent)) assert.is(sent.get(pn)!.carried[2], pn);
});

test('reuses records', () => {
  const sent = new SentPackets();
  const first = sent.add(0);
  first.carry(Carried.MAX_DATA, 0, 7, 0);
  first.ackEliciting = true;
  first.requeued = true;
  sent.remove(0);
  for (let pn = 1; pn < 16; pn++) {
    sent.add(pn);
    sent.remove(pn);
  }
  const again = sent.add(16);
  assert.is(again, first);
  assert.is(again.carriedCount, 0);
  assert.not.ok(again.ackEliciting);
  assert.not.ok(again.requeued);
});

test('starts a record anew when its number is added twice', () => {
  const sent = new SentPackets();
  sent.add(0);
  sent.add(1).carry(Carried.MAX_DATA, 0, 7, 0);
  assert.is(sent.add(1).carriedCount, 0);
  assert.is(sent.count, 2);
});

test('takes numbers with gaps and beyond 2^32', () => {
  const sent = new SentPackets();
  const base = 2 ** 33 + 11;
  for (const pn of [base, base + 3, base + 90]) sent.add(pn);
  assert.equal(live(sent), [base, base + 3, base + 90]);
  sent.remove(base);
  assert.is(sent.oldest, base + 3);
});

test('gives memory back with clear() and keeps counting', () => {
  const sent = new SentPackets();
  for (let pn = 0; pn < 100; pn++) sent.add(pn);
  sent.clear();
  assert.is(sent.count, 0);
  assert.is(sent.oldest, 100);
  assert.is(sent.get(50), undefined);
  sent.add(100);
  assert.equal(live(sent), [100]);
});

test('agrees with a Map under any order of sending and removing, through growing and shrinking', () => {
  const step = fc.oneof(
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('send' as const), n: fc.integer({ min: 1, max: 60 }) }) },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('remove' as const), n: fc.nat(1000) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('removeAll' as const), n: fc.constant(0) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('skip' as const), n: fc.nat(5) }) },
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const sent = new SentPackets();
      const model = new Map<number, number>();
      let next = 0;
      for (const { kind, n } of steps) {
        if (kind === 'send') {
          for (let i = 0; i < n; i++) {
            sent.add(next).size = next * 3;
            model.set(next, next * 3);
            next++;
          }
        } else if (kind === 'skip') {
          next += n;
        } else if (kind === 'removeAll') {
          for (const pn of model.keys()) sent.remove(pn);
          model.clear();
        } else {
          const keys = [...model.keys()];
          for (let i = 0; i < Math.min(keys.length, n % 20); i++) {
            const pn = keys[(n * 7 + i * 13) % keys.length]!;
            sent.remove(pn);
            model.delete(pn);
          }
        }
        assert.is(sent.count, model.size);
        assert.equal(live(sent), [...model.keys()]);
        for (const [pn, size] of model) assert.is(sent.get(pn)!.size, size);
        if (model.size > 0) assert.is(sent.oldest, Math.min(...model.keys()));
      }
    }),
    { seed: SEED, numRuns: 300 },
  );
});

test.run();
