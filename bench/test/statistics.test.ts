import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { median } from '../lib/statistics.ts';

const test = suite('statistics');

test('the median of an odd count is the value in the middle, by size and not by text', () => {
  assert.is(median([100, 9, 20]), 20);
  assert.is(median([7]), 7);
});

test('the median of an even count is the mean of the two in the middle', () => {
  assert.is(median([4, 1, 3, 2]), 2.5);
});

test('the median of nothing is not a number, and the values stay as they were', () => {
  assert.ok(Number.isNaN(median([])));
  const values = [3, 1, 2];
  median(values);
  assert.equal(values, [3, 1, 2]);
});

test.run();
