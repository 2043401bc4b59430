/** Early data is offered, accepted and refused (RFC 8446 §2.3, §4.2.10, §8). */
import { TEST_UNIX_TIME } from '@mquictt/testkit';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TLS_AES_128_GCM_SHA256, TLS_CHACHA20_POLY1305_SHA256 } from '../src/cipher-suites.ts';
import type { ClientConfig, ServerConfig } from '../src/config.ts';
import { EncryptionLevel, type HandshakeEvent } from '../src/handshake.ts';
import { MAX_TICKET_AGE_SKEW } from '../src/limits.ts';
import { NamedGroup } from '../src/provider.ts';
import { ServerHandshake } from '../src/server-handshake.ts';
import { StrikeRegister } from '../src/sessions/strike-register.ts';
import type { ClientSession } from '../src/sessions/client-session.ts';
import {
  SERVER_EXTENSION,
  connect,
  newClient,
  newServer,
  secretOf,
  serverConfig,
  type Connected,
} from './support/handshakes.ts';
import { completeOf, onceGuard, resuming, returningClient, sealedTickets, sessionsOf } from './support/sessions.ts';

const { EARLY } = EncryptionLevel;
const test = suite('early data');

function early(overrides: Partial<ServerConfig> = {}): Partial<ServerConfig> {
  return resuming(overrides, { earlyData: onceGuard() });
}

function serverWith(server: Partial<ServerConfig>, earlyDataContext?: Uint8Array): ServerHandshake {
  return new ServerHandshake(serverConfig(server), {
    extensions: [SERVER_EXTENSION],
    ...(earlyDataContext === undefined ? {} : { earlyDataContext }),
  });
}

function sessionOf(server: ServerHandshake, client: Partial<ClientConfig> = {}): ClientSession {
  const [session] = sessionsOf(connect(newClient(client), server).clientEvents);
  assert.ok(session !== undefined);
  return session;
}

/** @returns what both sides say: undefined where nothing was offered */
function outcome({ clientEvents, serverEvents }: Connected): boolean | undefined {
  const accepted = (events: readonly HandshakeEvent[]): boolean | undefined => {
    const found = events.filter((event) => event.type === 'early-data');
    assert.ok(found.length <= 1);
    return found[0]?.type === 'early-data' ? found[0].isAccepted : undefined;
  };
  const [client, server] = [accepted(clientEvents), accepted(serverEvents)];
  assert.is(client, server);
  assert.is(
    clientEvents.some((event) => event.type === 'write-secret' && event.level === EARLY),
    client !== undefined,
  );
  assert.is(
    serverEvents.some((event) => event.type === 'read-secret' && event.level === EARLY),
    client === true,
  );
  completeOf(clientEvents);
  completeOf(serverEvents);
  return client;
}

function again(
  server: ServerHandshake,
  session: ClientSession,
  { unixTime = TEST_UNIX_TIME, client = {} as Partial<ClientConfig> } = {},
): Connected {
  return connect(returningClient(session, { earlyData: true }, client), server, { unixTime });
}

test('early data is accepted under one secret', () => {
  const server = early();
  const session = sessionOf(newServer(server));
  assert.is(session.maxEarlyDataSize, 0xffff_ffff);
  assert.equal(session.peerExtensions, [SERVER_EXTENSION]);
  const connected = again(newServer(server), session);
  assert.is(outcome(connected), true);
  assert.is(
    secretOf(connected.clientEvents, 'write-secret', EARLY),
    secretOf(connected.serverEvents, 'read-secret', EARLY),
  );
});

test('a ticket brings early data once', () => {
  const server = early();
  const session = sessionOf(newServer(server));
  assert.is(outcome(again(newServer(server), session)), true);
  const second = again(newServer(server), session);
  assert.is(outcome(second), false);
  assert.ok(completeOf(second.clientEvents).isResumed);
});

test('nothing is offered that was not asked for or is not allowed', () => {
  const server = early();
  const session = sessionOf(newServer(server));
  assert.is(outcome(connect(returningClient(session), newServer(server))), undefined);
  const without = resuming();
  assert.is(outcome(again(newServer(without), sessionOf(newServer(without)))), undefined);
  const alpn = { alpnProtocols: ['other'] };
  assert.is(outcome(again(newServer({ ...server, ...alpn }), session, { client: alpn })), undefined);
});

test('early data is refused where the ticket is older or younger than its client says', () => {
  for (const [skew, isAccepted] of [
    [MAX_TICKET_AGE_SKEW, true],
    [MAX_TICKET_AGE_SKEW + 1, false],
  ] as const) {
    for (const sign of [1, -1]) {
      const server = early();
      const session = sessionOf(newServer(server));
      const now = TEST_UNIX_TIME + 60_000;
      // A clock that is the server's but for what the ticket took on its way.
      const shifted = { ...session, receivedAt: session.receivedAt + sign * skew };
      assert.is(outcome(again(newServer(server), shifted, { unixTime: now })), isAccepted);
    }
  }
});

const differences: readonly [string, { server?: Partial<ServerConfig>; client?: Partial<ClientConfig> }][] = [
  ['the suite', { server: { cipherSuites: [TLS_CHACHA20_POLY1305_SHA256] } }],
  ['the application protocol', { server: { alpnProtocols: ['other'] }, client: { alpnProtocols: ['mqtt', 'other'] } }],
  [
    'a HelloRetryRequest',
    { server: { groups: [NamedGroup.SECP256R1] }, client: { groups: [NamedGroup.X25519, NamedGroup.SECP256R1] } },
  ],
];

for (const [what, { server = {}, client = {} }] of differences)
  test(`early data is refused because of ${what}`, () => {
    const tickets = sealedTickets();
    const before = resuming({ cipherSuites: [TLS_AES_128_GCM_SHA256] }, { tickets, earlyData: onceGuard() });
    const session = sessionOf(newServer(before));
    const now = resuming(server, { tickets, earlyData: onceGuard() });
    const connected = again(newServer(now), session, { client });
    assert.is(outcome(connected), false);
    assert.ok(completeOf(connected.clientEvents).isResumed);
  });

test('early data is refused where what it depends on has changed', () => {
  const server = early();
  const session = sessionOf(serverWith(server, Uint8Array.of(1)));
  assert.is(outcome(again(serverWith(server, Uint8Array.of(2)), session)), false);
  assert.is(outcome(again(serverWith(server), session)), false);
  assert.is(outcome(again(serverWith(server, Uint8Array.of(1)), session)), true);
});

test('early data is refused once the server wants none any more', () => {
  const tickets = sealedTickets();
  const session = sessionOf(newServer(resuming({}, { tickets, earlyData: onceGuard() })));
  assert.is(outcome(again(newServer(resuming({}, { tickets })), session)), false);
});

test('early data is refused with a ticket that was given out without it, whatever the client makes of that', () => {
  const tickets = sealedTickets();
  const session = sessionOf(newServer(resuming({}, { tickets })));
  assert.is(session.maxEarlyDataSize, 0);
  const now = resuming({}, { tickets, earlyData: onceGuard() });
  const connected = again(newServer(now), { ...session, maxEarlyDataSize: 0xffff_ffff });
  assert.is(outcome(connected), false);
  assert.ok(completeOf(connected.clientEvents).isResumed);
});

test('early data is refused where the ticket is of another server name', () => {
  const server = early();
  const session = sessionOf(newServer(server));
  const client = returningClient({ ...session, serverName: '127.0.0.1' }, { serverName: '127.0.0.1', earlyData: true });
  const connected = connect(client, newServer(server));
  assert.is(outcome(connected), false);
  assert.not(completeOf(connected.clientEvents).isResumed);
});

test('early data is refused with a ticket that is not known, and a full handshake follows', () => {
  const session = sessionOf(newServer(early()));
  const connected = again(newServer(early()), session);
  assert.is(outcome(connected), false);
  assert.not(completeOf(connected.clientEvents).isResumed);
});

test('a strike register that has just begun takes none, as it may have forgotten', () => {
  const register = new StrikeRegister({ provider: serverConfig().provider, unixTime: TEST_UNIX_TIME });
  const server = resuming({}, { earlyData: register });
  const session = sessionOf(newServer(server));
  assert.is(outcome(again(newServer(server), session)), false);
  const later = TEST_UNIX_TIME + 60_000;
  assert.is(outcome(again(newServer(server), session, { unixTime: later })), true);
  assert.is(outcome(again(newServer(server), session, { unixTime: later })), false);
});

test('an early data context that does not fit into tickets is a mistake', () => {
  assert.throws(
    () => serverWith({}, new Uint8Array(1_025)),
    (error: { code?: string }) => error.code === 'ERR_TLS_CONFIG',
  );
});

test.run();
