/** Mistakes of those who use the handshake: hooks that call back or throw, clocks that are none, extensions that are not theirs to set. */
import { TEST_SERVER_NAME, TEST_UNIX_TIME, testRoots } from '@mquictt/testkit';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Alert } from '../../src/alerts.ts';
import { ClientHandshake } from '../../src/client-handshake.ts';
import type { CredentialChooser } from '../../src/config.ts';
import { ExtensionType } from '../../src/extensions.ts';
import { EncryptionLevel, type Handshake } from '../../src/handshake.ts';
import { ServerHandshake } from '../../src/server-handshake.ts';
import {
  CLIENT_EXTENSION,
  SERVER_EXTENSION,
  clientConfig,
  connect,
  credentialOf,
  drain,
  expectAlert,
  newClient,
  newServer,
  sentAt,
  serverConfig,
} from '../support/handshakes.ts';
import { completeOf, firstSessions, resuming, sessionsOf } from '../support/sessions.ts';

const { INITIAL, HANDSHAKE, APPLICATION } = EncryptionLevel;
const test = suite('review: callers');

function clientHello(): Uint8Array {
  const client = newClient();
  client.start(TEST_UNIX_TIME);
  return sentAt(drain(client), INITIAL);
}

function chooser(choose: CredentialChooser['choose']): CredentialChooser {
  return { choose };
}

/** A message was taken and half of what follows from it had happened: the handshake went on as if it had never come. */
test('a hook that answers before it is asked ends the handshake', () => {
  const server: Handshake = newServer({
    credential: chooser(() => {
      server.provideCredential(credentialOf('ecdsa-p256'));
      return 'wait';
    }),
  });
  expectAlert(
    () => server.handleMessages(INITIAL, clientHello(), TEST_UNIX_TIME),
    Alert.INTERNAL_ERROR,
    'ERR_TLS_INTERNAL',
    server,
  );
});

test('a hook that hands in messages ends the handshake', () => {
  const hello = clientHello();
  const server: Handshake = newServer({ keyLog: () => server.handleMessages(INITIAL, hello, TEST_UNIX_TIME) });
  expectAlert(
    () => server.handleMessages(INITIAL, hello, TEST_UNIX_TIME),
    Alert.INTERNAL_ERROR,
    'ERR_TLS_INTERNAL',
    server,
  );
});

test('a hook that makes a mistake with another handshake ends its own', () => {
  const other = newServer();
  const client = newClient({ credential: chooser(() => (other.acceptPeerChain(), undefined)) });
  const server = newServer({ clientAuthentication: { roots: testRoots() } });
  client.start(TEST_UNIX_TIME);
  server.handleMessages(INITIAL, sentAt(drain(client), INITIAL), TEST_UNIX_TIME);
  const flight = drain(server);
  client.handleMessages(INITIAL, sentAt(flight, INITIAL), TEST_UNIX_TIME);
  drain(client);
  expectAlert(
    () => client.handleMessages(HANDSHAKE, sentAt(flight, HANDSHAKE), TEST_UNIX_TIME),
    Alert.INTERNAL_ERROR,
    'ERR_TLS_INTERNAL',
    client,
  );
  assert.not.ok(client.isComplete);
});

test('what the caller itself does wrong still leaves the handshake as it was', () => {
  const [client, server] = [newClient(), newServer()];
  for (const handshake of [client, server]) {
    for (const mistake of [
      () => handshake.acceptPeerChain(),
      () => handshake.rejectPeerChain(new TypeError('no TlsError') as never),
      () => handshake.provideCredential(undefined),
      () => handshake.provideSession(undefined),
    ])
      assert.throws(mistake, (error: { code?: string }) => error.code === 'ERR_TLS_INVALID_STATE');
  }
  const { serverEvents } = connect(client, server);
  assert.ok(completeOf(serverEvents));
});

test('a chooser that gives a credential without a certificate makes no message without one', () => {
  const empty = { ...credentialOf('ecdsa-p256'), chain: [] };
  const server = newServer({ credential: chooser(() => empty) });
  expectAlert(
    () => server.handleMessages(INITIAL, clientHello(), TEST_UNIX_TIME),
    Alert.INTERNAL_ERROR,
    'ERR_TLS_CONFIG',
    server,
  );
  const waiting = newServer({ credential: chooser(() => 'wait') });
  waiting.handleMessages(INITIAL, clientHello(), TEST_UNIX_TIME);
  expectAlert(() => waiting.provideCredential(empty), Alert.INTERNAL_ERROR, 'ERR_TLS_CONFIG', waiting);
});

for (const unixTime of [NaN, -1, Infinity])
  test(`a clock that says ${unixTime} makes no sessions, and a server completes all the same`, () => {
    const client = newClient();
    const server = newServer(resuming());
    client.start(TEST_UNIX_TIME);
    server.handleMessages(INITIAL, sentAt(drain(client), INITIAL), unixTime);
    const flight = drain(server);
    client.handleMessages(INITIAL, sentAt(flight, INITIAL), TEST_UNIX_TIME);
    client.handleMessages(HANDSHAKE, sentAt(flight, HANDSHAKE), TEST_UNIX_TIME);
    server.handleMessages(HANDSHAKE, sentAt(drain(client), HANDSHAKE), unixTime);
    const events = drain(server);
    completeOf(events);
    assert.is(sentAt(events, APPLICATION).length, 0);
  });

test('a client whose clock is none keeps no session', () => {
  const client = newClient();
  const server = newServer(resuming());
  const { serverEvents } = connect(client, server);
  // The same tickets once more: what they are worth is a matter of when they come.
  for (const unixTime of [NaN, Infinity]) {
    client.handleMessages(APPLICATION, sentAt(serverEvents, APPLICATION), unixTime);
    assert.equal(sessionsOf(drain(client)), []);
  }
  client.handleMessages(APPLICATION, sentAt(serverEvents, APPLICATION), TEST_UNIX_TIME);
  assert.is(sessionsOf(drain(client)).length, 2);
  assert.is(firstSessions(resuming()).length, 2);
});

// Each of these would have taken the place of what the handshake says itself: the name, the versions, the binder.
for (const type of [ExtensionType.SERVER_NAME, ExtensionType.SUPPORTED_VERSIONS, ExtensionType.PRE_SHARED_KEY])
  test(`extension ${type} is the handshake's own and not the carrier's`, () => {
    const extensions = [{ type, data: new Uint8Array(2) }];
    const isConfigError = (error: { code?: string }): boolean => error.code === 'ERR_TLS_CONFIG';
    assert.throws(
      () => new ClientHandshake(clientConfig(), { serverName: TEST_SERVER_NAME, extensions }),
      isConfigError,
    );
    assert.throws(() => new ServerHandshake(serverConfig(), { extensions }), isConfigError);
    assert.throws(() => newServer().setExtensions(extensions), isConfigError);
  });

test('extensions that do not fit into a message are a mistake', () => {
  const data = new Uint8Array(70_000);
  assert.throws(
    () =>
      new ClientHandshake(clientConfig(), {
        serverName: TEST_SERVER_NAME,
        extensions: [{ ...CLIENT_EXTENSION, data }],
      }),
    (error: { code?: string }) => error.code === 'ERR_TLS_CONFIG',
  );
  assert.throws(
    () => new ServerHandshake(serverConfig(), { extensions: [{ ...SERVER_EXTENSION, data }] }),
    (error: { code?: string }) => error.code === 'ERR_TLS_CONFIG',
  );
});

test.run();
