/** QoS 2 in both directions: exactly once, under reconnects and ends of streams. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as codec from '../../src/packets/codec.ts';
import type { ConnectFields } from '../../src/packets/codec.ts';
import { PacketType } from '../../src/packets/packet-types.ts';
import { publishBytes, TestBroker } from '../support/core-harness.ts';
import type { TestClient, TestStream } from '../support/core-harness.ts';
import { concat } from '../support/hex.ts';

const test = suite('qos2');

const { PUBLISH, PUBREC, PUBREL, PUBCOMP } = PacketType;

function come(broker: TestBroker, fields: Partial<ConnectFields> = {}, clientId = 'c'): TestClient {
  return broker.connect(clientId, { cleanStart: false, sessionExpiryInterval: 100, ...fields });
}

/** Everything that came, as [type, identifier, reason code]. */
const answers = (stream: TestStream): number[][] =>
  stream.take().map((packet) => {
    const { type, packetIdentifier, reasonCode } = packet as codec.AcknowledgementPacket;
    return [type, packetIdentifier, reasonCode ?? 0];
  });

const publish = (stream: TestStream, identifier: number, text: string, duplicate = false): TestStream =>
  stream.send(publishBytes('t', text, { qos: 2, duplicate }, stream.client.version, identifier));

test('[MQTT-4.3.3-8] [MQTT-4.3.3-11] [MQTT311-4.3.3-2] a message is delivered once, acknowledged with PUBREC, and PUBREL with PUBCOMP', () => {
  for (const version of [4, 5] as const) {
    const broker = new TestBroker();
    const reader = broker.connect('r').subscribe('t');
    const { control } = broker.connect('p', { protocolVersion: version });
    publish(control, 7, 'x');
    assert.equal(reader.texts(), ['x']);
    assert.equal(answers(control), [[PUBREC, 7, 0]]);
    control.acknowledge(PUBREL, 7);
    assert.equal(answers(control), [[PUBCOMP, 7, 0]]);
  }
});

test('[MQTT-4.3.3-10] until PUBREL the same identifier is the same message, afterwards a new one [MQTT-4.3.3-12]', () => {
  const broker = new TestBroker();
  const reader = broker.connect('r').subscribe('t', { qos: 0 });
  const client = broker.connect('p');
  for (const stream of [client.control, client.stream()]) {
    publish(stream, 7, 'x');
    publish(stream, 7, 'x', true);
    publish(stream, 7, 'not looked at');
    assert.equal(answers(stream), [
      [PUBREC, 7, 0],
      [PUBREC, 7, 0],
      [PUBREC, 7, 0],
    ]);
    stream.acknowledge(PUBREL, 7);
    publish(stream, 7, 'y');
    assert.equal(reader.texts(), ['x', 'y']);
    stream.acknowledge(PUBREL, 7);
    stream.take();
  }
});

test('identifiers of two streams are two exchanges', () => {
  const broker = new TestBroker();
  const reader = broker.connect('r').subscribe('t', { qos: 0 });
  const client = broker.connect('p');
  const [first, second] = [client.stream(), client.stream()];
  publish(first, 1, 'a');
  publish(second, 1, 'b');
  publish(client.control, 1, 'c');
  assert.equal(reader.texts(), ['a', 'b', 'c']);
  first.acknowledge(PUBREL, 1);
  publish(second, 1, 'b', true);
  assert.equal(reader.texts(), []);
  publish(first, 1, 'd');
  assert.equal(reader.texts(), ['d']);
});

test('PUBREL for an identifier that is not known is answered with 0x92, and without it before MQTT 5', () => {
  const broker = new TestBroker();
  const young = broker.connect('a').control.acknowledge(PUBREL, 9);
  assert.equal(answers(young), [[PUBCOMP, 9, 0x92]]);
  const old = broker.connect('b', { protocolVersion: 4 }).control.acknowledge(PUBREL, 9);
  assert.equal(answers(old), [[PUBCOMP, 9, 0]]);
});

test('[MQTT-4.4.0-1] a sender that comes back repeats PUBLISH or PUBREL, and the message is delivered once', () => {
  const broker = new TestBroker();
  const reader = broker.connect('r').subscribe('t', { qos: 0 });
  publish(come(broker).control, 1, 'x');
  // On the control stream, and on a data stream, which finds what the dead connection left.
  const second = come(broker);
  publish(second.control, 1, 'x', true);
  const third = come(broker);
  const stream = third.stream();
  publish(stream, 1, 'x', true);
  assert.equal(answers(stream), [[PUBREC, 1, 0]]);
  const fourth = come(broker);
  const other = fourth.stream().acknowledge(PUBREL, 1);
  assert.equal(answers(other), [[PUBCOMP, 1, 0]]);
  assert.equal(reader.texts(), ['x']);
  assert.is(fourth.session.orphanedReceipts.size, 0);
});

test('a session that is not kept forgets what it received', () => {
  const broker = new TestBroker();
  const reader = broker.connect('r').subscribe('t', { qos: 0 });
  const client = broker.connect('p');
  publish(client.control, 1, 'x');
  client.drop();
  publish(broker.connect('p').control, 1, 'x', true);
  assert.equal(reader.texts(), ['x', 'x']);
});

test('what was received on a stream that died is found by DUP=1 and by PUBREL on any stream, by DUP=0 on no data stream', () => {
  const broker = new TestBroker();
  const reader = broker.connect('r').subscribe('t', { qos: 0 });
  const client = broker.connect('p');
  publish(client.stream(), 1, 'x').reset(0);
  const stream = client.stream();
  publish(stream, 1, 'x', true);
  assert.equal(reader.texts(), ['x']);
  assert.equal(answers(stream), [[PUBREC, 1, 0]]);
  stream.end();
  // A peer that draws identifiers per stream begins something new.
  publish(client.stream(), 1, 'new');
  assert.equal(reader.texts(), ['new']);
  // On the control stream the identifier alone decides.
  publish(client.control, 1, 'whatever');
  assert.equal(reader.texts(), []);
});

test('where two dead streams left the same identifier, the message decides', () => {
  const broker = new TestBroker();
  const reader = broker.connect('r').subscribe('t', { qos: 0 });
  const client = broker.connect('p');
  publish(client.stream(), 1, 'a').reset(0);
  publish(client.stream(), 1, 'b').reset(0);
  assert.equal(reader.texts(), ['a', 'b']);
  const stream = client.stream();
  publish(stream, 1, 'c', true);
  assert.equal(reader.texts(), ['c'], 'Neither of the two');
  stream.acknowledge(PUBREL, 1);
  publish(stream, 1, 'b', true);
  publish(client.stream(), 1, 'a', true);
  assert.equal(reader.texts(), []);
  assert.is(client.session.orphanedReceipts.size, 0);
});

test('what is kept of dead streams is bounded', () => {
  const broker = new TestBroker();
  const client = broker.connect('p');
  for (let round = 0; round < 20; round++) {
    const stream = client.stream();
    const packets = Array.from({ length: 4_000 }, (_, i) => publishBytes('t', `${round}`, { qos: 2 }, 5, i + 1));
    stream.send(concat(...packets)).reset(0);
  }
  assert.is(client.session.orphanedReceipts.size, 65_535);
});

test('[MQTT-3.3.4-7] more than the Receive Maximum of unreleased messages ends the stream', () => {
  const broker = new TestBroker({ receiveMaximum: 3 });
  const client = broker.connect('p');
  assert.is(client.connack!.receiveMaximum, 3);
  const stream = client.stream();
  for (let i = 1; i <= 3; i++) publish(stream, i, 'x');
  assert.is(stream.abortCode, -1);
  stream.acknowledge(PUBREL, 2);
  publish(stream, 4, 'x');
  assert.is(stream.abortCode, -1);
  publish(stream, 5, 'x');
  assert.is(stream.abortCode, 0x93);
  assert.is(client.closeCode, -1);
});

test('[MQTT-4.3.3-1] [MQTT-4.3.3-2] [MQTT-4.3.3-4] [MQTT311-4.3.3-1] the broker sends PUBLISH, answers PUBREC with PUBREL, and is done with PUBCOMP', () => {
  for (const version of [4, 5] as const) {
    const broker = new TestBroker();
    const { control, session } = broker.connect('r', { protocolVersion: version });
    control.subscribe('t', { qos: 2 }).take();
    publish(broker.connect('p').stream(), 1, 'x');
    const [message] = control.messages();
    assert.equal([message.qos, message.isDuplicate], [2, false]);
    const { packetIdentifier } = message;
    control.acknowledge(PUBREC, packetIdentifier);
    assert.equal(answers(control), [[PUBREL, packetIdentifier, 0]]);
    assert.is(session.inFlight.size, 1);
    control.acknowledge(PUBCOMP, packetIdentifier);
    assert.is(session.inFlight.size, 0);
  }
});

test('[MQTT-4.3.3-3] [MQTT-4.3.3-5] [MQTT-4.3.3-6] after PUBREC the message is not sent again: PUBREL is, in original order, before anything new', () => {
  const broker = new TestBroker();
  const client = come(broker);
  client.control.subscribe('t', { qos: 2 }).take();
  const p = broker.connect('p').stream();
  for (const [i, text] of ['a', 'b', 'c', 'd'].entries()) publish(p, i + 1, text);
  const [a, b, c, d] = client.control.messages().map(({ packetIdentifier }) => packetIdentifier);
  client.control.acknowledge(PUBREC, b).acknowledge(PUBREC, c).acknowledge(PUBCOMP, c);
  assert.equal(answers(client.control), [
    [PUBREL, b, 0],
    [PUBREL, c, 0],
  ]);
  client.drop();
  publish(p, 9, 'e');
  const again = come(broker);
  const packets = again.control.take() as codec.AcknowledgementPacket[];
  assert.equal(packets.map(({ type, packetIdentifier }) => [type, packetIdentifier]).slice(0, 3), [
    [PUBLISH, a],
    [PUBREL, b],
    [PUBLISH, d],
  ]);
  assert.is(packets.length, 4);
  again.control.acknowledge(PUBCOMP, b);
  assert.is(again.session.inFlight.size, 3);
});

test('[MQTT-4.4.0-2] a negative PUBREC ends the exchange and frees its place', () => {
  const broker = new TestBroker();
  const { control, session } = broker.connect('r', { receiveMaximum: 1 });
  control.subscribe('t', { qos: 2 }).take();
  const p = broker.connect('p').stream();
  publish(p, 1, 'a');
  publish(p, 2, 'b');
  const [message] = control.messages();
  control.acknowledge(PUBREC, message.packetIdentifier, 0x80);
  assert.equal(control.texts(), ['b']);
  assert.is(session.inFlight.size, 1);
});

test('[MQTT-4.9.0-2] a slot is taken until PUBCOMP', () => {
  const broker = new TestBroker();
  const { control } = broker.connect('r', { receiveMaximum: 1 });
  control.subscribe('t', { qos: 2 }).take();
  const p = broker.connect('p').stream();
  publish(p, 1, 'a');
  publish(p, 2, 'b');
  const [message] = control.messages();
  control.acknowledge(PUBREC, message.packetIdentifier);
  assert.equal(control.messages(), []);
  control.acknowledge(PUBCOMP, message.packetIdentifier);
  assert.equal(control.texts(), ['b']);
});

test('PUBREC for an identifier that is not known is answered with PUBREL 0x92, a negative one not at all', () => {
  const broker = new TestBroker();
  const { control } = broker.connect('r');
  control.acknowledge(PUBREC, 5);
  assert.equal(answers(control), [[PUBREL, 5, 0x92]]);
  control.acknowledge(PUBREC, 5, 0x80).acknowledge(PUBCOMP, 5);
  assert.equal(answers(control), []);
});

for (const [what, qos, type] of [
  ['PUBACK for QoS 2', 2, PacketType.PUBACK],
  ['PUBREC for QoS 1', 1, PUBREC],
  ['PUBCOMP for QoS 1', 1, PUBCOMP],
  ['PUBCOMP without PUBREC', 2, PUBCOMP],
] as const) {
  test(`${what} is a protocol error`, () => {
    const broker = new TestBroker();
    const stream = broker.connect('r').subscribe('t', { qos: 2 });
    broker.connect('p').publish('t', 'x', { qos });
    const [message] = stream.messages();
    assert.is(stream.acknowledge(type, message.packetIdentifier).abortCode, 0x82);
  });
}

test('an exchange goes on on the control stream when its stream dies, whichever stream the answer comes on', () => {
  const broker = new TestBroker();
  const client = broker.connect('r');
  const stream = client.subscribe('t', { qos: 2 });
  const p = broker.connect('p').stream();
  for (const [i, text] of ['a', 'b', 'c'].entries()) publish(p, i + 1, text);
  const [a, b, c] = stream.messages().map(({ packetIdentifier }) => packetIdentifier);
  stream.acknowledge(PUBREC, a);
  stream.take();
  client.control.capacity = 0;
  stream.reset(0);
  // Before it could be sent again.
  const other = client.stream().acknowledge(PUBREC, b);
  assert.equal(answers(other), [[PUBREL, b, 0]]);
  client.control.drain();
  const packets = client.control.take() as codec.AcknowledgementPacket[];
  assert.equal(
    packets.map(({ type, packetIdentifier }) => [type, packetIdentifier]),
    [
      [PUBREL, a],
      [PUBLISH, c],
    ],
  );
  client.control.acknowledge(PUBCOMP, a).acknowledge(PUBCOMP, b).acknowledge(PUBREC, c).acknowledge(PUBCOMP, c);
  assert.is(client.session.inFlight.size, 0);
  assert.is(broker.core.queuedBytes, 0);
});

test('a publisher and a reader that reconnect at every step see each message exactly once', () => {
  for (let dropAt = 0; dropAt < 5; dropAt++) {
    const broker = new TestBroker();
    const delivered: string[] = [];
    let reader = come(broker, {}, 'r');
    reader.control.subscribe('t', { qos: 2 }).take();
    let p = come(broker, {}, 'p');
    let isReleased = false;
    const known = new Set<number>();
    for (let step = 0; step < 12; step++) {
      if (step % 5 === dropAt) {
        reader = come(broker, {}, 'r');
        p = come(broker, {}, 'p');
      }
      // The publisher repeats what was not answered yet.
      if (isReleased) p.control.acknowledge(PUBREL, 1);
      else publish(p.control, 1, 'x', step > 0);
      for (const packet of p.control.take()) if (packet.type === PUBREC) isReleased = step % 2 === 1;
      // The reader answers one packet of two.
      for (const packet of reader.control.take()) {
        if (packet.type === PUBLISH) {
          if (!known.has(packet.packetIdentifier)) delivered.push(packet.text);
          known.add(packet.packetIdentifier);
          if (step % 2 === 1) reader.control.acknowledge(PUBREC, packet.packetIdentifier);
        } else if (packet.type === PUBREL) {
          known.delete(packet.packetIdentifier);
          if (step % 3 !== 1) reader.control.acknowledge(PUBCOMP, packet.packetIdentifier);
        }
      }
    }
    assert.equal(delivered, ['x'], `dropped at ${dropAt}`);
  }
});

test('[MQTT-3.3.4-2] overlapping subscriptions of a stream give one copy with the largest QoS, two streams two', () => {
  const broker = new TestBroker();
  const client = broker.connect('c');
  const stream = client.stream();
  stream.subscribe('a/#', { qos: 1 }, 3).subscribe('a/b', { qos: 2 }, 4).take();
  const other = client.subscribe('a/+', { qos: 0 });
  client.publish('a/b', 'x', { qos: 2 });
  const messages = stream.messages();
  assert.equal(
    messages.map(({ qos, properties }) => [qos, [...properties.subscriptionIdentifiers!].sort()]),
    [[2, [3, 4]]],
  );
  assert.equal(other.texts(), ['x']);
});

test('[MQTT-3.2.2-11] [MQTT-3.2.2-12] [MQTT-3.2.2-10] a smaller maximum QoS is announced and kept to', () => {
  const broker = new TestBroker({ maximumQos: 1 });
  const client = broker.connect('c');
  assert.is(client.connack!.maximumQos, 1);
  const stream = client.stream().subscribe('t', { qos: 2 });
  assert.equal((stream.take()[0] as codec.SubackPacket).reasonCodes, [1]);
  assert.is(publish(client.stream(), 1, 'x').abortCode, 0x9b);
  const will = { topic: 'w', payload: new Uint8Array(1), qos: 2, retain: false } as const;
  assert.throws(() => broker.connect('d', { will }), /155/);
});

test('[MQTT-4.3.3-9] a message to be retained that the store has no room for gets a negative PUBREC and leaves nothing behind', () => {
  const broker = new TestBroker({ retained: { maxMessages: 1 } });
  const client = broker.connect('c');
  client.publish('a', 'x', { retain: true });
  const stream = client.stream().publish('b', 'x', { retain: true, qos: 2 });
  assert.equal(answers(stream), [[PUBREC, 1, 0x97]]);
  // The identifier means a new message.
  publish(stream, 1, 'new');
  assert.equal(answers(stream), [[PUBREC, 1, 0]]);
});

test('[MQTT-4.3.3-7] [MQTT-4.3.3-13] a message whose PUBLISH was sent does not expire: its exchange is completed', () => {
  const broker = new TestBroker();
  const client = come(broker);
  client.control.subscribe('t', { qos: 2 }).take();
  const p = broker.connect('p').stream();
  p.publish('t', 'a', { qos: 2, expiresAt: 5_000 });
  p.publish('t', 'b', { qos: 2, expiresAt: 5_000 });
  const [a, b] = client.control.messages().map(({ packetIdentifier }) => packetIdentifier);
  client.control.acknowledge(PUBREC, b);
  client.drop();
  broker.advance(10_000);
  const packets = come(broker).control.take() as codec.AcknowledgementPacket[];
  assert.equal(
    packets.map(({ type, packetIdentifier }) => [type, packetIdentifier]),
    [
      [PUBLISH, a],
      [PUBREL, b],
    ],
  );
  // A publisher's as well.
  publish(p, 9, 'x');
  p.take();
  broker.advance(1_000_000);
  assert.equal(answers(p.acknowledge(PUBREL, 9)), [[PUBCOMP, 9, 0]]);
});

test('[MQTT311-4.6.0-3] [MQTT311-4.6.0-4] PUBREC and PUBREL come in the order of what they answer', () => {
  const broker = new TestBroker();
  const p = broker.connect('p', { protocolVersion: 4 }).control;
  const packets = [5, 3, 9].map((identifier) => publishBytes('t', 'x', { qos: 2 }, 4, identifier));
  p.send(concat(...packets));
  assert.equal(answers(p), [
    [PUBREC, 5, 0],
    [PUBREC, 3, 0],
    [PUBREC, 9, 0],
  ]);
  const reader = broker.connect('r', { protocolVersion: 4 }).control.subscribe('t', { qos: 2 });
  for (let i = 20; i < 23; i++) publish(p, i, 'x');
  const [a, b, c] = reader.messages().map(({ packetIdentifier }) => packetIdentifier);
  reader.take();
  for (const identifier of [b, a, c]) reader.acknowledge(PUBREC, identifier);
  assert.equal(answers(reader), [
    [PUBREL, b, 0],
    [PUBREL, a, 0],
    [PUBREL, c, 0],
  ]);
});

test.run();
