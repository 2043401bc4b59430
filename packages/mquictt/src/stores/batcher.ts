/**
 * From single changes to batches. Whoever changes what is kept puts it here and goes on at once; what must not be said before the change is safe waits for
 * the batch that holds it. The next batch is written as soon as the one before has returned: alone a change waits for one write, and among many each write
 * carries all that came during the one before.
 *
 * A write that fails is tried again, with more and more time in between, until it succeeds; meanwhile everything that waits goes on waiting.
 */
import type { Runtime, Timer } from '@mquictt/quic-node';
import type { MqttError } from '../errors.ts';
import { MAX_UNWRITTEN_BYTES, STORE_RETRY_FIRST, STORE_RETRY_LAST } from '../limits.ts';
import { storeError } from './store.ts';
import type { Store, StoreOperation } from './store.ts';

/** Something that may go on when a batch has been written. */
export interface BatchWaiter {
  handleWritten(): void;
}

/** 'behind': more waits to be written than may. 'failing': the last write failed. In both nothing that has to be stored should be accepted. */
export type StoreHealth = 'ok' | 'behind' | 'failing';

export interface BatcherOptions {
  /** Bytes of keys and values. @default 64 MiB */
  readonly maxUnwrittenBytes?: number;
  /** Called after those who waited for a batch have been told. */
  readonly onWritten?: () => void;
  /** The store began to fail (with the reason), or works again (undefined). */
  readonly onFailure?: (error: MqttError | undefined) => void;
}

/** What an operation counts beyond its bytes: entries of two maps and an object. */
const OPERATION_SIZE = 128;

export class Batcher {
  readonly #store: Store;
  readonly #runtime: Pick<Runtime, 'now' | 'createTimer'>;
  readonly #options: BatcherOptions;
  readonly #timer: Timer;
  /** The batch that collects, by key: what is changed twice is written once. */
  #open: Map<string, Uint8Array | undefined> = new Map();
  #openBytes = 0;
  /** Its number. */
  #sequence = 1;
  #written = 0;
  /** The batch before it, while it is not written. */
  #writing: readonly StoreOperation[] | undefined = undefined;
  #writingBytes = 0;
  readonly #waiters: { readonly sequence: number; readonly waiter: BatchWaiter }[] = [];
  #failure: MqttError | undefined = undefined;
  #retryDelay = STORE_RETRY_FIRST;
  /** Whether the store is at work, not between two attempts. */
  #isUnderWay = false;
  /** Set by close(): called when nothing is left to write, or the last attempt failed. */
  #onEnd: (() => void) | undefined = undefined;

  constructor(store: Store, runtime: Pick<Runtime, 'now' | 'createTimer'>, options: BatcherOptions = {}) {
    this.#store = store;
    this.#runtime = runtime;
    this.#options = options;
    this.#timer = runtime.createTimer(() => void this.#write());
  }

  get health(): StoreHealth {
    if (this.#failure !== undefined) return 'failing';
    return this.unwrittenBytes > (this.#options.maxUnwrittenBytes ?? MAX_UNWRITTEN_BYTES) ? 'behind' : 'ok';
  }

  /** Why the last write failed. */
  get failure(): MqttError | undefined {
    return this.#failure;
  }

  get unwrittenBytes(): number {
    return this.#openBytes + this.#writingBytes;
  }

  /** The number of the last batch that has been written. */
  get written(): number {
    return this.#written;
  }

  /** The number of the batch that holds the last change: what depends on it may be said when `written` has come so far. */
  get pending(): number {
    return this.#open.size > 0 ? this.#sequence : this.#sequence - 1;
  }

  /** @param value must not change any more */
  put(key: string, value: Uint8Array): void {
    this.#set(key, value);
  }

  delete(key: string): void {
    this.#set(key, undefined);
  }

  /**
   * Tells `waiter` when everything that was changed until now has been written. Those who wait are told in the order in which they came.
   *
   * @returns false when there is nothing to wait for: then it is not told
   */
  wait(waiter: BatchWaiter): boolean {
    const sequence = this.pending;
    if (sequence === this.#written) return false;
    this.#waiters.push({ sequence, waiter });
    return true;
  }

  /** To be called at the end of each turn: begins to write unless a batch is being written, which leads to the next by itself. */
  flush(): void {
    if (this.#writing === undefined && this.#open.size > 0) void this.#write();
  }

  /**
   * Writes what is left, and closes the store. A batch that has to wait for its next attempt gets that now, and no other.
   *
   * @throws MqttError why what is left could not be written
   */
  async close(): Promise<void> {
    this.flush();
    if (this.#writing !== undefined) {
      const end = new Promise<void>((resolve) => (this.#onEnd = resolve));
      this.#timer.clear();
      if (!this.#isUnderWay) void this.#write();
      await end;
    }
    await this.#store.close();
    if (this.#failure !== undefined) throw this.#failure;
  }

  #set(key: string, value: Uint8Array | undefined): void {
    const former = this.#open.get(key);
    if (former !== undefined || this.#open.has(key)) this.#openBytes -= sizeOf(key, former);
    this.#openBytes += sizeOf(key, value);
    this.#open.set(key, value);
  }

  async #write(): Promise<void> {
    this.#writing ??= this.#takeOpen();
    this.#isUnderWay = true;
    try {
      await this.#store.write(this.#writing);
    } catch (error) {
      this.#isUnderWay = false;
      this.#fail(storeError('The store cannot be written', error));
      return;
    }
    this.#isUnderWay = false;
    this.#succeed();
  }

  #takeOpen(): StoreOperation[] {
    const operations = Array.from(this.#open, ([key, value]) => ({ key, value }));
    this.#writingBytes = this.#openBytes;
    this.#open = new Map();
    this.#openBytes = 0;
    this.#sequence++;
    return operations;
  }

  #succeed(): void {
    this.#writing = undefined;
    this.#writingBytes = 0;
    this.#written = this.#sequence - 1;
    this.#retryDelay = STORE_RETRY_FIRST;
    const hasRecovered = this.#failure !== undefined;
    this.#failure = undefined;
    const written = this.#written;
    // The store has the next one to do while those who waited go on.
    this.flush();
    if (hasRecovered) this.#options.onFailure?.(undefined);
    let count = 0;
    while (count < this.#waiters.length && this.#waiters[count].sequence <= written) count++;
    for (const { waiter } of this.#waiters.splice(0, count)) waiter.handleWritten();
    this.#options.onWritten?.();
    if (this.#writing === undefined) this.#onEnd?.();
  }

  #fail(error: MqttError): void {
    const isFirst = this.#failure === undefined;
    this.#failure = error;
    if (isFirst) this.#options.onFailure?.(error);
    if (this.#onEnd !== undefined) {
      this.#onEnd();
      return;
    }
    this.#timer.set(this.#runtime.now() + this.#retryDelay);
    this.#retryDelay = Math.min(this.#retryDelay * 2, STORE_RETRY_LAST);
  }
}

function sizeOf(key: string, value: Uint8Array | undefined): number {
  return OPERATION_SIZE + key.length + (value?.length ?? 0);
}
