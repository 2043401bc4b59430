import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Ranges } from '../../src/recovery/ranges.ts';

const SEED = Number(process.env['SEED'] ?? 9002);
console.log(`SEED=${SEED}`);

const test = suite('ranges');

function contents(ranges: Ranges): [number, number][] {
  const out: [number, number][] = [];
  for (let i = 0; i < ranges.count; i++) out.push([ranges.start(i), ranges.end(i)]);
  return out;
}

function of(...pairs: [number, number][]): Ranges {
  const ranges = new Ranges();
  for (const [start, end] of pairs) ranges.add(start, end);
  return ranges;
}

test('is empty at first', () => {
  const ranges = new Ranges();
  assert.is(ranges.count, 0);
  assert.is(ranges.largest, -1);
  assert.is(ranges.smallest, -1);
  assert.not.ok(ranges.contains(0));
  ranges.remove(0, 10);
  ranges.dropBelow(10);
  ranges.trimTo(0);
  assert.is(ranges.count, 0);
});

test('grows at the tail', () => {
  const ranges = new Ranges();
  for (let i = 0; i < 5; i++) assert.ok(ranges.add(i, i + 1));
  assert.ok(ranges.add(7, 8));
  assert.not.ok(ranges.add(7, 8));
  assert.equal(contents(ranges), [
    [0, 5],
    [7, 8],
  ]);
  assert.is(ranges.largest, 7);
});

test('joins ranges that touch or overlap', () => {
  const ranges = of([0, 2], [4, 6], [8, 10], [20, 30]);
  assert.ok(ranges.add(2, 4));
  assert.equal(contents(ranges), [
    [0, 6],
    [8, 10],
    [20, 30],
  ]);
  assert.ok(ranges.add(5, 25));
  assert.equal(contents(ranges), [[0, 30]]);
});

test('adds before, between and around', () => {
  const ranges = of([10, 12], [20, 22]);
  assert.ok(ranges.add(0, 1));
  assert.ok(ranges.add(15, 16));
  assert.ok(ranges.add(9, 13));
  assert.equal(contents(ranges), [
    [0, 1],
    [9, 13],
    [15, 16],
    [20, 22],
  ]);
});

test('says that nothing is new', () => {
  const ranges = of([0, 10], [20, 30]);
  assert.not.ok(ranges.add(0, 10));
  assert.not.ok(ranges.add(3, 4));
  assert.not.ok(ranges.add(20, 30));
  assert.not.ok(ranges.add(5, 5));
  assert.ok(ranges.add(9, 11));
});

test('removes from the middle by splitting', () => {
  const ranges = of([0, 10], [20, 30]);
  ranges.remove(3, 5);
  assert.equal(contents(ranges), [
    [0, 3],
    [5, 10],
    [20, 30],
  ]);
  ranges.remove(8, 22);
  assert.equal(contents(ranges), [
    [0, 3],
    [5, 8],
    [22, 30],
  ]);
  ranges.remove(5, 8);
  assert.equal(contents(ranges), [
    [0, 3],
    [22, 30],
  ]);
});

test('drops the low end, by value and by count', () => {
  const ranges = of([0, 2], [4, 6], [8, 10]);
  ranges.dropBelow(5);
  assert.equal(contents(ranges), [
    [5, 6],
    [8, 10],
  ]);
  ranges.trimTo(1);
  assert.equal(contents(ranges), [[8, 10]]);
  ranges.dropBelow(10);
  assert.is(ranges.count, 0);
});

test('holds numbers beyond 2^32', () => {
  const ranges = of([2 ** 40, 2 ** 40 + 5], [2 ** 52, 2 ** 52 + 1]);
  assert.ok(ranges.contains(2 ** 40 + 4));
  assert.not.ok(ranges.contains(2 ** 40 + 5));
  assert.is(ranges.largest, 2 ** 52);
});

test('agrees with a set of numbers under any sequence of operations', () => {
  const LIMIT = 60;
  const span = fc.tuple(fc.nat(LIMIT), fc.nat(12));
  const step = fc.oneof(
    { weight: 5, arbitrary: fc.record({ kind: fc.constant('add' as const), span }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('remove' as const), span }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('dropBelow' as const), span }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('trimTo' as const), span }) },
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const ranges = new Ranges();
      let model = new Set<number>();
      for (const {
        kind,
        span: [start, length],
      } of steps) {
        if (kind === 'add') {
          const before = model.size;
          for (let v = start; v < start + length; v++) model.add(v);
          assert.is(ranges.add(start, start + length), model.size > before);
        } else if (kind === 'remove') {
          for (let v = start; v < start + length; v++) model.delete(v);
          ranges.remove(start, start + length);
        } else if (kind === 'dropBelow') {
          for (const v of model) if (v < start) model.delete(v);
          ranges.dropBelow(start);
        } else {
          const runs = naiveRuns(model);
          const kept = runs.slice(Math.max(0, runs.length - length));
          model = new Set(kept.flatMap(([from, to]) => Array.from({ length: to - from }, (_, i) => from + i)));
          ranges.trimTo(length);
        }
        assert.equal(contents(ranges), naiveRuns(model));
        for (let v = -1; v <= LIMIT + 14; v++) assert.is(ranges.contains(v), model.has(v));
        assert.is(ranges.largest, model.size === 0 ? -1 : Math.max(...model));
        assert.is(ranges.smallest, model.size === 0 ? -1 : Math.min(...model));
      }
    }),
    { seed: SEED, numRuns: 500 },
  );
});

function naiveRuns(model: Set<number>): [number, number][] {
  const runs: [number, number][] = [];
  for (const v of [...model].sort((a, b) => a - b)) {
    const lastRun = runs.at(-1);
    if (lastRun !== undefined && lastRun[1] === v) lastRun[1] = v + 1;
    else runs.push([v, v + 1]);
  }
  return runs;
}

test.run();
