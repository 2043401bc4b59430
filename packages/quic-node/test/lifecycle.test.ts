/** What comes must go: sockets, timers, maps and the process itself. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { testCertificatePem } from '@mquictt/testkit';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { connectTo, listenLocally, readAll } from './support/loopback.ts';

const test = suite('lifecycle');

/** Longer than the idle timeout of a client whose last packet was lost on a busy machine. */
async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 8_000 && !condition(); i++) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.ok(condition());
}

const udpHandles = (): number => process.getActiveResourcesInfo().filter((name) => name === 'UDPWRAP').length;

test('200 connections, each with a stream, leave nothing', async () => {
  const handles = udpHandles();
  const listener = await listenLocally();
  listener.onConnection = (connection) => {
    connection.onStream = (stream) => {
      stream.onReadable = () => {
        for (let chunk = stream.tryRead(); chunk !== undefined; chunk = stream.tryRead()) stream.tryWrite(chunk);
        if (stream.receiveState === 'finished') stream.tryWrite(new Uint8Array(0), true);
      };
    };
  };
  for (let round = 0; round < 10; round++) {
    await Promise.all(
      Array.from({ length: 20 }, async (_, i) => {
        const client = await connectTo(listener);
        const stream = await client.openStream();
        void stream.end(Buffer.from(`hello ${i}`));
        assert.is(String(await readAll(stream)), `hello ${i}`);
        await client.close();
      }),
    );
  }
  await until(() => listener.connectionCount === 0);
  await until(() => listener.stats().connections === 0);
  const stats = listener.stats();
  assert.is(stats.halfOpenConnections, 0);
  assert.is(stats.connectionIds, 0);
  assert.is(stats.resetTokens, 0);
  assert.is(stats.timers, 0);
  assert.is(stats.readyConnections, 0);
  assert.is(stats.pendingEvents, 0);
  assert.is(stats.internalErrors, 0);
  assert.is(listener.internalErrors, 0);
  await listener.close();
  await until(() => udpHandles() === handles);
});

test('10,000 streams of one connection leave nothing', async () => {
  const listener = await listenLocally();
  const [client, server] = await Promise.all([connectTo(listener), listener.accept()]);
  let finished = 0;
  server!.onStream = (stream) => {
    stream.onReadable = () => {
      while (stream.tryRead() !== undefined);
      if (stream.receiveState === 'finished') finished++;
    };
  };
  const message = Buffer.from('a small message');
  for (let i = 0; i < 10_000; i++) {
    const stream = await client.openStream({ bidirectional: false });
    stream.tryWrite(message, true);
  }
  await until(() => finished === 10_000);
  await until(() => client.streamCount + server!.streamCount === 0);
  assert.is(client.stats().openStreams + server!.stats().openStreams, 0);
  await client.close();
  await listener.close();
});

/** Runs a program that uses this package. @returns exit code, output, and how long it took */
function run(source: string): Promise<{ code: number | null; output: string }> {
  const index = JSON.stringify(fileURLToPath(new URL('../src/index.ts', import.meta.url)));
  const program = `
    import { connect, listen, RootStore, readCertificatesPem } from ${index};
    const common = { alpnProtocols: ['x'] };
    const certificate = ${JSON.stringify(testCertificatePem('ecdsa-p256'))};
    const roots = new RootStore([]);
    ${source}`;
  const child = spawn(process.execPath, [
    '--conditions=@mquictt/source',
    '--import',
    'tsx',
    '--input-type=module',
    '-e',
    program,
  ]);
  let output = '';
  child.stdout.on('data', (chunk) => (output += chunk));
  child.stderr.on('data', (chunk) => (output += chunk));
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, output })));
}

test('a process ends by itself once everything is closed', async () => {
  const { code, output } = await run(`
    const listener = await listen({ ...common, host: '127.0.0.1', port: 0, certificate });
    console.log('listening');
    const error = await connect({ ...common, ...listener.address, serverName: 'localhost', roots }).catch((error) => error);
    console.log(error.cause.code);
    await listener.close();
    console.log('closed');`);
  assert.is(output, 'listening\nERR_TLS_CERTIFICATE_UNKNOWN_CA\nclosed\n');
  assert.is(code, 0);
});

test('a process that waits for a connection is not left hanging', async () => {
  const { code, output } = await run(`
    const error = await connect({ ...common, host: '127.0.0.1', port: 9, timeout: 100, roots }).catch((error) => error);
    console.log(error.message);`);
  assert.is(output, 'No answer from 127.0.0.1:9 within 100 ms\n');
  assert.is(code, 0);
});

test('a listener keeps the process alive', async () => {
  const { output } = await run(`
    await listen({ ...common, host: '127.0.0.1', port: 0, certificate });
    setTimeout(() => { console.log('alive'); process.exit(0); }, 300).unref();`);
  assert.is(output, 'alive\n');
});

test.run();
