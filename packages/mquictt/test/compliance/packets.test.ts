/** MQTT 5 and 3.1.1, sections 1 and 2: data, flags, packet identifiers, properties. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as codec from '../../src/packets/codec.ts';
import { PacketType } from '../../src/packets/packet-types.ts';
import { VERSIONS, assertCloses, onlyAcknowledgement, onlySuback } from '../support/compliance.ts';
import { TestBroker, publishBytes } from '../support/core-harness.ts';

const test = suite('compliance-packets');

test('[MQTT-1.5.4-1] [MQTT311-1.5.3-1] text that is no UTF-8 closes the connection', () => {
  for (const bytes of ['ff6161', 'c08061', 'eda080']) {
    assertCloses(5, `30 06 0003 ${bytes} 00`, 0x81);
    assertCloses(4, `30 05 0003 ${bytes}`, 0x81);
  }
});

test('[MQTT-1.5.4-2] [MQTT311-1.5.3-2] U+0000 closes the connection', () => {
  assertCloses(5, '30 06 0003 610061 00', 0x81);
  assertCloses(4, '30 05 0003 610061', 0x81);
  assertCloses(5, '82 09 0001 00 0003 610061 00', 0x81);
  assertCloses(4, '82 08 0001 0003 610061 00', 0x81);
});

test('[MQTT-1.5.4-3] [MQTT311-1.5.3-3] a byte order mark is part of a topic, and is delivered', () => {
  for (const protocolVersion of VERSIONS) {
    const broker = new TestBroker();
    const client = broker.connect('c', { protocolVersion });
    const marked = client.subscribe('\uFEFFt');
    const plain = client.subscribe('t');
    client.publish('\uFEFFt', 'x');
    assert.equal(
      marked.messages().map(({ topic }) => topic),
      ['\uFEFFt'],
    );
    assert.equal(plain.messages(), []);
  }
});

test('[MQTT-1.5.5-1] a length with bytes to spare closes the connection', () => {
  for (const version of VERSIONS) assertCloses(version, 'c0 80 00', 0x81);
});

test('[MQTT-1.5.7-1] a user property whose name or value is no text closes the connection', () => {
  assertCloses(5, '30 0b 0001 61 07 26 0001 ff 0001 61', 0x81);
  assertCloses(5, '30 0b 0001 61 07 26 0001 61 0001 00', 0x81);
});

test('[MQTT-2.1.3-1] [MQTT311-2.2.2-1] [MQTT311-2.2.2-2] flags that are not as listed close the connection', () => {
  for (const version of VERSIONS) {
    const properties = version === 5 ? '00' : '';
    const length = version === 5 ? '06' : '05';
    for (const bytes of ['c1 00', 'e1 00', '42 02 0001', `a0 ${length} 0001 ${properties} 0001 61`])
      assertCloses(version, bytes, 0x81);
  }
});

test('[MQTT-2.2.1-2] [MQTT311-2.3.1-5] PUBLISH with QoS 0 has no packet identifier', () => {
  for (const protocolVersion of VERSIONS) {
    const client = new TestBroker().connect('c', { protocolVersion });
    const reader = client.subscribe('t', { qos: 0 });
    const before = reader.bytesWritten;
    client.publish('t', 'xy');
    assert.equal(reader.texts(), ['xy']);
    // Fixed header, topic, properties of MQTT 5, payload: there is no room for one.
    assert.is(reader.bytesWritten - before, 2 + 3 + (protocolVersion === 5 ? 1 : 0) + 2);
  }
});

test('[MQTT-2.2.1-3] [MQTT311-2.3.1-1] packet identifier 0 closes the connection', () => {
  for (const bytes of ['32 06 0001 61 0000 00', '82 07 0000 00 0001 61 00', 'a2 06 0000 00 0001 61'])
    assertCloses(5, bytes, 0x81);
  for (const bytes of ['32 05 0001 61 0000', '82 06 0000 0001 61 00', 'a2 05 0000 0001 61'])
    assertCloses(4, bytes, 0x81);
});

test('[MQTT-2.2.1-4] [MQTT-4.3.2-1] [MQTT311-2.3.1-4] [MQTT311-4.3.2-1] an identifier is used again when it has been acknowledged, and is never 0', () => {
  for (const protocolVersion of VERSIONS) {
    const broker = new TestBroker();
    const client = broker.connect('c', { protocolVersion });
    const reader = client.subscribe('t');
    const publisher = broker.connect('p');
    const stream = publisher.publish('t', 'kept', { qos: 1 });
    const [kept] = reader.messages();
    assert.not.ok(kept.isDuplicate);
    const used = new Set<number>();
    // More than there are identifiers.
    for (let i = 0; i < 66_000; i++) {
      stream.publish('t', '', { qos: 1 });
      stream.take();
      const [message] = reader.messages();
      assert.is.not(message.packetIdentifier, 0);
      assert.is.not(message.packetIdentifier, kept.packetIdentifier);
      used.add(message.packetIdentifier);
      reader.puback(message.packetIdentifier);
    }
    assert.ok(used.size < 66_000);
  }
});

test('[MQTT-2.2.1-5] [MQTT311-2.3.1-6] PUBACK repeats the identifier of its PUBLISH', () => {
  for (const protocolVersion of VERSIONS) {
    const client = new TestBroker().connect('c', { protocolVersion });
    for (const identifier of [1, 77, 65_535]) {
      client.control.send(publishBytes('t', 'x', { qos: 1 }, protocolVersion, identifier));
      assert.is(onlyAcknowledgement(client.control.take(), PacketType.PUBACK).packetIdentifier, identifier);
    }
  }
});

test('[MQTT-2.2.1-6] [MQTT311-2.3.1-7] SUBACK and UNSUBACK repeat the identifier of their request', () => {
  const request = { topicFilter: 'a', qos: 0, noLocal: false, retainAsPublished: false, retainHandling: 0 };
  for (const protocolVersion of VERSIONS) {
    const { control } = new TestBroker().connect('c', { protocolVersion });
    for (const identifier of [1, 77, 65_535]) {
      control.send(codec.encodeSubscribe(identifier, [request], 0, protocolVersion));
      assert.is(onlySuback(control.take()).packetIdentifier, identifier);
      control.send(codec.encodeUnsubscribe(identifier, ['a'], protocolVersion));
      assert.is(onlySuback(control.take(), PacketType.UNSUBACK).packetIdentifier, identifier);
    }
  }
});

test('[MQTT-2.2.2-1] no properties are a length of 0, not nothing', () => {
  const client = new TestBroker().connect('c');
  const reader = client.subscribe('t', { qos: 0 });
  const before = reader.bytesWritten;
  client.publish('t', '');
  assert.is(reader.bytesWritten - before, 2 + 3 + 1);
  assertCloses(5, '30 03 0001 61', 0x81);
});

test.run();
