import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { stages } from '@mquictt/testkit';
import { World } from '../scenarios/harness.ts';

const test = suite('window tuning');

/** Virtual ms that a transfer of 20 MB over a path of 100 ms takes. */
function transferTime(maxStreamReceiveWindow: number): number {
  const size = 20_000_000;
  const path = (): ReturnType<typeof stages.delay>[] => [stages.delay(50)];
  const world = new World({
    scenario: 'long fat path',
    up: path(),
    down: path(),
    transport: { maxStreamReceiveWindow, streamSendBuffer: 2 * size },
  });
  const { client, server } = world.connect();
  let received = 0;
  world.onServerEvent = (_connection, event) => {
    if (event.type !== 'stream-readable') return;
    for (let data = server.readStream(event.id); data !== undefined; data = server.readStream(event.id))
      received += data.length;
  };
  const started = world.simulation.now;
  client.writeStream(client.openStream(false), new Uint8Array(size), true);
  world.wake();
  world.pair.run(() => received === size, 60_000);
  return world.simulation.now - started;
}

test('a fast reader on a long path gets a larger window, and bulk gets faster', () => {
  const fixed = transferTime(0);
  const tuned = transferTime(4_194_304);
  // 256 KiB per 100 ms round trip: 7.6 s at the least.
  assert.ok(fixed > 7_000, `${fixed} ms with a fixed window`);
  assert.ok(tuned < fixed / 3, `${tuned} ms with tuning, ${fixed} ms without`);
});

test('a stream that is not read keeps its first window, whatever its neighbours gain', () => {
  const world = new World({
    up: [stages.delay(10)],
    down: [stages.delay(10)],
    transport: { streamSendBuffer: 20_000_000 },
  });
  const { client, server } = world.connect();
  let received = 0;
  const fast = client.openStream(false);
  const unread = client.openStream(false);
  world.onServerEvent = (_connection, event) => {
    if (event.type !== 'stream-readable' || event.id !== fast) return;
    for (let data = server.readStream(event.id); data !== undefined; data = server.readStream(event.id))
      received += data.length;
  };
  for (const id of [fast, unread]) client.writeStream(id, new Uint8Array(10_000_000), true);
  world.wake();
  world.pair.run(() => received === 10_000_000, 60_000);
  world.pair.runFor(1000);
  assert.is(world.readAll(server, unread).length, 262_144);
});

test.run();
