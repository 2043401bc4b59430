import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as codec from '../../src/packets/codec.ts';
import type { AuthPacket, DisconnectPacket } from '../../src/packets/codec.ts';
import { PacketType } from '../../src/packets/packet-types.ts';
import { assertRefused, decode, packetOf, refusal, testFixture, testRefusal } from '../support/codec.ts';
import type { Fixture } from '../support/codec.ts';
import { concat, hex, toHex } from '../support/hex.ts';

const test = suite('disconnect');

const FIXTURES: readonly Fixture[] = [
  {
    name: 'DISCONNECT of a server with everything',
    version: 5,
    sender: 'server',
    bytes: `e0 14 9d 12
            1c 0001 73            # server reference
            1f 0004 676f6e65      # reason string
            26 0001 61 0001 62`,
    encode: () => codec.encodeDisconnect(0x9d, 'gone', 5, { serverReference: 's', userProperties: [['a', 'b']] }),
    expected: {
      type: PacketType.DISCONNECT,
      reasonCode: 0x9d,
      sessionExpiryInterval: -1,
      serverReference: 's',
      reasonString: 'gone',
      userProperties: [['a', 'b']],
    },
    shorter: [0, 1],
  },
  {
    name: 'DISCONNECT of a client that keeps its session for ever',
    version: 5,
    sender: 'client',
    bytes: 'e0 07 04 05 11 ffffffff',
    encode: () => codec.encodeDisconnect(4, undefined, 5, { sessionExpiryInterval: 0xffffffff }),
    expected: { reasonCode: 4, sessionExpiryInterval: 0xffffffff, serverReference: undefined },
    shorter: [0, 1],
  },
  {
    name: 'DISCONNECT of a client that does not keep its session',
    version: 5,
    sender: 'client',
    bytes: 'e0 07 00 05 11 00000000',
    encode: () => codec.encodeDisconnect(0, undefined, 5, { sessionExpiryInterval: 0 }),
    expected: { reasonCode: 0, sessionExpiryInterval: 0 },
    shorter: [0, 1],
  },
  ...([3, 4, 5] as const).map((version): Fixture => ({
    name: `DISCONNECT of level ${version} without a word`,
    version,
    sender: 'client',
    bytes: 'e0 00',
    encode: () => codec.encodeDisconnect(0, undefined, version),
    expected: { type: PacketType.DISCONNECT, reasonCode: 0, sessionExpiryInterval: -1 },
  })),
  {
    name: 'AUTH with everything',
    version: 5,
    sender: 'client',
    bytes: `f0 19 18 17
            15 0001 6d            # method
            16 0003 00ff80        # data
            1f 0003 776879        # reason string
            26 0001 61 0001 62`,
    encode: () =>
      codec.encodeAuth({
        reasonCode: 0x18,
        authenticationMethod: 'm',
        authenticationData: Uint8Array.of(0, 255, 128),
        reasonString: 'why',
        userProperties: [['a', 'b']],
      }),
    expected: {
      type: PacketType.AUTH,
      reasonCode: 0x18,
      authenticationMethod: 'm',
      authenticationData: Uint8Array.of(0, 255, 128),
      reasonString: 'why',
      userProperties: [['a', 'b']],
    },
  },
  {
    name: 'AUTH that begins again',
    version: 5,
    sender: 'client',
    bytes: 'f0 06 19 04 15 0001 6d',
    encode: () => codec.encodeAuth({ reasonCode: 0x19, authenticationMethod: 'm' }),
    expected: { reasonCode: 0x19, authenticationMethod: 'm', authenticationData: undefined },
  },
  {
    name: 'AUTH that says yes in no bytes',
    version: 5,
    sender: 'server',
    bytes: 'f0 00',
    expected: { reasonCode: 0, authenticationMethod: undefined },
  },
  {
    name: 'PINGREQ',
    version: 4,
    sender: 'client',
    bytes: 'c0 00',
    encode: () => codec.PINGREQ,
    expected: { type: 12 },
  },
  {
    name: 'PINGRESP',
    version: 5,
    sender: 'server',
    bytes: 'd0 00',
    encode: () => codec.PINGRESP,
    expected: { type: 13 },
  },
];
for (const fixture of FIXTURES) testFixture(test, fixture);

const REFUSED = [
  refusal('[MQTT-3.14.1-1]', 'DISCONNECT with flags', 5, 'e1 00', 0x81),
  refusal('[MQTT311-3.14.1-1]', 'DISCONNECT with flags', 4, 'e2 00', 0x81),
  refusal('[MQTT-3.14.2-1]', 'a reason code only servers send', 5, 'e0 01 8e', 0x82, 'client'),
  refusal('[MQTT-3.14.2-1]', 'a reason code only clients send', 5, 'e0 01 04', 0x82, 'server'),
  refusal('[MQTT-3.14.2-2]', 'the session expiry interval of a server', 5, 'e0 07 00 05 11 00000001', 0x82, 'server'),
  refusal('§3.14.2.2.2', 'two session expiry intervals', 5, 'e0 0c 00 0a 11 00000001 11 00000001', 0x82),
  refusal('§3.14.2.2', 'a receive maximum in DISCONNECT', 5, 'e0 05 00 03 21 0001', 0x82),
  refusal('§3.14.2', 'a byte after the properties', 5, 'e0 03 00 00 00', 0x81),
  refusal('§3.14.2', 'properties longer than the packet', 5, 'e0 02 00 01', 0x81),
  refusal('MQTT 3.1.1 §3.14:', 'DISCONNECT with a body', 4, 'e0 01 00', 0x81),
  refusal('MQTT 3.1.1 §3.14:', 'DISCONNECT of a server', 4, 'e0 00', 0x82, 'server'),
  refusal('[MQTT-3.15.1-1]', 'AUTH with flags', 5, 'f1 00', 0x81),
  refusal('[MQTT-3.15.2-1]', 'AUTH with a reason code only servers send', 5, 'f0 06 00 04 15 0001 6d', 0x82, 'client'),
  refusal('[MQTT-3.15.2-1]', 'AUTH that says yes in no bytes', 5, 'f0 00', 0x82, 'client'),
  refusal('[MQTT-3.15.2-1]', 'AUTH with a reason code only clients send', 5, 'f0 06 19 04 15 0001 6d', 0x82, 'server'),
  refusal('§3.15.2.2.2', 'AUTH without a method', 5, 'f0 02 18 00', 0x82),
  refusal('§3.15.2.2.2', 'AUTH with two methods', 5, 'f0 0a 18 08 15 0001 6d 15 0001 6d', 0x82),
  refusal('§3.15.2.2.3', 'AUTH with data and no method', 5, 'f0 06 18 04 16 0001 6d', 0x82),
  refusal('§3.15.2.2.3', 'AUTH with data twice', 5, 'f0 0e 18 0c 15 0001 6d 16 0001 6d 16 0001 6d', 0x82),
  refusal('§3.15.2', 'AUTH with a reason code and no length of properties', 5, 'f0 01 18', 0x81),
  refusal('§3.15.2', 'AUTH with a byte after its properties', 5, 'f0 07 18 04 15 0001 6d 00', 0x81),
  refusal('§2.1.2', 'AUTH in MQTT 3.1.1', 4, 'f0 00', 0x81),
  refusal('§2.1.2', 'AUTH in MQTT 3.1', 3, 'f0 00', 0x81),
  refusal('§2.1.2', 'packet type 0', 5, '00 00', 0x81),
  refusal('[MQTT-2.1.3-1]', 'PINGREQ with flags', 5, 'c1 00', 0x81),
  refusal('§3.12', 'PINGREQ with a body', 5, 'c0 01 00', 0x81),
  refusal('§3.13', 'PINGRESP with a body', 4, 'd0 01 00', 0x81),
  refusal('§3.12', 'PINGREQ of a server', 5, 'c0 00', 0x82, 'server'),
  refusal('§3.13', 'PINGRESP of a client', 5, 'd0 00', 0x82, 'client'),
];
for (const row of REFUSED) testRefusal(test, row);

test('[MQTT-3.14.2-1] DISCONNECT has the reason codes of its table and no other', () => {
  const allowed = [0, 4, 0x80, 0x81, 0x82, 0x83, 0x87, 0x89, 0x8b, 0x8c, 0x8d, 0x8e, 0x8f, 0x90];
  for (let code = 0x93; code <= 0xa2; code++) allowed.push(code);
  for (let code = 0; code < 256; code++) {
    const packet = packetOf(0xe0, Uint8Array.of(code));
    if (allowed.includes(code)) assert.is((decode(packet, 5) as DisconnectPacket).reasonCode, code);
    else assertRefused(() => decode(packet, 5), 0x81);
  }
});

test('[MQTT-3.15.2-1] AUTH has the reason codes of its table and no other', () => {
  for (let code = 0; code < 256; code++) {
    const packet = packetOf(0xf0, concat(Uint8Array.of(code), hex('04 15 0001 6d')));
    if ([0, 0x18, 0x19].includes(code)) assert.is((decode(packet, 5) as AuthPacket).reasonCode, code);
    else assertRefused(() => decode(packet, 5), 0x81);
  }
});

test('DISCONNECT before MQTT 5 says nothing', () => {
  assert.is(toHex(codec.encodeDisconnect(0x8e, 'taken over', 4, { serverReference: 's' })), 'e000');
});

test.run();
