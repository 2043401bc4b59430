import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { SysTopics } from '../../src/operations/sys-topics.ts';
import { PacketType } from '../../src/packets/packet-types.ts';
import { ReasonCode } from '../../src/reason-codes.ts';
import { TestBroker } from '../support/core-harness.ts';
import type { TestStream } from '../support/core-harness.ts';

const test = suite('operations/sys-topics');

function brokerWithTopics(): TestBroker {
  const broker = new TestBroker();
  SysTopics.start(broker.core, 10, '1.2.3', broker.now);
  return broker;
}

/** What came on a stream: the last value of each topic. */
function values(stream: TestStream): Record<string, string> {
  return Object.fromEntries(
    stream.messages().map(({ topic, payload }) => [topic.replace('$SYS/broker/', ''), Buffer.from(payload).toString()]),
  );
}

test('who subscribes gets the present values at once, and then what changes', () => {
  const broker = brokerWithTopics();
  const client = broker.connect('a');
  const stream = client.subscribe('$SYS/broker/#');
  const first = values(stream);
  assert.is(first.version, 'mquictt version 1.2.3');
  assert.is(first.uptime, '0 seconds');
  assert.is(first['clients/connected'], '0');
  broker.advance(10_000);
  const second = values(stream);
  assert.is(second.uptime, '10 seconds');
  assert.is(second['clients/connected'], '1');
  assert.is(second['clients/maximum'], '1');
  assert.is(second['subscriptions/count'], '1');
  assert.is(second.version, undefined, 'what has not changed is not said again');
});

test('values that are there at once are retained messages, and count as none of the clients', () => {
  const broker = brokerWithTopics();
  const stream = broker.connect('a').subscribe('$SYS/broker/uptime');
  assert.equal(
    stream.messages().map(({ topic, retain }) => [topic, retain]),
    [['$SYS/broker/uptime', true]],
  );
  assert.is(broker.core.stats().retainedMessages, 0);
});

test('[MQTT-4.7.2-1] a filter that begins with a wildcard gets none of them', () => {
  const broker = brokerWithTopics();
  const client = broker.connect('a');
  for (const filter of ['#', '+/broker/uptime', '+/+/uptime']) assert.equal(values(client.subscribe(filter)), {});
  const [all] = [client.subscribe('#')];
  broker.advance(10_000);
  assert.equal(values(all), {});
});

test('counts and averages are those of the packets that came and went', () => {
  const broker = brokerWithTopics();
  const reader = broker.connect('reader');
  const system = reader.subscribe('$SYS/broker/#');
  const news = reader.subscribe('news');
  system.messages();
  const writer = broker.connect('writer');
  const stream = writer.stream();
  for (let i = 0; i < 60; i++) stream.publish('news', 'x');
  assert.is(news.messages().length, 60);
  broker.advance(10_000);
  const seen = values(system);
  assert.is(seen['publish/messages/received'], '60');
  // Two CONNECTs, two SUBSCRIBEs, the messages.
  assert.is(seen['messages/received'], '64');
  // 60 in ten seconds are 360 a minute; a sixth of a minute weighs 1 - e^(-1/6).
  assert.is(seen['load/publish/received/1min'], (360 * (1 - Math.exp(-1 / 6))).toFixed(2));
  assert.is(seen['load/publish/received/15min'], (360 * (1 - Math.exp(-1 / 90))).toFixed(2));
  broker.advance(10 * 60_000);
  assert.ok(Number(values(system)['load/publish/received/1min']) < 0.1, 'averages fade away');
});

test('bytes are those of MQTT in both directions', () => {
  const broker = brokerWithTopics();
  const { bytesReceived, bytesSent } = broker.core.stats();
  const client = broker.connect('a');
  const stream = client.stream();
  const before = broker.core.stats();
  assert.ok(before.bytesReceived > bytesReceived && before.bytesSent > bytesSent);
  stream.publish('t', 'x', { qos: 1 });
  stream.messages();
  const after = broker.core.stats();
  // 2 of header, 2 + 1 of topic, 2 of identifier, 1 of properties, 1 of payload; PUBACK has 4.
  assert.is(after.bytesReceived - before.bytesReceived, 9);
  assert.is(after.bytesSent - before.bytesSent, 4);
  assert.is(after.packetsSent - before.packetsSent, 1);
});

test('a client that publishes under $SYS is refused, also with its will', () => {
  const broker = brokerWithTopics();
  const reader = broker.connect('reader').subscribe('$SYS/#');
  values(reader);
  const client = broker.connect('a');
  const stream = client.stream();
  stream.publish('$SYS/broker/version', 'mine', { qos: 1, retain: true });
  const [answer] = stream.take(({ type }) => type === PacketType.PUBACK) as { reasonCode?: number }[];
  assert.is(answer?.reasonCode, ReasonCode.NOT_AUTHORIZED);
  stream.publish('$SYS/broker/version', 'mine', { retain: true });
  assert.equal(values(reader), {});
  assert.is(values(client.subscribe('$SYS/broker/version')).version, 'mquictt version 1.2.3');
});

test.run();
