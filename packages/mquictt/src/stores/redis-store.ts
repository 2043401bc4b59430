/**
 * A store in Redis: one hash per broker, written by one script per batch. Each connection writes under a name of its own, and the script refuses every
 * other: neither a second broker with the same prefix nor the rest of a connection that was given up can write over what came later.
 */
import { randomUUID } from 'node:crypto';
import type { RedisClientType } from '@redis/client';
import { MqttError } from '../errors.ts';
import { sortByKey } from './memory-store.ts';
import { WriteChain, loadPackage, storeError } from './store.ts';
import type { Durability, Store, StoreOperation } from './store.ts';

export interface RedisStoreOptions {
  /** Begins all keys in Redis. Brokers that share a Redis need one each. @default 'mquictt' */
  readonly prefix?: string;
  /** ms after which Redis counts as gone when it does not answer. @default 10_000 */
  readonly timeout?: number;
}

/** ms. */
const TIMEOUT = 10_000;
/** Records that one step of loading asks for. */
const SCAN_COUNT = '1000';

/** KEYS: writer. ARGV: the name to write under from now on, how the one that is there must begin. */
const TAKE_OVER = `
local writer = redis.call('GET', KEYS[1]) or ''
if string.sub(writer, 1, #ARGV[2]) ~= ARGV[2] then return 0 end
redis.call('SET', KEYS[1], ARGV[1])
return 1`;

/**
 * KEYS: writer, records. ARGV: name, number of puts, then key and value of each put, then the keys to delete. Puts go first: a Redis that is out of memory
 * refuses the first of them, and nothing has been written then.
 */
const WRITE = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
local puts = tonumber(ARGV[2])
for i = 3, 2 + 2 * puts, 2 do redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 1]) end
for i = 3 + 2 * puts, #ARGV do redis.call('HDEL', KEYS[2], ARGV[i]) end
return 1`;

type RedisPackage = typeof import('@redis/client');

export class RedisStore implements Store {
  /** As found when it was opened. */
  readonly durability: Durability;
  readonly warnings: readonly string[];
  readonly #connector: Connector;
  readonly #records: string;
  readonly #chain: WriteChain = new WriteChain();

  private constructor(connector: Connector, records: string, warnings: readonly string[]) {
    this.#connector = connector;
    this.#records = records;
    this.warnings = warnings;
    this.durability = warnings.length === 0 ? 'disk' : 'os';
  }

  /**
   * From now on no other broker can write under this prefix; one that did is told so at its next write.
   *
   * @param url redis://[[user]:password@]host[:port][/database], or rediss:// for TLS
   * @throws MqttError ERR_MQTT_STORE_PACKAGE, ERR_MQTT_STORE
   */
  static async open(url: string, options: RedisStoreOptions = {}): Promise<RedisStore> {
    // The error of the URL class would show all of it.
    if (!URL.canParse(url))
      throw new MqttError(
        'ERR_MQTT_STORE',
        `The URL of Redis, ${withoutSecrets(url)}, cannot be read: write /, ?, # and @ in its password as %2F, %3F, %23 and %40`,
        { fault: 'usage' },
      );
    const redis = await loadPackage('@redis/client', 'A store in Redis', () => import('@redis/client'));
    // The braces keep both keys on one node of a Redis Cluster.
    const prefix = `{${options.prefix ?? 'mquictt'}}`;
    const connector = new Connector(redis, url, `${prefix}:writer`, options.timeout ?? TIMEOUT);
    try {
      return new RedisStore(connector, `${prefix}:records`, await connector.run(brokenPromises));
    } catch (error) {
      connector.disconnect();
      throw error;
    }
  }

  /** All records are held in memory while they are put in order. */
  async *load(): AsyncIterable<readonly [key: string, value: Uint8Array]> {
    // The same record may come twice while Redis makes room for its table.
    const records = new Map<string, Uint8Array>();
    let cursor = '0';
    do {
      const command = ['HSCAN', this.#records, cursor, 'COUNT', SCAN_COUNT];
      const [next, pairs] = await this.#connector.run((client, { RESP_TYPES }) =>
        client.sendCommand<[Buffer, Buffer[]]>(command, { typeMapping: { [RESP_TYPES.BLOB_STRING]: Buffer } }),
      );
      for (let i = 0; i < pairs.length; i += 2) records.set(pairs[i].toString(), new Uint8Array(pairs[i + 1]));
      cursor = next.toString();
    } while (cursor !== '0');
    yield* sortByKey(records);
  }

  write(operations: readonly StoreOperation[]): Promise<void> {
    return this.#chain.run(() => {
      const last = new Map(operations.map(({ key, value }) => [key, value]));
      const puts: (string | Buffer)[] = [];
      const deletions: string[] = [];
      for (const [key, value] of last) {
        if (value === undefined) deletions.push(key);
        else puts.push(key, Buffer.from(value.buffer, value.byteOffset, value.byteLength));
      }
      return this.#connector.run(async (client) => {
        const { writerKey, writerName } = this.#connector;
        const names = ['EVAL', WRITE, '2', writerKey, this.#records, writerName, String(puts.length / 2)];
        if ((await client.sendCommand<number>([...names, ...puts, ...deletions])) !== 1) throw taken(writerKey);
      });
    });
  }

  close(): Promise<void> {
    return this.#chain.close(async () => this.#connector.disconnect());
  }
}

/** One connection at a time, made anew in the next call after one failed. */
class Connector {
  readonly writerKey: string;
  /** Under which the connection writes. */
  writerName = '';
  readonly #redis: RedisPackage;
  readonly #url: string;
  readonly #timeout: number;
  readonly #id: string = randomUUID();
  #connectionCount = 0;
  #client: RedisClientType | undefined = undefined;

  constructor(redis: RedisPackage, url: string, writerKey: string, timeout: number) {
    this.#redis = redis;
    this.#url = url;
    this.writerKey = writerKey;
    this.#timeout = timeout;
  }

  /** @throws MqttError */
  async run<T>(use: (client: RedisClientType, redis: RedisPackage) => Promise<T>): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`it did not answer within ${this.#timeout} ms`)), this.#timeout);
    });
    try {
      return await Promise.race([this.#connect().then((client) => use(client, this.#redis)), timeout]);
    } catch (error) {
      this.disconnect();
      throw storeError(`Redis at ${withoutSecrets(this.#url)} failed`, error);
    } finally {
      clearTimeout(timer);
    }
  }

  disconnect(): void {
    const client = this.#client;
    this.#client = undefined;
    if (client?.isOpen === true) client.destroy();
  }

  async #connect(): Promise<RedisClientType> {
    if (this.#client !== undefined) return this.#client;
    const client = this.#redis.createClient({
      url: this.#url,
      // What was under way must fail instead of being sent again by itself: the batcher writes it again, and in order.
      disableOfflineQueue: true,
      socket: { reconnectStrategy: false, connectTimeout: this.#timeout },
    }) as unknown as RedisClientType;
    this.#client = client;
    // The command that was under way fails with the same reason.
    client.on('error', () => {});
    client.on('end', () => {
      if (this.#client === client) this.#client = undefined;
    });
    await client.connect();
    const name = `${this.#id}:${++this.#connectionCount}`;
    const script = ['EVAL', TAKE_OVER, '1', this.writerKey, name, this.writerName === '' ? '' : this.#id];
    if ((await client.sendCommand<number>(script)) !== 1) throw taken(this.writerKey);
    this.writerName = name;
    return client;
  }
}

/** What does not hold as this Redis is configured. */
async function brokenPromises(client: RedisClientType): Promise<string[]> {
  const wanted = [
    ['appendonly', 'yes', 'what was acknowledged is lost when Redis ends'],
    ['appendfsync', 'always', 'what was acknowledged may be lost when Redis ends or the power fails'],
    ['maxmemory-policy', 'noeviction', 'Redis may throw away sessions and messages when it runs out of memory'],
  ];
  const broken: string[] = [];
  for (const [name, value, consequence] of wanted) {
    let found: string | undefined;
    try {
      const reply = await client.configGet(name);
      found = reply[name];
    } catch (error) {
      // Managed ones do not show their configuration.
      if (!client.isOpen) throw error;
    }
    if (found === undefined) broken.push(`Redis does not tell its ${name}: unless it is ${value}, ${consequence}`);
    else if (found !== value) broken.push(`Redis has ${name} ${found} instead of ${value}: ${consequence}`);
  }
  return broken;
}

function taken(writerKey: string): MqttError {
  return new MqttError(
    'ERR_MQTT_STORE_TAKEN',
    `Another broker took over the records in Redis, or they were deleted (${writerKey}): give each broker a prefix of its own and start this one again`,
  );
}

/** For messages: without user and password. */
function withoutSecrets(url: string): string {
  // Whatever a password has in it that a URL should not.
  return url.replace(/\/\/.*@/s, '//');
}
