/** HelloRetryRequest (RFC 8446 §4.1.4) from both sides. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TEST_UNIX_TIME, seededRandom } from '@mquictt/testkit';
import { nodeProvider } from '@mquictt/tls13/node';
import { Alert } from '../src/alerts.ts';
import { CIPHER_SUITES, TLS_AES_128_GCM_SHA256, TLS_CHACHA20_POLY1305_SHA256 } from '../src/cipher-suites.ts';
import type { ClientHandshake } from '../src/client-handshake.ts';
import { ExtensionType, type Extensions } from '../src/extensions.ts';
import { writeCookie } from '../src/extensions/cookie.ts';
import { readClientShares, writeClientShares, writeSelectedGroup } from '../src/extensions/key-share.ts';
import { writeSelectedVersion } from '../src/extensions/supported-versions.ts';
import { EncryptionLevel } from '../src/handshake.ts';
import { readClientHello, writeClientHello, type ClientHello } from '../src/messages/client-hello.ts';
import { HELLO_RETRY_REQUEST_RANDOM, writeServerHello } from '../src/messages/server-hello.ts';
import { nobleProvider } from '../src/providers/noble.ts';
import { NamedGroup } from '../src/provider.ts';
import type { ServerHandshake } from '../src/server-handshake.ts';
import {
  connect,
  drain,
  eventNames,
  expectAlert,
  messagesOf,
  newClient,
  newServer,
  secretOf,
  sentAt,
} from './support/handshakes.ts';
import { scriptedFlight } from './support/scripted-server.ts';

const { INITIAL, HANDSHAKE, APPLICATION } = EncryptionLevel;
const { X25519, SECP256R1 } = NamedGroup;
const GROUP = keyShare(SECP256R1);

const test = suite('hello retry request');

for (const provider of [nobleProvider, nodeProvider]) {
  for (const cipherSuite of CIPHER_SUITES) {
    for (const [first, second] of [
      [X25519, SECP256R1],
      [SECP256R1, X25519],
    ] as const) {
      test(`${provider.name}: ${cipherSuite.name}, from group ${first} to ${second}`, () => {
        const client = newClient({ provider, groups: [first, second], cipherSuites: [cipherSuite] });
        const server = newServer({ provider, groups: [second] });
        const { clientEvents, serverEvents } = connect(client, server);
        assert.ok(client.isComplete && server.isComplete);
        assert.is(
          secretOf(clientEvents, 'read-secret', APPLICATION),
          secretOf(serverEvents, 'write-secret', APPLICATION),
        );
        assert.equal(eventNames(serverEvents).slice(0, 4), [
          'peer-extension',
          `send ${INITIAL}`,
          `send ${INITIAL}`,
          `read-secret ${HANDSHAKE}`,
        ]);
        assert.is(eventNames(serverEvents).filter((name) => name === 'peer-extension').length, 1);
      });
    }
  }
}

test('a client without any share asks for a HelloRetryRequest', () => {
  const client = newClient({ keyShareGroups: [] });
  connect(client, newServer());
  assert.ok(client.isComplete);
});

test('the second ClientHello differs in nothing but key_share', () => {
  const client = newClient({ groups: [X25519, SECP256R1] });
  const { clientEvents } = connect(client, newServer({ groups: [SECP256R1] }));
  const [first, second] = messagesOf(sentAt(clientEvents, INITIAL)).map((message) =>
    readClientHello(message.subarray(4)),
  );
  assert.ok(first !== undefined && second !== undefined);
  assert.equal(withoutKeyShare(first as ClientHello), withoutKeyShare(second as ClientHello));
  const shares = readClientShares(second?.extensions.get(ExtensionType.KEY_SHARE) as Uint8Array);
  assert.equal(
    shares.map((share) => share.group),
    [SECP256R1],
  );
});

// The client

test('client returns a cookie', () => {
  const { client, clientHello } = startedClient();
  const request = retryRequest([[ExtensionType.COOKIE, writeCookie(Uint8Array.of(9, 8, 7))]]);
  client.handleMessages(INITIAL, request, TEST_UNIX_TIME);
  const second = sentAt(drain(client), INITIAL);
  const { extensions } = readClientHello(second.subarray(4));
  assert.equal(extensions.get(ExtensionType.COOKIE), writeCookie(Uint8Array.of(9, 8, 7)));
  // Nothing was said about groups, so the share stays.
  const { extensions: before } = readClientHello(clientHello.subarray(4));
  assert.equal(extensions.get(ExtensionType.KEY_SHARE), before.get(ExtensionType.KEY_SHARE));

  for (const { level, data } of scriptedFlight(second, { retry: { clientHello, request } })) {
    client.handleMessages(level, data, TEST_UNIX_TIME);
  }
  assert.ok(client.isComplete);
});

test('client refuses a second HelloRetryRequest', () => {
  const { client } = startedClient();
  client.handleMessages(INITIAL, retryRequest([GROUP]), TEST_UNIX_TIME);
  drain(client);
  const again = retryRequest([[ExtensionType.COOKIE, writeCookie(Uint8Array.of(1))]]);
  expectAlert(() => client.handleMessages(INITIAL, again, TEST_UNIX_TIME), Alert.UNEXPECTED_MESSAGE, undefined, client);
});

const refusedRequests: readonly [string, Uint8Array, Alert][] = [
  ['that changes nothing', retryRequest([]), Alert.ILLEGAL_PARAMETER],
  ['for the group that was shared', retryRequest([keyShare(X25519)]), Alert.ILLEGAL_PARAMETER],
  ['for a group that was not offered', retryRequest([keyShare(0x0018)]), Alert.ILLEGAL_PARAMETER],
  ['for a suite that was not offered', retryRequest([keyShare(SECP256R1)], 0x1304), Alert.ILLEGAL_PARAMETER],
  ['with an empty cookie', retryRequest([[ExtensionType.COOKIE, Uint8Array.of(0, 0)]]), Alert.DECODE_ERROR],
  [
    'with a share instead of a group',
    retryRequest([[ExtensionType.KEY_SHARE, new Uint8Array(36)]]),
    Alert.DECODE_ERROR,
  ],
  [
    'with an extension that was not sent',
    retryRequest([keyShare(SECP256R1), [0xfefe, new Uint8Array(0)]]),
    Alert.UNSUPPORTED_EXTENSION,
  ],
  [
    'with transport parameters',
    retryRequest([keyShare(SECP256R1), [0x39, new Uint8Array(0)]]),
    Alert.ILLEGAL_PARAMETER,
  ],
  ['with a pre_shared_key', retryRequest([keyShare(SECP256R1), [41, Uint8Array.of(0, 0)]]), Alert.ILLEGAL_PARAMETER],
  ['without supported_versions', retryRequest([keyShare(SECP256R1)], 0x1301, undefined), Alert.PROTOCOL_VERSION],
  ['for TLS 1.2', retryRequest([keyShare(SECP256R1)], 0x1301, Uint8Array.of(3, 3)), Alert.ILLEGAL_PARAMETER],
];
for (const [name, request, alert] of refusedRequests) {
  test(`client refuses a HelloRetryRequest ${name}`, () => {
    const { client } = startedClient();
    expectAlert(() => client.handleMessages(INITIAL, request, TEST_UNIX_TIME), alert, undefined, client);
  });
}

test('client refuses another suite in ServerHello than in HelloRetryRequest', () => {
  const { client, clientHello } = startedClient();
  const request = retryRequest([GROUP]);
  client.handleMessages(INITIAL, request, TEST_UNIX_TIME);
  const second = sentAt(drain(client), INITIAL);
  const [hello] = scriptedFlight(second, { suite: TLS_CHACHA20_POLY1305_SHA256, retry: { clientHello, request } });
  expectAlert(
    () => client.handleMessages(INITIAL, hello?.data as Uint8Array, TEST_UNIX_TIME),
    Alert.ILLEGAL_PARAMETER,
    undefined,
    client,
  );
});

test('client refuses another group in ServerHello than in HelloRetryRequest', () => {
  const { client, clientHello } = startedClient();
  client.handleMessages(INITIAL, retryRequest([GROUP]), TEST_UNIX_TIME);
  drain(client);
  // Answers the first ClientHello, whose share was of x25519.
  const [hello] = scriptedFlight(clientHello);
  expectAlert(() => client.handleMessages(INITIAL, hello?.data as Uint8Array, TEST_UNIX_TIME), Alert.ILLEGAL_PARAMETER);
});

test('client finds out when the HelloRetryRequest is not in the transcript', () => {
  const { client } = startedClient();
  client.handleMessages(INITIAL, retryRequest([GROUP]), TEST_UNIX_TIME);
  const flight = scriptedFlight(sentAt(drain(client), INITIAL));
  expectAlert(() => {
    for (const { level, data } of flight) client.handleMessages(level, data, TEST_UNIX_TIME);
  }, Alert.DECRYPT_ERROR);
});

// The server

function changed(
  change: (hello: ClientHello, extensions: Map<number, Uint8Array>) => Partial<ClientHello> | void,
): void {
  const { server, second } = retriedServer();
  const hello = readClientHello(second.subarray(4));
  const extensions = new Map(hello.extensions);
  const overrides = change(hello, extensions) ?? {};
  const message = writeClientHello({ ...hello, extensions, ...overrides });
  expectAlert(
    () => server.handleMessages(INITIAL, message, TEST_UNIX_TIME),
    Alert.ILLEGAL_PARAMETER,
    undefined,
    server,
  );
}

test('server goes on with the second ClientHello as it should be', () => {
  const { server, second } = retriedServer();
  server.handleMessages(INITIAL, second, TEST_UNIX_TIME);
  assert.ok(sentAt(drain(server), HANDSHAKE).length > 0);
});

test('server refuses another random in the second ClientHello', () =>
  changed(() => ({ random: seededRandom(8).bytes(32) })));

test('server refuses other suites in the second ClientHello', () => {
  changed(() => ({ cipherSuites: [TLS_AES_128_GCM_SHA256.id] }));
  changed((hello) => ({ cipherSuites: hello.cipherSuites.toReversed() }));
});

test('server refuses extensions that came, went or changed', () => {
  changed((_hello, extensions) => void extensions.set(0xfefe, new Uint8Array(0)));
  changed((_hello, extensions) => void extensions.delete(ExtensionType.SERVER_NAME));
  changed((_hello, extensions) => void extensions.set(0x39, Uint8Array.of(1, 2, 4)));
  changed((_hello, extensions) => void extensions.set(0x39, Uint8Array.of(1, 2)));
});

test('server refuses a cookie that it never gave', () => {
  changed((_hello, extensions) => void extensions.set(ExtensionType.COOKIE, writeCookie(Uint8Array.of(1))));
});

test('server refuses early data after a HelloRetryRequest', () => {
  changed((_hello, extensions) => void extensions.set(ExtensionType.EARLY_DATA, new Uint8Array(0)));
});

test('server refuses a second ClientHello without the one share that was asked for', () => {
  const share = (group: NamedGroup): { group: number; keyExchange: Uint8Array } => {
    const { publicKey } = nobleProvider.generateKeyShares([group], seededRandom(6))[0];
    return { group, keyExchange: publicKey };
  };
  for (const shares of [[], [share(X25519)], [share(SECP256R1), share(X25519)], [share(X25519), share(SECP256R1)]]) {
    changed((_hello, extensions) => void extensions.set(ExtensionType.KEY_SHARE, writeClientShares(shares)));
  }
});

test('server accepts padding that changed', () => {
  const { server, second } = retriedServer();
  const hello = readClientHello(second.subarray(4));
  const extensions = new Map([...hello.extensions, [ExtensionType.PADDING as number, new Uint8Array(9)]]);
  server.handleMessages(INITIAL, writeClientHello({ ...hello, extensions }), TEST_UNIX_TIME);
  assert.ok(sentAt(drain(server), HANDSHAKE).length > 0);
});

test('server refuses a first ClientHello with a cookie', () => {
  const { clientHello } = startedClient();
  const hello = readClientHello(clientHello.subarray(4));
  const extensions = new Map([...hello.extensions, [ExtensionType.COOKIE as number, writeCookie(Uint8Array.of(1))]]);
  const server = newServer();
  const message = writeClientHello({ ...hello, extensions });
  expectAlert(
    () => server.handleMessages(INITIAL, message, TEST_UNIX_TIME),
    Alert.ILLEGAL_PARAMETER,
    undefined,
    server,
  );
});

function startedClient(): { client: ClientHandshake; clientHello: Uint8Array } {
  const client = newClient({ groups: [X25519, SECP256R1] });
  client.start(TEST_UNIX_TIME);
  return { client, clientHello: sentAt(drain(client), INITIAL) };
}

/** A server that has sent a HelloRetryRequest, and what an honest client answers. */
function retriedServer(): { server: ServerHandshake; second: Uint8Array } {
  const { client, clientHello } = startedClient();
  const server = newServer({ groups: [SECP256R1] });
  server.handleMessages(INITIAL, clientHello, TEST_UNIX_TIME);
  client.handleMessages(INITIAL, sentAt(drain(server), INITIAL), TEST_UNIX_TIME);
  return { server, second: sentAt(drain(client), INITIAL) };
}

function withoutKeyShare(hello: ClientHello): ClientHello & { extensions: Extensions } {
  const extensions = new Map(hello.extensions);
  extensions.delete(ExtensionType.KEY_SHARE);
  return { ...hello, extensions };
}

function keyShare(group: number): [number, Uint8Array] {
  return [ExtensionType.KEY_SHARE, writeSelectedGroup(group)];
}

function retryRequest(
  extensions: [number, Uint8Array][],
  cipherSuite = 0x1301,
  ...version: [Uint8Array | undefined] | []
): Uint8Array {
  const selected = version.length === 0 ? writeSelectedVersion() : version[0];
  const versions: [number, Uint8Array][] = selected === undefined ? [] : [[ExtensionType.SUPPORTED_VERSIONS, selected]];
  return writeServerHello({
    random: HELLO_RETRY_REQUEST_RANDOM,
    cipherSuite,
    extensions: new Map([...versions, ...extensions]),
  });
}

test.run();
