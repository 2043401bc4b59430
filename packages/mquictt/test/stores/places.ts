/** Where the stores of tests keep their records, named by two words so that a child process can open the same. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LevelStore } from '../../src/stores/level-store.ts';
import { RedisStore } from '../../src/stores/redis-store.ts';
import type { Store } from '../../src/stores/store.ts';

export type PlaceKind = 'level' | 'level-os' | 'redis';

/** @param location a folder, or the URL of a Redis with the prefix after a blank */
export function openStore(kind: PlaceKind, location: string): Promise<Store> {
  if (kind === 'redis') {
    const [url, prefix] = location.split(' ') as [string, string];
    return RedisStore.open(url, { prefix });
  }
  return LevelStore.open(location, { durability: kind === 'level' ? 'disk' : 'os' });
}

/** A folder that is not there yet, in one that is removed at the end. */
export async function temporaryFolder(): Promise<{ readonly path: string; remove(): Promise<void> }> {
  const parent = await mkdtemp(join(tmpdir(), 'mquictt-store-'));
  return { path: join(parent, 'data'), remove: () => rm(parent, { recursive: true, force: true }) };
}
