import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ByteRanges } from '../../src/streams/byte-ranges.ts';
import { check, fc } from '../support/property.ts';

const test = suite('byte ranges');

test('behave like a set of offsets', () => {
  const step = fc.record({
    kind: fc.constantFrom('add', 'remove', 'removeBelow'),
    start: fc.nat(60),
    length: fc.nat(20),
  });
  check(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const ranges = new ByteRanges();
      const model = new Set<number>();
      for (const { kind, start, length } of steps) {
        if (kind === 'removeBelow') {
          ranges.removeBelow(start);
          for (const offset of model) if (offset < start) model.delete(offset);
        } else if (kind === 'add') {
          ranges.add(start, start + length);
          for (let i = start; i < start + length; i++) model.add(i);
        } else {
          ranges.remove(start, start + length);
          for (let i = start; i < start + length; i++) model.delete(i);
        }
        assert.equal(boundsOf(ranges), boundsOfModel(model));
        assert.is(ranges.isEmpty, model.size === 0);
      }
    }),
  );
});

test('find the first range that ends at or beyond an offset', () => {
  const ranges = new ByteRanges();
  ranges.add(10, 20);
  ranges.add(30, 40);
  assert.is(ranges.indexEndingAt(0), 0);
  assert.is(ranges.indexEndingAt(20), 0);
  assert.is(ranges.indexEndingAt(21), 1);
  assert.is(ranges.indexEndingAt(41), 2);
  assert.is(ranges.firstStart, 10);
  assert.is(ranges.firstEnd, 20);
  ranges.clear();
  assert.is(ranges.firstStart, -1);
  assert.is(ranges.firstEnd, -1);
});

function boundsOf(ranges: ByteRanges): number[][] {
  return Array.from({ length: ranges.count }, (_, i) => [ranges.startOf(i), ranges.endOf(i)]);
}

function boundsOfModel(model: Set<number>): number[][] {
  const bounds: number[][] = [];
  for (const offset of [...model].sort((a, b) => a - b)) {
    const last = bounds.at(-1);
    if (last !== undefined && last[1] === offset) last[1] = offset + 1;
    else bounds.push([offset, offset + 1]);
  }
  return bounds;
}

test.run();
