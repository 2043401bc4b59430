import mqttPacket from 'mqtt-packet';
import type { Packet as ForeignPacket } from 'mqtt-packet';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PacketError } from '../../src/errors.ts';
import * as codec from '../../src/packets/codec.ts';
import type { Packet } from '../../src/packets/codec.ts';
import { PacketType } from '../../src/packets/packet-types.ts';
import type { ProtocolVersion } from '../../src/packets/packet-types.ts';
import { encodePuback, readShortPuback } from '../../src/packets/puback.ts';
import { PacketSplitter } from '../../src/packets/splitter.ts';
import { hex, text, toHex, utf8 } from '../support/hex.ts';

const test = suite('codec');

function decode(packet: Uint8Array, version: ProtocolVersion): Packet {
  const splitter = new PacketSplitter(268_435_460);
  splitter.push(packet);
  assert.is.not(splitter.next(), -1, 'incomplete');
  assert.is(splitter.end, packet.length, 'bytes after the packet');
  return codec.decodePacket(splitter.buffer, splitter.start, splitter.bodyStart, splitter.end, version);
}

interface Fixture {
  readonly name: string;
  readonly version: ProtocolVersion;
  readonly bytes: string;
  readonly encode: () => Uint8Array;
  readonly expected: Partial<Record<string, unknown>>;
}

const FIXTURES: readonly Fixture[] = [
  {
    name: 'CONNECT of MQTT 3.1.1',
    version: 4,
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
      will: undefined,
      receiveMaximum: 65_535,
    },
  },
  {
    name: 'CONNECT of MQTT 5 with properties and login',
    version: 5,
    bytes: `10 22 0004 4d515454 05 # MQTT, level 5
            c0 003c             # login, no clean start, keep-alive 60
            0d                  # 13 bytes of properties
            11 0000000a         # session expiry 10 s
            21 0014             # receive maximum 20
            27 00010000         # maximum packet size 64 KiB
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
        username: 'u',
        password: utf8('pw'),
      }),
    expected: {
      clientId: 'a',
      cleanStart: false,
      sessionExpiryInterval: 10,
      receiveMaximum: 20,
      maximumPacketSize: 65_536,
      username: 'u',
      password: utf8('pw'),
    },
  },
  {
    name: 'CONNACK of MQTT 5',
    version: 5,
    bytes: `20 0b 00 00 08
            21 1000 24 01 22 0000`,
    encode: () =>
      codec.encodeConnack(
        { sessionPresent: false, reasonCode: 0, receiveMaximum: 4_096, maximumQos: 1, topicAliasMaximum: 0 },
        5,
      ),
    expected: { type: PacketType.CONNACK, reasonCode: 0, receiveMaximum: 4_096, maximumQos: 1, topicAliasMaximum: 0 },
  },
  {
    name: 'CONNACK of MQTT 3.1.1 that refuses',
    version: 4,
    bytes: '20 02 00 02',
    encode: () => codec.encodeConnack({ sessionPresent: false, reasonCode: 0x85 }, 4),
    expected: { type: PacketType.CONNACK, reasonCode: 0x85 },
  },
  {
    name: 'SUBSCRIBE of MQTT 5',
    version: 5,
    bytes: `82 0d 0102
            02 0b 07        # subscription identifier 7
            0001 61 2d      # a: QoS 1, no local, retain as published, retain handling 2
            0001 23 00      # #: QoS 0`,
    encode: () =>
      codec.encodeSubscribe(
        0x0102,
        [
          { topicFilter: 'a', qos: 1, noLocal: true, retainAsPublished: true, retainHandling: 2 },
          { topicFilter: '#', qos: 0, noLocal: false, retainAsPublished: false, retainHandling: 0 },
        ],
        7,
        5,
      ),
    expected: {
      type: PacketType.SUBSCRIBE,
      packetIdentifier: 0x0102,
      subscriptionIdentifier: 7,
      subscriptions: [
        {
          topicFilter: 'a',
          qos: 1,
          noLocal: true,
          retainAsPublished: true,
          retainHandling: 2,
          shareName: undefined,
          matchedFilter: 'a',
          problem: undefined,
        },
        {
          topicFilter: '#',
          qos: 0,
          noLocal: false,
          retainAsPublished: false,
          retainHandling: 0,
          shareName: undefined,
          matchedFilter: '#',
          problem: undefined,
        },
      ],
    },
  },
  {
    name: 'SUBSCRIBE of MQTT 3.1.1',
    version: 4,
    bytes: '82 06 0001 0001 61 01',
    encode: () =>
      codec.encodeSubscribe(
        1,
        [{ topicFilter: 'a', qos: 1, noLocal: false, retainAsPublished: false, retainHandling: 0 }],
        0,
        4,
      ),
    expected: {
      subscriptions: [
        {
          topicFilter: 'a',
          qos: 1,
          noLocal: false,
          retainAsPublished: false,
          retainHandling: 0,
          shareName: undefined,
          matchedFilter: 'a',
          problem: undefined,
        },
      ],
    },
  },
  {
    name: 'SUBACK of MQTT 5',
    version: 5,
    bytes: '90 06 0001 00 00 01 9e',
    encode: () => codec.encodeSuback(1, [0, 1, 0x9e], 5),
    expected: { type: PacketType.SUBACK, packetIdentifier: 1, reasonCodes: [0, 1, 0x9e] },
  },
  {
    name: 'SUBACK of MQTT 3.1.1',
    version: 4,
    bytes: '90 05 0001 00 01 80',
    encode: () => codec.encodeSuback(1, [0, 1, 0x9e], 4),
    expected: { reasonCodes: [0, 1, 0x80] },
  },
  {
    name: 'UNSUBSCRIBE of MQTT 5',
    version: 5,
    bytes: 'a2 09 0001 00 0001 61 0001 62',
    encode: () => codec.encodeUnsubscribe(1, ['a', 'b'], 5),
    expected: { type: PacketType.UNSUBSCRIBE, packetIdentifier: 1, topicFilters: ['a', 'b'] },
  },
  {
    name: 'UNSUBACK of MQTT 5',
    version: 5,
    bytes: 'b0 05 0001 00 00 11',
    encode: () => codec.encodeUnsuback(1, [0, 0x11], 5),
    expected: { type: PacketType.UNSUBACK, reasonCodes: [0, 0x11] },
  },
  {
    name: 'UNSUBACK of MQTT 3.1.1',
    version: 4,
    bytes: 'b0 02 0001',
    encode: () => codec.encodeUnsuback(1, [0, 0x11], 4),
    expected: { type: PacketType.UNSUBACK, reasonCodes: [] },
  },
  {
    name: 'PUBACK with a reason',
    version: 5,
    bytes: '40 04 0001 97 00',
    encode: () => codec.encodeRefusingPuback(1, 0x97),
    expected: { type: PacketType.PUBACK, packetIdentifier: 1, reasonCode: 0x97 },
  },
  {
    name: 'DISCONNECT with a reason and a sentence',
    version: 5,
    bytes: 'e0 09 8e 07 1f 0004 676f6e65',
    encode: () => codec.encodeDisconnect(0x8e, 'gone', 5),
    expected: { type: PacketType.DISCONNECT, reasonCode: 0x8e, reasonString: 'gone' },
  },
  {
    name: 'DISCONNECT without',
    version: 5,
    bytes: 'e0 00',
    encode: () => codec.encodeDisconnect(0, undefined, 5),
    expected: { type: PacketType.DISCONNECT, reasonCode: 0, sessionExpiryInterval: -1 },
  },
  {
    name: 'PINGREQ',
    version: 4,
    bytes: 'c0 00',
    encode: () => codec.PINGREQ,
    expected: { type: PacketType.PINGREQ },
  },
];

for (const { name, version, bytes, encode, expected } of FIXTURES) {
  const packet = hex(bytes);

  test(`${name}: encode`, () => {
    assert.is(toHex(encode()), toHex(packet));
  });

  test(`${name}: decode`, () => {
    const found = decode(packet, version) as unknown as Record<string, unknown>;
    for (const [field, value] of Object.entries(expected)) assert.equal(found[field], value, field);
  });

  test(`${name}: every truncation of the body is refused or another valid packet`, () => {
    const splitter = new PacketSplitter(1_000);
    splitter.push(packet);
    splitter.next();
    const { bodyStart } = splitter;
    for (let end = bodyStart; end < packet.length; end++) {
      // Reason codes and properties at the end may be left out, acknowledgements and lists may be shorter.
      const shorter = Uint8Array.from([packet[0], end - bodyStart, ...packet.slice(bodyStart, end)]);
      try {
        decode(shorter, version);
        assert.ok([2, 4, 8, 9, 10, 11, 14].includes(packet[0] >> 4), `CONNECT of ${end} bytes was read`);
      } catch (error) {
        assert.instance(error, PacketError, String(error));
      }
    }
  });
}

test('CONNECT with a will keeps the order of its user properties', () => {
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
  assert.is(packet.type, PacketType.CONNECT);
  const { will } = packet as codec.ConnectPacket;
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
        userProperties: [
          ['k', '1'],
          ['k', '2'],
          ['__proto__', 'x'],
        ],
      },
    }),
    5,
  ) as codec.ConnectPacket;
  assert.ok(will);
  assert.is(will.delayInterval, 3);
  assert.is(text(will.payload), 'gone');
  assert.is(
    toHex(will.properties),
    toHex(hex('01 01 03 0001 74 26 0001 6b 0001 31 26 0001 6b 0001 32 26 0009 5f5f70726f746f5f5f 0001 78')),
  );
});

const REFUSED: readonly [string, string, ProtocolVersion, number][] = [
  ['packet type 0', '00 00', 5, 0x81],
  ['AUTH in MQTT 3.1.1', 'f0 00', 4, 0x81],
  ['reserved flags of SUBSCRIBE', '80 07 0001 00 0001 61 00', 5, 0x81],
  ['reserved flags of PINGREQ', 'c1 00', 5, 0x81],
  ['PINGREQ with a body', 'c0 01 00', 5, 0x81],
  ['identifier 0', '82 07 0000 00 0001 61 00', 5, 0x81],
  ['SUBSCRIBE without filters', '82 03 0001 00', 5, 0x82],
  ['SUBSCRIBE with QoS 3', '82 07 0001 00 0001 61 03', 5, 0x82],
  ['SUBSCRIBE with retain handling 3', '82 07 0001 00 0001 61 30', 5, 0x82],
  ['SUBSCRIBE with reserved options', '82 07 0001 00 0001 61 40', 5, 0x81],
  ['MQTT 5 options in MQTT 3.1.1', '82 06 0001 0001 61 04', 4, 0x81],
  ['SUBSCRIBE without options', '82 06 0001 00 0001 61', 5, 0x81],
  ['a filter with U+0000', '82 07 0001 00 0001 00 00', 5, 0x81],
  ['UNSUBSCRIBE without filters', 'a2 03 0001 00', 5, 0x82],
  ["properties that are no PUBACK's", '40 07 0001 00 03 21 0001', 5, 0x82],
  ['PUBACK with bytes at its end', '40 03 0001 00', 4, 0x81],
  ['DISCONNECT with a body in MQTT 3.1.1', 'e0 01 00', 4, 0x81],
  ['an unknown reason code of DISCONNECT', 'e0 01 7f', 5, 0x81],
  ['a repeated property', 'e0 0a 00 08 1f 0001 61 1f 0001 62', 5, 0x82],
  ['a CONNACK flag', '20 03 02 00 00', 5, 0x81],
  ['a refusal with session', '20 03 01 80 00', 5, 0x82],
  ['CONNECT for another protocol', '10 0c 0004 4d515455 04 02 0000 0000', 4, 0x84],
  ['CONNECT of level 6', '10 0d 0004 4d515454 06 02 0000 00 0000', 5, 0x84],
  ['CONNECT of a bridge', '10 0c 0004 4d515454 84 02 0000 0000', 4, 0x84],
  ['CONNECT with its reserved flag', '10 0d 0004 4d515454 05 03 0000 00 0000', 5, 0x81],
  ['CONNECT with options of a will and no will', '10 0d 0004 4d515454 05 0a 0000 00 0000', 5, 0x81],
  ['CONNECT with a will of QoS 3', '10 0d 0004 4d515454 05 1e 0000 00 0000', 5, 0x81],
  ['a password without user name in MQTT 3.1.1', '10 0f 0004 4d515454 04 42 0000 0000 0001 61', 4, 0x81],
  ['CONNECT with bytes at its end', '10 0e 0004 4d515454 05 02 0000 00 0000 00', 5, 0x81],
];

for (const [what, bytes, version, reasonCode] of REFUSED) {
  test(`refuses ${what}`, () => {
    assert.throws(
      () => decode(hex(bytes), version),
      (error: PacketError) => error instanceof PacketError && error.reasonCode === reasonCode,
    );
  });
}

test('a packet that fails does not disturb the next one', () => {
  for (let i = 0; i < 3; i++) {
    assert.throws(() => decode(hex('e0 01 7f'), 5));
    assert.is((decode(hex('90 04 0001 00 00'), 5) as codec.SubackPacket).packetIdentifier, 1);
  }
});

test('the short PUBACK is written and read without mqtt-packet', () => {
  const packet = encodePuback(0x1234);
  assert.is(toHex(packet), '40021234');
  assert.is(readShortPuback(0x40, packet, 2, 4), 0x1234);
  assert.is(readShortPuback(0x50, packet, 2, 4), 0);
  assert.is(readShortPuback(0x40, hex('40 03 0001 00'), 2, 5), 0);
  assert.equal(oracle(packet, 5)?.messageId, 0x1234);
});

test('mqtt-packet reads what we write, in both versions', () => {
  const subscription = { topicFilter: 'a/+', qos: 1, noLocal: false, retainAsPublished: false, retainHandling: 0 };
  for (const version of [4, 5] as const) {
    const packets: [string, Uint8Array][] = [
      ['connect', codec.encodeConnect({ protocolVersion: version, clientId: 'c', cleanStart: true, keepAlive: 1 })],
      ['connack', codec.encodeConnack({ sessionPresent: false, reasonCode: 0 }, version)],
      ['subscribe', codec.encodeSubscribe(3, [subscription], 0, version)],
      ['suback', codec.encodeSuback(3, [1], version)],
      ['unsubscribe', codec.encodeUnsubscribe(3, ['a/+'], version)],
      ['unsuback', codec.encodeUnsuback(3, [0], version)],
      ['disconnect', codec.encodeDisconnect(0, undefined, version)],
      ['pingreq', codec.PINGREQ],
      ['pingresp', codec.PINGRESP],
    ];
    for (const [name, packet] of packets) assert.is(oracle(packet, version)?.cmd, name);
  }
});

function oracle(packet: Uint8Array, version: ProtocolVersion): ForeignPacket | undefined {
  const parser = mqttPacket.parser({ protocolVersion: version });
  let found: ForeignPacket | undefined;
  parser.on('packet', (packet) => {
    found = packet;
  });
  parser.on('error', (error) => {
    throw error;
  });
  parser.parse(Buffer.from(packet));
  return found;
}

test.run();
