/** MQTT.js, which others wrote, over every listener. */
import type { MqttClient } from 'mqtt';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { TransportKind } from '../../src/index.ts';
import { until } from '../support/loopback.ts';
import { KINDS, withListeners } from '../support/mqttjs.ts';

const test = suite('mqttjs');

/** Waits for an event, whatever errors come before. */
function event<T>(client: MqttClient, name: 'disconnect' | 'close'): Promise<T> {
  return new Promise((resolve) => client.once(name as 'disconnect', (packet) => resolve(packet as T)));
}

/** Keeps what arrives. */
function inbox(client: MqttClient): string[] {
  const messages: string[] = [];
  client.on('message', (topic, payload, packet) =>
    messages.push(`${topic} ${payload.length > 100 ? payload.length : payload.toString()} ${packet.qos}`),
  );
  return messages;
}

for (const kind of KINDS) {
  for (const protocolVersion of [4, 5] as const) {
    test(`${kind}, MQTT ${protocolVersion === 5 ? '5' : '3.1.1'}: each QoS both ways, in order, large and small, retained`, () =>
      withListeners(async ({ dial }) => {
        const client = await dial(kind, { protocolVersion });
        const received = inbox(client);
        await client.subscribeAsync('a/#', { qos: 2 });
        for (const qos of [0, 1, 2] as const) {
          await client.publishAsync(`a/${qos}`, 'small', { qos });
          await client.publishAsync(`a/${qos}`, Buffer.alloc(300_000), { qos });
        }
        await until(() => received.length === 6);
        assert.equal(
          received,
          [0, 1, 2].flatMap((qos) => [`a/${qos} small ${qos}`, `a/${qos} 300000 ${qos}`]),
        );
        await client.publishAsync('kept', 'r', { qos: 1, retain: true });
        await client.subscribeAsync('kept', { qos: 1 });
        await until(() => received.length === 7);
        assert.is(received[6], 'kept r 1');
        await client.endAsync();
      }));
  }
}

test('a message goes from each transport to each', () =>
  withListeners(async ({ dial, broker }) => {
    const clients = await Promise.all(KINDS.map((kind) => dial(kind)));
    const inboxes = clients.map(inbox);
    await Promise.all(clients.map((client) => client.subscribeAsync('from/+', { qos: 1 })));
    await Promise.all(clients.map((client, i) => client.publishAsync(`from/${KINDS[i]}`, 'x', { qos: 1 })));
    await until(() => inboxes.every(({ length }) => length === KINDS.length));
    for (const messages of inboxes) assert.equal(messages.sort(), KINDS.map((kind) => `from/${kind} x 1`).sort());
    for (const { connections, type } of broker.listeners()) assert.is(connections, 1, type);
  }));

test('[MQTT-3.1.4-3] a client identifier is taken over across transports, and the session with it', () =>
  withListeners(async ({ dial, broker }) => {
    const options = {
      clientId: 'mover',
      clean: false,
      protocolVersion: 5,
      properties: { sessionExpiryInterval: 100 },
    } as const;
    let former = await dial('quic', options);
    await former.subscribeAsync('t', { qos: 1 });
    for (const kind of ['tcp', 'wss', 'tls', 'ws', 'quic'] as const) {
      const gone = event<{ reasonCode: number }>(former, 'disconnect');
      const closed = event(former, 'close');
      const next = await dial(kind, options);
      assert.is((await gone).reasonCode, 0x8e, kind);
      await closed;
      const received = inbox(next);
      await next.publishAsync('t', kind, { qos: 1 });
      await until(() => received.length === 1);
      former = next;
    }
    await until(() => broker.stats().connections === 1);
    assert.is(broker.stats().sessions, 1);
    assert.is(broker.stats().subscriptions, 1);
  }));

for (const kind of KINDS) {
  test(`[MQTT-3.1.2-8] ${kind}: a will is published when the connection is cut, and not after DISCONNECT`, () =>
    withListeners(async ({ dial, cut, broker }) => {
      const watcher = await dial('tcp');
      const received = inbox(watcher);
      await watcher.subscribeAsync('will/#', { qos: 1 });
      const will = (topic: string) => ({ topic, payload: Buffer.from('gone'), qos: 1, retain: false }) as const;
      const cutOff = await dial(kind, { will: will('will/cut') });
      const polite = await dial(kind, { will: will('will/polite') });
      await polite.endAsync();
      cut(cutOff);
      await until(() => received.length === 1 && broker.stats().connections === 1);
      assert.equal(received, ['will/cut gone 1']);
    }));
}

test('a broker that stops says so over every transport', async () => {
  const codes: [TransportKind, number][] = [];
  const closed: Promise<unknown>[] = [];
  await withListeners(async ({ dial, broker }) => {
    for (const kind of KINDS) {
      const client = await dial(kind, { protocolVersion: 5 });
      client.on('disconnect', ({ reasonCode }) => codes.push([kind, reasonCode!]));
      closed.push(event(client, 'close'));
    }
    const begin = performance.now();
    await broker.close();
    await Promise.all(closed);
    assert.ok(performance.now() - begin < 1_500, 'nobody was waited for');
  });
  assert.equal(codes.sort(), KINDS.map((kind) => [kind, 0x8b] as const).sort());
});

test.run();
