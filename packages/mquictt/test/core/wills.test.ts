/** Wills: when they are published, and when not any more. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as codec from '../../src/packets/codec.ts';
import type { ConnectFields, WillFields } from '../../src/packets/codec.ts';
import { TestBroker } from '../support/core-harness.ts';
import type { TestClient, TestStream } from '../support/core-harness.ts';
import { utf8 } from '../support/hex.ts';

const test = suite('wills');

const WILL: WillFields = { topic: 'w', payload: utf8('will'), qos: 1, retain: false };

function mortal(broker: TestBroker, will: Partial<WillFields> = {}, fields: Partial<ConnectFields> = {}): TestClient {
  return broker.connect('c', { cleanStart: false, sessionExpiryInterval: 100, will: { ...WILL, ...will }, ...fields });
}

function witness(broker: TestBroker): TestStream {
  return broker.connect('witness').subscribe('#', { qos: 2, retainAsPublished: true });
}

test('[MQTT-3.1.2-8] a will waits for its delay', () => {
  const broker = new TestBroker();
  const reader = witness(broker);
  mortal(broker, { delayInterval: 10 }).drop();
  broker.advance(9_999);
  assert.equal(reader.texts(), []);
  broker.advance(1);
  assert.equal(reader.texts(), ['will']);
  broker.advance(1_000_000);
  assert.equal(reader.texts(), []); // [MQTT-3.1.2-10]
});

test('[MQTT-3.1.2-8] a will does not wait longer than its session', () => {
  for (const [sessionExpiryInterval, after] of [
    [0, 0],
    [5, 5_000],
  ] as const) {
    const broker = new TestBroker();
    const reader = witness(broker);
    mortal(broker, { delayInterval: 1_000 }, { sessionExpiryInterval }).drop();
    if (after > 0) {
      broker.advance(after - 1);
      assert.equal(reader.texts(), []);
      broker.advance(1);
    }
    assert.equal(reader.texts(), ['will'], `expiry ${sessionExpiryInterval}`);
  }
});

test('[MQTT-3.1.3-9] a client that returns before takes its will back', () => {
  const broker = new TestBroker();
  const reader = witness(broker);
  mortal(broker, { delayInterval: 10 }).drop();
  broker.advance(9_000);
  const again = broker.connect('c', { cleanStart: false, sessionExpiryInterval: 100 });
  broker.advance(100_000);
  again.drop();
  broker.advance(1_000_000);
  assert.equal(reader.texts(), []);
});

test('[MQTT-3.1.3-9] a takeover takes back a will with delay, and not one without', () => {
  for (const [delayInterval, expected] of [
    [0, ['will']],
    [10, []],
  ] as const) {
    const broker = new TestBroker();
    const reader = witness(broker);
    mortal(broker, { delayInterval });
    broker.connect('c', { cleanStart: false, sessionExpiryInterval: 100 });
    broker.advance(1_000_000);
    assert.equal(reader.texts(), [...expected], `delay ${delayInterval}`);
  }
});

test('a clean start ends the session, and so publishes a will that waits', () => {
  const broker = new TestBroker();
  const reader = witness(broker);
  mortal(broker, { delayInterval: 10 }).drop();
  broker.connect('c', { cleanStart: true });
  assert.equal(reader.texts(), ['will']);
});

test('[MQTT-3.14.4-3] DISCONNECT deletes the will, with 0x04 or an error it does not', () => {
  for (const [reasonCode, expected] of [
    [0, []],
    [4, ['will']],
    [0x80, ['will']],
  ] as const) {
    const broker = new TestBroker();
    const reader = witness(broker);
    mortal(broker).control.send(codec.encodeDisconnect(reasonCode, undefined, 5));
    broker.advance(1_000_000);
    assert.equal(reader.texts(), [...expected], `reason code ${reasonCode}`);
  }
});

test('DISCONNECT with expiry 0 and 0x04 publishes a delayed will at once', () => {
  const broker = new TestBroker();
  const reader = witness(broker);
  const client = mortal(broker, { delayInterval: 50 });
  client.control.send(codec.encodeDisconnect(4, undefined, 5, { sessionExpiryInterval: 0 }));
  assert.equal(reader.texts(), ['will']);
});

test('[MQTT-3.1.2-14] [MQTT-3.1.2-15] a will has the QoS and the RETAIN that were asked for', () => {
  for (const qos of [0, 1, 2] as const)
    for (const retain of [false, true]) {
      const broker = new TestBroker();
      const reader = witness(broker);
      mortal(broker, { qos, retain }).drop();
      const [message] = reader.messages();
      assert.equal([message.qos, message.retain], [qos, retain]);
      assert.is(broker.core.stats().retainedMessages, retain ? 1 : 0);
    }
});

test('the message expiry of a will counts from its publication', () => {
  const broker = new TestBroker();
  const reader = witness(broker);
  mortal(broker, { delayInterval: 50, messageExpiryInterval: 20 }).drop();
  broker.advance(50_000);
  const [message] = reader.messages();
  assert.is(message.expiry, 20);
});

test('a will that waits reaches a reader who is away, and its own client when it comes back', () => {
  const broker = new TestBroker();
  const reader = broker.connect('r', { cleanStart: false, sessionExpiryInterval: 1_000 });
  reader.control.subscribe('w').take();
  reader.drop();
  const client = mortal(broker, { delayInterval: 10 });
  client.control.subscribe('w').take();
  client.drop();
  broker.advance(10_000);
  assert.equal(broker.connect('r', { cleanStart: false }).control.texts(), ['will']);
  assert.equal(broker.connect('c', { cleanStart: false }).control.texts(), ['will']);
});

test('[MQTT-3.2.2-13] [MQTT-3.2.2-14] a broker that retains nothing says so, and refuses wills and messages to be retained', () => {
  const broker = new TestBroker({ retainAvailable: false });
  const client = broker.connect('c');
  assert.is(client.connack!.retainAvailable, false);
  assert.is(client.publish('t', 'x', { retain: true }).abortCode, 0x9a);
  assert.throws(() => broker.connect('d', { will: { ...WILL, retain: true } }), /"reasonCode":154/);
});

test.run();
