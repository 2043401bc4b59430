import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as codec from '../../src/packets/codec.ts';
import type { Diagnostics, PeerLimits } from '../../src/packets/codec.ts';
import { PacketType } from '../../src/packets/packet-types.ts';
import { decode } from '../support/codec.ts';

const test = suite('diagnostics');

const SAID: Diagnostics = {
  reasonString: 'because',
  userProperties: [
    ['b', '1'],
    ['a', '2'],
  ],
};

type Encode = (diagnostics: Diagnostics, peer?: PeerLimits) => Uint8Array;

/** The packet, the statements about the size of reason string and user properties, and whether they go out unasked. */
const PACKETS: readonly [string, string, boolean, Encode][] = [
  ...(
    [
      ['PUBACK', PacketType.PUBACK, '[MQTT-3.4.2-2] [MQTT-3.4.2-3]'],
      ['PUBREC', PacketType.PUBREC, '[MQTT-3.5.2-2] [MQTT-3.5.2-3]'],
      ['PUBREL', PacketType.PUBREL, '[MQTT-3.6.2-2] [MQTT-3.6.2-3]'],
      ['PUBCOMP', PacketType.PUBCOMP, '[MQTT-3.7.2-2] [MQTT-3.7.2-3]'],
    ] as const
  ).map(([name, type, statements]): [string, string, boolean, Encode] => [
    name,
    statements,
    false,
    (diagnostics, peer) =>
      codec.encodeAcknowledgement(type, 1, type > PacketType.PUBREC ? 0x92 : 0x97, 5, diagnostics, peer),
  ]),
  [
    'SUBACK',
    '[MQTT-3.9.2-1] [MQTT-3.9.2-2]',
    false,
    (diagnostics, peer) => codec.encodeSuback(1, [0x87], 5, diagnostics, peer),
  ],
  [
    'UNSUBACK',
    '[MQTT-3.11.2-1] [MQTT-3.11.2-2]',
    false,
    (diagnostics, peer) => codec.encodeUnsuback(1, [0x11], 5, diagnostics, peer),
  ],
  [
    'AUTH',
    '[MQTT-3.15.2-2] [MQTT-3.15.2-3]',
    false,
    (diagnostics, peer) => codec.encodeAuth({ reasonCode: 0x18, authenticationMethod: 'm', ...diagnostics }, peer),
  ],
  [
    'CONNACK',
    '[MQTT-3.2.2-19] [MQTT-3.2.2-20]',
    true,
    (diagnostics, peer) => codec.encodeConnack({ sessionPresent: false, reasonCode: 0x87, ...diagnostics }, 5, peer),
  ],
  [
    'DISCONNECT',
    '[MQTT-3.14.2-3] [MQTT-3.14.2-4]',
    true,
    ({ reasonString, ...more }, peer) => codec.encodeDisconnect(0x8e, reasonString, 5, more, peer),
  ],
];

function said(packet: Uint8Array): Diagnostics {
  const { reasonString, userProperties } = decode(packet, 5) as Diagnostics & { type: never };
  return { reasonString, userProperties: userProperties ?? [] };
}

for (const [name, statements, isUnasked, encode] of PACKETS) {
  test(`${statements} what would make ${name} too large stays out, the user properties first`, () => {
    const whole = encode(SAID);
    assert.equal(said(whole), SAID);
    const plain = encode({});
    const withReason = encode({ reasonString: SAID.reasonString });
    const at = (maximumPacketSize: number): Uint8Array =>
      encode(SAID, { maximumPacketSize, requestProblemInformation: true });
    for (let size = 0; size <= whole.length + 1; size++) {
      const packet = at(size);
      const expected = size >= whole.length ? whole : size >= withReason.length ? withReason : plain;
      assert.equal(packet, expected, `${size} bytes`);
    }
  });

  const verb = isUnasked ? 'speaks also' : 'is silent';
  test(`[MQTT-3.1.2-29] ${name} ${verb} where problem information is not asked for`, () => {
    const packet = encode(SAID, { maximumPacketSize: Infinity, requestProblemInformation: false });
    assert.equal(packet, isUnasked ? encode(SAID) : encode({}));
  });
}

test('an acknowledgement that may not say more is as short as it can be', () => {
  const silent = { maximumPacketSize: Infinity, requestProblemInformation: false };
  assert.is(codec.encodeAcknowledgement(PacketType.PUBACK, 1, 0, 5, SAID, silent).length, 4);
});

test.run();
