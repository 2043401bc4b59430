import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as codec from '../../src/packets/codec.ts';
import { PacketType } from '../../src/packets/packet-types.ts';
import { publishBytes, TestBroker } from '../support/core-harness.ts';
import { concat, hex, utf8 } from '../support/hex.ts';
import type { SeenPacket } from '../support/packets.ts';

const test = suite('broker-core');

const types = (packets: readonly SeenPacket[]): number[] => packets.map(({ type }) => type);

test('a message goes to who subscribed, on the stream that asked', () => {
  const broker = new TestBroker();
  const alice = broker.connect('alice');
  const bob = broker.connect('bob');
  const first = bob.subscribe('a/+');
  const second = bob.subscribe('b');
  alice.publish('a/1', 'one');
  assert.equal(first.texts(), ['one']);
  assert.equal(second.texts(), []);
  alice.publish('b', 'two');
  assert.equal(first.texts(), []);
  assert.equal(second.texts(), ['two']);
  assert.equal(bob.control.take(), []);
});

test('[MQTT-4.3.2-4] PUBLISH of QoS 1 is acknowledged on its stream after it was routed', () => {
  const broker = new TestBroker();
  const alice = broker.connect('alice');
  const reader = alice.subscribe('t');
  const stream = alice.stream();
  stream.send(publishBytes('t', 'x', { qos: 1 }, 5, 77));
  const [puback] = stream.take();
  assert.is(puback.type, PacketType.PUBACK);
  assert.is((puback as codec.AcknowledgementPacket).packetIdentifier, 77);
  const [message] = reader.messages();
  assert.is(message.qos, 1);
  assert.is.not(message.packetIdentifier, 0);
  assert.is(alice.session.inFlight.size, 1);
  reader.puback(message.packetIdentifier);
  assert.is(alice.session.inFlight.size, 0);
});

test('[MQTT-3.8.4-8] a message is delivered with the smaller of both QoS', () => {
  const broker = new TestBroker();
  const client = broker.connect('c');
  const zero = client.subscribe('t', { qos: 0 });
  const one = client.subscribe('t', { qos: 1 });
  const two = client.stream().subscribe('t', { qos: 2 });
  assert.equal((two.take()[0] as codec.SubackPacket).reasonCodes, [2]);
  client.publish('t', 'a', { qos: 0 });
  client.publish('t', 'b', { qos: 1 });
  assert.equal(
    zero.messages().map(({ qos }) => qos),
    [0, 0],
  );
  assert.equal(
    one.messages().map(({ qos }) => qos),
    [0, 1],
  );
});

test('[MQTT-3.3.1-5] [MQTT-3.3.1-9] the last retained message comes after SUBACK, with RETAIN', () => {
  const broker = new TestBroker();
  const client = broker.connect('c');
  client.publish('hello/world', 'hello', { qos: 1, retain: true });
  client.publish('hello/world', 'hello again!', { qos: 1, retain: true });
  const stream = client.stream().subscribe('hello/world');
  const packets = stream.take();
  assert.equal(types(packets), [PacketType.SUBACK, PacketType.PUBLISH]);
  const [, message] = packets;
  assert.ok(message.type === PacketType.PUBLISH);
  assert.is(message.text, 'hello again!');
  assert.ok(message.retain);
  assert.is(message.qos, 1);
});

test('[MQTT-3.3.1-12] [MQTT-3.3.1-13] live messages have RETAIN=0 unless retain as published was asked for', () => {
  const broker = new TestBroker();
  const client = broker.connect('c');
  const plain = client.subscribe('t');
  const asPublished = client.subscribe('t', { retainAsPublished: true });
  client.publish('t', 'x', { retain: true });
  client.publish('t', 'y', { retain: false });
  assert.equal(
    plain.messages().map(({ retain }) => retain),
    [false, false],
  );
  assert.equal(
    asPublished.messages().map(({ retain }) => retain),
    [true, false],
  );
});

test('[MQTT-3.3.1-6] [MQTT-3.3.1-7] an empty retained message clears the topic and is delivered like any other', () => {
  const broker = new TestBroker();
  const client = broker.connect('c');
  client.publish('t', 'x', { retain: true });
  const reader = client.subscribe('t', { retainHandling: 2 });
  client.publish('t', '', { retain: true });
  assert.equal(reader.texts(), ['']);
  assert.equal(client.subscribe('t').texts(), []);
  assert.is(broker.core.stats().retainedMessages, 0);
});

test('[MQTT-3.3.1-9] [MQTT-3.3.1-10] [MQTT-3.3.1-11] retain handling 0, 1 and 2', () => {
  const broker = new TestBroker();
  const client = broker.connect('c');
  client.publish('t', 'x', { retain: true });
  for (const [retainHandling, first, again] of [
    [0, ['x'], ['x']],
    [1, ['x'], []],
    [2, [], []],
  ] as const) {
    const stream = client.subscribe('t', { retainHandling });
    assert.equal(stream.texts(), [...first], `retain handling ${retainHandling}`);
    client.subscribe('t', { retainHandling }, stream);
    assert.equal(stream.texts(), [...again], `retain handling ${retainHandling} again`);
    stream.end();
  }
});

test('[MQTT-3.3.2-6] a retained message keeps its properties and the rest of its time', () => {
  const broker = new TestBroker();
  const client = broker.connect('c');
  const properties = hex('03 0001 78 26 0001 61 0001 31');
  client.publish('t', 'x', { retain: true, properties, expiresAt: 10_000 });
  broker.advance(4_000);
  const [message] = client.subscribe('t').messages();
  assert.is(message.properties.contentType, 'x');
  assert.equal(message.properties.userProperties, [['a', '1']]);
  assert.is(message.properties.messageExpiryInterval, 6);
  broker.advance(7_000);
  assert.equal(client.subscribe('t').messages(), []);
});

test('[MQTT-3.8.3-3] no local leaves out what the same client published', () => {
  const broker = new TestBroker();
  const alice = broker.connect('alice');
  const bob = broker.connect('bob');
  const deaf = alice.subscribe('t', { noLocal: true });
  const both = alice.subscribe('t', { noLocal: true });
  alice.subscribe('+', { qos: 0 }, both);
  alice.publish('t', 'own', { qos: 1 });
  bob.publish('t', 'foreign', { qos: 1 });
  assert.equal(deaf.texts(), ['foreign']);
  // By the other subscription, with its QoS.
  assert.equal(
    both.messages().map(({ text, qos }) => [text, qos]),
    [
      ['own', 0],
      ['foreign', 1],
    ],
  );
});

test('[MQTT-3.3.4-2] [MQTT-3.3.4-4] overlapping subscriptions of a stream give one copy with all identifiers', () => {
  const broker = new TestBroker();
  const client = broker.connect('c');
  const stream = client.stream();
  stream.subscribe('a/#', { qos: 0 }, 3).subscribe('a/+', { qos: 1 }, 300).subscribe('a/b', { qos: 0 });
  stream.take();
  client.publish('a/b', 'x', { qos: 1 });
  const messages = stream.messages();
  assert.is(messages.length, 1);
  assert.is(messages[0].qos, 1);
  assert.equal([...messages[0].properties.subscriptionIdentifiers!].sort(), [3, 300]);
});

test('overlapping subscriptions on two streams are two subscriptions', () => {
  const broker = new TestBroker();
  const client = broker.connect('c');
  const first = client.subscribe('a/#');
  const second = client.subscribe('a/b');
  client.publish('a/b', 'x');
  assert.equal([first.texts(), second.texts()], [['x'], ['x']]);
});

test('[MQTT-3.10.4-1] [MQTT-3.10.4-2] UNSUBSCRIBE means its own stream only', () => {
  const broker = new TestBroker();
  const client = broker.connect('c');
  const stream = client.subscribe('t');
  const other = client.stream();
  other.send(codec.encodeUnsubscribe(1, ['t'], 5));
  assert.equal((other.take()[0] as codec.SubackPacket).reasonCodes, [0x11]);
  client.publish('t', 'still');
  assert.equal(stream.texts(), ['still']);
  stream.send(codec.encodeUnsubscribe(1, ['t', 'u'], 5));
  assert.equal((stream.take()[0] as codec.SubackPacket).reasonCodes, [0, 0x11]);
  client.publish('t', 'gone');
  assert.equal(stream.texts(), []);
  assert.is(broker.core.stats().subscriptions, 0);
});

test('wrong filters are refused one by one', () => {
  const broker = new TestBroker();
  const client = broker.connect('c');
  const stream = client.stream();
  const request = { qos: 0, noLocal: false, retainAsPublished: false, retainHandling: 0 };
  const filters = ['a', 'a#', '$share/g', '+', 'a/+b'];
  stream.send(
    codec.encodeSubscribe(
      9,
      filters.map((topicFilter) => ({ topicFilter, ...request })),
      0,
      5,
    ),
  );
  assert.equal((stream.take()[0] as codec.SubackPacket).reasonCodes, [0, 0x8f, 0x8f, 0, 0x8f]);
  assert.is(stream.abortCode, -1);
});

test('FIN is answered by FIN after the acknowledgements, and ends the subscriptions of its stream', () => {
  const broker = new TestBroker();
  const client = broker.connect('c');
  const stream = client.subscribe('t');
  stream.publish('u', 'x', { qos: 1 }).end();
  assert.equal(types(stream.take()), [PacketType.PUBACK]);
  assert.ok(stream.isFinished);
  assert.is(stream.abortCode, -1);
  assert.is(broker.core.stats().subscriptions, 0);
  assert.is(broker.core.stats().flows, 1);
  assert.is(client.closeCode, -1);
});

test('a reset is answered with the same code', () => {
  const broker = new TestBroker();
  const client = broker.connect('c');
  const stream = client.subscribe('t').reset(7);
  assert.is(stream.abortCode, 7);
  assert.is(broker.core.stats().subscriptions, 0);
});

test('[MQTT-4.4.0-1] what a dead stream had sent is sent again on the control stream, once and before anything new', () => {
  const broker = new TestBroker();
  const client = broker.connect('c');
  const stream = client.subscribe('t');
  for (const payload of ['a', 'b', 'c']) client.publish('t', payload, { qos: 1 });
  client.publish('t', 'lost', { qos: 0 });
  const [, second] = stream.messages();
  stream.puback(second.packetIdentifier);
  stream.reset(0);
  const again = client.control.messages();
  assert.equal(
    again.map(({ text, isDuplicate }) => [text, isDuplicate]),
    [
      ['a', true],
      ['c', true],
    ],
  );
  for (const { packetIdentifier } of again) client.control.puback(packetIdentifier);
  assert.is(client.session.inFlight.size, 0);
  assert.is(broker.core.queuedBytes, 0);
});

test('[MQTT-3.3.4-9] Receive Maximum is kept over all streams', () => {
  const broker = new TestBroker();
  const client = broker.connect('c', { receiveMaximum: 3 });
  const streams = ['a', 'b', 'c', 'd'].map((topic) => client.subscribe(topic));
  for (const topic of ['a', 'b', 'c', 'd']) {
    for (let i = 0; i < 3; i++) client.publish(topic, `${topic}${i}`, { qos: 1 });
  }
  const received: string[] = [];
  for (let round = 0; round < 20; round++) {
    const messages = streams.flatMap((stream) => stream.messages().map((message) => ({ stream, message })));
    assert.ok(messages.length <= 3, `${messages.length} at once`);
    for (const { stream, message } of messages) {
      received.push(message.text);
      stream.puback(message.packetIdentifier);
    }
  }
  assert.is(received.length, 12);
  for (const topic of ['a', 'b', 'c', 'd'])
    assert.equal(
      received.filter((text) => text.startsWith(topic)),
      [0, 1, 2].map((i) => `${topic}${i}`),
    );
});

test('[MQTT-3.1.2-24] a packet larger than the client takes is not sent', () => {
  const broker = new TestBroker();
  const client = broker.connect('c', { maximumPacketSize: 100 });
  const stream = client.subscribe('t');
  client.publish('t', 'x'.repeat(200));
  client.publish('t', 'small');
  assert.equal(stream.texts(), ['small']);
  assert.is(broker.core.stats().messagesDropped, 1);
});

test('a flow that was to be woken and has nothing left does not keep the others waiting', () => {
  const broker = new TestBroker();
  const client = broker.connect('c', { receiveMaximum: 1 });
  const [first, second, third] = ['a', 'b', 'c'].map((topic) => client.subscribe(topic));
  client.publish('a', 'in flight', { qos: 1 });
  client.publish('b', 'expires', { qos: 1, expiresAt: 1_000 });
  client.publish('c', 'waits', { qos: 1 });
  broker.advance(2_000);
  const [message] = first.messages();
  first.puback(message.packetIdentifier);
  assert.equal(second.texts(), []);
  assert.equal(third.texts(), ['waits']);
});

test('an answer larger than the client takes ends its stream', () => {
  const broker = new TestBroker();
  const client = broker.connect('c', { maximumPacketSize: 60 });
  const request = { qos: 0, noLocal: false, retainAsPublished: false, retainHandling: 0 };
  const requests = Array.from({ length: 100 }, (_, i) => ({ topicFilter: String(i), ...request }));
  assert.is(client.stream().send(codec.encodeSubscribe(1, requests, 0, 5)).abortCode, 0x95);
  assert.is(broker.core.stats().subscriptions, 0);
  const tiny = broker.open();
  const fields = { protocolVersion: 5, clientId: 't', cleanStart: true, keepAlive: 0, maximumPacketSize: 20 } as const;
  tiny.control.send(codec.encodeConnect(fields));
  // There is room for the reason, and none for a sentence.
  const [disconnect] = tiny.control.take();
  assert.is((disconnect as codec.DisconnectPacket).reasonCode, 0x95);
  assert.is((disconnect as codec.DisconnectPacket).reasonString, undefined);
  assert.is(tiny.closeCode, 0x95);
});

test('retained messages that have expired are forgotten', () => {
  const broker = new TestBroker();
  const client = broker.connect('c');
  client.publish('a', 'x', { retain: true, expiresAt: 10_000 });
  client.publish('b', 'x', { retain: true, expiresAt: 100_000 });
  client.publish('c', 'x', { retain: true });
  broker.advance(61_000);
  assert.is(broker.core.stats().retainedMessages, 2);
  broker.advance(60_000);
  assert.is(broker.core.stats().retainedMessages, 1);
  assert.is(broker.core.nextTimeout(), Infinity);
});

test('[MQTT-3.3.2-17] [MQTT-3.3.2-18] [MQTT-3.3.2-20] user properties keep their order, and expiry and content type arrive', () => {
  const broker = new TestBroker();
  const client = broker.connect('c');
  const stream = client.subscribe('t');
  const properties = hex('26 0001 62 0001 31 03 0001 78 26 0001 61 0001 32 26 0001 62 0001 33');
  client.publish('t', 'x', { properties, expiresAt: 60_000 });
  const [message] = stream.messages();
  assert.equal(message.properties.userProperties, [
    ['b', '1'],
    ['a', '2'],
    ['b', '3'],
  ]);
  assert.is(message.properties.messageExpiryInterval, 60);
});

test('messages cross between MQTT 3.1.1 and MQTT 5', () => {
  const broker = new TestBroker();
  const old = broker.connect('old', { protocolVersion: 4 });
  const young = broker.connect('young');
  old.control.subscribe('t');
  old.control.take();
  const stream = young.subscribe('t');
  old.control.publish('t', 'from old', { qos: 1 });
  young.publish('t', 'from young', { qos: 1, properties: hex('03 0001 78') });
  assert.equal(stream.texts(), ['from old', 'from young']);
  const packets = old.control.take();
  assert.equal(
    packets.map((packet) => ('text' in packet ? packet.text : packet.type)),
    [PacketType.PUBACK, 'from old', 'from young'],
  );
});

test('MQTT 3.1.1: UNSUBACK has no codes, refused filters have 0x80, PINGREQ is answered', () => {
  const broker = new TestBroker();
  const client = broker.connect('old', { protocolVersion: 4 });
  client.control.subscribe('a#');
  client.control.send(codec.encodeUnsubscribe(5, ['x'], 4), codec.PINGREQ);
  const packets = client.control.take();
  assert.equal(types(packets), [PacketType.SUBACK, PacketType.UNSUBACK, PacketType.PINGRESP]);
  assert.equal((packets[0] as codec.SubackPacket).reasonCodes, [0x80]);
});

test('[MQTT-3.1.2-8] a will is published when the connection breaks, after everything before', () => {
  const broker = new TestBroker();
  const reader = broker.connect('reader').subscribe('#');
  const will = { topic: 'gone', payload: utf8('bye'), qos: 1, retain: true, contentType: 'x' } as const;
  const client = broker.connect('c', { will });
  client.publish('t', 'before');
  client.drop();
  assert.equal(
    reader.messages().map(({ topic, text, properties }) => [topic, text, properties.contentType]),
    [
      ['t', 'before', undefined],
      ['gone', 'bye', 'x'],
    ],
  );
  assert.is(broker.core.stats().retainedMessages, 1);
});

test('[MQTT-3.14.4-3] a will is not published after DISCONNECT, unless it asks for it', () => {
  for (const [reasonCode, isPublished] of [
    [0, false],
    [4, true],
  ] as const) {
    const broker = new TestBroker();
    const reader = broker.connect('reader').subscribe('#');
    const client = broker.connect('c', { will: { topic: 'w', payload: utf8('x'), qos: 0, retain: false } });
    client.control.send(reasonCode === 0 ? hex('e0 00') : Uint8Array.of(0xe0, 1, reasonCode));
    assert.is(client.closeCode, 0);
    client.drop();
    assert.is(reader.texts().length, isPublished ? 1 : 0);
  }
});

test('the end of a data stream publishes no will, the end of the control stream does', () => {
  const broker = new TestBroker();
  const reader = broker.connect('reader').subscribe('#');
  const client = broker.connect('c', { will: { topic: 'w', payload: utf8('x'), qos: 0, retain: false } });
  client.stream().end();
  client.stream().reset(1);
  assert.equal(reader.texts(), []);
  client.control.end();
  assert.is(client.closeCode, 1);
  assert.equal(reader.texts(), ['x']);
});

test('[MQTT-3.1.4-3] the same client identifier takes over', () => {
  const broker = new TestBroker();
  const first = broker.connect('same');
  const stream = first.subscribe('t');
  const second = broker.connect('same');
  const [disconnect] = first.control.take();
  assert.is(disconnect.type, PacketType.DISCONNECT);
  assert.is((disconnect as codec.DisconnectPacket).reasonCode, 0x8e);
  assert.is(first.closeCode, 0x8e);
  assert.ok(first.control.isFinished);
  second.publish('t', 'x');
  assert.equal(stream.texts(), []);
  first.drop();
  assert.is(broker.core.stats().sessions, 1);
});

test('CONNACK says what there is', () => {
  const broker = new TestBroker({ maxPacketSize: 5_000, serverKeepAlive: 30 });
  const { connack } = broker.connect('', { keepAlive: 60 });
  assert.equal(connack, {
    type: PacketType.CONNACK,
    sessionPresent: false,
    reasonCode: 0,
    receiveMaximum: 4_096,
    retainAvailable: true,
    maximumPacketSize: 5_000,
    assignedClientIdentifier: 'mquictt-01010101010101010101',
    topicAliasMaximum: 16,
    wildcardSubscriptionAvailable: true,
    subscriptionIdentifierAvailable: true,
    sharedSubscriptionAvailable: true,
    serverKeepAlive: 30,
  });
});

const REFUSED_CONNECTS: readonly [string, string, 4 | 5, number | undefined, number][] = [
  ['level 6', '10 0d 0004 4d515454 06 02 0000 00 0000', 5, 0x84, 0x84],
  ['MQIsdp at level 4', '10 0f 0006 4d5149736470 04 02 0000 0001 61', 4, 0x84, 0x84],
  ['another protocol', '10 0c 0004 4d515455 04 02 0000 0000', 4, 0x84, 0x84],
  ['an empty name', '10 08 0000 04 02 0000 0000', 4, undefined, 0x84],
  ['a reserved flag', '10 0d 0004 4d515454 05 03 0000 00 0000', 5, 0x81, 0x81],
  ['a reserved flag in MQTT 3.1.1', '10 0c 0004 4d515454 04 03 0000 0000', 4, undefined, 0x81],
  ['Receive Maximum 0', '10 10 0004 4d515454 05 02 0000 03 21 0000 0000', 5, 0x82, 0x82],
  ['a method of authentication', '10 11 0004 4d515454 05 02 0000 04 15 0001 61 0000', 5, 0x8c, 0x8c],
  ['a will to a wildcard', '10 14 0004 4d515454 05 06 0000 00 0000 00 0001 23 0001 78', 5, 0x90, 0x90],
  ['no identifier and a session to keep', '10 0c 0004 4d515454 04 00 0000 0000', 4, 0x85, 0x85],
  ['SUBSCRIBE first', '82 07 0001 00 0001 61 00', 5, undefined, 0x82],
  ['a flow header', '11 00 00', 5, undefined, 0x81],
];

for (const [what, bytes, version, connack, closeCode] of REFUSED_CONNECTS) {
  test(`a connection that begins with ${what} is refused`, () => {
    const broker = new TestBroker();
    const client = broker.open(version);
    client.control.send(hex(bytes));
    const packets = client.control.take();
    if (connack === undefined) assert.equal(packets, []);
    else assert.is((packets[0] as codec.ConnackPacket).reasonCode, connack);
    assert.is(client.closeCode, closeCode);
    assert.ok(client.control.isFinished);
    assert.is(broker.core.stats().internalErrors, 0);
    client.drop();
    assert.equal([broker.core.stats().sessions, broker.core.stats().flows], [0, 0]);
  });
}

const CONTROL_ERRORS: readonly [string, string, number][] = [
  ['a second CONNECT', '10 0d 0004 4d515454 05 02 0000 00 0000', 0x82],
  ['CONNACK', '20 03 00 00 00', 0x82],
  ['PINGRESP', 'd0 00', 0x82],
  ['SUBACK', '90 04 0001 00 00', 0x82],
  ['AUTH', 'f0 00', 0x82],
  ['a packet of type 0', '00 00', 0x81],
  ['a wildcard in PUBLISH', '30 04 0001 23 00', 0x90],
  ['a topic alias that is too large', '30 07 0001 61 03 23 0011', 0x94],
  ['an empty topic', '30 03 0000 00', 0x82],
  ['a subscription identifier in PUBLISH', '30 06 0001 61 02 0b 01', 0x82],
  ['a response topic with a wildcard', '30 08 0001 61 04 08 0001 2b', 0x82],
  ['a packet that is too large', '30 ff ff 7f', 0x95],
  ['DISCONNECT that wants to keep a session after all', 'e0 07 00 05 11 00000001', 0x82],
];

for (const [what, bytes, reasonCode] of CONTROL_ERRORS) {
  test(`${what} on the control stream ends the connection`, () => {
    const broker = new TestBroker();
    const client = broker.connect('c');
    client.control.send(hex(bytes));
    const [disconnect] = client.control.take();
    assert.is(disconnect?.type, PacketType.DISCONNECT);
    assert.is((disconnect as codec.DisconnectPacket).reasonCode, reasonCode);
    assert.is(client.closeCode, reasonCode);
  });
}

const DATA_ERRORS: readonly [string, string, number][] = [
  ['CONNECT', '10 0d 0004 4d515454 05 02 0000 00 0000', 0x82],
  ['DISCONNECT', 'e0 00', 0x82],
  ['AUTH', 'f0 00', 0x82],
  ['a malformed packet', '00 00', 0x81],
  ['a packet that is too large', '30 ff ff 7f', 0x95],
  ['a topic alias that is too large', '30 07 0001 61 03 23 0011', 0x94],
];

for (const [what, bytes, reasonCode] of DATA_ERRORS) {
  test(`${what} on a data stream ends that stream only`, () => {
    const broker = new TestBroker();
    const client = broker.connect('c');
    const reader = client.subscribe('t');
    const stream = client.stream().send(hex(bytes));
    assert.is(stream.abortCode, reasonCode);
    assert.is(client.closeCode, -1);
    client.publish('t', 'x');
    assert.equal(reader.texts(), ['x']);
  });
}

test('sixteen streams that end with errors end the connection', () => {
  const broker = new TestBroker();
  const client = broker.connect('c');
  for (let i = 0; i < 15; i++) client.stream().send(hex('00 00'));
  assert.is(client.closeCode, -1);
  client.stream().send(hex('00 00'));
  assert.is(client.closeCode, 0x81);
});

test('a stream that ends in the middle of a packet is malformed', () => {
  const broker = new TestBroker();
  const client = broker.connect('c');
  assert.is(client.stream().send(hex('30 05 00')).end().abortCode, 0x81);
});

test('PINGREQ on a data stream gets no answer', () => {
  const broker = new TestBroker();
  const client = broker.connect('c');
  const stream = client.stream().send(codec.PINGREQ);
  assert.equal(stream.take(), []);
  assert.is(stream.abortCode, -1);
  client.control.send(codec.PINGREQ);
  assert.equal(types(client.control.take()), [PacketType.PINGRESP]);
});

test('unidirectional streams publish with QoS 0 and nothing else', () => {
  const broker = new TestBroker();
  const client = broker.connect('c');
  const reader = client.subscribe('t');
  const stream = client.stream('unidirectional');
  stream.publish('t', 'a').publish('t', 'b').end();
  assert.equal(reader.texts(), ['a', 'b']);
  assert.is(stream.abortCode, -1);
  assert.is(client.stream('unidirectional').publish('t', 'x', { qos: 1 }).abortCode, 0x9b);
  assert.is(client.stream('unidirectional').subscribe('t').abortCode, 0x82);
});

test('a connection without CONNECT ends after ten seconds', () => {
  const broker = new TestBroker();
  const client = broker.open();
  broker.advance(9_999);
  assert.is(client.closeCode, -1);
  broker.advance(1);
  assert.is(client.closeCode, 0xa0);
});

test('[MQTT-3.1.2-22] a client that is silent for 1.5 times its keep-alive is disconnected', () => {
  const broker = new TestBroker();
  const client = broker.connect('c', {
    keepAlive: 10,
    will: { topic: 'w', payload: utf8('x'), qos: 0, retain: false },
  });
  const reader = broker.connect('reader').subscribe('w');
  broker.advance(14_000);
  client.publish('t', 'packets on data streams count');
  broker.advance(14_999);
  assert.is(client.closeCode, -1);
  broker.advance(1);
  assert.is(client.closeCode, 0x8d);
  assert.is((client.control.take()[0] as codec.DisconnectPacket).reasonCode, 0x8d);
  assert.equal(reader.texts(), ['x']);
});

test('keep-alive 0 waits for ever, and the broker may say otherwise', () => {
  const patient = new TestBroker();
  const client = patient.connect('c', { keepAlive: 0 });
  patient.advance(10_000_000);
  assert.is(client.closeCode, -1);
  const strict = new TestBroker({ serverKeepAlive: 20 });
  const other = strict.connect('c', { keepAlive: 0 });
  assert.is(other.connack?.serverKeepAlive, 20);
  strict.advance(30_000);
  assert.is(other.closeCode, 0x8d);
});

test('shutting down says goodbye to everybody', () => {
  const broker = new TestBroker();
  const clients = ['a', 'b'].map((id) => broker.connect(id));
  const old = broker.connect('old', { protocolVersion: 4 });
  broker.core.shutDown(broker.now);
  broker.settle();
  for (const client of clients) assert.is((client.control.take()[0] as codec.DisconnectPacket).reasonCode, 0x8b);
  assert.equal(old.control.take(), []);
  assert.ok([...clients, old].every(({ closeCode }) => closeCode === 0x8b));
});

test('the bounds of the retained store are told to who publishes', () => {
  const broker = new TestBroker({ retained: { maxMessages: 1 } });
  const client = broker.connect('c');
  client.publish('a', 'x', { retain: true, qos: 1 });
  const stream = client.publish('b', 'x', { retain: true, qos: 1 });
  const [puback] = stream.take();
  assert.is((puback as codec.AcknowledgementPacket).reasonCode, 0x97);
  assert.is(broker.core.stats().retainedRefused, 1);
});

test('a session has a bound of subscriptions', () => {
  const broker = new TestBroker();
  const client = broker.connect('c');
  const request = { qos: 0, noLocal: false, retainAsPublished: false, retainHandling: 0 };
  let refused = 0;
  for (let packet = 0; packet < 5; packet++) {
    const requests = Array.from({ length: 1_000 }, (_, i) => ({ topicFilter: `${packet}/${i}`, ...request }));
    const stream = client.stream();
    stream.send(codec.encodeSubscribe(1, requests, 0, 5));
    refused += (stream.take()[0] as codec.SubackPacket).reasonCodes.filter((code) => code === 0x97).length;
  }
  assert.is(refused, 904);
  assert.is(broker.core.stats().subscriptions, 4_096);
});

test('packets that come in pieces of any size do the same', () => {
  const bytes = concat(
    publishBytes('t', 'one', { qos: 1 }, 5, 1),
    publishBytes('t', 'two'),
    codec.PINGREQ,
    publishBytes('t', 'x'.repeat(300), { qos: 1 }, 5, 2),
  );
  for (const size of [1, 2, 3, 7, 50]) {
    const broker = new TestBroker();
    const client = broker.connect('c');
    const reader = client.subscribe('t');
    const stream = client.stream();
    for (let at = 0; at < bytes.length; at += size) stream.send(bytes.slice(at, at + size));
    assert.equal(reader.texts(), ['one', 'two', 'x'.repeat(300)]);
    assert.is(stream.take().length, 2);
  }
});

test.run();
