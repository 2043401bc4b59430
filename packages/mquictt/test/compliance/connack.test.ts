/** MQTT 5 and 3.1.1, section 3.2: CONNACK. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as codec from '../../src/packets/codec.ts';
import { PacketType } from '../../src/packets/packet-types.ts';
import { V4, V5, assertCloses, assertRefusesConnect, onlySuback, sendFirst, types } from '../support/compliance.ts';
import { TestBroker, publishBytes } from '../support/core-harness.ts';
import { hex, utf8 } from '../support/hex.ts';

const test = suite('compliance-connack');

test('[MQTT-3.2.2-6] [MQTT-3.2.2-7] [MQTT-3.2.2-8] [MQTT311-3.2.2-4] [MQTT311-3.2.2-5] a refusal says that there is no session, and closes the connection', () => {
  for (const [version, bytes, reasonCode] of [
    [5, `10 0d ${V5} 03 0000 00 0000`, 0x81],
    [5, `10 10 ${V5} 02 0000 03 21 0000 0000`, 0x82],
    [5, '10 0d 0004 4d515454 06 02 0000 00 0000', 0x84],
    [4, `10 0c ${V4} 00 0000 0000`, 0x85],
    [4, '10 0c 0004 4d515454 02 02 0000 0000', 0x84],
  ] as const)
    assertRefusesConnect(sendFirst(version, bytes), reasonCode, reasonCode);
});

test('[MQTT311-3.2.2-6] what no return code fits closes the connection without CONNACK', () => {
  for (const bytes of [`10 0c ${V4} 03 0000 0000`, `10 0c ${V4} 06 0000 0000`, `11 0c ${V4} 02 0000 0000`])
    assertRefusesConnect(sendFirst(4, bytes), undefined, 0x81);
});

test('[MQTT-3.2.2-9] [MQTT-3.2.2-11] a QoS above the Maximum QoS is refused, and no other', () => {
  for (const maximumQos of [0, 1, 2] as const)
    for (const qos of [0, 1, 2]) {
      const client = new TestBroker({ maximumQos }).connect('c');
      assert.is(client.connack?.maximumQos, maximumQos === 2 ? undefined : maximumQos);
      client.control.send(publishBytes('t', 'x', { qos }, 5, 1));
      assert.is(client.closeCode, qos > maximumQos ? 0x9b : -1);
    }
});

test('[MQTT-3.2.2-10] SUBSCRIBE with any QoS is accepted, whatever the Maximum QoS is', () => {
  for (const maximumQos of [0, 1, 2] as const)
    for (const qos of [0, 1, 2]) {
      const client = new TestBroker({ maximumQos }).connect('c');
      const { reasonCodes } = onlySuback(client.control.subscribe('t', { qos }).take());
      assert.equal(reasonCodes, [Math.min(qos, maximumQos)]);
    }
});

test('[MQTT-3.2.2-12] a will above the Maximum QoS is refused, and no other', () => {
  for (const maximumQos of [0, 1, 2] as const)
    for (const qos of [0, 1, 2] as const) {
      const will = { topic: 'w', payload: utf8('x'), qos, retain: false };
      const client = new TestBroker({ maximumQos }).open();
      client.control.send(
        codec.encodeConnect({ protocolVersion: 5, clientId: 'c', cleanStart: true, keepAlive: 0, will }),
      );
      if (qos > maximumQos) assertRefusesConnect(client, 0x9b, 0x9b);
      else assert.is((client.control.take()[0] as codec.ConnackPacket).reasonCode, 0);
    }
});

test('[MQTT-3.2.2-13] [MQTT-3.2.2-14] a broker that retains nothing says so, and refuses wills and messages with RETAIN', () => {
  const broker = new TestBroker({ retainAvailable: false });
  const client = broker.connect('c');
  assert.is(client.connack?.retainAvailable, false);
  client.control.publish('t', 'x', { retain: true });
  assert.is(client.closeCode, 0x9a);
  const other = broker.open();
  const will = { topic: 'w', payload: utf8('x'), qos: 0, retain: true } as const;
  other.control.send(codec.encodeConnect({ protocolVersion: 5, clientId: 'd', cleanStart: true, keepAlive: 0, will }));
  assertRefusesConnect(other, 0x9a, 0x9a);
});

test('[MQTT-3.2.2-15] a packet above the Maximum Packet Size closes the connection as soon as its length is known', () => {
  const broker = new TestBroker({ maxPacketSize: 1_000 });
  const client = broker.connect('c');
  assert.is(client.connack?.maximumPacketSize, 1_000);
  client.control.send(hex('30 e6 07'));
  assert.is(client.closeCode, 0x95);
  const fits = broker.connect('d');
  fits.control.send(hex('30 e5 07'));
  assert.is(fits.closeCode, -1);
});

test('[MQTT-3.2.2-17] [MQTT-3.2.2-18] [MQTT-3.3.2-9] an alias above the Topic Alias Maximum closes the connection', () => {
  const maximum = new TestBroker().connect('c').connack?.topicAliasMaximum ?? 0;
  const alias = (maximum + 1).toString(16).padStart(4, '0');
  assertCloses(5, `30 07 0001 61 03 23 ${alias}`, 0x94);
});

test('[MQTT-3.2.2-19] a reason that would make CONNACK too large for its client is left out', () => {
  const broker = new TestBroker();
  for (const maximumPacketSize of [20, 1_000]) {
    const client = broker.open();
    const fields = { protocolVersion: 5, clientId: 'x'.repeat(2_000), cleanStart: true, keepAlive: 0 } as const;
    client.control.send(codec.encodeConnect({ ...fields, maximumPacketSize }));
    assert.ok(client.control.bytesWritten <= maximumPacketSize, `${client.control.bytesWritten} bytes`);
    const [connack] = client.control.take() as codec.ConnackPacket[];
    assert.is(connack.reasonCode, 0x85);
    assert.is(connack.reasonString !== undefined, maximumPacketSize === 1_000);
    assert.is(client.closeCode, 0x85);
  }
});

test('[MQTT-3.2.2-22] a Server Keep Alive is announced where it takes the place of the one in CONNECT', () => {
  const broker = new TestBroker({ serverKeepAlive: 30 });
  for (const [keepAlive, announced, patience] of [
    [20, undefined, 30_000],
    [60, 30, 45_000],
    [0, 30, 45_000],
  ] as const) {
    const client = broker.connect('c', { keepAlive });
    assert.is(client.connack?.serverKeepAlive, announced);
    broker.advance(patience - 1);
    assert.is(client.closeCode, -1);
    broker.advance(1);
    assert.is(client.closeCode, 0x8d);
  }
});

test('[MQTT-4.12.0-1] an authentication method that is not supported is refused with 0x8C', () => {
  assertRefusesConnect(sendFirst(5, `10 11 ${V5} 02 0000 04 15 0001 61 0000`), 0x8c, 0x8c);
});

test('[MQTT-4.12.0-6] without a method in CONNECT there is none in CONNACK, and no AUTH', () => {
  const client = new TestBroker().open();
  client.control.send(hex(`10 0e ${V5} 02 0000 00 0001 63`));
  const packets = client.control.take();
  assert.equal(types(packets), [PacketType.CONNACK]);
  assert.is((packets[0] as codec.ConnackPacket).authenticationMethod, undefined);
});

test('[MQTT-4.12.0-7] AUTH without a method in CONNECT closes the connection', () => {
  assertCloses(5, 'f0 00', 0x82);
  assertCloses(5, 'f0 06 18 04 15 0001 6d', 0x82);
});

test.run();
