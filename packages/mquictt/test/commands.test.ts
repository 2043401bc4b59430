import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parseUrl } from '../src/commands/url.ts';
import { command, start } from './support/command.ts';
import type { Running } from './support/command.ts';
import { until } from './support/loopback.ts';

const test = suite('commands');

let folder = '';
const file = (name: string): string => join(folder, name);

test.before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mquictt-'));
});

test.after(async () => {
  await rm(folder, { recursive: true });
});

/** Where a broker said that it listens. */
function portOf(text: string): string {
  return /Listening on [^ ]*:(\d+) \(quic\)/.exec(text)?.[1] ?? '';
}

interface RunningBroker extends Running {
  /** Options by which pub and sub reach it. */
  readonly reach: readonly string[];
}

async function startBroker(...args: string[]): Promise<RunningBroker> {
  const ca = file('broker-ca.pem');
  const running = start(['broker', '--development', '--ca-out', ca, '-a', '127.0.0.1:0', ...args]);
  await until(() => running.error().includes('Listening'));
  const port = portOf(running.error());
  return { ...running, reach: ['-h', '127.0.0.1', '-p', port, '--cafile', ca] };
}

test('pub and sub meet at a broker, and Ctrl-C ends it', async () => {
  const broker = await startBroker('-v');
  const { reach } = broker;
  assert.is((await command(['pub', ...reach, '-t', 'a/b', '-m', 'kept', '-r', '-q', '1'])).code, 0);
  const kept = await command(['sub', ...reach, '-t', 'a/+', '-v', '-C', '1']);
  assert.equal([kept.code, kept.out], [0, 'a/b kept\n']);

  const live = start(['sub', ...reach, '-t', 'x', '-t', 'y', '-R', '-C', '3', '-q', '1']);
  await until(() => (broker.error().match(/A client connected/g) ?? []).length === 3);
  await new Promise((resolve) => setTimeout(resolve, 100));
  await command(['pub', ...reach, '-t', 'x', '-l'], 'one\ntwo\n');
  await command(['pub', ...reach, '-t', 'y', '-s'], 'all of it');
  const ran = await live.ran;
  assert.is(ran.code, 0);
  assert.equal(ran.out.trim().split('\n').sort(), ['all of it', 'one', 'two']);

  broker.interrupt();
  const { code, error } = await broker.ran;
  assert.is(code, 0);
  assert.match(error, /Closed/);
});

test('a broker listens where it is told to', async () => {
  const flags = ['--tcp', '0', '--tcp', '127.0.0.1:0', '--tls', '0', '--ws', '[::1]:0', '--wss', '0'];
  const broker = await startBroker(...flags);
  const lines = broker.error().match(/Listening on \S+:[1-9]\d* \(\w+\)/g) ?? [];
  assert.equal(
    lines.slice(1).map((line) => line.replace(/.* on |:\d+(?= )/g, '')),
    ['127.0.0.1 (tcp)', '127.0.0.1 (tcp)', '127.0.0.1 (tls)', '[::1] (ws)', '127.0.0.1 (wss)'],
  );
  broker.interrupt();
  assert.is((await broker.ran).code, 0);
});

test('messages come from files, are empty, and are printed as they are', async () => {
  const broker = await startBroker();
  const { reach } = broker;
  await writeFile(file('message'), 'from a file');
  assert.is((await command(['pub', ...reach, '-t', 'f', '-f', file('message'), '-r'])).code, 0);
  assert.is((await command(['sub', ...reach, '-t', 'f', '-C', '1', '-N'])).out, 'from a file');
  assert.is((await command(['pub', ...reach, '-t', 'f', '-n', '-r', '-q', '1'])).code, 0);
  const { code, out } = await command(['sub', ...reach, '-t', 'f', '-W', '0.2']);
  assert.equal([code, out], [27, '']);
  const missing = await command(['pub', ...reach, '-t', 'f', '-f', file('missing')]);
  assert.is(missing.code, 1);
  assert.match(missing.error, /^error: ERR_MQTT_INVALID_ARGUMENT: Cannot read the message/);
  const interrupted = start(['sub', ...reach, '-t', 'f']);
  await new Promise((resolve) => setTimeout(resolve, 150));
  interrupted.interrupt();
  assert.is((await interrupted.ran).code, 130);
  broker.interrupt();
  await broker.ran;
});

test('a URL stands for host, port and topic', async () => {
  const broker = await startBroker();
  const [, , , port, ...rest] = broker.reach;
  const url = `mqtt-quic://127.0.0.1:${port}/u/v`;
  assert.is((await command(['pub', '-L', url, ...rest, '-m', 'x', '-r'])).code, 0);
  const { out } = await command(['sub', '-L', `quic://127.0.0.1:${port}/u/#`, ...rest, '-C', '1', '-v']);
  assert.is(out, 'u/v x\n');
  broker.interrupt();
  await broker.ran;
});

test('certificates are written once, and make a broker', async () => {
  const target = file('certs');
  const first = await command(['certificates', target, '--names', 'localhost', '127.0.0.1']);
  assert.is(first.code, 0);
  assert.match(first.out, /server\.json/);
  assert.is((await stat(join(target, 'key.pem'))).mode & 0o777, 0o600);
  const second = await command(['certificates', target]);
  assert.is(second.code, 1);
  assert.match(second.error, /ERR_MQTT_CERTIFICATE: .*is there already/);
  const before = await readFile(join(target, 'cert.pem'), 'utf8');
  assert.is((await command(['certificates', target, '--force'])).code, 0);
  assert.is.not(await readFile(join(target, 'cert.pem'), 'utf8'), before);

  const auth = { ca_cert_file: 'certs/ca.pem', cert_file: 'certs/cert.pem', key_file: 'certs/key.pem' };
  await writeFile(file('server.json'), JSON.stringify({ auth }));
  const broker = start(['broker', '--config', file('server.json'), '-a', '127.0.0.1:0']);
  await until(() => broker.error().includes('Listening'));
  const port = portOf(broker.error());
  const sent = await command(['pub', '-p', port, '--config', file('server.json'), '-t', 't', '-m', 'x']);
  assert.is(sent.code, 0, sent.error);
  assert.is(sent.error, '');
  broker.interrupt();
  await broker.ran;

  const [cert, key] = [join(target, 'cert.pem'), join(target, 'key.pem')];
  const other = start(['broker', '--cert', cert, '--key', key, '-a', '127.0.0.1:0']);
  await until(() => other.error().includes('Listening'));
  other.interrupt();
  assert.is((await other.ran).code, 0);
});

test('a broker that requires certificates takes them with --cert and --key, and says no to others', async () => {
  const [ours, theirs] = [file('ours'), file('theirs')];
  for (const target of [ours, theirs]) assert.is((await command(['certificates', target])).code, 0);
  const pair = (target: string): string[] => ['--cert', join(target, 'cert.pem'), '--key', join(target, 'key.pem')];
  const trust = ['--cafile', join(ours, 'ca.pem')];
  const broker = start(['broker', ...pair(ours), ...trust, '--require-certificate', '-a', '127.0.0.1:0']);
  await until(() => broker.error().includes('Listening'));
  const port = portOf(broker.error());
  const publish = ['pub', '-h', '127.0.0.1', '-p', port, ...trust, '-t', 't', '-m', 'x', '-q', '1'];
  const welcome = await command([...publish, ...pair(ours)]);
  assert.is(welcome.code, 0, welcome.error);
  const anonymous = await command(publish);
  assert.is(anonymous.code, 1);
  assert.match(anonymous.error, /ERR_MQTT_UNREACHABLE: .*certificate_required/);
  const stranger = await command([...publish, ...pair(theirs)]);
  assert.is(stranger.code, 1);
  assert.match(stranger.error, /ERR_MQTT_UNREACHABLE: .*unknown_ca/);
  broker.interrupt();
  assert.is((await broker.ran).code, 0);
});

const USAGE: readonly [string, readonly string[], RegExp][] = [
  ['an unknown command', ['pubb'], /Did you mean pub/],
  ['no command', [], /Usage: mquictt/],
  ['an unknown option', ['sub', '-t', 'a', '--colour'], /unknown option/],
  ['QoS 2', ['pub', '-t', 'a', '-m', 'x', '-q', '2'], /QoS 2 is not there yet/],
  ['no message', ['pub', '-t', 'a'], /one of -m, -f, -n, -l and -s/],
  ['two messages', ['pub', '-t', 'a', '-m', 'x', '-n'], /one of/],
  ['no topic', ['pub', '-m', 'x'], /topic with -t/],
  ['no filter', ['sub'], /topic filter with -t/],
  ['a wrong port', ['sub', '-t', 'a', '-p', '70000'], /expected a whole number 1\.\.65535/],
  ['a certificate of a broker without key', ['serve', '--cert', 'x'], /--cert and --key together/],
  ['a certificate without key', ['sub', '-t', 'a', '--cert', 'x'], /--cert and --key together/],
  ['certificates twice', ['sub', '-t', 'a', '--config', 'x', '--cert', 'x', '--key', 'x'], /either --config/],
  ['a CA without certificate', ['broker', '--development', '--cafile', 'x'], /--cafile goes with --cert/],
  ['a broker with two', ['broker', '--development', '--cert', 'x', '--key', 'x'], /only one of/],
  ['a port that is none', ['serve', '--metrics', 'x'], /Expected a port or host:port, got x/],
  ['a URL of TCP', ['sub', '-L', 'mqtt://localhost/a'], /mqtt:\/\/ is not spoken here/],
  ['no URL', ['sub', '-L', 'localhost'], /no URL/],
  ['a listener without port', ['broker', '--development', '--tls', 'localhost:'], /the port is missing/],
  ['a will without topic', ['sub', '-t', 'a', '--will-payload', 'x'], /--will-topic/],
  ['no folder', ['certificates'], /missing required argument/],
];

for (const [what, args, message] of USAGE) {
  test(`${what} is a usage error`, async () => {
    const { code, error } = await command(args);
    assert.is(code, 2, error);
    assert.match(error, message);
  });
}

const FAILURES: readonly [string, readonly string[], RegExp][] = [
  [
    'nobody there',
    ['sub', '-t', 'a', '-h', '127.0.0.1', '-p', '9', '--timeout', '0.3'],
    /^error: ERR_MQTT_UNREACHABLE: No answer/,
  ],
  ['a missing configuration', ['broker', '--config', '/nowhere.json'], /^error: ERR_MQTT_CONFIG: Cannot read/],
  ['a missing CA', ['pub', '-t', 'a', '-m', 'x', '--cafile', '/nowhere.pem'], /^error: ERR_MQTT_CERTIFICATE/],
  ['a wrong address', ['broker', '--development', '-a', 'x:y'], /^error: ERR_MQTT_INVALID_ARGUMENT/],
];

for (const [what, args, message] of FAILURES) {
  test(`${what} is said with a code and a sentence`, async () => {
    const { code, error } = await command(args);
    assert.is(code, 1);
    assert.match(error, message);
  });
}

test('with --data a broker goes on where it was', async () => {
  const first = await startBroker('--data', file('data'), '--durability', 'os');
  assert.match(first.error(), /not a power cut/);
  assert.is((await command(['pub', ...first.reach, '-t', 'kept', '-m', 'still here', '-r', '-q', '1'])).code, 0);
  first.interrupt();
  await first.ran;
  const second = await startBroker('--data', file('data'));
  assert.not.match(second.error(), /warning/);
  assert.is((await command(['sub', ...second.reach, '-t', 'kept', '-C', '1'])).out, 'still here\n');
  const third = await command(['broker', '--development', '-a', '127.0.0.1:0', '--data', file('data')]);
  assert.is(third.code, 1);
  assert.match(third.error, /Another broker uses the folder/);
  second.interrupt();
  await second.ran;
});

test('flags of stores that do not go together are refused', async () => {
  for (const [flags, message] of [
    [['--data', 'a', '--redis', 'redis://b'], /only one of --data and --redis/],
    [['--durability', 'os'], /--durability is about the folder/],
    [['--redis-prefix', 'p'], /--redis-prefix goes with --redis/],
    [['--durability', 'paper'], /choices: disk, os|Allowed choices are disk, os/],
  ] as const) {
    const { code, error } = await command(['broker', '--development', ...flags]);
    assert.is(code, 2, error);
    assert.match(error, message);
  }
});

test('help and version', async () => {
  const help = await command(['sub', '--help']);
  assert.equal([help.code, help.error], [0, '']);
  assert.match(help.out, /--topic <filter>/);
  assert.match((await command(['--version'])).out, /^\d+\.\d+\.\d+\n$/);
});

test('URLs', () => {
  const none = { username: undefined, password: undefined, port: undefined, topic: undefined };
  assert.equal(parseUrl('quic://example.org'), { ...none, host: 'example.org' });
  assert.equal(parseUrl('mqtt-quic://[::1]:99/'), { ...none, host: '::1', port: 99 });
  assert.equal(parseUrl('mqtt-quic://u:p%40@h/a/+/#'), {
    ...none,
    host: 'h',
    username: 'u',
    password: 'p@',
    topic: 'a/+/#',
  });
});

test('as a program: SIGINT closes the broker', async () => {
  const cli = fileURLToPath(new URL('../src/cli.ts', import.meta.url));
  const args = ['--conditions=@mquictt/source', '--import', 'tsx', cli, 'broker', '--development', '-a', '127.0.0.1:0'];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let error = '';
  child.stderr.on('data', (chunk: Buffer) => {
    const wasListening = error.includes('Listening');
    error += chunk.toString();
    if (!wasListening && error.includes('Listening')) child.kill('SIGINT');
  });
  const [code] = (await once(child, 'close')) as [number];
  assert.is(code, 0, error);
  assert.match(error, /Closed\."?\}?\n$/);
});

test.run();
