/** Mistakes of applications, in JavaScript and at bad moments: a rejection with a code and a sentence, and nothing worse. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { Client, Config, MqttError, server } from '../../src/index.ts';
import type { ClientOptions } from '../../src/index.ts';
import { InFlightWindow } from '../../src/core/in-flight.ts';
import { OutboundQueue } from '../../src/core/outbound-queue.ts';
import { encodePublish } from '../../src/packets/publish.ts';
import { utf8 } from '../support/hex.ts';
import { developmentCertificates, rejection, withBroker } from '../support/loopback.ts';

const test = suite('hostile-user');

/** What JavaScript lets through. */
const WRONG: readonly unknown[] = [undefined, null, 7, {}, [], Symbol.iterator, new ArrayBuffer(3)];

async function usage(what: string, run: () => Promise<unknown>): Promise<void> {
  const error = await rejection(run());
  assert.instance(error, MqttError, `${what}: ${error.stack}`);
  assert.is((error as MqttError).fault, 'usage', `${what}: ${error.message}`);
  assert.ok(error.message.length > 10);
}

test('arguments of wrong types', () =>
  withBroker(async ({ connect, broker, config }) => {
    const client = await connect();
    const publisher = await client.publisher('t');
    for (const wrong of WRONG as never[]) {
      const what = typeof wrong;
      await usage(`payload ${what}`, () => publisher.publish(wrong));
      await usage(`topic ${what}`, () => client.publisher(wrong));
      await usage(`filter ${what}`, () => client.subscriber(wrong));
      const dial = (clientId: string, options: ClientOptions): Promise<Client> =>
        Client.connect('127.0.0.1:0', broker.address(), 'localhost', clientId, config, options);
      await usage(`client id ${what}`, () => dial(wrong, {}));
      await usage(`will payload ${what}`, () => dial('', { will: { topic: 't', payload: wrong } }));
      await usage(`will topic ${what}`, () => dial('', { will: { topic: wrong, payload: 'x' } }));
      if (wrong === undefined) continue;
      await usage(`username ${what}`, () => dial('', { username: wrong }));
      await usage(`password ${what}`, () => dial('', { password: wrong }));
      await usage(`content type ${what}`, () => publisher.publish('x', { contentType: wrong }));
      await usage(`qos ${what}`, () => client.subscriber('t', { qos: wrong }));
    }
    await usage('long topic', () => client.publisher('x'.repeat(70_000)));
    await usage('2 MiB', () => publisher.publish(new Uint8Array(2_097_152)));
    await publisher.publish('still fine');
    assert.is(broker.stats().internalErrors, 0);
  }));

test('signals that were aborted before', () =>
  withBroker(async ({ connect, broker, config }) => {
    const reason = new Error('never mind');
    const signal = AbortSignal.abort(reason);
    const client = await connect();
    const publisher = await client.publisher('t');
    const subscriber = await client.subscriber('t');
    const calls: Promise<unknown>[] = [
      Client.connect('127.0.0.1:0', broker.address(), 'localhost', '', config, { signal }),
      client.publisher('u', 'x', { signal }),
      client.subscriber('u', { signal }),
      publisher.publish('x', { signal }),
      subscriber.read({ signal }),
    ];
    for (const call of calls) assert.is(await rejection(call), reason);
    assert.is(client.streamCount, 3);
  }));

test('reads at the same time, and everything after close()', () =>
  withBroker(async ({ connect }) => {
    const client = await connect();
    const subscriber = await client.subscriber('t');
    const publisher = await client.publisher('t');
    const reads = [subscriber.read(), subscriber.read(), rejection(subscriber.read())] as const;
    await Promise.all([publisher.publish('1'), publisher.publish('2')]);
    assert.equal([await reads[0], await reads[1]].map(String), [String(utf8('1')), String(utf8('2'))]);
    await Promise.all([subscriber.close(), subscriber.close()]);
    assert.is((await reads[2]).code, 'ERR_MQTT_CLOSED');
    assert.is((await rejection(subscriber.read())).code, 'ERR_MQTT_CLOSED');
    await Promise.all([publisher.close(), publisher.close()]);
    assert.is((await rejection(publisher.publish('x'))).code, 'ERR_MQTT_CLOSED');
    await Promise.all([client.close(), client.close()]);
    await client.close();
  }));

test('the broker closes while a hundred clients publish', () =>
  withBroker(async ({ connect, broker }) => {
    const clients = await Promise.all(Array.from({ length: 100 }, () => connect()));
    const publishers = await Promise.all(clients.map((client, i) => client.publisher(`t/${i}`)));
    const published = publishers.flatMap((publisher) => Array.from({ length: 50 }, () => publisher.publish('x')));
    await Promise.all([broker.close(), broker.close()]);
    for (const { status, ...rest } of await Promise.allSettled(published))
      if (status === 'rejected') assert.is((rest as PromiseRejectedResult).reason.code, 'ERR_MQTT_DISCONNECTED');
    for (const client of clients) assert.is((await client.closed)?.reasonCode, 0x8b);
    assert.is(broker.stats().internalErrors, 0);
    assert.equal([broker.stats().sessions, broker.stats().flows], [0, 0]);
  }));

test('IPv6, and names', async () => {
  const pem = await developmentCertificates();
  const probe = createSocket('udp6').bind(0, '::1');
  const hasIpv6 = await Promise.race([
    once(probe, 'listening').then(() => true),
    once(probe, 'error').then(() => false),
  ]);
  if (hasIpv6) probe.close();
  for (const host of hasIpv6 ? ['[::1]', 'localhost'] : ['localhost']) {
    const broker = await server(`${host}:0`, Config.fromPem(pem));
    const { port } = broker.address();
    const bind = broker.address().host.includes(':') ? '[::]:0' : '0.0.0.0:0';
    const config = Config.fromPem({ caPem: pem.caPem });
    const client = await Client.connect(bind, `${host}:${port}`, 'localhost', '', config);
    await client.publisher('t', 'x');
    await client.close();
    await broker.close();
  }
});

test('with every identifier in flight there is still one for SUBSCRIBE', () => {
  const window = new InFlightWindow(65_535);
  const message = encodePublish({ topic: utf8('t'), payload: utf8('x'), qos: 1, retain: false }, 5);
  for (let i = 0; i < 70_000; i++) window.take(new OutboundQueue(undefined, window), message);
  assert.ok(window.size > 60_000);
  assert.ok(window.reserve() > 0);
});

test.run();
