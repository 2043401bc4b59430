import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { MAX_FILTERS_PER_PACKET, MAX_TOPIC_LEVELS } from '../../src/limits.ts';
import * as codec from '../../src/packets/codec.ts';
import type {
  ReceivedSubscription,
  SubackPacket,
  SubscribePacket,
  UnsubscribePacket,
} from '../../src/packets/codec.ts';
import { PacketType } from '../../src/packets/packet-types.ts';
import { assertRefused, decode, packetOf, refusal, testFixture, testRefusal } from '../support/codec.ts';
import type { Fixture } from '../support/codec.ts';
import { hex, toHex } from '../support/hex.ts';

const test = suite('subscribe');

const PLAIN = { qos: 0, noLocal: false, retainAsPublished: false, retainHandling: 0 };

function received(topicFilter: string, more: Partial<ReceivedSubscription> = {}): ReceivedSubscription {
  return { topicFilter, ...PLAIN, shareName: undefined, matchedFilter: topicFilter, problem: undefined, ...more };
}

const FIXTURES: readonly Fixture[] = [
  {
    name: 'SUBSCRIBE of MQTT 5',
    version: 5,
    sender: 'client',
    bytes: `82 14 0102
            09 0b 07 26 0001 61 0001 62 # subscription identifier 7, a = b
            0001 61 2d      # a: QoS 1, no local, retain as published, retain handling 2
            0001 23 00      # #: QoS 0`,
    encode: () =>
      codec.encodeSubscribe(
        0x0102,
        [
          { topicFilter: 'a', qos: 1, noLocal: true, retainAsPublished: true, retainHandling: 2 },
          { topicFilter: '#', ...PLAIN },
        ],
        7,
        5,
        [['a', 'b']],
      ),
    expected: {
      type: PacketType.SUBSCRIBE,
      packetIdentifier: 0x0102,
      subscriptionIdentifier: 7,
      subscriptions: [
        received('a', { qos: 1, noLocal: true, retainAsPublished: true, retainHandling: 2 }),
        received('#'),
      ],
      userProperties: [['a', 'b']],
    },
    shorter: [16],
  },
  {
    name: 'SUBSCRIBE of MQTT 5 with the largest subscription identifier and a shared subscription',
    version: 5,
    sender: 'client',
    bytes: `82 18 0001 05 0b ffffff7f
            000d 2473686172652f672f612f2b2f 00
            `,
    encode: () => codec.encodeSubscribe(1, [{ topicFilter: '$share/g/a/+/', ...PLAIN }], 268_435_455, 5),
    expected: {
      subscriptionIdentifier: 268_435_455,
      subscriptions: [received('$share/g/a/+/', { shareName: 'g', matchedFilter: 'a/+/' })],
    },
  },
  {
    name: 'SUBSCRIBE of MQTT 3.1.1',
    version: 4,
    sender: 'client',
    bytes: '82 06 0001 0001 61 01',
    encode: () =>
      codec.encodeSubscribe(
        1,
        [{ topicFilter: 'a', qos: 1, noLocal: true, retainAsPublished: true, retainHandling: 2 }],
        9,
        4,
      ),
    expected: { subscriptionIdentifier: 0, subscriptions: [received('a', { qos: 1 })], userProperties: [] },
  },
  {
    name: 'SUBSCRIBE of MQTT 3.1 that is sent again, with bits that are not used',
    version: 3,
    sender: 'client',
    bytes: '8a 06 0001 0001 61 fe',
    expected: { packetIdentifier: 1, subscriptions: [received('a', { qos: 2 })] },
  },
  {
    name: 'SUBACK of MQTT 5',
    version: 5,
    sender: 'server',
    bytes: '90 0e 0001 08 1f 0005 7361646c79 00 02 9e',
    encode: () => codec.encodeSuback(1, [0, 2, 0x9e], 5, { reasonString: 'sadly' }),
    expected: { type: PacketType.SUBACK, packetIdentifier: 1, reasonCodes: [0, 2, 0x9e], reasonString: 'sadly' },
    shorter: [12, 13],
  },
  {
    name: 'SUBACK of MQTT 3.1.1',
    version: 4,
    sender: 'server',
    bytes: '90 05 0001 00 01 80',
    encode: () => codec.encodeSuback(1, [0, 1, 0x9e], 4, { reasonString: 'never sent' }),
    expected: { reasonCodes: [0, 1, 0x80] },
    shorter: [3, 4],
  },
  {
    name: 'SUBACK of MQTT 3.1, which cannot refuse',
    version: 3,
    sender: 'server',
    bytes: '90 05 0001 00 02 00',
    encode: () => codec.encodeSuback(1, [0, 2, 0x9e], 3),
    expected: { reasonCodes: [0, 2, 0] },
    shorter: [3, 4],
  },
  {
    name: 'UNSUBSCRIBE of MQTT 5',
    version: 5,
    sender: 'client',
    bytes: 'a2 10 0001 07 26 0001 61 0001 62 0001 61 0001 62',
    encode: () => codec.encodeUnsubscribe(1, ['a', 'b'], 5, [['a', 'b']]),
    expected: {
      type: PacketType.UNSUBSCRIBE,
      packetIdentifier: 1,
      topicFilters: ['a', 'b'],
      userProperties: [['a', 'b']],
    },
    shorter: [13],
  },
  {
    name: 'UNSUBSCRIBE of MQTT 3.1.1',
    version: 4,
    sender: 'client',
    bytes: 'a2 08 0001 0001 61 0001 62',
    encode: () => codec.encodeUnsubscribe(1, ['a', 'b'], 4),
    expected: { topicFilters: ['a', 'b'] },
    shorter: [5],
  },
  {
    name: 'UNSUBSCRIBE of MQTT 3.1 that is sent again',
    version: 3,
    sender: 'client',
    bytes: 'aa 05 0001 0001 61',
    expected: { topicFilters: ['a'] },
  },
  {
    name: 'UNSUBACK of MQTT 5',
    version: 5,
    sender: 'server',
    bytes: 'b0 0c 0001 07 26 0001 61 0001 62 00 11',
    encode: () => codec.encodeUnsuback(1, [0, 0x11], 5, { userProperties: [['a', 'b']] }),
    expected: { type: PacketType.UNSUBACK, reasonCodes: [0, 0x11], userProperties: [['a', 'b']] },
    shorter: [11],
  },
  ...([3, 4] as const).map((version): Fixture => ({
    name: `UNSUBACK of level ${version}`,
    version,
    sender: 'server',
    bytes: 'b0 02 0001',
    encode: () => codec.encodeUnsuback(1, [0, 0x11], version),
    expected: { type: PacketType.UNSUBACK, reasonCodes: [] },
  })),
];
for (const fixture of FIXTURES) testFixture(test, fixture);

const REFUSED = [
  refusal('[MQTT-3.8.1-1]', 'SUBSCRIBE with other flags', 5, '80 07 0001 00 0001 61 00', 0x81),
  refusal('[MQTT311-3.8.1-1]', 'SUBSCRIBE with DUP', 4, '8a 06 0001 0001 61 00', 0x81),
  refusal('[MQTT-2.2.1-3]', 'SUBSCRIBE with identifier 0', 5, '82 07 0000 00 0001 61 00', 0x81),
  refusal('[MQTT311-2.3.1-1]', 'SUBSCRIBE with identifier 0', 4, '82 06 0000 0001 61 00', 0x81),
  refusal('[MQTT-3.8.3-1]', 'a filter that is no UTF-8', 5, '82 07 0001 00 0001 ff 00', 0x81),
  refusal('[MQTT-1.5.4-2]', 'a filter with U+0000', 5, '82 07 0001 00 0001 00 00', 0x81),
  refusal('[MQTT-3.8.3-2]', 'SUBSCRIBE without filters', 5, '82 03 0001 00', 0x82),
  refusal('[MQTT311-3.8.3-3]', 'SUBSCRIBE without filters', 4, '82 02 0001', 0x82),
  refusal('[MQTT-3.8.3-4]', 'No Local of a shared subscription', 5, `82 0f 0001 00 0009 2473686172652f672f 04`, 0x82),
  refusal('[MQTT-3.8.3-5]', 'reserved bit 6 of the options', 5, '82 07 0001 00 0001 61 40', 0x81),
  refusal('[MQTT-3.8.3-5]', 'reserved bit 7 of the options', 5, '82 07 0001 00 0001 61 80', 0x81),
  refusal('[MQTT311-3.8.3-4]', 'options of MQTT 5', 4, '82 06 0001 0001 61 04', 0x81),
  refusal('§3.8.3.1', 'QoS 3', 5, '82 07 0001 00 0001 61 03', 0x82),
  refusal('[MQTT311-3.8.3-4]', 'QoS 3', 4, '82 06 0001 0001 61 03', 0x82),
  refusal('MQTT 3.1:', 'QoS 3', 3, '82 06 0001 0001 61 03', 0x82),
  refusal('§3.8.3.1', 'retain handling 3', 5, '82 07 0001 00 0001 61 30', 0x82),
  refusal('§3.8.2.1.2', 'subscription identifier 0', 5, '82 09 0001 02 0b 00 0001 61 00', 0x82),
  refusal('§3.8.2.1.2', 'two subscription identifiers', 5, '82 0b 0001 04 0b 01 0b 02 0001 61 00', 0x82),
  refusal('[MQTT-1.5.5-1]', 'a subscription identifier that is too long', 5, '82 0a 0001 03 0b 8100 0001 61 00', 0x81),
  refusal('§1.5.5', 'a subscription identifier of five bytes', 5, '82 0d 0001 06 0b ffffffff01 0001 61 00', 0x81),
  refusal('§3.8.3', 'a filter without options', 5, '82 06 0001 00 0001 61', 0x81),
  refusal('§3.8.2.1', 'a reason string in SUBSCRIBE', 5, '82 0b 0001 04 1f 0001 61 0001 61 00', 0x82),
  refusal('§3.8', 'SUBSCRIBE from a server', 5, '82 07 0001 00 0001 61 00', 0x82, 'server'),
  refusal('[MQTT-3.10.1-1]', 'UNSUBSCRIBE with other flags', 5, 'a0 06 0001 00 0001 61', 0x81),
  refusal('[MQTT311-3.10.1-1]', 'UNSUBSCRIBE with DUP', 4, 'aa 05 0001 0001 61', 0x81),
  refusal('[MQTT-2.2.1-3]', 'UNSUBSCRIBE with identifier 0', 5, 'a2 06 0000 00 0001 61', 0x81),
  refusal('[MQTT-3.10.3-1]', 'UNSUBSCRIBE of a filter that is no UTF-8', 5, 'a2 06 0001 00 0001 ff', 0x81),
  refusal('[MQTT-3.10.3-2]', 'UNSUBSCRIBE without filters', 5, 'a2 03 0001 00', 0x82),
  refusal('[MQTT311-3.10.3-2]', 'UNSUBSCRIBE without filters', 4, 'a2 02 0001', 0x82),
  refusal('§3.10.2.1', 'a subscription identifier in UNSUBSCRIBE', 5, 'a2 08 0001 02 0b 01 0001 61', 0x82),
  refusal('§2.2.1', 'SUBACK for identifier 0', 5, '90 04 0000 00 00', 0x81),
  refusal('§3.9.3', 'SUBACK without reason codes', 5, '90 03 0001 00', 0x81),
  refusal('[MQTT311-3.9.3-2]', 'SUBACK with another return code', 4, '90 03 0001 87', 0x81),
  refusal('§3.11.3', 'UNSUBACK without reason codes', 5, 'b0 03 0001 00', 0x81),
  refusal('MQTT 3.1.1 §3.11.3:', 'UNSUBACK with a payload', 4, 'b0 03 0001 00', 0x81),
  refusal('§3.9', 'SUBACK from a client', 5, '90 04 0001 00 00', 0x82, 'client'),
  refusal('§3.11', 'UNSUBACK from a client', 5, 'b0 04 0001 00 00', 0x82, 'client'),
];
for (const row of REFUSED) testRefusal(test, row);

for (const [name, type, statement, allowed] of [
  ['SUBACK', PacketType.SUBACK, '[MQTT-3.9.3-2]', [0, 1, 2, 0x80, 0x83, 0x87, 0x8f, 0x91, 0x97, 0x9e, 0xa1, 0xa2]],
  ['UNSUBACK', PacketType.UNSUBACK, '[MQTT-3.11.3-2]', [0, 0x11, 0x80, 0x83, 0x87, 0x8f, 0x91]],
] as const)
  test(`${statement} ${name} has the reason codes of its table and no other`, () => {
    for (let code = 0; code < 256; code++) {
      const packet = packetOf(type << 4, Uint8Array.of(0, 1, 0, code));
      if ((allowed as readonly number[]).includes(code))
        assert.equal((decode(packet, 5) as SubackPacket).reasonCodes, [code]);
      else assertRefused(() => decode(packet, 5), 0x81);
    }
  });

function problemOf(topicFilter: string): string | undefined {
  const packet = codec.encodeSubscribe(1, [{ topicFilter, ...PLAIN }], 0, 5);
  return (decode(packet, 5, 'client') as SubscribePacket).subscriptions[0].problem;
}

test('[MQTT-4.8.2-1] [MQTT-4.8.2-2] a shared subscription is taken to pieces, or told what is wrong with it', () => {
  const parts = (topicFilter: string): unknown => {
    const packet = codec.encodeSubscribe(1, [{ topicFilter, ...PLAIN }], 0, 5);
    const { shareName, matchedFilter } = (decode(packet, 5) as SubscribePacket).subscriptions[0];
    return [shareName, matchedFilter];
  };
  assert.equal(parts('$share/group/a/b'), ['group', 'a/b']);
  assert.equal(parts('$share/g/#'), ['g', '#']);
  assert.equal(parts('$share/g//'), ['g', '/']);
  assert.equal(parts('$share/g/$share/h/a'), ['g', '$share/h/a']);
  assert.equal(parts('$shared/g/a'), [undefined, '$shared/g/a']);
  assert.equal(parts('a/$share/g'), [undefined, 'a/$share/g']);
  assert.is(problemOf('$share'), 'has no share name after $share');
  assert.is(problemOf('$share/'), 'has no share name after $share');
  assert.is(problemOf('$share//a'), 'has no share name after $share');
  assert.is(problemOf('$share/g'), 'has no topic filter after its share name');
  assert.is(problemOf('$share/g/'), 'has no topic filter after its share name');
  assert.is(problemOf('$share/+/a'), 'has a wildcard (+ or #) in its share name');
  assert.is(problemOf('$share/g#/a'), 'has a wildcard (+ or #) in its share name');
  assert.is(problemOf('$share/g/a#'), 'has a # that is not a level of its own');
});

test('[MQTT-4.7.1-1] [MQTT-4.7.1-2] [MQTT-4.7.3-1] what is wrong with a filter is said of that filter, and the packet is read', () => {
  const packet = codec.encodeSubscribe(
    1,
    ['a/+', 'a/#/b', 'a+', ''].map((topicFilter) => ({ topicFilter, ...PLAIN })),
    0,
    5,
  );
  const problems = (decode(packet, 5) as SubscribePacket).subscriptions.map(({ problem }) => problem);
  assert.equal(problems, [undefined, 'has a # before its end', 'has a + that is not a level of its own', 'is empty']);
});

test('[MQTT-4.7.3-3] filters of 65,535 bytes or of 32,000 levels are no reason to refuse the packet', () => {
  assert.ok(problemOf('x'.repeat(65_535)) !== undefined);
  assert.ok(problemOf(`${'+/'.repeat(31_999)}+`) !== undefined);
  assert.is(problemOf('/'.repeat(MAX_TOPIC_LEVELS - 1)), undefined);
  assert.is(problemOf(`$share/g/${'/'.repeat(MAX_TOPIC_LEVELS - 1)}`), undefined);
  assert.is(
    problemOf(`$share/g/${'/'.repeat(MAX_TOPIC_LEVELS)}`),
    `has ${MAX_TOPIC_LEVELS + 1} levels, more than ${MAX_TOPIC_LEVELS}`,
  );
});

test('filters in one packet are counted', () => {
  const filters = Array.from({ length: MAX_FILTERS_PER_PACKET }, () => 'a');
  const subscriptions = filters.map((topicFilter) => ({ topicFilter, ...PLAIN }));
  const read = decode(codec.encodeSubscribe(1, subscriptions, 0, 5), 5) as SubscribePacket;
  assert.is(read.subscriptions.length, MAX_FILTERS_PER_PACKET);
  assertRefused(() => decode(codec.encodeSubscribe(1, [...subscriptions, subscriptions[0]], 0, 5), 5), 0x83);
  assert.is((decode(codec.encodeUnsubscribe(1, filters, 4), 4) as UnsubscribePacket).topicFilters.length, 1_024);
  assertRefused(() => decode(codec.encodeUnsubscribe(1, [...filters, 'a'], 4), 4), 0x83);
});

test('the fixed header counts the body, whatever its length', () => {
  for (const length of [118, 119, 16_374, 16_375]) {
    const packet = codec.encodeUnsubscribe(1, ['x'.repeat(length)], 5);
    assert.is((decode(packet, 5) as UnsubscribePacket).topicFilters[0].length, length);
  }
  assert.is(toHex(codec.encodeUnsubscribe(1, ['x'.repeat(122)], 5).subarray(0, 6)), toHex(hex('a2 7f 0001 00 00')));
  assert.is(toHex(codec.encodeUnsubscribe(1, ['x'.repeat(123)], 5).subarray(0, 6)), toHex(hex('a2 8001 0001 00')));
});

test.run();
