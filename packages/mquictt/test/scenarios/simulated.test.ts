import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  LINKS,
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
import type { Stage } from '@mquictt/testkit';
import { nobleProvider } from '@mquictt/tls13';
import { Client, Config, server } from '../../src/index.ts';
import type { Broker, BrokerOptions, ClientOptions } from '../../src/index.ts';
import { text } from '../support/hex.ts';

const test = suite('simulated');

const BROKER = '192.0.2.1';
const CLIENT = '192.0.2.2';
const SEED = Number(process.env.SEED ?? 1);

class World {
  readonly simulation: Simulation;
  readonly network: SimNetwork;
  broker: Broker | undefined;
  readonly #clientRuntime: ReturnType<typeof simRuntime>;

  constructor(link: () => readonly Stage[], seed: number = SEED) {
    this.simulation = new Simulation({ seed });
    this.network = new SimNetwork({ simulation: this.simulation, link });
    this.#clientRuntime = simRuntime(this.network, CLIENT);
  }

  settle<T>(promise: Promise<T>): Promise<T> {
    return settle(this.simulation, promise);
  }

  async listen(options: BrokerOptions = {}): Promise<void> {
    const { certificatePem, keyPem } = testCertificatePem('ed25519');
    this.broker = await this.settle(
      server(`${BROKER}:1883`, Config.fromPem({ certificatePem, keyPem }), {
        runtime: simRuntime(this.network, BROKER),
        provider: nobleProvider,
        protector: fakeProtector,
        ...options,
      }),
    );
  }

  connect(clientId: string, options: ClientOptions = {}, bind: string = `${CLIENT}:0`): Promise<Client> {
    return this.settle(
      Client.connect(bind, `${BROKER}:1883`, TEST_SERVER_NAME, clientId, Config.fromPem({ caPem: testRootsPem() }), {
        runtime: this.#clientRuntime,
        provider: nobleProvider,
        protector: fakeProtector,
        ...options,
      }),
    );
  }
}

async function runSnippet(world: World, beforePublish: () => void): Promise<string> {
  const { simulation } = world;
  await world.listen();
  const client = await world.connect('0', {}, `${CLIENT}:5000`);
  const publisher = await settle(simulation, client.publisher('hello/world', 'hello'));
  beforePublish();
  await settle(simulation, publisher.publish('hello again!'));
  const subscriber = await settle(simulation, client.subscriber('hello/world'));
  const message = await settle(simulation, subscriber.read());
  await settle(simulation, client.close());
  assert.is(await settle(simulation, client.closed), undefined);
  await settle(simulation, world.broker!.close());
  return text(message);
}

test('the snippet, with the first packet of the publish dropped', async () => {
  const world = new World(() => [stages.delay(10)]);
  const place = { address: CLIENT, port: 5000 };
  const link = (): ReturnType<SimNetwork['link']> => world.network.link(place, { address: BROKER, port: 1883 });
  const said = await runSnippet(world, () => link().dropNext(1));
  assert.is(said, 'hello again!');
  assert.is(link().stats.dropped, 1);
});

test('the snippet, with any one of the first forty packets of either side dropped', async () => {
  for (let doomed = 0; doomed < 40; doomed++) {
    const world = new World(() => [stages.dropNth(doomed), stages.delay(10)]);
    assert.is(await runSnippet(world, () => {}), 'hello again!', `packet ${doomed}`);
  }
});

for (const preset of ['loss30', 'reordering', 'duplicate10', 'corrupt30', 'bottleneck'] as const) {
  test(`the snippet over ${preset}`, async () => {
    assert.is(await runSnippet(new World(() => LINKS[preset]()), () => {}), 'hello again!', `SEED=${SEED}`);
  });
}

test('a lost packet of one topic holds up no other topic', async () => {
  const world = new World(() => [stages.delay(20)]);
  const { simulation } = world;
  await world.listen();
  const client = await world.connect('c', {}, `${CLIENT}:5000`);
  const lossy = await settle(simulation, client.publisher('lossy', 'x'));
  const fine = await settle(simulation, client.publisher('fine', 'x'));
  const subscriber = await settle(simulation, client.subscriber('+', { retainHandling: 2 }));
  const start = simulation.now;
  const link = world.network.link({ address: CLIENT, port: 5000 }, { address: BROKER, port: 1883 });
  link.dropNext(1);
  const first = lossy.publish('1');
  // Packets of their own.
  await settle(simulation, new Promise<void>((resolve) => void simulation.at(start + 1, resolve)));
  const second = fine.publish('2');
  const one = await settle(simulation, subscriber.readMessage());
  assert.is(one.topic, 'fine');
  assert.ok(simulation.now - start < 50, `${simulation.now - start} ms`);
  const two = await settle(simulation, subscriber.readMessage());
  assert.is(two.topic, 'lossy');
  assert.ok(simulation.now - start > 50);
  await settle(simulation, Promise.all([first, second]));
  await settle(simulation, client.close());
  await settle(simulation, world.broker!.close());
});

test('[MQTT-4.6.0-5] under loss every QoS 1 message arrives, in order within its topic', async () => {
  const world = new World(() => [stages.loss(0.1, 5), stages.delay(15)]);
  const { simulation } = world;
  await world.listen();
  const client = await world.connect('c');
  const topics = Array.from({ length: 10 }, (_, i) => `t/${i}`);
  const subscribers = await settle(simulation, Promise.all(topics.map((topic) => client.subscriber(topic))));
  const publishers = await settle(simulation, Promise.all(topics.map((topic) => client.publisher(topic))));
  const published = publishers.flatMap((publisher) =>
    Array.from({ length: 50 }, (_, i) => publisher.publish(`${i} ${'x'.repeat(i * 10)}`)),
  );
  for (const subscriber of subscribers) {
    for (let i = 0; i < 50; i++) {
      const message = await settle(simulation, subscriber.read());
      assert.is(Number.parseInt(text(message), 10), i, `SEED=${SEED}`);
    }
  }
  await settle(simulation, Promise.all(published));
  await settle(simulation, client.close());
  await settle(simulation, world.broker!.close());
});

test('[MQTT-3.1.2-8] a client whose network is gone is missed by the broker, and its will is published', async () => {
  let isCut = false;
  const world = new World(() => [stages.dropIf(() => isCut), stages.delay(5)]);
  const { simulation } = world;
  await world.listen();
  const client = await world.connect('c', { keepAlive: 10, will: { topic: 'w', payload: 'gone', retain: true } });
  const publisher = await settle(simulation, client.publisher('t', 'x'));
  const start = simulation.now;
  isCut = true;
  const error = await settle(simulation, client.closed);
  assert.ok(error);
  assert.is(error.code, 'ERR_MQTT_TIMEOUT');
  assert.ok(simulation.now - start < 30_000);
  const failed = await settle(
    simulation,
    publisher.publish('late').then(
      () => undefined,
      (error: Error & { code?: string }) => error.code,
    ),
  );
  assert.is(failed, 'ERR_MQTT_TIMEOUT');
  isCut = false;
  const other = await world.connect('other');
  const wills = await settle(simulation, other.subscriber('w'));
  assert.is((await settle(simulation, wills.readMessage())).text(), 'gone');
  assert.ok(simulation.now - start < 40_000);
  await settle(simulation, other.close());
  await settle(simulation, world.broker!.close());
});

test('with keep-alive 0 a peer that vanished is found by pings of QUIC, on both sides', async () => {
  let isCut = false;
  const world = new World(() => [stages.dropIf(() => isCut), stages.delay(5)]);
  const { simulation } = world;
  await world.listen();
  const client = await world.connect('c', { keepAlive: 0 });
  // Ten minutes of silence are fine.
  const later = new Promise<void>((resolve) => void simulation.at(simulation.now + 600_000, resolve));
  await settle(simulation, later, { limitMs: 1_000_000 });
  assert.is(world.broker!.stats().sessions, 1);
  const start = simulation.now;
  isCut = true;
  const error = await settle(simulation, client.closed);
  assert.ok(error);
  assert.ok(simulation.now - start < 200_000);
  while (world.broker!.stats().sessions > 0) {
    await settle(simulation, new Promise<void>((resolve) => void simulation.at(simulation.now + 10_000, resolve)));
    assert.ok(simulation.now - start < 600_000);
  }
  await settle(simulation, world.broker!.close());
});

test.run();
