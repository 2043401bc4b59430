/**
 * The promise of a stream per topic: what happens to one stream holds up no other, neither on the wire (loss) nor in memory (a reader that does not read).
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { LINKS, seededRandom, stages } from '@mquictt/testkit';
import { World } from './harness.ts';

const test = suite('isolation');

const TOPICS = 64;
const MESSAGE_BYTES = 100;
/** Per topic and second; all topics together stay below the smallest congestion window, two datagrams per round trip. */
const RATE = 2;
const DURATION_MS = 10_000;
const DROP_FROM_MS = 2_000;
const DROP_MS = 1_000;
const MAX_ACK_DELAY = 25;

interface Run {
  /** Delivery delays of all topics but the first, ms. */
  readonly others: number[];
  readonly firstDelivered: number;
  readonly firstSent: number;
  readonly isFirstWhole: boolean;
  readonly dropped: number;
}

/** The fake protector leaves payloads readable, so a packet with bytes of a topic can be told by the topic's own byte values. */
function messageOf(topic: number): Uint8Array {
  const message = new Uint8Array(MESSAGE_BYTES);
  for (let i = 0; i < MESSAGE_BYTES; i++) message[i] = i % 2 === 0 ? 0xa5 : 0x80 + topic;
  return message;
}

function carries(bytes: Uint8Array, topic: number): boolean {
  let runLength = 0;
  for (let i = 0; i + 1 < bytes.length; i++) {
    runLength =
      bytes[i] === 0xa5 && bytes[i + 1] === 0x80 + topic
        ? runLength + 1
        : runLength > 0 && bytes[i] === 0x80 + topic
          ? runLength
          : 0;
    if (runLength >= 4) return true;
  }
  return false;
}

function publish(seed: number, withDrops: boolean): Run {
  let dropFrom = Infinity;
  let dropped = 0;
  let world: World;
  const drop = stages.dropIf((bytes) => {
    const now = world.simulation.now;
    if (!withDrops || now < dropFrom || now >= dropFrom + DROP_MS || !carries(bytes, 0)) return false;
    dropped++;
    return true;
  });
  world = new World({
    seed,
    scenario: `isolation${withDrops ? ' with drops' : ''}`,
    up: [drop, stages.delay(15)],
    down: [stages.delay(15)],
  });
  const { client, server } = world.connect();
  const { simulation } = world;
  const random = seededRandom(seed + 7);
  dropFrom = simulation.now + DROP_FROM_MS;

  // Each topic is a stream; the n-th message of a stream ends at byte (n + 1) * MESSAGE_BYTES.
  const ids = Array.from({ length: TOPICS }, () => client.openStream(false));
  const sentAt: number[][] = ids.map(() => []);
  const received = ids.map(() => 0);
  const others: number[] = [];
  let isFirstWhole = true;
  world.onServerEvent = (_connection, event) => {
    if (event.type !== 'stream-readable') return;
    const topic = ids.indexOf(event.id);
    const expected = messageOf(topic);
    for (const byte of world.readAll(server, event.id)) {
      if (topic === 0 && byte !== expected[received[topic]! % MESSAGE_BYTES]) isFirstWhole = false;
      received[topic]!++;
      if (received[topic]! % MESSAGE_BYTES !== 0) continue;
      const delay = simulation.now - sentAt[topic]![received[topic]! / MESSAGE_BYTES - 1]!;
      if (topic !== 0) others.push(delay);
    }
  };
  const end = simulation.now + DURATION_MS;
  ids.forEach((id, topic) => {
    const next = (): void => {
      // The doomed one speaks every 100 ms, so that it always has something to lose; the others at random.
      const at = simulation.now + (topic === 0 ? 100 : (-Math.log(1 - random.next()) * 1000) / RATE);
      if (at >= end) return;
      simulation.at(at, () => {
        sentAt[topic]!.push(at);
        assert.is(client.writeStream(id, messageOf(topic), false), MESSAGE_BYTES);
        world.pair.client.wake();
        next();
      });
    };
    next();
  });
  world.pair.runFor(DURATION_MS);
  world.pair.run(() => received.every((bytes, topic) => bytes === sentAt[topic]!.length * MESSAGE_BYTES), 10_000);
  return { others, firstSent: sentAt[0]!.length, firstDelivered: received[0]! / MESSAGE_BYTES, isFirstWhole, dropped };
}

function percentile(values: readonly number[], p: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * p))]!;
}

for (const seed of [1, 2, 3]) {
  test(`losing every packet of one stream for a second does not delay the others, SEED=${seed}`, () => {
    const calm = publish(seed, false);
    const lossy = publish(seed, true);
    assert.is(calm.dropped, 0);
    assert.ok(lossy.dropped > 3, `only ${lossy.dropped} packets were dropped`);
    assert.is(lossy.others.length, calm.others.length);
    const calm99 = percentile(calm.others, 0.99);
    const lossy99 = percentile(lossy.others, 0.99);
    assert.ok(
      lossy99 <= calm99 + MAX_ACK_DELAY,
      `99th percentile ${lossy99} ms, without drops ${calm99} ms, SEED=${seed}`,
    );
    assert.is(lossy.firstDelivered, lossy.firstSent);
    assert.ok(lossy.isFirstWhole);
  });
}

test('a stream that is never read holds up none of 63 others, which receive 100 MB', () => {
  const bytesEach = Math.ceil(100_000_000 / 63);
  const world = new World({ scenario: 'one stream unread', up: LINKS.clean(), down: LINKS.clean() });
  const { client, server } = world.connect();
  const ids = Array.from({ length: TOPICS }, () => server.openStream(false));
  const chunk = new Uint8Array(65_536).fill(7);
  const written = ids.map(() => 0);
  const read = ids.map(() => 0);
  const fill = (topic: number): void => {
    while (written[topic]! < bytesEach) {
      const data = chunk.subarray(0, Math.min(chunk.length, bytesEach - written[topic]!));
      const accepted = server.writeStream(ids[topic]!, data, written[topic]! + data.length === bytesEach);
      written[topic]! += accepted;
      if (accepted < data.length) return;
    }
  };
  world.onServerEvent = (_connection, event) => {
    if (event.type === 'stream-writable') fill(ids.indexOf(event.id));
  };
  world.onClientEvent = (_connection, event) => {
    if (event.type !== 'stream-readable') return;
    const topic = ids.indexOf(event.id);
    if (topic === 0) return;
    for (let data = client.readStream(event.id); data !== undefined; data = client.readStream(event.id))
      read[topic]! += data.length;
  };
  ids.forEach((_id, topic) => fill(topic));
  world.wake();
  world.pair.run(() => read.every((bytes, topic) => topic === 0 || bytes === bytesEach), 60_000);
  // The unread one has stopped at its own window and keeps what it was sent.
  assert.is(client.receiveState(ids[0]!), 'open');
  assert.ok(written[0]! < bytesEach);
  const held = world.readAll(client, ids[0]!).length;
  assert.is(held, 262_144);
});

test.run();
