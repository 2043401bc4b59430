/** A store in a folder on disk: LevelDB by way of classic-level. */
import type { ClassicLevel } from 'classic-level';
import { MqttError } from '../errors.ts';
import { WriteChain, loadPackage, storeError } from './store.ts';
import type { Durability, Store, StoreOperation } from './store.ts';

export interface LevelStoreOptions {
  /**
   * 'disk' waits for the disk before a batch counts as written; 'os' leaves that to the system, which is faster and survives kill -9 but not a power cut.
   * @default 'disk'
   */
  readonly durability?: 'os' | 'disk';
}

type Database = ClassicLevel<string, Uint8Array>;

export class LevelStore implements Store {
  readonly durability: Durability;
  readonly warnings: readonly string[];
  readonly #folder: string;
  readonly #Database: typeof ClassicLevel;
  readonly #chain: WriteChain = new WriteChain();
  /** Undefined after a failed write, until it is open again. */
  #database: Database | undefined = undefined;

  private constructor(folder: string, Database: typeof ClassicLevel, durability: 'os' | 'disk') {
    this.#folder = folder;
    this.#Database = Database;
    this.durability = durability;
    this.warnings =
      durability === 'disk'
        ? []
        : ['What was acknowledged survives the end of the broker, kill -9 as well, but not a power cut'];
  }

  /**
   * @param folder made when it is missing; one process at a time
   * @throws MqttError ERR_MQTT_STORE_PACKAGE, ERR_MQTT_STORE, ERR_MQTT_STORE_TAKEN
   */
  static async open(folder: string, options: LevelStoreOptions = {}): Promise<LevelStore> {
    const { ClassicLevel: Database } = await loadPackage(
      'classic-level',
      'A data folder',
      () => import('classic-level'),
    );
    const store = new LevelStore(folder, Database, options.durability ?? 'disk');
    await store.#open();
    return store;
  }

  async *load(): AsyncIterable<readonly [key: string, value: Uint8Array]> {
    const database = await this.#open();
    try {
      yield* database.iterator();
    } catch (error) {
      throw storeError(`The records in ${this.#folder} cannot be read`, error);
    }
  }

  write(operations: readonly StoreOperation[]): Promise<void> {
    return this.#chain.run(async () => {
      const database = await this.#open();
      try {
        const batch = operations.map(({ key, value }) =>
          value === undefined ? ({ type: 'del', key } as const) : ({ type: 'put', key, value } as const),
        );
        await database.batch(batch, { sync: this.durability === 'disk' });
      } catch (error) {
        // A record may have been written in part, and what LevelDB appends to that would be unreadable: only opening it anew cuts it off. After a failed sync
        // it refuses every write until then anyway.
        this.#database = undefined;
        await database.close().catch(() => {});
        throw storeError(`The folder ${this.#folder} cannot be written`, error);
      }
    });
  }

  close(): Promise<void> {
    return this.#chain.close(async () => {
      await this.#database?.close().catch(() => {});
      this.#database = undefined;
    });
  }

  async #open(): Promise<Database> {
    if (this.#database !== undefined) return this.#database;
    const database: Database = new this.#Database<string, Uint8Array>(this.#folder, {
      keyEncoding: 'utf8',
      valueEncoding: 'view',
    });
    try {
      await database.open();
    } catch (error) {
      await database.close().catch(() => {});
      if (isLocked(error))
        throw new MqttError('ERR_MQTT_STORE_TAKEN', `Another broker uses the folder ${this.#folder}`, { cause: error });
      throw storeError(`The folder ${this.#folder} cannot be opened`, error);
    }
    this.#database = database;
    return database;
  }
}

function isLocked(error: unknown): boolean {
  const { cause } = error as { cause?: { code?: unknown } };
  return cause?.code === 'LEVEL_LOCKED';
}
