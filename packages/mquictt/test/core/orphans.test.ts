/** Subscriptions whose stream is gone: delivered on the control stream until a SUBSCRIBE with their filter adopts them. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as codec from '../../src/packets/codec.ts';
import { TestBroker } from '../support/core-harness.ts';
import type { TestClient } from '../support/core-harness.ts';
import { StoredBroker } from '../support/stored-broker.ts';

const test = suite('orphans');

const kept = { cleanStart: false, sessionExpiryInterval: 100 };

/** A client that came back after its stream for `t` had died with its connection. */
function returned(broker: TestBroker, away: (publish: (text: string) => void) => void = () => {}): TestClient {
  const client = broker.connect('c', kept);
  client.subscribe('t');
  client.drop();
  const p = broker.connect('p').stream();
  away((text) => void p.publish('t', text, { qos: 1 }));
  return broker.connect('c', kept);
}

test('the first SUBSCRIBE with the filter adopts it: on its own stream from then on, once, with its options', () => {
  const broker = new TestBroker();
  const client = returned(broker);
  const p = broker.connect('p').stream();
  p.publish('t', 'before', { qos: 1 });
  const [before] = client.control.messages();
  assert.is(before.text, 'before');
  client.control.puback(before.packetIdentifier);
  const stream = client.subscribe('t', { qos: 0 });
  p.publish('t', 'after', { qos: 1 });
  assert.equal(client.control.messages(), []);
  assert.equal(
    stream.messages().map(({ text, qos }) => [text, qos]),
    [['after', 0]],
  );
  assert.is(broker.core.stats().subscriptions, 1);
  assert.is(client.session.subscriptionCount, 1);
  // The second one is a subscription of its own, as ever.
  const second = client.subscribe('t');
  p.publish('t', 'both');
  assert.equal([stream.texts(), second.texts()], [['both'], ['both']]);
});

test('retain handling 1 counts it as existing', () => {
  const broker = new TestBroker();
  broker.connect('p').publish('t', 'retained', { retain: true });
  const client = returned(broker);
  assert.equal(client.subscribe('t', { retainHandling: 1 }).texts(), []);
  assert.equal(client.subscribe('t', { retainHandling: 1 }).texts(), ['retained']);
});

test('it moves only when nothing is unacknowledged on the control stream, so that order holds', () => {
  const broker = new TestBroker();
  const client = returned(broker, (publish) => {
    publish('1');
    publish('2');
  });
  const stream = client.subscribe('t', { qos: 1 });
  const p = broker.connect('p').stream();
  p.publish('t', '3', { qos: 1 });
  const messages = client.control.messages();
  assert.equal(
    messages.map(({ text }) => text),
    ['1', '2', '3'],
  );
  assert.equal(stream.messages(), []);
  for (const { packetIdentifier } of messages) client.control.puback(packetIdentifier);
  p.publish('t', '4', { qos: 1 });
  assert.equal(stream.texts(), ['4']);
  assert.equal(client.control.messages(), []);
  assert.is(broker.core.stats().subscriptions, 1);
});

test('an adopted one that has not moved yet ends with UNSUBSCRIBE on its stream, and with its stream', () => {
  for (const end of ['unsubscribe', 'stream', 'connection'] as const) {
    const broker = new TestBroker();
    const client = returned(broker, (publish) => publish('1'));
    const stream = client.subscribe('t');
    if (end === 'unsubscribe') {
      stream.send(codec.encodeUnsubscribe(5, ['t'], 5));
      assert.equal((stream.take()[0] as codec.SubackPacket).reasonCodes, [0]);
    } else if (end === 'stream') stream.end();
    else client.drop();
    for (const { packetIdentifier } of client.control.messages()) client.control.puback(packetIdentifier);
    const isLeft = end === 'connection' ? 1 : 0;
    assert.equal([broker.core.stats().subscriptions, client.session.subscriptionCount], [isLeft, isLeft], end);
  }
});

test('SUBSCRIBE on the control stream adopts as well', () => {
  const broker = new TestBroker();
  const client = returned(broker);
  client.control.subscribe('t', { qos: 0 }).take();
  assert.is(broker.core.stats().subscriptions, 1);
  const stream = client.subscribe('t');
  broker.connect('p').publish('t', 'x');
  assert.equal([client.control.texts(), stream.texts()], [['x'], ['x']]);
});

test('a restart leaves orphans as well, and the SUBSCRIBE of a client that comes back adopts them', async () => {
  const first = await StoredBroker.start();
  first.connect('c', kept).subscribe('t');
  first.settle();
  const broker = await first.crash();
  const client = broker.connect('c', kept);
  assert.ok(client.connack!.sessionPresent);
  const stream = client.subscribe('t');
  broker.connect('p').publish('t', 'x');
  assert.equal([client.control.texts(), stream.texts()], [[], ['x']]);
  assert.is(broker.core.stats().subscriptions, 1);
});

test('what was asked for on the control stream is no orphan', () => {
  const broker = new TestBroker();
  const first = broker.connect('c', kept);
  first.control.subscribe('t').take();
  first.drop();
  const client = broker.connect('c', kept);
  client.subscribe('t');
  assert.is(broker.core.stats().subscriptions, 2);
});

test.run();
