/** What clients see of authentication and access rules: the broker's core with rules of which each test has its own. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { AccessRules } from '../../src/access/access-rules.ts';
import type { AccessRule } from '../../src/access/access-rules.ts';
import type { AccessPolicy, Identity } from '../../src/core/permissions.ts';
import * as codec from '../../src/packets/codec.ts';
import type { ConnectFields } from '../../src/packets/codec.ts';
import { PacketType } from '../../src/packets/packet-types.ts';
import { ReasonCode } from '../../src/reason-codes.ts';
import { TestBroker, publishBytes } from '../support/core-harness.ts';
import type { TestClient, TestStream } from '../support/core-harness.ts';
import { utf8 } from '../support/hex.ts';

const test = suite('access, as clients see it');

function policy(rules?: readonly AccessRule[], authenticates = false): AccessPolicy {
  const compiled = rules === undefined ? undefined : new AccessRules(rules);
  return { authenticates, permissionsOf: (principal) => compiled?.permissionsOf(principal) };
}

/** A broker where the user name is the identity, and whose users' passwords are their names. */
function brokerWithUsers(rules?: readonly AccessRule[]): TestBroker {
  const broker = new TestBroker({ access: policy(rules, true) });
  broker.authenticate = ({ username, password }) =>
    username !== undefined && password !== undefined && Buffer.from(password).toString() === username
      ? { name: username }
      : ReasonCode.BAD_USER_NAME_OR_PASSWORD;
  return broker;
}

const user = (name: string, fields: Partial<ConnectFields> = {}): Partial<ConnectFields> => ({
  username: name,
  password: utf8(name),
  ...fields,
});

function sendConnect(client: TestClient, clientId: string, fields: Partial<ConnectFields> = {}): TestStream {
  const all = { protocolVersion: client.version, clientId, cleanStart: true, keepAlive: 0, ...fields };
  return client.control.send(codec.encodeConnect(all));
}

/** The reason code of CONNACK, undefined where there was none. */
function connack(client: TestClient): number | undefined {
  const [packet] = client.control.take(({ type }) => type === PacketType.CONNACK);
  return packet?.type === PacketType.CONNACK ? packet.reasonCode : undefined;
}

function codes(stream: TestStream): number[] {
  return stream.take().map((packet) => {
    if (packet.type === PacketType.SUBACK) return packet.reasonCodes[0] as number;
    return 'reasonCode' in packet ? packet.reasonCode : -1;
  });
}

test('CONNECT waits for an answer; what came behind it is read afterwards, and no second CONNECT is needed [MQTT-3.1.4-2]', () => {
  const broker = new TestBroker({ access: policy(undefined, true) });
  const client = broker.open();
  sendConnect(client, 'a', user('ann'));
  client.control.subscribe('t');
  assert.is(connack(client), undefined);
  assert.equal(client.control.take(), []);
  const [request] = broker.requests;
  assert.equal([request?.clientId, request?.username, request?.isWanted], ['a', 'ann', true]);
  broker.answer(request!, { name: 'ann' });
  assert.is(connack(client), 0);
  assert.equal(codes(client.control), [1]);
  broker.answer(request!, ReasonCode.BANNED);
  assert.is(client.closeCode, -1, 'the first answer counts');
});

test('a client that is refused hears why, and is gone [MQTT-3.1.4-2]', () => {
  for (const code of [ReasonCode.BAD_USER_NAME_OR_PASSWORD, ReasonCode.NOT_AUTHORIZED, ReasonCode.SERVER_BUSY]) {
    const broker = new TestBroker({ access: policy(undefined, true) });
    broker.authenticate = () => code;
    const client = broker.open();
    sendConnect(client, 'a');
    client.control.publish('t', 'never');
    assert.is(connack(client), code);
    assert.is(client.closeCode, code);
    assert.is(broker.core.stats().messagesReceived, 0);
    assert.is(broker.core.stats().sessions, 0);
  }
});

test('MQTT 3.1.1 has its own codes for refusals', () => {
  const broker = brokerWithUsers();
  for (const [password, expected] of [
    ['wrong', ReasonCode.BAD_USER_NAME_OR_PASSWORD],
    ['ann', 0],
  ] as const) {
    const client = broker.open(4);
    sendConnect(client, 'a', { username: 'ann', password: utf8(password) });
    // As the harness reads return code 4.
    assert.is(connack(client), expected);
  }
});

test('an answer that does not come is a refusal after ten seconds; one that comes too late does nothing', () => {
  const broker = new TestBroker({ access: policy(undefined, true) });
  const client = broker.open();
  sendConnect(client, 'a');
  const gone = broker.open();
  sendConnect(gone, 'b');
  gone.drop();
  broker.advance(10_001);
  assert.is(connack(client), ReasonCode.SERVER_UNAVAILABLE);
  assert.is(client.closeCode, ReasonCode.SERVER_UNAVAILABLE);
  for (const request of broker.requests) {
    assert.not(request.isWanted);
    broker.answer(request, { name: 'ann' });
  }
  assert.is(broker.core.stats().sessions, 0);
  assert.is(broker.core.stats().connections, 0);
});

test('a stream that ends behind CONNECT ends the connection after the answer', () => {
  const broker = new TestBroker({ access: policy(undefined, true) });
  const client = broker.open();
  sendConnect(client, 'a');
  client.control.end();
  assert.is(client.closeCode, -1);
  broker.answer(broker.requests[0]!, { name: 'ann' });
  assert.is(connack(client), 0);
  assert.is(client.closeCode, 1);
});

test('a session belongs to its identity: another one gets 0x87 and disturbs nothing', () => {
  const broker = brokerWithUsers();
  const ann = broker.connect('c', user('ann', { cleanStart: false, sessionExpiryInterval: 100 }));
  const bob = broker.open();
  sendConnect(bob, 'c', user('bob'));
  assert.is(connack(bob), ReasonCode.NOT_AUTHORIZED);
  assert.is(ann.closeCode, -1);
  ann.drop();
  const again = broker.open();
  sendConnect(again, 'c', user('bob'));
  assert.is(connack(again), ReasonCode.NOT_AUTHORIZED);
  assert.ok(broker.connect('c', user('ann', { cleanStart: false })).connack?.sessionPresent);
});

test('credentials that run out end the connection with 0xA0, whatever the keep-alive', () => {
  const broker = new TestBroker({ access: policy(undefined, true) });
  broker.authenticate = () => ({ name: 'ann', validFor: 5_000 });
  const clients = [broker.connect('a', { keepAlive: 0 }), broker.connect('b', { keepAlive: 600 })];
  broker.advance(4_999);
  assert.equal(
    clients.map(({ closeCode }) => closeCode),
    [-1, -1],
  );
  broker.advance(2);
  for (const client of clients) {
    assert.equal(codes(client.control), [ReasonCode.MAXIMUM_CONNECT_TIME]);
    assert.is(client.closeCode, ReasonCode.MAXIMUM_CONNECT_TIME);
  }
});

test('the keep-alive still counts where credentials last longer [MQTT-3.1.2-22]', () => {
  const broker = new TestBroker({ access: policy(undefined, true) });
  broker.authenticate = () => ({ name: 'ann', validFor: 1e9 });
  const client = broker.connect('a', { keepAlive: 10 });
  broker.advance(10_000);
  client.control.send(Uint8Array.of(0xc0, 0));
  broker.advance(14_999);
  assert.is(client.closeCode, -1);
  broker.advance(2);
  assert.is(client.closeCode, ReasonCode.KEEP_ALIVE_TIMEOUT);
});

const ANN_ONLY: AccessRule[] = [{ allow: 'all', topic: 'home/%u/#' }];

test('messages that are not allowed go nowhere: 0x87 for QoS 1 and 2, nothing for QoS 0', () => {
  const broker = brokerWithUsers([...ANN_ONLY, { allow: 'subscribe', topic: '#', identity: 'all' }]);
  const watcher = broker.connect('w', user('all'));
  const all = watcher.subscribe('#', { qos: 2 });
  const ann = broker.connect('a', user('ann'));
  const stream = ann.stream();
  stream.publish('home/bob/x', '0');
  stream.publish('home/bob/x', '1', { qos: 1 });
  stream.publish('home/bob/x', '2', { qos: 2 });
  assert.equal(codes(stream), [ReasonCode.NOT_AUTHORIZED, ReasonCode.NOT_AUTHORIZED]);
  stream.publish('home/ann/x', 'mine', { qos: 1 });
  stream.publish('home/bob/x', 'retained', { qos: 1, retain: true });
  stream.publish('home/ann/x', 'mine too');
  assert.equal(codes(stream), [0, ReasonCode.NOT_AUTHORIZED]);
  assert.equal(all.texts(), ['mine', 'mine too']);
  assert.is(broker.core.stats().messagesDenied, 4);
  assert.is(broker.core.stats().retainedMessages, 0);
  assert.is(ann.closeCode, -1);
  assert.is(broker.logs.filter((line) => line.includes('may not publish')).length, 1, 'not a line per message');
});

test('a client of MQTT 3.1.1 cannot be told: its message is acknowledged and goes nowhere [MQTT311-3.3.5-2]', () => {
  const broker = brokerWithUsers([...ANN_ONLY, { allow: 'subscribe', topic: '#', identity: 'all' }]);
  const all = broker.connect('w', user('all')).subscribe('#', { qos: 2 });
  const ann = broker.connect('a', user('ann', { protocolVersion: 4 }));
  ann.control.publish('home/bob/x', '1', { qos: 1 });
  ann.control.publish('home/bob/x', '2', { qos: 2 });
  assert.equal(
    ann.control.take().map(({ type }) => type),
    [PacketType.PUBACK, PacketType.PUBREC],
  );
  assert.equal(all.texts(), []);
});

test('the same topic with and without RETAIN are two questions', () => {
  const broker = new TestBroker({
    access: policy([
      { deny: 'retain', topic: '#' },
      { allow: 'all', topic: '#' },
    ]),
  });
  const stream = broker.connect('a').stream();
  stream.publish('t', 'x', { qos: 1 });
  stream.publish('t', 'x', { qos: 1, retain: true });
  stream.publish('t', 'x', { qos: 1 });
  assert.equal(codes(stream), [0, ReasonCode.NOT_AUTHORIZED, 0]);
});

test('subscriptions that are not allowed get 0x87, one by one; shared ones are judged by their filter', () => {
  const broker = brokerWithUsers(ANN_ONLY);
  const ann = broker.connect('a', user('ann'));
  const asked = ['home/ann/+', 'home/#', '$share/g/home/ann/x', '$share/g/home/bob/x'].map((topicFilter) => ({
    topicFilter,
    qos: 1,
    noLocal: false,
    retainAsPublished: false,
    retainHandling: 0,
  }));
  ann.control.send(codec.encodeSubscribe(1, asked, 0, 5));
  const [suback] = ann.control.take(({ type }) => type === PacketType.SUBACK);
  assert.equal((suback as { reasonCodes?: readonly number[] }).reasonCodes, [1, 0x87, 1, 0x87]);
  assert.is(broker.core.stats().subscriptions, 2);
});

test('a will that may not be published is refused with CONNECT', () => {
  const broker = brokerWithUsers(ANN_ONLY);
  const will = { topic: 'home/bob/dead', payload: utf8('x'), qos: 0, retain: false } as const;
  const client = broker.open();
  sendConnect(client, 'a', user('ann', { will }));
  assert.is(connack(client), ReasonCode.NOT_AUTHORIZED);
  assert.is(broker.core.stats().sessions, 0);
  broker.connect('a', user('ann', { will: { ...will, topic: 'home/ann/dead' } }));
});

test('after the rules change, living subscriptions end that are no longer allowed, with what waits for them', () => {
  const broker = brokerWithUsers();
  const ann = broker.connect('a', user('ann'));
  const stream = ann.subscribe('home/+', { qos: 1 });
  ann.subscribe('public/#', { qos: 1 }, stream);
  ann.subscribe('home/open', { qos: 1 }, stream);
  stream.capacity = 0;
  const publisher = broker.connect('p', user('p')).stream();
  for (const topic of ['home/secret', 'public/x', 'home/open', 'home/secret2', 'public/y'])
    publisher.publish(topic, topic, { qos: 1 });
  const before = broker.core.stats().queuedBytes;
  broker.core.setAccess(policy([{ allow: 'all', topic: ['public/#', 'home/open'] }], true), broker.now);
  assert.ok(broker.core.stats().queuedBytes < before);
  publisher.publish('home/secret', 'later', { qos: 1 });
  publisher.publish('public/z', 'public/z', { qos: 1 });
  stream.drain();
  assert.equal(
    stream.messages().map(({ topic }) => topic),
    ['public/x', 'home/open', 'public/y', 'public/z'],
  );
  assert.is(broker.core.stats().subscriptions, 2);
  assert.is(broker.core.stats().queuedBytes, 0);
  assert.is(ann.session.queuedMessages, 0);
});

test('and those of clients that are away', () => {
  const broker = brokerWithUsers();
  const ann = broker.connect('a', user('ann', { cleanStart: false, sessionExpiryInterval: 100 }));
  ann.subscribe('home/x', { qos: 1 }, ann.control);
  ann.drop();
  broker.connect('p', user('p')).publish('home/x', 'waits', { qos: 1 });
  assert.ok(broker.core.stats().queuedBytes > 0);
  broker.core.setAccess(policy([{ allow: 'all', topic: 'public/#' }], true), broker.now);
  assert.is(broker.core.stats().queuedBytes, 0);
  const again = broker.connect('a', user('ann', { cleanStart: false }));
  assert.ok(again.connack?.sessionPresent);
  assert.equal(again.control.texts(), []);
});

test('a publisher is asked again after a change, in the middle of a topic', () => {
  const broker = brokerWithUsers();
  const stream = broker.connect('a', user('ann')).stream();
  stream.publish('t', '1', { qos: 1 });
  broker.core.setAccess(policy([], true), broker.now);
  stream.publish('t', '2', { qos: 1 });
  broker.core.setAccess(undefined, broker.now);
  stream.publish('t', '3', { qos: 1 });
  assert.equal(codes(stream), [0, ReasonCode.NOT_AUTHORIZED, 0]);
});

test('retained messages go whose publisher may no longer publish them, and so do wills', () => {
  const broker = brokerWithUsers();
  const will = { topic: 'b/dead', payload: utf8('x'), qos: 0, retain: true } as const;
  const ann = broker.connect('a', user('ann', { will }));
  for (const topic of ['a/1', 'b/1']) ann.control.publish(topic, topic, { retain: true });
  const bob = broker.connect('b', user('bob'));
  bob.control.publish('b/2', 'b/2', { retain: true });
  broker.core.setAccess(
    policy(
      [
        { deny: 'publish', topic: 'b/#', identity: 'ann' },
        { allow: 'all', topic: '#' },
      ],
      true,
    ),
    broker.now,
  );
  ann.drop();
  const seen = bob.subscribe('#', { qos: 0 }).messages();
  assert.equal(seen.map(({ topic }) => topic).sort(), ['a/1', 'b/2']);
});

test('retained messages that are still to be sent stop where the subscription is no longer allowed', () => {
  const broker = brokerWithUsers();
  const payload = 'x'.repeat(10_000);
  const publisher = broker.connect('p', user('p')).control;
  for (let i = 0; i < 100; i++) publisher.publish(`r/${i}`, payload, { retain: true });
  const ann = broker.connect('a', user('ann'));
  const stream = ann.stream();
  stream.capacity = 100;
  stream.subscribe('r/#');
  broker.core.setAccess(policy([{ allow: 'all', topic: 'other/#' }], true), broker.now);
  stream.drain();
  assert.ok(stream.messages().length < 20);
});

test('who comes back with less than before loses the subscriptions that need more', () => {
  const broker = new TestBroker({ access: policy(undefined, true) });
  const token = (topic: string) => (): Identity => {
    const rules = new AccessRules([{ allow: 'all', topic }]);
    return { name: 'ann', permissions: (principal) => rules.permissionsOf(principal) };
  };
  broker.authenticate = token('#');
  const before = broker.connect('a', { cleanStart: false, sessionExpiryInterval: 100 });
  before.subscribe('secret', { qos: 1 }, before.control);
  before.subscribe('public', { qos: 1 }, before.control);
  before.drop();
  const publisher = broker.connect('p').stream();
  for (const topic of ['secret', 'public']) publisher.publish(topic, topic, { qos: 1 });
  broker.authenticate = token('public');
  const after = broker.connect('a', { cleanStart: false });
  publisher.publish('secret', 'more', { qos: 1 });
  assert.equal(after.control.texts(), ['public']);
});

test("rules of a token count in place of the broker's", () => {
  const broker = new TestBroker({ access: policy([{ allow: 'all', topic: 'broker' }], true) });
  const rules = new AccessRules([{ allow: 'all', topic: 'token' }]);
  broker.authenticate = () => ({ name: 'ann', permissions: (principal) => rules.permissionsOf(principal) });
  const stream = broker.connect('a').stream();
  stream.publish('token', 'x', { qos: 1 }).publish('broker', 'x', { qos: 1 });
  assert.equal(codes(stream), [0, ReasonCode.NOT_AUTHORIZED]);
});

test('pieces of a flood before CONNECT is answered stay where they are', () => {
  const broker = new TestBroker({ access: policy(undefined, true) });
  const client = broker.open();
  sendConnect(client, 'a');
  for (let i = 0; i < 100; i++) client.control.send(publishBytes('t', 'x'.repeat(1_000)));
  assert.is(broker.core.stats().messagesReceived, 0);
  assert.ok(client.control.channel.isHeld, 'the driver leaves the rest in the stream');
  broker.answer(broker.requests[0]!, { name: 'ann' });
  assert.is(broker.core.stats().messagesReceived, 100);
});

test.run();
