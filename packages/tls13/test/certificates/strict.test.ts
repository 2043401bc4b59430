import { X509Certificate } from 'node:crypto';
import { rootCertificates } from 'node:tls';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { buildCertificate, der, extensions } from '@mquictt/testkit';
import { Alert, TlsError, parseCertificate, readCertificatesPem } from '../../src/index.ts';
import { derOid, derWhole, readDerChildren, readDerRoot } from '../../src/der.ts';
import { assertRefused, keyFor } from '../support/chains.ts';

/**
 * What may be written in one way only is read in one way only: where a reader is lenient, a constraint can get lost between the authority
 * that meant it and the client that should heed it.
 */
const test = suite('certificates are read strictly');

const sample = buildCertificate({
  key: keyFor('strict'),
  extensions: [extensions.basicConstraints(true, 1), extensions.keyUsage(0, 5)],
});

/** The elements inside `bytes`. */
function children(bytes: Uint8Array): Uint8Array[] {
  return readDerChildren(bytes, readDerRoot(bytes, bytes[0] as number)).map((element) => derWhole(bytes, element));
}

const [sampleTbs, algorithm, signature] = children(sample) as [Uint8Array, Uint8Array, Uint8Array];
/** Version, serial number, algorithm, issuer, validity, subject, key, extensions. */
const fields = children(sampleTbs);

function withFields(...tbs: readonly Uint8Array[]): Uint8Array {
  return der.derSequence(der.derSequence(...tbs), algorithm, signature);
}

function withField(index: number, value: Uint8Array): Uint8Array {
  return withFields(...fields.map((field, i) => (i === index ? value : field)));
}

/** A certificate with one extension, whose parts are given. */
function withExtension(...parts: readonly Uint8Array[]): Uint8Array {
  return withField(7, der.derExplicit(3, der.derSequence(der.derSequence(...parts))));
}

function withValue(oid: string, value: Uint8Array): Uint8Array {
  return withExtension(der.derOid(oid), der.derOctetString(value));
}

function refused(bytes: Uint8Array, sentence: RegExp): void {
  assertRefused(() => parseCertificate(bytes), 'ERR_TLS_CERTIFICATE_INVALID', Alert.BAD_CERTIFICATE, sentence);
}

const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const oid = der.derOid('1.2.3.4');
const value = der.derOctetString(der.derNull());

test('what is changed below is fine as it is', () => {
  const { isCa, pathLength } = parseCertificate(withFields(...fields)).extensions;
  assert.equal([isCa, pathLength], [true, 1]);
});

test('a critical flag does not get lost', () => {
  const { unknownCritical } = parseCertificate(withExtension(oid, der.derBoolean(true), value)).extensions;
  assert.equal(unknownCritical, ['1.2.3.4']);
  // FALSE is the default and should be left out, but occurs.
  assert.equal(parseCertificate(withExtension(oid, der.derBoolean(false), value)).extensions.unknownCritical, []);
  refused(withExtension(oid, Uint8Array.of(1, 0), value), /Boolean is malformed/);
  refused(withExtension(oid, Uint8Array.of(1, 1, 1), value), /Boolean is malformed/);
  refused(withExtension(oid, Uint8Array.of(1, 2, 0, 0xff), value), /Boolean is malformed/);
  refused(withExtension(oid, value, der.derBoolean(true)), /too many parts/);
  refused(withExtension(oid, der.derBoolean(false), der.derBoolean(true), value), /malformed/);
});

test('extensions stand in one list, where they belong', () => {
  const list = children(fields[7] as Uint8Array)[0] as Uint8Array;
  refused(withFields(...fields, fields[7] as Uint8Array), /parts that RFC 5280 does not know/);
  refused(withFields(...fields, der.derExplicit(4, list)), /parts that RFC 5280 does not know/);
  refused(withField(7, der.derExplicit(4, list)), /parts that RFC 5280 does not know/);
  refused(withField(7, der.derExplicit(3, list, list)), /several lists/);
  refused(withField(7, der.derExplicit(3, der.derSet())), /malformed/);
  const identifiers = [der.derImplicit(1, Uint8Array.of(0, 1)), der.derImplicit(2, Uint8Array.of(0, 1))];
  const withIdentifiers = withFields(...fields.slice(0, 7), ...identifiers, fields[7] as Uint8Array);
  assert.is(parseCertificate(withIdentifiers).extensions.isCa, true);
});

test('an object identifier cannot be padded into another', () => {
  const padded = Uint8Array.of(0x06, 0x04, 0x55, 0x1d, 0x80, 0x13);
  refused(withExtension(padded, value), /shortest form/);
  refused(withExtension(Uint8Array.of(0x06, 0x02, 0x55, 0x9d), value), /cut off/);
  refused(withExtension(Uint8Array.of(0x06, 0x00), value), /cut off/);
});

test('basic constraints', () => {
  const constraints = (...parts: readonly Uint8Array[]): Uint8Array =>
    withValue('2.5.29.19', der.derSequence(...parts));
  const yes = der.derBoolean(true);
  refused(constraints(yes, der.derInteger(0), der.derInteger(5)), /Basic constraints are malformed/);
  refused(constraints(der.derInteger(0), yes), /Basic constraints are malformed/);
  refused(constraints(yes, yes), /Basic constraints are malformed/);
  refused(constraints(Uint8Array.of(1, 1, 1)), /Boolean is malformed/);
  refused(constraints(yes, Uint8Array.of(2, 0)), /Integer is empty/);
  refused(constraints(yes, Uint8Array.of(2, 1, 0xff)), /Integer is negative/);
  refused(constraints(yes, Uint8Array.of(2, 2, 0, 0)), /shortest form/);
  const { extensions: read } = parseCertificate(constraints(yes, der.derInteger(2 ** 40)));
  assert.equal([read.isCa, read.pathLength], [true, 2 ** 40]);
  const plain = parseCertificate(constraints()).extensions;
  assert.equal([plain.isCa, plain.pathLength], [false, undefined]);
});

test('key usage', () => {
  const usage = (...content: readonly number[]): Uint8Array =>
    withValue('2.5.29.15', der.der(0x03, Uint8Array.from(content)));
  refused(usage(), /Key usage is malformed/);
  refused(usage(8, 0xff), /Key usage is malformed/);
  // keyCertSign, in a bit that the length leaves out.
  refused(usage(7, 0x84), /Key usage is malformed/);
  const rows: [number[], number][] = [
    [[0], 0],
    [[5, 0xa0], 0xa0],
    [[1, 0x86], 0x86],
    [[7, 0xff, 0x80], 0xff],
    [[7, 0x00, 0x80], 0],
  ];
  for (const [content, expected] of rows)
    assert.is(parseCertificate(usage(...content)).extensions.keyUsage, expected, content.join(' '));
});

test('name constraints that stand in the wrong place are no absence of constraints', () => {
  const constraints = (...parts: readonly Uint8Array[]): Uint8Array =>
    withValue('2.5.29.30', der.derSequence(...parts));
  const subtree = der.derSequence(der.derImplicit(2, text('example.org')));
  const permitted = der.derExplicit(0, subtree);
  const excluded = der.derExplicit(1, subtree);
  for (const good of [[permitted], [excluded], [permitted, excluded]])
    assert.ok(parseCertificate(constraints(...good)).extensions.nameConstraints);
  for (const bad of [
    [],
    [permitted, permitted],
    [excluded, permitted],
    [der.derExplicit(2, subtree)],
    [permitted, der.derExplicit(2, subtree)],
    [der.derImplicit(1, subtree)],
    [subtree],
  ])
    refused(constraints(...bad), /Name constraints are malformed/);
});

test('object identifiers', () => {
  const read = (content: readonly number[]): string => {
    const bytes = der.der(6, Uint8Array.from(content));
    return derOid(bytes, readDerRoot(bytes, 6));
  };
  const rows: [number[], string][] = [
    [[0x2a, 0x03], '1.2.3'],
    [[0x27], '0.39'],
    [[0x28], '1.0'],
    [[0x4f], '1.39'],
    [[0x50], '2.0'],
    [[0x88, 0x37], '2.999'],
    [[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d], '1.2.840.113549'],
    [[0x2a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f], `1.2.${2n ** 49n - 1n}`],
    [[0x69, 0x83, ...new Array<number>(17).fill(0xff), 0x7f], `2.25.${2n ** 128n - 1n}`],
  ];
  for (const [content, expected] of rows) assert.is(read(content), expected);
  for (const [content, problem] of [
    [[], /cut off/],
    [[0x2a, 0x86], /cut off/],
    [[0x80, 0x01], /shortest form/],
    [[0x2a, 0x80, 0x01], /shortest form/],
    [new Array<number>(65).fill(1), /too long/],
  ] as [number[], RegExp][])
    assert.throws(() => read(content), problem);
});

test('an extended key usage of something else than object identifiers', () => {
  refused(withValue('2.5.29.37', der.derSequence(der.derNull())), /malformed/);
});

test('version and serial number', () => {
  refused(withField(0, der.derExplicit(0, Uint8Array.of(2, 2, 0, 2))), /shortest form/);
  refused(withField(0, der.derExplicit(0, der.derNull())), /malformed/);
  refused(withField(0, der.derExplicit(0)), /malformed/);
  refused(withField(0, der.derExplicit(0, der.derInteger(2), der.derInteger(2))), /version that is no single digit/);
  refused(withField(0, der.derExplicit(0, der.derInteger(0x0202))), /version that is no single digit/);
  refused(withField(1, der.derNull()), /malformed/);
  assertRefused(
    () => parseCertificate(withField(0, der.derExplicit(0, der.derInteger(1)))),
    'ERR_TLS_CERTIFICATE_INVALID',
    Alert.UNSUPPORTED_CERTIFICATE,
    /version 2/,
  );
  // Authorities that break the rules about serial numbers hurt nobody but their own revocation lists.
  assert.is(parseCertificate(withField(1, Uint8Array.of(2, 1, 0xff))).serialNumber, 'ff');
  assert.is(parseCertificate(withField(1, Uint8Array.of(2, 2, 0, 0x80))).serialNumber, '0080');
  assert.is(parseCertificate(withField(1, der.der(2, new Uint8Array(40).fill(0x11)))).serialNumber, '11'.repeat(40));
  for (const content of [[], [0, 0x7f], [0xff, 0x80]])
    refused(withField(1, der.der(2, Uint8Array.from(content))), /Serial number is malformed/);
});

function withTimes(...times: readonly Uint8Array[]): Uint8Array {
  return withField(4, der.derSequence(...times));
}
const utc = (time: string): Uint8Array => der.der(0x17, text(time));
const generalized = (time: string): Uint8Array => der.der(0x18, text(time));

test('times are the ones RFC 5280 writes', () => {
  const later = generalized('20991231235959Z');
  const rows: [Uint8Array, string][] = [
    [utc('700101000000Z'), '1970-01-01T00:00:00Z'],
    [utc('500101000000Z'), '1950-01-01T00:00:00Z'],
    [utc('491231235959Z'), '2049-12-31T23:59:59Z'],
    [utc('240229120000Z'), '2024-02-29T12:00:00Z'],
    [generalized('20000229000000Z'), '2000-02-29T00:00:00Z'],
    [generalized('20261123140001Z'), '2026-11-23T14:00:01Z'],
    [generalized('00000101000000Z'), '0000-01-01T00:00:00Z'],
    [generalized('99991231235959Z'), '9999-12-31T23:59:59Z'],
  ];
  for (const [time, expected] of rows)
    assert.is(parseCertificate(withTimes(time, later)).notBefore, Date.parse(expected), expected);
  for (const time of [
    // Without seconds, with an offset, with a fraction, in local time: all of it ASN.1, none of it RFC 5280.
    utc('2001010000Z'),
    utc('200101000000'),
    utc('200101000000z'),
    utc('200101000000+0100'),
    utc('2001010000+0Z'),
    utc('x200101000000Z'),
    utc('20010100000 Z'),
    utc('200101-10000Z'),
    utc(''),
    generalized('20200101000000'),
    generalized('20200101000000.5Z'),
    generalized('20200101000000+0100'),
    generalized('202001010000Z'),
    generalized('200101000000Z'),
    utc('20200101000000Z'),
    der.derUtf8('200101000000Z'),
    // No such moment.
    utc('200001000000Z'),
    utc('201301000000Z'),
    utc('200100000000Z'),
    utc('200132000000Z'),
    utc('200431000000Z'),
    utc('210229000000Z'),
    generalized('21000229000000Z'),
    utc('200101240000Z'),
    utc('200101006000Z'),
    utc('200101000060Z'),
  ]) {
    refused(withTimes(time, later), /Time /);
    refused(withTimes(utc('200101000000Z'), time), /Time /);
  }
  refused(withTimes(later), /validity/);
  refused(withTimes(later, later, later), /validity/);
});

test('parameters of the signature algorithm: NULL is for RSA', () => {
  const algorithmOf = (identifier: Uint8Array): string | number => {
    const tbs = der.derSequence(...fields.map((field, i) => (i === 2 ? identifier : field)));
    const parsed = parseCertificate(der.derSequence(tbs, identifier, signature));
    const { scheme, unknown } = parsed.signatureAlgorithm;
    return scheme ?? unknown ?? '';
  };
  const [ecdsa, ed25519, rsa] = ['1.2.840.10045.4.3.2', '1.3.101.112', '1.2.840.113549.1.1.11'].map(der.derOid) as [
    Uint8Array,
    Uint8Array,
    Uint8Array,
  ];
  assert.is(algorithmOf(der.derSequence(ecdsa)), 0x0403);
  assert.is(algorithmOf(der.derSequence(ed25519)), 0x0807);
  assert.is(algorithmOf(der.derSequence(rsa)), 0x0401);
  assert.is(algorithmOf(der.derSequence(rsa, der.derNull())), 0x0401);
  for (const other of [
    der.derSequence(ecdsa, der.derNull()),
    der.derSequence(ed25519, der.derNull()),
    der.derSequence(rsa, Uint8Array.of(5, 1, 0)),
    der.derSequence(rsa, der.derSequence()),
    der.derSequence(rsa, der.derNull(), der.derNull()),
  ])
    assert.type(algorithmOf(other), 'string');
});

test('what is kept does not change with the bytes it was read from, Buffers included', () => {
  const own = buildCertificate({ key: keyFor('buffer'), extensions: [extensions.basicConstraints(false)] });
  // Buffer.prototype.slice() makes a view where Uint8Array's makes a copy.
  const buffer = Buffer.from(own);
  parseCertificate(buffer);
  buffer.fill(0);
  const parsed = parseCertificate(own);
  assert.equal(parsed.der, own);
  assert.ok(parsed.tbs.some((byte) => byte !== 0));
  assert.equal(parsed.publicKeyInfo, keyFor('buffer').spki);
});

test('the certificates of real authorities are read as OpenSSL reads them', () => {
  for (const pem of rootCertificates) {
    const [bytes] = readCertificatesPem(pem) as [Uint8Array];
    const theirs = new X509Certificate(pem);
    let ours;
    try {
      ours = parseCertificate(bytes);
    } catch (error) {
      // One of version 1 or 2 may stand in a list of roots.
      assert.is(error instanceof TlsError && error.alert, Alert.UNSUPPORTED_CERTIFICATE, theirs.subject);
      continue;
    }
    assert.is(ours.notBefore, Date.parse(theirs.validFrom), theirs.subject);
    assert.is(ours.notAfter, Date.parse(theirs.validTo), theirs.subject);
    assert.is(ours.extensions.isCa, theirs.ca, theirs.subject);
    assert.is(BigInt(`0x${ours.serialNumber}`), BigInt(`0x${theirs.serialNumber}`), theirs.subject);
  }
});

test.run();
