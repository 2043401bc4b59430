import { Simulation, seededRandom } from '@mquictt/testkit';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Batcher } from '../../src/stores/batcher.ts';
import type { BatcherOptions } from '../../src/stores/batcher.ts';
import type { Durability, Store, StoreOperation } from '../../src/stores/store.ts';

const test = suite('batcher');

interface Attempt {
  readonly at: number;
  readonly operations: readonly StoreOperation[];
  succeed(): Promise<void>;
  fail(message: string): Promise<void>;
}

/** A store whose writes end when the test says so. */
class ManualStore implements Store {
  readonly durability: Durability = 'disk';
  readonly warnings: readonly string[] = [];
  readonly records: Map<string, Uint8Array> = new Map();
  readonly attempts: Attempt[] = [];
  isClosed = false;
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  async *load(): AsyncIterable<readonly [string, Uint8Array]> {
    yield* this.records;
  }

  write(operations: readonly StoreOperation[]): Promise<void> {
    return new Promise((resolve, reject) => {
      this.attempts.push({
        at: this.#now(),
        operations,
        succeed: () => {
          for (const { key, value } of operations) {
            if (value === undefined) this.records.delete(key);
            else this.records.set(key, value);
          }
          resolve();
          return turns();
        },
        fail: (message) => {
          reject(new Error(message));
          return turns();
        },
      });
    });
  }

  get last(): Attempt {
    return this.attempts.at(-1) as Attempt;
  }

  async close(): Promise<void> {
    this.isClosed = true;
  }
}

async function turns(): Promise<void> {
  for (let i = 0; i < 10; i++) await Promise.resolve();
}

function setUp(options: BatcherOptions = {}) {
  const simulation = new Simulation({ seed: 7 });
  const store = new ManualStore(() => simulation.now);
  const batcher = new Batcher(store, runtimeOf(simulation), options);
  const said: string[] = [];
  const say = (word: string): boolean => batcher.wait({ handleWritten: () => said.push(word) });
  return { simulation, store, batcher, said, say };
}

function runtimeOf(simulation: Simulation): ConstructorParameters<typeof Batcher>[1] {
  return {
    now: () => simulation.now,
    createTimer: (callback) => {
      let scheduled: ReturnType<Simulation['at']> | undefined;
      const clear = (): void => {
        if (scheduled !== undefined) simulation.cancel(scheduled);
        scheduled = undefined;
      };
      return {
        clear,
        set: (deadline) => {
          clear();
          scheduled = simulation.at(deadline, () => callback());
        },
      };
    },
  };
}

const ONE = Uint8Array.of(1);
const TWO = Uint8Array.of(2);

test('what comes while a batch is written is the next batch, written as soon as the first returns', async () => {
  const { store, batcher } = setUp();
  batcher.flush();
  assert.is(store.attempts.length, 0, 'there is nothing to write');
  batcher.put('a', ONE);
  batcher.put('b', ONE);
  assert.is(store.attempts.length, 0, 'the turn is not over');
  batcher.flush();
  assert.is(store.attempts.length, 1);
  batcher.put('c', ONE);
  batcher.flush();
  batcher.delete('a');
  assert.is(store.attempts.length, 1);
  await store.last.succeed();
  assert.is(store.attempts.length, 2);
  assert.equal(store.attempts[0]!.operations, [
    { key: 'a', value: ONE },
    { key: 'b', value: ONE },
  ]);
  assert.equal(store.attempts[1]!.operations, [
    { key: 'c', value: ONE },
    { key: 'a', value: undefined },
  ]);
  await store.last.succeed();
  assert.is(store.attempts.length, 2);
});

test('who waits is told when everything that came before has been written, in order', async () => {
  const { store, batcher, said, say } = setUp();
  assert.is(say('nothing'), false);
  batcher.put('a', ONE);
  assert.is(say('a'), true);
  batcher.flush();
  assert.is(say('a too'), true, 'it is under way and not written');
  batcher.put('b', ONE);
  say('b');
  assert.equal(said, []);
  await store.last.succeed();
  assert.equal(said, ['a', 'a too']);
  await store.last.succeed();
  assert.equal(said, ['a', 'a too', 'b']);
  assert.is(say('nothing'), false);
});

test('numbers tell the same: pending goes before, written follows', async () => {
  const { store, batcher } = setUp();
  assert.is(batcher.pending, batcher.written);
  batcher.put('a', ONE);
  const first = batcher.pending;
  batcher.flush();
  assert.is(batcher.pending, first);
  batcher.put('b', ONE);
  assert.is(batcher.pending, first + 1);
  assert.ok(batcher.written < first);
  await store.last.succeed();
  assert.is(batcher.written, first);
  await store.last.succeed();
  assert.is(batcher.written, batcher.pending);
});

test('a key that changes several times in a batch is written once, as it was last', async () => {
  const { store, batcher } = setUp();
  for (let i = 0; i < 1_000; i++) batcher.put('a', new Uint8Array(1_000).fill(i));
  batcher.put('b', ONE);
  batcher.delete('b');
  batcher.delete('c');
  batcher.put('c', TWO);
  assert.ok(batcher.unwrittenBytes < 2_000, `${batcher.unwrittenBytes}`);
  batcher.flush();
  assert.equal(
    store.last.operations.map(({ key, value }) => [key, value?.length]),
    [
      ['a', 1_000],
      ['b', undefined],
      ['c', 1],
    ],
  );
  await store.last.succeed();
  assert.is(batcher.unwrittenBytes, 0);
});

test('a write that fails is tried again, the same batch first, more and more seldom; nobody is told before', async () => {
  const failures: (string | undefined)[] = [];
  const { simulation, store, batcher, said, say } = setUp({
    onFailure: (error) => failures.push(error === undefined ? undefined : `${error.code} ${error.message}`),
  });
  batcher.put('a', ONE);
  say('a');
  batcher.flush();
  const times: number[] = [];
  for (let i = 0; i < 10; i++) {
    times.push(store.last.at);
    await store.last.fail('no space left on device');
    assert.is(batcher.health, 'failing');
    batcher.put('b', TWO);
    say(`b${i}`);
    batcher.flush();
    assert.is(store.attempts.length, i + 1, 'only the timer tries again');
    simulation.run(() => store.attempts.length > i + 1);
    assert.equal(store.last.operations, [{ key: 'a', value: ONE }]);
  }
  const gaps = times.slice(1).map((time, i) => time - (times[i] as number));
  assert.equal(gaps, [100, 200, 400, 800, 1_600, 3_200, 6_400, 10_000, 10_000]);
  assert.equal(failures, ['ERR_MQTT_STORE The store cannot be written: no space left on device']);
  assert.match(String(batcher.failure), 'no space left');
  assert.equal(said, []);
  await store.last.succeed();
  assert.is(batcher.health, 'ok');
  assert.is(batcher.failure, undefined);
  assert.is(failures.length, 2);
  assert.is(failures[1], undefined);
  assert.equal(said, ['a']);
  assert.equal(store.last.operations, [{ key: 'b', value: TWO }]);
  await store.last.succeed();
  assert.is(said.length, 11);
});

test('after a success the next failure is tried again after 100 ms', async () => {
  const { simulation, store, batcher } = setUp();
  for (let round = 0; round < 2; round++) {
    batcher.put('a', ONE);
    batcher.flush();
    const failedAt = simulation.now;
    await store.last.fail('once');
    simulation.run(() => store.last.at > failedAt);
    assert.is(store.last.at, failedAt + 100);
    await store.last.succeed();
  }
});

test('more than may wait to be written is said, until it has been written', async () => {
  const { store, batcher } = setUp({ maxUnwrittenBytes: 10_000 });
  batcher.put('a', new Uint8Array(6_000));
  batcher.flush();
  assert.is(batcher.health, 'ok');
  batcher.put('b', new Uint8Array(6_000));
  assert.is(batcher.health, 'behind');
  await store.last.succeed();
  assert.is(batcher.health, 'ok');
  await store.last.succeed();
});

test('those who wait may change something again, which is the next batch', async () => {
  const { store, batcher, said, say } = setUp({ onWritten: () => said.push('written') });
  batcher.put('a', ONE);
  batcher.wait({
    handleWritten: () => {
      batcher.put('b', ONE);
      say('b');
      batcher.flush();
    },
  });
  batcher.flush();
  await store.last.succeed();
  assert.equal(said, ['written']);
  assert.equal(store.last.operations, [{ key: 'b', value: ONE }]);
  await store.last.succeed();
  assert.equal(said, ['written', 'b', 'written']);
});

test('close writes what is left and then closes the store', async () => {
  const { store, batcher, said, say } = setUp();
  batcher.put('a', ONE);
  batcher.flush();
  batcher.put('b', ONE);
  say('b');
  const closing = batcher.close();
  await store.last.succeed();
  assert.is(store.isClosed, false);
  await store.last.succeed();
  await closing;
  assert.is(store.isClosed, true);
  assert.equal(said, ['b']);
  assert.equal([...store.records.keys()], ['a', 'b']);
});

test('close with nothing left only closes the store', async () => {
  const { store, batcher } = setUp();
  await batcher.close();
  assert.is(store.isClosed, true);
  assert.is(store.attempts.length, 0);
});

test('close of a store that fails tries once more and says what was not written', async () => {
  const { simulation, store, batcher } = setUp();
  batcher.put('a', ONE);
  batcher.flush();
  await store.last.fail('disk full');
  const closing = batcher.close();
  assert.is(store.attempts.length, 2);
  await store.last.fail('disk still full');
  try {
    await closing;
    assert.unreachable();
  } catch (error) {
    assert.match((error as Error).message, 'disk still full');
  }
  assert.is(store.isClosed, true);
  simulation.runUntil(simulation.now + 60_000);
  assert.is(store.attempts.length, 2, 'nothing is tried after close');
});

test('whatever fails and when: the store ends as the changes say, and nobody was told too early', async () => {
  for (let seed = 1; seed <= 40; seed++) {
    const random = seededRandom(seed);
    const { simulation, store, batcher } = setUp();
    const model = new Map<string, Uint8Array>();
    let told = 0;
    let asked = 0;
    for (let step = 0; step < 300; step++) {
      const key = `k${random.integer(8)}`;
      switch (random.integer(5)) {
        case 0:
          model.delete(key);
          batcher.delete(key);
          break;
        case 1: {
          // A record of its own that says how far the changes have come.
          const number = ++asked;
          batcher.put('number', Uint8Array.of(number & 255, number >> 8));
          model.set('number', Uint8Array.of(number & 255, number >> 8));
          batcher.wait({
            handleWritten: () => {
              const [low, high] = store.records.get('number') as Uint8Array;
              assert.ok((low as number) + ((high as number) << 8) >= number);
              assert.is(++told, number);
            },
          });
          break;
        }
        case 2:
          batcher.flush();
          break;
        case 3:
          if (store.attempts.length === 0) break;
          // An attempt that has ended already takes no notice.
          if (random.integer(3) === 0) await store.last.fail('by chance');
          else await store.last.succeed();
          break;
        default: {
          const value = random.bytes(random.integer(20));
          model.set(key, value);
          batcher.put(key, value);
        }
      }
      if (random.integer(4) === 0) simulation.runUntil(simulation.now + random.integer(20_000));
    }
    batcher.flush();
    for (let i = 0; i < 5; i++) {
      simulation.runUntil(simulation.now + 10_000);
      await store.last.succeed();
    }
    assert.equal(new Map([...store.records].sort()), new Map([...model].sort()), `seed ${seed}`);
    assert.is(told, asked);
    assert.is(batcher.unwrittenBytes, 0);
  }
});

test.run();
