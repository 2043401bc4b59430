import { Alert, ClientHandshake, NamedGroup, RootStore, ServerHandshake, TlsError, alertName } from '@mquictt/tls13';
import type { ClientConfig, ServerConfig } from '@mquictt/tls13';
import { nodeProvider } from '@mquictt/tls13/node';
import { TEST_SERVER_NAME, TEST_UNIX_TIME, seededRandom, testCredential, testRoots } from '@mquictt/testkit';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Connection } from '../tls/connection.ts';
import { ContentType } from '../tls/records.ts';

const { SECP256R1, X25519 } = NamedGroup;

const test = suite('TLS connection for tests');

interface Ends {
  readonly client: Connection;
  readonly server: Connection;
  /** Carries bytes both ways until there are none; each may be changed on the way. */
  run(change?: (data: Uint8Array, from: 'client' | 'server') => Uint8Array): void;
}

function ends(client: Partial<ClientConfig> = {}, server: Partial<ServerConfig> = {}): Ends {
  const common = {
    provider: nodeProvider,
    random: seededRandom(1),
    alpnProtocols: ['mqtt'],
    carrier: 'records',
  } as const;
  const options = { provider: nodeProvider, now: () => TEST_UNIX_TIME };
  const credential = testCredential('ecdsa-p256', nodeProvider, seededRandom(2));
  const clientHandshake = new ClientHandshake(
    { ...common, roots: testRoots(), ...client },
    { serverName: TEST_SERVER_NAME, extensions: [] },
  );
  const serverHandshake = new ServerHandshake({ ...common, credential, ...server }, { extensions: [] });
  const result = {
    client: new Connection(clientHandshake, options),
    server: new Connection(serverHandshake, options),
    run: (change: Parameters<Ends['run']>[0] = (data) => data) => {
      for (;;) {
        const fromClient = result.client.takeOutput();
        if (fromClient.length > 0) result.server.receive(change(fromClient, 'client'));
        const fromServer = result.server.takeOutput();
        if (fromServer.length > 0) result.client.receive(change(fromServer, 'server'));
        if (fromClient.length + fromServer.length === 0) return;
      }
    },
  };
  result.client.start();
  return result;
}

function alertOf({ error }: Connection): string {
  return error instanceof TlsError ? alertName(error.alert) : String(error);
}

function recordTypes(data: Uint8Array): number[] {
  const types: number[] = [];
  for (let at = 0; at < data.length; at += 5 + ((data[at + 3] as number) << 8) + (data[at + 4] as number))
    types.push(data[at] as number);
  return types;
}

test('two ends of ours shake hands, send data and say goodbye', () => {
  const { client, server, run } = ends();
  run();
  assert.ok(client.handshake.isComplete && server.handshake.isComplete);
  client.write('from the client');
  server.write('from the server');
  run();
  assert.is(server.received, 'from the client');
  assert.is(client.received, 'from the server');
  client.close();
  run();
  assert.is(server.peerAlert, Alert.CLOSE_NOTIFY);
  assert.is(client.error, undefined);
});

test('a server sends change_cipher_spec once, behind its first message', () => {
  const { run } = ends({ groups: [X25519, SECP256R1], keyShareGroups: [X25519] }, { groups: [SECP256R1] });
  const types: number[] = [];
  run((data, from) => {
    if (from === 'server') types.push(...recordTypes(data));
    return data;
  });
  assert.equal(types.slice(0, 3), [ContentType.HANDSHAKE, ContentType.CHANGE_CIPHER_SPEC, ContentType.HANDSHAKE]);
  assert.is(types.filter((type) => type === ContentType.CHANGE_CIPHER_SPEC).length, 1);
});

test('a failed handshake ends in an alert on both sides', () => {
  const { client, server, run } = ends({ alpnProtocols: ['another'] });
  run();
  assert.is(alertOf(server), 'no_application_protocol');
  assert.is(client.peerAlert, Alert.NO_APPLICATION_PROTOCOL);
  assert.not(client.handshake.isComplete);
});

test('a record that was altered underway ends in bad_record_mac, and nothing of it is delivered', () => {
  const { client, server, run } = ends();
  run();
  client.write('pay 10');
  run((data, from) => {
    if (from === 'client') data[data.length - 1] = (data.at(-1) as number) ^ 1;
    return data;
  });
  assert.is(alertOf(server), 'bad_record_mac');
  assert.is(client.peerAlert, Alert.BAD_RECORD_MAC);
  assert.is(server.received, '');
});

test("a client's alert about the server's certificate comes under the keys of the handshake", () => {
  const { client, server, run } = ends({ roots: new RootStore([]) });
  let last = new Uint8Array(0);
  run((data, from) => {
    if (from === 'client') last = Uint8Array.from(data);
    return data;
  });
  assert.is(alertOf(client), 'unknown_ca');
  assert.is(server.peerAlert, Alert.UNKNOWN_CA);
  assert.is(last[0], ContentType.APPLICATION_DATA);
});

test('records that come while our application judges the peer wait, whatever keys they need', () => {
  const { client, server, run } = ends({ judgePeerChain: true });
  run((data, from) => {
    // Application data right behind the server's Finished, and all of it at once.
    if (from !== 'server' || server.handshake.isComplete) return data;
    server.write('here already');
    return Buffer.concat([data, server.takeOutput()]);
  });
  assert.ok(client.events.some(({ type }) => type === 'judge-peer-chain'));
  assert.is(client.received, '');
  client.decide((handshake) => handshake.acceptPeerChain());
  run();
  assert.ok(client.handshake.isComplete && server.handshake.isComplete);
  assert.is(client.received, 'here already');
});

test('what does not begin like TLS ends in unexpected_message', () => {
  const { server } = ends();
  server.receive(new TextEncoder().encode('GET / HTTP/1.1\r\n\r\n'));
  assert.is(alertOf(server), 'unexpected_message');
  assert.equal([...server.takeOutput()], [ContentType.ALERT, 3, 3, 0, 2, 2, Alert.UNEXPECTED_MESSAGE]);
});

test.run();
