/** Peers and bystanders that want our memory, our time, our window or our connection. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createEndpoint, DatagramBatch, TransportErrorCode as E } from '@mquictt/quic-core';
import {
  CLIENT_ADDRESS,
  CLIENT_PORT,
  fakeProtector,
  seededRandom,
  SERVER_ADDRESS,
  SERVER_PORT,
  stages,
  TEST_SERVER_NAME,
  TEST_UNIX_TIME,
} from '@mquictt/testkit';
import { nobleProvider } from '@mquictt/tls13';
import { World } from './harness.ts';
import { ackOf, APPLICATION, frame, HANDSHAKE, HostilePeer, INITIAL, varints } from './hostile-peer.ts';

const test = suite('attacks');

const bytes = (...parts: (number | Uint8Array)[]): Uint8Array =>
  Uint8Array.from(parts.flatMap((part) => (typeof part === 'number' ? [part] : [...part])));

function newId(sequence: number, retirePriorTo: number): Uint8Array {
  const id = new Uint8Array(8);
  new DataView(id.buffer).setUint32(0, sequence + 1);
  return bytes(varints(0x18, sequence, retirePriorTo), 8, id, new Uint8Array(16).fill(sequence & 0xff));
}

function expectNoBug(peer: HostilePeer): void {
  const stats = peer.victim.endpoint.stats();
  assert.is(stats.internalErrors, 0, String(stats.lastInternalError));
}

// --- Acknowledgements

test('an ACK of packet numbers that were left out ends the connection', () => {
  for (let seed = 1; seed <= 5; seed++) {
    const peer = new HostilePeer({ role: 'client', seed }).connect();
    const id = peer.connection!.openStream(false);
    peer.connection!.writeStream(id, new Uint8Array(600_000), true);
    peer.victim.wake();
    // Honest so far: several hundred packets, among which one number is missing.
    for (let i = 0; i < 200 && peer.received[APPLICATION].largest < 300; i++) peer.runFor(20);
    assert.ok(peer.received[APPLICATION].largest >= 300);
    assert.ok(peer.received[APPLICATION].count > 1, `no number was left out, SEED=${seed}`);
    assert.is(peer.connection!.closeError, undefined);
    peer.send(APPLICATION, ackOf([0, peer.received[APPLICATION].largest])).runFor(20);
    assert.is(peer.connection!.closeError?.errorCode, E.PROTOCOL_VIOLATION, `SEED=${seed}`);
  }
});

test('an honest peer is never told off for numbers that were left out', () => {
  const world = new World({ up: [stages.loss(0.02), stages.delay(5)], down: [stages.loss(0.02), stages.jitter(5)] });
  const { client, server } = world.connect();
  const id = server.openStream(false);
  server.writeStream(id, new Uint8Array(1_000_000), true);
  let received = 0;
  world.onClientEvent = () => {
    for (let data = client.readStream(id); data !== undefined; data = client.readStream(id)) received += data.length;
  };
  world.wake();
  world.pair.run(() => received === 1_000_000, 60_000);
  assert.is(server.closeError, undefined);
});

test('an ACK of the packet after the newest, in each space', () => {
  const peer = new HostilePeer({
    role: 'client',
    onHandshakeBytes: (space, data) => (space === HANDSHAKE ? undefined : data),
  });
  peer.start().runFor(20);
  peer.send(HANDSHAKE, ackOf([0, 100])).runFor(20);
  assert.is(peer.connection!.closeError?.errorCode, E.PROTOCOL_VIOLATION);
});

// --- Connection IDs

test('a flood of NEW_CONNECTION_ID that retire each other, with ACKs withheld, ends at a bound', () => {
  for (const role of ['client', 'server'] as const) {
    const peer = new HostilePeer({ role }).connect();
    peer.acknowledges = false;
    for (let n = 1; n <= 100; n++) peer.send(APPLICATION, newId(n, n)).runFor(1);
    assert.is(peer.connection!.closeError?.errorCode, E.CONNECTION_ID_LIMIT_ERROR);
    expectNoBug(peer);
  }
});

test('the same flood with ACKs is slow honesty and goes on', () => {
  const peer = new HostilePeer({ role: 'client' }).connect();
  for (let n = 1; n <= 100; n++) peer.send(APPLICATION, newId(n, n)).runFor(30);
  assert.is(peer.connection!.closeError, undefined);
  assert.is(peer.inbox.frames.filter((line) => line.startsWith('RETIRE_CONNECTION_ID')).length, 100);
});

test('a NEW_CONNECTION_ID that comes again after its ID was given back has no effect', () => {
  const peer = new HostilePeer({ role: 'client' }).connect();
  peer.send(APPLICATION, newId(1, 0)).runFor(20);
  peer.send(APPLICATION, newId(2, 0)).runFor(20);
  // It moves: the server goes over to another ID and gives 0 back; once more, and 1 is gone.
  peer.send(APPLICATION, varints(0x01), { padTo: 1200, port: 50_001 }).runFor(20);
  peer.send(APPLICATION, varints(0x01), { padTo: 1200, port: 50_002 }).runFor(20);
  const retired = (): string[] => peer.inbox.frames.filter((line) => line.startsWith('RETIRE_CONNECTION_ID'));
  assert.equal(retired(), ['RETIRE_CONNECTION_ID 0', 'RETIRE_CONNECTION_ID 1']);
  peer.datagrams.length = 0;
  for (let i = 0; i < 5; i++) peer.send(APPLICATION, newId(1, 0), { port: 50_002 }).runFor(20);
  peer.send(APPLICATION, varints(0x01), { padTo: 1200, port: 50_003 }).runFor(20);
  assert.is(retired().length, 2);
  // Nothing was sent to ID 1.
  for (const datagram of peer.datagrams) assert.is(datagram.bytes[4], 3);
  assert.is(peer.connection!.closeError, undefined);
});

test('retire_prior_to that leaves no ID at all ends the connection and is no bug', () => {
  const peer = new HostilePeer({ role: 'client' }).connect();
  peer.send(APPLICATION, newId(7, 0)).runFor(20);
  peer.send(APPLICATION, varints(0x01), { padTo: 1200, port: 50_001 }).runFor(20);
  peer.send(APPLICATION, newId(3, 0), { padTo: 1200, port: 50_001 }).runFor(20);
  peer.send(APPLICATION, varints(0x01), { padTo: 1200, port: 50_002 }).runFor(20);
  peer.send(APPLICATION, newId(7, 7), { port: 50_002 }).runFor(20);
  assert.is(peer.connection!.closeError?.errorCode, E.PROTOCOL_VIOLATION);
  expectNoBug(peer);
});

test('a flood of RETIRE_CONNECTION_ID gets one new ID each and grows nothing', () => {
  const peer = new HostilePeer({ role: 'client' }).connect();
  const before = peer.victim.endpoint.stats().connectionIds;
  for (let n = 1; n < 200; n++) peer.send(APPLICATION, varints(0x19, n)).runFor(5);
  assert.is(peer.victim.endpoint.stats().connectionIds, before);
  assert.is(peer.connection!.closeError, undefined);
  // With ACKs withheld it soon cannot know of any further one.
  peer.acknowledges = false;
  for (let n = 200; n < 2000; n++) peer.send(APPLICATION, varints(0x19, n));
  peer.runFor(20);
  assert.is(peer.connection!.closeError?.errorCode, E.PROTOCOL_VIOLATION);
  expectNoBug(peer);
});

// --- Buffers

test('CRYPTO with many gaps ends at a bound', () => {
  const peer = new HostilePeer({
    role: 'client',
    onHandshakeBytes: (space, data) => (space === HANDSHAKE ? undefined : data),
  });
  peer.start().runFor(20);
  for (let i = 1; i < 200; i++) peer.send(HANDSHAKE, peer.cryptoFrame(i * 10, Uint8Array.of(1)));
  peer.runFor(20);
  assert.is(peer.connection!.closeError?.errorCode, E.CRYPTO_BUFFER_EXCEEDED);
  expectNoBug(peer);
});

test('stream data of one byte with gaps ends at a bound', () => {
  const peer = new HostilePeer({ role: 'client' }).connect();
  for (let i = 1; i < 5000; i += 100) {
    const frames = frame((writer) => {
      for (let j = i; j < i + 100; j++) writer.bytes(bytes(varints(0x0e, 0, j * 2, 1), 1));
    });
    peer.send(APPLICATION, frames);
  }
  peer.runFor(20);
  assert.ok(peer.connection!.closeError !== undefined);
  assert.is(peer.connection!.closeError.fault, 'peer');
  expectNoBug(peer);
});

test('streams opened and reset at once get no more streams than those that are gone', () => {
  const peer = new HostilePeer({ role: 'client', transport: { maxBidirectionalStreams: 10 } }).connect();
  peer.acknowledges = false;
  let opened = 0;
  for (let i = 0; i < 1000 && peer.connection!.closeError === undefined; i++) {
    peer.send(APPLICATION, varints(0x04, i * 4, 0, 0)).runFor(1);
    opened = i;
  }
  assert.is(peer.connection!.closeError?.errorCode, E.STREAM_LIMIT_ERROR);
  assert.is(opened, 10);
});

test('a flood of MAX_STREAM_DATA, STREAM_DATA_BLOCKED and STOP_SENDING with ACKs withheld grows nothing', () => {
  const peer = new HostilePeer({ role: 'client' }).connect();
  peer.acknowledges = false;
  peer.send(APPLICATION, bytes(varints(0x0a, 0, 1), 1)).runFor(20);
  const sentBefore = peer.connection!.stats().bytesSent;
  for (let i = 0; i < 2000; i++) {
    peer.send(APPLICATION, bytes(varints(0x11, 0, i + 10), varints(0x15, 0, i), varints(0x14, i), varints(0x05, 0, 1)));
    if (i % 100 === 0) peer.runFor(1);
  }
  peer.runFor(100);
  assert.is(peer.connection!.closeError, undefined);
  // Its packets are acknowledged; that is all.
  assert.ok(peer.connection!.stats().bytesSent - sentBefore < 60_000, String(peer.connection!.stats().bytesSent));
});

test('packets before their keys are kept in a small number', () => {
  const peer = new HostilePeer({
    role: 'client',
    onHandshakeBytes: (space, data) => (space === INITIAL ? data : undefined),
  });
  peer.start().runFor(20);
  const before = peer.connection!.stats().packetsDropped;
  const early = peer.random.bytes(500);
  early[0] = 0x40;
  early.set(peer.dcid, 1);
  for (let i = 0; i < 1000; i++) peer.deliver(early.slice());
  peer.runFor(20);
  assert.is(peer.connection!.stats().packetsDropped - before, 990);
});

// --- Bystanders

test('a coalesced packet for another destination is dropped, and so is what follows', () => {
  const peer = new HostilePeer({
    role: 'client',
    acknowledges: false,
    onHandshakeBytes: (space, data) => (space === INITIAL ? data : undefined),
  });
  peer.start().runFor(20);
  const { packetsReceived } = peer.connection!.stats();
  const first = peer.seal(INITIAL, varints(0x01), { padTo: 600 });
  const alien = peer.seal(INITIAL, varints(0x01), { padTo: 600, dcid: new Uint8Array(8).fill(9) });
  peer.deliver(bytes(first, alien, peer.seal(INITIAL, varints(0x01), { padTo: 600 }))).runFor(20);
  assert.is(peer.connection!.stats().packetsReceived, packetsReceived + 1);
});

test('every captured datagram, repeated, changes counters and nothing else', () => {
  const captured: { bytes: Uint8Array; up: boolean }[] = [];
  const world = new World({
    checkAmplification: false,
    up: [stages.tap((data) => void captured.push({ bytes: data.slice(), up: true })), stages.delay(5)],
    down: [stages.tap((data) => void captured.push({ bytes: data.slice(), up: false })), stages.delay(5)],
  });
  const { client, server } = world.connect();
  const id = client.openStream(true);
  client.writeStream(id, new Uint8Array(50_000).fill(3), true);
  world.wake();
  world.pair.runFor(500);
  world.readAll(server, id);
  world.pair.runFor(500);
  const events = world.clientNotes.length + world.serverNotes.length;
  const before = [client.stats(), server.stats()].map((stats) => [stats.packetsReceived, stats.openStreams]);
  const replayed = captured.slice();
  for (const { bytes: data, up } of replayed) {
    if (up) world.pair.server.deliver(data.slice(), CLIENT_ADDRESS, CLIENT_PORT);
    else world.pair.client.deliver(data.slice(), SERVER_ADDRESS, SERVER_PORT);
  }
  world.pair.runFor(500);
  assert.equal(
    [client.stats(), server.stats()].map((stats) => [stats.packetsReceived, stats.openStreams]),
    before,
  );
  assert.is(world.clientNotes.length + world.serverNotes.length, events);
  assert.is(world.serverConnections.length, 1, 'no second connection');
  assert.is(world.pair.server.endpoint.stats().halfOpenConnections, 0);
  assert.ok(client.isConnected && server.isConnected);
});

test('a handshake survives one flipped byte, whichever it is', () => {
  // Which datagrams there are, and how long: the first five of each direction are the handshake.
  const sizes: { up: number[]; down: number[] } = { up: [], down: [] };
  new World({
    up: [stages.tap((data) => void sizes.up.push(data.length)), stages.delay(5)],
    down: [stages.tap((data) => void sizes.down.push(data.length)), stages.delay(5)],
  }).connect();
  for (const direction of ['up', 'down'] as const) {
    for (let index = 0; index < Math.min(3, sizes[direction].length); index++) {
      // Headers byte by byte; the payload, where the AEAD sees all alike, here and there.
      const size = sizes[direction][index]!;
      for (let at = 0; at < size; at += at < 60 ? 1 : 211) {
        const flip = flipByte(index, at);
        const world = new World({
          scenario: `${direction}, datagram ${index}, byte ${at}`,
          up: direction === 'up' ? [flip, stages.delay(5)] : [stages.delay(5)],
          down: direction === 'down' ? [flip, stages.delay(5)] : [stages.delay(5)],
          checkAmplification: false,
        });
        world.connect();
        assert.is(world.pair.server.endpoint.stats().internalErrors, 0);
      }
    }
  }
});

function flipByte(index: number, at: number): ReturnType<typeof stages.delay> {
  return (_context, next) => (packet) => {
    if (packet.index !== index) return next(packet);
    const changed = packet.bytes.slice();
    changed[at]! ^= 0xff;
    next({ bytes: changed, index: packet.index });
  };
}

// --- Retry and version negotiation

function retryFor(peer: HostilePeer, token: Uint8Array, change = 0): Uint8Array {
  const retry = peer.retry(new Uint8Array(8).fill(0x5c), token);
  retry[retry.length - 1]! ^= change;
  return retry;
}

test('Retry: the client comes again with the token, and both sides get through', () => {
  const retryToken = new Uint8Array(100).fill(0x70);
  const peer = new HostilePeer({ role: 'server', retryToken }).connect();
  // The ClientHello has two datagrams.
  const none = new Uint8Array(0);
  assert.equal(peer.tokens.slice(0, 4), [none, none, retryToken, retryToken]);
  // RFC 9000 §17.2.5.3: packet numbers go on.
  for (const [packetNumber, isReceived] of [false, false, true, true].entries()) {
    assert.is(peer.received[INITIAL].contains(packetNumber), isReceived);
  }
  for (const parameters of [
    { retrySourceConnectionId: undefined },
    { retrySourceConnectionId: new Uint8Array(11) },
    { originalDestinationConnectionId: new Uint8Array(8) },
  ]) {
    const liar = new HostilePeer({ role: 'server', retryToken, parameters }).start().runFor(60);
    assert.is(liar.connection!.closeError?.errorCode, E.TRANSPORT_PARAMETER_ERROR);
  }
});

/** A client's first Initial has come; the hostile server is silent. */
function silentServer(): HostilePeer {
  return new HostilePeer({ role: 'server', acknowledges: false, onHandshakeBytes: () => undefined }).start().runFor(5);
}

test('Retry: obeyed once, ignored with a wrong tag, with a token too long, and after another packet', () => {
  const dcidOf = (peer: HostilePeer): number => peer.datagrams.at(-1)!.bytes[6]!;
  const obeyed = silentServer();
  obeyed.deliver(retryFor(obeyed, Uint8Array.of(1, 2, 3))).runFor(5);
  assert.is(dcidOf(obeyed), 0x5c);
  assert.is(obeyed.connection!.closeError, undefined);
  const sent = obeyed.datagrams.length;
  obeyed.deliver(retryFor(obeyed, Uint8Array.of(4, 5, 6))).runFor(5);
  assert.is(obeyed.datagrams.length, sent, 'the second one');

  for (const [label, token, change] of [
    ['a wrong tag', Uint8Array.of(1), 1],
    ['a token too long', new Uint8Array(1300), 0],
  ] as const) {
    const peer = silentServer();
    peer.deliver(retryFor(peer, token, change)).runFor(5);
    assert.is.not(dcidOf(peer), 0x5c, label);
    assert.is(peer.connection!.closeError, undefined, label);
    expectNoBug(peer);
  }
  const late = silentServer();
  late.send(INITIAL, ackOf([0, 0])).runFor(5);
  late.deliver(retryFor(late, Uint8Array.of(1))).runFor(5);
  assert.is.not(dcidOf(late), 0x5c, 'late');
});

function versionNegotiation(peer: HostilePeer, scid: Uint8Array, ...versions: number[]): Uint8Array {
  const list = versions.flatMap((version) => [0, 1, 2, 3].map((i) => (version >>> (24 - 8 * i)) & 0xff));
  return bytes(0x80, 0, 0, 0, 0, 8, peer.dcid, 8, scid, Uint8Array.from(list));
}

test('version negotiation: believed only as the first answer, from who saw our Initial, and without version 1', () => {
  const believed = silentServer();
  believed.deliver(versionNegotiation(believed, believed.originalDcid, 0x6b3343cf)).runFor(5);
  assert.is(believed.connection!.closeError?.code, 'ERR_QUIC_VERSION_NEGOTIATION');

  const listed = silentServer();
  listed.deliver(versionNegotiation(listed, listed.originalDcid, 0x6b3343cf, 1)).runFor(5);
  assert.is(listed.connection!.closeError, undefined);

  const blind = silentServer();
  blind.deliver(versionNegotiation(blind, new Uint8Array(8), 0x6b3343cf)).runFor(5);
  assert.is(blind.connection!.closeError, undefined);

  const late = silentServer();
  late.send(INITIAL, ackOf([0, 0])).runFor(5);
  late.deliver(versionNegotiation(late, late.originalDcid, 0x6b3343cf)).runFor(5);
  assert.is(late.connection!.closeError, undefined);
});

test('a server answers unknown versions with its own, swapped IDs, only to large datagrams, and so often a second', () => {
  const peer = new HostilePeer({ role: 'client' });
  const hello = new Uint8Array(1200);
  hello.set(bytes(0xc0, 0x1a, 0x2a, 0x3a, 0x4a, 3, 1, 2, 3, 4, 5, 6, 7, 8));
  peer.deliver(hello).runFor(5);
  assert.is(peer.datagrams.length, 1);
  const answer = peer.datagrams[0]!.bytes;
  assert.equal([...answer.subarray(1)], [0, 0, 0, 0, 4, 5, 6, 7, 8, 3, 1, 2, 3, 0, 0, 0, 1]);
  peer.deliver(hello.slice(0, 1199)).runFor(5);
  assert.is(peer.datagrams.length, 1);
  for (let i = 0; i < 1000; i++) peer.deliver(hello.slice());
  peer.runFor(5);
  assert.ok(peer.datagrams.length <= 102, String(peer.datagrams.length));
  peer.runFor(1000).deliver(hello.slice()).runFor(5);
  assert.ok(peer.datagrams.length > 101);
});

// --- Stateless reset

test('a stateless reset ends the connection, also one that carries a connection ID of ours', () => {
  for (const isRouted of [false, true]) {
    const token = new Uint8Array(16).fill(0xab);
    const peer = new HostilePeer({ role: 'server', parameters: { statelessResetToken: token } }).connect();
    const reset = peer.random.bytes(50);
    reset[0] = 0x40 | (reset[0]! & 0x3f);
    if (isRouted) reset.set(peer.dcid, 1);
    const nearMiss = reset.slice();
    nearMiss.set(token, 34);
    nearMiss[49]! ^= 1;
    peer.deliver(nearMiss).runFor(5);
    assert.is(peer.connection!.closeError, undefined);
    reset.set(token, 34);
    peer.deliver(reset).runFor(5);
    assert.is(peer.connection!.closeError?.code, 'ERR_QUIC_STATELESS_RESET', String(isRouted));
    assert.is(peer.events.at(-1)!.type, 'closed');
    assert.is(peer.victim.endpoint.stats().resetTokens, 0);
    assert.is(peer.victim.endpoint.connectionCount, 0);
  }
});

test('tokens of connection IDs that are not in use, and of none, end nothing', () => {
  const peer = new HostilePeer({ role: 'server' }).connect();
  peer.send(APPLICATION, newId(1, 0)).runFor(20);
  for (const token of [new Uint8Array(16).fill(1), new Uint8Array(16)]) {
    const reset = bytes(0x41, new Uint8Array(30).fill(0x77), token);
    peer.deliver(reset).runFor(5);
    assert.is(peer.connection!.closeError, undefined);
  }
  // Once it is used, its token counts.
  peer.send(APPLICATION, newId(2, 1)).runFor(20);
  peer.deliver(bytes(0x41, new Uint8Array(30).fill(0x77), new Uint8Array(16).fill(1))).runFor(5);
  assert.is(peer.connection!.closeError?.code, 'ERR_QUIC_STATELESS_RESET');
});

test('resets are smaller than what they answer, never for short datagrams, and two endpoints do not answer each other for long', () => {
  const make = (seed: number): ReturnType<typeof createEndpoint> =>
    createEndpoint({
      provider: nobleProvider,
      protector: fakeProtector,
      random: seededRandom(seed),
      unixTime: () => TEST_UNIX_TIME,
    });
  const [a, b] = [make(1), make(2)];
  const batch = new DatagramBatch(16, 65_536);
  const out = new DatagramBatch(16, 65_536);
  const ask = (endpoint: typeof a, datagram: Uint8Array, now: number): Uint8Array | undefined => {
    batch.clear();
    out.clear();
    batch.push(datagram, 0, '192.0.2.1', 1, 0);
    endpoint.handleDatagrams(batch, now);
    endpoint.pollTransmit(out, now);
    return out.count === 0 ? undefined : out.buffer.slice(out.start[0]!, out.end[0]!);
  };
  const garbage = seededRandom(3).bytes(1200);
  for (let size = 1; size < 200; size++) {
    garbage[0] = 0x41;
    const answer = ask(a, garbage.slice(0, size), size * 1000);
    if (size <= 21) assert.is(answer, undefined, `size ${size}`);
    else assert.ok(answer !== undefined && answer.length < size && answer.length >= 21, `size ${size}`);
  }
  let datagram: Uint8Array | undefined = garbage.slice();
  let rounds = 0;
  for (let now = 1_000_000; datagram !== undefined; now += 100) {
    datagram = ask(rounds++ % 2 === 0 ? a : b, datagram, now);
    assert.ok(rounds < 100);
  }
  let answered = 0;
  for (let i = 0; i < 1000; i++) if (ask(a, garbage.slice(), 5_000_000) !== undefined) answered++;
  assert.ok(answered <= 100);
});

// --- Many who never finish

test('half-open connections are bounded, and the bound is free again when they give up', () => {
  const world = new World({
    endpoint: { maxHalfOpenConnections: 20 },
    transport: { handshakeTimeout: 2000 },
    checkAmplification: false,
  });
  const { endpoint } = world.pair.server;
  for (let i = 0; i < 100; i++) {
    const peer = new HostilePeer({ role: 'client', seed: 100 + i, onHandshakeBytes: () => undefined }).start();
    world.pair.server.deliver(peer.seal(INITIAL, varints(0x01)), CLIENT_ADDRESS, 1000 + i);
  }
  world.pair.runFor(100);
  assert.ok(endpoint.stats().halfOpenConnections <= 20);
  world.pair.runFor(3000);
  assert.is(endpoint.stats().halfOpenConnections, 0);
  assert.is(endpoint.connectionCount, 0);
  const client = world.pair.connect(TEST_SERVER_NAME);
  client.openStream(true);
  world.pair.run(() => client.isConnected, 5000);
});

test.run();
