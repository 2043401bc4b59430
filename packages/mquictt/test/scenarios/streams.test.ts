import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { text } from '../support/hex.ts';
import { rejection, until, withBroker } from '../support/loopback.ts';

const test = suite('streams');

test('a subscriber that is never read holds up no other topic', () =>
  withBroker(async ({ broker, connect }) => {
    const client = await connect('reader');
    const source = await connect('source');
    const lazy = await client.subscriber('lazy', { qos: 0 });
    const eager = await client.subscriber('eager', { qos: 0 });
    const toLazy = await source.publisher('lazy', undefined, { qos: 0, retain: false });
    const toEager = await source.publisher('eager', undefined, { qos: 0, retain: false });
    const payload = new Uint8Array(16_384).fill(1);
    let received = 0;
    const reading = (async () => {
      for await (const message of eager) {
        assert.is(message.length, payload.length);
        if (++received === 600) return;
      }
    })();
    for (let i = 0; i < 600; i++) {
      void toLazy.publish(payload).catch(() => {});
      await toEager.publish(payload);
      // QoS 0 is dropped for readers that are behind: on a busy machine the one that reads gets the time to.
      if (i % 8 === 7) await until(() => received > i - 4);
    }
    await reading;
    assert.is(received, 600);
    // What nobody reads is bounded: here, in the stream, and in the broker.
    assert.ok(lazy.bufferedMessages * payload.length < 400_000);
    assert.ok(broker.stats().queuedBytes < 600_000, String(broker.stats().queuedBytes));
  }));

test('a subscriber that pauses gets everything in order when it reads on', () =>
  withBroker(async ({ connect }) => {
    const client = await connect();
    const subscriber = await client.subscriber('t', { bufferSize: 10_000 });
    const publisher = await client.publisher('t', undefined, { retain: false });
    const count = 400;
    for (let i = 0; i < count; i++) void publisher.publish(`${i} ${'x'.repeat(1_000)}`);
    await until(() => subscriber.bufferedMessages >= 9);
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert.ok(subscriber.bufferedMessages < 15, String(subscriber.bufferedMessages));
    for (let i = 0; i < count; i++) assert.is(Number.parseInt(text(await subscriber.read()), 10), i);
    await publisher.close();
  }));

test('beyond the limit of streams a publisher waits, can be given up, and goes on when there is room', () =>
  withBroker(async ({ broker, connect }) => {
    const client = await connect();
    const open = await Promise.all(Array.from({ length: 1_023 }, (_, i) => client.publisher(`t/${i}`)));
    // 1,024 streams with the control stream.
    const late = await rejection(client.publisher('late', 'x', { timeout: 100 }));
    assert.is(late.code, 'ERR_MQTT_TIMEOUT');
    assert.match(late.message, /no further stream/);
    const controller = new AbortController();
    const abandoned = rejection(client.publisher('abandoned', 'x', { signal: controller.signal }));
    const waiting = Array.from({ length: 77 }, (_, i) => client.publisher(`more/${i}`, 'x'));
    controller.abort(new Error('never mind'));
    assert.is((await abandoned).message, 'never mind');
    await Promise.all(open.slice(0, 100).map((publisher) => publisher.close()));
    await Promise.all(waiting);
    await until(() => broker.stats().flows === 1_023 - 100 + 77 + 1);
    assert.is(broker.stats().retainedMessages, 77);
  }));

test('streams that come and go do not use up the limit', () =>
  withBroker(async ({ broker, connect }) => {
    const client = await connect();
    for (let i = 0; i < 1_200; i += 50) {
      const publishers = await Promise.all(
        Array.from({ length: 50 }, (_, j) => client.publisher(`t/${i + j}`, 'x', { timeout: 5_000, retain: false })),
      );
      await Promise.all(publishers.map((publisher) => publisher.close()));
    }
    assert.is(broker.stats().messagesReceived, 1_200);
    assert.is(broker.stats().flows, 1);
    assert.is(client.streamCount, 1);
  }));

test('a subscriber of QoS 1 that is never read loses its stream, and is told', () =>
  withBroker(
    async ({ broker, connect }) => {
      const client = await connect('reader');
      const source = await connect('source');
      const lazy = await client.subscriber('t', { bufferSize: 1 });
      const other = await client.subscriber('u');
      const publisher = await source.publisher('t', undefined, { retain: false });
      const payload = new Uint8Array(65_536);
      while (broker.stats().flowsEvicted === 0) await publisher.publish(payload);
      // Reading what had arrived, then the reason.
      let error: (Error & { code?: string; reasonCode?: number }) | undefined;
      while (error === undefined) {
        try {
          await lazy.read();
        } catch (caught) {
          error = caught as Error;
        }
      }
      assert.is(error.code, 'ERR_MQTT_STREAM_CLOSED');
      assert.is(error.reasonCode, 0x97);
      await source.publisher('u', 'fine');
      assert.is(text(await other.read()), 'fine');
    },
    { slowConsumer: 'disconnect', sessionQueue: { maxBytes: 2_097_152 } },
  ));

test.run();
