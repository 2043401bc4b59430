import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PacketError } from '../../src/errors.ts';
import { PropertyReader } from '../../src/packets/property-reader.ts';
import { PacketReader } from '../../src/packets/reader.ts';
import { hex } from '../support/hex.ts';

const test = suite('properties');

function read(packet: number, section: string): unknown[] {
  const bytes = hex(section);
  const found: unknown[] = [];
  const reader = new PacketReader(bytes, 0, bytes.length);
  const properties = new PropertyReader(reader, packet);
  while (properties.next()) {
    const { type } = properties.rule;
    const value =
      type === 'string'
        ? properties.text()
        : type === 'binary'
          ? properties.bytes()
          : type === 'pair'
            ? properties.pair()
            : properties.value;
    found.push([properties.id, value]);
  }
  reader.expectEnd('Properties');
  return found;
}

/** By MQTT 5 table 2-4: a valid section of each property and the packets (0 = will) in which it may stand. */
const TABLE: readonly [string, number[]][] = [
  ['02 01 01', [0, 3]],
  ['05 02 00000001', [0, 3]],
  ['04 03 0001 61', [0, 3]],
  ['04 08 0001 61', [0, 3]],
  ['04 09 0001 61', [0, 3]],
  ['02 0b 01', [3, 8]],
  ['05 11 00000001', [1, 2, 14]],
  ['04 12 0001 61', [2]],
  ['03 13 0001', [2]],
  ['04 15 0001 61', [1, 2, 15]],
  ['02 17 00', [1]],
  ['05 18 00000001', [0]],
  ['02 19 00', [1]],
  ['04 1a 0001 61', [2]],
  ['04 1c 0001 61', [2, 14]],
  ['04 1f 0001 61', [2, 4, 5, 6, 7, 9, 11, 14, 15]],
  ['03 21 0001', [1, 2]],
  ['03 22 0001', [1, 2]],
  ['03 23 0001', [3]],
  ['02 24 01', [2]],
  ['02 25 01', [2]],
  ['07 26 0001 61 0001 62', [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 14, 15]],
  ['05 27 00000001', [1, 2]],
  ['02 28 00', [2]],
  ['02 29 00', [2]],
  ['02 2a 00', [2]],
];

for (const [section, packets] of TABLE) {
  test(`property ${section} stands in packets ${packets.join(', ')} only`, () => {
    for (let packet = 0; packet < 16; packet++) {
      if (packets.includes(packet)) assert.is(read(packet, section).length, 1);
      else
        assert.throws(
          () => read(packet, section),
          (error: PacketError) => error.reasonCode === 0x82,
        );
    }
  });
}

const REFUSED: readonly [string, number, string, number][] = [
  ['an unknown property', 1, '01 7f', 0x81],
  ['a repeated property', 1, '06 21 0001 21 0002', 0x82],
  ['Receive Maximum 0', 1, '03 21 0000', 0x82],
  ['Maximum Packet Size 0', 1, '05 27 00000000', 0x82],
  ['subscription identifier 0', 8, '02 0b 00', 0x82],
  ['two subscription identifiers in SUBSCRIBE', 8, '04 0b 01 0b 02', 0x82],
  ['a flag that is 2', 1, '02 17 02', 0x82],
  ['Maximum QoS 2', 2, '02 24 02', 0x82],
  ['authentication data without method', 1, '04 16 0001 61', 0x82],
  ['a length beyond the packet', 1, '05 21 0001', 0x81],
  ['a value beyond the section', 1, '02 21 0001', 0x81],
  ['[MQTT-1.5.5-1] a length that is not minimal', 1, '80 00', 0x81],
  ['[MQTT-1.5.5-1] an identifier that is not minimal', 1, '04 a1 00 0001', 0x81],
  ['[MQTT-1.5.4-2] a string with U+0000', 2, '04 1f 0001 00', 0x81],
  ['[MQTT-1.5.4-1] a string with a surrogate', 2, '06 1f 0003 eda080', 0x81],
  ['[MQTT-1.5.4-1] an overlong encoding', 2, '05 1f 0002 c080', 0x81],
];

for (const [what, packet, section, reasonCode] of REFUSED) {
  test(`refuses ${what}`, () => {
    assert.throws(
      () => read(packet, section),
      (error: PacketError) => error instanceof PacketError && error.reasonCode === reasonCode,
    );
  });
}

test('several user properties and, in PUBLISH, subscription identifiers are allowed', () => {
  assert.is(read(3, '04 0b 01 0b 02').length, 2);
  assert.equal(read(3, '0e 26 0001 61 0001 62 26 0001 61 0001 63'), [
    [0x26, ['a', 'b']],
    [0x26, ['a', 'c']],
  ]);
});

test('authentication data may stand beside its method, in CONNECT, CONNACK and AUTH', () => {
  for (const packet of [1, 2, 15])
    assert.equal(read(packet, '09 16 0002 00ff 15 0001 6d'), [
      [0x16, Uint8Array.of(0, 255)],
      [0x15, 'm'],
    ]);
});

test('[MQTT-1.5.4-3] a byte order mark is text', () => {
  assert.equal(read(2, '06 1f 0003 efbbbf'), [[0x1f, '\uFEFF']]);
});

test.run();
