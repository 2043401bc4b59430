/** The end of connections and listeners, in virtual time over bad paths. */
import { LINKS, settleFor, stages } from '@mquictt/testkit';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { QuicConnection } from '../src/index.ts';
import { errorOf, readAll } from './support/loopback.ts';
import { openAnother, openVirtualPair } from './support/virtual.ts';

const test = suite('close');

/** Everything that arrives on streams, per stream id, with whether the end came. */
function collect(connection: QuicConnection): Map<number, { bytes: number; hasEnd: boolean }> {
  const all = new Map<number, { bytes: number; hasEnd: boolean }>();
  connection.onStream = (stream) => {
    const entry = { bytes: 0, hasEnd: false };
    all.set(stream.id, entry);
    stream.onReadable = () => {
      for (let chunk = stream.tryRead(); chunk !== undefined; chunk = stream.tryRead()) entry.bytes += chunk.length;
      entry.hasEnd = stream.receiveState === 'finished';
    };
  };
  return all;
}

for (const [name, seeds] of [
  ['clean', 1],
  ['loss2', 5],
  ['loss30', 10],
  ['reordering', 3],
  ['corrupt30', 3],
] as const) {
  test(`close right after a write loses nothing: ${name}`, async () => {
    for (let seed = 1; seed <= seeds; seed++) {
      const { client, server, settle, listener } = await openVirtualPair({ seed, link: LINKS[name] });
      const received = collect(server);
      const sizes = [1, 1_000, 100_000];
      for (const size of sizes) void client.tryOpenStream(false)!.end(new Uint8Array(size));
      const open = client.tryOpenStream()!;
      void open.write(new Uint8Array(5_000));
      await settle(client.close({ deadline: 120_000, errorCode: 3, reason: 'all said' }));
      assert.is((await client.closed)!.errorCode, 3, `seed ${seed}`);
      assert.is(client.stats().bytesInFlight >= 0, true);
      await settle(server.closed);
      const seen = [...received].sort(([a], [b]) => a - b);
      assert.equal(
        seen.map(([, entry]) => entry),
        [{ bytes: 5_000, hasEnd: false }, ...sizes.map((bytes) => ({ bytes, hasEnd: true }))],
        `seed ${seed}`,
      );
      await settle(listener.close());
      assert.is(listener.internalErrors, 0);
    }
  });
}

test('a lost CONNECTION_CLOSE is said again when the peer asks', async () => {
  let drop = false;
  const { client, server, settle, simulation, listener } = await openVirtualPair({
    link: () => [stages.dropIf(() => drop), stages.delay(20)],
  });
  await settle(client.openStream().then((stream) => stream.end(Buffer.from('x'))));
  drop = true;
  await settle(client.close());
  drop = false;
  await settleFor(simulation, 1);
  assert.is(server.closeError, undefined);
  // The server talks on, to a socket that is still there.
  void (await server.openStream()).write(Buffer.from('are you there?'));
  const error = await settle(server.closed);
  assert.is(error!.code, 'ERR_QUIC_APPLICATION_CLOSE');
  assert.ok(simulation.now < 3_000, String(simulation.now));
  await settle(listener.close());
});

test('the deadline ends the wait for a peer that is gone', async () => {
  let drop = false;
  const { client, settle, simulation } = await openVirtualPair({
    link: () => [stages.dropIf(() => drop), stages.delay(20)],
  });
  const stream = client.tryOpenStream()!;
  drop = true;
  const ended = errorOf(stream.end(Buffer.from('nobody hears this')));
  const start = simulation.now;
  await settle(client.close());
  assert.is(simulation.now - start, 5_000);
  assert.is((await ended).code, 'ERR_QUIC_APPLICATION_CLOSE');
  assert.is(await client.closed, undefined);
});

test('an immediate close does not wait, not even when another already does', async () => {
  for (const isSecond of [false, true]) {
    let drop = false;
    const { client, settle, simulation } = await openVirtualPair({
      link: () => [stages.dropIf(() => drop), stages.delay(20)],
    });
    drop = true;
    void client.tryOpenStream()!.end(Buffer.from('x'));
    const start = simulation.now;
    const first = isSecond ? client.close() : undefined;
    await settle(client.close({ immediate: true, errorCode: 1 }));
    await first;
    assert.is(simulation.now, start);
    // The first call had the word.
    assert.is((await client.closed)?.errorCode, isSecond ? undefined : 1);
  }
});

test('a second close is a no-op, before and after the end', async () => {
  const { client, server, settle } = await openVirtualPair();
  const first = client.close({ errorCode: 5 });
  const second = client.close({ errorCode: 6 });
  assert.is(first, second);
  await settle(first);
  await settle(client.close({ errorCode: 7, immediate: true }));
  assert.is((await client.closed)!.errorCode, 5);
  assert.is((await settle(server.closed))!.errorCode, 5);
  await settle(server.close({ errorCode: 8 }));
  assert.is((await server.closed)!.errorCode, 5);
});

test('both sides close at once', async () => {
  const { client, server, settle, listener } = await openVirtualPair({ link: LINKS.clean });
  await settle(Promise.all([client.close(), server.close({ errorCode: 2 })]));
  assert.ok(client.closeError !== undefined && server.closeError !== undefined);
  await settle(listener.close());
});

test('while it closes, what the peer sends is still read, and writes that waited still go', async () => {
  const { client, server, settle } = await openVirtualPair({
    link: LINKS.bottleneck,
    connect: { transport: { streamSendBuffer: 10_000 } },
  });
  const stream = client.tryOpenStream()!;
  const writing = stream.write(new Uint8Array(300_000));
  void stream.end();
  const closing = client.close({ deadline: 60_000 });
  const incoming = (await settle(server.acceptStream()))!;
  const received = readAll(incoming);
  await settle(incoming.end(Buffer.from('thank you')));
  assert.is(String(await settle(readAll(stream))), 'thank you');
  await settle(writing);
  assert.is((await settle(received)).length, 300_000);
  await settle(closing);
});

test('a listener closes its living connections in order, and frees the port', async () => {
  const { client, server, settle, listener, network } = await openVirtualPair({ link: LINKS.loss2 });
  const received = collect(client);
  void server.tryOpenStream(false)!.end(new Uint8Array(200_000));
  assert.is(listener.connectionCount, 1);
  await settle(listener.close({ errorCode: 4, reason: 'restart', deadline: 60_000 }));
  assert.is(listener.connectionCount, 0);
  const error = await settle(client.closed);
  assert.is(error!.errorCode, 4);
  assert.match(error!.message, /restart/);
  assert.equal([...received.values()], [{ bytes: 200_000, hasEnd: true }]);
  await settle(listener.close());
  const again = network.bind({ address: '192.0.2.2', port: 4433, onDatagram: () => {} });
  again.close();
});

test('a closing listener refuses newcomers', async () => {
  const { client, server, settle, listener, simulation, network } = await openVirtualPair({ link: LINKS.clean });
  void server.tryOpenStream(false)!.write(new Uint8Array(10_000));
  const closing = listener.close({ deadline: 1_000 });
  assert.ok(listener.isClosed);
  const error = await errorOf(openAnother(simulation, network));
  assert.is(error.code, 'ERR_QUIC_CONNECTION_REFUSED');
  await settle(closing);
  await settle(client.closed);
});

test('an idle connection ends on both sides with a reason', async () => {
  const { client, server, settle, listener } = await openVirtualPair({
    connect: { transport: { maxIdleTimeout: 1_000 } },
  });
  const errors = await settle(Promise.all([client.closed, server.closed]));
  for (const error of errors) {
    assert.is(error!.code, 'ERR_QUIC_IDLE_TIMEOUT');
    assert.is(error!.fault, 'timeout');
  }
  await settle(listener.close());
});

test.run();
