/** Peers that move, peers that are moved by others, and what may be sent where (RFC 9000 §8, §9). */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { CLIENT_ADDRESS, CLIENT_PORT, SERVER_ADDRESS, SERVER_PORT, stages } from '@mquictt/testkit';
import { APPLICATION, HostilePeer, INITIAL, frame, varints } from './hostile-peer.ts';
import { MovingWorld } from './moving-world.ts';

const test = suite('paths');
const CHALLENGE = Uint8Array.of(0x1a, 1, 2, 3, 4, 5, 6, 7, 8);

test('the port of a client changes in the middle of a transfer: the server follows, validates, and nothing is lost', () => {
  for (const [address, port] of [
    [CLIENT_ADDRESS, 50_001],
    ['198.51.100.7', 60_000],
  ] as const) {
    const world = new MovingWorld();
    const { client, server } = world.connect();
    const transfer = world.transfer(client, server, 500_000);
    world.runUntil(() => transfer.received > 100_000);
    world.clientPlace = { address, port };
    world.runUntil(() => transfer.isDone);
    assert.is(server.remotePort, port);
    assert.is(server.remoteAddress, address);
    // Not only does it follow: the other direction works too.
    const back = world.transfer(server, client, 200_000);
    world.runUntil(() => back.isDone);
    world.runFor(5000);
    assert.is(server.remotePort, port);
    assert.is(server.closeError, undefined);
  }
});

test('the address of a client changes in the middle of the handshake, at each of its datagrams', () => {
  for (let index = 1; index < 5; index++) {
    const world = new MovingWorld();
    let count = 0;
    world.onUp = () => {
      if (count++ === index) world.clientPlace = { address: CLIENT_ADDRESS, port: 50_001 };
    };
    const { client, server } = world.connect();
    const up = world.transfer(client, server, 50_000);
    const down = world.transfer(server, client, 50_000);
    world.runUntil(() => up.isDone && down.isDone);
    assert.is(server.remotePort, 50_001, `datagram ${index}`);
  }
});

test('a move to another host starts congestion control and round trip anew, one to another port does not', () => {
  for (const [address, isAnew] of [
    ['198.51.100.7', true],
    [CLIENT_ADDRESS, false],
  ] as const) {
    const world = new MovingWorld();
    const { client, server } = world.connect();
    const transfer = world.transfer(server, client, 1_000_000);
    world.runUntil(() => transfer.isDone);
    world.runFor(500);
    const { congestionWindow } = server.stats();
    assert.ok(congestionWindow > 20_000);
    world.clientPlace = { address, port: 50_001 };
    client.ping();
    world.wake();
    world.runFor(500);
    assert.is(server.remotePort, 50_001);
    assert.is(server.stats().congestionWindow < congestionWindow, isAnew, address);
    const after = world.transfer(server, client, 300_000);
    world.runUntil(() => after.isDone);
    assert.is(server.closeError, undefined);
  }
});

test('a client that moves while it only receives is found by its acknowledgements', () => {
  const world = new MovingWorld();
  const { client, server } = world.connect();
  const transfer = world.transfer(server, client, 1_000_000);
  world.runUntil(() => transfer.received > 200_000);
  world.clientPlace = { address: CLIENT_ADDRESS, port: 50_002 };
  world.runUntil(() => transfer.isDone);
  assert.is(server.remotePort, 50_002);
});

test('a client may move again and again, also under loss', () => {
  const world = new MovingWorld({
    up: [stages.loss(0.05), stages.delay(5)],
    down: [stages.loss(0.05), stages.delay(5)],
  });
  const { client, server } = world.connect();
  const transfer = world.transfer(client, server, 2_000_000);
  for (let i = 1; i <= 8; i++) {
    world.runUntil(() => transfer.received > i * 200_000);
    world.clientPlace = { address: CLIENT_ADDRESS, port: 50_000 + i };
  }
  world.runUntil(() => transfer.isDone);
  assert.is(server.closeError, undefined);
  assert.is(client.closeError, undefined);
});

test('a packet that somebody forwards from elsewhere does not steal the connection', () => {
  const world = new MovingWorld();
  const { client, server } = world.connect();
  const transfer = world.transfer(client, server, 1_000_000);
  let count = 0;
  let stolen = 0;
  // The thief is faster than the client: each tenth packet comes from its address first.
  world.onUp = (bytes) => {
    if (count++ % 10 !== 0) return;
    stolen += bytes.length;
    world.server.deliver(bytes.slice(), '203.0.113.66', 666);
  };
  world.runUntil(() => transfer.isDone);
  world.onUp = undefined;
  world.runFor(5000);
  assert.is(server.remoteAddress, CLIENT_ADDRESS);
  assert.is(server.remotePort, CLIENT_PORT);
  assert.is(server.closeError, undefined);
  assert.ok(world.strayBytes <= 3 * stolen, `${world.strayBytes} bytes for ${stolen}`);
});

test('a single forwarded packet of an idle client: the old path is asked as well, and the answer brings the server back', () => {
  const world = new MovingWorld();
  const { client, server } = world.connect();
  world.runFor(500);
  client.ping();
  world.stealNext = { address: '203.0.113.66', port: 666 };
  world.wake();
  world.runUntil(() => server.remotePort === 666);
  world.runFor(50);
  assert.is(server.remotePort, CLIENT_PORT);
});

test('an address that never answers is given up: the last one that did is used again', () => {
  const world = new MovingWorld();
  const { client, server } = world.connect();
  world.runFor(500);
  // Two in a row: the first stolen address must not become what we return to. The client itself is not heard.
  for (const port of [666, 667]) {
    client.ping();
    world.stealNext = { address: '203.0.113.66', port };
    world.wake();
    world.runUntil(() => server.remotePort === port);
    world.isClientMute = true;
    world.runFor(30);
    world.isClientMute = false;
  }
  world.isClientMute = true;
  world.runFor(2000);
  assert.is(server.remotePort, 667);
  world.runFor(3000);
  assert.is(server.remoteAddress, CLIENT_ADDRESS);
  assert.is(server.closeError, undefined);
  world.isClientMute = false;
  const transfer = world.transfer(server, client, 300_000);
  world.runUntil(() => transfer.isDone);
});

test('on a new path three times what came is the limit, and waiting for more does not spin', () => {
  const peer = new HostilePeer({ role: 'client' }).connect();
  const id = peer.connection!.openStream(false);
  peer.connection!.writeStream(id, new Uint8Array(500_000), true);
  const place = { address: '203.0.113.66', port: 666 };
  peer.acknowledges = false;
  peer.datagrams.length = 0;
  const turns = peer.victim.turnCount;
  const packet = peer.seal(APPLICATION, varints(0x01));
  // Before its own turn comes: nothing of the stream has been sent to the old address.
  peer.deliver(packet, place).runFor(2500);
  const sent = peer.datagrams
    .filter(({ port }) => port === place.port)
    .reduce((sum, { bytes }) => sum + bytes.length, 0);
  assert.ok(sent <= 3 * packet.length, `${sent} bytes for ${packet.length}`);
  assert.ok(peer.victim.turnCount - turns < 100, `${peer.victim.turnCount - turns} turns`);
});

test('PATH_CHALLENGE from elsewhere is answered there, in full size where allowed, and moves nothing', () => {
  const peer = new HostilePeer({ role: 'client' }).connect();
  peer.datagrams.length = 0;
  peer.send(APPLICATION, CHALLENGE, { padTo: 1200, port: 7777 }).runFor(20);
  const answers = peer.datagrams.filter(({ port }) => port === 7777);
  assert.is(answers.length, 1);
  assert.is(answers[0]!.bytes.length, 1200);
  assert.ok(peer.inbox.frames.includes('PATH_RESPONSE 0102030405060708'));
  assert.is(peer.connection!.remotePort, CLIENT_PORT);
  // A small one gets what three times its size allows.
  peer.datagrams.length = 0;
  peer.send(APPLICATION, CHALLENGE, { padTo: 100, port: 7778 }).runFor(20);
  const small = peer.datagrams.filter(({ port }) => port === 7778);
  assert.is(small.length, 1);
  assert.ok(small[0]!.bytes.length <= 300);
});

test('a flood of PATH_CHALLENGE is answered with the newest few', () => {
  const peer = new HostilePeer({ role: 'client' }).connect();
  peer.acknowledges = false;
  const before = peer.connection!.stats().datagramsSent;
  for (let i = 0; i < 300; i++) {
    peer.send(
      APPLICATION,
      frame((writer) => {
        for (let j = 0; j < 100; j++) writer.bytes(Uint8Array.of(0x1a, 0, 0, 0, 0, 0, 0, i & 0xff, j));
      }),
    );
  }
  peer.runFor(50);
  assert.ok(peer.inbox.frames.filter((line) => line.startsWith('PATH_RESPONSE')).length <= 30);
  assert.ok(peer.connection!.stats().datagramsSent - before < 40);
  assert.is(peer.connection!.closeError, undefined);
});

test('a client does not read what comes from another address than its server', () => {
  const peer = new HostilePeer({ role: 'server' }).connect();
  const before = peer.connection!.stats();
  peer.send(APPLICATION, varints(0x1c, 0, 0, 0), { port: SERVER_PORT + 1 }).runFor(20);
  peer.send(APPLICATION, varints(0x1c, 0, 0, 0), { address: '203.0.113.9' }).runFor(20);
  assert.is(peer.connection!.closeError, undefined);
  assert.is(peer.connection!.stats().packetsReceived, before.packetsReceived);
  peer.send(APPLICATION, varints(0x1c, 0, 0, 0), { address: SERVER_ADDRESS }).runFor(20);
  assert.ok(peer.connection!.closeError !== undefined);
});

test('a server sends three times what it received before it knows the address, whatever happens', () => {
  const peer = new HostilePeer({
    role: 'client',
    acknowledges: false,
    onHandshakeBytes: (space, data) => (space === INITIAL ? data : undefined),
  });
  let received = 0;
  const { deliver } = peer.victim;
  peer.victim.deliver = (bytes, address, port) => {
    received += bytes.length;
    deliver.call(peer.victim, bytes, address, port);
  };
  const turns = peer.victim.turnCount;
  peer.start().runFor(3000);
  const sent = (): number => peer.datagrams.reduce((sum, { bytes }) => sum + bytes.length, 0);
  assert.ok(sent() <= 3 * received, `${sent()} for ${received}`);
  peer.send(INITIAL, varints(0x01)).runFor(3000);
  assert.ok(sent() <= 3 * received, `${sent()} for ${received}`);
  assert.ok(peer.victim.turnCount - turns < 100);
});

test.run();
