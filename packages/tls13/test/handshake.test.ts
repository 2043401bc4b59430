/** Handshakes that work: every suite, group and kind of key, whatever way the bytes arrive. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TEST_CREDENTIAL_KINDS, TEST_SERVER_NAME, TEST_UNIX_TIME, seededRandom } from '@mquictt/testkit';
import { nodeProvider } from '@mquictt/tls13/node';
import { CIPHER_SUITES } from '../src/cipher-suites.ts';
import { EncryptionLevel, type HandshakeEvent } from '../src/handshake.ts';
import { nobleProvider } from '../src/providers/noble.ts';
import { NamedGroup, type CryptoProvider } from '../src/provider.ts';
import { toHex } from './support/bytes.ts';
import {
  ALPN,
  CLIENT_EXTENSION,
  EXTENSION_TYPE,
  SERVER_EXTENSION,
  connect,
  credentialOf,
  drain,
  eventNames,
  newClient,
  newServer,
  secretOf,
  sentAt,
  type Connected,
} from './support/handshakes.ts';

const { INITIAL, HANDSHAKE, APPLICATION } = EncryptionLevel;
const providers: readonly CryptoProvider[] = [nobleProvider, nodeProvider];

const test = suite('handshake');

function assertConnected({ clientEvents, serverEvents }: Connected): void {
  for (const level of [HANDSHAKE, APPLICATION]) {
    assert.is(secretOf(clientEvents, 'read-secret', level), secretOf(serverEvents, 'write-secret', level));
    assert.is(secretOf(clientEvents, 'write-secret', level), secretOf(serverEvents, 'read-secret', level));
  }
  assert.is(clientEvents.at(-1)?.type, 'complete');
  assert.is(serverEvents.at(-1)?.type, 'complete');
}

for (const provider of providers) {
  for (const cipherSuite of CIPHER_SUITES) {
    for (const group of [NamedGroup.X25519, NamedGroup.SECP256R1]) {
      test(`${provider.name}: ${cipherSuite.name} over group ${group}`, () => {
        const client = newClient({ provider, cipherSuites: [cipherSuite], groups: [group] });
        const server = newServer({ provider });
        assertConnected(connect(client, server));
        assert.is(client.suite, cipherSuite);
        assert.is(server.suite, cipherSuite);
        assert.ok(client.isComplete && server.isComplete);
      });
    }
  }

  for (const kind of TEST_CREDENTIAL_KINDS) {
    test(`${provider.name}: a server with ${kind}`, () => {
      const credential = credentialOf(kind, provider);
      const client = newClient({ provider });
      const server = newServer({ provider, credential });
      assertConnected(connect(client, server));
      assert.equal(client.peerCertificates, credential.chain);
      assert.equal(server.peerCertificates, []);
    });
  }
}

test('providers can differ between the sides', () => {
  assertConnected(connect(newClient({ provider: nodeProvider }), newServer({ provider: nobleProvider })));
  assertConnected(connect(newClient({ provider: nobleProvider }), newServer({ provider: nodeProvider })));
});

test('events come in the order in which keys are needed', () => {
  const { clientEvents, serverEvents } = connect(newClient(), newServer());
  assert.equal(eventNames(serverEvents), [
    'peer-extension',
    `send ${INITIAL}`,
    `read-secret ${HANDSHAKE}`,
    `write-secret ${HANDSHAKE}`,
    ...Array.from({ length: 4 }, () => `send ${HANDSHAKE}`),
    `write-secret ${APPLICATION}`,
    // RFC 9001 §5.7: only once the client's Finished is verified.
    `read-secret ${APPLICATION}`,
    'complete',
  ]);
  assert.equal(eventNames(clientEvents), [
    `send ${INITIAL}`,
    `read-secret ${HANDSHAKE}`,
    `write-secret ${HANDSHAKE}`,
    'peer-extension',
    `send ${HANDSHAKE}`,
    `read-secret ${APPLICATION}`,
    `write-secret ${APPLICATION}`,
    'complete',
  ]);
});

test('the same seeds give the same bytes', () => {
  const first = connect(newClient(), newServer());
  const second = connect(newClient(), newServer());
  assert.equal(first, second);
});

test('opaque extensions reach the other side', () => {
  const { clientEvents, serverEvents } = connect(newClient(), newServer());
  assert.equal(peerExtension(serverEvents), {
    type: 'peer-extension',
    extensionType: EXTENSION_TYPE,
    data: CLIENT_EXTENSION.data,
  });
  assert.equal(peerExtension(clientEvents), {
    type: 'peer-extension',
    extensionType: EXTENSION_TYPE,
    data: SERVER_EXTENSION.data,
  });
});

test('a server can settle its extension once it has seen the one of the client', () => {
  const client = newClient();
  const server = newServer();
  client.start(TEST_UNIX_TIME);
  server.handleMessages(INITIAL, sentAt(drain(client), INITIAL), TEST_UNIX_TIME);
  const event = server.nextEvent();
  assert.is(event?.type, 'peer-extension');
  server.setExtensions([{ type: EXTENSION_TYPE, data: Uint8Array.of(99) }]);
  const events = drain(server);
  assert.throws(
    () => server.setExtensions([]),
    (error: { code: string }) => error.code === 'ERR_TLS_INVALID_STATE',
  );
  client.handleMessages(INITIAL, sentAt(events, INITIAL), TEST_UNIX_TIME);
  client.handleMessages(HANDSHAKE, sentAt(events, HANDSHAKE), TEST_UNIX_TIME);
  assert.equal(peerExtension(drain(client))?.data, Uint8Array.of(99));
  assert.ok(client.isComplete);
});

test('the server names what it was asked for', () => {
  const { clientEvents, serverEvents } = connect(newClient({}, 'LocalHost'), newServer());
  const rest = { type: 'complete', alpnProtocol: ALPN, isResumed: false, peerIdentity: undefined };
  assert.equal(serverEvents.at(-1), { ...rest, serverName: TEST_SERVER_NAME });
  assert.equal(clientEvents.at(-1), { ...rest, serverName: 'LocalHost' });
});

test('IP addresses are verified but not sent', () => {
  for (const address of ['127.0.0.1', '::1']) {
    const { serverEvents } = connect(newClient({}, address), newServer());
    const complete = serverEvents.at(-1);
    assert.ok(complete?.type === 'complete' && complete.serverName === undefined);
  }
});

test('the first protocol of the server that the client offers is spoken', () => {
  const client = newClient({ alpnProtocols: ['a', 'b', 'c'] });
  const server = newServer({ alpnProtocols: ['x', 'c', 'b'] });
  const { clientEvents } = connect(client, server);
  const complete = clientEvents.at(-1);
  assert.is(complete?.type === 'complete' ? complete.alpnProtocol : '', 'c');
});

test('the first suite of the server that the client offers is used', () => {
  const client = newClient();
  connect(client, newServer({ cipherSuites: CIPHER_SUITES.toReversed() }));
  assert.is(client.suite, CIPHER_SUITES.at(-1));
});

test('a share that is there goes before the order of the server', () => {
  const client = newClient({ keyShareGroups: [NamedGroup.SECP256R1] });
  const { serverEvents } = connect(client, newServer({ groups: [NamedGroup.X25519, NamedGroup.SECP256R1] }));
  assert.is(eventNames(serverEvents).filter((name) => name === `send ${INITIAL}`).length, 1);
});

test('several shares can be sent at once', () => {
  const both = [NamedGroup.SECP256R1, NamedGroup.X25519];
  assertConnected(
    connect(newClient({ groups: both, keyShareGroups: both }), newServer({ groups: [NamedGroup.X25519] })),
  );
});

test('bytes may arrive one by one', () => {
  const cut = (data: Uint8Array): Uint8Array[] => Array.from(data, (byte) => Uint8Array.of(byte));
  assertConnected(connect(newClient(), newServer(), { cut }));
});

test('bytes may be split anywhere', () => {
  const lengths = connect(newClient({ provider: nodeProvider }), newServer({ provider: nodeProvider }));
  const longest = Math.max(...[INITIAL, HANDSHAKE].map((level) => sentAt(lengths.serverEvents, level).length));
  for (let at = 1; at < longest; at++) {
    const client = newClient({ provider: nodeProvider });
    connect(client, newServer({ provider: nodeProvider }), {
      cut: (data) => [data.subarray(0, at), data.subarray(at)],
    });
    assert.ok(client.isComplete, `split at ${at}`);
  }
});

test('the key log has every secret under the random of the client', () => {
  const lines: string[] = [];
  const serverLines: string[] = [];
  const client = newClient({ keyLog: (line) => lines.push(line) });
  const server = newServer({ keyLog: (line) => serverLines.push(line) });
  const { clientEvents } = connect(client, server);
  assert.equal(lines, serverLines);
  const random = toHex(sentAt(clientEvents, INITIAL).subarray(6, 38));
  const labels = lines.map((line) => {
    const [label, clientRandom, secret] = line.split(' ');
    assert.is(clientRandom, random);
    assert.match(secret as string, /^(?:[0-9a-f]{2})+$/);
    return label;
  });
  assert.equal(labels, [
    'CLIENT_HANDSHAKE_TRAFFIC_SECRET',
    'SERVER_HANDSHAKE_TRAFFIC_SECRET',
    'CLIENT_TRAFFIC_SECRET_0',
    'SERVER_TRAFFIC_SECRET_0',
    'EXPORTER_SECRET',
  ]);
  assert.is(lines[0]?.split(' ')[2], secretOf(clientEvents, 'write-secret', HANDSHAKE));
  assert.is(lines[3]?.split(' ')[2], secretOf(clientEvents, 'read-secret', APPLICATION));
});

test('two clients with different randoms share no secret', () => {
  const first = connect(newClient(), newServer());
  const second = connect(newClient({ random: seededRandom(77) }), newServer());
  assert.is.not(
    secretOf(first.clientEvents, 'read-secret', APPLICATION),
    secretOf(second.clientEvents, 'read-secret', APPLICATION),
  );
});

function peerExtension(events: readonly HandshakeEvent[]): (HandshakeEvent & { type: 'peer-extension' }) | undefined {
  return events.find((event) => event.type === 'peer-extension') as
    (HandshakeEvent & { type: 'peer-extension' }) | undefined;
}

test.run();
