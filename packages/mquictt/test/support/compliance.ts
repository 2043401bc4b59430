/** What the tests of normative statements share. */
import * as assert from 'uvu/assert';
import type { AcknowledgementPacket, ConnackPacket, DisconnectPacket, SubackPacket } from '../../src/packets/codec.ts';
import { PacketType } from '../../src/packets/packet-types.ts';
import { TestBroker } from './core-harness.ts';
import type { TestClient } from './core-harness.ts';
import { hex } from './hex.ts';
import type { SeenPacket } from './packets.ts';

/** The versions whose statements are tested. */
export const VERSIONS = [4, 5] as const;
export type TestedVersion = (typeof VERSIONS)[number];

export const V5 = '0004 4d515454 05';
export const V4 = '0004 4d515454 04';

export const types = (packets: readonly SeenPacket[]): number[] => packets.map(({ type }) => type);

/** The one packet, which is an acknowledgement. */
export function onlyAcknowledgement(packets: readonly SeenPacket[], type: number): AcknowledgementPacket {
  assert.equal(types(packets), [type]);
  return packets[0] as AcknowledgementPacket;
}

/** The one packet, which is SUBACK or UNSUBACK. */
export function onlySuback(packets: readonly SeenPacket[], type: number = PacketType.SUBACK): SubackPacket {
  assert.equal(types(packets), [type]);
  return packets[0] as SubackPacket;
}

/** Sends bytes on a new connection. */
export function sendFirst(version: TestedVersion, bytes: string, broker: TestBroker = new TestBroker()): TestClient {
  const client = broker.open(version);
  client.control.send(hex(bytes));
  return client;
}

/**
 * The connection is closed with a reason code: MQTT 5 is told by DISCONNECT, MQTT 3.1.1 by nothing.
 *
 * @param bytes what a client sends after its CONNECT was accepted
 */
export function assertCloses(version: TestedVersion, bytes: string, reasonCode: number): void {
  const client = new TestBroker().connect('c', { protocolVersion: version });
  client.control.send(hex(bytes));
  const packets = client.control.take();
  assert.equal(types(packets), version === 5 ? [PacketType.DISCONNECT] : [], bytes);
  if (version === 5) assert.is((packets[0] as DisconnectPacket).reasonCode, reasonCode, bytes);
  assert.is(client.closeCode, reasonCode, bytes);
  assert.ok(client.control.isFinished);
}

/**
 * A CONNECT is refused and the connection closed.
 *
 * @param connack the reason code of CONNACK, undefined when there is none
 */
export function assertRefusesConnect(client: TestClient, connack: number | undefined, closeCode: number): void {
  const packets = client.control.take();
  assert.equal(types(packets), connack === undefined ? [] : [PacketType.CONNACK]);
  if (connack !== undefined) {
    assert.is((packets[0] as ConnackPacket).reasonCode, connack);
    assert.is((packets[0] as ConnackPacket).sessionPresent, false);
  }
  assert.is(client.closeCode, closeCode);
  assert.ok(client.control.isFinished);
}
