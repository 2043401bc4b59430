/** MQTT 5 and 3.1.1, sections 3.3 and 3.4: PUBLISH and PUBACK. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as codec from '../../src/packets/codec.ts';
import { encodeMessageProperties } from '../../src/packets/message-properties.ts';
import { PacketType } from '../../src/packets/packet-types.ts';
import { VERSIONS, assertCloses, onlyAcknowledgement, types } from '../support/compliance.ts';
import { TestBroker, publishBytes } from '../support/core-harness.ts';

const test = suite('compliance-publish');

test('[MQTT-3.3.1-2] DUP with QoS 0 closes the connection', () => {
  assertCloses(5, '38 04 0001 61 00', 0x81);
});

test('[MQTT-3.3.1-2] [MQTT-3.3.1-3] [MQTT-4.3.1-1] [MQTT-4.3.2-2] [MQTT311-3.3.1-2] [MQTT311-3.3.1-3] [MQTT311-4.3.1-1] DUP of what came says nothing about what goes out', () => {
  for (const protocolVersion of VERSIONS) {
    const client = new TestBroker().connect('c', { protocolVersion });
    const zero = client.subscribe('t', { qos: 0 });
    const one = client.subscribe('t', { qos: 1 });
    client.control.send(publishBytes('t', 'x', { qos: 1, duplicate: true }, protocolVersion, 9));
    for (const [reader, qos] of [
      [zero, 0],
      [one, 1],
    ] as const) {
      const [message] = reader.messages();
      assert.equal([message.qos, message.isDuplicate], [qos, false]);
    }
  }
});

test('[MQTT-3.3.1-1] [MQTT-4.4.0-1] [MQTT311-3.3.1-1] what is sent again has DUP and its identifier, and nothing is sent again on a stream that lives', () => {
  for (const protocolVersion of VERSIONS) {
    const broker = new TestBroker();
    const client = broker.connect('c', { protocolVersion });
    const reader = client.subscribe('t');
    broker.connect('p').publish('t', 'x', { qos: 1 });
    const [message] = reader.messages();
    broker.advance(1_000_000);
    assert.equal(reader.take(), []);
    reader.reset(0);
    const [again] = client.control.messages();
    assert.equal([again.text, again.isDuplicate, again.packetIdentifier], ['x', true, message.packetIdentifier]);
  }
});

test('[MQTT-3.3.1-4] [MQTT311-3.3.1-4] QoS 3 closes the connection', () => {
  assertCloses(5, '36 06 0001 61 0001 00', 0x81);
  assertCloses(4, '36 05 0001 61 0001', 0x81);
});

test('[MQTT-3.3.1-5] [MQTT-3.3.1-9] [MQTT311-3.3.1-5] [MQTT311-3.3.1-6] [MQTT311-3.3.1-7] [MQTT311-3.3.1-8] a new subscription gets the last retained message of each topic, with its QoS and RETAIN', () => {
  for (const protocolVersion of VERSIONS) {
    const broker = new TestBroker();
    const client = broker.connect('c', { protocolVersion });
    client.control.publish('a/1', 'former', { qos: 1, retain: true });
    client.control.publish('a/1', 'last', { qos: 0, retain: true });
    client.control.publish('a/2', 'other', { qos: 1, retain: true });
    client.control.publish('b', 'elsewhere', { qos: 1, retain: true });
    const messages = client.subscribe('a/+').messages();
    assert.equal(messages.map(({ topic, text, qos, retain }) => [topic, text, qos, retain]).sort(), [
      ['a/1', 'last', 0, true],
      ['a/2', 'other', 1, true],
    ]);
  }
});

test('[MQTT-3.3.1-6] [MQTT-3.3.1-7] [MQTT311-3.3.1-10] [MQTT311-3.3.1-11] an empty retained message is delivered, clears its topic and is not kept', () => {
  for (const protocolVersion of VERSIONS) {
    const client = new TestBroker().connect('c', { protocolVersion });
    const reader = client.subscribe('#');
    client.control
      .publish('t', 'x', { retain: true })
      .publish('t', '', { retain: true })
      .publish('u', '', { retain: true });
    assert.equal(reader.texts(), ['x', '', '']);
    assert.equal(client.subscribe('#').messages(), []);
  }
});

test('[MQTT-3.3.1-8] [MQTT311-3.3.1-12] a message without RETAIN is not kept, and does not change what is', () => {
  for (const protocolVersion of VERSIONS) {
    const client = new TestBroker().connect('c', { protocolVersion });
    client.control.publish('t', 'kept', { retain: true }).publish('t', 'x').publish('t', '').publish('u', 'y');
    assert.equal(client.subscribe('#').texts(), ['kept']);
  }
});

test('[MQTT-3.3.1-9] [MQTT-3.3.1-10] [MQTT-3.3.1-11] Retain Handling: always, for a new subscription, never', () => {
  const client = new TestBroker().connect('c');
  client.publish('t', 'x', { retain: true });
  for (const [retainHandling, atFirst, again] of [
    [0, 1, 1],
    [1, 1, 0],
    [2, 0, 0],
  ] as const) {
    const stream = client.stream().subscribe('t', { retainHandling });
    assert.is(stream.messages().length, atFirst);
    assert.is(stream.subscribe('t', { retainHandling }).messages().length, again);
    // After UNSUBSCRIBE it is a new one.
    stream.send(codec.encodeUnsubscribe(9, ['t'], 5));
    assert.is(stream.subscribe('t', { retainHandling }).messages().length, atFirst);
    stream.end();
  }
});

test('[MQTT-3.3.1-12] [MQTT-3.3.1-13] [MQTT311-3.3.1-9] RETAIN of a live message is 0 unless it was to be as published', () => {
  for (const protocolVersion of VERSIONS) {
    const broker = new TestBroker();
    const plain = broker.connect('a', { protocolVersion }).subscribe('t');
    const asPublished = broker.connect('b').subscribe('t', { retainAsPublished: true });
    broker.connect('p').control.publish('t', '', { retain: true }).publish('t', '', { retain: false });
    assert.equal(
      plain.messages().map(({ retain }) => retain),
      [false, false],
    );
    assert.equal(
      asPublished.messages().map(({ retain }) => retain),
      [true, false],
    );
  }
});

test('[MQTT-3.3.2-1] [MQTT311-3.3.2-1] a topic that is missing or no text closes the connection', () => {
  assertCloses(5, '30 04 0001 ff 00', 0x81);
  assertCloses(5, '30 01 00', 0x81);
  assertCloses(4, '30 03 0001 ff', 0x81);
  assertCloses(4, '30 00', 0x81);
});

test('[MQTT-3.3.2-2] [MQTT-4.7.0-1] [MQTT311-3.3.2-2] [MQTT311-4.7.1-1] a wildcard in a topic closes the connection', () => {
  for (const topic of ['23', '2b']) {
    assertCloses(5, `30 04 0001 ${topic} 00`, 0x90);
    assertCloses(4, `30 03 0001 ${topic}`, 0x90);
    assertCloses(5, `30 06 0003 61 2f ${topic} 00`, 0x90);
  }
});

test('[MQTT-3.3.2-3] [MQTT311-3.3.2-3] what is delivered has a topic that the filter matches', () => {
  for (const protocolVersion of VERSIONS) {
    const client = new TestBroker().connect('c', { protocolVersion });
    const reader = client.subscribe('a/+/c');
    for (const topic of ['a/b/c', 'a/c', 'a//c', 'a/b/c/d', 'b/b/c', 'a/b/C', '/a/b/c'])
      client.control.publish(topic, '');
    assert.equal(
      reader.messages().map(({ topic }) => topic),
      ['a/b/c', 'a//c'],
    );
  }
});

test('[MQTT-3.3.2-4] [MQTT-3.3.2-15] [MQTT-3.3.2-16] [MQTT-3.3.2-17] [MQTT-3.3.2-18] [MQTT-3.3.2-20] properties of a message arrive as they were, live and retained', () => {
  const properties = {
    isText: true,
    contentType: 'text/ü',
    responseTopic: 'answers/1',
    correlationData: Uint8Array.of(0, 255, 1),
    userProperties: [
      ['b', '1'],
      ['a', ''],
      ['b', '0'],
    ] as const,
  };
  const broker = new TestBroker();
  const readers = [broker.connect('a').subscribe('t'), broker.connect('b').subscribe('#', { qos: 0 })];
  broker.connect('p').publish('t', 'x', { qos: 1, retain: true, properties: encodeMessageProperties(properties) });
  readers.push(broker.connect('late').subscribe('t'));
  for (const reader of readers) assert.equal(reader.messages()[0].properties, properties);
});

test('[MQTT-3.3.2-5] a message whose time is over before it could be sent is not sent', () => {
  const broker = new TestBroker();
  const reader = broker.connect('c', { receiveMaximum: 1 }).subscribe('t');
  const publisher = broker.connect('p');
  publisher.publish('t', 'first', { qos: 1 });
  publisher.control.send(publishBytes('t', 'expires', { qos: 1, expiresAt: 5_000 }, 5, 1));
  publisher.publish('t', 'last', { qos: 1 });
  const [first] = reader.messages();
  broker.advance(5_001);
  reader.puback(first.packetIdentifier);
  assert.equal(reader.texts(), ['last']);
});

test('[MQTT-3.3.2-6] the Message Expiry Interval is what is left of it', () => {
  const broker = new TestBroker();
  const publisher = broker.connect('p');
  // On the wire: 60 s.
  publisher.control.send(publishBytes('t', 'x', { retain: true, expiresAt: 60_000 }, 5));
  const live = broker.connect('c', { receiveMaximum: 1 }).subscribe('u');
  publisher.publish('u', 'first', { qos: 1 });
  publisher.control.send(publishBytes('u', 'waits', { qos: 1, expiresAt: 60_000 }, 5, 1));
  const [first] = live.messages();
  broker.advance(20_000);
  assert.is(broker.connect('late').subscribe('t').messages()[0].expiry, 40);
  live.puback(first.packetIdentifier);
  assert.is(live.messages()[0].expiry, 40);
});

test('[MQTT-3.3.2-8] alias 0 closes the connection', () => {
  assertCloses(5, '30 07 0001 61 03 23 0000', 0x94);
});

test('[MQTT-3.3.2-13] [MQTT-3.3.2-14] [MQTT-3.3.2-19] a response topic that is no topic, and a content type that is no text, close the connection', () => {
  assertCloses(5, '30 08 0001 61 04 08 0001 ff', 0x81);
  assertCloses(5, '30 08 0001 61 04 03 0001 ff', 0x81);
  for (const wildcard of ['23', '2b']) assertCloses(5, `30 08 0001 61 04 08 0001 ${wildcard}`, 0x82);
});

test('[MQTT-3.3.4-1] [MQTT-4.3.2-4] [MQTT311-3.3.4-1] QoS 0 is not answered, QoS 1 with PUBACK', () => {
  for (const protocolVersion of VERSIONS) {
    const { control } = new TestBroker().connect('c', { protocolVersion });
    control.publish('t', 'x');
    assert.equal(control.take(), []);
    control.send(publishBytes('t', 'x', { qos: 1 }, protocolVersion, 5));
    assert.is(onlyAcknowledgement(control.take(), PacketType.PUBACK).packetIdentifier, 5);
  }
});

test('[MQTT-3.3.4-2] [MQTT-3.3.4-3] [MQTT-3.3.4-4] [MQTT311-3.3.5-1] overlapping subscriptions of a flow are one delivery, with the highest QoS and all identifiers', () => {
  for (const protocolVersion of VERSIONS) {
    const broker = new TestBroker();
    const client = broker.connect('c', { protocolVersion });
    const reader = client.stream();
    reader.subscribe('a/#', { qos: 0 }, 3).subscribe('a/+', { qos: 1 }, 7).subscribe('+/b', { qos: 0 }).take();
    broker.connect('p').publish('a/b', 'x', { qos: 1 });
    const messages = reader.messages();
    assert.equal(
      messages.map(({ qos }) => qos),
      [1],
    );
    if (protocolVersion === 5) assert.equal([...messages[0].properties.subscriptionIdentifiers!].sort(), [3, 7]);
  }
});

test('[MQTT-3.3.4-3] [MQTT-3.3.4-5] each of several flows has the identifier of its own subscription, also for retained messages', () => {
  const broker = new TestBroker();
  const client = broker.connect('c');
  const publisher = broker.connect('p');
  publisher.publish('a', 'retained', { retain: true });
  const streams = [client.stream().subscribe('a', {}, 1), client.stream().subscribe('#', {}, 268_435_455)];
  streams.push(client.stream().subscribe('+'));
  publisher.publish('a', 'live');
  for (const [i, identifiers] of [[1], [268_435_455], undefined].entries())
    assert.equal(
      streams[i].messages().map(({ text, properties }) => [text, properties.subscriptionIdentifiers]),
      [
        ['retained', identifiers],
        ['live', identifiers],
      ],
    );
});

test('[MQTT-3.3.4-6] a subscription identifier of a publisher closes the connection', () => {
  assertCloses(5, '30 06 0001 61 02 0b 01', 0x82);
});

test('[MQTT-3.3.4-9] [MQTT-3.3.4-10] [MQTT-4.9.0-1] [MQTT-4.9.0-2] [MQTT-4.9.0-3] at the Receive Maximum of a client nothing of QoS 1 is sent, and all else is', () => {
  const broker = new TestBroker();
  const client = broker.connect('c', { receiveMaximum: 2 });
  const { control } = client;
  control.subscribe('t').take();
  const publisher = broker.connect('p');
  for (let i = 0; i < 5; i++) publisher.publish('t', String(i), { qos: 1 });
  const sent = control.messages();
  // Some slots may be kept for other streams.
  assert.ok(sent.length >= 1 && sent.length <= 2, `${sent.length} messages`);
  control.send(codec.PINGREQ).subscribe('u').publish('v', 'x', { qos: 1 });
  control.send(codec.encodeUnsubscribe(9, ['u'], 5));
  assert.equal(types(control.take()), [PacketType.PINGRESP, PacketType.SUBACK, PacketType.PUBACK, PacketType.UNSUBACK]);
  for (let at = 0; at < 5; at++) {
    // A refusal gives its slot back as well, an acknowledgement of nothing gives none.
    const { packetIdentifier } = sent[at];
    control.send(Uint8Array.of(0x40, 3, packetIdentifier >> 8, packetIdentifier & 0xff, at === 0 ? 0x80 : 0));
    control.puback(packetIdentifier);
    sent.push(...control.messages());
    assert.ok(sent.length - at - 1 <= 2);
  }
  assert.equal(
    sent.map(({ text }) => text),
    ['0', '1', '2', '3', '4'],
  );
});

test('[MQTT-3.3.4-7] more messages than the Receive Maximum of the broker close the connection', () => {
  const client = new TestBroker().connect('c');
  const receiveMaximum = client.connack?.receiveMaximum ?? 65_535;
  // Its acknowledgements cannot leave.
  client.control.capacity = 0;
  for (let i = 1; i <= receiveMaximum; i++) client.control.send(publishBytes('t', '', { qos: 1 }, 5, i));
  assert.is(client.closeCode, -1);
  client.control.send(publishBytes('t', '', { qos: 1 }, 5, receiveMaximum + 1));
  client.control.drain();
  assert.is(client.closeCode, 0x93);
});

test('[MQTT-3.4.2-1] a message that is not taken is refused in PUBACK with a code of its table', () => {
  const client = new TestBroker({ retained: { maxMessages: 1 } }).connect('c');
  client.publish('a', 'x', { retain: true });
  const answers = client.publish('b', 'x', { retain: true, qos: 1 }).take();
  assert.is(onlyAcknowledgement(answers, PacketType.PUBACK).reasonCode, 0x97);
});

test.run();
