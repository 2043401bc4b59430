import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { testCertificatePem, testRoots } from '@mquictt/testkit';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { connect, listen, nodeRuntime, QuicError, QuicNodeError, RootStore, type Runtime } from '../src/index.ts';
import { ALPN, connectTo, errorOf, listenLocally } from './support/loopback.ts';

const test = suite('connect and listen');

/** A UDP port that never answers. */
async function silentPort(): Promise<{ port: number; close: () => void }> {
  const socket = createSocket('udp4').bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return { port: socket.address().port, close: () => socket.close() };
}

/** The runtime, with the sockets that it gave out. */
function watchedRuntime(overrides: Partial<Runtime> = {}): { runtime: Runtime; openSockets: () => number } {
  let count = 0;
  const runtime: Runtime = {
    ...nodeRuntime,
    bind: async (options) => {
      const socket = await nodeRuntime.bind(options);
      count++;
      return {
        address: socket.address,
        port: socket.port,
        send: (batch, from) => socket.send(batch, from),
        unref: () => socket.unref?.(),
        close: async () => {
          await socket.close();
          count--;
        },
      };
    },
    ...overrides,
  };
  return { runtime, openSockets: () => count };
}

const base = { host: '127.0.0.1', serverName: 'localhost', alpnProtocols: ALPN, roots: testRoots() };

/** Sockets linger for a moment after a connection that we closed. */
function untilNone(openSockets: () => number): Promise<void> {
  return until(() => openSockets() === 0);
}

async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 400 && !condition(); i++) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.ok(condition());
}

test('a port where nobody listens: who did not answer, and for how long', async () => {
  const { port, close } = await silentPort();
  close();
  const { runtime, openSockets } = watchedRuntime();
  const error = await errorOf(connect({ ...base, runtime, port, timeout: 150 }));
  assert.instance(error, QuicError);
  assert.is(error.code, 'ERR_QUIC_HANDSHAKE_TIMEOUT');
  assert.is((error as QuicError).fault, 'timeout');
  assert.is(error.message, `No answer from 127.0.0.1:${port} within 150 ms`);
  await untilNone(openSockets);
});

test("without a timeout of its own the transport's handshakeTimeout counts", async () => {
  const { port, close } = await silentPort();
  const error = await errorOf(connect({ ...base, port, transport: { handshakeTimeout: 120 } }));
  assert.is(error.message, `No answer from 127.0.0.1:${port} within 120 ms`);
  close();
});

test('an unknown authority', async () => {
  const listener = await listenLocally();
  const error = await errorOf(connectTo(listener, { roots: new RootStore([]) }));
  assert.is(error.code, 'ERR_QUIC_TLS');
  assert.is((error.cause as { code: string }).code, 'ERR_TLS_CERTIFICATE_UNKNOWN_CA');
  assert.match(error.message, new RegExp(`^Could not connect to 127\\.0\\.0\\.1:${listener.address.port}: `));
  assert.match(error.message, /unknown_ca/);
  await listener.close();
});

test("another server's name", async () => {
  const failures: string[] = [];
  const listener = await listenLocally({ onHandshakeError: (error) => failures.push(error.message) });
  const error = await errorOf(connectTo(listener, { serverName: 'broker.example' }));
  assert.is(error.code, 'ERR_QUIC_TLS');
  assert.is((error.cause as { code: string }).code, 'ERR_TLS_CERTIFICATE_NAME_MISMATCH');
  assert.match(error.message, /broker\.example/);
  await until(() => failures.length === 1);
  await listener.close();
});

test('no protocol in common', async () => {
  const failures: QuicError[] = [];
  const listener = await listenLocally({ onHandshakeError: (error) => failures.push(error) });
  const error = await errorOf(connectTo(listener, { alpnProtocols: ['something-else'] }));
  assert.is(error.code, 'ERR_QUIC_TLS');
  assert.is(error.errorCode, 0x0100 + 120);
  assert.match(error.message, /no_application_protocol/);
  await until(() => failures.length === 1);
  assert.is(failures[0]!.code, 'ERR_QUIC_TLS');
  assert.is((failures[0]!.cause as { code: string }).code, 'ERR_TLS_NO_APPLICATION_PROTOCOL');
  assert.is(listener.connectionCount, 0);
  await listener.close();
});

test('a server that is full', async () => {
  const listener = await listenLocally({ maxConnections: 1 });
  const client = await connectTo(listener);
  const error = await errorOf(connectTo(listener));
  assert.is(error.code, 'ERR_QUIC_CONNECTION_REFUSED');
  await client.close();
  await listener.close();
});

test('a name without an address', async () => {
  const error = await errorOf(connect({ ...base, host: 'no-such-host.invalid', port: 4433 }));
  assert.instance(error, QuicNodeError);
  assert.is(error.code, 'ERR_QUIC_LOOKUP');
});

test('options that cannot work are refused with a sentence', async () => {
  const certificate = testCertificatePem('ecdsa-p256');
  const cases: readonly (readonly [Promise<unknown>, string, RegExp])[] = [
    [connect({ ...base, port: 0 }), 'ERR_QUIC_ADDRESS', /a server has a port of its own/],
    [connect({ ...base, port: 70_000 }), 'ERR_QUIC_ADDRESS', /port expected 0\.\.65535/],
    [connect({ ...base, host: '', port: 1 }), 'ERR_QUIC_ADDRESS', /host is empty/],
    [connect({ ...base, port: 1, alpnProtocols: [] }), 'ERR_QUIC_OPTIONS', /at least one name/],
    [connect({ ...base, port: 1, alpnProtocols: ['x'.repeat(256)] }), 'ERR_QUIC_OPTIONS', /1\.\.255 bytes/],
    [connect({ ...base, port: 1, localAddress: { host: '::1', port: 0 } }), 'ERR_QUIC_ADDRESS', /has no IPv6 address/],
    [
      connect({ ...base, port: 1, localAddress: { host: 'eth0', port: 0 } }),
      'ERR_QUIC_ADDRESS',
      /expected an IP address/,
    ],
    [
      connect({ ...base, port: 1, localAddress: { host: '192.0.2.1', port: 0 } }),
      'ERR_QUIC_BIND',
      /does not have the address/,
    ],
    [listen({ host: '192.0.2.1', port: 0, alpnProtocols: ALPN, certificate }), 'ERR_QUIC_BIND', /192\.0\.2\.1:0/],
    [listen({ host: '127.0.0.1', port: 0, alpnProtocols: [], certificate }), 'ERR_QUIC_OPTIONS', /at least one name/],
    [
      listen({ host: '127.0.0.1', port: 0, alpnProtocols: ALPN, certificate: { ...certificate, certificatePem: 'x' } }),
      'ERR_TLS_PEM',
      /no certificate/,
    ],
  ];
  for (const [attempt, code, sentence] of cases) {
    const error = await errorOf(attempt);
    assert.is(error.code, code, error.stack ?? '');
    assert.match(error.message, sentence);
  }
});

test('a port in use', async () => {
  const listener = await listenLocally();
  const error = await errorOf(listenLocally({ port: listener.address.port }));
  assert.is(error.code, 'ERR_QUIC_BIND');
  await listener.close();
  // Free again.
  await (await listenLocally({ port: listener.address.port })).close();
});

test('from a chosen local address', async () => {
  const listener = await listenLocally();
  const client = await connectTo(listener, { localAddress: { host: '127.0.0.2', port: 0 } });
  const server = (await listener.accept())!;
  assert.is(server.remoteAddress.host, '127.0.0.2');
  assert.equal(server.remoteAddress, client.localAddress);
  await client.close();
  await listener.close();
});

test('aborting: before, during the look-up, during the handshake', async () => {
  const reason = new Error('changed my mind');
  assert.is(await errorOf(connect({ ...base, port: 9, signal: AbortSignal.abort(reason) })), reason);

  const { runtime, openSockets } = watchedRuntime({ lookup: () => new Promise(() => {}) });
  const looking = new AbortController();
  setTimeout(() => looking.abort(reason), 10);
  assert.is(await errorOf(connect({ ...base, runtime, port: 9, signal: looking.signal })), reason);
  assert.is(openSockets(), 0);
  const slow = await errorOf(connect({ ...base, runtime, port: 9, timeout: 20 }));
  assert.is(slow.message, 'The address of 127.0.0.1 was not found within 20 ms');

  const watched = watchedRuntime();
  const { port, close } = await silentPort();
  const shaking = new AbortController();
  setTimeout(() => shaking.abort(reason), 30);
  assert.is(await errorOf(connect({ ...base, runtime: watched.runtime, port, signal: shaking.signal })), reason);
  await untilNone(watched.openSockets);
  close();
});

test('an IPv6 address may be written in brackets, and is what the certificate must carry', async () => {
  const listener = await listenLocally({ host: '[::1]' });
  const { port } = listener.address;
  const client = await connect({ host: '[::1]', port, alpnProtocols: ALPN, roots: testRoots() });
  assert.equal(client.remoteAddress, { host: '::1', port });
  assert.is(client.serverName, '::1');
  // An address is not sent as a name (RFC 6066 §3).
  assert.is((await listener.accept())!.serverName, undefined);
  await client.close();
  await listener.close();
});

test('an abort after the handshake does nothing', async () => {
  const listener = await listenLocally();
  const controller = new AbortController();
  const client = await connectTo(listener, { signal: controller.signal });
  controller.abort();
  await client.openStream();
  assert.is(client.closeError, undefined);
  await client.close();
  await listener.close();
});

test('of several addresses the first that answers wins, and nothing remains of the others', async () => {
  const silent = await silentPort();
  const listener = await listenLocally({ host: '127.0.0.2', port: silent.port });
  const { runtime, openSockets } = watchedRuntime({ lookup: async () => ['127.0.0.1', '127.0.0.2'] });
  const client = await connect({ ...base, runtime, host: 'two.example', port: silent.port });
  assert.is(client.remoteAddress.host, '127.0.0.2');
  await client.close();
  await untilNone(openSockets);
  silent.close();
  const error = await errorOf(connect({ ...base, runtime, host: 'two.example', port: 1, timeout: 400 }));
  assert.is(error.message, 'No answer from 127.0.0.1:1 or 127.0.0.2:1 within 400 ms');
  await untilNone(openSockets);
  await listener.close();
});

test('what one address answers is told rather than the silence of another', async () => {
  const silent = await silentPort();
  const listener = await listenLocally({ host: '127.0.0.2', port: silent.port });
  const { runtime } = watchedRuntime({ lookup: async () => ['127.0.0.2', '127.0.0.1'] });
  const options = { ...base, runtime, host: 'two.example', port: silent.port, roots: new RootStore([]), timeout: 600 };
  const error = await errorOf(connect(options));
  // The deadline may come first; a certificate problem is known long before.
  assert.match(error.message, /two\.example|No answer/);
  silent.close();
  await listener.close();
});

test.run();
