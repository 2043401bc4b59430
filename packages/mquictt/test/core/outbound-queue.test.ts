import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ChannelOutput } from '../../src/core/channel-output.ts';
import { InFlightWindow } from '../../src/core/in-flight.ts';
import { OutboundQueue } from '../../src/core/outbound-queue.ts';
import { encodePublish } from '../../src/packets/publish.ts';
import type { EncodedPublish } from '../../src/packets/publish.ts';
import { concat, hex, toHex, utf8 } from '../support/hex.ts';
import { SEED, random } from '../support/seed.ts';
import { publishesOf } from '../support/packets.ts';

const test = suite('outbound-queue');

function message(qos: 0 | 1, payload: string | Uint8Array = 'x', expiresAt = Infinity): EncodedPublish {
  const bytes = typeof payload === 'string' ? utf8(payload) : payload;
  return encodePublish({ topic: utf8('t'), payload: bytes, qos, retain: false, expiresAt }, 5);
}

function drain(queue: OutboundQueue, capacity = 1_000_000, now = 0, output = new ChannelOutput()): Uint8Array {
  const pieces: Uint8Array[] = [];
  for (let piece = output.poll(queue, capacity, now); piece !== undefined; piece = output.poll(queue, capacity, now))
    pieces.push(piece);
  return concat(...pieces);
}

test('many small messages leave as one piece', () => {
  const queue = new OutboundQueue(undefined, new InFlightWindow(10));
  for (let i = 0; i < 100; i++) queue.push(message(0, `payload ${i}`));
  const piece = queue.poll(1_000_000, 0);
  assert.ok(piece);
  assert.equal(
    publishesOf(piece).map(({ text }) => text),
    Array.from({ length: 100 }, (_, i) => `payload ${i}`),
  );
  assert.is(queue.poll(1_000_000, 0), undefined);
  assert.is(queue.bytes, 0);
  assert.is(queue.length, 0);
});

test('answers go before messages, but not into the middle of one', () => {
  const queue = new OutboundQueue(undefined, new InFlightWindow(10));
  const output = new ChannelOutput();
  queue.push(message(0, 'first'));
  const piece = output.poll(queue, 1_000, 0);
  assert.ok(piece);
  output.putBack(piece.subarray(3));
  queue.push(message(0, 'second'));
  output.pushPuback(0x0102);
  output.pushReply(hex('d0 00'));
  const rest = drain(queue, 1_000_000, 0, output);
  assert.ok(output.isBetweenPackets);
  assert.is(toHex(rest.subarray(0, piece.length - 3)), toHex(piece.subarray(3)));
  assert.is(toHex(rest.subarray(piece.length - 3, piece.length + 3)), '40020102d000');
  assert.equal(
    publishesOf(rest.subarray(piece.length + 3)).map(({ text }) => text),
    ['second'],
  );
});

test('whatever the stream takes, the bytes are the same', () => {
  const draw = random();
  for (let round = 0; round < 200; round++) {
    const queue = new OutboundQueue(undefined, new InFlightWindow(65_535));
    const expected: string[] = [];
    const count = 1 + Math.floor(draw() * 20);
    for (let i = 0; i < count; i++) {
      const isLarge = draw() < 0.2;
      const payload = isLarge ? 'L'.repeat(5_000 + Math.floor(draw() * 40_000)) : 's'.repeat(Math.floor(draw() * 300));
      expected.push(payload);
      queue.push(message(draw() < 0.5 ? 0 : 1, payload));
    }
    const output = new ChannelOutput();
    const written: Uint8Array[] = [];
    for (let turns = 0; turns < 100_000; turns++) {
      const capacity = Math.floor(draw() * 8_000);
      const piece = output.poll(queue, Math.max(1, capacity), 0);
      if (piece === undefined) break;
      const taken = Math.min(piece.length, capacity);
      written.push(piece.slice(0, taken));
      if (taken < piece.length) output.putBack(piece.subarray(taken));
    }
    const found = publishesOf(concat(...written));
    assert.equal(
      found.map(({ text }) => text),
      expected,
      `SEED=${SEED}`,
    );
    const identifiers = found.map(({ packetIdentifier }) => packetIdentifier).filter((identifier) => identifier !== 0);
    assert.equal(
      identifiers,
      identifiers.map((_, i) => i + 1),
      `SEED=${SEED}`,
    );
    assert.is(queue.bytes, 0);
  }
});

test('[MQTT-4.9.0-2] QoS 1 stops at the Receive Maximum and goes on with an acknowledgement', () => {
  const window = new InFlightWindow(1);
  const queue = new OutboundQueue('me', window);
  queue.push(message(1, 'a'));
  queue.push(message(1, 'b'));
  queue.push(message(0, 'c'));
  assert.equal(
    publishesOf(drain(queue)).map(({ text }) => text),
    ['a'],
  );
  assert.is(window.nextWaiting(), undefined);
  assert.is(window.acknowledge(2), undefined);
  assert.is(window.acknowledge(1)?.queue, queue);
  assert.is(window.nextWaiting(), queue);
  // What came after waits behind it: the order holds.
  assert.equal(
    publishesOf(drain(queue)).map(({ text }) => text),
    ['b', 'c'],
  );
});

test('[MQTT-3.3.2-5] [MQTT-3.3.2-6] what has expired is not sent, and what has not says how much time is left', () => {
  const queue = new OutboundQueue(undefined, new InFlightWindow(10));
  queue.push(message(0, 'a', 1_000));
  queue.push(message(1, 'b', 9_500));
  queue.push(message(0, 'c'));
  const expired: EncodedPublish[] = [];
  queue.onExpired = (message) => expired.push(message);
  const found = publishesOf(drain(queue, 1_000, 5_000));
  assert.is(expired.length, 1);
  assert.equal(
    found.map(({ text, expiry }) => [text, expiry]),
    [
      ['b', 5],
      ['c', -1],
    ],
  );
  assert.is(queue.expiredCount, 1);
});

test('a flow that never acknowledges leaves slots for others', () => {
  const window = new InFlightWindow(100);
  const queues = Array.from({ length: 5 }, (_, i) => new OutboundQueue(i, window));
  for (const queue of queues) for (let i = 0; i < 100; i++) queue.push(message(1));
  const counts = queues.map((queue) => publishesOf(drain(queue)).length);
  assert.is(counts[0], 50);
  assert.ok(
    counts.every((count) => count > 0),
    String(counts),
  );
  assert.ok(window.size < 100);
});

test('a flow that waits is woken before one that came later', () => {
  const window = new InFlightWindow(1);
  const queues = ['a', 'b', 'c'].map((name) => new OutboundQueue(name, window));
  for (const queue of queues) {
    queue.push(message(1));
    queue.push(message(1));
    drain(queue);
  }
  const order: unknown[] = [];
  for (let identifier = 1; identifier < 6; identifier++) {
    window.acknowledge(identifier);
    const next = window.nextWaiting();
    order.push(next?.owner);
    if (next !== undefined) drain(next);
  }
  assert.equal(order, ['a', 'b', 'c', 'b', 'c']);
});

test('[MQTT-2.2.1-4] identifiers are used again only when they are free', () => {
  const window = new InFlightWindow(65_535);
  const queue = new OutboundQueue(undefined, window);
  const reserved = window.reserve();
  assert.is(reserved, 1);
  const first = window.take(queue, message(0));
  assert.is(first, 2);
  for (let i = 0; i < 65_533; i++) window.release(window.reserve());
  // Once around: 1 and 2 are taken.
  assert.is(window.reserve(), 3);
});

test('what a dead flow had sent is handed on in order', () => {
  const window = new InFlightWindow(100);
  const dead = new OutboundQueue('dead', window);
  const heir = new OutboundQueue('heir', window);
  for (const payload of ['a', 'b', 'c']) dead.push(message(1, payload));
  drain(dead);
  window.acknowledge(2);
  const moved = window.inherit(dead, heir);
  assert.equal(
    moved.map(({ identifier }) => identifier),
    [1, 3],
  );
  for (const entry of moved) heir.pushResend(entry);
  heir.push(message(1, 'new'));
  assert.equal(
    publishesOf(drain(heir)).map(({ text, isDuplicate, packetIdentifier }) => [text, isDuplicate, packetIdentifier]),
    [
      ['a', true, 1],
      ['c', true, 3],
      ['new', false, 4],
    ],
  );
  assert.is(window.acknowledge(1)?.queue, heir);
  assert.is(dead.inFlightCount, 0);
  assert.is(heir.inFlightCount, 2);
});

test.run();
