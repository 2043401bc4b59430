/** quic-node as it is, promises and all, in virtual time. */
import { connect, listen, type QuicConnection, type QuicListener } from '@mquictt/quic-node';
import { nobleProvider } from '@mquictt/tls13';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  fakeProtector,
  LINKS,
  type LinkPreset,
  settle,
  settleFor,
  SimNetwork,
  simRuntime,
  Simulation,
  testCredential,
  testRoots,
} from '../../src/index.ts';

const SEED = Number(process.env['SEED'] ?? 1);
console.log(`SEED=${SEED}`);

const SERVER = '192.0.2.2';
const CLIENT = '192.0.2.1';
const test = suite('quic-node in virtual time');

interface World {
  simulation: Simulation;
  listen(): Promise<QuicListener>;
  connect(port?: number): Promise<QuicConnection>;
}

function world(preset: LinkPreset, seed = SEED): World {
  const simulation = new Simulation({ seed });
  const network = new SimNetwork({ simulation, link: () => LINKS[preset]() });
  network.name('localhost', SERVER);
  const common = { alpnProtocols: ['sim'], provider: nobleProvider, protector: fakeProtector };
  return {
    simulation,
    listen: () =>
      listen({
        ...common,
        host: '0.0.0.0',
        port: 4433,
        runtime: simRuntime(network, SERVER),
        certificate: testCredential('ecdsa-p256', nobleProvider, simulation.random.fork()),
      }),
    connect: (port = 4433) =>
      connect({ ...common, host: 'localhost', port, runtime: simRuntime(network, CLIENT), roots: testRoots() }),
  };
}

async function echoOnce(w: World, size: number): Promise<number> {
  const listener = await w.listen();
  const client = await w.connect();
  const server = (await listener.accept())!;
  const stream = await client.openStream();
  const sending = stream.end(Buffer.alloc(size, 'x'));
  for await (const incoming of server) {
    const chunks: Uint8Array[] = [];
    for await (const chunk of incoming) chunks.push(chunk);
    void incoming.end(Buffer.concat(chunks));
    break;
  }
  let received = 0;
  for await (const chunk of stream) received += chunk.length;
  await sending;
  await client.close();
  await listener.close();
  return received;
}

for (const preset of ['clean', 'loss2', 'reordering'] satisfies LinkPreset[]) {
  test(`an echo over ${preset}`, async () => {
    const w = world(preset);
    assert.is(await settle(w.simulation, echoOnce(w, 100_000)), 100_000);
    assert.is(w.simulation.packetLog.count > 180, true);
  });
}

test('the same seed gives the same packets', async () => {
  const run = async (seed: number): Promise<string> => {
    const w = world('loss2', seed);
    await settle(w.simulation, echoOnce(w, 20_000));
    return w.simulation.packetLog.hash;
  };
  const first = await run(SEED);
  assert.is(await run(SEED), first);
  assert.is.not(await run(SEED + 1), first);
});

test('ten seconds without an answer take no time', async () => {
  const w = world('clean');
  const start = w.simulation.now;
  const error = await settle(
    w.simulation,
    w.connect(4434).then(
      () => undefined,
      (reason: Error & { code?: string }) => reason,
    ),
  );
  assert.is(error?.code, 'ERR_QUIC_HANDSHAKE_TIMEOUT');
  assert.is(w.simulation.now - start, 10_000);
});

test('an idle connection ends after the idle timeout of virtual time', async () => {
  const w = world('clean');
  const start = w.simulation.now;
  const outcome = settle(
    w.simulation,
    (async () => {
      const listener = await w.listen();
      const client = await w.connect();
      await listener.accept();
      const error = await client.closed;
      await listener.close();
      return error;
    })(),
  );
  const error = await outcome;
  assert.is(error?.code, 'ERR_QUIC_IDLE_TIMEOUT');
  assert.ok(w.simulation.now - start >= 30_000);
  await settleFor(w.simulation, 1000);
});

test.run();
