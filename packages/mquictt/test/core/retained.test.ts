import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { RetainedStore } from '../../src/core/retained.ts';
import { TopicTrie } from '../../src/core/topic-trie.ts';
import { SEED } from '../support/seed.ts';
import { text, utf8 } from '../support/hex.ts';

const test = suite('retained');

function put(store: RetainedStore, topic: string, payload = 'x', expiresAt = Infinity): boolean {
  return store.set({
    topic,
    topicBytes: utf8(topic),
    payload: utf8(payload),
    qos: 1,
    properties: new Uint8Array(0),
    expiresAt,
  });
}

const topicsOf = (store: RetainedStore, filter: string): string[] =>
  [...store.match(filter)].map(({ topic }) => topic).sort();

test('keeps the last message of each topic', () => {
  const store = new RetainedStore();
  put(store, 'a/b', '1');
  put(store, 'a/b', '22');
  assert.is(text(store.get('a/b')!.payload), '22');
  assert.is(store.count, 1);
  assert.is(store.bytes, 5);
  assert.ok(store.delete('a/b'));
  assert.not.ok(store.delete('a/b'));
  assert.is(store.count, 0);
  assert.is(store.bytes, 0);
});

test('a topic above another is another topic', () => {
  const store = new RetainedStore();
  put(store, 'a/b/c');
  assert.is(store.get('a/b'), undefined);
  assert.not.ok(store.delete('a'));
  put(store, 'a');
  assert.ok(store.delete('a/b/c'));
  assert.equal(topicsOf(store, '#'), ['a']);
});

test('has bounds in messages and bytes, and a refused message leaves the former one', () => {
  const store = new RetainedStore({ maxMessages: 2, maxBytes: 10 });
  assert.ok(put(store, 'a', '1234'));
  assert.ok(put(store, 'b', '1'));
  assert.not.ok(put(store, 'c', ''));
  assert.not.ok(put(store, 'b', '123456'));
  assert.is(text(store.get('b')!.payload), '1');
  assert.ok(put(store, 'b', '1234'));
  assert.is(store.bytes, 10);
});

test('finds what the subscriptions of a live message would find', () => {
  const level = fc.constantFrom('a', 'b', '', '$x');
  const topic = fc.array(level, { minLength: 1, maxLength: 4 }).map((levels) => levels.join('/'));
  const filter = fc
    .tuple(fc.array(fc.oneof(level, fc.constant('+')), { minLength: 1, maxLength: 4 }), fc.boolean())
    .map(([levels, below]) => [...levels, ...(below ? ['#'] : [])].join('/'));
  fc.assert(
    fc.property(fc.uniqueArray(topic, { maxLength: 20 }), fc.oneof(filter, fc.constant('#')), (topics, filter) => {
      const store = new RetainedStore();
      for (const topic of topics) put(store, topic);
      const trie = new TopicTrie<string>();
      trie.add(filter, filter);
      assert.equal(topicsOf(store, filter), topics.filter((topic) => trie.match(topic).length > 0).sort());
    }),
    { seed: SEED, numRuns: 500 },
  );
});

test('may change while somebody walks through it', () => {
  const store = new RetainedStore();
  for (let i = 0; i < 10; i++) put(store, `a/${i}`);
  let count = 0;
  for (const { topic } of store.match('a/+')) {
    count++;
    store.delete(topic);
    if (count === 3) store.delete('a/9');
  }
  assert.is(count, 9);
  assert.is(store.count, 0);
});

test('forgets what has expired', () => {
  const store = new RetainedStore();
  put(store, 'a', 'x', 100);
  put(store, 'b', 'x', 200);
  put(store, 'c', 'x');
  assert.is(store.removeExpired(150), true);
  assert.equal(topicsOf(store, '#'), ['b', 'c']);
  assert.is(store.removeExpired(250), false);
  assert.equal(topicsOf(store, '#'), ['c']);
});

test.run();
