/** Sessions over QUIC: a second connection without certificates, tickets that are looked up in virtual time, tickets that are no good. */
import type { QuicError } from '@mquictt/quic-core';
import { LINKS, seededRandom, TEST_SERVER_NAME } from '@mquictt/testkit';
import {
  nobleProvider,
  SealedTickets,
  StoredTickets,
  type ClientSession,
  type ServerSession,
  type SessionTickets,
} from '@mquictt/tls13';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TransportErrorCode } from '../../src/errors.ts';
import { rememberedParameters } from '../../src/remembered-parameters.ts';
import { VERSION_1 } from '../../src/version.ts';
import { text, World, type WorldOptions } from './harness.ts';
import { APPLICATION, HostilePeer } from './hostile-peer.ts';
import { credentialOf } from './large-flights.ts';

const SEED = Number(process.env['SEED'] ?? 1);
console.log(`SEED=${SEED}`);

const test = suite('resumption');

function sealedTickets(seed = 1): SessionTickets {
  return new SealedTickets({ provider: nobleProvider, random: seededRandom(seed) });
}

function worldWith(tickets: SessionTickets, options: WorldOptions = {}): World {
  return new World({ seed: SEED, checkAmplification: false, ...options, server: { resumption: { tickets } } });
}

function sessionsOf(world: World): ClientSession[] {
  return world.clientNotes.flatMap(({ event }) => (event.type === 'session' ? [event.session] : []));
}

/** Connects once for a session, and forgets what was noted. */
function firstSession(world: World): ClientSession {
  const { client } = world.connect();
  world.pair.runFor(200);
  const session = sessionsOf(world)[0]!;
  client.close(0, '');
  world.wake();
  world.pair.runFor(3000);
  world.clientNotes.length = 0;
  world.serverNotes.length = 0;
  return session;
}

test('the second connection is resumed on both sides, exchanges no certificate and takes fewer bytes', () => {
  const world = new World({
    seed: SEED,
    checkAmplification: false,
    server: { resumption: { tickets: sealedTickets() }, credential: credentialOf(5_000) },
  });
  const first = world.connect();
  const certificates = first.client.peerCertificates;
  assert.is(first.client.isResumed || first.server.isResumed, false);
  const bytesOfFirst = world.pair.down.stats.bytesSent;
  world.pair.runFor(200);
  const sessions = sessionsOf(world);
  assert.is(sessions.length, 2);
  const before = world.pair.down.stats.bytesSent;
  const second = world.connect(10_000, sessions[0]);
  // `connected` has been taken by the notes.
  assert.is(second.client.isResumed, true);
  assert.is(second.server.isResumed, true);
  assert.ok(world.pair.down.stats.bytesSent - before < bytesOfFirst - 4_500);
  assert.equal(second.client.peerCertificates, certificates);
  assert.is(second.server.serverName, TEST_SERVER_NAME);
  const id = second.client.openStream(true);
  second.client.writeStream(id, text('hello again'), true);
  world.wake();
  world.pair.run(() => second.client.isDrained, 1000);
  assert.equal(world.readAll(second.server, id), text('hello again'));
});

test('tickets arrive over bad paths, and so do resumed handshakes', () => {
  for (let i = 0; i < 15; i++) {
    const world = worldWith(sealedTickets(), { seed: SEED + i, up: LINKS.loss30(), down: LINKS.loss30() });
    world.connect();
    world.pair.run(() => sessionsOf(world).length === 2, 10_000);
    const { client, server } = world.connect(10_000, sessionsOf(world)[0]);
    assert.ok(client.isResumed && server.isResumed);
  }
});

test('a ticket that the server cannot open, or that was altered, costs nothing: a full handshake follows', () => {
  const world = worldWith(sealedTickets(1));
  const session = firstSession(world);
  const altered = { ...session, ticket: session.ticket.map((byte, i) => (i === 40 ? byte ^ 1 : byte)) };
  const full = world.connect(10_000, altered);
  assert.is(full.client.isResumed || full.server.isResumed, false);
  const elsewhere = worldWith(sealedTickets(2)).connect(10_000, session);
  assert.is(elsewhere.client.isResumed || elsewhere.server.isResumed, false);
  assert.is(elsewhere.client.closeError, undefined);
});

test('a ticket that is good once is good once', () => {
  const world = worldWith(new StoredTickets({ random: seededRandom(3) }));
  const session = firstSession(world);
  assert.is(world.connect(10_000, session).server.isResumed, true);
  assert.is(world.connect(10_000, session).server.isResumed, false);
});

test('a session with another secret than the server has ends in decrypt_error', () => {
  const world = worldWith(sealedTickets());
  const session = firstSession(world);
  const client = world.pair.connect(TEST_SERVER_NAME, {
    session: { ...session, secret: new Uint8Array(session.secret.length) },
  });
  world.pair.run(() => client.closeError !== undefined, 5000);
  assert.is(client.closeError!.errorCode, 0x0100 + 51);
  assert.not(world.serverNotes.some(({ event }) => event.type === 'connected'));
});

test('a session of another name is not shown', () => {
  const world = worldWith(sealedTickets());
  const session = firstSession(world);
  const client = world.pair.connect('127.0.0.1', { session });
  world.pair.run(() => client.isConnected, 5000);
  assert.is(client.isResumed, false);
});

/** Tickets whose sessions are elsewhere: the handshake waits for them. */
class RemoteTickets implements SessionTickets {
  readonly #local: SessionTickets = sealedTickets();

  issue(session: ServerSession, unixTime: number): Uint8Array | undefined {
    return this.#local.issue(session, unixTime);
  }

  redeem(): 'wait' {
    return 'wait';
  }

  lookUp(ticket: Uint8Array, unixTime: number): ServerSession | undefined {
    return this.#local.redeem(ticket, unixTime) as ServerSession | undefined;
  }
}

test('a ticket is looked up while the client waits and its packets are acknowledged', () => {
  for (const isFound of [true, false]) {
    const tickets = new RemoteTickets();
    const world = worldWith(tickets);
    const session = firstSession(world);
    world.onServerEvent = (connection, event) => {
      if (event.type !== 'look-up-ticket') return;
      assert.is(world.pair.server.endpoint.stats().halfOpenConnections, 1);
      world.simulation.at(world.simulation.now + 2500, () => {
        connection.provideSession(isFound ? tickets.lookUp(event.ticket, Date.UTC(2030, 0, 1)) : undefined);
        world.wake();
      });
    };
    const started = world.simulation.now;
    const { client, server } = world.connect(10_000, session);
    assert.is(client.isResumed && server.isResumed, isFound);
    assert.ok(world.simulation.now - started >= 2500 && world.simulation.now - started < 2600);
    // Its ClientHello was acknowledged at once: what it sent meanwhile were signs of life.
    assert.is(client.stats().packetsLost, 0);
    assert.is(world.pair.server.endpoint.stats().halfOpenConnections, 0);
  }
});

test('a look-up that never ends ends with the handshake deadline', () => {
  const world = worldWith(new RemoteTickets(), { transport: { handshakeTimeout: 3000 } });
  const session = firstSession(world);
  const client = world.pair.connect(TEST_SERVER_NAME, { session });
  world.pair.runFor(3500);
  const server = world.serverConnections.at(-1)!;
  assert.is(server.closeError?.code, 'ERR_QUIC_HANDSHAKE_TIMEOUT');
  assert.is(client.closeError?.code, 'ERR_QUIC_HANDSHAKE_TIMEOUT');
  assert.is(world.pair.server.endpoint.connectionCount, 0);
  server.provideSession(undefined);
});

test('a session carries the parameters that early data would go by, and a ticket what they depend on', () => {
  const issued: ServerSession[] = [];
  const tickets = sealedTickets();
  const noting: SessionTickets = {
    issue: (session, unixTime) => {
      issued.push(session);
      return tickets.issue(session, unixTime);
    },
    redeem: (ticket, unixTime) => tickets.redeem(ticket, unixTime),
  };
  const contexts = [{}, {}, { maxBidirectionalStreams: 127 }, { maxIdleTimeout: 29_000 }].map((transport) => {
    const world = worldWith(noting, { transport });
    const session = firstSession(world);
    const remembered = rememberedParameters(session, VERSION_1)!;
    assert.is(remembered.initialMaxStreamsBidi, transport.maxBidirectionalStreams ?? 128);
    assert.is(remembered.initialMaxStreamDataUni, 262_144);
    assert.is(remembered.maxIdleTimeout, transport.maxIdleTimeout ?? 30_000);
    assert.is(session.maxEarlyDataSize, 0);
    return issued.at(-1)!.earlyDataContext;
  });
  assert.equal(contexts[0], contexts[1]);
  assert.not.equal(contexts[0], contexts[2]);
  assert.not.equal(contexts[0], contexts[3]);
});

/** A NewSessionTicket (RFC 8446 §4.6.1) that allows so many bytes of early data. */
function ticketAllowing(maxEarlyDataSize: number): Uint8Array {
  const extensions = [0, 8, 0, 42, 0, 4, ...uint32(maxEarlyDataSize)];
  const body = [...uint32(3600), ...uint32(7), 1, 0, 0, 4, 1, 2, 3, 4, ...extensions];
  return Uint8Array.from([4, 0, 0, body.length, ...body]);
}

function uint32(value: number): number[] {
  return [value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255];
}

test('a ticket may allow early data as QUIC counts it, and in no other measure', () => {
  const good = new HostilePeer({ role: 'server' }).connect();
  good.sendCrypto(APPLICATION, ticketAllowing(0xffff_ffff)).runFor(20);
  const [event] = good.events.filter(({ type }) => type === 'session');
  assert.is(event?.type === 'session' && event.session.maxEarlyDataSize, 0xffff_ffff);
  for (const size of [1, 16_384, 0xffff_fffe]) {
    const bad = new HostilePeer({ role: 'server' }).connect();
    bad.sendCrypto(APPLICATION, ticketAllowing(size)).runFor(20);
    assert.is(bad.connection!.closeError?.errorCode, TransportErrorCode.PROTOCOL_VIOLATION);
  }
});

test('a flood of tickets leaves eight sessions', () => {
  const peer = new HostilePeer({ role: 'server' }).connect();
  for (let i = 0; i < 50; i++) peer.sendCrypto(APPLICATION, ticketAllowing(0xffff_ffff)).runFor(2);
  assert.is(peer.events.filter(({ type }) => type === 'session').length, 8);
  assert.is(peer.connection!.closeError, undefined);
});

test('an endpoint that would let early data in is not made: 0-RTT is not there yet', () => {
  const tickets = sealedTickets();
  assert.throws(
    () => new World({ server: { resumption: { tickets, earlyData: { admit: () => true } } } }),
    (error: QuicError) => error.code === 'ERR_QUIC_INVALID_ARGUMENT' && /0-RTT/.test(error.message),
  );
});

test.run();
