import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as codec from '../../src/packets/codec.ts';
import { PacketType } from '../../src/packets/packet-types.ts';
import { connectReturnCode } from '../../src/reason-codes.ts';
import { assertRefused, decode, refusal, testFixture, testRefusal } from '../support/codec.ts';
import type { Fixture } from '../support/codec.ts';
import { toHex } from '../support/hex.ts';

const test = suite('connack');

const EVERYTHING: codec.ConnackFields = {
  sessionPresent: true,
  reasonCode: 0,
  sessionExpiryInterval: 0xffffffff,
  receiveMaximum: 1,
  maximumQos: 1,
  retainAvailable: false,
  maximumPacketSize: 0xfffffffe,
  assignedClientIdentifier: 'c',
  topicAliasMaximum: 16,
  wildcardSubscriptionAvailable: false,
  subscriptionIdentifierAvailable: true,
  sharedSubscriptionAvailable: false,
  serverKeepAlive: 30,
  responseInformation: 'r',
  serverReference: 's',
  authenticationMethod: 'm',
  authenticationData: Uint8Array.of(1, 2),
  reasonString: 'why',
  userProperties: [
    ['b', '1'],
    ['a', '2'],
  ],
};

const FIXTURES: readonly Fixture[] = [
  {
    name: 'CONNACK of MQTT 5 with every property',
    version: 5,
    sender: 'server',
    bytes: `20 49 01 00 46
            11 ffffffff  # session expiry: never
            21 0001      # receive maximum
            24 01        # maximum QoS
            25 00        # no retained messages
            27 fffffffe  # maximum packet size
            12 0001 63   # assigned client identifier
            22 0010      # topic alias maximum
            28 00        # wildcards
            29 01        # subscription identifiers
            2a 00        # shared subscriptions
            13 001e      # server keep alive
            1a 0001 72   # response information
            1c 0001 73   # server reference
            15 0001 6d   # authentication method
            16 0002 0102 # authentication data
            1f 0003 776879 # reason string
            26 0001 62 0001 31
            26 0001 61 0001 32`,
    encode: () => codec.encodeConnack(EVERYTHING, 5),
    expected: { type: PacketType.CONNACK, ...EVERYTHING },
  },
  {
    name: 'CONNACK of MQTT 5 as usual',
    version: 5,
    sender: 'server',
    bytes: `20 0b 00 00 08
            21 1000 24 01 22 0000`,
    encode: () =>
      codec.encodeConnack(
        { sessionPresent: false, reasonCode: 0, receiveMaximum: 4_096, maximumQos: 1, topicAliasMaximum: 0 },
        5,
      ),
    expected: { sessionPresent: false, reasonCode: 0, receiveMaximum: 4_096, maximumQos: 1, topicAliasMaximum: 0 },
  },
  {
    name: 'CONNACK of MQTT 5 that refuses',
    version: 5,
    sender: 'server',
    bytes: '20 03 00 8c 00',
    encode: () => codec.encodeConnack({ sessionPresent: false, reasonCode: 0x8c }, 5),
    expected: { sessionPresent: false, reasonCode: 0x8c },
    // The form of MQTT 3.1.1, which a server sends that does not speak MQTT 5.
    shorter: [2],
  },
  {
    name: 'CONNACK of MQTT 3.1.1 with a session',
    version: 4,
    sender: 'server',
    bytes: '20 02 01 00',
    encode: () => codec.encodeConnack({ ...EVERYTHING, sessionPresent: true }, 4),
    expected: { sessionPresent: true, reasonCode: 0, receiveMaximum: undefined },
  },
  {
    name: 'CONNACK of MQTT 3.1, which knows no session present',
    version: 3,
    sender: 'server',
    bytes: '20 02 00 00',
    encode: () => codec.encodeConnack({ sessionPresent: true, reasonCode: 0 }, 3),
    expected: { sessionPresent: false, reasonCode: 0 },
  },
  {
    name: 'CONNACK of MQTT 3.1.1 that refuses',
    version: 4,
    sender: 'server',
    bytes: '20 02 00 02',
    encode: () => codec.encodeConnack({ sessionPresent: false, reasonCode: 0x85 }, 4),
    expected: { reasonCode: 0x85 },
  },
  {
    name: 'an answer in the form of MQTT 3.1.1 to a client of MQTT 5',
    version: 5,
    sender: 'server',
    bytes: '20 02 00 01',
    expected: { sessionPresent: false, reasonCode: 0x84 },
  },
];
for (const fixture of FIXTURES) testFixture(test, fixture);

test('[MQTT-3.2.2-8] CONNACK has the reason codes of its table and no other', () => {
  const allowed = [
    0, 0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a, 0x8c, 0x90, 0x95, 0x97, 0x99, 0x9a, 0x9b, 0x9c,
    0x9d, 0x9f,
  ];
  for (let code = 0; code < 256; code++) {
    const packet = Uint8Array.of(0x20, 3, 0, code, 0);
    if (allowed.includes(code)) assert.is((decode(packet, 5) as codec.ConnackPacket).reasonCode, code);
    else assertRefused(() => decode(packet, 5), 0x81);
  }
});

test('[MQTT-3.2.2-6] [MQTT311-3.2.2-4] a refusal never says that there is a session', () => {
  assert.is(toHex(codec.encodeConnack({ sessionPresent: true, reasonCode: 0x87 }, 5)), '2003008700');
  assert.is(toHex(codec.encodeConnack({ sessionPresent: true, reasonCode: 0x87 }, 4)), '20020005');
});

test('each return code of MQTT 3.1.1 and 3.1 goes there and back', () => {
  for (const version of [3, 4] as const)
    for (const reasonCode of [0, 0x84, 0x85, 0x86, 0x87, 0x88]) {
      const packet = decode(codec.encodeConnack({ sessionPresent: false, reasonCode }, version), version, 'server');
      assert.is((packet as codec.ConnackPacket).reasonCode, reasonCode);
    }
});

test('a reason code that MQTT 3.1.1 does not have becomes one that it has', () => {
  assert.equal(
    [0, 0x84, 0x85, 0x86, 0x87, 0x8a, 0x88, 0x97, 0x9f, 0x80].map((code) => connectReturnCode(code)),
    [0, 1, 2, 4, 5, 5, 3, 3, 3, 3],
  );
});

const REFUSED = [
  refusal('[MQTT-3.2.2-1]', 'a reserved flag', 5, '20 03 02 00 00', 0x81),
  refusal('MQTT 3.1.1 §3.2.2.1:', 'a reserved flag', 4, '20 02 80 00', 0x81),
  refusal('[MQTT-3.2.2-6]', 'a refusal with a session', 5, '20 03 01 80 00', 0x82),
  refusal('[MQTT311-3.2.2-4]', 'a refusal with a session', 4, '20 02 01 05', 0x82),
  refusal('[MQTT-3.2.2-8]', 'an unknown reason code', 5, '20 03 00 93 00', 0x81),
  refusal('MQTT 3.1.1 §3.2.2.3:', 'a reserved return code', 4, '20 02 00 06', 0x81),
  refusal('MQTT 3.1.1 §3.2.2.3:', 'a reason code of MQTT 5', 4, '20 02 00 84', 0x81),
  refusal('§3.2.2.3', 'success without properties', 5, '20 02 00 00', 0x81),
  refusal('§3.2.2.3.4', 'Maximum QoS 2', 5, '20 05 00 00 02 24 02', 0x82),
  refusal('§3.2.2.3.3', 'Receive Maximum 0', 5, '20 06 00 00 03 21 0000', 0x82),
  refusal('§3.2.2.3', 'a byte after the end', 5, '20 04 00 00 00 00', 0x81),
  refusal('§3.2', 'a CONNACK from a client', 5, '20 03 00 00 00', 0x82, 'client'),
];
for (const row of REFUSED) testRefusal(test, row);

test('MQTT 3.1 gives no meaning to the first byte', () => {
  assert.is((decode(Uint8Array.of(0x20, 2, 0xff, 0), 3) as codec.ConnackPacket).sessionPresent, false);
});

test.run();
