/**
 * A process to be killed: writes batch after batch to the store that its arguments name, and says the number of each on a line once it has been written.
 * Batch n puts `a/n` and `b/n`, and deletes both of batch n - 10.
 */
import { openStore } from './places.ts';
import type { PlaceKind } from './places.ts';

/** Of the batches, those that a store must hold after batch n: the last ten. */
export const KEPT = 10;

export function keyOf(half: 'a' | 'b', n: number): string {
  return `${half}/${n}`;
}

if (process.argv[2] !== undefined && process.argv[1]?.endsWith('writer.ts') === true) {
  const store = await openStore(process.argv[2] as PlaceKind, process.argv[3] as string);
  for (let n = 1; ; n++) {
    const value = new Uint8Array(100 + (n % 50) * 100).fill(n);
    await store.write([
      { key: keyOf('a', n), value },
      { key: keyOf('a', n - KEPT), value: undefined },
      { key: keyOf('b', n), value },
      { key: keyOf('b', n - KEPT), value: undefined },
    ]);
    process.stdout.write(`${n}\n`);
  }
}
