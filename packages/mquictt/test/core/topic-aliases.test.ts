/** Topic aliases in both directions: per stream, and never beyond it. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TestBroker, publishBytes } from '../support/core-harness.ts';
import type { TestStream } from '../support/core-harness.ts';
import type { SeenPublish } from '../support/packets.ts';

const test = suite('topic-aliases');

/** @param topic empty where the alias stands for it */
const send = (stream: TestStream, topic: string, topicAlias: number, text: string, qos = 0): TestStream =>
  stream.send(publishBytes(topic, text, { qos, topicAlias }, 5, stream.identifier()));

const seen = (messages: readonly SeenPublish[]): unknown[] =>
  messages.map(({ topic, topicAlias, text }) => [topic, topicAlias, text]);

test('[MQTT-3.3.2-12] an alias stands for the topic that it was sent with last, on its stream', () => {
  const broker = new TestBroker();
  const reader = broker.connect('r').subscribe('#');
  const client = broker.connect('p');
  assert.is(client.connack!.topicAliasMaximum, 16);
  const stream = client.stream();
  send(stream, 'a', 1, '1');
  send(stream, 'b', 2, '2');
  send(stream, '', 1, '3', 1);
  send(stream, '', 2, '4', 2);
  send(stream, 'c', 1, '5');
  send(stream, '', 1, '6');
  stream.publish('d', '7');
  send(stream, '', 1, '8');
  // What the client calls a topic is between the two.
  assert.equal(
    seen(reader.messages()),
    ['a', 'b', 'a', 'b', 'c', 'c', 'd', 'c'].map((topic, i) => [topic, -1, String(i + 1)]),
  );
  assert.is(broker.core.stats().internalErrors, 0);
});

test('[MQTT-3.3.2-7] another stream and another connection know nothing of it', () => {
  const broker = new TestBroker();
  const kept = { cleanStart: false, sessionExpiryInterval: 100 };
  const client = broker.connect('p', kept);
  send(client.control, 'a', 1, 'x');
  assert.is(send(client.stream(), '', 1, 'x').abortCode, 0x82);
  assert.is(client.closeCode, -1);
  client.drop();
  const again = broker.connect('p', kept);
  send(again.control, '', 1, 'x');
  assert.is(again.closeCode, 0x82);
});

test('a broker with another maximum says so and keeps to it', () => {
  for (const topicAliasMaximum of [0, 3]) {
    const broker = new TestBroker({ topicAliasMaximum });
    const client = broker.connect('p');
    assert.is(client.connack!.topicAliasMaximum, topicAliasMaximum);
    if (topicAliasMaximum > 0) assert.is(send(client.stream(), 'a', topicAliasMaximum, 'x').abortCode, -1);
    assert.is(send(client.stream(), 'a', topicAliasMaximum + 1, 'x').abortCode, 0x94);
  }
});

test('[MQTT-3.1.2-26] we name a topic once and use its alias from then on; the one that was not used for longest makes room', () => {
  const broker = new TestBroker();
  const stream = broker.connect('r', { topicAliasMaximum: 2 }).subscribe('#');
  const p = broker.connect('p').stream();
  for (const topic of ['a', 'b', 'a', 'c', 'a', 'b', 'c']) p.publish(topic, topic, { qos: 1 });
  assert.equal(seen(stream.messages()), [
    ['a', 1, 'a'],
    ['b', 2, 'b'],
    ['', 1, 'a'],
    ['c', 2, 'c'],
    ['', 1, 'a'],
    ['b', 2, 'b'],
    ['c', 1, 'c'],
  ]);
});

test('a message with an alias keeps its properties, its identifiers, its time and a large payload', () => {
  const broker = new TestBroker();
  const { control } = broker.connect('r', { topicAliasMaximum: 10 });
  control.subscribe('t', { qos: 2 }, 7).take();
  const p = broker.connect('p').stream();
  const properties = Uint8Array.of(0x03, 0, 1, 0x78, 0x26, 0, 1, 0x61, 0, 1, 0x31);
  for (let i = 0; i < 2; i++)
    p.publish('t', 'L'.repeat(10_000), { qos: 2, properties, expiresAt: 60_000, retain: false });
  const messages = control.messages();
  assert.equal(
    messages.map(({ topic, topicAlias, packetIdentifier, qos }) => [topic, topicAlias, packetIdentifier, qos]),
    [
      ['t', 1, 1, 2],
      ['', 1, 2, 2],
    ],
  );
  for (const { payload, expiry, properties: its } of messages) {
    assert.is(payload.length, 10_000);
    assert.is(expiry, 60);
    assert.equal([its.contentType, its.userProperties, its.subscriptionIdentifiers], ['x', [['a', '1']], [7]]);
  }
});

test('[MQTT-3.3.2-7] what is sent again on another stream or connection names its topic', () => {
  const broker = new TestBroker();
  const kept = { cleanStart: false, sessionExpiryInterval: 100, topicAliasMaximum: 10 };
  const client = broker.connect('r', kept);
  const stream = client.subscribe('t');
  const p = broker.connect('p').stream();
  for (const text of ['1', '2']) p.publish('t', text, { qos: 1 });
  assert.equal(seen(stream.messages()), [
    ['t', 1, '1'],
    ['', 1, '2'],
  ]);
  stream.reset(0);
  const again = [
    ['t', -1, '1'],
    ['t', -1, '2'],
  ];
  assert.equal(seen(client.control.messages()), again);
  client.drop();
  assert.equal(seen(broker.connect('r', kept).control.messages()), again);
});

test('a message that fits only without an alias goes without one', () => {
  const broker = new TestBroker();
  const size = publishBytes('t', 'x'.repeat(50)).length;
  const stream = broker.connect('r', { topicAliasMaximum: 10, maximumPacketSize: size }).subscribe('t', { qos: 0 });
  broker.connect('p').publish('t', 'x'.repeat(50)).publish('t', 'y');
  assert.equal(seen(stream.messages()), [
    ['t', -1, 'x'.repeat(50)],
    ['t', 1, 'y'],
  ]);
});

test('MQTT 3.1.1 has none', () => {
  const broker = new TestBroker();
  const { control } = broker.connect('r', { protocolVersion: 4, topicAliasMaximum: 10 });
  control.subscribe('t').take();
  const p = broker.connect('p');
  p.publish('t', 'x').publish('t', 'y');
  assert.equal(control.texts(), ['x', 'y']);
});

test.run();
