/** A broker and its store: what is loaded at the start, written at the end of each turn, and said when writing fails. */
import type { Runtime } from '@mquictt/quic-node';
import type { BrokerCore } from '../core/broker-core.ts';
import type { LogFunction } from '../core/broker-stats.ts';
import { Journal } from '../core/persistence/journal.ts';
import { restore } from '../core/persistence/restore.ts';
import { Batcher } from '../stores/batcher.ts';
import type { Store } from '../stores/store.ts';

export class Persistence {
  readonly journal: Journal;
  /** Called when something was written that clients may have waited for. */
  onWritten: () => void = () => {};
  readonly #store: Store;
  readonly #batcher: Batcher;
  readonly #runtime: Runtime;
  readonly #log: LogFunction;

  constructor(store: Store, runtime: Runtime, log: LogFunction) {
    this.#store = store;
    this.#runtime = runtime;
    this.#log = log;
    this.#batcher = new Batcher(store, runtime, {
      onWritten: () => this.onWritten(),
      onFailure: (error) => {
        if (error === undefined) log('info', 'The store can be written again', {});
        else log('error', 'The store cannot be written: QoS 1 and 2 are refused until it can', { error });
      },
    });
    this.journal = new Journal(this.#batcher, () => runtime.unixTime() - runtime.now());
  }

  /** What an operator should know, each a sentence; empty when all is well. */
  get problems(): string[] {
    const { health, failure, unwrittenBytes } = this.#batcher;
    if (health === 'failing') return [String(failure?.message)];
    return health === 'ok' ? [] : [`The store is too slow: ${unwrittenBytes} bytes wait to be written`];
  }

  /** Puts back what was stored. @throws MqttError ERR_MQTT_STORE */
  async load(core: BrokerCore): Promise<void> {
    for (const warning of this.#store.warnings) this.#log('warn', warning, {});
    const restored = await restore(core, this.journal, this.#store.load(), this.#runtime.now());
    this.#log('info', 'The store has been loaded', { ...restored });
    this.flush();
  }

  /** The turn is over. */
  flush(): void {
    this.#batcher.flush();
  }

  /** Writes what is left and closes the store; never rejects. */
  async close(): Promise<void> {
    try {
      await this.#batcher.close();
    } catch (error) {
      this.#log('error', 'The last changes could not be stored', { error });
    }
  }
}
