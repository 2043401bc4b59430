import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, createServer } from 'node:tls';
import { X509Certificate, createPrivateKey } from 'node:crypto';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { seededRandom } from '@mquictt/testkit';
import { Alert, RootStore, createCredential, readCertificatesPem, verifyChain } from '../src/index.ts';
import { createDevelopmentCertificates, writeDevelopmentCertificates } from '../src/development-certificates/index.ts';
import type { DevelopmentCertificateOptions } from '../src/development-certificates/index.ts';
import { nodeProvider } from '../src/node/index.ts';
import { assertRefused } from './support/chains.ts';

const test = suite('development certificates');
const NOW = Date.UTC(2030, 0, 1);
const DAY = 86_400_000;

async function verifyMade(
  serverName: string,
  options: DevelopmentCertificateOptions = {},
  unixTime: number = NOW + 1000,
): Promise<void> {
  const { caPem, certificatePem, keyPem } = await createDevelopmentCertificates({ notBefore: NOW, ...options });
  const { chain } = createCredential({ provider: nodeProvider, random: seededRandom(1), certificatePem, keyPem });
  const roots = RootStore.fromPem(caPem);
  for (const purpose of ['server', 'client'] as const)
    verifyChain({ provider: nodeProvider, chain, roots, purpose, serverName, unixTime });
}

test('are good for every default name, with every kind of key, in both roles', async () => {
  for (const keyType of ['ecdsa-p256', 'ecdsa-p384', 'ed25519', 'rsa-2048'] as const)
    for (const name of ['localhost', '127.0.0.1', '::1']) await verifyMade(name, { keyType });
});

test('are good for the names that were given and no others', async () => {
  const names = ['*.broker.test', '10.1.2.3', 'fd00::1'];
  for (const name of ['a.broker.test', '10.1.2.3', 'fd00:0:0::1']) await verifyMade(name, { names });
  try {
    await verifyMade('localhost', { names });
    assert.unreachable('made for a name that was not given');
  } catch (error) {
    assert.is((error as { code?: string }).code, 'ERR_TLS_CERTIFICATE_NAME_MISMATCH');
  }
});

test('last as long as they were told', async () => {
  const made = await createDevelopmentCertificates({ days: 3, notBefore: NOW });
  for (const pem of [made.caPem, made.certificatePem])
    assert.is(new X509Certificate(pem).validTo, 'Jan  4 00:00:00 2030 GMT');
  await verifyMade('localhost', { days: 3 }, NOW + 3 * DAY - 1000);
  try {
    await verifyMade('localhost', { days: 3 }, NOW + 3 * DAY + 1000);
    assert.unreachable('still good on the fourth day');
  } catch (error) {
    assert.is((error as { code?: string }).code, 'ERR_TLS_CERTIFICATE_EXPIRED');
  }
});

test('OpenSSL takes them for what they are', async () => {
  const { caPem, certificatePem, keyPem } = await createDevelopmentCertificates();
  const [ca, certificate] = [new X509Certificate(caPem), new X509Certificate(certificatePem)];
  assert.ok(ca.ca);
  assert.not.ok(certificate.ca);
  assert.ok(certificate.checkIssued(ca));
  assert.ok(certificate.verify(ca.publicKey));
  assert.ok(certificate.checkPrivateKey(createPrivateKey(keyPem)));
  assert.is(certificate.checkHost('localhost'), 'localhost');
  assert.is(certificate.checkIP('127.0.0.1'), '127.0.0.1');
});

test('a TLS 1.3 client and server of OpenSSL shake hands with them, both showing a certificate', async () => {
  for (const keyType of ['ecdsa-p256', 'ecdsa-p384', 'ed25519', 'rsa-2048'] as const) {
    const { caPem: ca, certificatePem: cert, keyPem: key } = await createDevelopmentCertificates({ keyType });
    const server = createServer({ ca, cert, key, minVersion: 'TLSv1.3', requestCert: true }, (socket) => {
      socket.end(String(socket.authorized));
    });
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
    try {
      const { port } = server.address() as AddressInfo;
      const said = await new Promise<string>((resolve, reject) => {
        const socket = connect({ host: '127.0.0.1', port, servername: 'localhost', ca, cert, key }, () => {
          assert.ok(socket.authorized, keyType);
        });
        socket.once('error', reject);
        socket.once('data', (data: Buffer) => {
          socket.destroy();
          resolve(data.toString());
        });
      });
      assert.is(said, 'true', `${keyType} of the client`);
    } finally {
      await new Promise<void>((resolve) => void server.close(() => resolve()));
    }
  }
});

test('each authority has a name and a serial number of its own', async () => {
  const [a, b] = await Promise.all([createDevelopmentCertificates(), createDevelopmentCertificates()]);
  assert.is.not(new X509Certificate(a.caPem).subject, new X509Certificate(b.caPem).subject);
  assert.is.not(new X509Certificate(a.certificatePem).serialNumber, new X509Certificate(b.certificatePem).serialNumber);
});

test('options that make no sense are refused', async () => {
  const bad: DevelopmentCertificateOptions[] = [
    { names: [] },
    { names: ['not a name'] },
    { names: ['*.127.0.0.1'] },
    { days: 0 },
    { days: Number.NaN },
    { keyType: 'dsa' as 'ed25519' },
  ];
  for (const options of bad) {
    try {
      await createDevelopmentCertificates(options);
      assert.unreachable(JSON.stringify(options));
    } catch (error) {
      assert.is((error as { code?: string }).code, 'ERR_TLS_CONFIG', String(error));
    }
  }
});

test('files: a readable pair, a private key, and nothing overwritten unless asked', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'mquictt-'));
  try {
    const target = join(folder, 'made', 'here');
    const files = await writeDevelopmentCertificates(target);
    assert.is(files.keyFile, join(target, 'key.pem'));
    if (process.platform !== 'win32') assert.is(statSync(files.keyFile).mode & 0o777, 0o600);
    assert.is(readCertificatesPem(readFileSync(files.caFile, 'utf8')).length, 1);
    assert.is(readCertificatesPem(readFileSync(files.certificateFile, 'utf8')).length, 1);

    const before = readFileSync(files.certificateFile, 'utf8');
    let refusal: unknown;
    await writeDevelopmentCertificates(target).catch((error: unknown) => (refusal = error));
    assertRefused(
      () => {
        throw refusal;
      },
      'ERR_TLS_CONFIG',
      Alert.INTERNAL_ERROR,
      /ca\.pem is there already/,
    );
    assert.is(readFileSync(files.certificateFile, 'utf8'), before);

    rmSync(files.keyFile);
    writeFileSync(files.keyFile, 'open to all', { mode: 0o644 });
    await writeDevelopmentCertificates(target, { overwrite: true });
    assert.is.not(readFileSync(files.certificateFile, 'utf8'), before);
    if (process.platform !== 'win32') assert.is(statSync(files.keyFile).mode & 0o777, 0o600);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test.run();
