/**
 * The main job in a few seconds: a broker with a fresh certificate, clients over QUIC on this machine, and which topic travelled on which stream.
 *
 *     npm run demo
 *
 * Exits with 0 when every message arrived where it should, else with 1.
 */
import { createDevelopmentCertificates } from '@mquictt/tls13/development-certificates';
import { Client, Config, server, type Subscriber } from 'mquictt';

/** What a sensor in a house has to say: the last message of each topic is kept for whoever comes later. */
const MESSAGES: readonly (readonly [topic: string, payloads: readonly string[]])[] = [
  ['home/kitchen/temperature', ['20.9 °C', '21.4 °C', '21.6 °C']],
  ['home/cellar/temperature', ['14.2 °C', '14.1 °C', '14.1 °C']],
  ['home/door', ['closed', 'open', 'closed']],
  ['home/camera/frame', ['frame 1', 'frame 2', 'frame 3']],
];
/** Nothing here takes long: whoever waits longer than this waits in vain. */
const PATIENCE_MS = 10_000;

const started = performance.now();
const say = (text = ''): void => console.log(text);
const lastPayloads = new Map(MESSAGES.map(([topic, payloads]) => [topic, payloads.at(-1)!]));
let failures = 0;

const interrupted = new AbortController();
process.once('SIGINT', () => interrupted.abort(new Error('Interrupted')));
const signal = AbortSignal.any([interrupted.signal, AbortSignal.timeout(PATIENCE_MS)]);

const certificates = await createDevelopmentCertificates();
const broker = await server('127.0.0.1:0', Config.fromPem(certificates));
const clients: Client[] = [];
try {
  await run();
} catch (error) {
  failures++;
  console.error(error instanceof Error ? error.message : error);
} finally {
  await Promise.all(clients.map((client) => client.close()));
  await broker.close();
}
say();
if (failures > 0) {
  say(`${failures} of the demo's expectations were not met`);
  process.exitCode = 1;
} else {
  say(`Everything arrived; took ${((performance.now() - started) / 1000).toFixed(1)} s`);
}

async function run(): Promise<void> {
  const { host, port } = broker.address();
  say(`Broker: MQTT 5 over QUIC on ${host}, UDP port ${port}, with a certificate made just now`);

  const phone = await connect('phone');
  const live = await Promise.all([
    phone.subscriber('home/+/temperature', { signal }),
    phone.subscriber('home/door', { signal }),
  ]);
  const sensor = await connect('sensor');
  // Each publisher opens a stream of its own; messages of one topic keep their order, topics do not wait for one another.
  const publishers = await Promise.all(MESSAGES.map(([topic, [first]]) => sensor.publisher(topic, first, { signal })));
  await Promise.all(
    publishers.map(async (publisher, i) => {
      for (const payload of MESSAGES[i]![1].slice(1)) await publisher.publish(payload, { signal });
    }),
  );

  heading('sensor publishes; each topic has a QUIC stream of its own');
  publishers.forEach((publisher, i) => {
    row('sensor', publisher.streamId, publisher.topic, `-> ${MESSAGES[i]![1].join(', ')}`);
  });

  heading('phone had subscribed before: it gets every message, each subscription on its own stream');
  for (const subscriber of live) await expectMessages('phone', subscriber, matching(subscriber.topicFilter));

  heading('dashboard subscribes afterwards: it gets the last message of each topic');
  const dashboard = await connect('dashboard');
  const all = await dashboard.subscriber('home/#', { signal });
  await expectMessages('dashboard', all, new Map([...lastPayloads].map(([topic, last]) => [topic, [last]])));
}

async function connect(name: string): Promise<Client> {
  const config = Config.fromPem({ caPem: certificates.caPem });
  const client = await Client.connect('127.0.0.1:0', broker.address(), 'localhost', name, config, { signal });
  clients.push(client);
  return client;
}

/** The payloads to expect, by topic, of a filter with at most one `+`. */
function matching(filter: string): Map<string, readonly string[]> {
  const pattern = new RegExp(`^${filter.replace('+', '[^/]+')}$`);
  return new Map(MESSAGES.filter(([topic]) => pattern.test(topic)));
}

/** Reads what should come, prints it by topic, and counts what is wrong. */
async function expectMessages(
  name: string,
  subscriber: Subscriber,
  expected: ReadonlyMap<string, readonly string[]>,
): Promise<void> {
  const got = new Map<string, string[]>();
  const total = [...expected.values()].reduce((sum, payloads) => sum + payloads.length, 0);
  for (let count = 0; count < total; count++) {
    const message = await subscriber.readMessage({ signal });
    got.set(message.topic, [...(got.get(message.topic) ?? []), message.text()]);
  }
  for (const [topic, payloads] of expected) {
    const arrived = got.get(topic) ?? [];
    const isRight = arrived.join('\n') === payloads.join('\n');
    if (!isRight) failures++;
    const remark = isRight ? '' : `   expected ${payloads.join(', ')}`;
    row(name, subscriber.streamId, topic, `<- ${arrived.join(', ')}${remark}`);
  }
}

function heading(text: string): void {
  say();
  say(text);
}

function row(client: string, streamId: number, topic: string, messages: string): void {
  say(`  ${client.padEnd(10)} stream ${String(streamId).padStart(2)}   ${topic.padEnd(26)} ${messages}`);
}
