/** MQTT 5 and 3.1.1, sections 3.5 to 3.7 and 4.3.3: PUBREC, PUBREL, PUBCOMP, QoS 2. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as codec from '../../src/packets/codec.ts';
import { PacketType } from '../../src/packets/packet-types.ts';
import { VERSIONS, assertCloses, onlyAcknowledgement, types } from '../support/compliance.ts';
import { TestBroker, publishBytes } from '../support/core-harness.ts';
import type { TestStream } from '../support/core-harness.ts';
import { concat, utf8 } from '../support/hex.ts';

const test = suite('compliance-qos2');

const { PUBREC, PUBREL, PUBCOMP } = PacketType;

const answer = (stream: TestStream, type: 5 | 6 | 7, packetIdentifier: number): TestStream =>
  stream.send(codec.encodeAcknowledgement(type, packetIdentifier, 0, stream.client.version));

/** Completes the exchange of a message that came. */
function complete(stream: TestStream, packetIdentifier: number): void {
  answer(stream, PUBREC, packetIdentifier);
  assert.is(onlyAcknowledgement(stream.take(), PUBREL).packetIdentifier, packetIdentifier);
  answer(stream, PUBCOMP, packetIdentifier);
}

test('[MQTT-2.2.1-5] [MQTT-3.3.4-1] [MQTT-4.3.3-8] [MQTT-4.3.3-11] [MQTT311-2.3.1-6] [MQTT311-3.3.4-1] [MQTT311-4.3.3-2] QoS 2 is answered with PUBREC, and PUBREL with PUBCOMP, for the same identifier', () => {
  for (const protocolVersion of VERSIONS) {
    const { control } = new TestBroker().connect('c', { protocolVersion });
    for (const identifier of [1, 77, 65_535]) {
      control.send(publishBytes('t', 'x', { qos: 2 }, protocolVersion, identifier));
      assert.is(onlyAcknowledgement(control.take(), PUBREC).packetIdentifier, identifier);
      answer(control, PUBREL, identifier);
      assert.is(onlyAcknowledgement(control.take(), PUBCOMP).packetIdentifier, identifier);
    }
  }
});

test('[MQTT-4.3.3-10] [MQTT-4.3.3-12] [MQTT311-4.3.3-2] PUBLISH that comes again before PUBREL gets PUBREC and is not delivered again, after PUBCOMP it is new', () => {
  for (const protocolVersion of VERSIONS) {
    const broker = new TestBroker();
    const readers = [0, 1, 2].map((qos) => broker.connect(`r${qos}`, { protocolVersion }).subscribe('t', { qos }));
    const { control } = broker.connect('c', { protocolVersion });
    for (let round = 0; round < 3; round++) {
      const packet = (duplicate: boolean): Uint8Array =>
        publishBytes('t', String(round), { qos: 2, duplicate }, protocolVersion, 5);
      control.send(packet(false), packet(true), packet(true));
      assert.equal(types(control.take()), [PUBREC, PUBREC, PUBREC]);
      answer(answer(control, PUBREL, 5), PUBREL, 5);
      assert.is(control.take().length, 2);
      for (const reader of readers) assert.equal(reader.texts(), [String(round)]);
    }
  }
});

test('[MQTT-3.6.1-1] [MQTT311-3.6.1-1] other flags of PUBREL close the connection', () => {
  for (const version of VERSIONS)
    for (const header of ['60', '61', '63', '66', '6a']) assertCloses(version, `${header} 02 0001`, 0x81);
});

test('[MQTT-3.5.2-1] [MQTT-3.6.2-1] [MQTT-3.7.2-1] reason codes of other packets close the connection', () => {
  for (const bytes of ['50 03 0001 92', '50 03 0001 01', '62 03 0001 10', '62 03 0001 80', '70 03 0001 87'])
    assertCloses(5, bytes, 0x81);
});

test('[MQTT-3.6.2-1] [MQTT-3.7.2-1] an identifier that nobody knows is answered with 0x92, in MQTT 3.1.1 without it', () => {
  for (const protocolVersion of VERSIONS) {
    const { control } = new TestBroker().connect('c', { protocolVersion });
    for (const [type, expected] of [
      [PUBREC, PUBREL],
      [PUBREL, PUBCOMP],
    ] as const) {
      const { packetIdentifier, reasonCode } = onlyAcknowledgement(answer(control, type, 9).take(), expected);
      assert.equal([packetIdentifier, reasonCode], [9, protocolVersion === 5 ? 0x92 : 0]);
    }
    // The last word needs no answer.
    assert.equal(answer(control, PUBCOMP, 9).take(), []);
    assert.is(control.client.closeCode, -1);
  }
});

test('[MQTT-4.3.3-1] [MQTT-4.3.3-2] [MQTT-4.3.3-4] [MQTT311-2.3.1-4] [MQTT311-4.3.3-1] the broker sends QoS 2 with DUP 0 and an identifier of its own, and answers each PUBREC with PUBREL', () => {
  for (const protocolVersion of VERSIONS) {
    const broker = new TestBroker();
    const client = broker.connect('c', { protocolVersion });
    const reader = client.subscribe('t', { qos: 2 });
    const { control } = broker.connect('p');
    // DUP of the publisher is its own affair.
    for (let i = 1; i <= 20; i++) control.send(publishBytes('t', String(i), { qos: 2, duplicate: true }, 5, i));
    const messages = reader.messages();
    assert.is(messages.length, 20);
    assert.ok(messages.every(({ qos, isDuplicate }) => qos === 2 && !isDuplicate));
    const identifiers = messages.map(({ packetIdentifier }) => packetIdentifier);
    assert.is(new Set(identifiers).size, 20);
    assert.not.ok(identifiers.includes(0));
    reader.send(...identifiers.map((id) => codec.encodeAcknowledgement(PUBREC, id, 0, protocolVersion)));
    // [MQTT-4.6.0-4]: in the order of PUBREC.
    assert.equal(
      reader.take().map((packet) => (packet as codec.AcknowledgementPacket).packetIdentifier),
      identifiers,
    );
    // Asked again, said again.
    assert.is(onlyAcknowledgement(answer(reader, PUBREC, identifiers[0]).take(), PUBREL).reasonCode, 0);
    for (const id of identifiers) answer(reader, PUBCOMP, id);
    assert.equal(reader.take(), []);
  }
});

test('[MQTT-4.4.0-2] a PUBREC of 0x80 or above ends the exchange', () => {
  const broker = new TestBroker();
  const client = broker.connect('c', { receiveMaximum: 1 });
  const reader = client.subscribe('t', { qos: 2 });
  for (const text of ['refused', 'next']) broker.connect('p').publish('t', text, { qos: 2 });
  const [{ packetIdentifier }] = reader.messages();
  reader.send(codec.encodeAcknowledgement(PUBREC, packetIdentifier, 0x87, 5));
  // No PUBREL, and its slot is free.
  const packets = reader.take();
  assert.equal(types(packets), [PacketType.PUBLISH]);
  reader.reset(0);
  assert.equal(client.control.texts(), ['next']);
});

test('[MQTT-3.3.4-9] [MQTT-4.9.0-2] a message of QoS 2 takes its slot until PUBCOMP', () => {
  const broker = new TestBroker();
  const { control } = broker.connect('c', { receiveMaximum: 1 });
  control.subscribe('t', { qos: 2 }).take();
  for (const text of ['a', 'b']) broker.connect('p').publish('t', text, { qos: 2 });
  const [a] = control.messages();
  answer(control, PUBREC, a.packetIdentifier);
  assert.equal(types(control.take()), [PUBREL]);
  answer(control, PUBCOMP, a.packetIdentifier);
  assert.equal(control.texts(), ['b']);
});

test('[MQTT-3.8.4-8] [MQTT311-3.8.4-6] [MQTT-3.3.1-5] [MQTT311-3.3.1-5] each pair of QoS gives the smaller one, live and retained', () => {
  for (const protocolVersion of VERSIONS)
    for (const published of [0, 1, 2])
      for (const granted of [0, 1, 2]) {
        const broker = new TestBroker();
        const client = broker.connect('c', { protocolVersion });
        const live = client.subscribe('t', { qos: granted });
        broker.connect('p').publish('t', 'x', { qos: published, retain: true });
        for (const reader of [live, client.subscribe('t', { qos: granted })])
          assert.equal(
            reader.messages().map(({ qos }) => qos),
            [Math.min(published, granted)],
          );
      }
});

test('[MQTT-3.1.2-12] [MQTT311-3.1.2-14] a will is published with its QoS', () => {
  for (const protocolVersion of VERSIONS)
    for (const qos of [0, 1, 2] as const) {
      const broker = new TestBroker();
      const reader = broker.connect('r').subscribe('w', { qos: 2 });
      broker.connect('c', { protocolVersion, will: { topic: 'w', payload: utf8('x'), qos, retain: false } }).drop();
      assert.equal(
        reader.messages().map((message) => message.qos),
        [qos],
      );
    }
});

test('[MQTT-3.10.4-3] [MQTT311-3.10.4-3] an exchange goes on after UNSUBSCRIBE, at whatever step it was', () => {
  for (const protocolVersion of VERSIONS) {
    const broker = new TestBroker();
    const client = broker.connect('c', { protocolVersion });
    const reader = client.subscribe('t', { qos: 2 });
    const publisher = broker.connect('p');
    for (const text of ['a', 'b']) publisher.publish('t', text, { qos: 2 });
    const [a, b] = reader.messages();
    answer(reader, PUBREC, a.packetIdentifier).take();
    reader.send(codec.encodeUnsubscribe(9, ['t'], protocolVersion)).take();
    assert.equal(answer(reader, PUBCOMP, a.packetIdentifier).take(), []);
    complete(reader, b.packetIdentifier);
  }
});

test('[MQTT-4.3.3-3] [MQTT-4.3.3-5] [MQTT-4.3.3-6] [MQTT-4.3.3-7] [MQTT-4.4.0-1] [MQTT311-4.3.3-1] [MQTT311-4.4.0-1] after a reconnection PUBLISH or PUBREL is sent again with its identifier, whatever has expired', () => {
  for (const protocolVersion of VERSIONS) {
    const broker = new TestBroker();
    const kept = { protocolVersion, cleanStart: false, sessionExpiryInterval: 10_000 };
    const first = broker.connect('c', kept);
    const { control } = first;
    control.subscribe('t', { qos: 2 }).take();
    const publisher = broker.connect('p');
    for (const [i, text] of ['sent', 'released', 'done'].entries())
      publisher.control.send(publishBytes('t', text, { qos: 2, expiresAt: 10_000 }, 5, i + 1));
    const [sent, released, done] = control.messages();
    answer(control, PUBREC, released.packetIdentifier);
    answer(answer(control, PUBREC, done.packetIdentifier), PUBCOMP, done.packetIdentifier);
    control.take();
    broker.advance(60_000);
    assert.equal(control.take(), []);
    first.drop();
    broker.advance(60_000);

    const second = broker.connect('c', kept);
    assert.is(second.connack?.sessionPresent, true);
    const packets = second.control.take();
    assert.equal(types(packets).sort(), [PacketType.PUBLISH, PUBREL].sort());
    for (const packet of packets) {
      if (packet.type === PacketType.PUBLISH)
        assert.equal([packet.text, packet.isDuplicate, packet.packetIdentifier], ['sent', true, sent.packetIdentifier]);
      else assert.is((packet as codec.AcknowledgementPacket).packetIdentifier, released.packetIdentifier);
    }
    answer(second.control, PUBCOMP, released.packetIdentifier);
    complete(second.control, sent.packetIdentifier);
    second.drop();
    assert.equal(broker.connect('c', kept).control.take(), []);
  }
});

test('[MQTT-4.3.3-10] [MQTT-4.3.3-13] [MQTT311-4.3.3-2] a publisher that comes back in the middle has its message delivered once, and its exchange completed', () => {
  for (const protocolVersion of VERSIONS) {
    const broker = new TestBroker();
    const reader = broker.connect('r').subscribe('t', { qos: 2 });
    const kept = { protocolVersion, cleanStart: false, sessionExpiryInterval: 10_000 };
    const first = broker.connect('c', kept);
    const bytes = (duplicate: boolean): Uint8Array =>
      publishBytes('t', 'x', { qos: 2, duplicate, expiresAt: 1_000 }, protocolVersion, 5);
    first.control.send(bytes(false));
    first.drop();
    broker.advance(60_000);
    const second = broker.connect('c', kept);
    second.control.send(bytes(true));
    assert.equal(types(second.control.take()), [PUBREC]);
    second.drop();
    const third = broker.connect('c', kept);
    assert.is(onlyAcknowledgement(answer(third.control, PUBREL, 5).take(), PUBCOMP).reasonCode, 0);
    assert.equal(reader.texts(), ['x']);
  }
});

test('[MQTT-4.3.3-10] [MQTT311-4.3.3-2] on one stream the identifier alone says that a message came before, also after a reconnection', () => {
  for (const protocolVersion of VERSIONS) {
    const broker = new TestBroker();
    const reader = broker.connect('r').subscribe('t', { qos: 2 });
    const kept = { protocolVersion, cleanStart: false, sessionExpiryInterval: 10_000 };
    const first = broker.connect('c', kept);
    first.control.send(publishBytes('t', 'x', { qos: 2 }, protocolVersion, 5));
    first.drop();
    const { control } = broker.connect('c', kept);
    // Its sender forgot DUP.
    for (let i = 0; i < 3; i++) control.send(publishBytes('t', 'x', { qos: 2 }, protocolVersion, 5));
    assert.equal(types(control.take()), [PUBREC, PUBREC, PUBREC]);
    assert.equal(reader.texts(), ['x']);
    answer(control, PUBREL, 5).take();
    control.send(publishBytes('t', 'y', { qos: 2 }, protocolVersion, 5));
    assert.equal(reader.texts(), ['y']);
  }
});

test('[MQTT311-4.6.0-3] [MQTT311-4.6.0-4] PUBREC and PUBCOMP come in the order of what they answer', () => {
  const { control } = new TestBroker().connect('c', { protocolVersion: 4 });
  const identifiers = [9, 3, 65_535, 1, 7];
  const seen = (): number[] => control.take().map((packet) => (packet as codec.AcknowledgementPacket).packetIdentifier);
  control.send(concat(...identifiers.map((id) => publishBytes('t', '', { qos: 2 }, 4, id))));
  assert.equal(seen(), identifiers);
  identifiers.reverse();
  control.send(concat(...identifiers.map((id) => codec.encodeAcknowledgement(PUBREL, id, 0, 4))));
  assert.equal(seen(), identifiers);
});

test('[MQTT-4.3.3-9] after a negative PUBREC the identifier is a new message', () => {
  const broker = new TestBroker({ retained: { maxMessages: 1 } });
  const { control } = broker.connect('c');
  const reader = broker.connect('r').subscribe('#', { retainHandling: 2 });
  control.publish('full', 'x', { retain: true });
  control.send(publishBytes('a', 'refused', { qos: 2, retain: true }, 5, 5));
  assert.ok(onlyAcknowledgement(control.take(), PUBREC).reasonCode >= 0x80);
  reader.take();
  control.send(publishBytes('b', 'taken', { qos: 2 }, 5, 5));
  assert.is(onlyAcknowledgement(control.take(), PUBREC).reasonCode, 0);
  assert.equal(reader.texts(), ['taken']);
});

test.run();
