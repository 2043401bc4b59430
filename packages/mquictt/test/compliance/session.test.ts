/** MQTT 5 and 3.1.1, sections 3.1.2, 4.1 and 4.4: sessions that outlive their connections. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { ConnectFields } from '../../src/packets/codec.ts';
import { PacketType } from '../../src/packets/packet-types.ts';
import { VERSIONS, onlySuback, types } from '../support/compliance.ts';
import type { TestedVersion } from '../support/compliance.ts';
import { TestBroker } from '../support/core-harness.ts';
import { hex } from '../support/hex.ts';

const test = suite('compliance-session');

/** Of a client whose session is kept. */
const kept = (protocolVersion: TestedVersion): Partial<ConnectFields> => ({
  protocolVersion,
  cleanStart: false,
  ...(protocolVersion === 5 ? { sessionExpiryInterval: 1_000 } : {}),
});

test('[MQTT-3.1.2-5] [MQTT-3.1.2-23] [MQTT-3.2.2-3] [MQTT311-3.1.2-4] [MQTT311-3.2.2-2] a session goes on with its subscriptions, whether the connection broke or said goodbye', () => {
  for (const protocolVersion of VERSIONS)
    for (const isPolite of [false, true]) {
      const broker = new TestBroker();
      const first = broker.connect('c', kept(protocolVersion));
      assert.is(first.connack?.sessionPresent, false);
      first.control.subscribe('t').take();
      if (isPolite) first.control.send(hex('e0 00'));
      first.drop();
      const second = broker.connect('c', kept(protocolVersion));
      assert.is(second.connack?.sessionPresent, true);
      broker.connect('p').publish('t', 'x');
      assert.equal(second.control.texts(), ['x']);
    }
});

test('[MQTT-3.1.2-4] [MQTT-3.2.2-2] [MQTT311-3.1.2-6] [MQTT311-3.2.2-1] a clean start discards a session that was kept, for good', () => {
  for (const protocolVersion of VERSIONS) {
    const broker = new TestBroker();
    const first = broker.connect('c', kept(protocolVersion));
    first.control.subscribe('t').take();
    first.drop();
    broker.connect('p').publish('t', 'waits', { qos: 1 });
    const second = broker.connect('c', { protocolVersion, cleanStart: true });
    assert.is(second.connack?.sessionPresent, false);
    second.control.subscribe('u').take();
    second.drop();
    const third = broker.connect('c', kept(protocolVersion));
    assert.is(third.connack?.sessionPresent, false);
    for (const topic of ['t', 'u']) broker.connect('p').publish(topic, 'x', { qos: 1 });
    assert.equal(third.control.take(), []);
  }
});

test('[MQTT-3.1.3-2] [MQTT311-3.1.3-2] a session is that of its client identifier', () => {
  for (const protocolVersion of VERSIONS) {
    const broker = new TestBroker();
    const first = broker.connect('c', kept(protocolVersion));
    first.control.subscribe('t').take();
    first.drop();
    for (const other of ['C', 'c ', 'cc']) {
      const client = broker.connect(other, kept(protocolVersion));
      assert.is(client.connack?.sessionPresent, false);
    }
    assert.is(broker.connect('c', kept(protocolVersion)).connack?.sessionPresent, true);
  }
});

test('[MQTT311-3.1.2-5] [MQTT-4.5.0-1] [MQTT311-4.5.0-1] [MQTT-3.3.1-3] [MQTT311-3.3.1-3] what came with QoS 1 and 2 while the client was away arrives in order, and not as a duplicate', () => {
  for (const protocolVersion of VERSIONS) {
    const broker = new TestBroker();
    const first = broker.connect('c', kept(protocolVersion));
    onlySuback(first.control.subscribe('t', { qos: 2 }).take());
    first.drop();
    const publisher = broker.connect('p').stream();
    for (let i = 0; i < 10; i++) publisher.publish('t', String(i), { qos: 1 + (i % 2) });
    const { control } = broker.connect('c', kept(protocolVersion));
    assert.equal(
      control.messages().map(({ text, qos, isDuplicate }) => [text, qos, isDuplicate]),
      Array.from({ length: 10 }, (_, i) => [String(i), 1 + (i % 2), false]),
    );
  }
});

test('[MQTT-3.3.1-1] [MQTT-4.3.2-3] [MQTT-4.4.0-1] [MQTT311-3.3.1-1] [MQTT311-4.3.2-1] [MQTT311-4.4.0-1] [MQTT311-4.6.0-1] what was not acknowledged is sent again in order with DUP and its identifier, once for each connection', () => {
  for (const protocolVersion of VERSIONS) {
    const broker = new TestBroker();
    let client = broker.connect('c', kept(protocolVersion));
    client.control.subscribe('t').take();
    const publisher = broker.connect('p').stream();
    for (const text of ['a', 'b', 'c', 'd']) publisher.publish('t', text, { qos: 1 });
    const [a, b, c, d] = client.control.messages();
    client.control.puback(b.packetIdentifier);
    for (let round = 0; round < 3; round++) {
      client.drop();
      client = broker.connect('c', kept(protocolVersion));
      assert.equal(
        client.control
          .messages()
          .map(({ text, isDuplicate, packetIdentifier }) => [text, isDuplicate, packetIdentifier]),
        [a, c, d].map(({ text, packetIdentifier }) => [text, true, packetIdentifier]),
      );
      broker.advance(100_000);
      assert.equal(client.control.take(), []);
    }
    // An acknowledgement of what an earlier connection sent counts.
    for (const { packetIdentifier } of [a, c, d]) client.control.puback(packetIdentifier);
    client.drop();
    assert.equal(broker.connect('c', kept(protocolVersion)).control.take(), []);
  }
});

test('[MQTT-4.1.0-1] [MQTT-4.1.0-2] a session ends when its interval has passed after the connection, not while it lasts', () => {
  const broker = new TestBroker();
  const fields = { cleanStart: false, sessionExpiryInterval: 10 };
  const first = broker.connect('c', fields);
  broker.advance(100_000);
  assert.is(first.closeCode, -1);
  let client = first;
  for (let round = 0; round < 3; round++) {
    client.drop();
    broker.advance(9_999);
    client = broker.connect('c', fields);
    assert.is(client.connack?.sessionPresent, true);
    // Counted anew after this connection, not on.
    broker.advance(9_999);
  }
  client.drop();
  broker.advance(10_000);
  assert.is(broker.connect('c', fields).connack?.sessionPresent, false);
});

test('[MQTT-4.1.0-2] without an interval a session ends with its connection', () => {
  const broker = new TestBroker();
  broker.connect('c', { cleanStart: false }).drop();
  assert.is(broker.connect('c', { cleanStart: false }).connack?.sessionPresent, false);
});

test('[MQTT311-4.1.0-1] a session of MQTT 3.1.1 is kept, however long its client is away', () => {
  const broker = new TestBroker();
  broker.connect('c', kept(4)).drop();
  broker.advance(1_000_000_000);
  assert.is(broker.connect('c', kept(4)).connack?.sessionPresent, true);
});

test('[MQTT-3.1.4-3] [MQTT311-3.1.4-2] a takeover goes on with the session', () => {
  for (const protocolVersion of VERSIONS) {
    const broker = new TestBroker();
    const first = broker.connect('c', kept(protocolVersion));
    first.control.subscribe('t').take();
    broker.connect('p').publish('t', 'unacknowledged', { qos: 1 });
    first.control.take();
    const second = broker.connect('c', kept(protocolVersion));
    assert.is(second.connack?.sessionPresent, true);
    assert.is(first.closeCode, 0x8e);
    assert.equal(types(first.control.take()), protocolVersion === 5 ? [PacketType.DISCONNECT] : []);
    broker.connect('p').publish('t', 'new', { qos: 1 });
    assert.equal(second.control.texts(), ['unacknowledged', 'new']);
  }
});

test('[MQTT-3.1.2-10] [MQTT311-3.1.2-10] a will that was published is not part of the session any more', () => {
  for (const protocolVersion of VERSIONS) {
    const broker = new TestBroker();
    const reader = broker.connect('r').subscribe('w');
    const will = { topic: 'w', payload: Uint8Array.of(120), qos: 0, retain: false } as const;
    broker.connect('c', { ...kept(protocolVersion), will }).drop();
    assert.equal(reader.texts(), ['x']);
    broker.connect('c', kept(protocolVersion)).drop();
    assert.equal(reader.texts(), []);
    // The end of the session comes when the will is long gone.
    broker.connect('c', { ...kept(protocolVersion), will }).drop();
    assert.equal(reader.texts(), ['x']);
    broker.advance(2_000_000);
    assert.equal(reader.texts(), []);
  }
});

test.run();
