/** Thousands of messages that nobody waits for, of both QoS, over a bad link: they arrive once and in order, and the last one is kept. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  SimNetwork,
  Simulation,
  TEST_SERVER_NAME,
  fakeProtector,
  settle,
  simRuntime,
  stages,
  testCertificatePem,
  testRootsPem,
} from '@mquictt/testkit';
import { nobleProvider } from '@mquictt/tls13';
import { Client, Config, server } from '../../src/index.ts';

const test = suite('order-under-loss');

const COUNT = 10_000;

test('10,000 publishes of mixed QoS under 5 % loss', async () => {
  const simulation = new Simulation({ seed: Number(process.env.SEED ?? 1) });
  const network = new SimNetwork({ simulation, link: () => [stages.loss(0.05), stages.delay(10)] });
  const wait = <T>(promise: Promise<T>): Promise<T> => settle(simulation, promise, { limitMs: 600_000 });
  const common = { provider: nobleProvider, protector: fakeProtector };
  const { certificatePem, keyPem } = testCertificatePem('ed25519');
  const broker = await wait(
    server('192.0.2.1:1883', Config.fromPem({ certificatePem, keyPem }), {
      ...common,
      runtime: simRuntime(network, '192.0.2.1'),
    }),
  );
  const dial = (host: string): Promise<Client> => {
    const config = Config.fromPem({ caPem: testRootsPem() });
    const runtime = simRuntime(network, host);
    return wait(Client.connect(`${host}:0`, '192.0.2.1:1883', TEST_SERVER_NAME, host, config, { ...common, runtime }));
  };
  const sender = await dial('192.0.2.2');
  const receiver = await dial('192.0.2.3');
  const subscriber = await wait(receiver.subscriber('t'));
  const publisher = await wait(sender.publisher('t'));
  const seen: number[] = [];
  const reading = (async () => {
    while (seen.length < COUNT) seen.push(Number((await subscriber.readMessage()).text()));
  })();
  const published = Array.from({ length: COUNT }, (_, i) => publisher.publish(String(i), { qos: i % 3 === 0 ? 1 : 0 }));
  await wait(Promise.all(published));
  await wait(reading);
  assert.ok(seen.every((value, i) => value === i));
  assert.is(broker.stats().messagesDropped, 0);
  const late = await wait(receiver.subscriber('+'));
  const last = await wait(late.readMessage());
  assert.equal([last.text(), last.retain], [String(COUNT - 1), true]);
  await wait(Promise.all([sender.close(), receiver.close()]));
  assert.is(broker.stats().internalErrors, 0);
  await wait(broker.close());
});

test.run();
