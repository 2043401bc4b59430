import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  HOLD_PROBATION,
  HOLD_TIME,
  MAX_PENDING_REPLIES,
  QUEUE_HARD_LIMIT,
  QUEUE_HIGH_WATER,
  RECEIVE_MAXIMUM,
} from '../../src/limits.ts';
import { publishBytes, TestBroker } from '../support/core-harness.ts';
import type { TestStream } from '../support/core-harness.ts';
import { concat, utf8 } from '../support/hex.ts';

const test = suite('slow-readers');

const KIB = 'x'.repeat(1_024);

/** A broker that tells slow readers to go, after 1 MiB of one subscription. */
const strict = { slowConsumer: 'disconnect', sessionQueue: { maxBytes: 2_097_152 } } as const;

/** Sends until the stream is held back or `count` messages went. @returns how many */
function flood(stream: TestStream, topic: string, count: number, qos: number): number {
  for (let i = 0; i < count; i++) {
    if (stream.channel.isHeld || !stream.channel.isOpen) return i;
    stream.publish(topic, KIB, { qos });
  }
  return count;
}

test('a publisher of QoS 0 is held back for a moment, then the messages of the slow reader are dropped', () => {
  const broker = new TestBroker();
  const client = broker.connect('c');
  const slow = client.subscribe('t', { qos: 0 });
  const good = client.subscribe('t', { qos: 0 });
  slow.capacity = 0;
  const publisher = broker.connect('p').stream();
  const sent = flood(publisher, 't', 1_000, 0);
  assert.ok(sent > 250 && sent < 260, `held after ${sent}`);
  broker.advance(HOLD_TIME);
  assert.not.ok(publisher.channel.isHeld);
  // From now on it holds nobody.
  assert.is(flood(publisher, 't', 10_000, 0), 10_000);
  assert.is(good.messages().length, sent + 10_000);
  assert.ok(slow.flow.backlog <= QUEUE_HIGH_WATER + 2_048);
  assert.ok(broker.core.stats().messagesDropped >= 10_000);
  assert.is(slow.abortCode, -1);
  // Until it has caught up and some time has passed.
  slow.drain();
  broker.advance(HOLD_PROBATION);
  assert.is(slow.messages().length, sent);
  slow.capacity = 0;
  assert.ok(flood(publisher, 't', 1_000, 0) < 260);
});

test('a reader that catches up while its publisher is held back loses nothing', () => {
  for (const qos of [0, 1]) {
    const broker = new TestBroker();
    const client = broker.connect('c');
    const reader = client.subscribe('t');
    const publisher = broker.connect('p').stream();
    let sent = 0;
    for (let round = 0; round < 50; round++) {
      reader.capacity = 0;
      sent += flood(publisher, 't', 1_000, qos);
      assert.ok(publisher.channel.isHeld);
      broker.advance(HOLD_TIME / 2);
      reader.drain();
      for (const message of reader.messages()) if (message.qos === 1) reader.puback(message.packetIdentifier);
      while (reader.flow.backlog > 0) {
        const messages = reader.messages();
        assert.ok(messages.length > 0);
        for (const message of messages) if (message.qos === 1) reader.puback(message.packetIdentifier);
      }
      for (const message of reader.messages()) if (message.qos === 1) reader.puback(message.packetIdentifier);
      assert.not.ok(publisher.channel.isHeld);
      publisher.take();
    }
    const stats = broker.core.stats();
    assert.is(stats.messagesRouted, sent);
    assert.is(stats.messagesDropped, 0);
    assert.is(stats.flowsEvicted, 0);
    assert.is(stats.queuedBytes, 0);
  }
});

test('a reader of QoS 1 that never reads loses its stream and no other, where that is configured', () => {
  const broker = new TestBroker(strict);
  const client = broker.connect('c');
  const slow = client.subscribe('t');
  const good = client.subscribe('t');
  slow.capacity = 0;
  const publisher = broker.connect('p').stream();
  const received: string[] = [];
  let sent = 0;
  while (slow.abortCode === -1) {
    sent += flood(publisher, 't', 100, 1);
    for (const message of good.messages()) {
      received.push(message.text);
      good.puback(message.packetIdentifier);
    }
    publisher.take();
    if (publisher.channel.isHeld) broker.advance(HOLD_TIME);
    assert.ok(sent < 2_000);
  }
  assert.is(slow.abortCode, 0x97);
  assert.is(client.closeCode, -1);
  assert.is(received.length, sent);
  assert.is(broker.core.stats().flowsEvicted, 1);
  assert.is(broker.core.queuedBytes, client.control.flow.backlog);
});

test('one reader that never reads costs 63 others nothing while 100 MB pass', () => {
  const broker = new TestBroker();
  const client = broker.connect('c');
  const readers = Array.from({ length: 64 }, (_, i) => client.subscribe(`t/${i}`));
  readers[0].capacity = 0;
  const p = broker.connect('p');
  const publishers = readers.map(() => p.stream());
  const payload = 'x'.repeat(16_384);
  const counts = readers.map(() => 0);
  let maxQueued = 0;
  for (let round = 0; round < 100; round++) {
    for (const [i, publisher] of publishers.entries()) {
      publisher.publish(`t/${i}`, payload);
      counts[i] += readers[i].messages().length;
    }
    maxQueued = Math.max(maxQueued, broker.core.queuedBytes);
    broker.advance(1);
  }
  assert.equal(
    counts.slice(1),
    Array.from({ length: 63 }, () => 100),
  );
  assert.ok(maxQueued <= QUEUE_HARD_LIMIT, `${maxQueued} bytes`);
});

test('messages too large for the water marks pass one at a time', () => {
  const broker = new TestBroker();
  const client = broker.connect('c');
  const reader = client.subscribe('t', { qos: 0 });
  reader.capacity = 0;
  const payload = new Uint8Array(1_000_000);
  client.publish('t', payload);
  client.publish('t', payload);
  assert.ok(reader.flow.backlog <= 2_000_000);
  reader.drain();
  assert.is(reader.messages()[0].payload.length, 1_000_000);
});

test('a slow control stream is not held for, and a reader of QoS 1 on it loses its connection', () => {
  const broker = new TestBroker(strict);
  const client = broker.connect('old', { protocolVersion: 4 });
  client.control.subscribe('t');
  client.control.take();
  client.control.capacity = 0;
  const publisher = broker.connect('p').stream();
  for (let i = 0; i < 3_000 && client.closeCode === -1; i++) {
    publisher.publish('t', KIB, { qos: 1 });
    if (publisher.channel.isHeld) broker.advance(HOLD_TIME);
  }
  assert.is(client.closeCode, 0x97);
});

test('a client that publishes on a stream it also reads on is never held', () => {
  const broker = new TestBroker();
  const a = broker.connect('a');
  const b = broker.connect('b');
  const streamA = a.subscribe('to/a');
  const streamB = b.subscribe('to/b');
  streamA.capacity = 0;
  streamB.capacity = 0;
  for (let i = 0; i < 300; i++) {
    streamA.publish('to/b', KIB);
    streamB.publish('to/a', KIB);
  }
  assert.not.ok(streamA.channel.isHeld);
  assert.not.ok(streamB.channel.isHeld);
});

test('a client that never reads its acknowledgements is not read any further', () => {
  const broker = new TestBroker();
  const client = broker.connect('old', { protocolVersion: 4 });
  client.control.capacity = 0;
  const packet = publishBytes('t', 'x', { qos: 1 }, 4, 1);
  const many = concat(...Array.from({ length: 1_000 }, () => packet));
  for (let i = 0; i < 100; i++) client.control.send(many.slice());
  assert.ok(client.control.channel.isHeld);
  assert.ok(client.control.channel.output.replyBytes <= MAX_PENDING_REPLIES + 4);
  client.control.drain();
  assert.is(client.control.take().length, 100_000);
});

test('a client of MQTT 5 that ignores the Receive Maximum loses its stream', () => {
  const broker = new TestBroker();
  const client = broker.connect('c');
  const stream = client.stream();
  stream.capacity = 0;
  const packets = Array.from({ length: RECEIVE_MAXIMUM + 1 }, (_, i) => publishBytes('t', '', { qos: 1 }, 5, i + 1));
  stream.send(concat(...packets.slice(0, RECEIVE_MAXIMUM)));
  assert.is(stream.abortCode, -1);
  stream.send(packets[RECEIVE_MAXIMUM]);
  assert.is(stream.abortCode, 0x93);
  assert.is(client.closeCode, -1);
});

test('[MQTT-3.3.1-9] a hundred thousand retained messages are sent as they are read, before what came later', () => {
  const broker = new TestBroker();
  const p = broker.connect('p').stream();
  const topics = 20_000;
  for (let i = 0; i < topics; i++) p.publish(`r/${i}`, `old ${i}`, { retain: true });
  const client = broker.connect('c');
  const stream = client.stream();
  stream.capacity = 0;
  stream.subscribe('r/+', { qos: 0 });
  assert.ok(stream.flow.backlog < 2 * 65_536, `${stream.flow.backlog} bytes`);
  p.publish('r/19999', 'new', { retain: true });
  p.publish('r/live', 'live');
  stream.drain();
  const texts = stream.texts();
  assert.is(texts.length, topics - 1 + 2);
  assert.equal(texts.slice(-2), ['new', 'live']);
  assert.is(broker.core.queuedBytes, 0);
});

test('when a held publisher or its slow reader goes, nothing is left behind', () => {
  for (const end of ['publisher', 'reader', 'both'] as const) {
    const broker = new TestBroker();
    const reader = broker.connect('c').subscribe('t');
    reader.capacity = 0;
    const p = broker.connect('p');
    const publisher = p.stream();
    flood(publisher, 't', 1_000, 0);
    assert.ok(publisher.channel.isHeld);
    publisher.send(publishBytes('t', 'last'));
    if (end !== 'reader') publisher.reset(0);
    if (end !== 'publisher') reader.reset(0);
    if (end === 'reader') assert.not.ok(publisher.channel.isHeld);
    broker.advance(10 * HOLD_TIME);
    p.drop();
    reader.client.drop();
    assert.is(broker.core.queuedBytes, 0);
    assert.is(broker.core.stats().flows, 0);
    assert.is(broker.core.nextTimeout(), Infinity);
  }
});

test('a will of a broken client reaches a slow reader without holding anybody', () => {
  const broker = new TestBroker(strict);
  const reader = broker.connect('c').subscribe('w');
  reader.capacity = 0;
  for (let i = 0; i < 20; i++) {
    broker.connect(`p${i}`, { will: { topic: 'w', payload: utf8('x'.repeat(60_000)), qos: 1, retain: false } }).drop();
  }
  assert.is.not(reader.abortCode, -1);
});

test('what a session has no room for is not queued, counted, logged once a minute, and acknowledged as usual', () => {
  const broker = new TestBroker({ sessionQueue: { maxMessages: 20 } });
  const slow = broker.connect('c').subscribe('t');
  const good = broker.connect('d').subscribe('t');
  slow.capacity = 0;
  const publisher = broker.connect('p').stream();
  for (let i = 0; i < 30; i++) {
    publisher.publish('t', String(i), { qos: 1 });
    for (const message of good.messages()) good.puback(message.packetIdentifier);
  }
  assert.is(publisher.take().length, 30);
  assert.is(slow.abortCode, -1);
  // Half of the room is for one subscription.
  slow.drain();
  assert.equal(
    slow.texts(),
    Array.from({ length: 10 }, (_, i) => String(i)),
  );
  assert.is(broker.core.stats().messagesNotQueued, 20);
  assert.is(broker.logs.filter((line) => line.startsWith('warn: Messages are not queued')).length, 1);
});

test('the other half of the room is for other subscriptions', () => {
  const broker = new TestBroker({ sessionQueue: { maxMessages: 20 } });
  const client = broker.connect('c');
  const [first, second] = ['a', 'b'].map((topic) => client.subscribe(topic));
  first.capacity = 0;
  second.capacity = 0;
  for (let i = 0; i < 30; i++) for (const topic of ['a', 'b']) client.publish(topic, String(i), { qos: 1 });
  first.drain();
  second.drain();
  assert.equal([first.texts().length, second.texts().length], [10, 10]);
});

test('as much as the broker can hold: who only publishes is not read, new clients are refused, those who come for what waits are not', () => {
  const broker = new TestBroker({ maxQueuedBytes: 100_000 });
  const kept = { cleanStart: false, sessionExpiryInterval: 1_000 };
  const away = broker.connect('away', kept);
  away.control.subscribe('t').take();
  away.drop();
  const p = broker.connect('p', { keepAlive: 10 });
  const streams = [p.control, p.stream()];
  while (!broker.core.isOverloaded) streams[1].publish('t', KIB, { qos: 1 });
  for (const stream of streams) assert.ok(stream.channel.isHeld);
  assert.throws(() => broker.connect('new'), /"reasonCode":151/);
  // Its keep-alive does not run out while nobody listens.
  broker.advance(60_000);
  assert.is(p.closeCode, -1);
  const again = broker.connect('away', kept);
  const messages = again.control.messages();
  assert.ok(messages.length > 90);
  for (const stream of streams) assert.not.ok(stream.channel.isHeld);
  broker.connect('new');
  broker.advance(15_000);
  assert.is(p.closeCode, 0x8d);
});

test('messages that wait keep no more memory than they take', async () => {
  const broker = new TestBroker();
  const away = broker.connect('away', { cleanStart: false, sessionExpiryInterval: 1_000 });
  away.control.subscribe('rare').take();
  away.drop();
  const p = broker.connect('p').stream();
  const others = broker.connect('o').subscribe('often', { qos: 0 });
  // Memory of buffers is given back some time after a collection.
  const use = async (): Promise<number> => {
    let least = Infinity;
    for (let i = 0; i < 5; i++) {
      globalThis.gc?.();
      await new Promise((resolve) => setImmediate(resolve));
      least = Math.min(least, process.memoryUsage().arrayBuffers);
    }
    return least;
  };
  const before = await use();
  for (let i = 0; i < 2_000; i++) {
    p.publish('rare', 'x', { qos: 1 }).take();
    for (let j = 0; j < 8; j++) p.publish('often', KIB);
    others.take();
  }
  const kept = (await use()) - before;
  assert.ok(kept < 2_000 * 500, `${kept} bytes`);
  assert.is(broker.connect('away', { cleanStart: false }).control.messages().length, 2_000);
});

test.run();
