import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as codec from '../../src/packets/codec.ts';
import type { AcknowledgementPacket } from '../../src/packets/codec.ts';
import { PacketType } from '../../src/packets/packet-types.ts';
import {
  encodePuback,
  encodeShortAcknowledgement,
  headerOf,
  readShortAcknowledgement,
  readShortPuback,
  writeShortAcknowledgement,
} from '../../src/packets/puback.ts';
import { assertRefused, decode, packetOf, refusal, testFixture, testRefusal } from '../support/codec.ts';
import { concat, hex, toHex } from '../support/hex.ts';

const test = suite('acknowledgements');

/** §3.4.2.1, §3.5.2.1 */
const RECEIVED = [0, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99];
/** §3.6.2.1, §3.7.2.1 */
const RELEASED = [0, 0x92];

const TYPES = [
  ['PUBACK', PacketType.PUBACK, '40', 0x97, '[MQTT-3.4.2-1]'],
  ['PUBREC', PacketType.PUBREC, '50', 0x97, '[MQTT-3.5.2-1]'],
  ['PUBREL', PacketType.PUBREL, '62', 0x92, '[MQTT-3.6.2-1]'],
  ['PUBCOMP', PacketType.PUBCOMP, '70', 0x92, '[MQTT-3.7.2-1]'],
] as const;

for (const [name, type, header, code, reasonCodes] of TYPES) {
  const isRelease = type === PacketType.PUBREL;
  for (const version of [3, 4, 5] as const)
    testFixture(test, {
      name: `${name} of level ${version} in short form`,
      version,
      sender: 'client',
      bytes: `${header} 02 1234`,
      encode: () => codec.encodeAcknowledgement(type, 0x1234, 0, version),
      expected: { type, packetIdentifier: 0x1234, reasonCode: 0, reasonString: undefined, userProperties: [] },
    });

  testFixture(test, {
    name: `${name} with a reason`,
    version: 5,
    sender: 'server',
    bytes: `${header} 04 ffff ${code.toString(16)} 00`,
    encode: () => codec.encodeAcknowledgement(type, 0xffff, code, 5),
    expected: { type, packetIdentifier: 0xffff, reasonCode: code },
    // §3.4.2.1, §3.4.2.2.1: the length of the properties may be missing, and the reason code as well.
    shorter: [2, 3],
  });

  testFixture(test, {
    name: `${name} with everything`,
    version: 5,
    sender: 'client',
    bytes: `${header} 16 0001 00 12
            1f 0001 79            # reason string
            26 0001 62 0001 31    # b = 1
            26 0001 61 0001 32    # a = 2`,
    encode: () =>
      codec.encodeAcknowledgement(type, 1, 0, 5, {
        reasonString: 'y',
        userProperties: [
          ['b', '1'],
          ['a', '2'],
        ],
      }),
    expected: {
      reasonCode: 0,
      reasonString: 'y',
      userProperties: [
        ['b', '1'],
        ['a', '2'],
      ],
    },
    shorter: [2, 3],
  });

  test(`${name} before MQTT 5 says nothing but its identifier`, () => {
    for (const version of [3, 4] as const)
      assert.is(toHex(codec.encodeAcknowledgement(type, 1, 0x97, version, { reasonString: 'no' })), `${header}020001`);
  });

  test(`${reasonCodes} ${name} has the reason codes of its table and no other`, () => {
    const allowed = type < PacketType.PUBREL ? RECEIVED : RELEASED;
    for (let reasonCode = 0; reasonCode < 256; reasonCode++) {
      const packet = packetOf(headerOf(type), Uint8Array.of(0, 1, reasonCode));
      if (allowed.includes(reasonCode)) assert.is((decode(packet, 5) as AcknowledgementPacket).reasonCode, reasonCode);
      else assertRefused(() => decode(packet, 5), 0x81);
    }
  });

  test(`${name} in short form is read and written without an object`, () => {
    const packet = encodeShortAcknowledgement(type, 0x1234);
    assert.is(toHex(packet), `${header}021234`);
    assert.is(readShortAcknowledgement(packet[0], packet, 2, 4), 0x1234);
    const out = new Uint8Array(6);
    assert.is(writeShortAcknowledgement(out, 1, type, 0x1234), 5);
    assert.equal(out, concat(Uint8Array.of(0), packet, Uint8Array.of(0)));
    // Another form, other flags, identifier 0: all for the long way, which says what it is.
    assert.is(readShortAcknowledgement(packet[0], hex('0001 00'), 0, 3), 0);
    assert.is(readShortAcknowledgement(packet[0] | 1, packet, 2, 4), 0);
    assert.is(readShortAcknowledgement(packet[0], hex('0000'), 0, 2), 0);
  });

  for (const row of [
    refusal('§2.2.1', `${name} for identifier 0`, 5, `${header} 02 0000`, 0x81),
    refusal(
      isRelease ? '[MQTT-3.6.1-1]' : '[MQTT-2.1.3-1]',
      `${name} with other flags`,
      5,
      `${header[0]}${header[1] === '2' ? 0 : 2} 02 0001`,
      0x81,
    ),
    refusal(
      isRelease ? '[MQTT311-3.6.1-1]' : '[MQTT311-2.2.2-2]',
      `${name} with other flags`,
      4,
      `${header[0]}9 02 0001`,
      0x81,
    ),
    refusal('§2.2.2.2', `${name} with a property of CONNECT`, 5, `${header} 07 0001 00 03 21 0001`, 0x82),
    refusal(`§3.${type}.2`, `${name} with a byte at its end`, 5, `${header} 05 0001 00 00 00`, 0x81),
    refusal(`§3.${type}.2`, `${name} of MQTT 3.1.1 with a byte at its end`, 4, `${header} 03 0001 00`, 0x81),
    refusal(`§3.${type}.2`, `${name} of one byte`, 5, `${header} 01 00`, 0x81),
    refusal(
      `§3.${type}.2.2`,
      `${name} with two reason strings`,
      5,
      `${header} 0c 0001 00 08 1f 0001 61 1f 0001 62`,
      0x82,
    ),
    refusal('[MQTT-1.5.4-1]', `${name} with a reason that is no UTF-8`, 5, `${header} 08 0001 00 04 1f 0001 ff`, 0x81),
    refusal(
      '[MQTT-1.5.7-1]',
      `${name} with a user property that is no UTF-8`,
      5,
      `${header} 0b 0001 00 07 26 0001 61 0001 ff`,
      0x81,
    ),
  ])
    testRefusal(test, row);
}

test('MQTT 3.1: a PUBREL that is sent again is marked as such', () => {
  const packet = decode(hex('6a 02 0007'), 3) as AcknowledgementPacket;
  assert.equal([packet.type, packet.packetIdentifier], [PacketType.PUBREL, 7]);
  assertRefused(() => decode(hex('6a 02 0007'), 4), 0x81);
});

test('the PUBACK of four bytes is as it was', () => {
  assert.is(toHex(encodePuback(0x1234)), '40021234');
  assert.is(readShortPuback(0x40, hex('1234'), 0, 2), 0x1234);
  assert.is(readShortPuback(0x50, hex('1234'), 0, 2), 0);
  assert.is(toHex(codec.encodeRefusingPuback(1, 0x97)), '400400019700');
});

test.run();
