import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { LINKS, stages, TEST_SERVER_NAME } from '@mquictt/testkit';
import { TLS_CHACHA20_POLY1305_SHA256 } from '@mquictt/tls13';
import { text, World } from './harness.ts';

const test = suite('handshake');

test('both sides learn protocol and name, and data follows in one round trip', () => {
  const world = new World({ realProtection: true });
  const connection = world.pair.connect(TEST_SERVER_NAME);
  const id = connection.openStream(true);
  connection.writeStream(id, text('early bird'), true);
  const started = world.simulation.now;
  world.pair.run(
    () =>
      world.serverConnections[0]?.receiveState(id) === 'open' &&
      world.serverNotes.some((note) => note.event.type === 'stream-readable'),
    1000,
  );
  assert.equal(world.readAll(world.serverConnections[0]!, id), text('early bird'));
  // 5 ms each way: ClientHello, server's flight, then Finished and data together.
  assert.is(world.simulation.now - started, 15);
  world.pair.runFor(100);
  assert.is(connection.alpnProtocol, 'test');
  assert.is(world.serverConnections[0]!.serverName, TEST_SERVER_NAME);
  assert.is(connection.peerCertificates.length > 0, true);
});

test('an Initial datagram is padded to 1,200 bytes by both sides', () => {
  const sizes: number[] = [];
  const look = stages.tap((bytes) => {
    if ((bytes[0]! & 0xf0) === 0xc0) sizes.push(bytes.length);
  });
  const world = new World({ up: [look, stages.delay(5)], down: [look, stages.delay(5)] });
  world.connect();
  assert.ok(sizes.length >= 2);
  for (const size of sizes) assert.is(size, 1200);
});

test('a lost packet of the handshake, whichever it is, costs time and nothing else', () => {
  for (const direction of ['up', 'down'] as const) {
    for (let index = 0; index < 8; index++) {
      const drop = stages.dropNth(index);
      const world = new World({
        scenario: `${direction} without datagram ${index}`,
        up: direction === 'up' ? [drop, stages.delay(5)] : LINKS.clean(),
        down: direction === 'down' ? [drop, stages.delay(5)] : LINKS.clean(),
      });
      const { client, server } = world.connect();
      const id = client.openStream(true);
      client.writeStream(id, text('hello'), true);
      world.wake();
      world.pair.run(() => server.receiveState(id) === 'open' && client.isDrained, 5000);
      assert.equal(world.readAll(server, id), text('hello'));
    }
  }
});

test('every pair of the first ten datagrams may be lost', () => {
  for (let first = 0; first < 10; first++) {
    for (let second = first + 1; second < 10; second++) {
      let count = 0;
      const drop = stages.dropIf(() => {
        const n = count++;
        return n === first || n === second;
      });
      const world = new World({
        scenario: `without ${first} and ${second}`,
        up: [drop, stages.delay(5)],
        down: [drop, stages.delay(5)],
      });
      world.connect();
    }
  }
});

test('a ClientHello that spans several packets is put together', () => {
  const alpnProtocols = ['test', ...Array.from({ length: 40 }, (_, i) => `protocol-${i}-${'x'.repeat(60)}`)];
  const world = new World({ client: { alpnProtocols } });
  const { client } = world.connect();
  assert.ok(client.stats().datagramsSent >= 4);
  const lossy = new World({ client: { alpnProtocols }, up: [stages.dropNth(1), stages.delay(5)], down: LINKS.clean() });
  lossy.connect();
});

test('the suite is the one that both have', () => {
  const world = new World({ realProtection: true, client: { cipherSuites: [TLS_CHACHA20_POLY1305_SHA256] } });
  const { client, server } = world.connect();
  const id = server.openStream(false);
  server.writeStream(id, text('down'), true);
  world.wake();
  world.pair.run(() => world.clientNotes.some((note) => note.event.type === 'stream-readable'), 1000);
  assert.equal(world.readAll(client, id), text('down'));
});

test('no common protocol: both sides hear no_application_protocol', () => {
  const world = new World({ client: { alpnProtocols: ['other'] } });
  const client = world.pair.connect(TEST_SERVER_NAME);
  world.pair.run(() => client.closeError !== undefined, 5000);
  assert.is(client.closeError!.code, 'ERR_QUIC_TLS');
  assert.is(client.closeError!.errorCode, 0x0100 + 120);
  assert.is(client.closeError!.fault, 'peer');
  assert.is(world.closeErrorOf(world.serverNotes)!.errorCode, 0x0100 + 120);
});

test('a wrong name in the certificate ends it before anything of the application is sent', () => {
  const world = new World();
  const client = world.pair.connect('elsewhere.example');
  const id = client.openStream(true);
  client.writeStream(id, text('secret'), true);
  world.pair.run(() => client.closeError !== undefined, 5000);
  assert.is(client.closeError!.code, 'ERR_QUIC_TLS');
  assert.is(client.closeError!.fault, 'peer');
  assert.match(client.closeError!.message, /elsewhere\.example/);
  world.pair.runFor(1000);
  assert.is(
    world.serverNotes.some((note) => note.event.type === 'stream-opened'),
    false,
  );
});

test('nobody answers: the handshake gives up after its deadline with a sentence', () => {
  const world = new World({ up: [stages.loss(1)], transport: { handshakeTimeout: 3000 } });
  const client = world.pair.connect(TEST_SERVER_NAME);
  world.pair.run(() => client.closeError !== undefined, 20_000);
  assert.is(client.closeError!.code, 'ERR_QUIC_HANDSHAKE_TIMEOUT');
  assert.is(client.closeError!.fault, 'timeout');
  assert.match(client.closeError!.message, /192\.0\.2\.2 port 4433/);
  assert.is(world.simulation.now, 4000);
});

test('a server at its limit refuses with a reason', () => {
  const world = new World({ endpoint: { maxConnections: 1 } });
  world.connect();
  const second = world.pair.connect(TEST_SERVER_NAME);
  world.pair.run(() => second.closeError !== undefined, 5000);
  assert.is(second.closeError!.code, 'ERR_QUIC_CONNECTION_REFUSED');
  assert.match(second.closeError!.message, /too many connections/);
  assert.is(world.serverConnections.length, 1);
});

test('a server that has stopped accepting refuses the new and keeps the old', () => {
  const world = new World();
  const { client, server } = world.connect();
  world.pair.server.endpoint.stopAccepting();
  const second = world.pair.connect(TEST_SERVER_NAME);
  world.pair.run(() => second.closeError !== undefined, 5000);
  assert.is(second.closeError!.code, 'ERR_QUIC_CONNECTION_REFUSED');
  assert.ok(client.isConnected && server.isConnected);
});

test('reordered packets that come before their keys are kept and used', () => {
  for (let seed = 1; seed <= 30; seed++) {
    const world = new World({
      seed,
      scenario: 'jitter',
      up: [stages.jitter(40), stages.delay(5)],
      down: [stages.jitter(40), stages.delay(5)],
    });
    world.connect();
  }
});

test.run();
