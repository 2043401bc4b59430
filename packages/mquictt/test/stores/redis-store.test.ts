import { inspect } from 'node:util';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { RedisStore } from '../../src/stores/redis-store.ts';
import { RedisServer, SAFE_SETTINGS, installRedis } from '../support/redis-server.ts';
import type { StoreOperation } from '../../src/stores/store.ts';
import { openStore } from './places.ts';
import { loaded, put, storeContract } from './store-contract.ts';
import type { StorePlace } from './store-contract.ts';

const test = suite('redis store');

test('nothing of a password is said, whatever is in it', async () => {
  for (const password of ['se@cret', 'se/cret', 'se?cret', 'se#cr@et'])
    try {
      await RedisStore.open(`redis://ann:${password}@127.0.0.1:1`);
      assert.unreachable();
    } catch (error) {
      assert.not.match(inspect(error), /cret|cr@et|ann:/);
      assert.match((error as Error).message, /127\.0\.0\.1:1/);
    }
});

test('a Redis that is not there is said with its address, without the password', async () => {
  await assertRejects(RedisStore.open('redis://:secret@127.0.0.1:1'), 'ERR_MQTT_STORE', /127\.0\.0\.1:1.*ECONNREFUSED/);
  await assertRejects(RedisStore.open('redis://:secret@127.0.0.1:1'), 'ERR_MQTT_STORE', /^((?!secret).)*$/);
});

const problem = installRedis();
if (problem === undefined) addTests();
else console.log(`The tests with a Redis are left out: ${problem}`);

function addTests(): void {
  let server: RedisServer;
  let count = 0;
  test.before(async () => {
    server = await RedisServer.start();
  });
  test.after(() => server.stop());

  const makePlace = async (): Promise<StorePlace> => {
    const place = `${server.url} test-${++count}`;
    return { open: () => openStore('redis', place), writer: ['redis', place], remove: async () => {} };
  };
  storeContract(test, makePlace, true);

  test('with every write on disk before its answer it says disk, and warns of nothing', async () => {
    const store = await RedisStore.open(server.url, { prefix: 'settings' });
    assert.is(store.durability, 'disk');
    assert.equal(store.warnings, []);
    await store.close();
  });

  test('each promise that does not hold is named', async () => {
    await withRedis(['--appendonly', 'no', '--maxmemory-policy', 'allkeys-lru'], async (risky) => {
      const store = await RedisStore.open(risky.url);
      assert.is(store.durability, 'os');
      const [appendonly, appendfsync, policy, ...others] = store.warnings;
      assert.match(appendonly, /appendonly no instead of yes: .* lost/);
      assert.match(appendfsync, /appendfsync everysec instead of always: .* lost/);
      assert.match(policy, /maxmemory-policy allkeys-lru instead of noeviction/);
      assert.equal(others, []);
      await store.close();
    });
  });

  test('a Redis that does not tell its settings is not trusted', async () => {
    await withRedis([...SAFE_SETTINGS, '--rename-command', 'CONFIG', ''], async (secretive) => {
      const store = await RedisStore.open(secretive.url);
      assert.is(store.durability, 'os');
      assert.is(store.warnings.length, 3);
      assert.match(store.warnings[1] as string, /does not tell its appendfsync: unless it is always/);
      await store.close();
    });
  });

  test('brokers with prefixes of their own do not see each other', async () => {
    const one = await RedisStore.open(server.url, { prefix: 'one' });
    const two = await RedisStore.open(server.url, { prefix: 'two' });
    await one.write([put('a', 1)]);
    await two.write([put('b', 2)]);
    assert.equal(await loaded(one), [['a', [1]]]);
    assert.equal(await loaded(two), [['b', [2]]]);
    await one.close();
    await two.close();
  });

  test('who opens last writes, and the other is refused from then on', async () => {
    const former = await RedisStore.open(server.url, { prefix: 'shared' });
    await former.write([put('a', 1)]);
    const latter = await RedisStore.open(server.url, { prefix: 'shared' });
    for (let i = 0; i < 2; i++) await assertRejects(former.write([put('a', 2)]), 'ERR_MQTT_STORE_TAKEN', /prefix/);
    await latter.write([put('b', 1)]);
    assert.equal(await loaded(latter), [
      ['a', [1]],
      ['b', [1]],
    ]);
    await former.close();
    await latter.close();
  });

  test('a Redis that is killed keeps what was acknowledged, and is written to again when it is back', async () => {
    await withRedis(SAFE_SETTINGS, async (mortal) => {
      const store = await RedisStore.open(mortal.url);
      let acknowledged = 0;
      const writing = (async () => {
        for (;;) {
          await store.write([put(`a/${acknowledged}`, 1), put(`b/${acknowledged}`, 1)]);
          acknowledged++;
          if (acknowledged === 100) void mortal.kill();
        }
      })();
      await assertRejects(writing, 'ERR_MQTT_STORE', /Redis at/);
      await assertRejects(store.write([put('later', 1)]), 'ERR_MQTT_STORE', /ECONNREFUSED/);
      await mortal.start();
      await store.write([put('later', 1)]);
      const found = new Set((await loaded(store)).map(([key]) => key));
      assert.ok(acknowledged >= 100);
      for (let i = 0; i < acknowledged; i++) assert.ok(found.has(`a/${i}`) && found.has(`b/${i}`), `batch ${i}`);
      assert.is(found.has(`a/${acknowledged}`), found.has(`b/${acknowledged}`));
      assert.ok(found.has('later'));
      await store.close();
    });
  });

  test('a Redis that stops answering counts as gone, and what it had been sent does not come late', async () => {
    await withRedis(SAFE_SETTINGS, async (slow) => {
      const store = await RedisStore.open(slow.url, { timeout: 2_000 });
      await store.write([put('a', 1)]);
      slow.pause();
      await assertRejects(store.write([put('a', 2)]), 'ERR_MQTT_STORE', /did not answer within 2000 ms/);
      slow.resume();
      await store.write([put('a', 3)]);
      await store.write([put('a', 4)]);
      assert.equal(await loaded(store), [['a', [4]]]);
      await store.close();
    });
  });

  test('a Redis without memory refuses the whole batch', async () => {
    await withRedis([...SAFE_SETTINGS, '--maxmemory', '4mb'], async (small) => {
      const store = await RedisStore.open(small.url);
      await store.write([put('a', 1)]);
      const full = (async () => {
        for (let i = 0; i < 100; i++) await store.write([big(i)]);
      })();
      await assertRejects(full, 'ERR_MQTT_STORE', /maxmemory/);
      const before = (await loaded(store)).length;
      await assertRejects(store.write([big(100), { key: 'a', value: undefined }]), 'ERR_MQTT_STORE', /maxmemory/);
      assert.is((await loaded(store)).length, before);
      // Room is made by deletions, which it takes.
      await store.write(Array.from({ length: 20 }, (_, i) => ({ key: `big/${i}`, value: undefined })));
      await store.write([put('b', 1)]);
      assert.equal(
        (await loaded(store)).filter(([key]) => !key.startsWith('big')),
        [
          ['a', [1]],
          ['b', [1]],
        ],
      );
      await store.close();
    });
  });
}

function big(i: number): StoreOperation {
  return { key: `big/${i}`, value: new Uint8Array(200_000) };
}

/** A Redis for one test. */
async function withRedis(settings: readonly string[], run: (server: RedisServer) => Promise<void>): Promise<void> {
  const server = await RedisServer.start(settings);
  try {
    await run(server);
  } finally {
    await server.stop();
  }
}

async function assertRejects(promise: Promise<unknown>, code: string, message: RegExp): Promise<void> {
  try {
    await promise;
  } catch (error) {
    assert.is((error as { code?: unknown }).code, code, String(error));
    assert.match((error as Error).message, message);
    return;
  }
  assert.unreachable('it was accepted');
}

test.run();
