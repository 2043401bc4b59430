/** Sessions are resumed, or quietly not (RFC 8446 §2.2, §4.2.11, §4.6.1). */
import { TEST_UNIX_TIME, seededRandom, testRoots } from '@mquictt/testkit';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Alert } from '../src/alerts.ts';
import { TLS_AES_128_GCM_SHA256, TLS_AES_256_GCM_SHA384, TLS_CHACHA20_POLY1305_SHA256 } from '../src/cipher-suites.ts';
import type { ClientConfig, ServerConfig } from '../src/config.ts';
import { ExtensionType } from '../src/extensions.ts';
import { writeServerShare } from '../src/extensions/key-share.ts';
import { writeSelectedIdentity } from '../src/extensions/pre-shared-key.ts';
import { writeSelectedVersion } from '../src/extensions/supported-versions.ts';
import { EncryptionLevel } from '../src/handshake.ts';
import { HandshakeType } from '../src/messages/handshake-message.ts';
import { writeServerHello } from '../src/messages/server-hello.ts';
import { nodeProvider } from '../src/node/index.ts';
import { NamedGroup } from '../src/provider.ts';
import { nobleProvider } from '../src/providers/noble.ts';
import type { ServerSession } from '../src/sessions/server-session.ts';
import { StoredTickets } from '../src/sessions/stored-tickets.ts';
import { toHex } from './support/bytes.ts';
import {
  connect,
  credentialOf,
  expectAlert,
  messagesOf,
  newClient,
  newServer,
  sentAt,
  secretOf,
} from './support/handshakes.ts';
import { completeOf, firstSessions, resuming, returningClient, sealedTickets, sessionsOf } from './support/sessions.ts';

const { INITIAL, HANDSHAKE, APPLICATION } = EncryptionLevel;
const test = suite('resumption');

for (const provider of [nobleProvider, nodeProvider])
  for (const cipherSuite of [TLS_AES_128_GCM_SHA256, TLS_AES_256_GCM_SHA384, TLS_CHACHA20_POLY1305_SHA256])
    test(`a session is resumed without certificates (${provider.name}, ${cipherSuite.name})`, () => {
      const server = resuming({ provider, cipherSuites: [cipherSuite] });
      const sessions = firstSessions(server, { provider });
      assert.is(sessions.length, 2);
      assert.is.not(toHex(sessions[0]!.secret), toHex(sessions[1]!.secret));
      for (const session of sessions) {
        const client = returningClient(session, {}, { provider });
        const { clientEvents, serverEvents } = connect(client, newServer(server));
        assert.ok(completeOf(clientEvents).isResumed);
        assert.ok(completeOf(serverEvents).isResumed);
        const flight = messagesOf(sentAt(serverEvents, HANDSHAKE)).map((message) => message[0]);
        assert.equal(flight, [HandshakeType.ENCRYPTED_EXTENSIONS, HandshakeType.FINISHED]);
        assert.is(
          secretOf(clientEvents, 'read-secret', APPLICATION),
          secretOf(serverEvents, 'write-secret', APPLICATION),
        );
        assert.is(
          secretOf(clientEvents, 'write-secret', APPLICATION),
          secretOf(serverEvents, 'read-secret', APPLICATION),
        );
        assert.equal(client.peerCertificates, credentialOf('ecdsa-p256').chain);
        assert.is(sessionsOf(clientEvents).length, 2);
      }
    });

test('a resumed session is resumed in its turn', () => {
  const server = resuming();
  let [session] = firstSessions(server);
  for (let i = 0; i < 3; i++) {
    const { clientEvents } = connect(returningClient(session!), newServer(server));
    assert.ok(completeOf(clientEvents).isResumed);
    [session] = sessionsOf(clientEvents);
  }
});

test('sessions that come out of sessions do not outlive the first', () => {
  const server = resuming({}, { lifetime: 100 });
  const [first] = firstSessions(server);
  assert.is(first!.expiresAt, TEST_UNIX_TIME + 100_000);
  const later = connect(returningClient(first!), newServer(server), { unixTime: TEST_UNIX_TIME + 60_000 });
  assert.is(sessionsOf(later.clientEvents)[0]!.expiresAt, TEST_UNIX_TIME + 100_000);
  const over = connect(returningClient(sessionsOf(later.clientEvents)[0]!), newServer(server), {
    unixTime: TEST_UNIX_TIME + 100_000,
  });
  assert.not(completeOf(over.clientEvents).isResumed);
});

test('a session goes through a HelloRetryRequest', () => {
  const server = resuming({ groups: [NamedGroup.SECP256R1] });
  const overrides: Partial<ClientConfig> = { groups: [NamedGroup.X25519, NamedGroup.SECP256R1] };
  const [session] = firstSessions(server, overrides);
  const { clientEvents, serverEvents } = connect(returningClient(session!, {}, overrides), newServer(server));
  assert.is(messagesOf(sentAt(clientEvents, INITIAL)).length, 2);
  assert.ok(completeOf(clientEvents).isResumed);
  assert.ok(completeOf(serverEvents).isResumed);
});

test('a session whose hash is not that of the HelloRetryRequest is left behind', () => {
  const tickets = sealedTickets();
  const before = resuming({ groups: [NamedGroup.SECP256R1], cipherSuites: [TLS_AES_128_GCM_SHA256] }, { tickets });
  const now = resuming({ groups: [NamedGroup.SECP256R1], cipherSuites: [TLS_AES_256_GCM_SHA384] }, { tickets });
  const overrides: Partial<ClientConfig> = { groups: [NamedGroup.X25519, NamedGroup.SECP256R1] };
  const [session] = firstSessions(before, overrides);
  const { clientEvents } = connect(returningClient(session!, {}, overrides), newServer(now));
  assert.not(completeOf(clientEvents).isResumed);
});

// What does not fit leads to a full handshake.

const changes: readonly [string, Partial<ServerConfig>, Partial<ClientConfig>?][] = [
  ['the suite has another hash now', { cipherSuites: [TLS_AES_256_GCM_SHA384] }],
  [
    'certificates are required now',
    { clientAuthentication: { roots: testRoots() } },
    { credential: credentialOf('ed25519') },
  ],
];

for (const [what, overrides, client = {}] of changes)
  test(`a full handshake follows where ${what}`, () => {
    const tickets = sealedTickets();
    const [session] = firstSessions(resuming({}, { tickets }), client);
    const { clientEvents, serverEvents } = connect(
      returningClient(session!, {}, client),
      newServer(resuming(overrides, { tickets })),
    );
    assert.not(completeOf(clientEvents).isResumed);
    assert.not(completeOf(serverEvents).isResumed);
  });

test('tickets of another key, altered or unknown lead to a full handshake', () => {
  const [session] = firstSessions(resuming());
  const altered = session!.ticket.slice();
  altered[40]! ^= 1;
  for (const ticket of [session!.ticket, altered, Uint8Array.of(1), new Uint8Array(60_000)]) {
    const { clientEvents } = connect(returningClient({ ...session!, ticket }), newServer(resuming()));
    assert.not(completeOf(clientEvents).isResumed);
  }
});

test('a session is not offered to another name, too late, too early or without its suite', () => {
  const server = resuming();
  const [session] = firstSessions(server);
  const offers = (client: ReturnType<typeof returningClient>, unixTime: number): boolean => {
    const { serverEvents } = connect(client, newServer(server), { unixTime });
    return completeOf(serverEvents).isResumed;
  };
  assert.ok(offers(returningClient(session!), TEST_UNIX_TIME));
  assert.not(offers(returningClient({ ...session!, serverName: 'example.org' }), TEST_UNIX_TIME));
  assert.not(offers(returningClient(session!), session!.expiresAt));
  assert.not(offers(returningClient({ ...session!, receivedAt: TEST_UNIX_TIME + 1 }), TEST_UNIX_TIME));
  assert.not(offers(returningClient(session!, {}, { cipherSuites: [TLS_AES_256_GCM_SHA384] }), TEST_UNIX_TIME));
  assert.not(offers(returningClient(session!, {}, { refuseTickets: true }), TEST_UNIX_TIME));
});

test('who does not know the secret of a ticket is refused', () => {
  const server = resuming();
  const [session] = firstSessions(server);
  const secret = session!.secret.slice();
  secret[0]! ^= 1;
  const dead = newServer(server);
  expectAlert(
    () => connect(returningClient({ ...session!, secret }), dead),
    Alert.DECRYPT_ERROR,
    'ERR_TLS_AUTHENTICATION',
    dead,
  );
});

test('a server that takes a session under a suite of another hash is refused (RFC 8446 §4.2.11)', () => {
  const [session] = firstSessions(resuming({ cipherSuites: [TLS_AES_128_GCM_SHA256] }));
  for (const [suite, alert] of [
    [TLS_AES_256_GCM_SHA384, Alert.ILLEGAL_PARAMETER],
    [TLS_CHACHA20_POLY1305_SHA256, undefined],
  ] as const) {
    const client = returningClient(session!, {}, { groups: [NamedGroup.X25519] });
    client.start(TEST_UNIX_TIME);
    const hello = writeServerHello({
      random: new Uint8Array(32).fill(5),
      cipherSuite: suite.id,
      extensions: new Map<number, Uint8Array>([
        [ExtensionType.SUPPORTED_VERSIONS, writeSelectedVersion()],
        [
          ExtensionType.KEY_SHARE,
          writeServerShare({ group: NamedGroup.X25519, keyExchange: new Uint8Array(32).fill(9) }),
        ],
        [ExtensionType.PRE_SHARED_KEY, writeSelectedIdentity(0)],
      ]),
    });
    const read = (): void => client.handleMessages(INITIAL, hello, TEST_UNIX_TIME);
    if (alert === undefined) read();
    else expectAlert(read, alert, undefined, client);
  }
});

test('stored tickets are good once', () => {
  const server = resuming({}, { tickets: new StoredTickets({ random: seededRandom(8) }) });
  const [session] = firstSessions(server);
  assert.ok(completeOf(connect(returningClient(session!), newServer(server)).clientEvents).isResumed);
  assert.not(completeOf(connect(returningClient(session!), newServer(server)).clientEvents).isResumed);
});

test('a server without resumption, or a client that refuses tickets, sends and gets none', () => {
  assert.equal(firstSessions({}), []);
  const { serverEvents } = connect(newClient({ refuseTickets: true }), newServer(resuming()));
  assert.is(sentAt(serverEvents, APPLICATION).length, 0);
});

test('a server sends as many tickets as configured', () => {
  for (const ticketCount of [0, 1, 8]) assert.is(firstSessions(resuming({}, { ticketCount })).length, ticketCount);
});

test('tickets may be looked up elsewhere', () => {
  const inner = sealedTickets();
  const asked: string[] = [];
  const server = resuming(
    {},
    { tickets: { issue: (session, unixTime) => inner.issue(session, unixTime), redeem: () => 'wait' as const } },
  );
  const [session] = firstSessions(server);
  for (const answer of [true, false]) {
    const { clientEvents } = connect(returningClient(session!), newServer(server), {
      onEvent(handshake, event) {
        if (event.type !== 'look-up-ticket') return;
        asked.push(toHex(event.ticket));
        handshake.provideSession(answer ? (inner.redeem(event.ticket, TEST_UNIX_TIME) as ServerSession) : undefined);
      },
    });
    assert.is(completeOf(clientEvents).isResumed, answer);
  }
  assert.equal(asked, Array(2).fill(toHex(session!.ticket)));
});

test('both sides export the same, and another label, context or connection exports something else', () => {
  const client = newClient();
  const server = newServer();
  connect(client, server);
  const none = new Uint8Array(0);
  const material = toHex(client.exportKeyingMaterial('EXPORTER-test', none, 50));
  assert.is(material.length, 100);
  assert.is(toHex(server.exportKeyingMaterial('EXPORTER-test', none, 50)), material);
  assert.is.not(toHex(server.exportKeyingMaterial('EXPORTER-other', none, 50)), material);
  assert.is.not(toHex(server.exportKeyingMaterial('EXPORTER-test', Uint8Array.of(0), 50)), material);
  const other = newClient({ random: seededRandom(3) });
  connect(other, newServer());
  assert.is.not(toHex(other.exportKeyingMaterial('EXPORTER-test', none, 50)), material);
});

test('a configuration that no ticket could follow is refused', () => {
  for (const wrong of [
    { lifetime: 0 },
    { lifetime: 604_801 },
    { lifetime: 1.5 },
    { ticketCount: -1 },
    { ticketCount: 9 },
  ])
    assert.throws(
      () => newServer(resuming({}, wrong)),
      (error: { code?: string }) => error.code === 'ERR_TLS_CONFIG',
    );
});

test.run();
