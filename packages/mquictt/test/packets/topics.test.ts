import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { MAX_TOPIC_LENGTH, MAX_TOPIC_LEVELS } from '../../src/limits.ts';
import {
  checkResponseTopic,
  hasWildcard,
  isSharedFilter,
  splitSharedFilter,
  topicFilterProblem,
  topicNameProblem,
} from '../../src/packets/topics.ts';
import { assertRefused } from '../support/codec.ts';

const test = suite('topics');

const EMPTY = '[MQTT-4.7.3-1] [MQTT311-4.7.3-1] ';
const NUL = '[MQTT-4.7.3-2] [MQTT311-4.7.3-2] ';
const WILDCARD_IN_NAME = '[MQTT-4.7.0-1] [MQTT311-4.7.1-1] ';
const HASH = '[MQTT-4.7.1-1] [MQTT311-4.7.1-2] ';
const PLUS = '[MQTT-4.7.1-2] [MQTT311-4.7.1-3] ';
const SHARE_NAME = '[MQTT-4.8.2-1] ';
const SHARE_FORM = '[MQTT-4.8.2-2] ';

const NAMES: readonly [string, boolean, string?][] = [
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
  ['', false, EMPTY],
  ['+', false, WILDCARD_IN_NAME],
  ['a/+/b', false, WILDCARD_IN_NAME],
  ['a+', false, WILDCARD_IN_NAME],
  ['#', false, WILDCARD_IN_NAME],
  ['a/#', false, WILDCARD_IN_NAME],
  ['a\0b', false, NUL],
  ['\uD800', false],
  ['a\uDC00', false],
  ['x'.repeat(MAX_TOPIC_LENGTH), true],
  ['x'.repeat(MAX_TOPIC_LENGTH + 1), false],
  ['é'.repeat(MAX_TOPIC_LENGTH / 2 + 1), false],
  ['/'.repeat(MAX_TOPIC_LEVELS - 1), true],
  ['/'.repeat(MAX_TOPIC_LEVELS), false],
];

const FILTERS: readonly [string, boolean, string?][] = [
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
  ['$share/g/+/#', true],
  ['$share/g//', true],
  ['$share/gé/a', true],
  ['$shared/a', true],
  ['$share', false],
  ['$share/', false],
  ['$share/g', false, SHARE_FORM],
  ['$share/g/', false, SHARE_FORM],
  ['$share//a', false, SHARE_NAME],
  ['$share/+/a', false, SHARE_FORM],
  ['$share/#/a', false, SHARE_FORM],
  ['$share/g+/a', false, SHARE_FORM],
  ['$share/g/a#', false],
  ['$share/\uD800/a', false],
  ['$share/g\0/a', false],
  ['a#', false, HASH],
  ['#/a', false, HASH],
  ['a/#/b', false, HASH],
  ['##', false, HASH],
  ['a/##', false, HASH],
  ['a+', false, PLUS],
  ['+a', false, PLUS],
  ['a/+b', false, PLUS],
  ['a/b+/c', false, PLUS],
  ['++', false, PLUS],
  ['', false, EMPTY],
  ['a\0', false, NUL],
  ['\uDFFF/#', false],
];

for (const [topic, isValid, statements = ''] of NAMES) {
  test(`${statements}topic name ${JSON.stringify(topic.slice(0, 20))} (${topic.length}) is ${isValid ? 'valid' : 'refused'}`, () => {
    assert.is(topicNameProblem(topic) === undefined, isValid);
  });
}

for (const [filter, isValid, statements = ''] of FILTERS) {
  test(`${statements}topic filter ${JSON.stringify(filter)} is ${isValid ? 'valid' : 'refused'}`, () => {
    assert.is(topicFilterProblem(filter) === undefined, isValid);
  });
}

test('shared filters are told apart', () => {
  assert.ok(isSharedFilter('$share/group/a/b'));
  assert.ok(isSharedFilter('$share'));
  assert.not.ok(isSharedFilter('$shared/a'));
  assert.not.ok(isSharedFilter('a/$share/b'));
});

test('[MQTT-4.8.2-1] [MQTT-4.8.2-2] a shared filter has a share name and a filter of its own', () => {
  assert.equal(splitSharedFilter('$share/group/a/b'), { shareName: 'group', filter: 'a/b' });
  assert.equal(splitSharedFilter('$share/g//'), { shareName: 'g', filter: '/' });
  assert.is(splitSharedFilter('a/b'), undefined);
  assert.is(splitSharedFilter('$share'), undefined);
});

test('[MQTT-4.7.3-3] the length of a shared filter counts its share name, its levels do not', () => {
  const name = 'g'.repeat(100);
  const rest = MAX_TOPIC_LENGTH - name.length - '$share//'.length;
  assert.is(topicFilterProblem(`$share/${name}/${'x'.repeat(rest)}`), undefined);
  assert.ok(topicFilterProblem(`$share/${name}/${'x'.repeat(rest + 1)}`) !== undefined);
  assert.is(topicFilterProblem(`$share/g/${'/'.repeat(MAX_TOPIC_LEVELS - 1)}`), undefined);
  assert.ok(topicFilterProblem(`$share/g/${'/'.repeat(MAX_TOPIC_LEVELS)}`) !== undefined);
});

test('[MQTT-3.3.2-14] a response topic is a topic name', () => {
  checkResponseTopic('a/b');
  for (const topic of ['', 'a/#', '+']) assertRefused(() => checkResponseTopic(topic), 0x82);
});

test('what is no text is no topic', () => {
  for (const value of [undefined, null, 5, {}]) {
    assert.is(topicFilterProblem(value as string), 'is no text');
    assert.is(topicNameProblem(value as string), 'is no text');
  }
});

test('wildcards are found', () => {
  assert.ok(hasWildcard('a/+'));
  assert.ok(hasWildcard('a/#'));
  assert.not.ok(hasWildcard('a/b'));
});

test.run();
