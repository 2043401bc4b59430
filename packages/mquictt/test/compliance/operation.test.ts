/** MQTT 5 and 3.1.1, section 4: sessions, delivery, order, topics, errors. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as codec from '../../src/packets/codec.ts';
import { PacketType } from '../../src/packets/packet-types.ts';
import { V4, VERSIONS, assertCloses, onlySuback, sendFirst, types } from '../support/compliance.ts';
import { TestBroker, publishBytes } from '../support/core-harness.ts';
import { concat, hex } from '../support/hex.ts';

const test = suite('compliance-operation');

test('[MQTT-4.1.0-1] [MQTT311-4.1.0-1] [MQTT311-4.1.0-2] subscriptions and messages in flight last as long as the connection', () => {
  for (const protocolVersion of VERSIONS) {
    const broker = new TestBroker();
    const client = broker.connect('c', { protocolVersion, keepAlive: 60 });
    const reader = client.subscribe('t');
    const publisher = broker.connect('p');
    publisher.publish('t', 'in flight', { qos: 1 });
    for (let minutes = 0; minutes < 2_000; minutes++) {
      client.control.send(codec.PINGREQ);
      broker.advance(60_000);
    }
    publisher.publish('t', 'live', { qos: 1 });
    assert.equal(reader.texts(), ['in flight', 'live']);
    reader.reset(0);
    assert.equal(client.control.texts(), ['in flight', 'live']);
  }
});

test('[MQTT-4.3.2-2] [MQTT-4.3.2-3] [MQTT311-4.3.2-1] a message of QoS 1 goes out with QoS 1 and DUP 0, and stays unacknowledged until its PUBACK', () => {
  for (const protocolVersion of VERSIONS) {
    const broker = new TestBroker();
    const client = broker.connect('c', { protocolVersion });
    const reader = client.subscribe('t');
    const publisher = broker.connect('p');
    for (const text of ['a', 'b', 'c']) publisher.publish('t', text, { qos: 1 });
    const messages = reader.messages();
    assert.ok(messages.every(({ qos, isDuplicate }) => qos === 1 && !isDuplicate));
    reader.puback(messages[1].packetIdentifier);
    reader.reset(0);
    assert.equal(client.control.texts(), ['a', 'c']);
  }
});

test('[MQTT311-4.6.0-1] what is sent again is sent in its order, before what is new', () => {
  const broker = new TestBroker();
  const client = broker.connect('c', { protocolVersion: 4 });
  const reader = client.subscribe('t');
  const publisher = broker.connect('p');
  for (let i = 0; i < 20; i++) publisher.publish('t', String(i), { qos: 1 });
  reader.reset(0);
  client.control.subscribe('t');
  publisher.publish('t', '20', { qos: 1 });
  assert.equal(
    client.control.messages().map(({ text, isDuplicate }) => [Number(text), isDuplicate]),
    Array.from({ length: 21 }, (_, i) => [i, i < 20]),
  );
});

test('[MQTT-4.3.2-4] [MQTT-4.3.2-5] [MQTT311-4.3.2-2] after PUBACK the same identifier is a new message, with DUP or without', () => {
  for (const protocolVersion of VERSIONS) {
    const broker = new TestBroker();
    const client = broker.connect('c', { protocolVersion });
    const reader = client.subscribe('t');
    for (const duplicate of [false, true, true])
      client.control.send(publishBytes('t', 'x', { qos: 1, duplicate }, protocolVersion, 5));
    assert.equal(types(client.control.take()), [PacketType.PUBACK, PacketType.PUBACK, PacketType.PUBACK]);
    assert.equal(reader.texts(), ['x', 'x', 'x']);
  }
});

test('[MQTT-4.4.0-2] a message that its reader refused is not sent again', () => {
  const broker = new TestBroker();
  const client = broker.connect('c');
  const reader = client.subscribe('t');
  broker.connect('p').publish('t', 'x', { qos: 1 });
  const [{ packetIdentifier }] = reader.messages();
  reader.send(Uint8Array.of(0x40, 3, packetIdentifier >> 8, packetIdentifier & 0xff, 0x87));
  reader.reset(0);
  assert.equal(client.control.take(), []);
});

test('[MQTT-4.5.0-1] [MQTT311-4.5.0-1] a message goes to every client that subscribed to it', () => {
  for (const protocolVersion of VERSIONS) {
    const broker = new TestBroker();
    const readers = Array.from({ length: 20 }, (_, i) =>
      broker.connect(`c${i}`, { protocolVersion }).subscribe(['t/u', 't/+', '#'][i % 3]),
    );
    broker.connect('p').publish('t/u', 'x', { qos: 1 });
    for (const reader of readers) assert.equal(reader.texts(), ['x']);
  }
});

test('[MQTT-4.6.0-5] [MQTT-4.6.0-6] [MQTT311-4.6.0-5] [MQTT311-4.6.0-6] messages of one client and topic arrive in their order, behind a slow reader as well', () => {
  for (const protocolVersion of VERSIONS)
    for (const qos of [0, 1]) {
      const broker = new TestBroker();
      const client = broker.connect('c', { protocolVersion, ...(protocolVersion === 5 ? { receiveMaximum: 3 } : {}) });
      const reader = client.subscribe('t');
      const publisher = broker.connect('p').stream();
      reader.capacity = 10;
      for (let i = 0; i < 200; i++) publisher.publish('t', String(i), { qos });
      const received: string[] = [];
      while (received.length < 200) {
        reader.drain(7);
        const messages = reader.messages();
        received.push(...messages.map(({ text }) => text));
        if (qos === 1) for (const { packetIdentifier } of messages) reader.puback(packetIdentifier);
      }
      assert.equal(
        received,
        Array.from({ length: 200 }, (_, i) => String(i)),
      );
    }
});

test('[MQTT311-4.6.0-2] PUBACK packets are in the order of their PUBLISH', () => {
  const { control } = new TestBroker().connect('c', { protocolVersion: 4 });
  const identifiers = [9, 3, 65_535, 1, 7];
  control.send(concat(...identifiers.map((id) => publishBytes('t', '', { qos: 1 }, 4, id))));
  assert.equal(
    control.take().map((packet) => (packet as codec.AcknowledgementPacket).packetIdentifier),
    identifiers,
  );
});

test('[MQTT-4.7.1-1] [MQTT-4.7.1-2] [MQTT-4.7.3-1] [MQTT311-4.7.1-2] [MQTT311-4.7.1-3] [MQTT311-4.7.3-1] wildcards out of place and empty filters are refused in SUBACK', () => {
  for (const protocolVersion of VERSIONS)
    for (const filter of ['a#', 'a/#/b', '#a', '##', 'a+', '+a', 'a/+b/c', '++', '']) {
      const { control } = new TestBroker().connect('c', { protocolVersion });
      const { reasonCodes } = onlySuback(control.subscribe(filter).take());
      assert.equal(reasonCodes, [protocolVersion === 5 ? 0x8f : 0x80], filter);
    }
});

test('[MQTT-4.7.2-1] [MQTT311-4.7.2-1] a filter that begins with a wildcard does not match a topic that begins with $, live or retained', () => {
  for (const protocolVersion of VERSIONS) {
    const client = new TestBroker().connect('c', { protocolVersion });
    const filters = ['#', '+/a', '+/#', '$x/#', '$x/+', '$x/a'];
    const live = filters.map((filter) => client.subscribe(filter));
    client.control.publish('$x/a', 'x', { retain: true });
    const expected = [[], [], [], ['x'], ['x'], ['x']];
    assert.equal(
      live.map((reader) => reader.texts()),
      expected,
    );
    assert.equal(
      filters.map((filter) => client.subscribe(filter).texts()),
      expected,
    );
  }
});

test('[MQTT-4.7.3-1] [MQTT311-4.7.3-1] an empty topic closes the connection', () => {
  assertCloses(5, '30 03 0000 00', 0x82);
  assertCloses(4, '30 02 0000', 0x82);
});

test('[MQTT-4.7.3-2] [MQTT311-4.7.3-2] U+0000 in a topic or filter closes the connection', () => {
  assertCloses(5, '30 04 0001 00 00', 0x81);
  assertCloses(4, '30 03 0001 00', 0x81);
  assertCloses(5, '82 07 0001 00 0001 00 00', 0x81);
  assertCloses(4, '82 06 0001 0001 00 00', 0x81);
});

test('[MQTT-4.7.3-4] [MQTT311-4.7.3-4] matching compares characters and nothing else', () => {
  // Composed and decomposed, both cases, blanks, empty levels, full width.
  const topics = ['\u00e9', 'e\u0301', 'a', 'A', 'a ', ' a', '/a', 'a/', '\uff41', '\u0001', '\ufffe'];
  for (const protocolVersion of VERSIONS) {
    const client = new TestBroker().connect('c', { protocolVersion });
    const readers = topics.map((topic) => client.subscribe(topic));
    for (const topic of topics) client.control.publish(topic, '');
    for (const [i, reader] of readers.entries())
      assert.equal(
        reader.messages().map(({ topic }) => topic),
        [topics[i]],
      );
  }
});

test('[MQTT-4.13.1-1] [MQTT-4.13.2-1] [MQTT311-4.8.0-1] what is malformed or against the protocol closes the connection on which it came, and no other', () => {
  for (const protocolVersion of VERSIONS)
    for (const bytes of ['00 00', 'd0 00', '20 02 0000', '90 03 0001 00', 'c0 01 00', '32 03 0001 61']) {
      const broker = new TestBroker();
      const other = broker.connect('other', { protocolVersion });
      const client = broker.connect('c', { protocolVersion });
      client.control.send(hex(bytes));
      assert.ok(client.closeCode >= 0x80, bytes);
      assert.ok(client.control.isFinished);
      assert.is(other.closeCode, -1);
    }
});

test('[MQTT311-4.8.0-2] a mistake while a packet is handled closes the connection on which it came, and no other', () => {
  const broken = (): never => {
    throw new Error('No random bytes');
  };
  const broker = new TestBroker({ random: { fillPublic: broken, fillPrivate: broken } });
  const other = broker.connect('other', { protocolVersion: 4 });
  // An identifier has to be drawn for it.
  const client = sendFirst(4, `10 0c ${V4} 02 0000 0000`, broker);
  assert.equal(client.control.take(), []);
  assert.ok(client.closeCode >= 0x80);
  other.control.send(codec.PINGREQ);
  assert.equal(types(other.control.take()), [PacketType.PINGRESP]);
});

test('[MQTT311-7.0.0-2] one stream and the packets of the standard are all that a client needs', () => {
  const client = new TestBroker().open(4);
  client.control.send(
    hex(`10 0d ${V4} 02 003c 0001 63`),
    hex('82 06 0001 0001 74 01'),
    hex('32 06 0001 74 0002 78'),
    hex('c0 00'),
    hex('a2 05 0003 0001 74'),
  );
  const { CONNACK, SUBACK, PUBACK, PINGRESP, UNSUBACK, PUBLISH } = PacketType;
  const packets = client.control.take();
  assert.equal(types(packets), [CONNACK, SUBACK, PUBACK, PINGRESP, UNSUBACK, PUBLISH]);
  client.control.send(hex('e0 00'));
  assert.is(client.closeCode, 0);
});

test.run();
