/** Key updates, closing, idling, datagram sizes: what happens to a connection in its life, and how it ends. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TransportErrorCode as E, type Connection } from '@mquictt/quic-core';
import { seededRandom, stages, testClientCredential, TEST_SERVER_NAME } from '@mquictt/testkit';
import { nobleProvider } from '@mquictt/tls13';
import { concat, text, World, type WorldOptions } from './harness.ts';
import { APPLICATION, HostilePeer, INITIAL, HANDSHAKE, varints } from './hostile-peer.ts';

const test = suite('lifecycle');

/** Sends bytes from one side to the other over a new stream, and waits until they are there. */
function transfer(world: World, from: Connection, to: Connection, length: number, limitMs = 60_000): void {
  const id = from.openStream(false);
  const data = new Uint8Array(length);
  for (let i = 0; i < length; i++) data[i] = i * 7;
  let written = 0;
  const chunks: Uint8Array[] = [];
  let isFinished = false;
  const pump = (): void => {
    if (written < length) written += from.writeStream(id, data.subarray(written), true);
    for (let chunk = to.readStream(id); chunk !== undefined; chunk = to.readStream(id)) chunks.push(chunk);
    isFinished = chunks.length > 0 && to.receiveState(id) === 'finished';
  };
  pump();
  world.onClientEvent = pump;
  world.onServerEvent = pump;
  world.wake();
  world.pair.run(() => isFinished, limitMs);
  assert.ok(concat(chunks).every((byte, i) => byte === ((i * 7) & 0xff)));
}

// --- Key updates

test('either side updates keys, the other follows, and data flows on', () => {
  for (const realProtection of [false, true]) {
    const world = new World({ realProtection });
    const { client, server } = world.connect();
    world.pair.runFor(100);
    for (const side of [client, server, client, client, server]) {
      const before = [client.stats().keyUpdates, server.stats().keyUpdates];
      assert.ok(side.updateKeys());
      // Not again before a packet of this phase was acknowledged.
      assert.not(side.updateKeys());
      world.wake();
      world.pair.runFor(200);
      assert.equal(
        [client.stats().keyUpdates, server.stats().keyUpdates],
        before.map((count) => count + 1),
        'also where nothing else is to be sent',
      );
      transfer(world, client, server, 20_000);
      transfer(world, server, client, 20_000);
      // The last packets are still to be acknowledged.
      world.pair.runFor(100);
    }
  }
});

test('no key update before the handshake is confirmed, nor after the end', () => {
  const world = new World();
  const client = world.pair.connect(TEST_SERVER_NAME);
  assert.not(client.updateKeys());
  world.pair.run(() => client.isConnected, 1000);
  assert.not(client.updateKeys());
  world.pair.runFor(200);
  client.close(0, '');
  assert.not(client.updateKeys());
});

test('both sides update at the same moment', () => {
  const world = new World();
  const { client, server } = world.connect();
  world.pair.runFor(100);
  for (let i = 0; i < 3; i++) {
    assert.ok(client.updateKeys());
    assert.ok(server.updateKeys());
    world.wake();
    transfer(world, client, server, 50_000);
    transfer(world, server, client, 50_000);
    world.pair.runFor(200);
  }
  assert.is(client.closeError, undefined);
});

test('updates every 50 packets, under loss and reordering', () => {
  for (let seed = 1; seed <= 10; seed++) {
    const link = [stages.loss(0.05), stages.jitter(15), stages.delay(5)];
    const world = new World({ seed, up: link, down: link, transport: { keyUpdateInterval: 50 } });
    const { client, server } = world.connect();
    transfer(world, client, server, 500_000);
    transfer(world, server, client, 500_000);
    assert.ok(client.stats().keyUpdates >= 6, `${client.stats().keyUpdates} updates, SEED=${seed}`);
    assert.is(client.closeError, undefined);
    assert.is(server.closeError, undefined);
  }
});

test('a peer that updates keys twice before we answered gets KEY_UPDATE_ERROR', () => {
  for (const role of ['client', 'server'] as const) {
    const peer = new HostilePeer({ role }).connect();
    peer.acknowledges = false;
    peer.updateKeys();
    // In one moment, so that no ACK of ours comes between them.
    const first = peer.seal(APPLICATION, varints(0x01));
    peer.updateKeys();
    const second = peer.seal(APPLICATION, varints(0x01));
    peer.deliver(first).deliver(second).runFor(20);
    assert.is(peer.connection!.closeError?.errorCode, E.KEY_UPDATE_ERROR);
  }
});

test('a peer that updates keys each time we have acknowledged may go on for ever', () => {
  const peer = new HostilePeer({ role: 'client' }).connect();
  for (let i = 0; i < 20; i++) {
    peer.updateKeys();
    peer.send(APPLICATION, varints(0x01)).runFor(50);
    assert.is(peer.connection!.closeError, undefined, `update ${i}`);
  }
  assert.is(peer.connection!.stats().keyUpdates, 20);
});

test('overtaken packets of the old phase are opened for a while', () => {
  const peer = new HostilePeer({ role: 'client' }).connect();
  const late = peer.seal(APPLICATION, Uint8Array.of(0x0b, 0, 2, 104, 105));
  const tooLate = peer.seal(APPLICATION, Uint8Array.of(0x0b, 4, 2, 104, 105));
  peer.updateKeys();
  peer.send(APPLICATION, varints(0x01)).runFor(5);
  peer.deliver(late).runFor(5);
  assert.equal(peer.connection!.readStream(0), text('hi'));
  // And then no more.
  peer.runFor(5000);
  const { packetsDropped } = peer.connection!.stats();
  peer.deliver(tooLate).runFor(5);
  assert.is(peer.connection!.stats().packetsDropped, packetsDropped + 1);
  assert.is(peer.connection!.readStream(4), undefined);
});

// --- Closing

test('code and reason of a close reach the other side, in both directions', () => {
  for (const isClient of [true, false]) {
    const world = new World();
    const { client, server } = world.connect();
    world.pair.runFor(100);
    const [closer, other] = isClient ? [client, server] : [server, client];
    closer.close(0x1234, 'good bye – für immer');
    world.wake();
    world.pair.runFor(1000);
    assert.is(closer.closeError!.fault, 'local');
    assert.is(other.closeError!.fault, 'peer');
    assert.is(other.closeError!.code, 'ERR_QUIC_APPLICATION_CLOSE');
    assert.is(other.closeError!.errorCode, 0x1234);
    assert.match(other.closeError!.message, /good bye – für immer/);
    assert.is(other.closeError!.reason, 'good bye – für immer');
    assert.is(closer.closeError!.reason, 'good bye – für immer');
    for (const notes of [world.clientNotes, world.serverNotes]) {
      assert.is(notes.filter(({ event }) => event.type === 'closed').length, 1);
      assert.is(notes.at(-1)!.event.type, 'closed');
    }
    world.pair.runFor(5000);
    assert.is(world.pair.client.endpoint.connectionCount, 0);
    assert.is(world.pair.server.endpoint.connectionCount, 0);
  }
});

test('a long reason is cut between characters', () => {
  const world = new World();
  const { client, server } = world.connect();
  client.close(1, 'ü'.repeat(127) + '–'.repeat(200));
  world.wake();
  world.pair.runFor(100);
  assert.match(server.closeError!.message, /ü$/);
});

test('whoever reads everything and closes at once acknowledges it: the sender knows that it arrived', () => {
  const world = new World();
  const { client, server } = world.connect();
  const id = client.openStream(false);
  world.onServerEvent = (connection, event) => {
    if (event.type !== 'stream-readable') return;
    world.readAll(connection, id);
    connection.close(0, 'have it');
  };
  client.writeStream(id, text('the last word'), true);
  world.wake();
  world.pair.run(() => client.closeError !== undefined, 1000);
  assert.is(server.receiveState(id), 'finished');
  assert.ok(client.isDrained);
  const kinds = world.clientNotes.map(({ event }) => event.type);
  assert.ok(kinds.indexOf('stream-finished') >= 0 && kinds.indexOf('stream-finished') < kinds.indexOf('closed'));
});

test('whoever closes during the handshake hides its code and reason from those who can read it', () => {
  const peer = new HostilePeer({
    role: 'client',
    acknowledges: false,
    onHandshakeBytes: (space, data) => (space === INITIAL ? data : undefined),
  });
  peer.start().runFor(5);
  peer.connection!.close(77, 'secret');
  peer.victim.wake();
  peer.runFor(20);
  const handshakeCloses = peer.closes.filter(({ space }) => space !== APPLICATION);
  assert.equal(
    handshakeCloses.map(({ space }) => space),
    [INITIAL, HANDSHAKE],
  );
  for (const close of handshakeCloses) {
    assert.is(close.application, false);
    assert.is(close.errorCode, E.APPLICATION_ERROR);
    assert.is(close.reason, '');
  }
  assert.is(peer.datagrams.at(-1)!.bytes.length, 1200);
});

test('what a client says about an encrypted certificate is not for those who can read Initial packets', () => {
  const stranger = testClientCredential('stranger', nobleProvider, seededRandom(5));
  const peer = new HostilePeer({ role: 'server', credential: stranger });
  peer.start().runFor(50);
  const closes = peer.closes.filter(({ space }) => space !== APPLICATION);
  assert.equal(
    closes.map(({ space }) => space),
    [INITIAL, HANDSHAKE],
  );
  const [inClear, hidden] = closes;
  assert.is(inClear!.errorCode, hidden!.errorCode);
  assert.is(inClear!.reason, '');
  assert.match(hidden!.reason, /stranger/);
});

test('a client that gives up at once is gone at once, on both sides', () => {
  const world = new World();
  const client = world.pair.connect(TEST_SERVER_NAME);
  client.close(5, 'no');
  world.wake();
  world.pair.runFor(20_000);
  assert.is(client.closeError!.errorCode, 5);
  assert.is(world.pair.client.endpoint.connectionCount, 0);
  assert.is(world.pair.server.endpoint.connectionCount, 0);
});

test('a close that gets lost is repeated when the other side goes on', () => {
  const world = new World();
  const { client, server } = world.connect();
  world.pair.runFor(100);
  world.pair.dropNext(1, 'up');
  client.close(9, 'lost');
  world.wake();
  world.pair.runFor(50);
  assert.is(server.closeError, undefined);
  server.ping();
  world.wake();
  world.pair.runFor(20);
  assert.is(server.closeError!.errorCode, 9);
});

test('a closing side answers the 1st, 2nd, 4th, 8th datagram and no others', () => {
  const peer = new HostilePeer({ role: 'client' }).connect();
  peer.acknowledges = false;
  peer.connection!.close(1, '');
  peer.victim.wake();
  peer.runFor(5);
  const before = peer.datagrams.length;
  for (let i = 0; i < 60; i++) peer.send(APPLICATION, varints(0x01)).runFor(1);
  assert.is(peer.datagrams.length - before, 6);
});

test('a draining side is silent', () => {
  const peer = new HostilePeer({ role: 'client' }).connect();
  peer.send(APPLICATION, varints(0x1d, 4, 0)).runFor(5);
  const before = peer.datagrams.length;
  for (let i = 0; i < 20; i++) peer.send(APPLICATION, varints(0x01)).runFor(1);
  assert.is(peer.datagrams.length, before);
  assert.is(peer.connection!.closeError!.errorCode, 4);
});

test('what came before the close can still be read', () => {
  const peer = new HostilePeer({ role: 'client' }).connect();
  let seen: Uint8Array | undefined;
  peer.victim.handlers = {
    onEvent: (connection, event) => {
      if (event.type === 'stream-readable') seen = connection.readStream(event.id);
    },
  };
  peer.send(APPLICATION, Uint8Array.of(0x0b, 0, 2, 104, 105, 0x1d, 4, 0)).runFor(5);
  assert.equal(seen, text('hi'));
});

// --- Idling

test('silence ends a connection on both sides, after the smaller of both timeouts', () => {
  const world = new World({ transport: { maxIdleTimeout: 8000 }, clientTransport: { maxIdleTimeout: 3000 } });
  const { client, server } = world.connect();
  world.pair.runFor(2500);
  assert.ok(client.isConnected && server.isConnected);
  world.pair.runFor(1500);
  for (const side of [client, server]) {
    assert.is(side.closeError!.code, 'ERR_QUIC_IDLE_TIMEOUT');
    assert.is(side.closeError!.fault, 'timeout');
  }
  assert.is(world.pair.server.endpoint.connectionCount, 0);
});

test('a keep-alive prevents it, and costs no more than it must', () => {
  for (const options of [
    { transport: { maxIdleTimeout: 3000 }, clientTransport: { maxIdleTimeout: 3000, keepAliveInterval: 1000 } },
    { transport: { maxIdleTimeout: 3000, keepAliveInterval: 1000 }, clientTransport: { maxIdleTimeout: 3000 } },
  ] satisfies WorldOptions[]) {
    const world = new World(options);
    const { client, server } = world.connect();
    world.pair.runFor(500);
    const turns = world.pair.client.turnCount + world.pair.server.turnCount;
    const sent = client.stats().datagramsSent + server.stats().datagramsSent;
    world.pair.runFor(100_000);
    assert.ok(client.isConnected && server.isConnected);
    assert.ok(client.stats().datagramsSent + server.stats().datagramsSent - sent <= 250);
    assert.ok(world.pair.client.turnCount + world.pair.server.turnCount - turns < 1200, 'no timer spins');
  }
});

test('a keep-alive does not keep a connection to nobody', () => {
  const world = new World({ transport: { maxIdleTimeout: 3000, keepAliveInterval: 500 } });
  const { client } = world.connect();
  world.pair.runFor(500);
  world.pair.dropNext(100_000, 'up');
  world.pair.runFor(8000);
  assert.is(client.closeError?.code, 'ERR_QUIC_IDLE_TIMEOUT');
});

test('an idle connection wakes nobody', () => {
  const world = new World({ transport: { maxIdleTimeout: 0 } });
  world.connect();
  world.pair.runFor(3000);
  const turns = world.pair.client.turnCount + world.pair.server.turnCount;
  world.pair.runFor(3_600_000);
  assert.is(world.pair.client.turnCount + world.pair.server.turnCount, turns);
});

// --- Datagram sizes

for (const size of [1452, 9000, 16_384, 65_527]) {
  test(`datagrams of ${size} bytes where the path carries them, and none before the handshake is over`, () => {
    const sizes: number[] = [];
    const look = stages.tap((bytes) => {
      sizes.push(bytes.length);
      // The Length field of long headers has two bytes.
      if ((bytes[0]! & 0x80) !== 0) assert.ok(bytes.length <= 1200);
    });
    const world = new World({
      transport: { maxDatagramSize: size },
      up: [look, stages.delay(5)],
      down: [look, stages.delay(5)],
    });
    const { client, server } = world.connect();
    transfer(world, client, server, 1_000_000);
    transfer(world, server, client, 1_000_000);
    assert.is(Math.max(...sizes), size);
  });
}

test('the peer may want smaller ones', () => {
  const peer = new HostilePeer({
    role: 'client',
    transport: { maxDatagramSize: 9000 },
    parameters: { maxUdpPayloadSize: 1300 },
  }).connect();
  const id = peer.connection!.openStream(false);
  peer.connection!.writeStream(id, new Uint8Array(20_000), true);
  peer.victim.wake();
  peer.runFor(100);
  assert.is(Math.max(...peer.datagrams.map(({ bytes }) => bytes.length)), 1300);
});

test('a path that does not carry them costs some timeouts, then all goes well at 1,200 bytes', () => {
  for (const limit of [1200, 5000]) {
    const world = new World({
      transport: { maxDatagramSize: 16_384 },
      up: [stages.mtu(limit), stages.delay(5)],
      down: [stages.mtu(limit), stages.delay(5)],
    });
    const { client, server } = world.connect();
    transfer(world, client, server, 300_000);
    transfer(world, server, client, 300_000);
  }
});

test('a path that ceases to carry them, in the middle of a transfer', () => {
  let limit = 65_535;
  const mtu = stages.dropIf((bytes) => bytes.length > limit);
  const world = new World({
    transport: { maxDatagramSize: 9000 },
    up: [mtu, stages.delay(5)],
    down: [stages.delay(5)],
  });
  const { client, server } = world.connect();
  transfer(world, client, server, 300_000);
  limit = 1400;
  transfer(world, client, server, 300_000);
});

// --- Odds and ends

test('a lost HANDSHAKE_DONE comes again, and the client stops sending Handshake packets', () => {
  const peer = new HostilePeer({ role: 'client' });
  peer.acknowledges = false;
  peer.start().runFor(3000);
  assert.ok(peer.inbox.frames.filter((line) => line === 'HANDSHAKE_DONE').length >= 2);
  let longHeaders = 0;
  let count = 0;
  const world = new World({
    up: [stages.tap((bytes) => void ((bytes[0]! & 0x80) !== 0 && longHeaders++)), stages.delay(5)],
    // The third to the eighth datagram of the server: HANDSHAKE_DONE is among them.
    down: [stages.dropIf(() => ++count > 2 && count < 9), stages.delay(5)],
  });
  const { client } = world.connect();
  world.pair.runFor(5000);
  const before = longHeaders;
  client.ping();
  world.wake();
  world.pair.runFor(5000);
  assert.is(longHeaders, before);
});

test('a writer that was refused is told when acknowledgements, or the credit for them, make room', () => {
  const world = new World({ transport: { streamReceiveWindow: 10_000, streamSendBuffer: 20_000 } });
  const { client, server } = world.connect();
  const id = client.openStream(false);
  const isTold = (): boolean => world.clientNotes.some(({ event }) => event.type === 'stream-writable');
  assert.is(client.writeStream(id, new Uint8Array(50_000), false), 20_000);
  world.wake();
  world.pair.runFor(200);
  // The window's worth has arrived; the rest of the buffer waits for the reader.
  assert.ok(isTold());
  world.clientNotes.length = 0;
  assert.is(client.writeStream(id, new Uint8Array(50_000), false), 10_000);
  world.wake();
  world.pair.runFor(2000);
  assert.not(isTold());
  assert.is(world.readAll(server, id).length, 10_000);
  world.wake();
  world.pair.runFor(200);
  assert.ok(isTold());
});

test('statistics add up', () => {
  const world = new World({ up: [stages.loss(0.05), stages.delay(5)], down: [stages.delay(5)] });
  const { client, server } = world.connect();
  transfer(world, client, server, 500_000);
  world.pair.runFor(3000);
  const [c, s] = [client.stats(), server.stats()];
  assert.is(c.datagramsSent, world.pair.up.stats.sent);
  assert.is(c.bytesSent, world.pair.up.stats.bytesSent);
  assert.is(s.datagramsReceived, world.pair.up.stats.delivered);
  assert.is(s.bytesReceived, world.pair.up.stats.bytesDelivered);
  assert.is(c.datagramsReceived, world.pair.down.stats.delivered);
  assert.is(c.bytesInFlight, 0);
  assert.ok(c.packetsLost > 0 && c.packetsLost <= world.pair.up.stats.dropped + 5);
  assert.ok(c.smoothedRtt >= 10 && c.smoothedRtt < 60, String(c.smoothedRtt));
  assert.ok(c.minRtt >= 10 && c.minRtt < 11);
  assert.is(s.packetsDropped, 0);
});

test.run();
