/** Answers that wait for the store. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ChannelOutput } from '../../src/core/channel-output.ts';
import { InFlightWindow } from '../../src/core/in-flight.ts';
import { OutboundQueue } from '../../src/core/outbound-queue.ts';
import { encodePublish } from '../../src/packets/publish.ts';
import { utf8 } from '../support/hex.ts';
import { PacketReaderOf } from '../support/packets.ts';

const test = suite('channel output');

/** Identifiers of what leaves now. */
function leaving(output: ChannelOutput): number[] {
  const reader = new PacketReaderOf(5);
  const identifiers: number[] = [];
  for (let piece = output.poll(undefined, 1_000, 0); piece !== undefined; piece = output.poll(undefined, 1_000, 0))
    for (const packet of reader.read(piece))
      identifiers.push((packet as { packetIdentifier: number }).packetIdentifier);
  return identifiers;
}

test('each answer leaves with its batch, and those behind it not before', () => {
  const batches = { written: 0 };
  const output = new ChannelOutput(batches);
  output.pushPuback(1);
  assert.is(output.holdAnswers(1), true);
  output.pushPuback(2);
  assert.is(output.holdAnswers(1), false, 'the same batch needs no other waiter');
  output.pushPuback(3);
  assert.is(output.holdAnswers(2), true);
  output.pushAcknowledgement(0x50, 4);
  assert.is(output.holdAnswers(3), true);
  // Waits for nothing of its own.
  output.pushPuback(5);
  assert.equal(leaving(output), []);
  assert.is(output.pubackCount, 4);
  batches.written = 1;
  assert.equal(leaving(output), [1, 2]);
  assert.is(output.pubackCount, 2);
  assert.equal(leaving(output), []);
  batches.written = 2;
  output.pushPuback(6);
  output.holdAnswers(4);
  assert.equal(leaving(output), [3]);
  assert.is(output.pubackCount, 2);
  assert.is(output.replyBytes, 12);
  batches.written = 4;
  assert.equal(leaving(output), [4, 5, 6]);
  assert.equal([output.pubackCount, output.replyBytes, output.isBetweenPackets], [0, 0, true]);
});

test('messages pass answers that wait, but nothing passes a block', () => {
  const batches = { written: 0 };
  const output = new ChannelOutput(batches);
  const queue = new OutboundQueue(undefined, new InFlightWindow(10));
  const push = (): void =>
    queue.push(encodePublish({ topic: utf8('t'), payload: utf8('x'), qos: 0, retain: false }, 5));
  output.pushPuback(1);
  output.holdAnswers(1);
  push();
  assert.is(output.poll(queue, 1_000, 0)?.[0], 0x30);
  push();
  output.block(2);
  batches.written = 1;
  assert.is(output.poll(queue, 1_000, 0), undefined);
  batches.written = 2;
  assert.is(output.poll(queue, 1_000, 0)?.[0], 0x40);
  assert.is(output.poll(queue, 1_000, 0)?.[0], 0x30);
  assert.is(output.poll(queue, 1_000, 0), undefined);
});

test('a stream that is gone forgets what waited', () => {
  const batches = { written: 0 };
  const output = new ChannelOutput(batches);
  output.pushPuback(1);
  output.holdAnswers(1);
  output.block(1);
  output.clear();
  assert.equal([output.isBetweenPackets, output.replyBytes], [true, 0]);
  output.pushPuback(2);
  assert.equal(leaving(output), [2]);
});

test.run();
