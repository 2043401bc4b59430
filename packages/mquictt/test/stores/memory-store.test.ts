import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { MemoryStore } from '../../src/stores/memory-store.ts';
import { storeContract } from './store-contract.ts';
import type { StorePlace } from './store-contract.ts';

const test = suite('memory store');

const makePlace = async (): Promise<StorePlace> => {
  const records = new Map<string, Uint8Array>();
  return { open: async () => new MemoryStore(records), writer: [], remove: async () => {} };
};
storeContract(test, makePlace, false);

test('says that it keeps nothing', () => {
  const store = new MemoryStore();
  assert.is(store.durability, 'memory');
  assert.match(store.warnings.join(), /end with this process/);
});

test.run();
