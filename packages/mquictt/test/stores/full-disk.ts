/**
 * A process in a folder that holds a few MB (its argument): fills the disk beside the store, writes until the store refuses, makes room, and goes on. What
 * happened is one line of JSON.
 */
import { unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { nodeRuntime } from '@mquictt/quic-node';
import { Batcher } from '../../src/stores/batcher.ts';
import { LevelStore } from '../../src/stores/level-store.ts';

/** What full-disk.test.ts looks at. */
export interface FullDiskReport {
  /** Batches acknowledged before the disk was full, while it was, and after room was made. */
  readonly before: number;
  readonly during: number;
  readonly after: number;
  readonly healthDuring: string;
  readonly failure: string;
  readonly healthAfter: string;
  /** ms from the deletion of the file to the first acknowledgement. */
  readonly recovery: number;
  /** Records that were acknowledged and are not there when the store is opened again. */
  readonly missing: readonly number[];
}

const [folder] = process.argv.slice(2) as [string];
const ballast = join(folder, 'ballast');
writeFileSync(ballast, new Uint8Array(3_000_000));
const path = join(folder, 'data');
const batcher = new Batcher(await LevelStore.open(path), nodeRuntime);

let n = 0;
let written = 0;
const add = (n: number): void => {
  batcher.put(`key/${n}`, new Uint8Array(20_000).fill(n));
  batcher.wait({ handleWritten: () => (written = n) });
  batcher.flush();
};
const allWritten = async (): Promise<void> => {
  for (;;) {
    if (written === n) return;
    await pause();
  }
};
const pause = (): Promise<void> => delay(5);

while (batcher.health === 'ok') {
  if (written === n) add(++n);
  else await pause();
}
const before = written;
const failure = String(batcher.failure?.code);
// Several attempts fail, and what comes meanwhile waits.
for (let i = 0; i < 10; i++) add(++n);
await delay(1_000);
const during = written - before;
const healthDuring = batcher.health;
unlinkSync(ballast);
const start = Date.now();
await allWritten();
const recovery = Date.now() - start;
for (let i = 0; i < 10; i++) add(++n);
await allWritten();
const healthAfter = batcher.health;
await batcher.close();

const again = await LevelStore.open(path);
const found = new Set<number>();
for await (const [key, value] of again.load()) {
  const number = Number(key.slice(4));
  if (value.length === 20_000 && value.every((byte) => byte === (number & 255))) found.add(number);
}
await again.close();
const missing = Array.from({ length: n }, (_, i) => i + 1).filter((number) => !found.has(number));
const report: FullDiskReport = {
  before,
  during,
  after: written - before - during,
  healthDuring,
  failure,
  healthAfter,
  recovery,
  missing,
};
process.stdout.write(`${JSON.stringify(report)}\n`);
