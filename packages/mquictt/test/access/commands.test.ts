/** `mquictt passwd`, and a broker that reads its configuration again. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PasswordFile } from '../../src/access/password-file.ts';
import { command, start } from '../support/command.ts';
import { utf8 } from '../support/hex.ts';
import { until } from '../support/loopback.ts';

const test = suite('access on the command line');

let folder = '';
const file = (name: string): string => join(folder, name);
test.before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mquictt-'));
});
test.after(async () => {
  await rm(folder, { recursive: true });
});

test('passwd sets, changes and deletes, in a file that only its owner reads', async () => {
  const users = file('users');
  const made = await command(['passwd', users, 'ann'], 'first secret\n');
  assert.equal([made.code, made.out], [0, ''], made.error);
  assert.is((await stat(users)).mode & 0o777, 0o600);
  assert.is((await command(['passwd', users, 'bob'], 'other')).code, 0);
  assert.is((await command(['passwd', users, 'ann'], 'second secret\r\n')).code, 0);
  const passwords = await PasswordFile.read(users);
  assert.is(await passwords.verify('ann', utf8('second secret')), 'right');
  assert.is(await passwords.verify('ann', utf8('first secret')), 'wrong');
  assert.is((await command(['passwd', users, 'ann', '-D'])).code, 0);
  assert.not.match(await readFile(users, 'utf8'), /ann|secret/);
  assert.equal(
    (await readdir(folder)).filter((name) => name.startsWith('users')),
    ['users'],
    'nothing is left over',
  );
});

test('what passwd cannot do, it says', async () => {
  const users = file('more');
  const cases: readonly [string[], string, number, RegExp][] = [
    [['passwd', users, 'a:b'], 'x', 1, /The name has a colon/],
    [['passwd', users, 'ann'], '', 2, /The password is empty/],
    [['passwd', users, 'ann', '-D'], '', 1, /Cannot read the password file/],
    [['passwd', join(folder, 'no', 'folder'), 'ann'], 'x', 1, /Cannot write the password file/],
    [['passwd', users], 'x', 2, /missing required argument/],
  ];
  for (const [args, input, code, message] of cases) {
    const ran = await command(args, input);
    assert.is(ran.code, code, ran.error);
    assert.match(ran.error, message);
  }
  await writeFile(users, 'in the clear\n');
  const broken = await command(['passwd', users, 'ann'], 'x');
  assert.match(broken.error, /line 1/);
  assert.is(await readFile(users, 'utf8'), 'in the clear\n');
  await writeFile(users, '');
  assert.match((await command(['passwd', users, 'ann', '-D'])).error, /There is no "ann"/);
});

test('a broker with a password file, which is read again on SIGHUP; a broken one changes nothing', async () => {
  const users = file('served');
  await command(['passwd', users, 'ann'], 'one');
  const ca = file('ca.pem');
  const broker = start(['broker', '--development', '--ca-out', ca, '-a', '127.0.0.1:0', '--password-file', users]);
  await until(() => broker.error().includes('Listening'));
  const port = /Listening on 127\.0\.0\.1:(\d+)/.exec(broker.error())?.[1] ?? '';
  const publish = async (password: string): Promise<number> => {
    const reach = ['-h', '127.0.0.1', '-p', port, '--cafile', ca, '-u', 'ann', '-P', password];
    return (await command(['pub', ...reach, '-t', 't', '-m', 'x', '-q', '1'])).code;
  };
  assert.equal([await publish('one'), await publish('two')], [0, 1]);
  await command(['passwd', users, 'ann'], 'two');
  assert.is(await publish('one'), 0, 'not before it is told');
  broker.reload();
  await until(() => broker.error().includes('read again'));
  assert.equal([await publish('one'), await publish('two')], [1, 0]);
  await writeFile(users, 'broken\n');
  broker.reload();
  await until(() => broker.error().includes('nothing was changed'));
  assert.match(broker.error(), /served, line 1/);
  assert.is(await publish('two'), 0);
  broker.interrupt();
  assert.is((await broker.ran).code, 0);
});

test('a configuration with rules, read again on SIGHUP of a real process', async () => {
  const { error } = await command(['certificates', file('pki')]);
  const auth = { cert_file: 'pki/cert.pem', key_file: 'pki/key.pem' };
  const configure = (topic: string): Promise<void> =>
    writeFile(file('server.json'), JSON.stringify({ auth, access: { rules: [{ allow: 'all', topic }] } }));
  await configure('a');
  const child = spawn(
    process.execPath,
    [
      '--conditions=@mquictt/source',
      '--import',
      'tsx',
      fileURLToPath(new URL('../../src/cli.ts', import.meta.url)),
      'broker',
      '-c',
      file('server.json'),
      '-a',
      '127.0.0.1:0',
    ],
    { stdio: ['ignore', 'inherit', 'pipe'] },
  );
  let said = error;
  child.stderr.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  try {
    await until(() => said.includes('Listening'), 20_000);
    const port = /Listening on 127\.0\.0\.1:(\d+)/.exec(said)?.[1] ?? '';
    const publish = async (topic: string): Promise<number> =>
      (
        await command([
          'pub',
          '-h',
          '127.0.0.1',
          '-p',
          port,
          '--cafile',
          file('pki/ca.pem'),
          '-t',
          topic,
          '-m',
          'x',
          '-q',
          '1',
        ])
      ).code;
    assert.equal([await publish('a'), await publish('b')], [0, 1]);
    await configure('b');
    child.kill('SIGHUP');
    await until(() => said.includes('read again'));
    assert.equal([await publish('a'), await publish('b')], [1, 0]);
    child.kill('SIGTERM');
    assert.equal(await once(child, 'exit'), [0, null]);
  } finally {
    child.kill('SIGKILL');
  }
});

test('a terminal is asked without being shown the password', async () => {
  // script(1) of util-linux gives the program a terminal.
  const cli = [
    '--conditions=@mquictt/source',
    '--import',
    'tsx',
    fileURLToPath(new URL('../../src/cli.ts', import.meta.url)),
  ];
  const line = [process.execPath, ...cli, 'passwd', file('asked'), 'ann'].map((part) => `'${part}'`).join(' ');
  const child = spawn('script', ['-qec', line, '/dev/null'], { stdio: ['pipe', 'pipe', 'inherit'] });
  const failed = once(child, 'error').then(() => true);
  let shown = '';
  child.stdout.on('data', (chunk: Buffer) => {
    shown += chunk.toString();
  });
  try {
    // Where there is no such program, there is nothing to look at; the rest is tested above.
    if (await Promise.race([failed, once(child, 'spawn').then(() => false)])) return;
    const exited = once(child, 'exit');
    await until(() => shown.includes('Password: '), 20_000);
    child.stdin.write('hidden\r');
    await until(() => shown.includes('Once more: '));
    child.stdin.write('hidden\r');
    assert.is((await exited)[0], 0, shown);
    assert.not.match(shown, /hidden/);
    assert.is(await (await PasswordFile.read(file('asked'))).verify('ann', utf8('hidden')), 'right');
  } finally {
    child.kill('SIGKILL');
  }
});

test.run();
