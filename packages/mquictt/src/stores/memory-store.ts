/** A store that forgets everything with the process, or keeps it in a map for the next store of the same process. */
import { WriteChain } from './store.ts';
import type { Durability, Store, StoreOperation } from './store.ts';

export class MemoryStore implements Store {
  readonly durability: Durability = 'memory';
  readonly warnings: readonly string[] = ['Sessions and messages are kept in memory and end with this process'];
  readonly #records: Map<string, Uint8Array>;
  readonly #chain: WriteChain = new WriteChain();

  /** @param records what an earlier store left, and where this one keeps its own. @default an empty map */
  constructor(records: Map<string, Uint8Array> = new Map()) {
    this.#records = records;
  }

  async *load(): AsyncIterable<readonly [key: string, value: Uint8Array]> {
    yield* sortByKey(this.#records);
  }

  write(operations: readonly StoreOperation[]): Promise<void> {
    return this.#chain.run(async () => {
      for (const { key, value } of operations) {
        if (value === undefined) this.#records.delete(key);
        else this.#records.set(key, value.slice());
      }
    });
  }

  close(): Promise<void> {
    return this.#chain.close(async () => {});
  }
}

/** Records in the order of the UTF-8 bytes of their keys, which is not that of JavaScript beyond U+D7FF. */
export function sortByKey<T>(records: Iterable<readonly [string, T]>): (readonly [string, T])[] {
  return [...records]
    .map((record) => ({ record, bytes: Buffer.from(record[0]) }))
    .sort((a, b) => Buffer.compare(a.bytes, b.bytes))
    .map(({ record }) => record);
}
