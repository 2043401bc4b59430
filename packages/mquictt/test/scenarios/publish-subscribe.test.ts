import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Message } from '../../src/index.ts';
import { text } from '../support/hex.ts';
import { rejection, until, withBroker } from '../support/loopback.ts';

const test = suite('publish-subscribe');

test('publishers and subscribers have streams of their own', () =>
  withBroker(async ({ broker, connect }) => {
    const client = await connect();
    const publishers = await Promise.all(['a', 'b', 'c'].map((topic) => client.publisher(topic, topic)));
    const subscribers = await Promise.all(['a', 'b', 'c'].map((topic) => client.subscriber(topic)));
    const ids = [...publishers, ...subscribers].map(({ streamId }) => streamId);
    assert.is(new Set(ids).size, 6);
    assert.ok(ids.every((id) => id > 0 && id % 4 === 0));
    for (const [i, subscriber] of subscribers.entries()) assert.is(text(await subscriber.read()), ['a', 'b', 'c'][i]);
    assert.is(broker.stats().flows, 7);
    assert.is(client.streamCount, 7);
  }));

test('[MQTT-3.3.2-3] [MQTT-4.7.2-1] wildcards', () =>
  withBroker(async ({ connect }) => {
    const client = await connect('c');
    const plus = await client.subscriber('house/+/temperature');
    const hash = await client.subscriber('house/#');
    const all = await client.subscriber('#');
    const publish = async (topic: string, payload: string): Promise<void> => {
      const publisher = await client.publisher(topic, payload, { retain: false });
      await publisher.close();
    };
    await publish('house/kitchen/temperature', '21');
    await publish('house', 'here');
    await publish('house/kitchen/humidity', '40');
    await publish('$internal/x', 'hidden');
    await publish('garden', 'green');
    const read = async (subscriber: { readMessage(): Promise<Message> }, count: number): Promise<string[]> => {
      const found: string[] = [];
      for (let i = 0; i < count; i++) {
        const message = await subscriber.readMessage();
        found.push(`${message.topic}=${message.text()}`);
      }
      return found;
    };
    assert.equal(await read(plus, 1), ['house/kitchen/temperature=21']);
    assert.equal(await read(hash, 3), ['house/kitchen/temperature=21', 'house=here', 'house/kitchen/humidity=40']);
    assert.equal((await read(all, 4)).at(-1), 'garden=green');
    assert.is(plus.bufferedMessages + hash.bufferedMessages + all.bufferedMessages, 0);
  }));

test('[MQTT-4.6.0-5] publishes that are not awaited keep their order, with both QoS', () =>
  withBroker(async ({ connect }) => {
    const client = await connect();
    for (const qos of [0, 1] as const) {
      const subscriber = await client.subscriber(`order/${qos}`, { qos });
      const publisher = await client.publisher(`order/${qos}`, undefined, { qos });
      const count = 5_000;
      let last: Promise<void> = Promise.resolve();
      for (let i = 0; i < count; i++) last = publisher.publish(`${i} ${'x'.repeat(i % 200)}`);
      const done = last;
      for (let i = 0; i < count; i++) assert.is(Number.parseInt(text(await subscriber.read()), 10), i);
      await done;
    }
  }));

test('[MQTT-4.2.0-1] [MQTT311-7.1.1-1] messages of every size arrive as they were', () =>
  withBroker(async ({ connect }) => {
    const client = await connect();
    const subscriber = await client.subscriber('size');
    const publisher = await client.publisher('size', undefined, { retain: false });
    for (const size of [0, 1, 127, 128, 4_096, 4_097, 65_536, 1_000_000]) {
      const payload = Uint8Array.from({ length: size }, (_, i) => (i * 7) & 0xff);
      await publisher.publish(payload);
      const received = await subscriber.read();
      assert.is(received.length, size);
      assert.ok(Buffer.from(received).equals(Buffer.from(payload)), `${size} bytes`);
    }
    const error = await rejection(publisher.publish(new Uint8Array(1_048_576)));
    assert.is(error.code, 'ERR_MQTT_PACKET_TOO_LARGE');
  }));

test('[MQTT-3.3.1-6] [MQTT-3.3.1-8] what was published without RETAIN is not kept, an empty payload clears', () =>
  withBroker(async ({ connect }) => {
    const client = await connect();
    const publisher = await client.publisher('t', 'kept');
    await publisher.publish('passing', { retain: false });
    const first = await client.subscriber('t');
    assert.is(text(await first.read()), 'kept');
    await publisher.publish('');
    assert.is((await first.read()).length, 0);
    const second = await client.subscriber('t');
    await publisher.publish('later');
    assert.is(text(await second.read()), 'later');
  }));

test('[MQTT-3.3.2-4] [MQTT-3.3.2-15] [MQTT-3.3.2-16] [MQTT-3.3.2-17] [MQTT-3.3.2-18] [MQTT-3.3.2-20] messages carry their properties', () =>
  withBroker(async ({ connect }) => {
    const client = await connect();
    const subscriber = await client.subscriber('t', { retainAsPublished: true });
    const properties = {
      isText: true,
      contentType: 'application/json',
      responseTopic: 'answers',
      correlationData: Uint8Array.of(1, 2),
      userProperties: [
        ['b', '1'],
        ['a', '2'],
      ] as const,
    };
    await client.publisher('t', '{}', { ...properties, messageExpiryInterval: 100 });
    const message = await subscriber.readMessage();
    assert.equal(message.properties, { ...properties, messageExpiryInterval: 100 });
    assert.is(message.retain, true);
    assert.is(message.qos, 1);
    assert.is(message.isDuplicate, false);
  }));

test('a message that expires before it can be sent is refused, and those after it are sent', () =>
  withBroker(async ({ connect }) => {
    const client = await connect();
    const publisher = await client.publisher('t', undefined, { retain: false });
    const subscriber = await client.subscriber('t');
    const expiring = rejection(publisher.publish('late', { messageExpiryInterval: 0 }));
    await publisher.publish('in time');
    assert.is((await expiring).code, 'ERR_MQTT_TIMEOUT');
    assert.is(text(await subscriber.read()), 'in time');
  }));

test('a subscriber is iterated over, and leaving the loop closes it', () =>
  withBroker(async ({ broker, connect }) => {
    const client = await connect();
    const subscriber = await client.subscriber('t');
    const publisher = await client.publisher('t');
    for (let i = 0; i < 5; i++) void publisher.publish(String(i));
    const found: string[] = [];
    for await (const payload of subscriber) {
      found.push(text(payload));
      if (found.length === 3) break;
    }
    assert.equal(found, ['0', '1', '2']);
    assert.is(broker.stats().subscriptions, 0);
    assert.is((await rejection(subscriber.read())).code, 'ERR_MQTT_CLOSED');
  }));

test('close() ends an iteration that waits', () =>
  withBroker(async ({ connect }) => {
    const client = await connect();
    const subscriber = await client.subscriber('t');
    const publisher = await client.publisher('t', 'x');
    const found: string[] = [];
    const loop = (async () => {
      for await (const message of subscriber.messages()) found.push(message.text());
    })();
    await until(() => found.length === 1);
    await subscriber.close();
    await loop;
    await publisher.close();
    assert.equal(found, ['x']);
  }));

test('a read can be given up without losing a message', () =>
  withBroker(async ({ connect }) => {
    const client = await connect();
    const subscriber = await client.subscriber('t');
    const controller = new AbortController();
    const read = subscriber.read({ signal: controller.signal });
    controller.abort(new Error('enough'));
    assert.is((await rejection(read)).message, 'enough');
    await client.publisher('t', 'still here');
    assert.is(text(await subscriber.read()), 'still here');
  }));

test('[MQTT-3.8.3-3] no local', () =>
  withBroker(async ({ connect }) => {
    const client = await connect('a');
    const other = await connect('b');
    const subscriber = await client.subscriber('t', { noLocal: true });
    await client.publisher('t', 'own', { retain: false });
    await other.publisher('t', 'foreign', { retain: false });
    assert.is(text(await subscriber.read()), 'foreign');
  }));

test('wrong topics and options are refused with a sentence, before anything is sent', () =>
  withBroker(async ({ connect }) => {
    const client = await connect();
    for (const topic of ['', 'a/#', '+', 'a\0', '\uD800']) {
      const error = await rejection(client.publisher(topic, 'x'));
      assert.is(error.code, 'ERR_MQTT_TOPIC_NAME');
      assert.match(error.message, /^The topic name .* (is|contains) /);
    }
    for (const filter of ['', 'a#', 'a/#/b', '$share/g/t']) {
      assert.is((await rejection(client.subscriber(filter))).code, 'ERR_MQTT_TOPIC_FILTER');
    }
    const publisher = await client.publisher('t');
    assert.is((await rejection(publisher.publish(5 as unknown as string))).code, 'ERR_MQTT_INVALID_ARGUMENT');
    assert.is((await rejection(publisher.publish('x', { qos: 2 as 1 }))).code, 'ERR_MQTT_INVALID_ARGUMENT');
    assert.is((await rejection(publisher.publish('x', { responseTopic: '#' }))).code, 'ERR_MQTT_TOPIC_NAME');
    assert.is(client.streamCount, 2);
  }));

test('[MQTT-3.1.2-20] the keep-alive keeps a quiet connection, and the broker ends one that is silent', () =>
  withBroker(
    async ({ broker, connect }) => {
      const client = await connect('quiet', { keepAlive: 1 });
      await new Promise((resolve) => setTimeout(resolve, 2_600));
      assert.is(broker.stats().sessions, 1);
      await client.publisher('t', 'x');
    },
    { serverKeepAlive: 60 },
  ));

test.run();
