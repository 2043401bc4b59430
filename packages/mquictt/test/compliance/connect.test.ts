/** MQTT 5 and 3.1.1, section 3.1: CONNECT. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as codec from '../../src/packets/codec.ts';
import type { WillFields } from '../../src/packets/codec.ts';
import { PacketType } from '../../src/packets/packet-types.ts';
import { V4, V5, VERSIONS, assertCloses, assertRefusesConnect, sendFirst, types } from '../support/compliance.ts';
import { TestBroker, publishBytes } from '../support/core-harness.ts';
import { concat, hex, utf8 } from '../support/hex.ts';

const test = suite('compliance-connect');

const WILL: WillFields = { topic: 'w', payload: utf8('x'), qos: 0, retain: false };

test('[MQTT-3.1.0-1] [MQTT311-3.1.0-1] a connection that does not begin with CONNECT is closed without an answer', () => {
  for (const version of VERSIONS)
    for (const bytes of ['c0 00', 'e0 00', '40 02 0001', '30 04 0001 61 00', '82 07 0001 00 0001 61 00', '20 02 0000'])
      assertRefusesConnect(sendFirst(version, bytes), undefined, 0x82);
});

test('[MQTT-3.1.0-2] [MQTT-3.2.0-2] [MQTT311-3.1.0-2] a second CONNECT closes the connection, and has no CONNACK', () => {
  assertCloses(5, `10 0d ${V5} 02 0000 00 0000`, 0x82);
  assertCloses(4, `10 0c ${V4} 02 0000 0000`, 0x82);
});

test('[MQTT-3.1.2-1] [MQTT311-3.1.2-1] another protocol name is not MQTT', () => {
  assertRefusesConnect(sendFirst(4, '10 0d 0004 4d515455 05 02 0000 00 0000'), 0x84, 0x84);
  assertRefusesConnect(sendFirst(4, '10 0c 0004 6d717474 04 02 0000 0000'), 0x84, 0x84);
});

test('[MQTT-3.1.2-2] [MQTT311-3.1.2-2] a level that is not supported is refused in a form that its client reads', () => {
  // The levels that came before: return code 1, which the codec calls 0x84.
  for (const level of ['00', '02'])
    assertRefusesConnect(sendFirst(4, `10 0c 0004 4d515454 ${level} 02 0000 0000`), 0x84, 0x84);
  // Those to come.
  assertRefusesConnect(sendFirst(5, '10 0d 0004 4d515454 06 02 0000 00 0000'), 0x84, 0x84);
});

/** After protocol name and level: flags, keep-alive, properties of MQTT 5, payload. */
const MALFORMED: readonly [string, string, string][] = [
  ['[MQTT-3.1.2-3] [MQTT311-3.1.2-3] the reserved flag', '03 0000 P 0000', '03 0000 0000'],
  ['[MQTT-3.1.2-9] [MQTT311-3.1.2-9] a will announced and not there', '06 0000 P 0000', '06 0000 0000'],
  ['[MQTT-3.1.2-9] [MQTT311-3.1.2-9] a will without payload', '06 0000 P 0000 P 0001 77', '06 0000 0000 0001 77'],
  ['[MQTT311-3.1.2-11] a will that was not announced', '02 0000 P 0000 P 0001 77 0000', '02 0000 0000 0001 77 0000'],
  ['[MQTT-3.1.2-11] [MQTT311-3.1.2-11] [MQTT311-3.1.2-13] Will QoS without will', '0a 0000 P 0000', '0a 0000 0000'],
  ['[MQTT-3.1.2-12] [MQTT311-3.1.2-14] Will QoS 3', '1e 0000 P 0000 P 0001 77 0000', '1e 0000 0000 0001 77 0000'],
  ['[MQTT-3.1.2-13] [MQTT311-3.1.2-11] [MQTT311-3.1.2-15] Will Retain without will', '22 0000 P 0000', '22 0000 0000'],
  ['[MQTT-3.1.2-16] [MQTT311-3.1.2-18] a user name without flag', '02 0000 P 0000 0001 75', '02 0000 0000 0001 75'],
  ['[MQTT-3.1.2-17] [MQTT311-3.1.2-19] no user name with flag', '82 0000 P 0000', '82 0000 0000'],
  [
    '[MQTT-3.1.2-18] [MQTT311-3.1.2-20] a password without flag',
    '82 0000 P 0000 0001 75 0001 70',
    '82 0000 0000 0001 75 0001 70',
  ],
  ['[MQTT-3.1.2-19] [MQTT311-3.1.2-21] no password with flag', 'c2 0000 P 0000 0001 75', 'c2 0000 0000 0001 75'],
  ['[MQTT-3.1.3-3] [MQTT311-3.1.3-3] no client identifier', '02 0000 P', '02 0000'],
  ['[MQTT-3.1.3-4] [MQTT311-3.1.3-4] a client identifier that is no text', '02 0000 P 0001 ff', '02 0000 0001 ff'],
  [
    '[MQTT-3.1.3-11] [MQTT311-3.1.3-10] a will topic that is no text',
    '06 0000 P 0000 P 0001 ff 0000',
    '06 0000 0000 0001 ff 0000',
  ],
  ['[MQTT-3.1.3-12] [MQTT311-3.1.3-11] a user name that is no text', '82 0000 P 0000 0001 ff', '82 0000 0000 0001 ff'],
  ['[MQTT-3.1.4-1] [MQTT311-3.1.4-1] bytes after the end', '02 0000 P 0000 00', '02 0000 0000 00'],
];

for (const [what, five, four] of MALFORMED)
  test(`${what} is refused with 0x81 in MQTT 5, without a word in MQTT 3.1.1`, () => {
    const packet = (head: string, rest: string): Uint8Array => {
      const body = hex(`${head} ${rest.replaceAll('P', '00')}`);
      return concat(Uint8Array.of(0x10, body.length), body);
    };
    const young = new TestBroker().open(5);
    young.control.send(packet(V5, five));
    assertRefusesConnect(young, 0x81, 0x81);
    const old = new TestBroker().open(4);
    old.control.send(packet(V4, four));
    assertRefusesConnect(old, undefined, 0x81);
  });

test('[MQTT311-3.1.2-22] a password without user name is refused in MQTT 3.1.1', () => {
  assertRefusesConnect(sendFirst(4, `10 0f ${V4} 42 0000 0000 0001 61`), undefined, 0x81);
});

test('[MQTT-3.1.2-4] [MQTT-3.1.4-4] [MQTT-3.2.2-2] [MQTT311-3.1.2-6] [MQTT311-3.1.4-3] [MQTT311-3.2.2-1] a clean start finds nothing of what was before', () => {
  for (const protocolVersion of VERSIONS) {
    const broker = new TestBroker();
    const first = broker.connect('c', { protocolVersion, cleanStart: true });
    first.control.subscribe('t');
    first.drop();
    broker.connect('p').publish('t', 'meanwhile', { qos: 1 });
    const second = broker.connect('c', { protocolVersion, cleanStart: true });
    assert.is(second.connack?.sessionPresent, false);
    broker.connect('p').publish('t', 'now', { qos: 1 });
    assert.equal(second.control.take(), []);
  }
});

test('[MQTT-3.1.2-6] [MQTT311-3.2.2-3] no clean start and no session begins one', () => {
  for (const protocolVersion of VERSIONS) {
    const broker = new TestBroker();
    const client = broker.connect('c', { protocolVersion, cleanStart: false });
    assert.is(client.connack?.sessionPresent, false);
    const reader = client.subscribe('t');
    client.publish('t', 'x');
    assert.equal(reader.texts(), ['x']);
  }
});

test('[MQTT311-3.1.2-7] retained messages stay when the session of their publisher ends', () => {
  const broker = new TestBroker();
  const publisher = broker.connect('p', { protocolVersion: 4 });
  publisher.control.publish('t', 'stays', { retain: true });
  publisher.drop();
  broker.connect('p', { protocolVersion: 4 });
  assert.equal(broker.connect('c', { protocolVersion: 4 }).subscribe('t').texts(), ['stays']);
});

test('[MQTT-3.1.2-7] [MQTT-3.1.2-8] [MQTT-3.1.2-10] [MQTT311-3.1.2-8] [MQTT311-3.1.2-10] a will is published once, when its connection is gone', () => {
  for (const protocolVersion of VERSIONS) {
    const broker = new TestBroker();
    const reader = broker.connect('reader').subscribe('w');
    const client = broker.connect('c', { protocolVersion, will: WILL });
    assert.equal(reader.texts(), []);
    client.drop();
    assert.equal(reader.texts(), ['x']);
    broker.connect('c', { protocolVersion }).drop();
    assert.equal(reader.texts(), []);
  }
});

test('[MQTT-3.1.2-8] [MQTT311-3.1.2-8] a protocol error and a silent client end as a broken connection does', () => {
  for (const protocolVersion of VERSIONS) {
    const broker = new TestBroker();
    const reader = broker.connect('reader').subscribe('w');
    broker.connect('a', { protocolVersion, will: WILL }).control.send(hex('00 00'));
    assert.equal(reader.texts(), ['x']);
    broker.connect('b', { protocolVersion, will: WILL, keepAlive: 1 });
    broker.advance(2_000);
    assert.equal(reader.texts(), ['x']);
    broker.connect('c', { protocolVersion, will: WILL }).control.end();
    assert.equal(reader.texts(), ['x']);
  }
});

test('[MQTT-3.1.2-10] [MQTT-3.14.4-3] [MQTT311-3.1.2-10] [MQTT311-3.14.4-3] DISCONNECT takes the will back', () => {
  for (const protocolVersion of VERSIONS) {
    const broker = new TestBroker();
    const reader = broker.connect('reader').subscribe('w');
    const client = broker.connect('c', { protocolVersion, will: WILL });
    client.control.send(hex('e0 00'));
    client.drop();
    broker.advance(100_000);
    assert.equal(reader.texts(), []);
  }
});

test('[MQTT311-3.1.2-12] without will nothing is published at the end', () => {
  const broker = new TestBroker();
  const reader = broker.connect('reader').subscribe('#');
  broker.connect('c', { protocolVersion: 4 }).drop();
  assert.equal(reader.texts(), []);
});

test('[MQTT-3.1.2-14] [MQTT-3.1.2-15] [MQTT311-3.1.2-16] [MQTT311-3.1.2-17] a will is retained if it says so', () => {
  for (const protocolVersion of VERSIONS)
    for (const retain of [false, true]) {
      const broker = new TestBroker();
      const reader = broker.connect('reader').subscribe('w', { retainAsPublished: true });
      broker.connect('c', { protocolVersion, will: { ...WILL, retain } }).drop();
      assert.equal(
        reader.messages().map((message) => message.retain),
        [retain],
      );
      assert.equal(broker.connect('late').subscribe('w').texts(), retain ? ['x'] : []);
    }
});

test('[MQTT-3.1.3-10] user properties of a will are published in their order', () => {
  const broker = new TestBroker();
  const reader = broker.connect('reader').subscribe('w');
  const userProperties = [
    ['b', '1'],
    ['a', '2'],
    ['b', '0'],
  ] as const;
  broker.connect('c', { will: { ...WILL, userProperties } }).drop();
  assert.equal(reader.messages()[0].properties.userProperties, userProperties);
});

test('[MQTT-3.1.2-22] [MQTT-3.2.2-22] [MQTT311-3.1.2-24] one and a half times the keep-alive without a packet closes the connection', () => {
  for (const protocolVersion of VERSIONS) {
    const broker = new TestBroker();
    const client = broker.connect('c', { protocolVersion, keepAlive: 10 });
    assert.is(client.connack?.serverKeepAlive, undefined);
    broker.advance(14_999);
    client.control.send(codec.PINGREQ);
    broker.advance(14_999);
    assert.is(client.closeCode, -1);
    broker.advance(1);
    assert.is(client.closeCode, 0x8d);
  }
});

test('[MQTT-3.1.2-24] [MQTT-3.1.2-25] a message too large for its client is left out, and takes nothing of its Receive Maximum', () => {
  const broker = new TestBroker();
  const client = broker.connect('c', { maximumPacketSize: 50, receiveMaximum: 1 });
  const reader = client.subscribe('t');
  const publisher = broker.connect('p');
  // Topic, identifier, property length: 8 bytes with the fixed header.
  for (const [size, isSent] of [
    [43, false],
    [42, true],
    [5_000, false],
  ] as const) {
    publisher.publish('t', 'x'.repeat(size), { qos: 1 });
    const messages = reader.messages();
    assert.is(messages.length, isSent ? 1 : 0, `${size} bytes`);
    for (const { packetIdentifier } of messages) reader.puback(packetIdentifier);
  }
  publisher.publish('t', 'small', { qos: 1 });
  assert.equal(reader.texts(), ['small']);
});

test('[MQTT-3.1.2-24] a retained message too large for its client is left out', () => {
  const broker = new TestBroker();
  broker.connect('p').publish('t', 'x'.repeat(100), { retain: true });
  assert.equal(broker.connect('c', { maximumPacketSize: 50 }).subscribe('t').texts(), []);
});

test('[MQTT-3.1.2-26] [MQTT-3.1.2-27] [MQTT-3.3.2-11] topic aliases go out up to the maximum of the client, without one not at all', () => {
  for (const topicAliasMaximum of [undefined, 0, 2]) {
    const broker = new TestBroker();
    const client = broker.connect('c', topicAliasMaximum === undefined ? {} : { topicAliasMaximum });
    const reader = client.subscribe('#');
    const publisher = broker.connect('p');
    for (let i = 0; i < 20; i++) publisher.publish(`topic/${i % 5}`, String(i));
    const messages = reader.messages();
    assert.is(messages.length, 20);
    for (const { topicAlias } of messages) assert.ok(topicAlias <= (topicAliasMaximum ?? 0), String(topicAlias));
    if (!topicAliasMaximum) assert.ok(messages.every(({ topic, topicAlias }) => topic !== '' && topicAlias === -1));
  }
});

test('[MQTT-3.1.2-28] Response Information is not sent to clients that did not ask', () => {
  const broker = new TestBroker();
  assert.is(broker.connect('a').connack?.responseInformation, undefined);
  const { connack } = broker.connect('b', { requestResponseInformation: false });
  assert.is(connack?.responseInformation, undefined);
});

test('[MQTT-3.1.3-2] [MQTT-3.1.4-3] [MQTT311-3.1.3-2] [MQTT311-3.1.4-2] a connection takes over from the one with its identifier, and from no other', () => {
  for (const protocolVersion of VERSIONS) {
    const broker = new TestBroker();
    const first = broker.connect('same', { protocolVersion });
    const other = broker.connect('other', { protocolVersion });
    const second = broker.connect('same', { protocolVersion });
    const packets = first.control.take();
    assert.equal(types(packets), protocolVersion === 5 ? [PacketType.DISCONNECT] : []);
    if (protocolVersion === 5) assert.is((packets[0] as codec.DisconnectPacket).reasonCode, 0x8e);
    assert.is(first.closeCode, 0x8e);
    assert.ok(first.control.isFinished);
    assert.equal([other.closeCode, second.closeCode], [-1, -1]);
  }
});

test('[MQTT-3.1.3-5] [MQTT311-3.1.3-5] identifiers of 1 to 23 letters and digits are accepted', () => {
  const letters = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ';
  for (const protocolVersion of VERSIONS) {
    const broker = new TestBroker();
    const ids = ['0', 'Z', ...[0, 13, 26, 39].map((at) => letters.slice(at, at + 23))];
    const clients = ids.map((clientId) => broker.connect(clientId, { protocolVersion }));
    assert.ok(clients.every(({ closeCode }) => closeCode === -1));
  }
});

test('[MQTT-3.1.3-6] [MQTT-3.1.3-7] [MQTT-3.2.2-16] [MQTT311-3.1.3-6] clients without identifier get one each', () => {
  for (const protocolVersion of VERSIONS) {
    const broker = new TestBroker();
    const clients = Array.from({ length: 3 }, () => broker.connect('', { protocolVersion }));
    // With the same one, they would have taken over from each other.
    assert.ok(clients.every(({ closeCode }) => closeCode === -1));
    if (protocolVersion < 5) continue;
    const ids = new Set(clients.map(({ connack }) => connack?.assignedClientIdentifier));
    assert.is(ids.size, 3);
    assert.not.ok(ids.has(undefined) || ids.has(''));
    // It is an identifier like any other.
    broker.connect(clients[0].connack!.assignedClientIdentifier!);
    assert.is(clients[0].closeCode, 0x8e);
  }
});

test('[MQTT-3.1.3-8] [MQTT311-3.1.3-9] an identifier that is too long is refused, and the connection closed', () => {
  for (const protocolVersion of VERSIONS) {
    const client = new TestBroker().open(protocolVersion);
    const fields = { protocolVersion, clientId: 'x'.repeat(2_000), cleanStart: true, keepAlive: 0 };
    client.control.send(codec.encodeConnect(fields));
    assertRefusesConnect(client, 0x85, 0x85);
  }
});

test('[MQTT311-3.1.3-8] no identifier and no clean session is refused with 0x02', () => {
  const client = sendFirst(4, `10 0c ${V4} 00 0000 0000`);
  assertRefusesConnect(client, 0x85, 0x85);
});

test('[MQTT-3.1.4-5] [MQTT-3.2.0-1] [MQTT311-3.1.4-4] [MQTT311-3.2.0-1] CONNACK 0x00 comes first, whatever was sent behind CONNECT', () => {
  for (const protocolVersion of VERSIONS) {
    const client = new TestBroker().open(protocolVersion);
    const request = { topicFilter: 't', qos: 1, noLocal: false, retainAsPublished: false, retainHandling: 0 };
    client.control.send(
      codec.encodeConnect({ protocolVersion, clientId: 'c', cleanStart: true, keepAlive: 0 }),
      codec.encodeSubscribe(1, [request], 0, protocolVersion),
      publishBytes('t', 'x', { qos: 1 }, protocolVersion, 2),
      codec.PINGREQ,
    );
    const packets = client.control.take();
    assert.is(packets[0].type, PacketType.CONNACK);
    assert.is((packets[0] as codec.ConnackPacket).reasonCode, 0);
    assert.equal(
      types(packets).sort(),
      [PacketType.PINGRESP, PacketType.CONNACK, PacketType.PUBLISH, PacketType.PUBACK, PacketType.SUBACK].sort(),
    );
  }
});

test('[MQTT-3.1.4-6] [MQTT-3.14.0-1] [MQTT311-3.1.4-5] nothing behind a CONNECT that is refused is processed, and no DISCONNECT follows', () => {
  for (const protocolVersion of VERSIONS) {
    const broker = new TestBroker();
    const reader = broker.connect('reader').subscribe('#');
    const client = broker.open(protocolVersion);
    client.control.send(
      codec.encodeConnect({ protocolVersion, clientId: 'x'.repeat(2_000), cleanStart: true, keepAlive: 0 }),
      publishBytes('t', 'x', {}, protocolVersion),
      codec.PINGREQ,
    );
    assertRefusesConnect(client, 0x85, 0x85);
    client.control.send(publishBytes('t', 'y', {}, protocolVersion));
    client.drop();
    assert.equal(reader.texts(), []);
  }
});

test.run();
