import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { rootCertificates } from 'node:tls';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { CA_P256, CA_RSA2048, testCertificatePem } from '@mquictt/testkit';
import { Alert, RootStore } from '../src/index.ts';
import { defaultRoots, keyLogFile, nodeRandom, readRootsFile } from '../src/node/index.ts';
import { loadDefaultRoots } from '../src/node/roots.ts';
import { assertRefused } from './support/chains.ts';

const test = suite('tls13 on Node');
let folder = '';

test.before.each(() => {
  folder = mkdtempSync(join(tmpdir(), 'mquictt-'));
});
test.after.each(() => {
  rmSync(folder, { recursive: true });
});

test('default roots are those of Node and of the files in the environment', () => {
  const extra = join(folder, 'extra.pem');
  const file = join(folder, 'file.pem');
  writeFileSync(extra, CA_P256.certificatePem);
  writeFileSync(file, CA_RSA2048.certificatePem);
  const warnings: string[] = [];
  const warn = (message: string): void => void warnings.push(message);
  const plain = loadDefaultRoots({}, warn);
  assert.is(plain.size, new Set(rootCertificates).size);
  assert.is(loadDefaultRoots({ NODE_EXTRA_CA_CERTS: extra }, warn).size, plain.size + 1);
  assert.is(loadDefaultRoots({ NODE_EXTRA_CA_CERTS: extra, SSL_CERT_FILE: file }, warn).size, plain.size + 2);
  assert.is(loadDefaultRoots({ NODE_EXTRA_CA_CERTS: '' }, warn).size, plain.size);
  assert.equal(warnings, []);
});

test('a file that cannot be used gives a warning that names it, and the other roots', () => {
  const noCertificate = join(folder, 'key.pem');
  writeFileSync(noCertificate, testCertificatePem('ecdsa-p256').keyPem);
  const warnings: string[] = [];
  const missing = join(folder, 'missing.pem');
  const store = loadDefaultRoots({ NODE_EXTRA_CA_CERTS: missing, SSL_CERT_FILE: noCertificate }, (message) => {
    warnings.push(message);
  });
  assert.ok(store.size > 50);
  assert.is(warnings.length, 2);
  assert.match(warnings[0] ?? '', /^NODE_EXTRA_CA_CERTS is left out: Cannot read .*missing\.pem \(ENOENT\)/);
  assert.match(warnings[1] ?? '', /^SSL_CERT_FILE is left out: .*key\.pem cannot be used: There is no certificate/);
});

test('a roots file that was asked for by name is an error when it cannot be used', () => {
  const path = join(folder, 'ca.pem');
  assertRefused(
    () => readRootsFile(path),
    'ERR_TLS_CONFIG',
    Alert.INTERNAL_ERROR,
    /ca\.pem \(ENOENT\); check the path/,
  );
  writeFileSync(path, 'nothing');
  assertRefused(() => readRootsFile(path), 'ERR_TLS_PEM', Alert.INTERNAL_ERROR, /ca\.pem cannot be used/);
  writeFileSync(path, '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n');
  assertRefused(() => readRootsFile(path), 'ERR_TLS_PEM', Alert.INTERNAL_ERROR, /Root certificate 0/);
  writeFileSync(path, CA_P256.certificatePem);
  assert.is(readRootsFile(path).size, 1);
});

test('default roots are loaded once', () => {
  assert.is(defaultRoots(), defaultRoots());
  assert.instance(defaultRoots(), RootStore);
});

test("a key log file gets a line each and is its owner's alone", () => {
  const path = join(folder, 'keys.log');
  const log = keyLogFile(path);
  log('CLIENT_HANDSHAKE_TRAFFIC_SECRET 00 11');
  log('SERVER_HANDSHAKE_TRAFFIC_SECRET 00 22');
  assert.is(
    readFileSync(path, 'utf8'),
    'CLIENT_HANDSHAKE_TRAFFIC_SECRET 00 11\nSERVER_HANDSHAKE_TRAFFIC_SECRET 00 22\n',
  );
  if (process.platform !== 'win32') assert.is(statSync(path).mode & 0o777, 0o600);
});

test('random bytes fill all of the view and nothing else', () => {
  for (const fill of [nodeRandom.fillPublic, nodeRandom.fillPrivate]) {
    const bytes = new Uint8Array(80);
    fill.call(nodeRandom, bytes.subarray(8, 72));
    assert.ok(bytes.subarray(0, 8).every((byte) => byte === 0));
    assert.ok(bytes.subarray(72).every((byte) => byte === 0));
    assert.ok(bytes.subarray(8, 72).some((byte) => byte !== 0));
  }
});

test.run();
