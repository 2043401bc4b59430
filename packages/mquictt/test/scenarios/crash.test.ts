/** A broker that is killed in the middle of its work, with kill -9, and begins again with what it had stored. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Store } from '../../src/index.ts';
import { Reader, Writer } from '../support/book-peers.ts';
import { developmentCertificates, until } from '../support/loopback.ts';
import { RedisServer, installRedis } from '../support/redis-server.ts';
import { StoredBrokerProcess } from '../support/stored-broker-process.ts';
import { openStore, temporaryFolder } from '../stores/places.ts';
import type { PlaceKind } from '../stores/places.ts';

const test = suite('crash');

/** Half of them with QoS 1, half with QoS 2. */
const MESSAGES = 2_000;
const WINDOW = 100;
const TIMEOUT = 60_000;

/** @param kills how much of the messages has been acknowledged when the broker is killed, each time */
async function killAndCount(kind: PlaceKind, location: string, kills: readonly number[]): Promise<void> {
  const { caPem } = await developmentCertificates();
  const writer = new Writer({ clientId: 'writer', caPem }, MESSAGES, WINDOW);
  const reader = new Reader({ clientId: 'reader', caPem });
  let broker = await StoredBrokerProcess.start(kind, location);
  const { port } = broker;
  await reader.connect(port);
  await writer.connect(port);
  for (const share of kills) {
    await new Promise<void>((resolve) => {
      writer.onAcknowledged = () => {
        if (writer.acknowledged >= MESSAGES * share) resolve();
      };
    });
    await broker.kill();
    await Promise.all([writer.drop(), reader.drop()]);
    broker = await StoredBrokerProcess.start(kind, location, port);
    await Promise.all([writer.connect(port), reader.connect(port)]);
    assert.ok(writer.sessionPresent && reader.sessionPresent);
  }
  await until(() => writer.acknowledged === MESSAGES, TIMEOUT);
  await until(() => new Set(reader.texts).size === MESSAGES, TIMEOUT);

  const times = new Map<string, number>();
  for (const text of reader.texts) times.set(text, (times.get(text) ?? 0) + 1);
  for (let i = 0; i < MESSAGES; i++) {
    const count = times.get(`m${i}`) ?? 0;
    // QoS 1 may come again, QoS 2 may not.
    assert.ok(i % 2 === 0 ? count >= 1 : count === 1, `m${i} came ${count} times`);
  }
  // [MQTT-4.6.0-6]
  assert.equal(
    [...times.keys()],
    Array.from({ length: MESSAGES }, (_, i) => `m${i}`),
  );

  // What is over has left nothing behind but the sessions.
  await until(() => reader.unreleased.size === 0, TIMEOUT);
  await reader.settle();
  await broker.kill('SIGTERM');
  await Promise.all([writer.drop(), reader.drop()]);
  const store = await openStore(kind, location);
  assert.equal(await kindsOf(store), ['f', 's', 's']);
  await store.close();
}

/** The kind of each record. */
async function kindsOf(store: Store): Promise<string[]> {
  const kinds: string[] = [];
  for await (const [key] of store.load()) kinds.push(key[0] as string);
  return kinds;
}

test('killed twice among 1,000 messages of QoS 1 and 1,000 of QoS 2 it loses none, none of QoS 2 comes twice, and none overtakes another: a folder', async () => {
  const { path, remove } = await temporaryFolder();
  try {
    await killAndCount('level', path, [0.2, 0.6]);
  } finally {
    await remove();
  }
});

const problem = installRedis();
if (problem === undefined) {
  test('killed once, the same with Redis', async () => {
    const redis = await RedisServer.start();
    try {
      await killAndCount('redis', `${redis.url} crash`, [0.4]);
    } finally {
      await redis.stop();
    }
  });
} else {
  console.log(`The test with a Redis is left out: ${problem}`);
}

test.run();
