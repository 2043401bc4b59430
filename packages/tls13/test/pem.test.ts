import { generateKeyPairSync } from 'node:crypto';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { CA_P256, CA_RSA2048, seededRandom, testCertificatePem, testRootsPem } from '@mquictt/testkit';
import { Alert, RootStore, createCredential, readCertificatesPem, readPrivateKeyPem } from '../src/index.ts';
import { nodeProvider } from '../src/node/index.ts';
import { nobleProvider } from '../src/providers/noble.ts';
import { assertRefused } from './support/chains.ts';

const test = suite('PEM, credentials and root stores');
const { INTERNAL_ERROR } = Alert;
const leaf = testCertificatePem('ecdsa-p256');

test('certificates are read in their order, whatever stands around them', () => {
  const [ca] = readCertificatesPem(CA_P256.certificatePem);
  const text = `Subject: CN=x\nserial 12\n\n${CA_P256.certificatePem}\r\n# next\n${leaf.keyPem}${leaf.certificatePem.replaceAll('\n', '\r\n')}`;
  const all = readCertificatesPem(text);
  assert.is(all.length, 2);
  assert.equal(all[0], ca);
  assert.equal(all[1], readCertificatesPem(leaf.certificatePem)[0]);
  assert.equal(readCertificatesPem(''), []);
  assert.equal(readCertificatesPem('no PEM at all'), []);
});

test('base64 agrees with that of Node for every length', () => {
  const random = seededRandom(51);
  for (let length = 1; length < 120; length++) {
    const bytes = random.bytes(length);
    const pem = `-----BEGIN CERTIFICATE-----\n${Buffer.from(bytes).toString('base64')}\n-----END CERTIFICATE-----`;
    assert.equal(readCertificatesPem(pem), [bytes]);
  }
});

test('blocks that are damaged', () => {
  const block = (body: string): string => `-----BEGIN CERTIFICATE-----\n${body}\n-----END CERTIFICATE-----\n`;
  const rows: [string, RegExp][] = [
    [block('AA*A'), /not base64/],
    [block('AAA\u00e9'), /not base64/],
    [block('AA=A'), /not base64/],
    [block('AAAAA'), /cut off/],
    [block('AAA'), /cut off/],
    [block('A==='), /empty|cut off/],
    [block(''), /empty/],
    ['-----BEGIN CERTIFICATE-----\nAAAA\n', /no END line/],
    ['-----BEGIN CERTIFICATE-----\nAAAA\n-----BEGIN CERTIFICATE-----\n', /no END line/],
    ['-----END CERTIFICATE-----\n', /no BEGIN line/],
    ['-----BEGIN CERTIFICATE-----\nAAAA\n-----END PRIVATE KEY-----\n', /no BEGIN line/],
    ['-----BEGIN TRUSTED CERTIFICATE-----\nAAAA\n-----END TRUSTED CERTIFICATE-----', /openssl x509/],
  ];
  for (const [text, sentence] of rows)
    assertRefused(() => readCertificatesPem(text), 'ERR_TLS_PEM', INTERNAL_ERROR, sentence);
});

test('private keys in PKCS#8, SEC1 and PKCS#1 are the same key', () => {
  const random = seededRandom(52);
  for (const namedCurve of ['P-256', 'P-384']) {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve });
    const pkcs8 = readPrivateKeyPem(privateKey.export({ type: 'pkcs8', format: 'pem' }).toString());
    const sec1 = readPrivateKeyPem(privateKey.export({ type: 'sec1', format: 'pem' }).toString());
    for (const provider of [nobleProvider, nodeProvider])
      assert.equal(
        provider.importSigningKey(sec1, random).publicKeyInfo,
        provider.importSigningKey(pkcs8, random).publicKeyInfo,
      );
  }
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  assert.equal(
    readPrivateKeyPem(privateKey.export({ type: 'pkcs1', format: 'pem' }).toString()),
    readPrivateKeyPem(privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()),
  );
});

test('the file of openssl ecparam -genkey, with its parameters in front', () => {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const parameters = '-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n';
  const sec1 = privateKey.export({ type: 'sec1', format: 'pem' }).toString();
  nobleProvider.importSigningKey(readPrivateKeyPem(parameters + sec1), seededRandom(1));
});

test('private keys that cannot be read say why', () => {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const encrypted = privateKey.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-128-cbc', passphrase: 'secret' });
  const oldEncrypted = privateKey.export({ type: 'sec1', format: 'pem', cipher: 'aes-128-cbc', passphrase: 'secret' });
  const rows: [string, RegExp][] = [
    ['', /no PEM block/],
    [leaf.certificatePem, /only CERTIFICATE; check that key and certificate are not swapped/],
    [encrypted.toString(), /is encrypted; decrypt it first/],
    [oldEncrypted.toString(), /is encrypted; decrypt it first/],
    [leaf.keyPem + leaf.keyPem, /2 private keys/],
    ['-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----', /convert the key to PKCS#8/],
  ];
  for (const [text, sentence] of rows)
    assertRefused(() => readPrivateKeyPem(text), 'ERR_TLS_PEM', INTERNAL_ERROR, sentence);
});

test('keys of other types are refused by name', () => {
  for (const provider of [nobleProvider, nodeProvider])
    for (const { privateKey } of [
      generateKeyPairSync('ec', { namedCurve: 'secp256k1' }),
      generateKeyPairSync('ed448'),
      generateKeyPairSync('x25519'),
      generateKeyPairSync('rsa-pss', { modulusLength: 2048, hashAlgorithm: 'sha1', mgf1HashAlgorithm: 'sha1' }),
    ]) {
      const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
      assertRefused(
        () => provider.importSigningKey(readPrivateKeyPem(pem), seededRandom(1)),
        'ERR_TLS_KEY_UNSUPPORTED',
        INTERNAL_ERROR,
        /type that is not supported; use P-256, P-384, P-521, Ed25519 or RSA/,
      );
    }
});

test('a credential is checked: key and certificate belong together', () => {
  const random = seededRandom(53);
  const other = testCertificatePem('rsa-chain');
  const rows: [{ certificatePem: string; keyPem: string }, RegExp][] = [
    [
      { ...leaf, keyPem: testCertificatePem('ed25519').keyPem },
      /does not belong to certificate "CN=mquictt test leaf P256"/,
    ],
    [
      { certificatePem: CA_P256.certificatePem + leaf.certificatePem, keyPem: leaf.keyPem },
      /belongs to certificate 2 of the chain, not to the first, "CN=mquictt test CA P-256"/,
    ],
    [{ ...other, keyPem: CA_RSA2048.keyPem }, /does not belong/],
  ];
  for (const provider of [nobleProvider, nodeProvider]) {
    const { chain, key } = createCredential({ provider, random, ...other });
    assert.is(chain.length, 2);
    assert.ok(key.schemes.length > 0);
    for (const [pems, sentence] of rows)
      assertRefused(() => createCredential({ provider, random, ...pems }), 'ERR_TLS_CONFIG', INTERNAL_ERROR, sentence);
  }
  assertRefused(
    () => createCredential({ provider: nobleProvider, random, certificatePem: leaf.keyPem, keyPem: leaf.keyPem }),
    'ERR_TLS_PEM',
    INTERNAL_ERROR,
    /no certificate/,
  );
});

test('a root store needs a certificate, and counts each once', () => {
  assertRefused(
    () => RootStore.fromPem(leaf.keyPem),
    'ERR_TLS_PEM',
    INTERNAL_ERROR,
    /no certificate in the PEM text of the roots/,
  );
  assertRefused(() => RootStore.fromPem(''), 'ERR_TLS_PEM', INTERNAL_ERROR, /no certificate/);
  const store = RootStore.fromPem(testRootsPem() + CA_P256.certificatePem);
  assert.is(store.size, 2);
  assert.is([...store].length, 2);
  assert.is(new RootStore().size, 0);
});

test.run();
