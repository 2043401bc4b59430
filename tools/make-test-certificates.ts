/**
 * Writes packages/testkit/src/certificate-data.ts: the committed certificates and keys of simulations. Run by hand, when a
 * certificate of another kind is wanted; the keys are new each time, so every seed's bytes change with it.
 *
 *     node --conditions=@mquictt/source --import tsx tools/make-test-certificates.ts
 */
import { writeFileSync } from 'node:fs';
import {
  CLIENT_AUTH,
  SERVER_AUTH,
  buildCertificate,
  extensions,
  testKeyPair,
  toPem,
} from '../packages/testkit/src/certificate-builder.ts';
import type { TestKeyPair, TestKeyType } from '../packages/testkit/src/certificate-builder.ts';

const LOCALHOST = ['localhost', Uint8Array.of(127, 0, 0, 1), Uint8Array.from([...new Array<number>(15).fill(0), 1])];
const KEY_CERT_SIGN = 5;
const CRL_SIGN = 6;

let serial = 0x1000;

function authority(subject: string, key: TestKeyPair, issuer?: { subject: string; key: TestKeyPair }): Uint8Array {
  return buildCertificate({
    subject,
    key,
    serial: serial++,
    ...(issuer === undefined ? {} : { issuer: issuer.subject, issuerKey: issuer.key }),
    extensions: [
      extensions.basicConstraints(true, issuer === undefined ? undefined : 0),
      extensions.keyUsage(KEY_CERT_SIGN, CRL_SIGN),
      extensions.subjectKeyIdentifier(key),
      extensions.authorityKeyIdentifier(issuer?.key ?? key),
    ],
  });
}

function leaf(key: TestKeyPair, subject: string, issuer: { subject: string; key: TestKeyPair }): Uint8Array {
  return buildCertificate({
    subject,
    key,
    serial: serial++,
    issuer: issuer.subject,
    issuerKey: issuer.key,
    extensions: [
      extensions.basicConstraints(false),
      extensions.keyUsage(0),
      extensions.extendedKeyUsage(SERVER_AUTH, CLIENT_AUTH),
      extensions.subjectAlternativeName(...LOCALHOST),
      extensions.subjectKeyIdentifier(key),
      extensions.authorityKeyIdentifier(issuer.key),
    ],
  });
}

const ca = { subject: 'mquictt test CA P-256', key: testKeyPair('p256') };
const rsaCa = { subject: 'mquictt test CA RSA-2048', key: testKeyPair('rsa2048') };
const intermediate = { subject: 'mquictt test intermediate', key: testKeyPair('p256') };
const intermediateDer = authority(intermediate.subject, intermediate.key, rsaCa);

const entries: [name: string, doc: string, certificates: Uint8Array[], key: TestKeyPair][] = [
  ['CA_P256', 'A self-signed P-256 authority.', [authority(ca.subject, ca.key)], ca.key],
  ['CA_RSA2048', 'A self-signed RSA-2048 authority.', [authority(rsaCa.subject, rsaCa.key)], rsaCa.key],
];
const kinds: [name: string, type: TestKeyType][] = [
  ['P256', 'p256'],
  ['ED25519', 'ed25519'],
  ['RSA2048', 'rsa2048'],
  ['P384', 'p384'],
];
for (const [name, type] of kinds) {
  const key = testKeyPair(type);
  const subject = `mquictt test leaf ${name}`;
  entries.push([
    `LEAF_${name}`,
    `A leaf for localhost, 127.0.0.1 and ::1, issued by CA_P256.`,
    [leaf(key, subject, ca)],
    key,
  ]);
}
const chainKey = testKeyPair('p256');
entries.push([
  'CHAIN_RSA',
  'A P-256 leaf and its P-256 intermediate, which CA_RSA2048 signed with RSA PKCS#1 v1.5.',
  [leaf(chainKey, 'mquictt test leaf below an intermediate', intermediate), intermediateDer],
  chainKey,
]);

const lines = [
  '/**',
  ' * Committed certificates and keys, valid 2020..2120, made by tools/make-test-certificates.ts. The keys are public: they protect nothing.',
  ' */',
  '',
  'export interface CertificateData {',
  '  readonly certificatePem: string;',
  '  readonly keyPem: string;',
  '}',
];
for (const [name, doc, certificates, key] of entries) {
  lines.push(
    '',
    `/** ${doc} */`,
    `export const ${name}: CertificateData = {`,
    `  certificatePem: \`${certificates.map((certificate) => toPem('CERTIFICATE', certificate)).join('')}\`,`,
    `  keyPem: \`${toPem('PRIVATE KEY', key.pkcs8)}\`,`,
    '};',
  );
}
writeFileSync(new URL('../packages/testkit/src/certificate-data.ts', import.meta.url), `${lines.join('\n')}\n`);
