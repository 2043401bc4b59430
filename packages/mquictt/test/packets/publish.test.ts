import mqttPacket from 'mqtt-packet';
import type { IPublishPacket } from 'mqtt-packet';
import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PacketError } from '../../src/errors.ts';
import { encodeMessageProperties, readMessageProperties } from '../../src/packets/message-properties.ts';
import { PublishView, encodePublish, publishSize } from '../../src/packets/publish.ts';
import type { EncodedPublish, PublishFields } from '../../src/packets/publish.ts';
import type { ProtocolVersion } from '../../src/packets/packet-types.ts';
import { PacketSplitter } from '../../src/packets/splitter.ts';
import { assertRefused } from '../support/codec.ts';
import { concat, hex, text, toHex, utf8 } from '../support/hex.ts';
import { SEED } from '../support/seed.ts';

const test = suite('publish');

function bytesOf(encoded: EncodedPublish, packetIdentifier = 0): Uint8Array {
  const bytes = concat(encoded.buffer.subarray(encoded.start, encoded.end), encoded.payload);
  if (encoded.identifierOffset !== -1) {
    bytes[encoded.identifierOffset - encoded.start] = packetIdentifier >> 8;
    bytes[encoded.identifierOffset - encoded.start + 1] = packetIdentifier & 0xff;
  }
  return bytes;
}

function view(packet: Uint8Array, version: ProtocolVersion): PublishView {
  const splitter = new PacketSplitter(268_435_460);
  splitter.push(packet);
  const header = splitter.next();
  assert.is.not(header, -1);
  const found = new PublishView();
  found.read(header, splitter.buffer, splitter.bodyStart, splitter.end, version);
  return found;
}

function oracle(packet: Uint8Array, version: ProtocolVersion): IPublishPacket {
  const parser = mqttPacket.parser({ protocolVersion: version });
  let found: IPublishPacket | undefined;
  parser.on('packet', (packet) => {
    found = packet as IPublishPacket;
  });
  parser.on('error', (error) => {
    throw error;
  });
  parser.parse(Buffer.from(packet));
  assert.ok(found);
  return found as IPublishPacket;
}

interface Fixture {
  readonly name: string;
  readonly version: ProtocolVersion;
  readonly bytes: string;
  readonly fields: PublishFields;
  readonly packetIdentifier: number;
}

const FIXTURES: readonly Fixture[] = [
  {
    name: 'MQTT 3.1.1, QoS 0',
    version: 4,
    bytes: `30 12                     # PUBLISH, 18 bytes
            000b 68656c6c6f2f776f726c64 # hello/world
            68656c6c6f                  # hello`,
    fields: { topic: utf8('hello/world'), payload: utf8('hello'), qos: 0, retain: false },
    packetIdentifier: 0,
  },
  {
    name: 'MQTT 5, QoS 1, RETAIN',
    version: 5,
    bytes: `33 0d      # PUBLISH, QoS 1, RETAIN
            0003 612f62 # a/b
            1234        # packet identifier
            00          # no properties
            68656c6c6f  # hello`,
    fields: { topic: utf8('a/b'), payload: utf8('hello'), qos: 1, retain: true },
    packetIdentifier: 0x1234,
  },
  {
    name: 'MQTT 5 with subscription identifiers and properties of the message, empty payload',
    version: 5,
    bytes: `30 17
            0001 61            # a
            13                 # 19 bytes of properties
            0b 01              # subscription identifier 1
            0b 8001            # subscription identifier 128
            03 0001 78         # content type x
            26 0002 6b31 0001 76 # user property k1 = v
            01 00              # payload is bytes`,
    fields: {
      topic: utf8('a'),
      payload: new Uint8Array(0),
      qos: 0,
      retain: false,
      properties: hex('03 0001 78 26 0002 6b31 0001 76 01 00'),
      subscriptionIdentifiers: [1, 128],
    },
    packetIdentifier: 0,
  },
  {
    name: 'MQTT 5, QoS 2, sent again, with expiry and a topic alias beside the topic',
    version: 5,
    bytes: `3c 11
            0001 61            # a
            ffff               # packet identifier
            08                 # 8 bytes of properties
            02 00000000        # expiry, set when it leaves
            23 ffff            # topic alias 65,535
            686921             # hi!`,
    fields: {
      topic: utf8('a'),
      payload: utf8('hi!'),
      qos: 2,
      retain: false,
      duplicate: true,
      topicAlias: 65_535,
      expiresAt: 1_000,
    },
    packetIdentifier: 0xffff,
  },
  {
    name: 'MQTT 5 with an alias instead of a topic',
    version: 5,
    bytes: '30 08 0000 03 23 0007 6869',
    fields: { topic: new Uint8Array(0), payload: utf8('hi'), qos: 0, retain: false, topicAlias: 7 },
    packetIdentifier: 0,
  },
  {
    name: 'MQTT 3.1, QoS 2, RETAIN',
    version: 3,
    bytes: '35 06 0001 61 0102 78',
    fields: { topic: utf8('a'), payload: utf8('x'), qos: 2, retain: true, topicAlias: 7, properties: hex('01 01') },
    packetIdentifier: 0x0102,
  },
];

for (const { name, version, bytes, fields, packetIdentifier } of FIXTURES) {
  const packet = hex(bytes);

  test(`${name}: encode`, () => {
    const encoded = encodePublish(fields, version);
    assert.is(toHex(bytesOf(encoded, packetIdentifier)), toHex(packet));
    assert.is(encoded.size, packet.length);
    assert.is(publishSize(fields, version), packet.length);
  });

  test(`${name}: decode`, () => {
    const found = view(packet, version);
    assert.is(found.topic(), text(fields.topic));
    assert.equal(found.payload(), fields.payload);
    assert.is(found.qos, fields.qos);
    assert.is(found.isRetain, fields.retain);
    assert.is(found.packetIdentifier, packetIdentifier);
    assert.equal(Uint8Array.from(found.forwarded), version < 5 ? hex('') : (fields.properties ?? hex('')));
    assert.is(found.isDuplicate, fields.duplicate === true);
    assert.is(found.topicAlias, version < 5 ? -1 : (fields.topicAlias ?? -1));
  });

  test(`${name}: every truncation is refused or has a shorter payload`, () => {
    const splitter = new PacketSplitter(1_000);
    splitter.push(packet);
    const header = splitter.next();
    const { bodyStart } = splitter;
    const found = new PublishView();
    const whole = view(packet, version);
    for (let end = bodyStart; end < packet.length; end++) {
      try {
        found.read(header, packet, bodyStart, end, version);
        assert.ok(end >= whole.payloadStart, `${end} bytes were enough`);
      } catch (error) {
        assert.instance(error, PacketError);
        assert.is((error as PacketError).reasonCode, 0x81);
      }
    }
  });
}

const REFUSED: readonly [string, string, number, ProtocolVersion?][] = [
  ['[MQTT-3.3.1-4] QoS 3', '36 06 0001 61 0001 00', 0x81],
  ['[MQTT311-3.3.1-4] QoS 3', '36 05 0001 61 0001', 0x81, 4],
  ['[MQTT-3.3.1-2] DUP with QoS 0', '38 04 0001 61 00', 0x81],
  ['[MQTT-2.2.1-3] packet identifier 0', '32 06 0001 61 0000 00', 0x81],
  ['[MQTT311-2.3.1-1] packet identifier 0', '34 05 0001 61 0000', 0x81, 4],
  ['[MQTT-3.3.2-1] a topic that is no UTF-8', '30 04 0001 ff 00', 0x81],
  ['[MQTT-3.3.2-1] a topic longer than the packet', '30 04 0010 61 00', 0x81],
  ['[MQTT-4.7.3-2] a topic with U+0000', '30 04 0001 00 00', 0x81],
  ['[MQTT-1.5.4-1] a topic with a surrogate', '30 06 0003 eda080 00', 0x81],
  ['§3.3.2.1 neither topic nor alias', '30 03 0000 00', 0x82],
  ['[MQTT311-4.7.3-1] an empty topic', '30 02 0000', 0x82, 4],
  ['[MQTT-3.3.2-8] topic alias 0', '30 07 0001 61 03 23 0000', 0x94],
  ['§3.3.2.3.4 two topic aliases', '30 0a 0001 61 06 23 0001 23 0002', 0x82],
  ['§3.3.2.3.3 two expiry intervals', '30 0e 0001 61 0a 02 00000001 02 00000001', 0x82],
  ['§3.3.2.3.2 payload format indicator 2', '30 06 0001 61 02 01 02', 0x82],
  ['§3.3.2.3.8 subscription identifier 0', '30 06 0001 61 02 0b 00', 0x82],
  ['[MQTT-3.3.2-13] a response topic that is no UTF-8', '30 08 0001 61 04 08 0001 ff', 0x81],
  ['[MQTT-3.3.2-14] a response topic with a wildcard', '30 08 0001 61 04 08 0001 23', 0x82],
  ['[MQTT-4.7.3-1] an empty response topic', '30 07 0001 61 03 08 0000', 0x82],
  ['[MQTT-3.3.2-19] a content type that is no UTF-8', '30 08 0001 61 04 03 0001 80', 0x81],
  ['[MQTT-1.5.7-1] a user property that is no UTF-8', '30 0b 0001 61 07 26 0001 61 0001 c0', 0x81],
  ['§2.2.2.1 no properties at all', '30 03 0001 61', 0x81],
  ['§2.2.2.1 properties longer than the packet', '30 05 0001 61 7f 00', 0x81],
  ['[MQTT-1.5.5-1] a length of properties that is too long', '30 05 0001 61 8000', 0x81],
  ['§2.2.2.2 a property of another packet', '30 07 0001 61 03 21 0001', 0x82],
  ['§2.2.2.2 an unknown property', '30 06 0001 61 02 04 01', 0x81],
];

for (const [what, bytes, reasonCode, version = 5] of REFUSED) {
  test(`${what} is refused`, () => {
    assertRefused(() => view(hex(bytes), version).topic(), reasonCode);
  });
}

test('a PUBLISH with thousands of properties is read without an object for each', () => {
  const properties = concat(...Array.from({ length: 20_000 }, () => hex('26 0001 61 0001 62')));
  const encoded = encodePublish({ topic: utf8('t'), payload: utf8('x'), qos: 0, retain: false, properties }, 5);
  const found = view(bytesOf(encoded), 5);
  assert.equal(Uint8Array.from(found.forwarded), properties);
  assert.is(text(found.payload()), 'x');
});

test('[MQTT-3.3.2-18] alias, expiry and subscription identifiers stay behind, all else is forwarded in order', () => {
  const found = view(
    hex(`30 25 0001 61
         21              # 33 bytes of properties
         26 0001 61 0001 31 # a = 1
         23 0007            # topic alias 7
         26 0001 62 0001 32 # b = 2
         02 0000003c        # expires in 60 s
         0b 05              # subscription identifier
         26 0001 61 0001 33 # a = 3
         01 01`),
    5,
  );
  assert.is(found.topicAlias, 7);
  assert.is(found.messageExpiryInterval, 60);
  assert.ok(found.hasSubscriptionIdentifier);
  assert.is(toHex(found.forwarded), toHex(hex('26 0001 61 0001 31 26 0001 62 0001 32 26 0001 61 0001 33 01 01')));
  assert.equal(readMessageProperties(found), {
    isText: true,
    messageExpiryInterval: 60,
    subscriptionIdentifiers: [5],
    userProperties: [
      ['a', '1'],
      ['b', '2'],
      ['a', '3'],
    ],
  });
});

test('properties of a message go there and back', () => {
  const properties = {
    isText: true,
    contentType: 'text/plain',
    responseTopic: 'answers/1',
    correlationData: Uint8Array.of(1, 2, 3),
    userProperties: [
      ['b', '1'],
      ['a', '2'],
      ['b', '3'],
    ] as const,
  };
  const packet = bytesOf(
    encodePublish(
      { topic: utf8('t'), payload: utf8('x'), qos: 0, retain: false, properties: encodeMessageProperties(properties) },
      5,
    ),
  );
  assert.equal(readMessageProperties(view(packet, 5)), properties);
});

test('properties that cannot be sent are refused', () => {
  assert.throws(
    () => encodeMessageProperties({ responseTopic: 'a/#' }),
    (e: { code: string }) => e.code === 'ERR_MQTT_TOPIC_NAME',
  );
  assert.throws(
    () => encodeMessageProperties({ contentType: 'a\0' }),
    (e: { code: string }) => e.code === 'ERR_MQTT_INVALID_ARGUMENT',
  );
  assert.throws(
    () => encodeMessageProperties({ correlationData: new Uint8Array(65_536) }),
    (e: { code: string }) => e.code === 'ERR_MQTT_INVALID_ARGUMENT',
  );
});

test('a large payload is kept by reference', () => {
  const payload = new Uint8Array(5_000);
  const encoded = encodePublish({ topic: utf8('t'), payload, qos: 1, retain: false }, 5);
  assert.is(encoded.payload, payload);
  assert.equal(view(bytesOf(encoded, 1), 5).payload(), payload);
});

test('[MQTT-3.3.1-1] a duplicate has its identifier and DUP', () => {
  const encoded = encodePublish({ topic: utf8('t'), payload: utf8('x'), qos: 1, retain: true }, 5);
  const found = view(bytesOf(encoded.asDuplicate(0x0102)), 5);
  assert.ok(found.isDuplicate);
  assert.is(found.packetIdentifier, 0x0102);
  assert.is(found.isRetain, true);
  // The shared one is as before.
  assert.not.ok(view(bytesOf(encoded, 9), 5).isDuplicate);
});

const anyTopic = fc.stringMatching(/^[a-zäß/ ]{1,40}$/);
const anyFields = fc.record({
  topic: anyTopic,
  payload: fc.uint8Array({ maxLength: 6_000 }),
  qos: fc.constantFrom(0, 1, 2),
  retain: fc.boolean(),
  contentType: fc.option(fc.stringMatching(/^[a-z/]{0,20}$/), { nil: undefined }),
  userProperties: fc.array(fc.tuple(fc.stringMatching(/^[a-z]{0,3}$/), fc.stringMatching(/^[a-z]{0,3}$/)), {
    maxLength: 5,
  }),
});

test('mqtt-packet reads what we write', () => {
  fc.assert(
    fc.property(anyFields, fc.constantFrom(4 as const, 5 as const), (fields, version) => {
      const { topic, payload, qos, retain, contentType, userProperties } = fields;
      const properties = encodeMessageProperties({
        ...(contentType === undefined ? {} : { contentType }),
        userProperties,
      });
      const encoded = encodePublish({ topic: utf8(topic), payload, qos, retain, properties }, version);
      const found = oracle(bytesOf(encoded, 77), version);
      assert.is(found.topic, topic);
      assert.is(toHex(found.payload as Buffer), toHex(payload));
      assert.is(found.qos, qos);
      assert.is(found.retain, retain);
      if (qos > 0) assert.is(found.messageId, 77);
      if (version === 5) assert.is(found.properties?.contentType, contentType);
    }),
    { seed: SEED },
  );
});

test('we read what mqtt-packet writes', () => {
  fc.assert(
    fc.property(anyFields, fc.constantFrom(4 as const, 5 as const), (fields, version) => {
      const { topic, payload, qos, retain, contentType } = fields;
      const packet = mqttPacket.generate(
        {
          cmd: 'publish',
          topic,
          payload: Buffer.from(payload),
          qos: qos as 0 | 1 | 2,
          retain,
          dup: false,
          messageId: 5,
          ...(version === 5 && contentType !== undefined ? { properties: { contentType } } : {}),
        },
        { protocolVersion: version },
      );
      const found = view(new Uint8Array(packet), version);
      assert.is(found.topic(), topic);
      assert.is(toHex(found.payload()), toHex(payload));
      assert.is(found.qos, qos);
      assert.is(found.isRetain, retain);
      if (version === 5) assert.is(readMessageProperties(found).contentType, contentType);
    }),
    { seed: SEED },
  );
});

test.run();
