/** MQTT 5 and 3.1.1, sections 3.12 to 3.15: PINGREQ, DISCONNECT, AUTH. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as codec from '../../src/packets/codec.ts';
import { PacketType } from '../../src/packets/packet-types.ts';
import { VERSIONS, assertCloses, types } from '../support/compliance.ts';
import { TestBroker } from '../support/core-harness.ts';

const test = suite('compliance-ping-disconnect');

test('[MQTT-3.12.4-1] [MQTT311-3.12.4-1] PINGREQ is answered by PINGRESP', () => {
  for (const protocolVersion of VERSIONS) {
    const { control } = new TestBroker().connect('c', { protocolVersion });
    control.send(codec.PINGREQ, codec.PINGREQ);
    assert.equal(types(control.take()), [PacketType.PINGRESP, PacketType.PINGRESP]);
  }
});

test('[MQTT-3.14.1-1] [MQTT311-3.14.1-1] DISCONNECT with flags closes the connection as malformed', () => {
  for (const version of VERSIONS) for (const header of ['e1', 'e2', 'e8']) assertCloses(version, `${header} 00`, 0x81);
});

test('[MQTT-3.14.2-1] DISCONNECT with a reason code that clients do not send closes the connection', () => {
  for (const reasonCode of ['8e', '8d', '01']) {
    const client = new TestBroker().connect('c');
    client.control.send(Uint8Array.of(0xe0, 1, Number.parseInt(reasonCode, 16)));
    assert.ok(client.closeCode >= 0x81, reasonCode);
  }
});

test('[MQTT-3.14.2-2] [MQTT-3.14.2-3] DISCONNECT of the broker has no Session Expiry Interval, and a reason where there is room for it', () => {
  for (const [maximumPacketSize, hasReason] of [
    [50, false],
    [1_000, true],
  ] as const) {
    const broker = new TestBroker();
    const client = broker.connect('c', { sessionExpiryInterval: 100, maximumPacketSize });
    const before = client.control.bytesWritten;
    broker.connect('c');
    assert.ok(client.control.bytesWritten - before <= maximumPacketSize);
    const [disconnect] = client.control.take() as codec.DisconnectPacket[];
    assert.is(disconnect.reasonCode, 0x8e);
    assert.is(disconnect.sessionExpiryInterval, -1);
    assert.is(disconnect.reasonString !== undefined, hasReason);
  }
});

test('[MQTT-3.14.4-1] [MQTT-3.14.4-2] [MQTT-4.13.2-1] after DISCONNECT the broker sends nothing more and closes', () => {
  const broker = new TestBroker();
  const client = broker.connect('c');
  const reader = client.subscribe('t');
  client.control.subscribe('t').take();
  broker.connect('c');
  broker.connect('p').publish('t', 'x');
  client.control.send(codec.PINGREQ);
  assert.equal(types(client.control.take()), [PacketType.DISCONNECT]);
  assert.equal(reader.take(), []);
  assert.ok(client.control.isFinished);
  assert.is(client.closeCode, 0x8e);
});

test('[MQTT-3.14.4-1] [MQTT311-3.14.4-2] what comes behind DISCONNECT is not handled', () => {
  for (const protocolVersion of VERSIONS) {
    const broker = new TestBroker();
    const reader = broker.connect('reader').subscribe('#');
    const client = broker.connect('c', { protocolVersion });
    client.control.send(Uint8Array.of(0xe0, 0), codec.PINGREQ).publish('t', 'x');
    assert.equal(client.control.take(), []);
    assert.equal(reader.texts(), []);
    assert.is(client.closeCode, 0);
  }
});

test('[MQTT-3.15.1-1] AUTH with flags closes the connection as malformed', () => {
  for (const header of ['f1', 'f2', 'f8']) assertCloses(5, `${header} 06 18 04 15 0001 6d`, 0x81);
});

test.run();
