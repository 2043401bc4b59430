/** Shared subscriptions: one message, one member. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as codec from '../../src/packets/codec.ts';
import { PacketType } from '../../src/packets/packet-types.ts';
import { TestBroker } from '../support/core-harness.ts';
import type { TestClient, TestStream } from '../support/core-harness.ts';
import { random } from '../support/seed.ts';

const test = suite('shared-subscriptions');

const kept = { cleanStart: false, sessionExpiryInterval: 100 };

/** Members of `$share/g/t`, each a client with one stream. */
function members(broker: TestBroker, count: number, qos = 1): TestStream[] {
  return Array.from({ length: count }, (_, i) => broker.connect(`m${i}`).subscribe('$share/g/t', { qos }));
}

const counts = (streams: readonly TestStream[]): number[] => streams.map((stream) => stream.messages().length);

function publish(client: TestClient, count: number, qos = 0): void {
  const stream = client.stream();
  for (let i = 0; i < count; i++) stream.publish('t', String(i), { qos });
}

test('[MQTT-4.8.2-3] each message goes to one member, in turn, and to everybody else as usual', () => {
  const broker = new TestBroker();
  assert.ok(broker.connect('x').connack!.sharedSubscriptionAvailable);
  const group = members(broker, 3);
  const other = broker.connect('y').subscribe('$share/other/+');
  const plain = broker.connect('z').subscribe('t');
  publish(broker.connect('p'), 9);
  assert.equal(counts(group), [3, 3, 3]);
  assert.equal(counts([other, plain]), [9, 9]);
  assert.is(broker.core.stats().subscriptions, 5);
});

test('[MQTT-4.8.2-3] a member gets what it subscribed with: QoS and identifier', () => {
  const broker = new TestBroker();
  const zero = broker.connect('a').stream().subscribe('$share/g/t', { qos: 0 }, 3);
  const two = broker.connect('b').stream().subscribe('$share/g/t', { qos: 2 }, 4);
  publish(broker.connect('p'), 2, 2);
  assert.equal(
    [zero, two].map((stream) =>
      stream.messages().map(({ qos, properties }) => [qos, properties.subscriptionIdentifiers]),
    ),
    [[[0, [3]]], [[2, [4]]]],
  );
});

test('a shared and a plain subscription of one stream give a copy each', () => {
  const broker = new TestBroker();
  const stream = broker.connect('c').subscribe('$share/g/t');
  stream.subscribe('t').take();
  publish(broker.connect('p'), 1);
  assert.equal(stream.texts(), ['0', '0']);
});

test('streams of one client are members of their own, and leave by UNSUBSCRIBE or at their end', () => {
  const broker = new TestBroker();
  const client = broker.connect('c');
  const [first, second, third] = Array.from({ length: 3 }, () => client.subscribe('$share/g/t'));
  const p = broker.connect('p');
  publish(p, 6);
  assert.equal(counts([first, second, third]), [2, 2, 2]);
  second.send(codec.encodeUnsubscribe(9, ['$share/g/t'], 5));
  assert.equal((second.take()[0] as codec.SubackPacket).reasonCodes, [0]);
  third.end();
  publish(p, 2);
  assert.equal(counts([first, second]), [2, 0]);
  first.end();
  assert.is(broker.core.stats().subscriptions, 0);
  publish(p, 1);
});

test('[MQTT-3.8.3-4] No Local is a protocol error', () => {
  const stream = new TestBroker().connect('c').stream().subscribe('$share/g/t', { noLocal: true });
  assert.is(stream.abortCode, 0x82);
});

test('there are no retained messages', () => {
  const broker = new TestBroker();
  broker.connect('p').publish('t', 'x', { retain: true });
  assert.equal(counts(members(broker, 1)), [0]);
});

test('a broker without them says so', () => {
  const broker = new TestBroker({ sharedSubscriptionAvailable: false });
  const client = broker.connect('c');
  assert.is(client.connack!.sharedSubscriptionAvailable, false);
  const stream = client.stream().subscribe('$share/g/t');
  assert.equal((stream.take()[0] as codec.SubackPacket).reasonCodes, [0x9e]);
});

test('members who are connected come first; who is away gets messages only when nobody is there, and no QoS 0', () => {
  const broker = new TestBroker();
  const away = broker.connect('away', kept);
  away.control.subscribe('$share/g/t').take();
  away.drop();
  const [there] = members(broker, 1);
  const p = broker.connect('p');
  publish(p, 4, 1);
  const messages = there.messages();
  assert.is(messages.length, 4);
  for (const { packetIdentifier } of messages) there.puback(packetIdentifier);
  there.client.drop();
  publish(p, 3, 1);
  publish(p, 3, 0);
  assert.is(broker.core.stats().messagesDropped, 3);
  assert.equal(broker.connect('away', kept).control.texts(), ['0', '1', '2']);
});

test('a member who does not keep up is passed over', () => {
  const broker = new TestBroker();
  const slow = broker.connect('slow', { receiveMaximum: 1 }).subscribe('$share/g/t');
  const quick = broker.connect('quick').subscribe('$share/g/t');
  publish(broker.connect('p'), 10, 1);
  // One is in flight, one waits behind it; then it is known to be at its limit.
  assert.equal(counts([slow, quick]), [1, 8]);
});

test('strategies: sticky, random, least backlog', () => {
  const sticky = new TestBroker({ sharedStrategy: 'sticky' });
  const one = members(sticky, 3);
  publish(sticky.connect('p'), 9);
  assert.equal(counts(one), [9, 0, 0]);
  one[0].client.drop();
  publish(sticky.connect('p'), 9);
  assert.equal(counts(one), [0, 9, 0]);

  const draw = random();
  const fill = (out: Uint8Array): void => {
    for (let i = 0; i < out.length; i++) out[i] = Math.floor(draw() * 256);
  };
  const any = new TestBroker({ sharedStrategy: 'random', random: { fillPublic: fill, fillPrivate: fill } });
  const three = members(any, 3);
  publish(any.connect('p'), 300);
  const shares = counts(three);
  assert.is(shares[0] + shares[1] + shares[2], 300);
  assert.ok(Math.min(...shares) > 50, String(shares));

  const least = new TestBroker({ sharedStrategy: 'least-backlog' });
  const [busy, idle] = members(least, 2);
  busy.capacity = 0;
  publish(least.connect('p'), 10);
  busy.drain();
  assert.equal(counts([busy, idle]), [1, 9]);
});

test('[MQTT-4.8.2-5] at the end of a session what was not acknowledged goes to another member: QoS 1 and what was not sent, but not QoS 2 that was', () => {
  for (const qos of [1, 2]) {
    const broker = new TestBroker();
    const [first] = members(broker, 1, qos);
    const p = broker.connect('p').stream();
    p.publish('t', 'sent', { qos }).publish('t', 'done', { qos });
    const [, done] = first.messages();
    if (qos === 1) first.puback(done.packetIdentifier);
    first.capacity = 0;
    p.publish('t', 'waits', { qos });
    const second = broker.connect('second').subscribe('$share/g/t', { qos });
    first.client.drop();
    assert.equal(second.texts(), qos === 1 ? ['sent', 'waits'] : ['waits'], `QoS ${qos}`);
    assert.is(broker.core.queuedBytes, 0);
  }
});

test('[MQTT-4.8.2-4] a member whose session is kept completes its exchanges when it comes back', () => {
  const broker = new TestBroker();
  const first = broker.connect('first', kept);
  first.subscribe('$share/g/t', { qos: 2 });
  publish(broker.connect('p'), 2, 2);
  first.drop();
  const second = broker.connect('second').subscribe('$share/g/t', { qos: 2 });
  assert.equal(second.texts(), []);
  const again = broker.connect('first', kept);
  assert.equal(
    again.control.messages().map(({ text, isDuplicate }) => [text, isDuplicate]),
    [
      ['0', true],
      ['1', true],
    ],
  );
});

test('[MQTT-4.8.2-6] a negative PUBACK or PUBREC ends it: nobody else gets the message', () => {
  for (const [qos, type] of [
    [1, PacketType.PUBACK],
    [2, PacketType.PUBREC],
  ] as const) {
    const broker = new TestBroker();
    const [first] = members(broker, 1, qos);
    publish(broker.connect('p'), 1, qos);
    const second = broker.connect('second').subscribe('$share/g/t', { qos });
    const [message] = first.messages();
    first.acknowledge(type, message.packetIdentifier, 0x83);
    first.client.drop();
    assert.equal(second.texts(), []);
  }
});

test('what waits on a stream that ends goes to another member', () => {
  const broker = new TestBroker();
  const client = broker.connect('c');
  const first = client.subscribe('$share/g/t');
  first.capacity = 0;
  publish(broker.connect('p'), 2, 1);
  const second = client.subscribe('$share/g/t');
  first.reset(0);
  assert.equal(second.texts(), ['0', '1']);
  assert.equal(client.control.texts(), []);
});

test.run();
