import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { rowsOf, runBenchmark, type Benchmark, type Contender, type Settings } from '../lib/benchmark.ts';

const test = suite('benchmark');
const settings: Settings = {
  duration: 0,
  certificates: { caPem: '', certificatePem: '', keyPem: '' },
  nodeArgs: [],
  log: () => {},
};

/** Gives the values one after another and writes down what it is asked. */
function scripted(name: string, values: readonly number[], diary: string[] = [], loss = 0): Contender {
  let next = 0;
  return {
    name,
    start: () => Promise.resolve(void diary.push(`start ${name}`)),
    measure() {
      diary.push(name);
      const value = values[next++];
      return value === undefined ? Promise.reject(new Error('out of values')) : Promise.resolve({ value, loss });
    },
    stop: () => Promise.resolve(void diary.push(`stop ${name}`)),
  };
}

function benchmark(...contenders: [Contender, ...Contender[]]): Benchmark {
  return { name: 'b', unit: '/s', better: 'more', warmUps: 1, rounds: 3, contenders: () => contenders };
}

test('contenders take turns, the first of a round last in the next, and the warm-up does not count', async () => {
  const diary: string[] = [];
  const results = await runBenchmark(
    benchmark(scripted('a', [100, 1, 2], diary), scripted('b', [100, 3, 4], diary)),
    2,
    settings,
  );
  assert.equal(diary, ['start a', 'start b', 'a', 'b', 'b', 'a', 'a', 'b', 'stop a', 'stop b']);
  assert.equal(
    results.map(({ values }) => values),
    [
      [1, 2],
      [3, 4],
    ],
  );
});

test('a contender that fails is left out, and the others go on', async () => {
  const results = await runBenchmark(benchmark(scripted('a', [1, 2]), scripted('b', [1, 2, 3, 4])), 3, settings);
  assert.is(results[0]?.failure, 'out of values');
  assert.equal(results[1]?.values, [2, 3, 4]);
  assert.is(results[1]?.failure, '');
});

test('the worst loss of the rounds is kept', async () => {
  const [result] = await runBenchmark(benchmark(scripted('a', [1, 2, 3], [], 0.25)), 2, settings);
  assert.is(result?.loss, 0.25);
});

test('there is a row for each peer, with medians and their ratio', () => {
  const rows = rowsOf({ name: 'b', unit: '/s' }, [
    { name: 'ours', values: [10, 30, 20], loss: 0, failure: '' },
    { name: 'p', values: [50, 40, 30], loss: 0, failure: '' },
    { name: 'q', values: [1, 2, 3, 4], loss: 0, failure: '' },
  ]);
  assert.equal(rows, [
    { name: 'b', unit: '/s', ours: 20, peerName: 'p', peer: 40, ratio: 0.5 },
    { name: 'b', unit: '/s', ours: 20, peerName: 'q', peer: 2.5, ratio: 8 },
  ]);
});

test('what was not measured is null, and so is its ratio', () => {
  const rows = rowsOf({ name: 'b', unit: '/s' }, [
    { name: 'ours', values: [10, 20], loss: 0, failure: 'then it broke' },
    { name: 'p', values: [50], loss: 0, failure: '' },
  ]);
  assert.equal(rows, [{ name: 'b', unit: '/s', ours: null, peerName: 'p', peer: 50, ratio: null }]);
});

test.run();
