import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as codec from '../../src/packets/codec.ts';
import type { ConnectPacket } from '../../src/packets/codec.ts';
import { PacketType } from '../../src/packets/packet-types.ts';
import { MAX_USER_PROPERTIES } from '../../src/limits.ts';
import { assertRefused, decode, packetOf, refusal, testFixture, testRefusal } from '../support/codec.ts';
import type { Fixture } from '../support/codec.ts';
import { concat, hex, text, toHex, utf8 } from '../support/hex.ts';

const test = suite('connect');

const FIXTURES: readonly Fixture[] = [
  {
    name: 'CONNECT of MQTT 3.1.1',
    version: 4,
    sender: 'client',
    bytes: `10 0d 0004 4d515454 04 # MQTT, level 4
            02 000a             # clean, keep-alive 10
            0001 30             # client id 0`,
    encode: () => codec.encodeConnect({ protocolVersion: 4, clientId: '0', cleanStart: true, keepAlive: 10 }),
    expected: {
      type: PacketType.CONNECT,
      protocolVersion: 4,
      clientId: '0',
      cleanStart: true,
      keepAlive: 10,
      username: undefined,
      password: undefined,
      will: undefined,
      sessionExpiryInterval: 0,
      receiveMaximum: 65_535,
      maximumPacketSize: Infinity,
      topicAliasMaximum: 0,
      requestProblemInformation: true,
      requestResponseInformation: false,
      authenticationMethod: undefined,
      authenticationData: undefined,
      userProperties: [],
    },
  },
  {
    name: 'CONNECT of MQTT 3.1 with login and will',
    version: 3,
    sender: 'client',
    bytes: `10 1c 0006 4d5149736470 03 # MQIsdp, level 3
            e6 000a             # login, will of QoS 0 with RETAIN, clean, keep-alive 10
            0001 61             # client id a
            0001 77 0001 78     # will: w, x
            0001 75 0002 7077   # u, pw`,
    encode: () =>
      codec.encodeConnect({
        protocolVersion: 3,
        clientId: 'a',
        cleanStart: true,
        keepAlive: 10,
        will: { topic: 'w', payload: utf8('x'), qos: 0, retain: true, contentType: 'not in MQTT 3.1' },
        username: 'u',
        password: utf8('pw'),
        receiveMaximum: 5,
      }),
    expected: {
      protocolVersion: 3,
      clientId: 'a',
      username: 'u',
      password: utf8('pw'),
      will: {
        topic: 'w',
        payload: utf8('x'),
        qos: 0,
        retain: true,
        delayInterval: 0,
        messageExpiryInterval: -1,
        responseTopic: '',
        properties: new Uint8Array(0),
      },
    },
    // §3.1: user name and password may be missing although flags announce them.
    shorter: [21, 24],
  },
  {
    name: '[MQTT-3.1.3-1] [MQTT-3.1.3-3] CONNECT of MQTT 5 with every property and login',
    version: 5,
    sender: 'client',
    bytes: `10 47 0004 4d515454 05 # MQTT, level 5
            c0 003c             # login, no clean start, keep-alive 60
            32                  # 50 bytes of properties
            11 0000000a         # session expiry 10 s
            21 0014             # receive maximum 20
            27 00010000         # maximum packet size 64 KiB
            22 0007             # topic alias maximum 7
            19 01               # request response information
            17 00               # no problem information
            15 0001 6d          # authentication method m
            16 0002 00ff        # authentication data
            26 0001 62 0001 31  # b = 1
            26 0001 61 0001 32  # a = 2
            26 0001 62 0001 33  # b = 3
            0001 61             # client id a
            0001 75 0002 7077   # u, pw`,
    encode: () =>
      codec.encodeConnect({
        protocolVersion: 5,
        clientId: 'a',
        cleanStart: false,
        keepAlive: 60,
        sessionExpiryInterval: 10,
        receiveMaximum: 20,
        maximumPacketSize: 65_536,
        topicAliasMaximum: 7,
        requestResponseInformation: true,
        requestProblemInformation: false,
        authenticationMethod: 'm',
        authenticationData: Uint8Array.of(0, 255),
        userProperties: [
          ['b', '1'],
          ['a', '2'],
          ['b', '3'],
        ],
        username: 'u',
        password: utf8('pw'),
      }),
    expected: {
      protocolVersion: 5,
      clientId: 'a',
      cleanStart: false,
      keepAlive: 60,
      sessionExpiryInterval: 10,
      receiveMaximum: 20,
      maximumPacketSize: 65_536,
      topicAliasMaximum: 7,
      requestResponseInformation: true,
      requestProblemInformation: false,
      authenticationMethod: 'm',
      authenticationData: Uint8Array.of(0, 255),
      userProperties: [
        ['b', '1'],
        ['a', '2'],
        ['b', '3'],
      ],
      username: 'u',
      password: utf8('pw'),
    },
  },
  {
    name: 'CONNECT of MQTT 5 with a password alone',
    version: 5,
    sender: 'client',
    bytes: `10 10 0004 4d515454 05 42 0000 00 0000
            0001 70             # token p`,
    encode: () =>
      codec.encodeConnect({ protocolVersion: 5, clientId: '', cleanStart: true, keepAlive: 0, password: utf8('p') }),
    expected: { clientId: '', username: undefined, password: utf8('p') },
  },
  {
    name: '[MQTT311-3.1.3-1] [MQTT311-3.1.3-3] CONNECT of MQTT 3.1.1 with a user name alone, and a will of QoS 2',
    version: 4,
    sender: 'client',
    bytes: `10 14 0004 4d515454 04 96 0000 0000
            0001 77 0000        # will: w, no bytes
            0001 75             # u`,
    encode: () =>
      codec.encodeConnect({
        protocolVersion: 4,
        clientId: '',
        cleanStart: true,
        keepAlive: 0,
        username: 'u',
        will: { topic: 'w', payload: new Uint8Array(0), qos: 2, retain: false },
      }),
    expected: {
      username: 'u',
      password: undefined,
      clientId: '',
      will: {
        topic: 'w',
        payload: new Uint8Array(0),
        qos: 2,
        retain: false,
        delayInterval: 0,
        messageExpiryInterval: -1,
        responseTopic: '',
        properties: new Uint8Array(0),
      },
    },
  },
];
for (const fixture of FIXTURES) testFixture(test, fixture);

test('[MQTT-3.1.3-10] the user properties of a will keep their order, among the properties that go on with the message', () => {
  const packet = decode(
    hex(`10 39 0004 4d515454 05
         2e 0000            # will of QoS 1 with RETAIN, clean start
         00                 # no properties
         0001 63            # client id c
         21                 # 33 bytes of will properties
         18 00000005        # delay 5 s
         26 0001 61 0001 31 # a = 1
         26 0001 62 0001 32 # b = 2
         02 00000009        # expires after 9 s
         26 0001 61 0001 33 # a = 3
         01 01              # text
         0003 772f74        # topic w/t
         0002 6279          # by`),
    5,
  );
  const { will } = packet as ConnectPacket;
  assert.ok(will);
  assert.is(will.topic, 'w/t');
  assert.is(text(will.payload), 'by');
  assert.is(will.qos, 1);
  assert.ok(will.retain);
  assert.is(will.delayInterval, 5);
  assert.is(will.messageExpiryInterval, 9);
  assert.is(toHex(will.properties), toHex(hex('26 0001 61 0001 31 26 0001 62 0001 32 26 0001 61 0001 33 01 01')));
});

test('a will goes there and back', () => {
  const { will } = decode(
    codec.encodeConnect({
      protocolVersion: 5,
      clientId: 'c',
      cleanStart: true,
      keepAlive: 0,
      will: {
        topic: 'w',
        payload: utf8('gone'),
        qos: 1,
        retain: false,
        delayInterval: 3,
        isText: true,
        contentType: 't',
        responseTopic: 'r',
        userProperties: [
          ['k', '1'],
          ['k', '2'],
          ['__proto__', 'x'],
        ],
      },
    }),
    5,
  ) as ConnectPacket;
  assert.ok(will);
  assert.is(will.delayInterval, 3);
  assert.is(will.responseTopic, 'r');
  assert.is(text(will.payload), 'gone');
  assert.is(
    toHex(will.properties),
    toHex(
      hex(`01 01 03 0001 74 08 0001 72
           26 0001 6b 0001 31 26 0001 6b 0001 32 26 0009 5f5f70726f746f5f5f 0001 78`),
    ),
  );
});

test('a will of 65,535 bytes is read, whatever its bytes are', () => {
  const payload = new Uint8Array(65_535).fill(0xff);
  const { will } = decode(
    codec.encodeConnect({
      protocolVersion: 4,
      clientId: 'c',
      cleanStart: true,
      keepAlive: 65_535,
      will: { topic: 'w', payload, qos: 0, retain: false },
    }),
    4,
  ) as ConnectPacket;
  assert.equal(will?.payload, payload);
});

test('MQTT 3.1: flags of a will that is not there, the lowest flag and a long client identifier harm nothing', () => {
  const id = '61'.repeat(30);
  const packet = decode(hex(`10 2c 0006 4d5149736470 03 3b 0000 001e ${id}`), 3) as ConnectPacket;
  assert.is(packet.clientId, 'a'.repeat(30));
  assert.is(packet.will, undefined);
  assert.ok(packet.cleanStart);
});

test('MQTT 5 and 3.1.1 may leave the client identifier empty', () => {
  assert.is((decode(hex('10 0d 0004 4d515454 05 00 0000 00 0000'), 5) as ConnectPacket).clientId, '');
  assert.is((decode(hex('10 0c 0004 4d515454 04 00 0000 0000'), 4) as ConnectPacket).clientId, '');
});

test('[MQTT311-1.5.3-3] a byte order mark stays in a client identifier', () => {
  assert.is((decode(hex('10 0f 0004 4d515454 04 02 0000 0003 efbbbf'), 4) as ConnectPacket).clientId, '\uFEFF');
});

test('user properties are counted before they become objects', () => {
  const connect = (count: number): Uint8Array => {
    const pairs = concat(...Array.from({ length: count }, () => hex('26 0000 0000')));
    const length = Uint8Array.of((pairs.length & 127) | 128, pairs.length >> 7);
    return packetOf(0x10, concat(hex('0004 4d515454 05 02 0000'), length, pairs, hex('0000')));
  };
  assert.is((decode(connect(MAX_USER_PROPERTIES), 5) as ConnectPacket).userProperties.length, MAX_USER_PROPERTIES);
  assertRefused(() => decode(connect(MAX_USER_PROPERTIES + 1), 5), 0x83);
});

const V5 = '0004 4d515454 05';
const V4 = '0004 4d515454 04';
const REFUSED = [
  refusal('[MQTT-2.1.3-1]', 'a flag in the fixed header', 5, `11 0d ${V5} 02 0000 00 0000`, 0x81),
  refusal('[MQTT-3.1.2-1] [MQTT311-3.1.2-1]', 'another protocol', 4, '10 0c 0004 4d515455 04 02 0000 0000', 0x84),
  refusal(
    '[MQTT-3.1.2-1] [MQTT311-3.1.2-1]',
    'a protocol name in lower case',
    4,
    '10 0c 0004 6d717474 04 02 0000 0000',
    0x84,
  ),
  refusal('[MQTT-3.1.2-1]', 'an empty protocol name', 4, '10 08 0000 04 02 0000 0000', 0x84),
  refusal('[MQTT-3.1.2-2] [MQTT311-3.1.2-2]', 'level 6', 5, '10 0d 0004 4d515454 06 02 0000 00 0000', 0x84),
  refusal('[MQTT-3.1.2-2]', 'level 0', 5, '10 0c 0004 4d515454 00 02 0000 0000', 0x84),
  refusal('[MQTT-3.1.2-2]', 'level 3 under the name MQTT', 4, '10 0d 0004 4d515454 03 02 0000 0001 61', 0x84),
  refusal('[MQTT-3.1.2-2]', 'level 4 under the name MQIsdp', 4, '10 0f 0006 4d5149736470 04 02 0000 0001 61', 0x84),
  refusal('[MQTT-3.1.2-2]', 'the level of a bridge', 4, '10 0c 0004 4d515454 84 02 0000 0000', 0x84),
  refusal('[MQTT-3.1.2-3]', 'the reserved flag', 5, `10 0d ${V5} 03 0000 00 0000`, 0x81),
  refusal('[MQTT311-3.1.2-3]', 'the reserved flag', 4, `10 0c ${V4} 03 0000 0000`, 0x81),
  refusal('[MQTT-3.1.2-9]', 'a will that is announced and not there', 5, `10 0d ${V5} 06 0000 00 0000`, 0x81),
  refusal('[MQTT-3.1.2-11]', 'the QoS of a will and no will', 5, `10 0d ${V5} 0a 0000 00 0000`, 0x81),
  refusal('[MQTT-3.1.2-12]', 'a will of QoS 3', 5, `10 14 ${V5} 1e 0000 00 0000 00 0001 77 0001 78`, 0x81),
  refusal('[MQTT311-3.1.2-14]', 'a will of QoS 3', 4, `10 12 ${V4} 1e 0000 0000 0001 77 0001 78`, 0x81),
  refusal('MQTT 3.1:', 'a will of QoS 3', 3, '10 15 0006 4d5149736470 03 1e 0000 0001 61 0001 77 0001 78', 0x81),
  refusal('[MQTT-3.1.2-13]', 'RETAIN of a will and no will', 5, `10 0d ${V5} 22 0000 00 0000`, 0x81),
  refusal('[MQTT-3.1.2-16]', 'a user name without its flag', 5, `10 10 ${V5} 02 0000 00 0000 0001 75`, 0x81),
  refusal('[MQTT-3.1.2-17]', 'the flag of a user name and none', 5, `10 0d ${V5} 82 0000 00 0000`, 0x81),
  refusal('[MQTT-3.1.2-18]', 'a password without its flag', 5, `10 13 ${V5} 82 0000 00 0000 0001 75 0001 70`, 0x81),
  refusal('[MQTT-3.1.2-19]', 'the flag of a password and none', 5, `10 10 ${V5} c2 0000 00 0000 0001 75`, 0x81),
  refusal('[MQTT311-3.1.2-22]', 'a password without user name', 4, `10 0f ${V4} 42 0000 0000 0001 61`, 0x81),
  refusal('MQTT 3.1:', 'a password without user name', 3, '10 12 0006 4d5149736470 03 42 0000 0001 61 0001 61', 0x81),
  refusal('MQTT 3.1:', 'an empty client identifier', 3, '10 0e 0006 4d5149736470 03 02 0000 0000', 0x85),
  refusal('[MQTT-3.1.3-4]', 'a client identifier that is no UTF-8', 5, `10 0e ${V5} 02 0000 00 0001 ff`, 0x81),
  refusal('[MQTT-1.5.4-1]', 'a surrogate in a client identifier', 5, `10 10 ${V5} 02 0000 00 0003 eda080`, 0x81),
  refusal('[MQTT-1.5.4-2]', 'U+0000 in a client identifier', 5, `10 0e ${V5} 02 0000 00 0001 00`, 0x81),
  refusal(
    '[MQTT-3.1.3-11]',
    'the topic of a will that is no UTF-8',
    5,
    `10 14 ${V5} 06 0000 00 0000 00 0001 ff 0001 78`,
    0x81,
  ),
  refusal('[MQTT-3.1.3-12]', 'a user name that is no UTF-8', 5, `10 10 ${V5} 82 0000 00 0000 0001 ff`, 0x81),
  refusal('[MQTT-4.7.0-1]', 'a will to a wildcard', 5, `10 14 ${V5} 06 0000 00 0000 00 0001 23 0001 78`, 0x90),
  refusal('[MQTT311-4.7.1-1]', 'a will to a wildcard', 4, `10 12 ${V4} 06 0000 0000 0001 2b 0001 78`, 0x90),
  refusal('[MQTT-4.7.3-1]', 'a will to an empty topic', 5, `10 13 ${V5} 06 0000 00 0000 00 0000 0001 78`, 0x90),
  refusal(
    '[MQTT-3.3.2-14]',
    'the response topic of a will with a wildcard',
    5,
    `10 18 ${V5} 06 0000 00 0000 04 08 0001 2b 0001 77 0001 78`,
    0x82,
  ),
  refusal(
    '§3.1.3.2',
    'a property of CONNECT in a will',
    5,
    `10 17 ${V5} 06 0000 00 0000 03 21 0001 0001 77 0001 78`,
    0x82,
  ),
  refusal('§3.1.2.11.3', 'Receive Maximum 0', 5, `10 10 ${V5} 02 0000 03 21 0000 0000`, 0x82),
  refusal('§3.1.2.11.4', 'Maximum Packet Size 0', 5, `10 12 ${V5} 02 0000 05 27 00000000 0000`, 0x82),
  refusal('§3.1.2.11.7', 'Request Problem Information 2', 5, `10 0f ${V5} 02 0000 02 17 02 0000`, 0x82),
  refusal('§3.1.2.11.10', 'authentication data without a method', 5, `10 11 ${V5} 02 0000 04 16 0001 61 0000`, 0x82),
  refusal('[MQTT-3.1.4-1]', 'a byte after the end', 5, `10 0e ${V5} 02 0000 00 0000 00`, 0x81),
  refusal('[MQTT311-3.1.4-1]', 'a byte after the end', 4, `10 0d ${V4} 02 0000 0000 00`, 0x81),
  refusal('[MQTT-3.1.4-1]', 'no bytes', 5, '10 00', 0x81),
];
for (const row of REFUSED) testRefusal(test, row);

test('[MQTT-4.7.3-3] a will to a topic of 65,535 bytes or of 32,000 levels is refused with 0x90 and nothing worse', () => {
  for (const topic of ['x'.repeat(65_535), '/'.repeat(31_999)])
    assertRefused(
      () =>
        decode(
          codec.encodeConnect({
            protocolVersion: 5,
            clientId: 'c',
            cleanStart: true,
            keepAlive: 0,
            will: { topic, payload: utf8('x'), qos: 0, retain: false },
          }),
          5,
        ),
      0x90,
    );
});

test('texts that cannot be in a packet are refused when it is written', () => {
  const fields = { protocolVersion: 5 as const, cleanStart: true, keepAlive: 0 };
  for (const clientId of ['a\0b', 'é'.repeat(32_768)])
    assert.throws(
      () => codec.encodeConnect({ ...fields, clientId }),
      (error: { code: string }) => error.code === 'ERR_MQTT_INVALID_ARGUMENT',
    );
  // The next packet is not disturbed.
  assert.is((decode(codec.encodeConnect({ ...fields, clientId: 'next' }), 5) as ConnectPacket).clientId, 'next');
});

test.run();
