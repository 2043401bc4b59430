import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { MAX_TOPIC_LENGTH, MAX_TOPIC_LEVELS } from '../../src/limits.ts';
import { hasWildcard, isSharedFilter, topicFilterProblem, topicNameProblem } from '../../src/packets/topics.ts';

const test = suite('topics');

const NAMES: readonly [string, boolean][] = [
  ['a', true],
  ['/', true],
  ['a/b/c', true],
  ['/a', true],
  ['a/', true],
  ['a//b', true],
  ['$SYS/x', true],
  ['with blank', true],
  ['ΑΒΓ/😀', true],
  ['\uFEFFa', true],
  ['', false],
  ['+', false],
  ['a/+/b', false],
  ['a+', false],
  ['#', false],
  ['a/#', false],
  ['a\0b', false],
  ['\uD800', false],
  ['a\uDC00', false],
  ['x'.repeat(MAX_TOPIC_LENGTH), true],
  ['x'.repeat(MAX_TOPIC_LENGTH + 1), false],
  ['é'.repeat(MAX_TOPIC_LENGTH / 2 + 1), false],
  ['/'.repeat(MAX_TOPIC_LEVELS - 1), true],
  ['/'.repeat(MAX_TOPIC_LEVELS), false],
];

const FILTERS: readonly [string, boolean][] = [
  ['a', true],
  ['#', true],
  ['+', true],
  ['/#', true],
  ['+/+', true],
  ['a/#', true],
  ['a/+/b', true],
  ['+/a/#', true],
  ['a/+', true],
  ['/+', true],
  ['$share/g/a', true],
  ['a#', false],
  ['#/a', false],
  ['a/#/b', false],
  ['##', false],
  ['a/##', false],
  ['a+', false],
  ['+a', false],
  ['a/+b', false],
  ['a/b+/c', false],
  ['++', false],
  ['', false],
  ['a\0', false],
  ['\uDFFF/#', false],
];

for (const [topic, isValid] of NAMES) {
  test(`topic name ${JSON.stringify(topic.slice(0, 20))} (${topic.length}) is ${isValid ? 'valid' : 'refused'}`, () => {
    assert.is(topicNameProblem(topic) === undefined, isValid);
  });
}

for (const [filter, isValid] of FILTERS) {
  test(`topic filter ${JSON.stringify(filter)} is ${isValid ? 'valid' : 'refused'}`, () => {
    assert.is(topicFilterProblem(filter) === undefined, isValid);
  });
}

test('shared filters are told apart', () => {
  assert.ok(isSharedFilter('$share/group/a/b'));
  assert.ok(isSharedFilter('$share'));
  assert.not.ok(isSharedFilter('$shared/a'));
  assert.not.ok(isSharedFilter('a/$share/b'));
});

test('wildcards are found', () => {
  assert.ok(hasWildcard('a/+'));
  assert.ok(hasWildcard('a/#'));
  assert.not.ok(hasWildcard('a/b'));
});

test.run();
