/** `mquictt serve` as a program of its own. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createDevelopmentCertificates } from '@mquictt/tls13/development-certificates';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Client, Config } from '../../src/index.ts';
import { rejection, until } from '../support/loopback.ts';

const test = suite('operations/serve');

const CLI = fileURLToPath(new URL('../../src/cli.ts', import.meta.url));
const children = new Set<ChildProcess>();
let folder = '';
const file = (name: string): string => join(folder, name);

test.before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mquictt-'));
});

test.after(async () => {
  for (const child of children) child.kill('SIGKILL');
  await rm(folder, { recursive: true });
});

interface Program {
  readonly child: ChildProcess;
  /** What it said. */
  log(): string;
  port(type: string): number;
  ended: Promise<number | string>;
}

function start(...args: string[]): Program {
  const child = spawn(
    process.execPath,
    ['--conditions=@mquictt/source', '--import', 'tsx', CLI, 'serve', '-a', '127.0.0.1:0', ...args],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  children.add(child);
  let text = '';
  child.stderr!.on('data', (chunk: Buffer) => (text += chunk.toString()));
  return {
    child,
    log: () => text,
    port: (type) => Number(new RegExp(`127\\.0\\.0\\.1:(\\d+)[^\\d]*${type}`).exec(text)?.[1]),
    ended: once(child, 'close').then(([code, signal]) => (code ?? signal) as number | string),
  };
}

async function started(...args: string[]): Promise<Program> {
  const program = start(...args);
  await until(() => program.log().includes('Listening') || program.child.exitCode !== null, 30_000);
  assert.ok(program.log().includes('Listening'), program.log());
  return program;
}

async function connectTo(program: Program, caPem: string): Promise<Client> {
  return Client.connect(
    '127.0.0.1:0',
    { host: '127.0.0.1', port: program.port('\\(quic\\)') },
    'localhost',
    '',
    Config.fromPem({ caPem }),
    { timeout: 5_000 },
  );
}

test('without certificates it makes some and says so; logs are JSON; metrics and health are there; SIGTERM ends it', async () => {
  const program = await started('--ca-out', file('ca.pem'), '--metrics', '0', '--tcp', '127.0.0.1:0');
  await until(() => program.log().includes('made for development'));
  const lines = program
    .log()
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { level: string; msg: string });
  assert.ok(lines.some(({ level, msg }) => level === 'warn' && msg.includes(`its CA is in ${file('ca.pem')}`)));
  assert.ok(lines.some(({ msg }) => /^Listening on 127\.0\.0\.1:\d+ \(tcp\)$/.test(msg)));
  const client = await connectTo(program, await readFile(file('ca.pem'), 'utf8'));
  const [, url] = /Metrics and health on (http:[^"]+)"/.exec(program.log())!;
  assert.match(await (await fetch(`${url}/metrics`)).text(), /^mquictt_clients_connected 1$/m);
  assert.is((await fetch(`${url}/health`)).status, 200);
  const system = await client.subscriber('$SYS/broker/clients/connected');
  assert.ok((await system.read()).length > 0);
  program.child.kill('SIGTERM');
  assert.is(await program.ended, 0, program.log());
  const { reasonCode } = await rejection(system.read());
  assert.is(reasonCode, 0x8b);
});

test('what is wrong with a configuration is said before anything begins', async () => {
  await writeFile(file('wrong.json'), '{ "monitoring": { "prot": 1 }, "max_packet_size": 1 }');
  const program = start('--config', file('wrong.json'));
  assert.is(await program.ended, 1);
  assert.match(program.log(), /ERR_MQTT_CONFIG: In .*wrong\.json:/);
  assert.match(program.log(), /"monitoring\.prot" is not known here: did you mean "port"\?/);
  assert.match(program.log(), /"max_packet_size" expected a whole number 64\.\.268435460 bytes, got 1/);
});

test('SIGHUP takes over certificates and log level, keeps connections, and keeps what it has when something is wrong', async () => {
  const [before, after] = await Promise.all([createDevelopmentCertificates(), createDevelopmentCertificates()]);
  const write = async (pem: typeof before, more: object = {}): Promise<void> => {
    await writeFile(file('cert.pem'), pem.certificatePem);
    await writeFile(file('key.pem'), pem.keyPem);
    const auth = { cert_file: 'cert.pem', key_file: 'key.pem' };
    await writeFile(file('server.json'), JSON.stringify({ auth, ...more }));
  };
  await write(before);
  const program = await started('--config', file('server.json'));
  const client = await connectTo(program, before.caPem);
  const publisher = await client.publisher('t');

  await writeFile(file('key.pem'), 'no key');
  program.child.kill('SIGHUP');
  await until(() => program.log().includes('nothing was changed'));
  await (await connectTo(program, before.caPem)).close();

  await write(after, { sys_interval: 60 });
  program.child.kill('SIGHUP');
  await until(() => program.log().includes('no effect before the next start'));
  assert.match(program.log(), /"keys":\["sysInterval"\]/);
  await publisher.publish('the connection lives');
  await (await connectTo(program, after.caPem)).close();
  assert.is((await rejection(connectTo(program, before.caPem))).code, 'ERR_MQTT_UNTRUSTED_SERVER');

  await write(after, { log: { level: 'silent' } });
  const length = program.log().length;
  program.child.kill('SIGHUP');
  await new Promise((resolve) => setTimeout(resolve, 300));
  await (await connectTo(program, after.caPem)).close();
  assert.is(program.log().length, length);
  program.child.kill('SIGTERM');
  assert.is(await program.ended, 0);
  await rejection(publisher.publish('x'));
});

test('SIGTERM under load: clients are told where to go, and the process ends in time', async () => {
  await writeFile(file('stop.json'), JSON.stringify({ shutdown: { server_reference: 'other.example' } }));
  const program = await started('--config', file('stop.json'), '--ca-out', file('ca2.pem'));
  await until(() => program.log().includes('made for development'));
  const client = await connectTo(program, await readFile(file('ca2.pem'), 'utf8'));
  const publisher = await client.publisher('t');
  let sent = 0;
  const publishing = (async () => {
    for (;;) {
      await publisher.publish('x'.repeat(1_000));
      sent++;
    }
  })();
  const failure = rejection(publishing);
  await until(() => sent > 100);
  const begin = performance.now();
  program.child.kill('SIGTERM');
  assert.is(await program.ended, 0, program.log());
  assert.ok(performance.now() - begin < 8_000);
  assert.is((await failure).reasonCode, 0x9c);
});

test('a second signal ends it at once, also another one', async () => {
  const program = await started('--ca-out', file('ca3.pem'));
  const sub = ['sub', '-p', String(program.port('\\(quic\\)')), '--cafile', file('ca3.pem'), '-t', '#'];
  const frozen = spawn(process.execPath, ['--conditions=@mquictt/source', '--import', 'tsx', CLI, ...sub]);
  children.add(frozen);
  await until(() => program.log().includes('A client connected'), 30_000);
  // It acknowledges nothing, so that the broker waits for it.
  frozen.kill('SIGSTOP');
  program.child.kill('SIGTERM');
  await until(() => program.log().includes('Stopping'));
  program.child.kill('SIGINT');
  assert.is(await program.ended, 'SIGINT');
});

test.run();
