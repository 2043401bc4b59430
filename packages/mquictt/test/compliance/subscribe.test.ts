/** MQTT 5 and 3.1.1, sections 3.8 to 3.11: SUBSCRIBE, SUBACK, UNSUBSCRIBE, UNSUBACK. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as codec from '../../src/packets/codec.ts';
import { PacketType } from '../../src/packets/packet-types.ts';
import { VERSIONS, assertCloses, onlySuback, types } from '../support/compliance.ts';
import { TestBroker } from '../support/core-harness.ts';
import type { TestStream } from '../support/core-harness.ts';

const test = suite('compliance-subscribe');

const OPTIONS = { qos: 1, noLocal: false, retainAsPublished: false, retainHandling: 0 };

function subscribeAll(stream: TestStream, filters: readonly (string | [string, number])[]): void {
  const requests = filters.map((filter) =>
    typeof filter === 'string'
      ? { topicFilter: filter, ...OPTIONS }
      : { ...OPTIONS, topicFilter: filter[0], qos: filter[1] },
  );
  stream.send(codec.encodeSubscribe(7, requests, 0, stream.client.version));
}

const unsubscribe = (stream: TestStream, ...filters: string[]): TestStream =>
  stream.send(codec.encodeUnsubscribe(8, filters, stream.client.version));

test('[MQTT-3.8.1-1] [MQTT311-3.8.1-1] other flags of SUBSCRIBE close the connection', () => {
  for (const header of ['80', '81', '83', '86', '8a']) {
    assertCloses(5, `${header} 07 0001 00 0001 61 00`, 0x81);
    assertCloses(4, `${header} 06 0001 0001 61 00`, 0x81);
  }
});

test('[MQTT-3.8.3-1] [MQTT311-3.8.3-1] a filter that is no text closes the connection', () => {
  assertCloses(5, '82 07 0001 00 0001 ff 00', 0x81);
  assertCloses(4, '82 06 0001 0001 ff 00', 0x81);
});

test('[MQTT-3.8.3-2] [MQTT311-3.8.3-3] SUBSCRIBE without a filter closes the connection', () => {
  assertCloses(5, '82 03 0001 00', 0x82);
  assertCloses(4, '82 02 0001', 0x82);
});

test('[MQTT311-3.8.3-2] a broker without wildcards refuses filters that have some, and no others', () => {
  for (const protocolVersion of VERSIONS) {
    const { control } = new TestBroker({ wildcardSubscriptionAvailable: false }).connect('c', { protocolVersion });
    subscribeAll(control, ['a', 'a/+', '#', 'b/c']);
    const failure = protocolVersion === 5 ? 0xa2 : 0x80;
    assert.equal(onlySuback(control.take()).reasonCodes, [1, failure, failure, 1]);
  }
});

test('[MQTT-3.8.3-3] No Local leaves out what the same client published, on whatever stream', () => {
  const broker = new TestBroker();
  const client = broker.connect('c');
  const reader = client.subscribe('t', { noLocal: true });
  client.publish('t', 'own');
  client.control.publish('t', 'own');
  broker.connect('other').publish('t', 'foreign');
  assert.equal(reader.texts(), ['foreign']);
});

test('[MQTT-3.8.3-4] No Local on a shared subscription closes the connection', () => {
  assertCloses(5, '82 0f 0001 00 0009 2473686172652f672f 04', 0x82);
});

test('[MQTT-3.8.3-5] [MQTT311-3.8.3-4] reserved option bits and QoS 3 close the connection', () => {
  for (const options of ['40', '80', 'c0']) assertCloses(5, `82 07 0001 00 0001 61 ${options}`, 0x81);
  for (const options of ['04', '08', '10', '80']) assertCloses(4, `82 06 0001 0001 61 ${options}`, 0x81);
  assertCloses(4, '82 06 0001 0001 61 03', 0x82);
});

test('[MQTT-3.8.4-1] [MQTT-3.8.4-2] [MQTT-3.8.4-6] [MQTT-3.8.4-7] [MQTT-3.9.3-1] [MQTT-3.9.3-2] [MQTT311-3.8.4-1] [MQTT311-3.8.4-2] [MQTT311-3.8.4-5] [MQTT311-3.9.3-1] [MQTT311-3.9.3-2] SUBACK says of each filter, in order, what was granted or that it failed', () => {
  for (const protocolVersion of VERSIONS) {
    const { control } = new TestBroker().connect('c', { protocolVersion });
    subscribeAll(control, [['a', 1], 'b#', ['c', 0], ['d', 1], '+e']);
    const suback = onlySuback(control.take());
    assert.is(suback.packetIdentifier, 7);
    const failure = protocolVersion === 5 ? 0x8f : 0x80;
    assert.equal(suback.reasonCodes, [1, failure, 0, 1, failure]);
  }
});

test('[MQTT-3.8.4-3] [MQTT-3.8.4-4] [MQTT311-3.8.4-3] the same filter again replaces the subscription, and loses nothing', () => {
  for (const protocolVersion of VERSIONS) {
    const broker = new TestBroker();
    const client = broker.connect('c', { protocolVersion });
    const publisher = broker.connect('p');
    publisher.publish('t', 'retained', { qos: 1, retain: true });
    const reader = client.stream().subscribe('t', { qos: 1 });
    // Not yet read.
    reader.capacity = 0;
    for (const text of ['1', '2']) publisher.publish('t', text, { qos: 1 });
    reader.subscribe('t', { qos: 0 });
    publisher.publish('t', '3', { qos: 1 });
    reader.drain();
    const messages = reader.messages();
    assert.equal(messages.map(({ text }) => text).sort(), ['1', '2', '3', 'retained', 'retained']);
    // One delivery, with the QoS that was granted last.
    assert.is(messages.find(({ text }) => text === '3')?.qos, 0);
  }
});

test('[MQTT-3.8.4-5] [MQTT311-3.8.4-4] several filters do what several SUBSCRIBE would', () => {
  for (const protocolVersion of VERSIONS) {
    const broker = new TestBroker();
    const client = broker.connect('c', { protocolVersion });
    const reader = client.stream();
    // The later one replaces the earlier one.
    subscribeAll(reader, [['a', 1], 'b', ['a', 0]]);
    assert.equal(types(reader.take()), [PacketType.SUBACK]);
    const publisher = broker.connect('p');
    publisher.publish('a', 'x', { qos: 1 });
    publisher.publish('b', 'y', { qos: 1 });
    assert.equal(
      reader.messages().map(({ text, qos }) => [text, qos]),
      [
        ['x', 0],
        ['y', 1],
      ],
    );
  }
});

test('[MQTT-3.8.4-8] [MQTT311-3.8.4-6] a message comes with the smaller of its QoS and the granted one', () => {
  for (const protocolVersion of VERSIONS) {
    const broker = new TestBroker();
    const client = broker.connect('c', { protocolVersion });
    const publisher = broker.connect('p');
    publisher.publish('t', '', { qos: 1, retain: true });
    for (const granted of [0, 1]) {
      const reader = client.subscribe('t', { qos: granted });
      for (const qos of [0, 1]) publisher.publish('t', 'x', { qos });
      assert.equal(
        reader.messages().map(({ qos }) => qos),
        [0, granted],
      );
    }
    publisher.publish('t', 'x', { qos: 1, retain: true });
    for (const granted of [0, 1]) assert.is(client.subscribe('t', { qos: granted }).messages()[0].qos, granted);
  }
});

test('[MQTT-3.10.1-1] [MQTT311-3.10.1-1] other flags of UNSUBSCRIBE close the connection', () => {
  for (const header of ['a0', 'a1', 'a3', 'a6', 'aa']) {
    assertCloses(5, `${header} 06 0001 00 0001 61`, 0x81);
    assertCloses(4, `${header} 05 0001 0001 61`, 0x81);
  }
});

test('[MQTT-3.10.3-1] [MQTT311-3.10.3-1] UNSUBSCRIBE of what is no text closes the connection', () => {
  assertCloses(5, 'a2 06 0001 00 0001 ff', 0x81);
  assertCloses(4, 'a2 05 0001 0001 ff', 0x81);
});

test('[MQTT-3.10.3-2] [MQTT311-3.10.3-2] UNSUBSCRIBE without a filter closes the connection', () => {
  assertCloses(5, 'a2 03 0001 00', 0x82);
  assertCloses(4, 'a2 02 0001', 0x82);
});

test('[MQTT-3.10.4-1] [MQTT-3.10.4-2] [MQTT311-3.10.4-1] [MQTT311-3.10.4-2] UNSUBSCRIBE ends the subscription with exactly that filter', () => {
  for (const protocolVersion of VERSIONS) {
    const broker = new TestBroker();
    const client = broker.connect('c', { protocolVersion });
    const reader = client.stream();
    const publisher = broker.connect('p');
    subscribeAll(reader, ['a/+']);
    for (const other of ['a/b', 'a/#', '+/+', 'A/+', 'a/+/']) {
      unsubscribe(reader, other);
      reader.take();
      publisher.publish('a/b', 'x');
      assert.equal(reader.texts(), ['x'], other);
    }
    unsubscribe(reader, 'a/+');
    reader.take();
    publisher.publish('a/b', 'x');
    assert.equal(reader.texts(), []);
  }
});

test('[MQTT-3.10.4-3] [MQTT311-3.10.4-3] what was sent before UNSUBSCRIBE is completed', () => {
  for (const protocolVersion of VERSIONS) {
    const broker = new TestBroker();
    const client = broker.connect('c', { protocolVersion });
    const reader = client.subscribe('t');
    broker.connect('p').publish('t', 'x', { qos: 1 });
    unsubscribe(reader, 't');
    reader.reset(0);
    assert.equal(client.control.texts(), ['x']);
  }
});

test('[MQTT-3.10.4-4] [MQTT-3.10.4-5] [MQTT-3.10.4-6] [MQTT-3.11.3-1] [MQTT-3.11.3-2] [MQTT311-3.10.4-4] [MQTT311-3.10.4-5] [MQTT311-3.10.4-6] one UNSUBACK answers for all filters, also for those that were not there', () => {
  for (const protocolVersion of VERSIONS) {
    const broker = new TestBroker();
    const { control } = broker.connect('c', { protocolVersion });
    subscribeAll(control, ['a', 'b']);
    control.take();
    unsubscribe(control, 'x', 'b', 'a', 'a');
    const unsuback = onlySuback(control.take(), PacketType.UNSUBACK);
    assert.is(unsuback.packetIdentifier, 8);
    if (protocolVersion === 5) assert.equal(unsuback.reasonCodes, [0x11, 0, 0, 0x11]);
    const publisher = broker.connect('p');
    for (const topic of ['a', 'b']) publisher.publish(topic, 'x');
    assert.equal(control.texts(), []);
  }
});

test.run();
