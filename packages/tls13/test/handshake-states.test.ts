/** What states do with the messages that they expect, with calls that do not fit, and at the ends of levels. For all others see states/. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TEST_UNIX_TIME } from '@mquictt/testkit';
import { Alert } from '../src/alerts.ts';
import { TlsError } from '../src/errors.ts';
import { EncryptionLevel } from '../src/handshake.ts';
import { HandshakeType, messageName, writeMessage } from '../src/messages/handshake-message.ts';
import { writeNewSessionTicket } from '../src/messages/new-session-ticket.ts';
import { NamedGroup } from '../src/provider.ts';
import {
  connect,
  credentialOf,
  drain,
  eventNames,
  expectAlert,
  messagesOf,
  newClient,
  newServer,
  sentAt,
} from './support/handshakes.ts';
import { STATES } from './support/states.ts';

const { INITIAL, EARLY, HANDSHAKE, APPLICATION } = EncryptionLevel;
const LEVELS = [INITIAL, EARLY, HANDSHAKE, APPLICATION];

const test = suite('handshake states');

const { NEW_SESSION_TICKET } = HandshakeType;

for (const { name, reach, level, expects } of STATES.filter(({ waits }) => waits === undefined)) {
  test(`${name} takes what it expects, and nothing empty, cut off or too large`, () => {
    for (const type of expects) {
      const waiting = reach();
      waiting.handleMessages(level, Uint8Array.of(type, 0, 0), TEST_UNIX_TIME);
      assert.is(waiting.nextEvent(), undefined, messageName(type));

      // EndOfEarlyData alone has nothing in it.
      const empty = type === HandshakeType.END_OF_EARLY_DATA ? [] : [Uint8Array.of(type, 0, 0, 0)];
      for (const message of [...empty, Uint8Array.of(type, 0, 0, 1, 0)]) {
        const handshake = reach();
        expectAlert(
          () => handshake.handleMessages(level, message, TEST_UNIX_TIME),
          Alert.DECODE_ERROR,
          undefined,
          handshake,
        );
      }
      for (const length of [0x1_0001, 0xff_ffff]) {
        const handshake = reach();
        const header = Uint8Array.of(type, length >> 16, (length >> 8) & 0xff, length & 0xff);
        expectAlert(
          () => handshake.handleMessages(level, header, TEST_UNIX_TIME),
          Alert.DECODE_ERROR,
          undefined,
          handshake,
        );
      }
    }
  });

  test(`${name} takes no notice of nothing`, () => {
    const handshake = reach();
    for (const other of LEVELS) handshake.handleMessages(other, new Uint8Array(0), TEST_UNIX_TIME);
    assert.is(handshake.nextEvent(), undefined);
  });
}

test('messages behind the last one of a level are refused', () => {
  const keyUpdate = writeMessage(HandshakeType.KEY_UPDATE, (writer) => writer.uint8(0));
  // The client's flight ends with Finished, the server's hello with ServerHello, the client's hello with itself.
  for (const appendAt of [INITIAL, HANDSHAKE]) {
    for (const sender of ['client', 'server'] as const) {
      const client = newClient();
      const server = newServer();
      const append = (level: EncryptionLevel, data: Uint8Array): Uint8Array =>
        level === appendAt ? new Uint8Array([...data, ...keyUpdate]) : data;
      const carriage = sender === 'client' ? { onClientSends: append } : { onServerSends: append };
      const receiver = sender === 'client' ? server : client;
      expectAlert(() => connect(client, server, carriage), Alert.UNEXPECTED_MESSAGE, undefined, receiver);
    }
  }
});

test('client keeps a few tickets, and reads any number of them, in pieces too', () => {
  const client = newClient();
  connect(client, newServer());
  for (let i = 0; i < 50; i++) client.handleMessages(APPLICATION, ticket(), TEST_UNIX_TIME);
  for (const byte of ticket()) client.handleMessages(APPLICATION, Uint8Array.of(byte), TEST_UNIX_TIME);
  client.handleMessages(APPLICATION, new Uint8Array([...ticket(), ...ticket()]), TEST_UNIX_TIME);
  assert.equal(eventNames(drain(client)), Array(8).fill('session'));
  assert.ok(client.isComplete);
});

test('client that refuses tickets keeps none', () => {
  const client = newClient({ refuseTickets: true });
  connect(client, newServer());
  client.handleMessages(APPLICATION, ticket(), TEST_UNIX_TIME);
  assert.is(client.nextEvent(), undefined);
});

test('client refuses a ticket that is malformed or breaks the rule of QUIC for early data', () => {
  for (const [message, alert] of [
    [writeMessage(NEW_SESSION_TICKET, (writer) => writer.uint32(1)), Alert.DECODE_ERROR],
    [ticket(1), Alert.ILLEGAL_PARAMETER],
    [ticketWith(42, Uint8Array.of(0)), Alert.DECODE_ERROR],
    [ticketWith(51, Uint8Array.of(0)), Alert.ILLEGAL_PARAMETER],
  ] as const) {
    const client = newClient();
    connect(client, newServer());
    expectAlert(() => client.handleMessages(APPLICATION, message, TEST_UNIX_TIME), alert, undefined, client);
  }
  const client = newClient();
  connect(client, newServer());
  client.handleMessages(APPLICATION, ticket(0xffff_ffff), TEST_UNIX_TIME);
});

// Our own side at fault: the handshake says so and lives on.

function refusesState(call: () => void): void {
  assert.throws(
    call,
    (error: unknown) => error instanceof TlsError && error.code === 'ERR_TLS_INVALID_STATE' && error.fault === 'local',
  );
}

test('calls in the wrong state are refused and change nothing', () => {
  const client = newClient();
  refusesState(() => client.handleMessages(INITIAL, Uint8Array.of(2), TEST_UNIX_TIME));
  refusesState(() => client.acceptPeerChain());
  const server = newServer();
  refusesState(() => server.acceptPeerChain());
  refusesState(() => server.rejectPeerChain(new TlsError('ERR_TLS_INTERNAL', Alert.INTERNAL_ERROR, 'never')));
  refusesState(() => server.provideSession(undefined));
  refusesState(() => client.provideCredential(undefined));
  refusesState(() => client.exportKeyingMaterial('EXPORTER-test', new Uint8Array(0), 32));
  connect(client, server);
  assert.ok(client.isComplete && server.isComplete);
  refusesState(() => client.start(TEST_UNIX_TIME));
  refusesState(() => client.rejectPeerChain(new TlsError('ERR_TLS_CERTIFICATE_REJECTED', Alert.ACCESS_DENIED, 'no')));
  assert.ok(client.isComplete);
});

test('configuration is checked before anything is sent', () => {
  const wrong: (() => unknown)[] = [
    () => newClient({ alpnProtocols: [] }),
    () => newClient({ alpnProtocols: [''] }),
    () => newClient({ alpnProtocols: ['a'.repeat(256)] }),
    () => newClient({ alpnProtocols: ['ä'] }),
    () => newClient({ cipherSuites: [] }),
    () => newClient({ groups: [] }),
    () => newClient({ groups: [0x19 as NamedGroup] }),
    () => newClient({ groups: [NamedGroup.X25519], keyShareGroups: [NamedGroup.SECP256R1] }),
    () => newClient({ keyShareGroups: [NamedGroup.X25519, NamedGroup.X25519] }),
    () => newClient({}, ''),
    () => newClient({}, 'a b'),
    // Neither names nor addresses: no certificate could carry them.
    () => newClient({}, '256.0.0.1'),
    () => newClient({}, '10.1'),
    () => newClient({}, '1:2'),
    () => newClient({}, '[::1]'),
    () => newClient({}, 'fe80::1%eth0'),
    () => newClient({}, 'example.org..'),
    () => newClient({}, 'bücher.example'),
    () => newClient({}, `${'a'.repeat(64)}.example`),
    () => newServer({ alpnProtocols: [] }),
    () => newServer({ credential: { chain: [], key: credentialOf('ecdsa-p256').key } }),
  ];
  for (const make of wrong) {
    assert.throws(
      make,
      (error: unknown) => error instanceof TlsError && error.code === 'ERR_TLS_CONFIG' && error.fault === 'local',
    );
  }
});

test('a key that cannot sign after all is our own fault', () => {
  const { chain, key } = credentialOf('ecdsa-p256');
  const broken = {
    ...key,
    sign: (): Uint8Array => {
      throw new RangeError('no');
    },
  };
  const client = newClient();
  const server = newServer({ credential: { chain, key: broken } });
  client.start(TEST_UNIX_TIME);
  server.handleMessages(INITIAL, sentAt(drain(client), INITIAL), TEST_UNIX_TIME);
  expectAlert(() => drain(server), Alert.INTERNAL_ERROR, 'ERR_TLS_INTERNAL', server);
});

test('bytes behind the last Finished leave no trace of a completion', () => {
  for (const isClient of [true, false]) {
    const [client, server] = [newClient(), newServer()];
    client.start(TEST_UNIX_TIME);
    server.handleMessages(INITIAL, sentAt(drain(client), INITIAL), TEST_UNIX_TIME);
    const flight = drain(server);
    client.handleMessages(INITIAL, sentAt(flight, INITIAL), TEST_UNIX_TIME);
    let last = sentAt(flight, HANDSHAKE);
    if (!isClient) {
      client.handleMessages(HANDSHAKE, last, TEST_UNIX_TIME);
      last = sentAt(drain(client), HANDSHAKE);
    } else drain(client);
    const peer = isClient ? client : server;
    const tooMuch = Uint8Array.from([...last, HandshakeType.NEW_SESSION_TICKET]);
    expectAlert(
      () => peer.handleMessages(HANDSHAKE, tooMuch, TEST_UNIX_TIME),
      Alert.UNEXPECTED_MESSAGE,
      undefined,
      peer,
    );
    assert.not(peer.isComplete);
  }
});

test('a whole flight in one call is as good as message by message', () => {
  const { serverEvents } = connect(newClient(), newServer());
  assert.is(messagesOf(sentAt(serverEvents, HANDSHAKE)).length, 4);
  const client = newClient();
  connect(client, newServer(), { cut: (data) => messagesOf(data) });
  assert.ok(client.isComplete);
});

function ticketWith(type: number, data: Uint8Array): Uint8Array {
  return writeMessage(NEW_SESSION_TICKET, (writer) => {
    writer.uint32(7200).uint32(1).vector8(Uint8Array.of(0)).vector16(new Uint8Array(200));
    writer.vector16(() => writer.uint16(type).vector16(data));
  });
}

function ticket(maxEarlyDataSize = 0): Uint8Array {
  return writeNewSessionTicket({
    ticketLifetimeSeconds: 7200,
    ticketAgeAdd: 1,
    ticketNonce: Uint8Array.of(0),
    ticket: new Uint8Array(200),
    maxEarlyDataSize,
  });
}

test.run();
