/** What one client can make the broker keep and compute; in the core, where nothing but the bounds decides. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { RetainedStore } from '../../src/core/retained.ts';
import { Router } from '../../src/core/router.ts';
import { Subscription } from '../../src/core/subscription.ts';
import {
  MAX_IN_FLIGHT_BYTES_PER_SESSION,
  MAX_PARTIAL_BYTES,
  MAX_RETAINED_LEVELS,
  MAX_SUBSCRIPTION_LEVELS_PER_SESSION,
} from '../../src/limits.ts';
import * as codec from '../../src/packets/codec.ts';
import type { SubackPacket } from '../../src/packets/codec.ts';
import { PacketType } from '../../src/packets/packet-types.ts';
import { ReasonCode } from '../../src/reason-codes.ts';
import { publishBytes, TestBroker } from '../support/core-harness.ts';
import type { TestStream } from '../support/core-harness.ts';
import { utf8 } from '../support/hex.ts';

const test = suite('hostile memory');

/** Bytes after a garbage collection; run with --expose-gc. */
function memoryUse(): number {
  globalThis.gc?.();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

/** Sends one SUBSCRIBE. @returns its reason codes */
function subscribeAll(stream: TestStream, filters: readonly string[], retainHandling = 2): readonly number[] {
  const requests = filters.map((topicFilter) => ({
    topicFilter,
    qos: 1,
    noLocal: false,
    retainAsPublished: false,
    retainHandling,
  }));
  stream.send(codec.encodeSubscribe(stream.identifier(), requests, 0, 5));
  const [answer] = stream.take() as SubackPacket[];
  return answer.reasonCodes;
}

/** All filters that match `a/a/a/...`, with `a` or `+` in the first levels. */
function deepFilters(from: number, to: number): string[] {
  return Array.from({ length: to - from }, (_, i) =>
    Array.from({ length: 128 }, (_, level) => (((i + from) >> level) & 1 ? 'a' : '+')).join('/'),
  );
}

test('thousands of deep filters are refused before the tree of filters has grown', () => {
  const broker = new TestBroker();
  const client = broker.connect('c');
  const stream = client.stream();
  const allowed = MAX_SUBSCRIPTION_LEVELS_PER_SESSION / 128;
  const codes = subscribeAll(stream, deepFilters(0, 512));
  assert.is(codes.filter((code) => code === 1).length, allowed);
  assert.is(codes[allowed], ReasonCode.QUOTA_EXCEEDED);
  // One that is there already may be replaced, and what is given up can be had again.
  assert.equal(subscribeAll(stream, deepFilters(0, 1)), [1]);
  stream.send(codec.encodeUnsubscribe(9, deepFilters(0, 1), 5));
  stream.take();
  assert.equal(subscribeAll(stream, deepFilters(511, 512)), [1]);
  stream.end();
  assert.is(client.session.subscriptionLevels, 0);
  assert.is(broker.core.stats().subscriptions, 0);
});

test('retained messages with many levels are refused before the tree of topics has grown', () => {
  const store = new RetainedStore();
  const put = (topic: string): boolean =>
    store.set({
      topic,
      topicBytes: utf8(topic),
      payload: utf8('x'),
      qos: 0,
      properties: utf8(''),
      expiresAt: Infinity,
    });
  const topics = Array.from({ length: 10_000 }, (_, i) => `${i}${'/'.repeat(127)}`);
  const stored = topics.filter(put);
  assert.is(stored.length, Math.floor(MAX_RETAINED_LEVELS / 128));
  assert.ok(put(stored[0]));
  for (const topic of stored) assert.ok(store.delete(topic));
  assert.is(store.levels, 0);
});

test('remembered routes do not grow with the number of subscriptions that match', () => {
  const router = new Router();
  const { session } = new TestBroker().connect('c');
  const flow = session.control!;
  for (let i = 0; i < 4_096; i++) {
    const topicFilter = Array.from({ length: 12 }, (_, level) => ((i >> level) & 1 ? 'a' : '+')).join('/') + '/#';
    const request = { topicFilter, qos: 0, noLocal: false, retainAsPublished: false, retainHandling: 2 };
    router.add(new Subscription(flow, request, 0, 0));
  }
  const before = memoryUse();
  for (let i = 0; i < 1_000; i++) assert.is(router.route(`${'a/'.repeat(12)}${i}`).targets.length, 1);
  assert.ok(memoryUse() - before < 10_000_000, 'Routes hold more than 10 MB');
  assert.is(router.subscriptionCount, 4_096);
});

test('slow readers with wills for each other end one after the other', () => {
  const broker = new TestBroker({ slowConsumer: 'disconnect', sessionQueue: { maxBytes: 2_097_152 } });
  const payload = new Uint8Array(60_000);
  for (let i = 0; i < 1_500; i++) {
    const will = { topic: 't', payload, qos: 1, retain: false } as const;
    const client = broker.connect(`c${i}`, { will });
    client.subscribe('t', { qos: 1 }, client.control);
    client.control.capacity = 0;
  }
  const publisher = broker.connect('publisher');
  for (let i = 0; i < 30; i++) {
    publisher.publish('t', payload, { qos: 1 });
    broker.advance(600);
  }
  const stats = broker.core.stats();
  assert.is(
    stats.internalErrors,
    0,
    broker.logs.find((line) => line.startsWith('error')),
  );
  assert.is(stats.sessions, 1);
  assert.is(stats.queuedBytes, 0);
});

test('streams that acknowledge nothing hold no more together than a session may', () => {
  const broker = new TestBroker();
  const client = broker.connect('c');
  const streams = Array.from({ length: 200 }, (_, i) => {
    const stream = client.stream().subscribe('#', { qos: 1 }, i + 1);
    stream.take();
    return stream;
  });
  const publisher = broker.connect('publisher').stream();
  for (let i = 0; i < 60; i++) publisher.publish('t', new Uint8Array(4_000), { qos: 1 });
  assert.ok(client.session.inFlight.size * 4_000 < MAX_IN_FLIGHT_BYTES_PER_SESSION + 4_000);
  // Nothing is lost: as acknowledgements come, the rest follows.
  const counts = streams.map(() => 0);
  for (let isMoving = true; isMoving;) {
    isMoving = false;
    for (const [i, stream] of streams.entries()) {
      for (const message of stream.messages()) {
        counts[i]++;
        stream.puback(message.packetIdentifier);
        isMoving = true;
      }
    }
  }
  assert.ok(counts.every((count) => count === 60));
  assert.is(client.session.inFlight.size, 0);
});

test('a search that matches no retained message keeps nobody waiting', () => {
  const broker = new TestBroker();
  const publisher = broker.connect('publisher').stream();
  for (let i = 0; i < 20_000; i++) publisher.publish(`${i >> 8}/${i & 255}/x`, 'x', { retain: true });
  const client = broker.connect('c');
  const stream = client.stream();
  let visited = 0;
  const { retained } = broker.core;
  const search = retained.search.bind(retained);
  // Counts the steps that are taken before others have their turn.
  retained.search = function* (filter: string) {
    for (const message of search(filter)) {
      visited++;
      yield message;
    }
  };
  const filters = Array.from({ length: 1_000 }, (_, i) => `+/+/no${i}`);
  assert.ok(subscribeAll(stream, filters, 0).every((code) => code === 1));
  assert.is(visited, 1);
  // What is stored already comes first, and nothing is lost or twice.
  subscribeAll(stream, ['1/#'], 0);
  publisher.publish('1/1/no1', 'live', { qos: 1 });
  assert.is(stream.messages().length, 0);
  broker.advance(60_000);
  const messages = stream.messages();
  assert.is(messages.length, 257);
  assert.is(messages[256].text, 'live');
  assert.is(broker.core.stats().queuedBytes, 0);
  // Who goes in the middle of it leaves nothing behind.
  subscribeAll(stream, filters, 0);
  client.drop();
  broker.advance(60_000);
  assert.is(broker.core.nextTimeout(), Infinity);
});

test('packets in part on many streams are bounded, and all of them become whole in the end', () => {
  const broker = new TestBroker();
  const client = broker.connect('c');
  const payload = new Uint8Array(1_000_000);
  const streams = Array.from({ length: 64 }, () => ({
    stream: client.stream(),
    packet: publishBytes('t', payload, { qos: 0 }, 5, 0),
    sent: 0,
  }));
  const piece = 65_536;
  let rounds = 0;
  for (let isDone = false; !isDone; rounds++) {
    assert.ok(rounds < 2_000, 'nobody is read on');
    isDone = true;
    for (const entry of streams) {
      const { stream, packet, sent } = entry;
      if (sent === packet.length) continue;
      isDone = false;
      // As the driver does: what is held stays in the stream, where flow control holds its sender.
      if (stream.channel.isHeld) continue;
      stream.send(packet.slice(sent, sent + piece));
      entry.sent = Math.min(packet.length, sent + piece);
      const { total } = client.connection.partialPackets;
      assert.ok(total <= MAX_PARTIAL_BYTES + payload.length + piece, `${total} bytes are held`);
    }
  }
  assert.is(broker.core.stats().messagesReceived, streams.length);
  assert.is(client.connection.partialPackets.total, 0);
  assert.ok(rounds > 64, 'the bound was never reached');
});

test('a stream that ends or breaks in the middle of its packet lets the others go on', () => {
  const broker = new TestBroker();
  const client = broker.connect('c');
  const packet = publishBytes('t', new Uint8Array(1_000_000), { qos: 0 }, 5, 0);
  const streams = Array.from({ length: 20 }, () => client.stream());
  for (const stream of streams) if (!stream.channel.isHeld) stream.send(packet.slice(0, 950_000));
  const held = streams.filter(({ channel }) => channel.isHeld);
  assert.ok(held.length > 0);
  client.control.send(codec.PINGREQ);
  assert.is(client.control.take(({ type }) => type === PacketType.PINGRESP).length, 1);
  for (const stream of streams) if (!stream.channel.isHeld) stream.reset(0);
  assert.is(streams.filter(({ channel }) => channel.isOpen && channel.isHeld).length < held.length, true);
  client.drop();
  assert.is(client.connection.partialPackets.total, 0);
});

test.run();
