import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parseArguments, select } from '../lib/arguments.ts';

const test = suite('arguments');
const all = [
  { name: 'stream-1200' },
  { name: 'stream-16384', onRequest: true },
  { name: 'mqtt-qos0' },
  { name: 'mqtt' },
];
const names = (...words: string[]): string[] => select(all, words).map(({ name }) => name);

test('options and names may come in any order', () => {
  assert.equal(parseArguments([]), { names: [], json: false, quick: false, source: false });
  assert.equal(parseArguments(['stream', '--json', 'mqtt']), {
    names: ['stream', 'mqtt'],
    json: true,
    quick: false,
    source: false,
  });
});

test('an unknown option is an error', () => {
  assert.throws(() => parseArguments(['--jsno']), /jsno/);
});

test('no name selects everything that does not wait to be named', () => {
  assert.equal(names(), ['stream-1200', 'mqtt-qos0', 'mqtt']);
});

test('a part of a name selects all that contain it, in their own order', () => {
  assert.equal(names('stream'), ['stream-1200', 'stream-16384']);
  assert.equal(names('qos', '1200'), ['stream-1200', 'mqtt-qos0']);
});

test('a whole name selects only that one', () => {
  assert.equal(names('mqtt'), ['mqtt']);
});

test('a name that is none is an error that lists the others', () => {
  assert.throws(() => names('steam'), /There is no benchmark steam; there are stream-1200, /);
});

test.run();
