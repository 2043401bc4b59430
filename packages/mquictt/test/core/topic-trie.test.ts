import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TopicTrie } from '../../src/core/topic-trie.ts';
import { SEED } from '../support/seed.ts';

const test = suite('topic-trie');

/** MQTT 5 §4.7 word by word, slowly. */
export function naiveMatch(filter: string, topic: string): boolean {
  if (topic.startsWith('$') && /^[+#]/.test(filter)) return false;
  const filterLevels = filter.split('/');
  const topicLevels = topic.split('/');
  for (const [i, level] of filterLevels.entries()) {
    if (level === '#') return true;
    if (i >= topicLevels.length) return false;
    if (level !== '+' && level !== topicLevels[i]) return false;
    if (i === topicLevels.length - 1) {
      const rest = filterLevels.slice(i + 1);
      return rest.length === 0 || (rest.length === 1 && rest[0] === '#');
    }
  }
  return false;
}

const level = fc.constantFrom('a', 'b', '', '$x', 'ab');
const topic = fc.array(level, { minLength: 1, maxLength: 5 }).map((levels) => levels.join('/'));
const filter = fc
  .tuple(fc.array(fc.oneof(level, fc.constant('+')), { minLength: 1, maxLength: 5 }), fc.boolean())
  .map(([levels, below]) => [...levels, ...(below ? ['#'] : [])].join('/'));
const filters = fc.array(fc.oneof(filter, fc.constant('#')), { maxLength: 20 });

const TABLE: readonly [string, string, boolean][] = [
  ['sport/tennis/player1/#', 'sport/tennis/player1', true],
  ['sport/tennis/player1/#', 'sport/tennis/player1/ranking', true],
  ['sport/tennis/player1/#', 'sport/tennis/player1/score/wimbledon', true],
  ['sport/#', 'sport', true],
  ['#', '/', true],
  ['sport/tennis/+', 'sport/tennis/player1', true],
  ['sport/tennis/+', 'sport/tennis/player1/ranking', false],
  ['sport/+', 'sport', false],
  ['sport/+', 'sport/', true],
  ['+/+', '/finance', true],
  ['/+', '/finance', true],
  ['+', '/finance', false],
  ['#', '$SYS/a', false],
  ['+/monitor/Clients', '$SYS/monitor/Clients', false],
  ['$SYS/#', '$SYS/a', true],
  ['$SYS/monitor/+', '$SYS/monitor/Clients', true],
  ['a/+', 'a/$b', true],
  ['ACCOUNTS', 'Accounts', false],
];

for (const [filter, topic, expected] of TABLE) {
  test(`${filter} ${expected ? 'matches' : 'does not match'} ${topic}`, () => {
    const trie = new TopicTrie<string>();
    trie.add(filter, filter);
    assert.is(trie.match(topic).length === 1, expected);
    assert.is(naiveMatch(filter, topic), expected);
  });
}

test('finds what a naive matcher finds, with filters that come and go', () => {
  fc.assert(
    fc.property(filters, fc.array(fc.nat(30), { maxLength: 10 }), topic, (all, removed, topic) => {
      const trie = new TopicTrie<number>();
      all.forEach((filter, i) => trie.add(filter, i));
      const left = new Map(all.map((filter, i) => [i, filter]));
      for (const i of removed) {
        const filter = left.get(i);
        if (filter === undefined) continue;
        assert.ok(trie.remove(filter, i));
        left.delete(i);
      }
      assert.is(trie.size, left.size);
      const expected = [...left].filter(([, filter]) => naiveMatch(filter, topic)).map(([i]) => i);
      assert.equal(
        trie.match(topic).sort((a, b) => a - b),
        expected.sort((a, b) => a - b),
      );
    }),
    { seed: SEED, numRuns: 500 },
  );
});

test('changes its version with every change and only then', () => {
  const trie = new TopicTrie<number>();
  trie.add('a', 1);
  const version = trie.version;
  trie.add('a', 1);
  assert.not.ok(trie.remove('a', 2));
  assert.not.ok(trie.remove('b', 1));
  trie.match('a');
  assert.is(trie.version, version);
  assert.ok(trie.remove('a', 1));
  assert.is.not(trie.version, version);
});

test('a match visits the nodes on prefixes of the topic, whatever else there is', () => {
  const visits = (count: number): number => {
    const trie = new TopicTrie<number>();
    for (let i = 0; i < count; i++) trie.add(`site/${i % 100}/device/${i}/temperature`, i);
    trie.add('site/+/device/7/#', -1);
    trie.add('#', -2);
    const before = trie.visited;
    assert.equal(
      trie.match('site/7/device/7/temperature').sort((a, b) => a - b),
      [-2, -1, 7],
    );
    return trie.visited - before;
  };
  const few = visits(1_000);
  assert.ok(few <= 12, `${few} nodes`);
  assert.is(visits(100_000), few);
});

test('filters of the largest depth match without recursion', () => {
  const trie = new TopicTrie<number>();
  const deep = Array.from({ length: 32_000 }, () => 'a').join('/');
  trie.add(deep, 1);
  trie.add('a/#', 2);
  assert.equal(trie.match(deep), [2, 1]);
});

test.run();
