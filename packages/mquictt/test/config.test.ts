import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createDevelopmentCertificates } from '@mquictt/tls13/development-certificates';
import { Config } from '../src/index.ts';
import { rejection } from './support/loopback.ts';

const test = suite('config');

let folder = '';
const home = process.cwd();
const file = (name: string): string => join(folder, name);

test.before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mquictt-'));
  const { caPem, certificatePem, keyPem } = await createDevelopmentCertificates();
  const other = await createDevelopmentCertificates();
  await writeFile(file('ca.pem'), caPem);
  await writeFile(file('cert.pem'), certificatePem);
  await writeFile(file('key.pem'), keyPem);
  await writeFile(file('other.pem'), other.keyPem);
  await writeFile(file('empty.pem'), 'nothing here\n');
  await mkdir(file('folder.pem'));
  await mkdir(file('configs'));
});

test.after(async () => {
  process.chdir(home);
  await rm(folder, { recursive: true });
});

async function read(content: unknown, name = 'config.json'): Promise<Config> {
  await writeFile(file(name), typeof content === 'string' ? content : JSON.stringify(content));
  return Config.read(file(name));
}

test('reads certificates, with paths relative to the file', async () => {
  const config = await read({ auth: { ca_cert_file: 'ca.pem', cert_file: 'cert.pem', key_file: 'key.pem' } });
  assert.is(config.roots?.size, 1);
  assert.is(config.credential?.chain.length, 1);
  assert.is(config.logs, undefined);
});

test('falls back to the working directory, and takes absolute paths', async () => {
  process.chdir(folder);
  const config = await read({ auth: { ca_cert_file: 'ca.pem' } }, 'configs/here.json');
  assert.is(config.roots?.size, 1);
  process.chdir(home);
  const absolute = await read({ auth: { ca_cert_file: file('ca.pem') } }, 'configs/there.json');
  assert.is(absolute.roots?.size, 1);
});

test('everything may be left out, and what is not known is ignored', async () => {
  for (const content of [{}, { auth: null }, { auth: {} }, { logs: null }, { later: true, auth: { what: 1 } }]) {
    const config = await read(content);
    assert.is(config.roots, undefined);
    assert.is(config.credential, undefined);
  }
  assert.is(Config.empty().credential, undefined);
});

test('logs have defaults', async () => {
  assert.equal((await read({ logs: { dir: 'data', compression_factor: 3 } })).logs, {
    path: 'default.mquictt',
    cacheCapacity: 1_073_741_824,
    useCompression: false,
    compressionFactor: 3,
    flushEveryMs: 500,
  });
});

const WRONG: readonly [string, unknown, string, RegExp][] = [
  ['no JSON', '{ "auth": ', 'ERR_MQTT_CONFIG', /config\.json is not JSON/],
  ['a list', [], 'ERR_MQTT_CONFIG', /expected an object, got a list/],
  ['auth of the wrong type', { auth: 'ca.pem' }, 'ERR_MQTT_CONFIG', /"auth" expected an object, got string/],
  [
    'a number for a file',
    { auth: { cert_file: 5 } },
    'ERR_MQTT_CONFIG',
    /"auth.cert_file" expected a string, got number/,
  ],
  ['an empty name', { auth: { cert_file: '' } }, 'ERR_MQTT_CONFIG', /an empty string/],
  [
    'logs of the wrong type',
    { logs: { use_compression: 'no' } },
    'ERR_MQTT_CONFIG',
    /"logs.use_compression" expected true or/,
  ],
  ['a fraction', { logs: { flush_every_ms: 0.5 } }, 'ERR_MQTT_CONFIG', /"logs.flush_every_ms" expected a whole number/],
  ['a missing file', { auth: { ca_cert_file: 'nowhere.pem' } }, 'ERR_MQTT_CERTIFICATE', /nowhere\.pem.*no such file/],
  ['a folder', { auth: { ca_cert_file: 'folder.pem' } }, 'ERR_MQTT_CERTIFICATE', /folder/],
  ['a file without certificates', { auth: { ca_cert_file: 'empty.pem' } }, 'ERR_MQTT_CERTIFICATE', /empty\.pem/],
  ['a certificate without key', { auth: { cert_file: 'cert.pem' } }, 'ERR_MQTT_CERTIFICATE', /key_file/],
  ['a key without certificate', { auth: { key_file: 'key.pem' } }, 'ERR_MQTT_CERTIFICATE', /cert_file/],
  ['swapped files', { auth: { cert_file: 'key.pem', key_file: 'cert.pem' } }, 'ERR_MQTT_CERTIFICATE', /swapped/],
  [
    "another's key",
    { auth: { cert_file: 'cert.pem', key_file: 'other.pem' } },
    'ERR_MQTT_CERTIFICATE',
    /does not belong/,
  ],
];

for (const [what, content, code, message] of WRONG) {
  test(`${what} gives ${code} and a sentence`, async () => {
    const error = await rejection(read(content));
    assert.is(error.code, code, error.message);
    assert.match(error.message, message);
  });
}

test('a missing configuration file', async () => {
  const error = await rejection(Config.read(file('missing.json')));
  assert.is(error.code, 'ERR_MQTT_CONFIG');
  assert.match(error.message, /missing\.json: there is no such file/);
});

test('a file that may not be read', async () => {
  // Root may read everything.
  if (process.getuid?.() === 0) return;
  await writeFile(file('secret.json'), '{}');
  await chmod(file('secret.json'), 0);
  assert.match((await rejection(Config.read(file('secret.json')))).message, /may not be read/);
});

test.run();
