import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PacketError } from '../../src/errors.ts';
import type { ConnectPacket, SubackPacket } from '../../src/packets/codec.ts';
import { decodePacket } from '../../src/packets/codec.ts';
import { PacketType } from '../../src/packets/packet-types.ts';
import type { Sender } from '../../src/packets/packet-types.ts';
import { assertRefused, decode } from '../support/codec.ts';
import { hex } from '../support/hex.ts';

const test = suite('codec');

test('a packet that fails does not disturb the next one', () => {
  for (let i = 0; i < 3; i++) {
    assert.throws(() => decode(hex('e0 01 7f'), 5));
    assert.is((decode(hex('90 04 0001 00 00'), 5) as SubackPacket).packetIdentifier, 1);
  }
});

test('a CONNECT brings its version, whatever the connection had', () => {
  for (const version of [3, 4, 5] as const) {
    const packet = decode(hex('10 0d 0004 4d515454 04 02 000a 0001 30'), version) as ConnectPacket;
    assert.is(packet.protocolVersion, 4);
  }
});

test('[MQTT-2.1.3-1] every packet type has the one set of flags that the standard gives it', () => {
  // A body that the packet takes, for each type that has one.
  const bodies = [
    '',
    '',
    '00 00',
    '',
    '0001',
    '0001',
    '0001',
    '0001',
    '0001 0001 61 00',
    '0001 00',
    '0001 0001 61',
    '0001',
  ];
  for (let type = 2; type <= 14; type++) {
    if (type === PacketType.PUBLISH) continue;
    const body = hex(bodies[type] ?? '');
    const expected = type === 6 || type === 8 || type === 10 ? 2 : 0;
    for (let flags = 0; flags < 16; flags++) {
      const packet = Uint8Array.from([(type << 4) | flags, body.length, ...body]);
      if (flags === expected) decode(packet, 4);
      else assertRefused(() => decode(packet, 4), 0x81);
    }
  }
});

test('each side refuses what only it sends, and takes what both or the other sends', () => {
  const packets: readonly [string, Sender | 'both'][] = [
    ['10 0d 0004 4d515454 04 02 000a 0001 30', 'client'],
    ['20 03 00 00 00', 'server'],
    ['40 02 0001', 'both'],
    ['50 02 0001', 'both'],
    ['62 02 0001', 'both'],
    ['70 02 0001', 'both'],
    ['82 07 0001 00 0001 61 00', 'client'],
    ['90 04 0001 00 00', 'server'],
    ['a2 06 0001 00 0001 61', 'client'],
    ['b0 04 0001 00 00', 'server'],
    ['c0 00', 'client'],
    ['d0 00', 'server'],
    ['e0 00', 'both'],
    ['f0 06 18 04 15 0001 6d', 'both'],
  ];
  for (const [bytes, from] of packets)
    for (const sender of ['client', 'server'] as const) {
      if (from === 'both' || from === sender) decode(hex(bytes), 5, sender);
      else assertRefused(() => decode(hex(bytes), 5, sender), 0x82);
    }
});

test('PUBLISH is not read here', () => {
  const packet = hex('30 04 0001 61 00');
  assert.throws(
    () => decodePacket(packet, 0, 2, packet.length, 5),
    (error: unknown) => error instanceof PacketError,
  );
});

test('a packet is read where it stands in its buffer', () => {
  const buffer = hex('ffff 90 04 0001 00 01 ffff');
  assert.equal((decodePacket(buffer, 2, 4, 8, 5) as SubackPacket).reasonCodes, [1]);
});

test.run();
