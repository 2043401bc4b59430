/** The carrier 'records': RFC 8446 without the changes of RFC 9001. */
import { TEST_SERVER_NAME, TEST_UNIX_TIME } from '@mquictt/testkit';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Alert } from '../src/alerts.ts';
import { ClientHandshake } from '../src/client-handshake.ts';
import type { ClientConfig, ServerConfig } from '../src/config.ts';
import { EncryptionLevel } from '../src/handshake.ts';
import { readClientHello } from '../src/messages/client-hello.ts';
import { HandshakeType, writeMessage } from '../src/messages/handshake-message.ts';
import { readServerHello } from '../src/messages/server-hello.ts';
import { NamedGroup } from '../src/provider.ts';
import { ServerHandshake } from '../src/server-handshake.ts';
import { clientConfig, connect, drain, expectAlert, messagesOf, sentAt, serverConfig } from './support/handshakes.ts';
import { completeOf, onceGuard, resuming, sessionsOf } from './support/sessions.ts';
import type { ClientSession } from '../src/sessions/client-session.ts';

const { INITIAL, EARLY, HANDSHAKE } = EncryptionLevel;
const test = suite('records carrier');
const carrier = 'records' as const;

function client(overrides: Partial<ClientConfig> = {}, session?: ClientSession): ClientHandshake {
  return new ClientHandshake(clientConfig({ carrier, ...overrides }), {
    serverName: TEST_SERVER_NAME,
    extensions: [],
    ...(session === undefined ? {} : { session, earlyData: true }),
  });
}

function server(overrides: Partial<ServerConfig> = {}): ServerHandshake {
  return new ServerHandshake(serverConfig({ carrier, ...overrides }), { extensions: [] });
}

test('application protocols are agreed on or not', () => {
  for (const [ours, theirs, agreed] of [
    [['mqtt'], ['mqtt'], 'mqtt'],
    [[], ['mqtt'], ''],
    [['mqtt'], [], ''],
    [[], [], ''],
  ] as const) {
    const { clientEvents, serverEvents } = connect(client({ alpnProtocols: ours }), server({ alpnProtocols: theirs }));
    assert.is(completeOf(clientEvents).alpnProtocol, agreed);
    assert.is(completeOf(serverEvents).alpnProtocol, agreed);
  }
  const dead = server({ alpnProtocols: ['mqtt'] });
  expectAlert(() => connect(client({ alpnProtocols: ['h2'] }), dead), Alert.NO_APPLICATION_PROTOCOL, undefined, dead);
});

test('a legacy_session_id is echoed, in a HelloRetryRequest too', () => {
  for (const groups of [[NamedGroup.X25519], [NamedGroup.SECP256R1]]) {
    const one = client({ groups: [NamedGroup.X25519, NamedGroup.SECP256R1], keyShareGroups: [NamedGroup.X25519] });
    one.start(TEST_UNIX_TIME);
    const message = sentAt(drain(one), INITIAL);
    const { random, cipherSuites, extensions } = readClientHello(message.subarray(4));
    const sessionId = new Uint8Array(32).fill(7);
    const withId = writeMessage(HandshakeType.CLIENT_HELLO, (writer) => {
      writer.uint16(0x0303).bytes(random).vector8(sessionId);
      writer.vector16(() => cipherSuites.forEach((suiteId) => writer.uint16(suiteId)));
      writer.vector8(Uint8Array.of(0));
      writer.vector16(() => extensions.forEach((data, type) => writer.uint16(type).vector16(data)));
    });
    const other = server({ groups });
    other.handleMessages(INITIAL, withId, TEST_UNIX_TIME);
    const [hello] = messagesOf(sentAt(drain(other), INITIAL));
    assert.equal(readServerHello(hello!.subarray(4)).legacySessionIdEcho, sessionId);
  }
});

test('EndOfEarlyData closes accepted early data, and nothing else', () => {
  const configuration = resuming({ carrier }, { earlyData: onceGuard() });
  const [session] = sessionsOf(connect(client(), server(configuration)).clientEvents);
  assert.is(session?.maxEarlyDataSize, 16_384);
  const { clientEvents } = connect(client({}, session), server(configuration));
  const [end, ...more] = messagesOf(sentAt(clientEvents, EARLY));
  assert.equal([...end!], [HandshakeType.END_OF_EARLY_DATA, 0, 0, 0]);
  assert.is(more.length, 0);
  // The same ticket again: refused, and so without an end.
  const refused = connect(client({}, session), server(configuration));
  assert.is(sentAt(refused.clientEvents, EARLY).length, 0);
  assert.ok(completeOf(refused.serverEvents).isResumed);
});

test('a Finished without EndOfEarlyData is refused', () => {
  const configuration = resuming({ carrier }, { earlyData: onceGuard() });
  const [session] = sessionsOf(connect(client(), server(configuration)).clientEvents);
  const dead = server(configuration);
  const eager = client({}, session);
  eager.start(TEST_UNIX_TIME);
  dead.handleMessages(INITIAL, sentAt(drain(eager), INITIAL), TEST_UNIX_TIME);
  const flight = drain(dead);
  for (const level of [INITIAL, HANDSHAKE] as const) eager.handleMessages(level, sentAt(flight, level), TEST_UNIX_TIME);
  const finished = sentAt(drain(eager), HANDSHAKE);
  expectAlert(
    () => dead.handleMessages(HANDSHAKE, finished, TEST_UNIX_TIME),
    Alert.UNEXPECTED_MESSAGE,
    undefined,
    dead,
  );
});

test.run();
