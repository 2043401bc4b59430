/** A broker core whose changes go to a map, batch by batch as the test wants it, and that can be begun again with what was written. */
import type { BrokerCoreOptions } from '../../src/core/broker-core.ts';
import { Journal } from '../../src/core/persistence/journal.ts';
import type { Changes } from '../../src/core/persistence/journal.ts';
import { restore } from '../../src/core/persistence/restore.ts';
import type { Restored } from '../../src/core/persistence/restore.ts';
import { sortByKey } from '../../src/stores/memory-store.ts';
import { TestBroker } from './core-harness.ts';

/** What Batcher does, at the test's word. */
export class TestChanges implements Changes {
  readonly records: Map<string, Uint8Array>;
  health = 'ok';
  written = 0;
  #open = new Map<string, Uint8Array | undefined>();
  readonly #waiters: { readonly sequence: number; readonly waiter: { handleWritten(): void } }[] = [];

  constructor(records: Map<string, Uint8Array>) {
    this.records = records;
  }

  get pending(): number {
    return this.#open.size > 0 ? this.written + 1 : this.written;
  }

  put(key: string, value: Uint8Array): void {
    this.#open.set(key, value.slice());
  }

  delete(key: string): void {
    this.#open.set(key, undefined);
  }

  wait(waiter: { handleWritten(): void }): boolean {
    if (this.#open.size === 0) return false;
    this.#waiters.push({ sequence: this.pending, waiter });
    return true;
  }

  /** The batch is safe. */
  write(): void {
    for (const [key, value] of this.#open) {
      if (value === undefined) this.records.delete(key);
      else this.records.set(key, value);
    }
    this.#open = new Map();
    this.written++;
    for (const { waiter } of this.#waiters.splice(0)) waiter.handleWritten();
  }
}

export type StoredBrokerOptions = Omit<Partial<BrokerCoreOptions>, 'journal'>;

export class StoredBroker extends TestBroker {
  readonly changes: TestChanges;
  readonly journal: Journal;
  restored: Restored | undefined = undefined;
  /** While set, nothing is written. */
  isHolding = false;
  readonly #options: StoredBrokerOptions;
  /** Unix time that this process began at. */
  readonly #start: number;

  private constructor(changes: TestChanges, start: number, options: StoredBrokerOptions) {
    // A process begins at 1,000 ms.
    const journal = new Journal(changes, () => start - 1_000);
    super({ ...options, journal });
    this.changes = changes;
    this.journal = journal;
    this.#options = options;
    this.#start = start;
  }

  static async start(
    options: StoredBrokerOptions = {},
    records: Map<string, Uint8Array> = new Map(),
    unixTime = 1_700_000_000_000,
  ): Promise<StoredBroker> {
    const broker = new StoredBroker(new TestChanges(records), unixTime, options);
    const stored = sortByKey(records);
    broker.restored = await restore(broker.core, broker.journal, values(stored), broker.now);
    broker.settle();
    return broker;
  }

  /**
   * The process ends here and now, and another one begins with what was written.
   *
   * @param pause ms in between
   * @param options that are others from then on
   */
  crash(pause = 0, options: StoredBrokerOptions = {}): Promise<StoredBroker> {
    return StoredBroker.start(
      { ...this.#options, ...options },
      this.changes.records,
      this.#start + this.now - 1_000 + pause,
    );
  }

  /** Kinds of the records that there are, each with how many. */
  kinds(): Record<string, number> {
    const kinds: Record<string, number> = {};
    for (const key of [...this.changes.records.keys()].sort())
      kinds[key[0] as string] = (kinds[key[0] as string] ?? 0) + 1;
    return kinds;
  }

  /** Writes what there is to write and lets go what waited for it. */
  write(): void {
    this.changes.write();
    super.settle();
  }

  override settle(): void {
    super.settle();
    while (!this.isHolding && this.changes.pending > this.changes.written) this.write();
  }
}

async function* values<T>(records: Iterable<T>): AsyncIterable<T> {
  yield* records;
}
