/** A broker as a service: started from what was configured, watched, told to read its configuration again, and stopped within bounds. */
import { formatAddress } from '@mquictt/quic-node';
import type { AccessOptions } from '../access/access-control.ts';
import { server } from '../broker/broker.ts';
import type { Broker, BrokerOptions } from '../broker/broker.ts';
import type { Config } from '../config.ts';
import { DEFAULT_PORT } from '../quic-options.ts';
import { LevelStore } from '../stores/level-store.ts';
import { RedisStore } from '../stores/redis-store.ts';
import type { Store } from '../stores/store.ts';
import { BROKER_SETTINGS } from './broker-settings.ts';
import { SHUTDOWN_DEADLINE } from './configuration.ts';
import type { Configuration, StoreSection } from './configuration.ts';
import { makeLogger } from './log.ts';
import type { ServiceLogger } from './log.ts';
import { startMonitoring } from './monitoring.ts';
import type { Monitoring } from './monitoring.ts';

/** Everything that was configured, read just now. */
export interface Loaded {
  readonly configuration: Configuration;
  /** Certificates. */
  readonly config: Config;
  readonly access: AccessOptions | undefined;
  /** Said in the log at the start: what was made for development, and how to trust it. */
  readonly notes: readonly string[];
}

export interface ServiceOptions {
  /** Reads everything: at the start, and on each reload. */
  readonly load: () => Promise<Loaded>;
  /** Takes a line of the log. */
  readonly write: (line: string) => void;
  /** Whether somebody reads along. */
  readonly isTerminal: boolean;
}

/** What a reload changes; the rest is for the next start. */
const RELOADED: readonly (keyof Configuration)[] = ['auth', 'access', 'log'];

export class Service {
  readonly #load: () => Promise<Loaded>;
  readonly #logger: ServiceLogger;
  readonly #broker: Broker;
  readonly #monitoring: Monitoring | undefined;
  #configuration: Configuration;
  /** Reloads wait for one another. */
  #reloading: Promise<void> = Promise.resolve();

  /** @throws MqttError */
  static async start(options: ServiceOptions): Promise<Service> {
    const loaded = await options.load();
    const { configuration, config, access, notes } = loaded;
    const { level = 'info', format = options.isTerminal ? 'pretty' : 'json' } = configuration.log ?? {};
    const logger = await makeLogger(level, format, options.write);
    const store = await openStore(configuration.store);
    const broker = await server(configuration.address ?? `0.0.0.0:${DEFAULT_PORT}`, config, {
      ...brokerOptionsOf(configuration),
      logger,
      onWarning: (message) => logger.warn({}, message),
      ...(access === undefined ? {} : { access }),
      ...(store === undefined ? {} : { store }),
    });
    let monitoring;
    try {
      if (configuration.monitoring !== undefined) monitoring = await startMonitoring(broker, configuration.monitoring);
    } catch (error) {
      await broker.close();
      throw error;
    }
    for (const { type, name, address } of broker.listeners())
      logger.info({ listener: name }, `Listening on ${formatAddress(address)} (${type})`);
    if (monitoring !== undefined) logger.info({}, `Metrics and health on http://${formatAddress(monitoring.address)}`);
    for (const note of notes) logger.warn({}, note);
    return new Service(options, configuration, logger, broker, monitoring);
  }

  private constructor(
    options: ServiceOptions,
    configuration: Configuration,
    logger: ServiceLogger,
    broker: Broker,
    monitoring: Monitoring | undefined,
  ) {
    this.#load = options.load;
    this.#configuration = configuration;
    this.#logger = logger;
    this.#broker = broker;
    this.#monitoring = monitoring;
  }

  /** Takes over certificates, access and log level from a configuration read anew, all or nothing. Never rejects: what is wrong is said in the log. */
  reload(): Promise<void> {
    this.#reloading = this.#reloading.then(() => this.#reload());
    return this.#reloading;
  }

  async #reload(): Promise<void> {
    const logger = this.#logger;
    try {
      const { configuration, config, access } = await this.#load();
      this.#broker.setCertificate(config);
      this.#broker.setAccess(access);
      logger.level = configuration.log?.level ?? 'info';
      const waiting = changedKeys(this.#configuration, configuration).filter((key) => !RELOADED.includes(key));
      this.#configuration = { ...this.#configuration, ...pick(configuration, RELOADED) };
      logger.info({}, 'The configuration has been read again');
      if (waiting.length > 0)
        logger.warn({ keys: waiting }, 'These have changed and have no effect before the next start');
    } catch (error) {
      const why = (error as Error).message.replace(/\n\s*/g, ' ');
      logger.error({}, `The configuration was read again and nothing was changed: ${why}`);
    }
  }

  /**
   * Stops accepting, tells the clients, waits until they have been told and the store has everything.
   *
   * @returns whether that was done before the deadline
   */
  async stop(): Promise<boolean> {
    const { deadline = SHUTDOWN_DEADLINE, serverReference } = this.#configuration.shutdown ?? {};
    this.#logger.info({}, 'Stopping');
    let timer;
    const tooLate = new Promise<boolean>((resolve) => {
      timer = setTimeout(() => resolve(false), deadline * 1000);
    });
    const closing = this.#broker.close(serverReference === undefined ? {} : { serverReference }).then(() => true);
    const isDone = await Promise.race([closing, tooLate]);
    clearTimeout(timer);
    // Until the end somebody may want to know.
    await this.#monitoring?.close();
    if (isDone) this.#logger.info({}, 'Closed.');
    else this.#logger.error({}, `Not everything was closed and stored within ${deadline} s`);
    return isDone;
  }
}

function brokerOptionsOf(configuration: Configuration): BrokerOptions {
  const { listeners, requireCertificate } = configuration;
  return {
    ...pick(configuration, Object.keys(BROKER_SETTINGS) as (keyof typeof BROKER_SETTINGS)[]),
    ...(listeners === undefined ? {} : { listeners }),
    ...(requireCertificate === true ? { clientCertificates: { required: true } } : {}),
  };
}

async function openStore(section: StoreSection | undefined): Promise<Store | undefined> {
  const { folder, redis, durability, prefix } = section ?? {};
  if (folder !== undefined) return LevelStore.open(folder, durability === undefined ? {} : { durability });
  return redis === undefined ? undefined : RedisStore.open(redis, prefix === undefined ? {} : { prefix });
}

function changedKeys(before: Configuration, after: Configuration): (keyof Configuration)[] {
  const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])] as (keyof Configuration)[];
  return keys.filter((key) => JSON.stringify(before[key]) !== JSON.stringify(after[key]));
}

function pick<T extends object, K extends keyof T>(object: T, keys: readonly K[]): Partial<Pick<T, K>> {
  const entries = keys.filter((key) => object[key] !== undefined).map((key) => [key, object[key]]);
  return Object.fromEntries(entries) as Partial<Pick<T, K>>;
}
