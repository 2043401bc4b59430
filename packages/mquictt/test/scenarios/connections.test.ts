import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createDevelopmentCertificates } from '@mquictt/tls13/development-certificates';
import { Client, Config, MqttError, server } from '../../src/index.ts';
import { text } from '../support/hex.ts';
import { developmentCertificates, rejection, until, withBroker } from '../support/loopback.ts';

const test = suite('connections');

test('nobody there', async () => {
  // Bound, so that the port is ours, and deaf.
  const socket = createSocket('udp4').bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address();
  const connecting = Client.connect('127.0.0.1:0', `127.0.0.1:${port}`, 'localhost', '', Config.empty(), {
    timeout: 300,
  });
  const error = await rejection(connecting);
  assert.instance(error, MqttError);
  assert.is(error.code, 'ERR_MQTT_UNREACHABLE');
  assert.match(error.message, `127.0.0.1:${port}`);
  socket.close();
});

test('an unknown CA, and a wrong name', () =>
  withBroker(async ({ broker, config }) => {
    const other = await createDevelopmentCertificates();
    const stranger = Config.fromPem({ caPem: other.caPem });
    for (const [name, roots] of [
      ['localhost', stranger],
      ['localhost', Config.empty()],
      ['elsewhere.test', config],
    ] as const) {
      const error = await rejection(Client.connect('127.0.0.1:0', broker.address(), name, '', roots));
      assert.is(error.code, 'ERR_MQTT_UNTRUSTED_SERVER', error.message);
    }
    await until(() => broker.stats().sessions === 0);
  }));

test('without a local address any will do, also over IPv6', async () => {
  const pem = await developmentCertificates();
  for (const host of ['127.0.0.1', '::1']) {
    const broker = await server({ host, port: 0 }, Config.fromPem(pem));
    const { port } = broker.address();
    const config = Config.fromPem({ caPem: pem.caPem });
    const client = await Client.connect(
      undefined,
      host === '::1' ? `[::1]:${port}` : `${host}:${port}`,
      host,
      '',
      config,
    );
    await client.publisher('t', 'x');
    await client.close();
    await broker.close();
  }
});

test('an abort signal gives a connection up', async () => {
  const controller = new AbortController();
  const connecting = Client.connect('127.0.0.1:0', '127.0.0.1:9', 'localhost', '', Config.empty(), {
    signal: controller.signal,
  });
  controller.abort(new Error('no longer wanted'));
  assert.is((await rejection(connecting)).message, 'no longer wanted');
});

test('wrong addresses and arguments', async () => {
  const pem = await developmentCertificates();
  const config = Config.fromPem(pem);
  for (const address of ['nonsense:port', '127.0.0.1:70000', '']) {
    assert.is((await rejection(server(address, config))).code, 'ERR_MQTT_INVALID_ARGUMENT');
    const connecting = Client.connect('127.0.0.1:0', address, 'localhost', '', Config.empty());
    assert.is((await rejection(connecting)).code, 'ERR_MQTT_INVALID_ARGUMENT');
  }
  const connecting = Client.connect('127.0.0.1:0', '127.0.0.1:9', 'localhost', 'a\0b', Config.empty());
  assert.is((await rejection(connecting)).code, 'ERR_MQTT_INVALID_ARGUMENT');
  assert.is((await rejection(server('127.0.0.1:0', Config.empty()))).code, 'ERR_MQTT_CERTIFICATE');
});

test('a port that is taken', () =>
  withBroker(async ({ broker }) => {
    const error = await rejection(server(broker.address(), Config.fromPem(await developmentCertificates())));
    assert.is(error.code, 'ERR_MQTT_LISTEN');
    assert.match(error.message, String(broker.address().port));
  }));

test('[MQTT-3.1.3-6] [MQTT-3.1.3-7] [MQTT-3.1.4-3] the broker chooses an identifier, and the same one takes over', () =>
  withBroker(async ({ broker, connect }) => {
    const anonymous = await connect('');
    assert.match(anonymous.clientId, /^mquictt-/);
    const first = await connect('same');
    const subscriber = await first.subscriber('t');
    const reading = rejection(subscriber.read());
    const second = await connect('same');
    const reason = await first.closed;
    assert.is(reason?.code, 'ERR_MQTT_DISCONNECTED');
    assert.is(reason?.reasonCode, 0x8e);
    assert.match(reason!.message, /taken over/);
    assert.is((await reading).code, 'ERR_MQTT_DISCONNECTED');
    assert.is(broker.stats().sessions, 2);
    await second.publisher('t', 'x');
  }));

test('[MQTT-3.1.2-8] [MQTT-3.14.4-3] a will is published when a client vanishes and not when it closes', () =>
  withBroker(async ({ connect }) => {
    const observer = await connect('observer');
    const wills = await observer.subscriber('wills/+');
    const leaving = await connect('leaving', { will: { topic: 'wills/leaving', payload: 'never' } });
    await leaving.close();
    const vanishing = await connect('vanishing', {
      will: { topic: 'wills/vanishing', payload: 'gone', contentType: 'x' },
    });
    // Taken over is one way to end without DISCONNECT.
    await connect('vanishing');
    const message = await wills.readMessage();
    assert.is(message.topic, 'wills/vanishing');
    assert.is(message.text(), 'gone');
    assert.is(message.properties.contentType, 'x');
    await vanishing.closed;
  }));

test('client.close() delivers what was published, ends all streams and tells the broker', () =>
  withBroker(async ({ broker, connect }) => {
    const client = await connect();
    const observer = await connect();
    const subscriber = await observer.subscriber('t');
    const publisher = await client.publisher('t');
    await client.subscriber('u');
    const published = Array.from({ length: 500 }, (_, i) => publisher.publish(String(i), { retain: false }));
    await client.close();
    await Promise.all(published);
    assert.is(await client.closed, undefined);
    for (let i = 0; i < 500; i++) assert.is(text(await subscriber.read()), String(i));
    await until(() => broker.stats().sessions === 1 && broker.stats().flows === 2);
    assert.is((await rejection(publisher.publish('late'))).code, 'ERR_MQTT_CLOSED');
    assert.is((await rejection(client.publisher('t', 'late'))).code, 'ERR_MQTT_CLOSED');
    assert.is((await rejection(client.subscriber('t'))).code, 'ERR_MQTT_CLOSED');
    await client.close();
  }));

test('broker.close() tells the clients', () =>
  withBroker(async ({ broker, connect }) => {
    const client = await connect();
    const publisher = await client.publisher('t', 'x');
    const subscriber = await client.subscriber('u');
    const reading = rejection(subscriber.read());
    await broker.close();
    const reason = await client.closed;
    assert.is(reason?.reasonCode, 0x8b);
    assert.is((await reading).code, 'ERR_MQTT_DISCONNECTED');
    assert.is((await rejection(publisher.publish('late'))).code, 'ERR_MQTT_DISCONNECTED');
    assert.is((await rejection(client.publisher('t', 'late'))).code, 'ERR_MQTT_DISCONNECTED');
    await client.close();
  }));

test('closing many clients and the broker at once leaves nothing that keeps the process alive', async () => {
  await withBroker(async ({ connect }) => {
    const clients = await Promise.all(Array.from({ length: 20 }, (_, i) => connect(`c${i}`)));
    await Promise.all(clients.map((client, i) => client.publisher(`t/${i}`, 'x')));
    await Promise.all(clients.map((client) => client.close()));
  });
});

test.run();
