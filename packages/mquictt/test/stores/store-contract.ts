/** What every store has to do. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { seededRandom } from '@mquictt/testkit';
import { nodeRuntime } from '@mquictt/quic-node';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Batcher } from '../../src/stores/batcher.ts';
import type { Store, StoreOperation } from '../../src/stores/store.ts';
import { KEPT, keyOf } from './writer.ts';

/** Where the stores of one test keep their records. */
export interface StorePlace {
  /** The former one has been closed, or its process has ended. */
  open(): Promise<Store>;
  /** Arguments for writer.ts. */
  readonly writer: readonly string[];
  remove(): Promise<void>;
}

export type Test = ReturnType<typeof suite>;

/** Adds the tests to a suite; of those that kill a process only where something outlives it. */
export function storeContract(test: Test, makePlace: () => Promise<StorePlace>, outlives: boolean): void {
  const check = (name: string, run: (place: StorePlace) => Promise<void>): void => {
    test(name, async () => {
      const place = await makePlace();
      try {
        await run(place);
      } finally {
        await place.remove();
      }
    });
  };

  check('what has never been written to gives nothing', async (place) => {
    const store = await place.open();
    assert.equal(await loaded(store), []);
    await store.close();
  });

  check('what was written is there at once, and after the store was opened again', async (place) => {
    const store = await place.open();
    await store.write([put('b', 1, 2), put('a', 3), put('empty')]);
    const expected = [
      ['a', [3]],
      ['b', [1, 2]],
      ['empty', []],
    ];
    assert.equal(await loaded(store), expected);
    await store.close();
    const again = await place.open();
    assert.equal(await loaded(again), expected);
    await again.close();
  });

  check('of several operations on a key the last counts, in one batch and over several', async (place) => {
    const store = await place.open();
    await store.write([put('x', 1), put('y', 1), put('x', 2), remove('y'), remove('z'), put('z', 1)]);
    await store.write([remove('x'), put('y', 7), remove('never')]);
    await store.write([put('x', 3)]);
    await store.write([]);
    await store.close();
    const again = await place.open();
    assert.equal(await loaded(again), [
      ['x', [3]],
      ['y', [7]],
      ['z', [1]],
    ]);
    await again.close();
  });

  check('records come in the order of the bytes of their keys', async (place) => {
    const keys = ['b', 'a', 'a/b', 'a b', 'a\u0000', 'B', 'é', '￿', '\u{1F600}', '日本', 'a'.repeat(2_000), '0', '00'];
    const store = await place.open();
    await store.write(keys.map((key) => put(key, 1)));
    await store.close();
    const again = await place.open();
    const expected = [...keys].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    assert.equal(
      (await loaded(again)).map(([key]) => key),
      expected,
    );
    await again.close();
  });

  check('values of 1 MiB and of any bytes come back as they were', async (place) => {
    const random = seededRandom(41);
    const values = [1, 255, 65_536, 1_048_576].map((length) => random.bytes(length));
    const all = Uint8Array.from({ length: 256 }, (_, i) => i);
    const store = await place.open();
    await store.write(values.map((value, i) => ({ key: `random/${i}`, value })));
    // A view of something larger, which its owner uses again afterwards.
    const larger = new Uint8Array(300);
    larger.set(all, 20);
    await store.write([{ key: 'all', value: larger.subarray(20, 276) }]);
    larger.fill(0);
    await store.close();
    const again = await place.open();
    const found = new Map<string, Uint8Array>();
    for await (const [key, value] of again.load()) found.set(key, value);
    await again.close();
    assert.equal([...found.keys()], ['all', 'random/0', 'random/1', 'random/2', 'random/3']);
    assert.equal(Buffer.compare(found.get('all')!, all), 0);
    values.forEach((value, i) => assert.is(Buffer.compare(found.get(`random/${i}`)!, value), 0));
  });

  check('100,000 records, half of them deleted, come once each and in order', async (place) => {
    const name = (i: number): string => `key/${String(i).padStart(6, '0')}`;
    const store = await place.open();
    for (let from = 0; from < 100_000; from += 5_000)
      await store.write(Array.from({ length: 5_000 }, (_, i) => put(name(from + i), i & 255, from & 255)));
    for (let from = 0; from < 100_000; from += 10_000)
      await store.write(Array.from({ length: 5_000 }, (_, i) => remove(name(from + 2 * i + 1))));
    await store.close();
    const again = await place.open();
    let count = 0;
    for await (const [key, value] of again.load()) {
      const i = 2 * count++;
      if (key !== name(i) || value.length !== 2 || value[0] !== ((i % 5_000) & 255)) assert.is(key, name(i));
    }
    assert.is(count, 50_000);
    await again.close();
  });

  check('writes that overlap are done one after the other, in the order of the calls', async (place) => {
    const store = await place.open();
    const order: number[] = [];
    const writes = Array.from({ length: 100 }, async (_, i) => {
      await store.write([put('same', i >> 8, i & 255), put(`own/${i}`, 1), remove(`own/${i - 1}`)]);
      order.push(i);
    });
    // close() waits for them.
    await store.close();
    await Promise.all(writes);
    assert.equal(order, [...order.keys()]);
    const again = await place.open();
    assert.equal(await loaded(again), [
      ['own/99', [1]],
      ['same', [0, 99]],
    ]);
    await again.close();
  });

  check('a closed store refuses, and may be closed twice', async (place) => {
    const store = await place.open();
    const last = store.write([put('last', 1)]);
    const closing = store.close();
    await last;
    await closing;
    await store.close();
    try {
      await store.write([put('late', 1)]);
      assert.unreachable();
    } catch (error) {
      assert.is((error as { code?: unknown }).code, 'ERR_MQTT_CLOSED');
    }
    const again = await place.open();
    assert.equal(await loaded(again), [['last', [1]]]);
    await again.close();
  });

  check('while a batch is held back no acknowledgement escapes, then they come in order', async (place) => {
    const store = await place.open();
    const held = new HeldStore(store);
    const batcher = new Batcher(held, nodeRuntime);
    const said: string[] = [];
    const say = (word: string): void => {
      if (!batcher.wait({ handleWritten: () => said.push(word) })) said.push(`${word} at once`);
    };
    say('nothing to wait for');
    batcher.put('first', Uint8Array.of(1));
    say('first');
    batcher.flush();
    batcher.put('second', Uint8Array.of(2));
    say('second');
    say('second as well');
    batcher.flush();
    await turns();
    assert.equal(said, ['nothing to wait for at once']);
    assert.is(held.waiting, 1, 'the next batch is not begun before the one before has returned');
    await held.release();
    assert.equal(said, ['nothing to wait for at once', 'first']);
    await held.release();
    assert.equal(said, ['nothing to wait for at once', 'first', 'second', 'second as well']);
    say('all written');
    assert.is(said.at(-1), 'all written at once');
    await batcher.close();
    const again = await place.open();
    assert.equal(await loaded(again), [
      ['first', [1]],
      ['second', [2]],
    ]);
    await again.close();
  });

  if (!outlives) return;
  check('after kill -9 every batch that was acknowledged is there, and none in part', async (place) => {
    for (const enough of [1, 60]) {
      const acknowledged = await runAndKill(place.writer, enough);
      const store = await place.open();
      const found = (await loaded(store)).map(([key]) => key);
      const numbers = found.filter((key) => key.startsWith('a/')).map((key) => Number(key.slice(2)));
      const last = Math.max(...numbers);
      assert.ok(last === acknowledged || last === acknowledged + 1, `${last} found, ${acknowledged} acknowledged`);
      const expected: string[] = [];
      for (let n = Math.max(1, last - KEPT + 1); n <= last; n++) expected.push(keyOf('a', n), keyOf('b', n));
      assert.equal(found.sort(), expected.sort());
      await store.write(found.map((key) => remove(key)));
      await store.close();
    }
  });
}

/** Lets writes through one at a time. */
export class HeldStore implements Store {
  readonly durability: Store['durability'];
  readonly warnings: readonly string[];
  readonly #store: Store;
  readonly #held: (() => Promise<void>)[] = [];

  constructor(store: Store) {
    this.#store = store;
    this.durability = store.durability;
    this.warnings = store.warnings;
  }

  get waiting(): number {
    return this.#held.length;
  }

  load(): ReturnType<Store['load']> {
    return this.#store.load();
  }

  write(operations: readonly StoreOperation[]): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#held.push(() => this.#store.write(operations).then(resolve, reject));
    });
  }

  /** Returns when the write, and what waited for it, is done. */
  async release(): Promise<void> {
    await this.#held.shift()?.();
    await turns();
  }

  close(): Promise<void> {
    return this.#store.close();
  }
}

/** Everything that waits for nothing but its turn. */
async function turns(): Promise<void> {
  for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
}

export function put(key: string, ...bytes: readonly number[]): StoreOperation {
  return { key, value: Uint8Array.from(bytes) };
}

export function remove(key: string): StoreOperation {
  return { key, value: undefined };
}

export async function loaded(store: Store): Promise<[string, number[]][]> {
  const records: [string, number[]][] = [];
  for await (const [key, value] of store.load()) records.push([key, [...value]]);
  return records;
}

/** @returns the number of the last batch that the process said before it was killed */
function runAndKill(writer: readonly string[], enough: number): Promise<number> {
  const script = fileURLToPath(new URL('writer.ts', import.meta.url));
  const child = spawn(process.execPath, [...process.execArgv, script, ...writer], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const onExit = (): unknown => child.kill('SIGKILL');
  process.once('exit', onExit);
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
    if (Number(output.trim().split('\n').at(-1)) >= enough) child.kill('SIGKILL');
  });
  return new Promise((resolve, reject) => {
    child.once('close', (code, signal) => {
      process.removeListener('exit', onExit);
      const lines = output.split('\n').slice(0, -1);
      if (signal === 'SIGKILL') resolve(Number(lines.at(-1)));
      else reject(new Error(`the writer ended with ${code ?? signal}`));
    });
  });
}
