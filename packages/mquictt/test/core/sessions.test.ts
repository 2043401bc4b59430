/** Sessions that outlive their connections. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as codec from '../../src/packets/codec.ts';
import type { ConnectFields } from '../../src/packets/codec.ts';
import { PacketType } from '../../src/packets/packet-types.ts';
import { TestBroker } from '../support/core-harness.ts';
import type { TestClient, TestStream } from '../support/core-harness.ts';
import { hex } from '../support/hex.ts';

const test = suite('sessions');

/** Comes for a session that is kept for a hundred seconds. */
function come(broker: TestBroker, fields: Partial<ConnectFields> = {}, clientId = 'c'): TestClient {
  return broker.connect(clientId, { cleanStart: false, sessionExpiryInterval: 100, ...fields });
}

const isPresent = (client: TestClient): boolean => client.connack!.sessionPresent;

/** What arrives, as text, packet identifier, and whether it is marked as sent before. */
const seen = (stream: TestStream): unknown[] =>
  stream.messages().map(({ text, packetIdentifier, isDuplicate }) => [text, packetIdentifier, isDuplicate]);

test('[MQTT-3.1.2-5] [MQTT-3.2.2-3] [MQTT-3.1.2-23] a session that is kept is resumed, with its subscriptions', () => {
  const broker = new TestBroker();
  const first = come(broker);
  assert.not(isPresent(first));
  first.control.subscribe('t').take();
  first.drop();
  assert.equal([broker.core.stats().sessions, broker.core.stats().connections], [1, 0]);
  const second = come(broker);
  assert.ok(isPresent(second));
  broker.connect('p').publish('t', 'x');
  assert.equal(second.control.texts(), ['x']);
});

test('[MQTT-3.1.2-4] [MQTT-3.2.2-2] clean start forgets what was kept', () => {
  const broker = new TestBroker();
  const first = come(broker);
  first.subscribe('t');
  first.drop();
  broker.connect('p').publish('t', 'x', { qos: 1 });
  const second = come(broker, { cleanStart: true });
  assert.not(isPresent(second));
  broker.connect('p').publish('t', 'y', { qos: 1 });
  assert.equal(second.control.take(), []);
  assert.is(broker.core.stats().subscriptions, 0);
  assert.is(broker.core.queuedBytes, 0);
});

test('[MQTT-3.1.2-6] [MQTT-3.2.2-3] [MQTT311-3.2.2-3] without a session that is kept a new one begins', () => {
  const broker = new TestBroker();
  assert.not(isPresent(come(broker)));
  // Expiry 0 ends the session with its connection.
  const brief = come(broker, { sessionExpiryInterval: 0 }, 'brief');
  brief.subscribe('t');
  brief.drop();
  assert.not(isPresent(come(broker, {}, 'brief')));
  assert.is(broker.core.stats().subscriptions, 0);
});

test('[MQTT-4.1.0-1] [MQTT-4.1.0-2] a session ends when its expiry interval is over, counted from the end of the connection', () => {
  const broker = new TestBroker();
  const client = come(broker);
  client.subscribe('t');
  broker.advance(1_000_000);
  client.drop();
  broker.advance(99_999);
  assert.is(broker.core.stats().sessions, 1);
  const again = come(broker);
  assert.ok(isPresent(again));
  broker.advance(500_000);
  again.drop();
  broker.advance(100_000);
  assert.equal([broker.core.stats().sessions, broker.core.stats().subscriptions], [0, 0]);
  assert.is(broker.core.nextTimeout(), Infinity);
  assert.not(isPresent(come(broker)));
});

test('an expiry interval of 0xffffffff is none, unless the broker has a cap and says so', () => {
  const broker = new TestBroker();
  const client = come(broker, { sessionExpiryInterval: 0xffff_ffff });
  assert.is(client.connack!.sessionExpiryInterval, undefined);
  client.drop();
  assert.is(broker.core.nextTimeout(), Infinity);
  broker.advance(1e12);
  assert.ok(isPresent(come(broker)));
  const strict = new TestBroker({ maxSessionExpiry: 60 });
  const other = come(strict, { sessionExpiryInterval: 0xffff_ffff });
  assert.is(other.connack!.sessionExpiryInterval, 60);
  other.drop();
  strict.advance(60_000);
  assert.is(strict.core.stats().sessions, 0);
});

test('DISCONNECT may change the expiry interval', () => {
  for (const [seconds, isKept] of [
    [0, false],
    [5, true],
    [0xffff_ffff, true],
  ] as const) {
    const broker = new TestBroker({ maxSessionExpiry: 10 });
    const client = come(broker);
    client.control.send(codec.encodeDisconnect(0, undefined, 5, { sessionExpiryInterval: seconds }));
    assert.is(client.closeCode, 0);
    assert.is(broker.core.stats().sessions, isKept ? 1 : 0, `${seconds} s`);
    client.drop();
    broker.advance(seconds === 5 ? 5_000 : 10_000);
    assert.is(broker.core.stats().sessions, 0);
  }
});

test('[MQTT-3.14.2-2] DISCONNECT may not keep a session that was to end', () => {
  const broker = new TestBroker();
  const client = come(broker, { sessionExpiryInterval: 0 });
  client.control.send(codec.encodeDisconnect(0, undefined, 5, { sessionExpiryInterval: 10 }));
  assert.is(client.closeCode, 0x82);
  assert.is(broker.core.stats().sessions, 0);
});

test('[MQTT311-3.1.2-4] [MQTT311-3.1.2-5] [MQTT311-3.1.2-6] [MQTT311-3.2.2-2] clean session 0 keeps the session without end, clean session 1 keeps nothing', () => {
  const broker = new TestBroker();
  const kept = { protocolVersion: 4, cleanStart: false } as const;
  const first = broker.connect('c', kept);
  assert.not(isPresent(first));
  first.control.subscribe('t').take();
  first.control.send(hex('e0 00'));
  broker.advance(1e12);
  const p = broker.connect('p');
  p.publish('t', 'x', { qos: 1 });
  p.drop();
  const second = broker.connect('c', kept);
  assert.ok(isPresent(second));
  assert.equal(second.control.texts(), ['x']);
  second.drop();
  const third = broker.connect('c', { protocolVersion: 4, cleanStart: true });
  assert.not(isPresent(third));
  third.drop();
  assert.equal([broker.core.stats().sessions, broker.core.stats().subscriptions], [0, 0]);
});

test('QoS 1 and 2 wait for a client that is away, in order; QoS 0 does not', () => {
  const broker = new TestBroker();
  const client = come(broker);
  client.control.subscribe('t', { qos: 2 }).take();
  client.drop();
  const p = broker.connect('p').stream();
  for (const [i, qos] of [0, 1, 2, 0, 1].entries()) p.publish('t', `${i}`, { qos });
  assert.is(broker.core.stats().messagesDropped, 0);
  const again = come(broker);
  const packets = again.control.messages();
  assert.equal(
    packets.map(({ text, qos, isDuplicate }) => [text, qos, isDuplicate]),
    [
      ['1', 1, false],
      ['2', 2, false],
      ['4', 1, false],
    ],
  );
});

test('[MQTT-3.2.0-1] CONNACK comes before what waited', () => {
  const broker = new TestBroker();
  const client = come(broker);
  client.control.subscribe('t').take();
  client.drop();
  broker.connect('p').publish('t', 'x', { qos: 1 });
  const { control } = broker.open();
  const fields = { protocolVersion: 5, clientId: 'c', cleanStart: false, keepAlive: 0 } as const;
  control.send(codec.encodeConnect(fields));
  assert.equal(
    control.take().map(({ type }) => type),
    [PacketType.CONNACK, PacketType.PUBLISH],
  );
});

test('QoS 0 that waited when the connection ended is gone', () => {
  const broker = new TestBroker();
  const client = come(broker);
  client.control.subscribe('t').take();
  client.control.capacity = 0;
  const p = broker.connect('p').stream();
  for (const [i, qos] of [0, 1, 0, 1].entries()) p.publish('t', `${i}`, { qos });
  client.drop();
  assert.equal(come(broker).control.texts(), ['1', '3']);
});

test('[MQTT-3.3.2-5] [MQTT-3.3.2-6] what expires while its reader is away is not sent, and the rest says how much time is left', () => {
  const broker = new TestBroker();
  const client = come(broker);
  client.control.subscribe('t').take();
  client.drop();
  const p = broker.connect('p').stream();
  p.publish('t', 'short', { qos: 1, expiresAt: 10_000 });
  p.publish('t', 'long', { qos: 1, expiresAt: 50_000 });
  broker.advance(20_000);
  const messages = come(broker).control.messages();
  assert.equal(
    messages.map(({ text, expiry }) => [text, expiry]),
    [['long', 30]],
  );
  assert.is(broker.core.queuedBytes, 0);
});

test('[MQTT-4.4.0-1] [MQTT311-4.4.0-1] what was not acknowledged is sent again once after reconnecting: in order, marked, with its identifier, before anything new', () => {
  const broker = new TestBroker();
  const client = come(broker);
  client.control.subscribe('t').take();
  const p = broker.connect('p').stream();
  for (const text of ['a', 'b', 'c']) p.publish('t', text, { qos: 1 });
  const [a, b, c] = client.control.messages();
  client.control.puback(b.packetIdentifier);
  client.drop();
  p.publish('t', 'd', { qos: 1 });
  for (let round = 0; round < 2; round++) {
    const again = come(broker);
    const [first, second, third, ...rest] = seen(again.control);
    assert.equal(first, ['a', a.packetIdentifier, true]);
    assert.equal(second, ['c', c.packetIdentifier, true]);
    assert.is((third as unknown[])[0], 'd');
    assert.is((third as unknown[])[2], round > 0);
    assert.equal(rest, []);
    broker.advance(50_000);
    assert.equal(seen(again.control), [], 'Nothing is sent again on a connection that lives');
    again.drop();
  }
  const last = come(broker);
  for (const { packetIdentifier } of last.control.messages()) last.control.puback(packetIdentifier);
  assert.is(last.session.inFlight.size, 0);
  last.drop();
  assert.equal(seen(come(broker).control), []);
});

test('[MQTT-4.6.0-1] [MQTT311-4.6.0-1] the order of a topic holds over reconnects, whatever was lost', () => {
  const broker = new TestBroker();
  const p = broker.connect('p').stream();
  const received: string[] = [];
  const read = (isAcknowledged: boolean): number => {
    const messages = client.control.messages();
    for (const { text, packetIdentifier } of messages) {
      if (!received.includes(text)) received.push(text);
      if (isAcknowledged) client.control.puback(packetIdentifier);
    }
    return messages.length;
  };
  let client = come(broker, { receiveMaximum: 3 });
  client.control.subscribe('t').take();
  for (let i = 0; i < 20; i++) {
    p.publish('t', String(i), { qos: 1 });
    if (i % 4 === 3) {
      client.drop();
      client = come(broker, { receiveMaximum: 3 });
    }
    read(i % 3 !== 0);
  }
  client = come(broker);
  while (read(true) > 0);
  assert.equal(
    received,
    Array.from({ length: 20 }, (_, i) => String(i)),
  );
});

test('[MQTT-4.9.0-1] [MQTT-4.9.0-2] a smaller Receive Maximum of the next connection holds for what is sent again', () => {
  const broker = new TestBroker();
  const client = come(broker);
  client.control.subscribe('t').take();
  const p = broker.connect('p').stream();
  for (let i = 0; i < 10; i++) p.publish('t', String(i), { qos: 1 });
  assert.is(client.control.messages().length, 10);
  client.drop();
  const again = come(broker, { receiveMaximum: 2 });
  const received: string[] = [];
  for (let messages = again.control.messages(); messages.length > 0; messages = again.control.messages()) {
    assert.ok(messages.length <= 2);
    for (const { text, packetIdentifier } of messages) {
      received.push(text);
      again.control.puback(packetIdentifier);
    }
  }
  assert.equal(
    received,
    Array.from({ length: 10 }, (_, i) => String(i)),
  );
});

test('[MQTT-3.1.2-25] what the next connection does not take is left out, sent before or not, and the rest goes on', () => {
  const broker = new TestBroker();
  const client = come(broker);
  client.control.subscribe('t').take();
  const p = broker.connect('p').stream();
  p.publish('t', 'x'.repeat(200), { qos: 1 });
  client.drop();
  p.publish('t', 'y'.repeat(200), { qos: 1 });
  p.publish('t', 'small', { qos: 1 });
  const again = come(broker, { maximumPacketSize: 100 });
  assert.equal(again.control.texts(), ['small']);
  assert.is(again.session.inFlight.size, 1);
  assert.is(broker.core.stats().messagesDropped, 2);
  assert.is(broker.core.queuedBytes, 0);
});

test('a session changes from one version of MQTT to another, and its messages with it', () => {
  const broker = new TestBroker();
  const first = come(broker);
  first.control.subscribe('t', {}, 7).take();
  const p = broker.connect('p').stream();
  const properties = hex('03 0001 78');
  p.publish('t', 'sent', { qos: 1, properties });
  assert.is(first.control.messages().length, 1);
  first.drop();
  p.publish('t', 'waits', { qos: 1, properties });
  p.publish('t', 'L'.repeat(10_000), { qos: 1, properties });
  const old = broker.connect('c', { protocolVersion: 4, cleanStart: false });
  assert.equal(seen(old.control), [
    ['sent', 1, true],
    ['waits', 2, false],
    ['L'.repeat(10_000), 3, false],
  ]);
  old.drop();
  const young = come(broker);
  assert.equal(
    young.control.messages().map(({ text, isDuplicate }) => [text.slice(0, 5), isDuplicate]),
    [
      ['sent', true],
      ['waits', true],
      ['LLLLL', true],
    ],
  );
  for (const identifier of [1, 2, 3]) young.control.puback(identifier);
  assert.is(young.session.inFlight.size, 0);
  young.drop();
  // What waits keeps its properties on the way from MQTT 5 to MQTT 5.
  p.publish('t', 'x', { qos: 1, properties });
  const [message] = come(broker).control.messages();
  assert.equal([message.properties.contentType, message.properties.subscriptionIdentifiers], ['x', [7]]);
});

test('[MQTT-3.1.4-3] a takeover gets the session of the connection that it ends', () => {
  const broker = new TestBroker();
  const first = come(broker);
  const stream = first.subscribe('t');
  broker.connect('p').publish('t', 'a', { qos: 1 });
  assert.equal(stream.texts(), ['a']);
  const second = come(broker);
  assert.is((first.control.take()[0] as codec.DisconnectPacket).reasonCode, 0x8e);
  assert.is(first.closeCode, 0x8e);
  assert.ok(isPresent(second));
  assert.equal(seen(second.control), [['a', 1, true]]);
  // What the old connection still says means nothing.
  first.control.puback(1);
  first.drop();
  assert.is(second.session.inFlight.size, 1);
  second.control.puback(1);
  assert.is(second.session.inFlight.size, 0);
  assert.is(broker.core.stats().connections, 2);
});

test('a session belongs to the identity of who began it: another gets 0x87 and changes nothing', () => {
  const broker = new TestBroker();
  const kept = { cleanStart: false, sessionExpiryInterval: 100 };
  const alice = broker.connect('c', kept, 'alice');
  alice.control.subscribe('t').take();
  for (const cleanStart of [true, false])
    for (const identity of ['bob', undefined])
      assert.throws(() => broker.connect('c', { ...kept, cleanStart }, identity), /"reasonCode":135/);
  broker.connect('p').publish('t', 'x');
  assert.equal(alice.control.texts(), ['x']);
  alice.drop();
  assert.throws(() => broker.connect('c', kept, 'bob'), /"reasonCode":135/);
  assert.ok(isPresent(broker.connect('c', kept, 'alice')));
});

test('a session of nobody is ended by somebody with its name, and not given away', () => {
  const broker = new TestBroker();
  const squatter = come(broker, { sessionExpiryInterval: 0xffff_ffff });
  squatter.control.subscribe('t').take();
  const alice = broker.connect('c', { cleanStart: false, sessionExpiryInterval: 100 }, 'alice');
  assert.not(isPresent(alice));
  assert.is(squatter.closeCode, 0x8e);
  assert.is(broker.core.stats().subscriptions, 0);
});

test('subscriptions and exchanges of data streams pass to the control stream when the connection ends', () => {
  const broker = new TestBroker();
  const client = come(broker);
  const a = client.subscribe('a');
  const b = client.subscribe('b');
  const p = broker.connect('p').stream();
  p.publish('a', 'a1', { qos: 1 });
  p.publish('b', 'b1', { qos: 1 });
  p.publish('a', 'a2', { qos: 1 });
  a.capacity = 0;
  p.publish('a', 'a3', { qos: 1 });
  p.publish('a', 'lost', { qos: 0 });
  b.puback(b.messages()[0].packetIdentifier);
  client.drop();
  p.publish('b', 'b2', { qos: 1 });
  const again = come(broker);
  assert.equal(
    again.control.messages().map(({ text, isDuplicate }) => [text, isDuplicate]),
    [
      ['a1', true],
      ['a2', true],
      ['a3', false],
      ['b2', false],
    ],
  );
  p.publish('a', 'live');
  assert.equal(again.control.texts(), ['live']);
  assert.is(broker.core.stats().subscriptions, 2);
});

test('orphaned subscriptions with one filter are one', () => {
  const broker = new TestBroker();
  const client = come(broker);
  for (let i = 0; i < 3; i++) client.subscribe('t');
  client.control.subscribe('t', { qos: 0 }).take();
  client.drop();
  assert.is(broker.core.stats().subscriptions, 1);
  assert.is(client.session.subscriptionCount, 1);
  const again = come(broker);
  broker.connect('p').publish('t', 'x', { qos: 1 });
  assert.equal(
    again.control.messages().map(({ text, qos }) => [text, qos]),
    [['x', 0]],
  );
  again.drop();
  broker.advance(100_000);
  assert.is(broker.core.stats().subscriptions, 0);
});

test('a stream that ends while the connection lives takes its subscriptions along, also those of a session that is kept', () => {
  const broker = new TestBroker();
  const client = come(broker);
  client.subscribe('t').end();
  client.subscribe('t').reset(0);
  client.drop();
  assert.is(broker.core.stats().subscriptions, 0);
});

test('retained messages that a reader had not got yet come after it has come back', () => {
  const broker = new TestBroker();
  const p = broker.connect('p').stream();
  for (let i = 0; i < 3_000; i++) p.publish(`r/${i}`, 'x'.repeat(100), { qos: 1, retain: true });
  const client = come(broker, { receiveMaximum: 10 });
  client.control.subscribe('r/#').take((packet) => packet.type === PacketType.SUBACK);
  assert.ok(client.control.messages().length <= 10);
  client.drop();
  p.publish('r/live', 'live', { qos: 1 });
  const again = come(broker);
  const messages = again.control.messages();
  for (let more = messages; more.length > 0; more = again.control.messages()) {
    if (more !== messages) messages.push(...more);
    for (const { packetIdentifier } of more) again.control.puback(packetIdentifier);
  }
  assert.is(new Set(messages.map(({ topic }) => topic)).size, 3_001);
  assert.is(messages[messages.length - 1].text, 'live');
});

test('the room of a session bounds what waits for a client that is away', () => {
  const broker = new TestBroker({ sessionQueue: { maxBytes: 100_000 } });
  const client = come(broker);
  client.control.subscribe('a').subscribe('b').take();
  client.drop();
  const p = broker.connect('p').stream();
  for (let i = 0; i < 1_000; i++) p.publish(i % 2 === 0 ? 'a' : 'b', `${i}`.padEnd(1_000), { qos: 1 });
  assert.ok(client.session.queuedBytes <= 100_000);
  assert.ok(client.session.queuedBytes > 95_000);
  assert.is(p.take().length, 1_000);
  assert.is(broker.core.stats().messagesNotQueued, 1_000 - client.session.queuedMessages);
});

test('shutting down says goodbye to those who are there and leaves sessions alone', () => {
  const broker = new TestBroker();
  const away = come(broker, {}, 'away');
  away.drop();
  const client = come(broker);
  broker.core.shutDown(broker.now);
  broker.settle();
  assert.is((client.control.take()[0] as codec.DisconnectPacket).reasonCode, 0x8b);
  assert.is(broker.core.stats().sessions, 2);
});

test.run();
