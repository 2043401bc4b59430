import { buildCertificate, der, distinguishedName, extensions, testKeyPair } from '@mquictt/testkit';
import type { CertificateOptions } from '@mquictt/testkit';
import { parseCertificate } from '@mquictt/tls13';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { certificateName } from '../../src/access/certificate-name.ts';
import type { CertificateNameSource } from '../../src/access/certificate-name.ts';

const test = suite('names of certificates');

const key = testKeyPair('ed25519');

function nameOf(source: CertificateNameSource, options: Omit<CertificateOptions, 'key'>): string | undefined {
  return certificateName(parseCertificate(buildCertificate({ key, ...options })), source);
}

const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);
const subject = (...names: Uint8Array[]): Uint8Array =>
  der.derSequence(...names.map((name) => der.derSet(der.derSequence(der.derOid('2.5.4.3'), name))));

test('the common name, as it was written', () => {
  assert.is(nameOf('common-name', { subject: 'Device-7' }), 'Device-7');
  assert.is(nameOf('common-name', { subject: 'Gerät, CN=admin' }), 'Gerät, CN=admin');
  assert.is(nameOf('common-name', { subjectDer: subject(der.der(0x13, ascii('printable'))) }), 'printable');
});

test('no other attribute can pass for it', () => {
  const organization = der.derSequence(der.derSet(der.derSequence(der.derOid('2.5.4.10'), der.derUtf8('x, CN=admin'))));
  assert.is(nameOf('common-name', { subjectDer: organization, issuerDer: distinguishedName('ca') }), undefined);
});

test('who has two common names, or one that is no name, has none', () => {
  const names: Uint8Array[] = [
    subject(der.derUtf8('a'), der.derUtf8('b')),
    subject(),
    subject(der.derUtf8('admin\u0000.example')),
    subject(der.derUtf8('a\nb')),
    subject(der.derUtf8('')),
    subject(der.derUtf8('n'.repeat(1_025))),
    subject(der.der(0x14, Uint8Array.of(0xe9))),
  ];
  for (const subjectDer of names)
    assert.is(nameOf('common-name', { subjectDer, issuerDer: distinguishedName('ca') }), undefined);
});

const alternative = (...names: Uint8Array[]): Omit<CertificateOptions, 'key'> => ({
  extensions: [{ oid: '2.5.29.17', value: der.derSequence(...names) }],
});

test('the first alternative name of a kind', () => {
  const options = alternative(
    der.der(0x81, ascii('ann@example.org')),
    der.der(0x82, ascii('one.example')),
    der.der(0x82, ascii('two.example')),
    der.der(0x86, ascii('urn:device:7')),
  );
  assert.is(nameOf('dns', options), 'one.example');
  assert.is(nameOf('email', options), 'ann@example.org');
  assert.is(nameOf('uri', options), 'urn:device:7');
  assert.is(nameOf('dns', { subject: 'cn.example' }), undefined, 'the subject does not stand in for it');
  assert.is(nameOf('uri', { extensions: [extensions.subjectAlternativeName('a.example')] }), undefined);
});

test('an alternative name with bytes that are no ASCII text is none, and the next one does not take its place', () => {
  for (const bytes of [ascii('a\u0000b'), Uint8Array.of(0xff, 0x61), ascii('é')])
    assert.is(nameOf('dns', alternative(der.der(0x82, bytes), der.der(0x82, ascii('b.example')))), undefined);
});

test.run();
