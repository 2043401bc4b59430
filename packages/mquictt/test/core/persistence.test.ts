/** What outlives the process, and that nothing is said before it does. */
import { seededRandom } from '@mquictt/testkit';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as codec from '../../src/packets/codec.ts';
import type { ConnectFields } from '../../src/packets/codec.ts';
import { PacketType } from '../../src/packets/packet-types.ts';
import { ReasonCode } from '../../src/reason-codes.ts';
import { publishBytes } from '../support/core-harness.ts';
import type { TestBroker, TestClient, TestStream } from '../support/core-harness.ts';
import { utf8 } from '../support/hex.ts';
import type { SeenPublish } from '../support/packets.ts';
import { StoredBroker } from '../support/stored-broker.ts';

const test = suite('persistence');

const { CONNACK, PUBLISH, PUBACK, PUBREC, PUBREL, PUBCOMP, SUBACK, UNSUBACK, PINGRESP } = PacketType;

/** A client with a session of 1,000 s. */
function come(broker: TestBroker, clientId: string, fields: Partial<ConnectFields> = {}): TestClient {
  return broker.connect(clientId, { cleanStart: false, sessionExpiryInterval: 1_000, ...fields });
}

function send(stream: TestStream, qos: number, text: string, identifier: number, duplicate = false): TestStream {
  return stream.send(publishBytes('t', text, { qos, duplicate }, stream.client.version, identifier));
}

/** Everything that came, as [type, identifier, reason code]. */
const answers = (stream: TestStream): number[][] =>
  stream.take().map((packet) => {
    const { type, packetIdentifier, reasonCode } = packet as codec.AcknowledgementPacket;
    return [type, packetIdentifier, reasonCode ?? 0];
  });

const types = (stream: TestStream): number[] => stream.take().map(({ type }) => type);

const will = (topic: string, delayInterval = 0): NonNullable<ConnectFields['will']> => ({
  topic,
  payload: utf8('gone'),
  qos: 1,
  retain: false,
  delayInterval,
});

test('subscriptions and what waits for them are there after a crash, in order', async () => {
  for (const version of [4, 5] as const) {
    let broker = await StoredBroker.start();
    const fields = { protocolVersion: version };
    come(broker, 'reader', fields).control.subscribe('t', { qos: 2 });
    const { control } = broker.connect('writer');
    broker = await broker.crash();
    const writer = broker.connect('writer').control;
    for (let i = 0; i < 6; i++) send(writer, (i % 2) + 1, `m${i}`, i + 1);
    send(writer, 0, 'not kept', 0);
    broker = await broker.crash();
    assert.is(broker.restored?.messages, 6);
    const reader = come(broker, 'reader', fields);
    assert.is(reader.connack?.sessionPresent, true);
    const messages = reader.control.messages();
    assert.equal(
      messages.map(({ text, qos, topic }) => [text, qos, topic]),
      [0, 1, 2, 3, 4, 5].map((i) => [`m${i}`, (i % 2) + 1, 't']),
    );
    assert.ok(control.channel.isOpen, 'the old broker took no notice');
  }
});

test('options of a subscription are kept', async () => {
  let broker = await StoredBroker.start();
  const own = come(broker, 'own').control;
  own.subscribe('a/+', { qos: 1, noLocal: true, retainAsPublished: true }, 77);
  own.subscribe('gone', { qos: 1 });
  own.send(codec.encodeUnsubscribe(9, ['gone'], 5));
  broker = await broker.crash();
  const client = come(broker, 'own').control;
  client.publish('a/b', 'own');
  client.publish('gone', 'nobody');
  broker.connect('other').publish('a/b', 'theirs', { retain: true, qos: 1 });
  const [message, ...others] = client.messages();
  assert.equal(others, []);
  assert.equal([message?.text, message?.retain, message?.qos], ['theirs', true, 1]);
  assert.equal(message?.properties.subscriptionIdentifiers, [77]);
});

test('of subscriptions on data streams that have one filter the first stays, on the control stream', async () => {
  let broker = await StoredBroker.start();
  const client = come(broker, 'c');
  client.subscribe('t', { qos: 1 });
  client.subscribe('t', { qos: 2 });
  client.subscribe('u', { qos: 2 });
  assert.equal(broker.kinds(), { f: 3, s: 1 });
  broker = await broker.crash();
  assert.equal(broker.kinds(), { f: 2, s: 1 });
  assert.is(broker.core.stats().subscriptions, 2);
  const again = come(broker, 'c');
  broker.connect('w').publish('t', 'x', { qos: 2 });
  assert.equal(
    again.control.messages().map(({ qos }) => qos),
    [1],
  );
  // Their records are still theirs.
  again.control.send(codec.encodeUnsubscribe(9, ['t', 'u'], 5));
  assert.is(broker.kinds()['f'], undefined);
});

test('a subscription that was adopted and a new one with its filter have records of their own', async () => {
  let broker = await StoredBroker.start();
  come(broker, 'c').subscribe('t', { qos: 1 });
  broker = await broker.crash();
  const client = come(broker, 'c');
  client.subscribe('t', { qos: 1 });
  assert.equal(broker.kinds(), { f: 1, s: 1 });
  const stream = client.subscribe('t', { qos: 1 });
  assert.equal(broker.kinds(), { f: 2, s: 1 });
  stream.send(codec.encodeUnsubscribe(9, ['t'], 5));
  broker = await broker.crash();
  assert.is(broker.core.stats().subscriptions, 1);
});

test('what the rules of the new process do not allow is not put back: subscriptions, what waits for them, wills, retained messages', async () => {
  let broker = await StoredBroker.start();
  const client = come(broker, 'c', { will: will('secret/will', 20) });
  client.control.subscribe('secret/#', { qos: 1 });
  client.control.subscribe('open/#', { qos: 1 });
  client.drop();
  const writer = broker.connect('w');
  for (const topic of ['secret/a', 'open/a']) writer.publish(topic, topic, { qos: 1, retain: true });
  const isOpen = (topic: string): boolean => topic.startsWith('open');
  const permissions = { mayPublish: isOpen, maySubscribe: isOpen };
  broker = await broker.crash(0, { access: { authenticates: false, permissionsOf: () => permissions } });
  assert.equal(broker.kinds(), { f: 1, m: 1, q: 1, r: 1, s: 1 });
  assert.equal(come(broker, 'c').control.texts(), ['open/a']);
});

test('every acknowledgement waits until what it says is written; what depends on nothing does not', async () => {
  const broker = await StoredBroker.start();
  const plain = broker.connect('plain');
  plain.control.subscribe('live', { qos: 0 });
  plain.control.take();
  const check = (stream: TestStream, act: () => void, expected: number): void => {
    stream.take();
    broker.isHolding = true;
    act();
    assert.equal(types(stream), [], `type ${expected} escaped`);
    // Others go on.
    plain.control.publish('live', 'x');
    plain.control.send(codec.PINGREQ);
    assert.equal(types(plain.control), [PUBLISH, PINGRESP]);
    broker.isHolding = false;
    broker.write();
    assert.equal(types(stream), [expected]);
  };
  const reader = broker.open();
  const connect = {
    protocolVersion: 5,
    clientId: 'r',
    cleanStart: true,
    keepAlive: 0,
    sessionExpiryInterval: 9,
  } as const;
  check(reader.control, () => reader.control.send(codec.encodeConnect(connect)), CONNACK);
  check(reader.control, () => reader.control.subscribe('t', { qos: 2 }), SUBACK);
  const writer = broker.connect('w').control;
  check(writer, () => send(writer, 1, 'one', 1), PUBACK);
  check(writer, () => send(writer, 2, 'two', 2), PUBREC);
  const [one, two] = reader.control.messages() as [SeenPublish, SeenPublish];
  assert.equal([one.text, two.text], ['one', 'two']);
  check(reader.control, () => reader.control.acknowledge(PUBREC, two.packetIdentifier), PUBREL);
  // Of a writer whose session is kept.
  const kept = come(broker, 'kept').control;
  check(kept, () => send(kept, 2, 'three', 7), PUBREC);
  check(kept, () => kept.acknowledge(PUBREL, 7), PUBCOMP);
  check(reader.control, () => reader.control.send(codec.encodeUnsubscribe(9, ['t'], 5)), UNSUBACK);
});

test('a message of QoS 2 leaves after its identifier was written, one of QoS 1 at once', async () => {
  const broker = await StoredBroker.start();
  const reader = come(broker, 'r').control.subscribe('t', { qos: 2 });
  reader.take();
  broker.isHolding = true;
  const writer = broker.connect('w').control;
  send(writer, 1, 'one', 1);
  assert.equal(reader.texts(), ['one']);
  send(writer, 2, 'two', 2);
  assert.equal(reader.texts(), []);
  broker.write();
  assert.equal(reader.texts(), ['two']);
});

test('[MQTT-4.6.0-2] acknowledgements leave in the order of their messages, whatever each waits for', async () => {
  const broker = await StoredBroker.start();
  come(broker, 'r').control.subscribe('t', { qos: 1 });
  const writer = broker.connect('w').control;
  writer.take();
  broker.isHolding = true;
  send(writer, 1, 'stored', 1);
  // Nobody subscribed: there is nothing to store.
  writer.send(publishBytes('nobody', 'x', { qos: 1 }, 5, 2));
  send(writer, 1, 'stored', 3);
  assert.equal(answers(writer), []);
  broker.write();
  assert.equal(answers(writer), [
    [PUBACK, 1, 0],
    [PUBACK, 2, 0],
    [PUBACK, 3, 0],
  ]);
});

test('answers leave batch by batch', async () => {
  const broker = await StoredBroker.start();
  come(broker, 'r').control.subscribe('t', { qos: 1 });
  const writer = broker.connect('w').control;
  writer.take();
  for (let batch = 0; batch < 3; batch++) {
    broker.isHolding = true;
    for (let i = 1; i <= 5; i++) send(writer, 1, 'x', batch * 5 + i);
    broker.isHolding = false;
    broker.write();
    assert.equal(
      answers(writer).map(([, identifier]) => identifier),
      [1, 2, 3, 4, 5].map((i) => batch * 5 + i),
    );
  }
});

test('a message that was received with QoS 2 before the crash is not delivered again', async () => {
  let broker = await StoredBroker.start();
  come(broker, 'r').control.subscribe('t', { qos: 2 });
  send(come(broker, 'w').control, 2, 'once', 7);
  broker = await broker.crash();
  const writer = come(broker, 'w').control;
  send(writer, 2, 'once', 7, true);
  assert.equal(answers(writer), [[PUBREC, 7, 0]]);
  assert.equal(come(broker, 'r').control.texts(), ['once']);
  // The receipt outlives another crash, until PUBREL.
  broker = await broker.crash();
  const again = come(broker, 'w').control;
  again.acknowledge(PUBREL, 7);
  assert.equal(answers(again), [[PUBCOMP, 7, 0]]);
  assert.is(broker.kinds()['i'], undefined);
  broker = await broker.crash();
  const last = come(broker, 'w').control;
  last.acknowledge(PUBREL, 7);
  assert.equal(answers(last), [[PUBCOMP, 7, ReasonCode.PACKET_IDENTIFIER_NOT_FOUND]]);
});

test('an exchange of QoS 2 that was begun goes on with its identifier after the crash: PUBLISH with DUP=1, or PUBREL', async () => {
  let broker = await StoredBroker.start();
  const reader = come(broker, 'r').control.subscribe('t', { qos: 2 });
  const writer = broker.connect('w').control;
  for (const [i, text] of ['received', 'sent', 'done'].entries()) send(writer, 2, text, i + 1);
  const [received, sent, done] = reader.messages() as [SeenPublish, SeenPublish, SeenPublish];
  reader.acknowledge(PUBREC, received.packetIdentifier);
  reader.acknowledge(PUBREC, done.packetIdentifier);
  reader.acknowledge(PUBCOMP, done.packetIdentifier);
  broker = await broker.crash();
  // One that waits comes after them, and takes none of their identifiers.
  send(broker.connect('w').control, 2, 'later', 1);
  const again = come(broker, 'r').control;
  const [pubrel, resent, later, ...others] = again.take() as [codec.AcknowledgementPacket, SeenPublish, SeenPublish];
  assert.equal(others, []);
  assert.equal([pubrel.type, pubrel.packetIdentifier], [PUBREL, received.packetIdentifier]);
  assert.equal([resent.text, resent.packetIdentifier, resent.isDuplicate], ['sent', sent.packetIdentifier, true]);
  assert.equal([later.text, later.isDuplicate], ['later', false]);
  assert.is(new Set([received, sent, later].map(({ packetIdentifier }) => packetIdentifier)).size, 3);
  again.acknowledge(PUBCOMP, received.packetIdentifier);
  for (const { packetIdentifier } of [resent, later]) {
    again.acknowledge(PUBREC, packetIdentifier);
    again.acknowledge(PUBCOMP, packetIdentifier);
  }
  assert.equal(broker.kinds(), { f: 1, s: 1 });
});

test('a message is stored once for all who wait for it, and gone when the last one has it', async () => {
  let broker = await StoredBroker.start();
  for (const name of ['a', 'b', 'c']) come(broker, name).control.subscribe('t', { qos: name === 'c' ? 2 : 1 });
  broker = await broker.crash();
  send(broker.connect('w').control, 2, 'x'.repeat(5_000), 1);
  assert.equal(broker.kinds(), { f: 3, m: 1, q: 3, s: 3 });
  broker = await broker.crash();
  for (const name of ['a', 'b']) {
    const { control } = come(broker, name);
    const [message] = control.messages() as [SeenPublish];
    assert.is(message.text.length, 5_000);
    control.puback(message.packetIdentifier);
  }
  assert.equal(broker.kinds(), { f: 3, m: 1, q: 1, s: 3 });
  const { control } = come(broker, 'c');
  const [message] = control.messages() as [SeenPublish];
  control.acknowledge(PUBREC, message.packetIdentifier);
  assert.equal(broker.kinds(), { f: 3, q: 1, s: 3 });
  control.acknowledge(PUBCOMP, message.packetIdentifier);
  assert.equal(broker.kinds(), { f: 3, s: 3 });
});

test('what nobody waits for any more leaves nothing behind', async () => {
  const broker = await StoredBroker.start();
  const reader = come(broker, 'r');
  const data = reader.subscribe('t', { qos: 2 });
  data.capacity = 0;
  come(broker, 'offline').control.subscribe('t', { qos: 1 });
  const writer = come(broker, 'w');
  send(writer.control, 2, 'x', 1);
  send(writer.control, 1, 'y', 2);
  writer.control.publish('t', 'expires', { qos: 1, expiresAt: 5_000 });
  // 1. The stream of a subscription ends.
  data.reset(0);
  // 2. A client takes a new session.
  broker.connect('offline').drop();
  // 3. A client says that its session ends.
  writer.control.send(codec.encodeDisconnect(0, undefined, 5, { sessionExpiryInterval: 0 }));
  assert.equal(broker.kinds(), { s: 1 });
  // 4. A session expires.
  reader.drop();
  broker.advance(1_000_001);
  assert.equal(broker.kinds(), {});
});

test('messages that expire or are too large for their client leave nothing behind', async () => {
  let broker = await StoredBroker.start();
  come(broker, 'r').control.subscribe('t', { qos: 1 });
  broker = await broker.crash();
  const writer = broker.connect('w');
  writer.publish('t', 'short', { qos: 1, expiresAt: 5_000 });
  writer.publish('t', 'x'.repeat(1_000), { qos: 1 });
  writer.publish('t', 'fine', { qos: 1 });
  assert.equal(broker.kinds(), { f: 1, m: 3, q: 3, s: 1 });
  // Time counts while the broker is away. [MQTT-3.3.2-5]
  broker = await broker.crash(6_000);
  const reader = come(broker, 'r', { maximumPacketSize: 500 }).control;
  assert.equal(reader.texts(), ['fine']);
  assert.equal(broker.kinds(), { f: 1, m: 1, q: 1, s: 1 });
});

test('[MQTT-3.3.2-6] the time that a message waited in the store is taken off its expiry', async () => {
  let broker = await StoredBroker.start();
  come(broker, 'r').control.subscribe('t', { qos: 1 });
  broker.connect('w').publish('t', 'x', { qos: 1, expiresAt: 100_000 });
  broker = await broker.crash(30_000);
  broker.advance(5_000);
  const [message] = come(broker, 'r').control.messages();
  assert.is(message?.expiry, 65);
});

test('retained messages are kept, replaced and deleted', async () => {
  let broker = await StoredBroker.start();
  const writer = broker.connect('w');
  writer.publish('a', 'old', { retain: true });
  writer.publish('a', 'new', { retain: true, qos: 2, properties: Uint8Array.of(3, 0, 1, 0x61) });
  writer.publish('b', 'deleted', { retain: true });
  writer.publish('b', '', { retain: true });
  writer.publish('c', 'expires', { retain: true, expiresAt: 20_000 });
  broker = await broker.crash(10_000);
  assert.is(broker.restored?.retainedMessages, 2);
  const messages = broker.connect('r').control.subscribe('#', { qos: 2 }).messages();
  assert.equal(
    messages.map(({ topic, text, qos, retain, expiry }) => [topic, text, qos, retain, expiry]),
    [
      ['a', 'new', 2, true, -1],
      ['c', 'expires', 0, true, 10],
    ],
  );
  assert.is(messages[0]?.properties.contentType, 'a');
  broker.advance(100_000);
  assert.equal(broker.kinds(), { r: 1 });
});

test('a session that expired while the broker was away is over, one that had not goes on counting', async () => {
  let broker = await StoredBroker.start();
  for (const name of ['short', 'long']) {
    const client = come(broker, name, { sessionExpiryInterval: name === 'short' ? 10 : 100 });
    client.control.subscribe('t', { qos: 1 });
    client.drop();
  }
  broker = await broker.crash(20_000);
  broker.advance(0);
  assert.is(broker.core.stats().sessions, 1);
  assert.equal(broker.kinds(), { f: 1, s: 1 });
  broker.advance(79_000);
  assert.is(broker.core.stats().sessions, 1);
  broker.advance(2_000);
  assert.is(broker.core.stats().sessions, 0);
  assert.equal(broker.kinds(), {});
});

test('whoever was connected at the crash counts as gone at the restart', async () => {
  let broker = await StoredBroker.start();
  come(broker, 'c', { sessionExpiryInterval: 50 });
  broker.advance(500_000);
  broker = await broker.crash(500_000);
  broker.advance(49_000);
  assert.is(broker.core.stats().sessions, 1);
  // Another crash does not begin it anew.
  broker = await broker.crash();
  broker.advance(2_000);
  assert.is(broker.core.stats().sessions, 0);
});

test('a will waits for its delay after a crash, 10 s at least, and the return of the client cancels it', async () => {
  for (const expiry of [0, 1_000]) {
    let broker = await StoredBroker.start();
    come(broker, 'reader').control.subscribe('will/#', { qos: 1 });
    for (const [name, delay] of [
      ['soon', 0],
      ['late', 30],
      ['back', 0],
      ['new', 5],
    ] as const)
      come(broker, name, { sessionExpiryInterval: expiry, will: will(`will/${name}`, delay) });
    broker = await broker.crash(60_000);
    const reader = come(broker, 'reader').control;
    broker.advance(9_900);
    assert.equal(reader.messages(), []);
    const back = come(broker, 'back', { sessionExpiryInterval: expiry });
    assert.is(back.connack?.sessionPresent, expiry > 0);
    come(broker, 'new', { sessionExpiryInterval: expiry, cleanStart: true });
    broker.advance(200);
    assert.equal(
      reader.messages().map(({ topic }) => topic),
      ['will/soon'],
    );
    broker.advance(19_800);
    assert.equal(
      reader.messages().map(({ topic }) => topic),
      [],
    );
    broker.advance(30_000);
    assert.equal(
      reader.messages().map(({ topic }) => topic),
      ['will/late'],
    );
    // Said once, in whichever process.
    broker = await broker.crash();
    broker.advance(60_000);
    assert.equal(
      come(broker, 'reader')
        .control.messages()
        .filter(({ isDuplicate }) => !isDuplicate).length,
      2,
    );
  }
});

test('a will that waits for its delay when the broker crashes is not forgotten, and not cancelled by time', async () => {
  let broker = await StoredBroker.start();
  come(broker, 'reader').control.subscribe('will', { qos: 1 });
  come(broker, 'c', { will: will('will', 60) }).drop();
  broker = await broker.crash(20_000);
  broker.advance(39_000);
  const reader = come(broker, 'reader').control;
  assert.equal(reader.texts(), []);
  broker.advance(2_000);
  assert.equal(reader.texts(), ['gone']);
});

test('a session that was to end with its connection has ended with the broker', async () => {
  let broker = await StoredBroker.start();
  const client = come(broker, 'c');
  client.control.subscribe('t', { qos: 1 });
  // Resumed, and from now on as long as its connection.
  const again = broker.connect('c', { cleanStart: false, sessionExpiryInterval: 0 });
  assert.is(again.connack?.sessionPresent, true);
  send(broker.connect('w').control, 1, 'x', 1);
  broker = await broker.crash();
  assert.is(broker.core.stats().sessions, 0);
  assert.equal(broker.kinds(), {});
});

test('while the store takes nothing QoS 1 and 2 are refused, QoS 0 goes on, and nothing that was said before is out of order', async () => {
  const broker = await StoredBroker.start();
  come(broker, 'r').control.subscribe('t', { qos: 1 });
  const reader = broker.connect('live').control.subscribe('t', { qos: 0 });
  reader.take();
  const writer = broker.connect('w').control;
  const old = broker.connect('old', { protocolVersion: 4 });
  writer.take();
  broker.isHolding = true;
  send(writer, 1, 'before', 1);
  broker.changes.health = 'failing';
  send(writer, 1, 'refused', 2);
  send(writer, 2, 'refused', 3);
  send(writer, 0, 'passes', 0);
  assert.equal(answers(writer), []);
  const other = broker.connect('other').control;
  send(other, 2, 'refused', 9);
  assert.equal(answers(other), [[PUBREC, 9, ReasonCode.QUOTA_EXCEEDED]]);
  send(old.control, 1, 'refused', 1);
  assert.is(old.closeCode, ReasonCode.QUOTA_EXCEEDED);
  assert.equal(types(old.control), []);
  broker.changes.health = 'ok';
  broker.isHolding = false;
  broker.write();
  assert.equal(answers(writer), [
    [PUBACK, 1, 0],
    [PUBACK, 2, ReasonCode.QUOTA_EXCEEDED],
    [PUBREC, 3, ReasonCode.QUOTA_EXCEEDED],
  ]);
  assert.equal(reader.texts(), ['before', 'passes']);
  assert.equal(come(broker, 'r').control.texts(), ['before']);
});

test('a message of a shared subscription that waits in a session goes to another member when that ends after a restart', async () => {
  let broker = await StoredBroker.start();
  come(broker, 'first', { sessionExpiryInterval: 10 }).control.subscribe('$share/g/t', { qos: 1 });
  broker = await broker.crash();
  send(broker.connect('w').control, 1, 'x', 1);
  broker = await broker.crash();
  const second = come(broker, 'second').control.subscribe('$share/g/t', { qos: 1 });
  assert.equal(second.texts(), []);
  broker.advance(10_001);
  assert.equal(second.texts(), ['x']);
  const { control } = second.client;
  broker = await broker.crash();
  assert.is(broker.restored?.messages, 1, 'it is the second one now who waits for it');
  assert.ok(control.channel.isOpen);
});

test('whenever it crashes: nothing that was acknowledged is lost, and nothing comes twice with QoS 2', async () => {
  for (let seed = 1; seed <= 60; seed++) await runExchanges(seed);
});

/** A writer and a reader that play by the book over a broker that crashes now and then, with whatever was not written by then. */
async function runExchanges(seed: number): Promise<void> {
  const random = seededRandom(seed);
  const total = 40;
  let broker = await StoredBroker.start();
  /** Of the writer: what is unacknowledged, by identifier. */
  const outgoing = new Map<
    number,
    { readonly text: string; readonly qos: number; isReceived: boolean; isSent: boolean }
  >();
  const acknowledged = new Set<string>();
  /** Of the reader. */
  const seen: string[] = [];
  const unreleased = new Set<number>();
  let next = 0;
  let writer: TestStream | undefined;
  let reader: TestStream | undefined;

  const connect = (clientId: string): TestStream | undefined => {
    const client = broker.open();
    const fields = {
      protocolVersion: 5,
      clientId,
      cleanStart: false,
      keepAlive: 0,
      sessionExpiryInterval: 1_000,
    } as const;
    client.control.send(codec.encodeConnect(fields));
    const connack = client.control.take(({ type }) => type === CONNACK)[0] as codec.ConnackPacket | undefined;
    // It is held back: who waits in vain tries again.
    if (connack === undefined) return undefined;
    return client.control;
  };
  const readWriter = (): void => {
    for (const packet of writer?.take() ?? []) {
      const { type, packetIdentifier, reasonCode } = packet as codec.AcknowledgementPacket;
      const exchange = outgoing.get(packetIdentifier);
      if (exchange === undefined) continue;
      if (type === PUBREC && reasonCode < 0x80) {
        exchange.isReceived = true;
        acknowledged.add(exchange.text);
        writer?.acknowledge(PUBREL, packetIdentifier);
      } else if (type === PUBACK || type === PUBCOMP) {
        acknowledged.add(exchange.text);
        outgoing.delete(packetIdentifier);
      }
    }
  };
  const readReader = (): void => {
    for (const packet of reader?.take() ?? []) {
      if (packet.type === PUBLISH) {
        const { qos, text, packetIdentifier } = packet as SeenPublish;
        if (qos === 1) {
          seen.push(text);
          reader?.puback(packetIdentifier);
        } else if (qos === 2) {
          if (!unreleased.has(packetIdentifier)) seen.push(text);
          unreleased.add(packetIdentifier);
          reader?.acknowledge(PUBREC, packetIdentifier);
        }
      } else if (packet.type === PUBREL) {
        unreleased.delete(packet.packetIdentifier);
        reader?.acknowledge(PUBCOMP, packet.packetIdentifier);
      }
    }
  };
  const subscriber = connect('reader') as TestStream;
  subscriber.subscribe('t', { qos: 2 });

  for (let step = 0; step < 2_000 && (acknowledged.size < total || new Set(seen).size < total); step++) {
    switch (random.integer(12)) {
      case 0:
        broker = await broker.crash();
        writer = undefined;
        reader = undefined;
        break;
      case 1:
        writer?.client.drop();
        writer = undefined;
        break;
      case 2:
        reader?.client.drop();
        reader = undefined;
        break;
      case 3:
        broker.isHolding = true;
        break;
      case 4:
      case 5:
        broker.isHolding = false;
        broker.write();
        break;
      case 6:
        if (writer !== undefined) break;
        writer = connect('writer');
        if (writer === undefined) break;
        for (const [identifier, exchange] of outgoing) {
          if (exchange.isReceived) writer.acknowledge(PUBREL, identifier);
          else send(writer, exchange.qos, exchange.text, identifier, true);
        }
        break;
      case 7:
        reader ??= connect('reader');
        break;
      case 8:
        readWriter();
        break;
      case 9:
        readReader();
        break;
      default: {
        if (writer === undefined || next === total || outgoing.size > 8) break;
        const exchange = { text: `m${next}`, qos: (next % 2) + 1, isReceived: false, isSent: true };
        let identifier = 1;
        while (outgoing.has(identifier)) identifier++;
        outgoing.set(identifier, exchange);
        next++;
        send(writer, exchange.qos, exchange.text, identifier);
      }
    }
  }
  assert.is(acknowledged.size, total, `seed ${seed}`);
  // [MQTT-4.6.0-6]
  const firsts = [...new Set(seen)].map((text) => Number(text.slice(1)));
  assert.equal(
    firsts,
    [...firsts].sort((a, b) => a - b),
    `order, seed ${seed}`,
  );
  for (let i = 0; i < total; i++) {
    const times = seen.filter((text) => text === `m${i}`).length;
    if (i % 2 === 1) assert.is(times, 1, `m${i} of QoS 2 came ${times} times, seed ${seed}`);
    else assert.ok(times >= 1, `m${i} of QoS 1 was lost, seed ${seed}`);
  }
}

test.run();
