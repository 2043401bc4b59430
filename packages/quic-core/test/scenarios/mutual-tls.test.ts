/** Certificates of clients over QUIC, and decisions that take their time while packets flow. */
import type { Connection, ConnectionEvent, QuicError } from '@mquictt/quic-core';
import {
  LINKS,
  seededRandom,
  stages,
  testClientCredential,
  testClientRoots,
  testCredential,
  testRoots,
  TEST_SERVER_NAME,
} from '@mquictt/testkit';
import {
  Alert,
  nobleProvider,
  SealedTickets,
  TlsError,
  type ClientAuthentication,
  type Credential,
  type CredentialChooser,
} from '@mquictt/tls13';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TransportErrorCode } from '../../src/errors.ts';
import { text, World, type WorldOptions } from './harness.ts';
import { HANDSHAKE, HostilePeer } from './hostile-peer.ts';

const SEED = Number(process.env['SEED'] ?? 1);
console.log(`SEED=${SEED}`);

const test = suite('mutual TLS');

function clientCredential(surplus = 0): Credential {
  return testClientCredential('device-7', nobleProvider, seededRandom(5), surplus);
}

function asking(options: Partial<ClientAuthentication> = {}): ClientAuthentication {
  return { roots: testClientRoots(), ...options };
}

/** A server that asks for certificates and has them judged, and a client that has one. */
function judgedWorld(judge: (connection: Connection, world: World) => void, options: WorldOptions = {}): World {
  const world = new World({
    seed: SEED,
    ...options,
    client: { credential: clientCredential(), ...options.client },
    server: { clientAuthentication: asking({ judgePeerChain: true }), ...options.server },
  });
  world.onServerEvent = (connection, event) => {
    if (event.type === 'judge-peer-chain') judge(connection, world);
  };
  return world;
}

function later(world: World, ms: number, act: () => void): void {
  world.simulation.at(world.simulation.now + ms, () => {
    act();
    world.wake();
  });
}

function eventsOf(world: World, type: ConnectionEvent['type']): ConnectionEvent[] {
  return world.serverNotes.map(({ event }) => event).filter((event) => event.type === type);
}

function closedWith(world: World, client: Connection, alert: Alert): QuicError {
  world.pair.run(() => client.closeError !== undefined, 12_000);
  const error = client.closeError!;
  assert.is(error.code, 'ERR_QUIC_TLS');
  assert.is(error.errorCode, TransportErrorCode.CRYPTO_ERROR + alert);
  assert.is(error.fault, 'peer');
  assert.is(eventsOf(world, 'connected').length, 0);
  assert.is(world.pair.server.endpoint.stats().internalErrors, 0);
  world.pair.runFor(5000);
  assert.is(world.pair.server.endpoint.connectionCount, 0);
  return error;
}

test('a client with a certificate is known to the server by it', () => {
  const world = new World({ client: { credential: clientCredential() }, server: { clientAuthentication: asking() } });
  const { server } = world.connect();
  assert.equal(server.peerCertificates, clientCredential().chain);
  assert.is(server.peerIdentity, undefined);
});

test('a judge may wait: packets are acknowledged meanwhile, and what the client sent is there when it says yes', () => {
  const world = judgedWorld((connection) => later(world, 2000, () => connection.acceptPeerChain('device-7')));
  const client = world.pair.connect(TEST_SERVER_NAME);
  const id = client.openStream(true);
  client.writeStream(id, text('are you there'), true);
  world.pair.runFor(1500);
  // The client has said all it has to say, and been heard: nothing of its handshake is left to be repeated.
  const server = world.serverConnections[0]!;
  assert.is(client.isConnected, true);
  assert.is(server.isConnected, false);
  assert.is(eventsOf(world, 'connected').length + eventsOf(world, 'stream-opened').length, 0);
  assert.is(world.pair.server.endpoint.stats().halfOpenConnections, 1);
  assert.is(client.stats().packetsLost, 0);
  assert.is(client.stats().ptoCount, 0);
  world.pair.run(() => client.isDrained, 1000);
  assert.equal(world.readAll(server, id), text('are you there'));
  const [connected] = eventsOf(world, 'connected');
  assert.is(connected?.type === 'connected' && connected.peerIdentity, 'device-7');
  assert.is(server.peerIdentity, 'device-7');
  assert.is(world.pair.server.endpoint.stats().halfOpenConnections, 0);
});

test('the judge is shown what the client presented and the path that was verified', () => {
  const world = judgedWorld((connection) => connection.acceptPeerChain());
  world.connect();
  const [event] = eventsOf(world, 'judge-peer-chain');
  if (event?.type !== 'judge-peer-chain') throw new Error('Nobody was asked');
  assert.equal(event.chain, clientCredential().chain);
  assert.is(event.path.length, 2);
});

test('a judge that says no: the client hears the alert, at once or later, and the server has no connection', () => {
  for (const wait of [0, 1500]) {
    for (const alert of [Alert.ACCESS_DENIED, Alert.BAD_CERTIFICATE]) {
      const no = new TlsError('ERR_TLS_CERTIFICATE_REJECTED', alert, 'Device 7 was stolen');
      const world = judgedWorld((connection) => later(world, wait, () => connection.rejectPeerChain(no)));
      const client = world.pair.connect(TEST_SERVER_NAME);
      client.writeStream(client.openStream(true), text('secret'), true);
      assert.match(closedWith(world, client, alert).message, /Device 7 was stolen/);
      assert.is(eventsOf(world, 'stream-opened').length, 0);
      const serverError = world.closeErrorOf(world.serverNotes)!;
      assert.is(serverError.code, 'ERR_QUIC_TLS');
      assert.is((serverError.cause as TlsError).code, 'ERR_TLS_CERTIFICATE_REJECTED');
    }
  }
});

test('a judge whose reason looks like a mistake of the caller still ends the connection', () => {
  const no = new TlsError('ERR_TLS_INVALID_STATE', Alert.ACCESS_DENIED, 'The judge used a handshake that was over');
  const world = judgedWorld((connection) => connection.rejectPeerChain(no));
  closedWith(world, world.pair.connect(TEST_SERVER_NAME), Alert.ACCESS_DENIED);
});

test('a judge that never answers: both give up at the handshake deadline, and an answer after that does nothing', () => {
  let asked: Connection | undefined;
  const world = judgedWorld((connection) => void (asked = connection), { transport: { handshakeTimeout: 3000 } });
  const client = world.pair.connect(TEST_SERVER_NAME);
  world.pair.runFor(3500);
  assert.is(client.closeError?.code, 'ERR_QUIC_HANDSHAKE_TIMEOUT');
  assert.is(asked!.closeError?.code, 'ERR_QUIC_HANDSHAKE_TIMEOUT');
  asked!.acceptPeerChain('device-7');
  world.pair.runFor(1000);
  assert.is(asked!.isConnected, false);
  assert.is(world.pair.server.endpoint.connectionCount, 0);
});

test('no certificate: refused where one is required, welcome where not', () => {
  const strict = new World({ server: { clientAuthentication: asking() } });
  closedWith(strict, strict.pair.connect(TEST_SERVER_NAME), Alert.CERTIFICATE_REQUIRED);
  const lenient = new World({ server: { clientAuthentication: asking({ isRequired: false, judgePeerChain: true }) } });
  const { server } = lenient.connect();
  assert.equal(server.peerCertificates, []);
  assert.is(eventsOf(lenient, 'judge-peer-chain').length, 0);
});

test('a certificate of another authority ends it before anybody is asked', () => {
  const world = judgedWorld((connection) => connection.acceptPeerChain(), {
    server: { clientAuthentication: asking({ roots: testRoots(), judgePeerChain: true }) },
  });
  closedWith(world, world.pair.connect(TEST_SERVER_NAME), Alert.UNKNOWN_CA);
  assert.is(eventsOf(world, 'judge-peer-chain').length, 0);
});

test('a large certificate of the client goes through on bad paths, with a judge that takes its time', () => {
  for (let i = 0; i < 15; i++) {
    const world = judgedWorld((connection) => later(world, 700, () => connection.acceptPeerChain('large')), {
      seed: SEED + i,
      up: LINKS.loss30(),
      down: LINKS.loss30(),
      client: { credential: clientCredential(8_000) },
      transport: { handshakeTimeout: 20_000 },
    });
    const { server } = world.connect(20_000);
    world.pair.runFor(1);
    assert.is(server.peerIdentity, 'large');
    assert.is(world.pair.server.endpoint.stats().internalErrors, 0);
  }
});

test('any datagram of the client may be lost while the judge thinks', () => {
  for (let k = 0; k < 10; k++) {
    const world = judgedWorld((connection) => later(world, 500, () => connection.acceptPeerChain('device-7')), {
      up: [stages.dropNth(k), stages.delay(15)],
      down: [stages.delay(15)],
    });
    const client = world.pair.connect(TEST_SERVER_NAME);
    const id = client.openStream(true);
    client.writeStream(id, new Uint8Array(6_000), true);
    world.pair.run(() => client.isDrained, 3_000);
  }
});

/** Somebody else knows the certificates. */
function waitingChooser(): CredentialChooser {
  return { choose: () => 'wait' };
}

test('certificates may be fetched on either side while the other waits', () => {
  const credential = testCredential('ecdsa-p256', nobleProvider, seededRandom(1));
  const world = new World({
    client: { credential: waitingChooser() },
    server: { credential: waitingChooser(), clientAuthentication: asking() },
  });
  world.onServerEvent = (connection, event) => {
    if (event.type !== 'choose-certificate') return;
    assert.is(event.offer.serverName, TEST_SERVER_NAME);
    later(world, 1000, () => connection.provideCredential(credential));
  };
  world.onClientEvent = (connection, event) => {
    if (event.type === 'choose-certificate') later(world, 1000, () => connection.provideCredential(clientCredential()));
  };
  const started = world.simulation.now;
  const { client, server } = world.connect();
  assert.ok(world.simulation.now - started < 2100);
  assert.equal(client.peerCertificates, credential.chain);
  assert.equal(server.peerCertificates, clientCredential().chain);
});

test('no certificate for the name that was asked for ends in handshake_failure', () => {
  const world = new World({ server: { credential: waitingChooser() } });
  world.onServerEvent = (connection, event) => {
    if (event.type === 'choose-certificate') later(world, 10, () => connection.provideCredential(undefined));
  };
  closedWith(world, world.pair.connect(TEST_SERVER_NAME), Alert.HANDSHAKE_FAILURE);
});

test('a resumed session brings the identity back and asks nobody', () => {
  const resumption = { tickets: new SealedTickets({ provider: nobleProvider, random: seededRandom(1) }) };
  const world = judgedWorld((connection) => connection.acceptPeerChain('device-7'), {
    checkAmplification: false,
    server: { clientAuthentication: asking({ judgePeerChain: true }), resumption },
  });
  world.connect();
  world.pair.runFor(200);
  const [note] = world.clientNotes.filter(({ event }) => event.type === 'session');
  if (note?.event.type !== 'session') throw new Error('No session came');
  const { client, server } = world.connect(10_000, note.event.session);
  assert.ok(client.isResumed && server.isResumed);
  assert.is(server.peerIdentity, 'device-7');
  assert.equal(server.peerCertificates, clientCredential().chain.slice(0, 1));
  assert.is(eventsOf(world, 'judge-peer-chain').length, 1);
});

test('an answer that nobody asked for is the caller’s mistake and harms nothing', () => {
  const world = new World();
  const { client, server } = world.connect();
  const no = new TlsError('ERR_TLS_CERTIFICATE_REJECTED', Alert.ACCESS_DENIED, 'No');
  for (const connection of [client, server]) {
    for (const answer of [
      () => connection.acceptPeerChain(),
      () => connection.rejectPeerChain(no),
      () => connection.provideCredential(undefined),
      () => connection.provideSession(undefined),
    ]) {
      assert.throws(answer, (error: QuicError) => error.code === 'ERR_QUIC_INVALID_STATE' && error.fault === 'usage');
    }
  }
  let refused = 0;
  const long = judgedWorld((connection) => {
    try {
      connection.acceptPeerChain('x'.repeat(2_000));
    } catch (error) {
      refused += (error as QuicError).code === 'ERR_QUIC_INVALID_STATE' ? 1 : 0;
      connection.acceptPeerChain('short');
    }
  });
  assert.is(long.connect().server.peerIdentity, 'short');
  assert.is(refused, 1);
  world.pair.runFor(100);
  assert.ok(client.isConnected && server.isConnected);
});

test('a client that talks on while its certificate is judged meets a bound', () => {
  const peer = new HostilePeer({
    role: 'client',
    credential: clientCredential(),
    victim: { clientAuthentication: asking({ judgePeerChain: true }) },
  });
  peer.start().runFor(50);
  assert.is(peer.events.filter(({ type }) => type === 'judge-peer-chain').length, 1);
  const filler = new Uint8Array(1000);
  for (let i = 0; i < 200 && peer.connection!.closeError === undefined; i++) {
    peer.sendCrypto(HANDSHAKE, filler);
    peer.runFor(1);
  }
  assert.ok(peer.cryptoSent[HANDSHAKE] < 80_000);
  assert.is(peer.connection!.closeError?.code, 'ERR_QUIC_TLS');
  assert.is(peer.victim.endpoint.stats().internalErrors, 0);
});

test('both sides export the same secrets, and none before the handshake is complete', () => {
  const world = new World();
  const early = world.pair.connect(TEST_SERVER_NAME);
  const context = text('context');
  assert.throws(
    () => early.exportKeyingMaterial('EXPORTER-test', context, 32),
    (error: QuicError) => error.code === 'ERR_QUIC_INVALID_STATE',
  );
  world.pair.run(() => early.isConnected && world.serverConnections[0]?.isConnected === true, 1000);
  const ours = early.exportKeyingMaterial('EXPORTER-test', context, 32);
  assert.is(ours.length, 32);
  assert.equal(world.serverConnections[0]!.exportKeyingMaterial('EXPORTER-test', context, 32), ours);
  assert.not.equal(early.exportKeyingMaterial('EXPORTER-test', text('other'), 32), ours);
});

test.run();
