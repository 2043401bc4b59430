/**
 * What must outlive a process: records under keys. The broker's core decides what they mean and keeps what it needs of them in memory; a store only keeps
 * them safe, and gives all of them back at the next start.
 */
import { MqttError } from '../errors.ts';
import type { MqttErrorCode } from '../errors.ts';

/** One change. */
export interface StoreOperation {
  readonly key: string;
  /** Undefined deletes. Must not change until the write has returned. */
  readonly value: Uint8Array | undefined;
}

/** What survives: nothing, the end of this process in any way (kill -9), or a power cut. */
export type Durability = 'memory' | 'os' | 'disk';

/**
 * Where records are kept. Made for one writer, which loads everything once and then writes one batch after the other.
 *
 * A store of your own is welcome: `test/stores/store-contract.ts` of the repository says what it has to do.
 */
export interface Store {
  readonly durability: Durability;
  /** Promises that do not hold as things are configured, each a sentence for the operator. Empty when all is well. */
  readonly warnings: readonly string[];
  /** Every record, in the order of the bytes of its key. To be called before the first write. */
  load(): AsyncIterable<readonly [key: string, value: Uint8Array]>;
  /**
   * Writes a batch: all of it or nothing, after the batches that were given before. Of several operations on one key the last counts.
   *
   * After a failure nobody knows whether the batch is there: it has to be written again before any other. The store does by itself what it needs for that
   * (opens its files anew, connects again), in the next call.
   *
   * @returns once it will survive what `durability` says
   * @throws MqttError ERR_MQTT_STORE, ERR_MQTT_STORE_TAKEN
   */
  write(operations: readonly StoreOperation[]): Promise<void>;
  /** Waits for what is being written. Afterwards nothing can be written or loaded; a second call only waits. */
  close(): Promise<void>;
}

/** @param action what was tried, as in "could not be written" */
export function storeError(action: string, cause: unknown, code: MqttErrorCode = 'ERR_MQTT_STORE'): MqttError {
  if (cause instanceof MqttError) return cause;
  return new MqttError(code, `${action}: ${reasonOf(cause)}`, { cause });
}

/** The innermost message says most: the outer ones tell that something failed. */
function reasonOf(error: unknown): string {
  let inner = error;
  while (inner instanceof Error && inner.cause !== undefined) inner = inner.cause;
  return inner instanceof Error && inner.message !== '' ? inner.message : String(inner);
}

/**
 * Runs writes one after the other, however they are called, and remembers the end.
 */
export class WriteChain {
  #last: Promise<void> = Promise.resolve();
  #isClosed = false;

  /** @throws MqttError ERR_MQTT_CLOSED */
  run(write: () => Promise<void>): Promise<void> {
    if (this.#isClosed) return Promise.reject(new MqttError('ERR_MQTT_CLOSED', 'The store has been closed'));
    const result = this.#last.then(write);
    this.#last = result.catch(() => {});
    return result;
  }

  /** @param end runs once, after the last write */
  close(end: () => Promise<void>): Promise<void> {
    if (!this.#isClosed) {
      this.#isClosed = true;
      this.#last = this.#last.then(end);
    }
    return this.#last;
  }
}

/** Loads a package that not everybody needs. @throws MqttError ERR_MQTT_STORE_PACKAGE with the command that installs it */
export async function loadPackage<T>(name: string, purpose: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (error) {
    const { code } = error as { code?: unknown };
    const isMissing = code === 'ERR_MODULE_NOT_FOUND' || code === 'MODULE_NOT_FOUND';
    throw new MqttError(
      'ERR_MQTT_STORE_PACKAGE',
      isMissing
        ? `${purpose} needs the package ${name}: npm install ${name}`
        : `${purpose} needs the package ${name}, which cannot be loaded: ${reasonOf(error)}`,
      { fault: 'usage', cause: error },
    );
  }
}
