import { readdir, writeFile } from 'node:fs/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { LevelStore } from '../../src/stores/level-store.ts';
import { openStore, temporaryFolder } from './places.ts';
import type { PlaceKind } from './places.ts';
import { loaded, put, storeContract } from './store-contract.ts';
import type { StorePlace } from './store-contract.ts';

const test = suite('level store');

async function placeOf(kind: PlaceKind): Promise<StorePlace> {
  const { path, remove } = await temporaryFolder();
  return { open: () => openStore(kind, path), writer: [kind, path], remove };
}

storeContract(test, () => placeOf('level'), true);

test("durability 'os' survives kill -9 and says what it does not survive", async () => {
  const { path, remove } = await temporaryFolder();
  const store = await LevelStore.open(path, { durability: 'os' });
  assert.is(store.durability, 'os');
  assert.match(store.warnings.join(), /not a power cut/);
  await store.write([put('a', 1)]);
  await store.close();
  const safe = await LevelStore.open(path);
  assert.is(safe.durability, 'disk');
  assert.equal(safe.warnings, []);
  assert.equal(await loaded(safe), [['a', [1]]]);
  await safe.close();
  await remove();
});

test('a folder belongs to one broker at a time', async () => {
  const { path, remove } = await temporaryFolder();
  const store = await LevelStore.open(path);
  try {
    await LevelStore.open(path);
    assert.unreachable();
  } catch (error) {
    assert.is((error as { code?: unknown }).code, 'ERR_MQTT_STORE_TAKEN');
    assert.match((error as Error).message, path);
  }
  await store.write([put('a', 1)]);
  await store.close();
  await remove();
});

test('a folder that cannot be one is said with its name and the reason', async () => {
  const { path, remove } = await temporaryFolder();
  await writeFile(path, 'a file');
  try {
    await LevelStore.open(path);
    assert.unreachable();
  } catch (error) {
    assert.is((error as { code?: unknown }).code, 'ERR_MQTT_STORE');
    assert.match((error as Error).message, path);
  }
  await remove();
});

test('what a batch left in part at the end of the log is dropped, what came before is there', async () => {
  const { path, remove } = await temporaryFolder();
  const store = await LevelStore.open(path);
  await store.write([put('a', 1)]);
  await store.close();
  const log = (await readdir(path)).find((name) => name.endsWith('.log')) as string;
  // The header of a record of 256 bytes, and the first of them.
  await writeFile(`${path}/${log}`, Uint8Array.of(1, 2, 3, 4, 0, 1, 1, 9, 9), { flag: 'a' });
  const again = await LevelStore.open(path);
  assert.equal(await loaded(again), [['a', [1]]]);
  await again.write([put('b', 2)]);
  await again.close();
  const last = await LevelStore.open(path);
  assert.equal(await loaded(last), [
    ['a', [1]],
    ['b', [2]],
  ]);
  await last.close();
  await remove();
});

test.run();
