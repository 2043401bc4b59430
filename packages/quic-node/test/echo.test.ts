import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { QuicConnection } from '../src/index.ts';
import { connectTo, listenLocally, openPair, readAll } from './support/loopback.ts';

const test = suite('echo over real UDP');

async function serveEcho(connection: QuicConnection): Promise<void> {
  for await (const stream of connection) {
    void (async () => {
      for await (const chunk of stream) await stream.write(chunk);
      // A client that has read everything may be gone before it has acknowledged that.
      void stream.end();
    })();
  }
}

for (const host of ['127.0.0.1', '::1']) {
  test(`a message comes back over ${host}`, async () => {
    const listener = await listenLocally({ host });
    const serving = (async () => {
      for await (const connection of listener) await serveEcho(connection);
    })();
    const client = await connectTo(listener);
    assert.is(client.alpnProtocol, 'test');
    assert.equal(client.remoteAddress, listener.address);
    assert.ok(client.isClient);
    assert.is(client.peerCertificates.length, 1);
    assert.ok(client.localAddress.port > 0);
    const stream = await client.openStream();
    assert.is(stream.id, 0);
    assert.ok(stream.bidirectional && stream.isLocal);
    assert.is(stream.connection, client);
    void stream.end(Buffer.from('hello'));
    assert.is(String(await readAll(stream)), 'hello');
    assert.is(client.stats().openStreams, 0);
    assert.is(client.streamCount, 0);
    await client.close();
    assert.is(await client.closed, undefined);
    await listener.close();
    await serving;
    assert.is(listener.internalErrors, 0);
  });
}

test('a client over IPv4 reaches a listener on ::, and shows up with its IPv4 address', async () => {
  const listener = await listenLocally({ host: '::' });
  const client = await connectTo(listener, { host: '127.0.0.1' });
  const server = (await listener.accept())!;
  assert.is(server.remoteAddress.host, '127.0.0.1');
  assert.is(server.remoteAddress.port, client.localAddress.port);
  assert.is(server.serverName, 'localhost');
  assert.is(server.alpnProtocol, 'test');
  assert.not(server.isClient);
  await client.close();
  await listener.close();
});

test('a hundred streams at once, each with its own data', async () => {
  const { client, server, close } = await openPair();
  void serveEcho(server);
  await Promise.all(
    Array.from({ length: 100 }, async (_, i) => {
      const data = Buffer.alloc(10_000 + i, i);
      const stream = await client.openStream();
      void stream.end(data);
      assert.ok(data.equals(await readAll(stream)), `stream ${i}`);
    }),
  );
  assert.is(client.streamCount, 0);
  // The last acknowledgements may take the peer's max_ack_delay.
  for (let i = 0; i < 100 && server.streamCount > 0; i++) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.is(server.streamCount, 0);
  await close();
});

test('more streams than the peer allows at once are served in the order of asking', async () => {
  const { client, server, close } = await openPair({ listen: { transport: { maxBidirectionalStreams: 4 } } });
  void serveEcho(server);
  const order: number[] = [];
  await Promise.all(
    Array.from({ length: 50 }, async (_, i) => {
      const stream = await client.openStream();
      order.push(i);
      void stream.end(Buffer.from(String(i)));
      assert.is(String(await readAll(stream)), String(i));
    }),
  );
  assert.equal(
    order,
    Array.from({ length: 50 }, (_, i) => i),
  );
  await close();
});

test('unidirectional streams go one way, from either side', async () => {
  const { client, server, close } = await openPair();
  for (const [from, to] of [
    [client, server],
    [server, client],
  ] as const) {
    const sending = await from.openStream({ bidirectional: false, urgency: 1 });
    assert.not(sending.bidirectional);
    assert.is(
      ((await sending.read().catch((error: unknown) => error as { code: string })) as { code: string }).code,
      'ERR_QUIC_INVALID_STATE',
    );
    const ended = sending.end(Buffer.from('one way'));
    const receiving = (await to.acceptStream())!;
    assert.not(receiving.isLocal);
    assert.is(receiving.id, sending.id);
    assert.is(String(await readAll(receiving)), 'one way');
    const refused = await receiving.write(Buffer.from('x')).catch((error: unknown) => error as { code: string });
    assert.is((refused as { code: string }).code, 'ERR_QUIC_INVALID_STATE');
    assert.is(receiving.writableBytes, 0);
    await ended;
  }
  assert.is(client.streamCount + server.streamCount, 0);
  await close();
});

test('onStream and onConnection get what came before they were set', async () => {
  const { client, server, close, listener } = await openPair();
  for (let i = 0; i < 3; i++) {
    const stream = client.tryOpenStream()!;
    assert.is(stream.tryWrite(Buffer.from(String(i)), true), 1);
  }
  const first = (await server.acceptStream())!;
  assert.is(first.id, 0);
  // By now the others have come as well.
  const seen: number[] = [];
  server.onStream = (stream) => {
    seen.push(stream.id);
  };
  assert.equal(seen, [4, 8]);
  const later = client.tryOpenStream()!;
  later.tryWrite(Buffer.from('x'), true);
  await new Promise<void>((resolve) => {
    server.onStream = (stream) => {
      seen.push(stream.id);
      resolve();
    };
  });
  assert.equal(seen, [4, 8, 12]);

  const second = await connectTo(listener);
  const connections: QuicConnection[] = [];
  while (listener.connectionCount < 2) await new Promise((resolve) => setTimeout(resolve, 1));
  listener.onConnection = (connection) => connections.push(connection);
  assert.is(connections.length, 1);
  assert.is(connections[0]!.remoteAddress.port, second.localAddress.port);
  await second.close();
  await close();
});

test('the pull layer: data, end and acknowledgement by callbacks', async () => {
  const { client, server, close } = await openPair();
  const stream = client.tryOpenStream()!;
  const isFinished = new Promise<void>((resolve) => (stream.onFinished = resolve));
  const answer = new Promise<string>((resolve) => {
    let text = '';
    stream.onReadable = () => {
      for (let chunk = stream.tryRead(); chunk !== undefined; chunk = stream.tryRead())
        text += Buffer.from(chunk).toString();
      if (stream.receiveState === 'finished') resolve(text);
    };
  });
  server.onStream = (incoming) => {
    incoming.onReadable = () => {
      for (let chunk = incoming.tryRead(); chunk !== undefined; chunk = incoming.tryRead()) incoming.tryWrite(chunk);
      if (incoming.receiveState === 'finished') incoming.tryWrite(new Uint8Array(0), true);
    };
  };
  assert.ok(stream.writableBytes > 1_000);
  assert.is(stream.tryWrite(Buffer.from('ping')), 4);
  assert.is(stream.tryWrite(Buffer.from(' pong'), true), 5);
  assert.throws(
    () => stream.tryWrite(Buffer.from('more')),
    (error: { code: string }) => error.code === 'ERR_QUIC_INVALID_STATE',
  );
  assert.is(await answer, 'ping pong');
  await isFinished;
  assert.is(stream.writableBytes, 0);
  await close();
});

test('ping, key updates and statistics', async () => {
  const { client, server, close } = await openPair();
  const stream = await client.openStream();
  void serveEcho(server);
  const before = client.stats();
  assert.ok(before.datagramsReceived > 0 && before.smoothedRtt > 0);
  client.ping();
  await stream.write(Buffer.from('a'));
  await stream.read();
  // A key may be updated once the peer has acknowledged a packet with the current one after the handshake was confirmed.
  for (let i = 0; i < 20 && !client.updateKeys(); i++) await new Promise((resolve) => setTimeout(resolve, 10));
  await stream.write(Buffer.from('b'));
  assert.is(String(Buffer.from((await stream.read())!)), 'b');
  assert.ok(client.stats().keyUpdates > 0);
  assert.ok(server.stats().keyUpdates > 0);
  await stream.end();
  await close();
});

test.run();
