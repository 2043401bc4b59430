/** Client certificates, their judges, certificates replaced while running, sessions: over loopback, with node:crypto. */
import { once } from 'node:events';
import { createSocket } from 'node:dgram';
import {
  seededRandom,
  TEST_SERVER_NAME,
  testCertificatePem,
  testClientCertificate,
  testClientRoots,
  testRoots,
} from '@mquictt/testkit';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  Alert,
  createCredential,
  CredentialStore,
  listen,
  NamedGroup,
  nodeProvider,
  QuicError,
  SessionCache,
  StoredTickets,
  TlsError,
  type ClientSession,
  type Credential,
  type JudgePeer,
  type ListenOptions,
  type QuicConnection,
  type QuicListener,
} from '../src/index.ts';
import { ALPN, connectTo, errorOf, listenLocally, openPair, readAll } from './support/loopback.ts';

const test = suite('authentication');

const random = seededRandom(1);
const certificate = testClientCertificate('device-7');
const clientCertificates = { roots: testClientRoots() };

function serverCredential(kind: 'ecdsa-p256' | 'ed25519'): Credential {
  return createCredential({ provider: nodeProvider, random, ...testCertificatePem(kind) });
}

/** Lets a listener run for as long as `use` takes. */
async function withListener(
  options: Partial<ListenOptions>,
  use: (listener: QuicListener) => Promise<void>,
): Promise<void> {
  const listener = await listenLocally(options);
  try {
    await use(listener);
    assert.is(listener.internalErrors, 0);
  } finally {
    await listener.close({ deadline: 0 });
  }
}

/** Connects, and says what became of it: TLS 1.3 clients are through before the server has judged them. */
async function endOf(listener: QuicListener, options: Parameters<typeof connectTo>[1]): Promise<QuicError> {
  let connection: QuicConnection;
  try {
    connection = await connectTo(listener, options);
  } catch (error) {
    return error as QuicError;
  }
  return (await connection.closed)!;
}

function judging(judge: JudgePeer): Partial<ListenOptions> {
  return { clientCertificates: { ...clientCertificates, judge } };
}

test('a client with a certificate: what the judge calls it is on the connection, at once or after a while', async () => {
  for (const wait of [0, 50]) {
    const judged: string[] = [];
    const judge: JudgePeer = async ({ path }, remoteAddress) => {
      if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
      judged.push(remoteAddress.host);
      return `client ${path.length}`;
    };
    const { client, server, close } = await openPair({ listen: judging(judge), connect: { certificate } });
    assert.is(server.peerIdentity, 'client 2');
    assert.is(server.peerCertificates.length, 1);
    assert.is(client.peerIdentity, undefined);
    assert.equal(judged, ['127.0.0.1']);
    const stream = await client.openStream();
    await stream.end(Buffer.from('hello'));
    assert.is((await readAll((await server.acceptStream())!)).toString(), 'hello');
    await close();
  }
  const { server, close } = await openPair({ listen: judging(() => 'at once'), connect: { certificate } });
  assert.is(server.peerIdentity, 'at once');
  await close();
});

test('a judge that throws or rejects: access_denied, or the alert of its TlsError, and the server has no connection', async () => {
  const stolen = new TlsError('ERR_TLS_CERTIFICATE_REJECTED', Alert.BAD_CERTIFICATE, 'Device 7 was stolen');
  const secret = new Error('select * from devices failed');
  for (const [judge, alert, message] of [
    [() => Promise.reject(stolen), Alert.BAD_CERTIFICATE, /stolen/],
    [() => Promise.reject(secret), Alert.ACCESS_DENIED, /not accepted/],
    [
      () => {
        throw secret;
      },
      Alert.ACCESS_DENIED,
      /not accepted/,
    ],
    [() => 7 as unknown as string, Alert.ACCESS_DENIED, /not accepted/],
    [() => 'x'.repeat(2000), Alert.ACCESS_DENIED, /not accepted/],
  ] as const) {
    const failures: QuicError[] = [];
    await withListener({ ...judging(judge), onHandshakeError: (error) => failures.push(error) }, async (listener) => {
      const error = await endOf(listener, { certificate });
      assert.is(error.code, 'ERR_QUIC_TLS');
      assert.is(error.errorCode, 0x0100 + alert);
      assert.match(error.message, message);
      assert.not.match(error.message, /select/);
      assert.is(listener.connectionCount, 0);
      assert.is(failures.length, 1);
      assert.is((failures[0]!.cause as TlsError).code, 'ERR_TLS_CERTIFICATE_REJECTED');
    });
  }
});

test('no certificate: refused, unless none is required', async () => {
  await withListener({ clientCertificates }, async (listener) => {
    const error = await endOf(listener, {});
    assert.is(error.errorCode, 0x0100 + Alert.CERTIFICATE_REQUIRED);
    assert.is(listener.connectionCount, 0);
  });
  const pair = await openPair({ listen: { clientCertificates: { ...clientCertificates, required: false } } });
  assert.equal(pair.server.peerCertificates, []);
  await pair.close();
});

test('a certificate of another authority is refused before the judge is asked', async () => {
  let asked = 0;
  const options = { clientCertificates: { roots: testRoots(), judge: () => void asked++ } };
  await withListener(options, async (listener) => {
    const error = await endOf(listener, { certificate });
    assert.is(error.errorCode, 0x0100 + Alert.UNKNOWN_CA);
  });
  assert.is(asked, 0);
});

test('connecting again resumes the session: no judge, the same identity and the same certificates', async () => {
  let asked = 0;
  const judge: JudgePeer = () => `client ${++asked}`;
  await withListener(judging(judge), async (listener) => {
    const sessions = new SessionCache();
    const seen: { identity: string | undefined; bytes: number; isResumed: boolean }[] = [];
    for (let i = 0; i < 3; i++) {
      const [client, server] = await Promise.all([connectTo(listener, { certificate, sessions }), listener.accept()]);
      assert.is(client.isResumed, server!.isResumed);
      assert.is(client.peerCertificates.length, 1);
      assert.is(server!.peerCertificates.length, 1);
      seen.push({ identity: server!.peerIdentity, bytes: client.stats().bytesReceived, isResumed: client.isResumed });
      // What came before the stream has come as well.
      const stream = await server!.openStream();
      await stream.end(Buffer.from('tickets came'));
      await readAll((await client.acceptStream())!);
      await client.close();
    }
    assert.is(asked, 1);
    assert.equal(
      seen.map(({ identity, isResumed }) => [identity, isResumed]),
      [
        ['client 1', false],
        ['client 1', true],
        ['client 1', true],
      ],
    );
    assert.ok(sessions.size > 0);
  });
});

test('a client that keeps no sessions gets no tickets, and a server may give none', async () => {
  const issued: string[] = [];
  const stored = new StoredTickets({ random });
  const tickets = {
    issue: (...args: Parameters<StoredTickets['issue']>) => {
      issued.push('ticket');
      return stored.issue(...args);
    },
    redeem: (...args: Parameters<StoredTickets['redeem']>) => stored.redeem(...args),
  };
  const without = await openPair({ listen: { resumption: { tickets } } });
  await without.close();
  assert.is(issued.length, 0);
  const one = await openPair({
    listen: { resumption: { tickets, ticketCount: 1 } },
    connect: { sessions: new SessionCache() },
  });
  await one.close();
  assert.is(issued.length, 1);
  const sessions = new SessionCache();
  const none = await openPair({ listen: { resumption: false }, connect: { sessions } });
  await (await none.server.openStream()).end(Buffer.from('no ticket before'));
  await readAll((await none.client.acceptStream())!);
  await none.close();
  assert.is(sessions.size, 0);
});

test('tickets of a listener that is gone cost nothing', async () => {
  const sessions = new SessionCache();
  let port = 0;
  for (let i = 0; i < 2; i++) {
    const { client, server, listener, close } = await openPair({ listen: { port }, connect: { sessions } });
    port = listener.address.port;
    assert.is(client.isResumed, false);
    await (await server.openStream()).end(Buffer.from('x'));
    await readAll((await client.acceptStream())!);
    await close();
  }
});

test('a store of one’s own is asked by name and scope, and one that throws harms nobody else', async () => {
  const calls: unknown[][] = [];
  const kept: ClientSession[] = [];
  const sessions = {
    take: (...args: unknown[]) => {
      calls.push(args);
      return kept.pop();
    },
    put: (session: ClientSession) => void kept.push(session),
  };
  await withListener({}, async (listener) => {
    const { port } = listener.address;
    for (let i = 0; i < 2; i++) {
      const [client, server] = await Promise.all([connectTo(listener, { sessions }), listener.accept()]);
      assert.is(client.isResumed, i === 1);
      await (await server!.openStream()).end(Buffer.from('x'));
      await readAll((await client.acceptStream())!);
      await client.close();
    }
    assert.equal(
      calls.map((args) => args.slice(0, 2)),
      [
        [TEST_SERVER_NAME, `${port} test`],
        [TEST_SERVER_NAME, `${port} test`],
      ],
    );
    const broken = {
      ...sessions,
      take: () => {
        throw new Error('disk');
      },
    };
    assert.is((await errorOf(connectTo(listener, { sessions: broken }))).message, 'disk');
  });
});

test('certificates are replaced while a listener runs; connections that live go on', async () => {
  const store = new CredentialStore([serverCredential('ecdsa-p256')]);
  await withListener({ certificate: store }, async (listener) => {
    const before = await connectTo(listener);
    assert.equal(before.peerCertificates, serverCredential('ecdsa-p256').chain);
    store.replace([serverCredential('ed25519')]);
    const after = await connectTo(listener);
    assert.equal(after.peerCertificates, serverCredential('ed25519').chain);
    assert.is(before.closeError, undefined);
    await Promise.all([before.close(), after.close()]);
  });
});

test('a client may judge the server as well', async () => {
  await withListener({}, async (listener) => {
    let subject = 0;
    const connection = await connectTo(listener, { judge: ({ path }) => void (subject = path.length) });
    assert.is(subject, 2);
    await connection.close();
    const error = await errorOf(connectTo(listener, { judge: () => Promise.reject(new Error('not today')) }));
    assert.is(error.code, 'ERR_QUIC_TLS');
    assert.is(((error.cause as TlsError).cause as Error).message, 'not today');
  });
});

test('groups are chosen on either side; with nothing in common there is no connection', async () => {
  await withListener({ groups: [NamedGroup.SECP256R1] }, async (listener) => {
    const connection = await connectTo(listener);
    await connection.close();
    const error = await errorOf(connectTo(listener, { groups: [NamedGroup.X25519] }));
    assert.is(error.errorCode, 0x0100 + Alert.HANDSHAKE_FAILURE);
  });
});

test('by default both sides agree on X25519MLKEM768, and the first flight has two datagrams', async () => {
  const socket = createSocket('udp4').bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const sizes: number[] = [];
  socket.on('message', (message) => sizes.push(message.length));
  const controller = new AbortController();
  const attempt = errorOf(
    connectTo({ address: { host: '127.0.0.1', port: socket.address().port } } as QuicListener, {
      signal: controller.signal,
    }),
  );
  while (sizes.length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.equal(sizes.slice(0, 2), [1200, 1200]);
  controller.abort(new Error('enough'));
  await attempt;
  socket.close();
});

test('both sides export the same secrets', async () => {
  const { client, server, close } = await openPair();
  const context = Buffer.from('context');
  const secret = client.exportKeyingMaterial('EXPORTER-test', context, 40);
  assert.is(secret.length, 40);
  assert.equal(server.exportKeyingMaterial('EXPORTER-test', context, 40), secret);
  await close();
});

test('mistakes in the options are found by listen(), not by the first client', async () => {
  const base = { host: '127.0.0.1', port: 0, alpnProtocols: ALPN, certificate: testCertificatePem('ecdsa-p256') };
  for (const [options, code] of [
    [{ clientCertificates: {} as never }, 'ERR_QUIC_OPTIONS'],
    [{ groups: [] }, 'ERR_TLS_CONFIG'],
    [{ groups: [0x0017, 0x9999 as never] }, 'ERR_TLS_CONFIG'],
    [{ resumption: { ticketCount: 9 } }, 'ERR_TLS_CONFIG'],
    [{ resumption: { lifetime: 604_801 } }, 'ERR_TLS_CONFIG'],
    [{ certificate: { chain: [] } as never }, 'ERR_TLS_CONFIG'],
  ] as const) {
    assert.is((await errorOf(listen({ ...base, ...options }))).code, code, JSON.stringify(options));
  }
});

test.run();
