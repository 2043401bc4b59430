import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { SERVER_AUTH, TEST_UNIX_TIME, buildCertificate, der, extensions } from '@mquictt/testkit';
import { Alert, parseCertificate } from '../../src/index.ts';
import { nodeProvider } from '../../src/node/index.ts';
import type { CryptoProvider } from '../../src/index.ts';
import { KEY_CERT_SIGN, assertRefused, authority, keyFor, leaf, refusal, verify } from '../support/chains.ts';
import type { Issued } from '../support/chains.ts';

/** Where RFC 5280 leaves a choice, or where those who verify differ: what is done here, and that it is. */
const test = suite('decisions about paths');

const root = authority('root');
const intermediate = authority('intermediate', root);
const good = leaf(intermediate, ['example.org']);
const { BAD_CERTIFICATE, UNKNOWN_CA, UNSUPPORTED_CERTIFICATE, CERTIFICATE_EXPIRED } = Alert;

/** A self-signed certificate of one server. */
function pinned(overrides: Parameters<typeof leaf>[2] = {}): Issued {
  const key = keyFor('pinned');
  return leaf({ subject: 'pinned', key, der: new Uint8Array(0) }, ['example.org'], {
    subject: 'pinned',
    key,
    ...overrides,
  });
}

test('a self-signed server certificate is trusted where it is a root itself, byte for byte', () => {
  const own = pinned();
  assert.equal(
    verify([own], [root, own]).path.map(({ subjectText }) => subjectText),
    ['CN=pinned'],
  );
  // Also one that could issue others, as "openssl req -x509" makes them.
  const asAuthority = pinned({ replace: [extensions.basicConstraints(true), extensions.keyUsage(0, KEY_CERT_SIGN)] });
  verify([asAuthority], [asAuthority]);
  // Its own signature says nothing that the list of roots does not say.
  const sha1 = pinned({ algorithm: 'ecdsa-sha1' });
  verify([sha1], [sha1]);
  // Another certificate of the same key and name is another certificate.
  assert.is(refusal(() => verify([pinned({ serial: 2 })], [own])).report?.check, 'unknown-issuer');
});

test('a leaf that an authority issued may be a root as well', () => {
  assert.is(verify([good], [good]).path.length, 1);
});

test('a leaf that is a root is judged like every other', () => {
  const rows: [Parameters<typeof leaf>[2], Parameters<typeof verify>[2], RegExp][] = [
    [{ notAfter: TEST_UNIX_TIME - 1000 }, {}, /"CN=pinned" expired/],
    [{}, { serverName: 'example.com' }, /"CN=pinned" is not for example\.com/],
    [{ replace: [extensions.keyUsage(KEY_CERT_SIGN)] }, {}, /"CN=pinned" may not sign handshakes/],
    [{ replace: [extensions.extendedKeyUsage(SERVER_AUTH)] }, { purpose: 'client' }, /not meant for a client/],
    [{ replace: [{ oid: '1.2.3', critical: true, value: der.derNull() }] }, {}, /critical extension 1\.2\.3/],
  ];
  for (const [overrides, options, sentence] of rows) {
    const own = pinned(overrides);
    assert.match(refusal(() => verify([own], [own], options)).message, sentence);
  }
});

test('a server certificate among the roots vouches for nobody else', () => {
  const own = pinned();
  const forged = leaf(own, ['example.org'], { key: keyFor('thief') });
  assertRefused(
    () => verify([forged], [own]),
    'ERR_TLS_CERTIFICATE_PURPOSE',
    BAD_CERTIFICATE,
    /"CN=pinned" is no authority/,
    ['basic-constraints', 'CN=pinned'],
  );
});

test('a root of version 1 cannot say that it is an authority, and who put it there is told', () => {
  const key = keyFor('v1');
  const v1: Issued = { subject: 'v1', key, der: buildCertificate({ subject: 'v1', key, version: 'omit' }) };
  assertRefused(
    () => verify([leaf(v1, ['example.org'])], [v1]),
    'ERR_TLS_CERTIFICATE_UNKNOWN_CA',
    UNKNOWN_CA,
    /issuer of certificate "CN=leaf", "CN=v1", is among the trusted roots but cannot be used: Certificate is of version 1; only version 3/,
    ['unknown-issuer', 'CN=leaf'],
  );
  // It is in nobody's way.
  const renewed = authority('v1', undefined, { key });
  verify([leaf(v1, ['example.org'])], [v1, renewed]);
});

test('basic constraints and key usage hold whether critical or not', () => {
  const soft = (extension: ReturnType<typeof extensions.keyUsage>): typeof extension => ({
    ...extension,
    critical: false,
  });
  const fine = authority('soft', root, {
    replace: [soft(extensions.basicConstraints(true, 0)), soft(extensions.keyUsage(KEY_CERT_SIGN))],
  });
  verify([leaf(fine, ['example.org']), fine], [root]);
  const below = authority('below', fine);
  assert.is(refusal(() => verify([leaf(below, ['example.org']), below, fine], [root])).report?.check, 'path-length');
  const mute = authority('soft', root, { replace: [soft(extensions.keyUsage(6))] });
  assert.is(refusal(() => verify([leaf(mute, ['example.org']), mute], [root])).report?.check, 'key-usage');
});

test('an authority may use its certificate as a leaf, if it may sign handshakes', () => {
  const names = extensions.subjectAlternativeName('example.org');
  const both = authority('both', root, { replace: [names, extensions.keyUsage(0, KEY_CERT_SIGN)] });
  verify([both], [root]);
  const one = authority('one', root, { replace: [names] });
  assertRefused(
    () => verify([one], [root]),
    'ERR_TLS_CERTIFICATE_PURPOSE',
    UNSUPPORTED_CERTIFICATE,
    /"CN=one" may not sign handshakes/,
    ['key-usage', 'CN=one'],
  );
});

test('pathLen of a root counts too, and 0 on a leaf means nothing', () => {
  const short = authority('short', undefined, { replace: [extensions.basicConstraints(true, 0)] });
  const below = authority('below', short);
  assert.is(
    refusal(() => verify([leaf(below, ['example.org']), below], [short])).report?.certificate?.subject,
    'CN=short',
  );
  verify([leaf(short, ['example.org'], { replace: [extensions.basicConstraints(false, 0)] })], [short]);
});

test('extensions about policies that are critical are refused, those that are not are passed over', () => {
  const values: Record<string, Uint8Array> = {
    // policyConstraints: requireExplicitPolicy 0; policyMappings: one to another; inhibitAnyPolicy: 0.
    '2.5.29.36': der.derSequence(der.derImplicit(0, Uint8Array.of(0))),
    '2.5.29.33': der.derSequence(der.derSequence(der.derOid('1.2.3'), der.derOid('1.2.4'))),
    '2.5.29.54': der.derInteger(0),
  };
  for (const [oid, value] of Object.entries(values)) {
    const binding = authority('binding', root, { replace: [{ oid, critical: true, value }] });
    assertRefused(
      () => verify([leaf(binding, ['example.org']), binding], [root]),
      'ERR_TLS_CERTIFICATE_INVALID',
      UNSUPPORTED_CERTIFICATE,
      new RegExp(`critical extension ${oid.replaceAll('.', '\\.')}`),
      ['critical-extension', 'CN=binding'],
    );
    const loose = authority('loose', root, { replace: [{ oid, value }] });
    verify([leaf(loose, ['example.org']), loose], [root]);
  }
});

test('an empty subject, with the alternative names critical as RFC 5280 asks, or not', () => {
  const names = extensions.subjectAlternativeName('example.org');
  for (const critical of [true, false]) {
    const nameless = leaf(root, [], { subjectDer: der.derSequence(), replace: [{ ...names, critical }] });
    assert.is(verify([nameless], [root]).leaf.subjectText, 'serial number 01');
  }
});

test('an authority without a name is none', () => {
  const nobody = buildCertificate({ key: keyFor('leaf'), issuerDer: der.derSequence(), issuerKey: root.key });
  assertRefused(
    () => verify([{ ...good, der: nobody }], [root]),
    'ERR_TLS_CERTIFICATE_INVALID',
    BAD_CERTIFICATE,
    /issuer without a name/,
    ['malformed'],
  );
});

test('names chain as RFC 5280 §7.1 compares them: without case, spaces and type of string', () => {
  const printable = (text: string): Uint8Array =>
    der.derSequence(der.derSet(der.derSequence(der.derOid('2.5.4.3'), der.der(0x13, new TextEncoder().encode(text)))));
  const shouting = leaf(root, ['example.org'], { issuerDer: printable('  ROOT ') });
  assert.is(verify([shouting], [root]).path.length, 2);
  const other = leaf(root, ['example.org'], { issuerDer: printable('ro ot') });
  assert.is(refusal(() => verify([other], [root])).report?.check, 'unknown-issuer');
});

test('certificates that cannot be read, or not used, and belong to no path are passed over', () => {
  const key = keyFor('v1');
  const v1 = { ...root, der: buildCertificate({ subject: 'v1', key, version: 'omit' }) };
  const junk = { ...root, der: Uint8Array.of(1, 2, 3) };
  const weak = authority('weak', root, { key: keyFor('small', 'rsa1024') });
  assert.is(verify([good, junk, v1, weak, intermediate, junk], [root]).path.length, 3);
});

test('where an issuer is missing, a certificate that cannot be read may have been it', () => {
  const cut = { ...intermediate, der: intermediate.der.subarray(0, 200) };
  assertRefused(
    () => verify([good, cut], [root]),
    'ERR_TLS_CERTIFICATE_INVALID',
    BAD_CERTIFICATE,
    /Certificate is malformed/,
    ['malformed'],
  );
  const { report } = refusal(() => verify([good, cut], [root]));
  assert.is(report?.certificate?.position, 1);
  assert.equal(
    report?.paths.map(({ check }) => check),
    ['unknown-issuer'],
  );
});

test('the same certificate many times over, the leaf and the root among them', () => {
  const chain = [good, good, intermediate, root, intermediate, good, root, intermediate, root, good];
  assert.is(verify(chain, [root]).path.length, 3);
  const { report } = refusal(() => verify(chain, [root], { unixTime: Date.UTC(2200, 0, 1) }));
  assert.is(report?.paths.length, 1);
});

test('the issuer is found by its serial number where there is no key identifier', () => {
  const names = der.derSequence(der.derSet(der.derSequence(der.derOid('2.5.4.3'), der.derUtf8('many'))));
  const byNumber = (serial: number): ReturnType<typeof extensions.keyUsage> => ({
    oid: '2.5.29.35',
    value: der.derSequence(der.derExplicit(1, der.derExplicit(4, names)), der.derImplicit(2, Uint8Array.of(serial))),
  });
  const roots = [1, 2, 3, 4, 5].map((serial) =>
    authority('many', undefined, { key: keyFor(`many ${serial}`), serial }),
  );
  let count = 0;
  const provider: CryptoProvider = {
    ...nodeProvider,
    verifyCertificate: (...parameters) => {
      count++;
      return nodeProvider.verifyCertificate(...parameters);
    },
  };
  const fourth = roots[3] as Issued;
  const pointing = (serial: number): Issued => ({
    ...good,
    der: buildCertificate({
      subject: 'leaf',
      key: keyFor('leaf'),
      issuer: 'many',
      issuerKey: fourth.key,
      extensions: [extensions.subjectAlternativeName('example.org'), byNumber(serial)],
    }),
  });
  verify([pointing(4)], roots, { provider });
  assert.is(count, 1);
  // A hint and no proof: with a wrong number the others come later, but they do come.
  verify([pointing(5)], roots, { provider });
  assert.is(count, 1 + 5);
});

test('an authority key identifier that is not written as RFC 5280 asks', () => {
  const identifier = der.derImplicit(0, Uint8Array.of(1));
  const serial = der.derImplicit(2, Uint8Array.of(1));
  const issuer = der.derExplicit(1, der.derExplicit(4, der.derSequence()));
  for (const parts of [[serial], [issuer], [identifier, serial], [serial, identifier], [identifier, identifier]]) {
    const bytes = buildCertificate({
      key: keyFor('leaf'),
      extensions: [{ oid: '2.5.29.35', value: der.derSequence(...parts) }],
    });
    assert.match(refusal(() => parseCertificate(bytes)).message, /Authority key identifier is malformed/);
  }
  for (const parts of [[], [identifier], [issuer, serial], [identifier, issuer, serial]])
    parseCertificate(
      buildCertificate({ key: keyFor('leaf'), extensions: [{ oid: '2.5.29.35', value: der.derSequence(...parts) }] }),
    );
});

test('lists that may not be empty', () => {
  const rows: [string, RegExp][] = [
    ['2.5.29.37', /Extended key usage is empty/],
    ['2.5.29.17', /Subject alternative name is empty/],
  ];
  for (const [oid, sentence] of rows) {
    const bytes = buildCertificate({ key: keyFor('leaf'), extensions: [{ oid, value: der.derSequence() }] });
    assert.match(refusal(() => parseCertificate(bytes)).message, sentence);
  }
});

test('roots that have expired, and the years that are written in another way', () => {
  for (const notAfter of [
    Date.UTC(2049, 11, 31, 23, 59, 59),
    Date.UTC(2050, 0, 1),
    Date.UTC(9999, 11, 31, 23, 59, 59),
  ]) {
    const old = authority('old', undefined, { notAfter });
    const certificate = leaf(old, ['example.org'], { notAfter: Date.UTC(9999, 11, 31, 23, 59, 59) });
    verify([certificate], [old], { unixTime: notAfter });
    assertRefused(
      () => verify([certificate], [old], { unixTime: notAfter + 1 }),
      'ERR_TLS_CERTIFICATE_EXPIRED',
      CERTIFICATE_EXPIRED,
      /expired on (2049-12-31 23:59|2050-01-01 00:00|9999-12-31 23:59) UTC/,
      ['validity'],
    );
  }
});

test('an authority with a weak key, in the middle and at the end', () => {
  const small = keyFor('small', 'rsa1024');
  const weak = authority('weak', root, { key: small });
  const weakRoot = authority('weak', undefined, { key: small });
  for (const [chain, trusted] of [
    [[leaf(weak, ['example.org']), weak], root],
    [[leaf(weakRoot, ['example.org'])], weakRoot],
  ] as const)
    assertRefused(
      () => verify(chain, [trusted]),
      'ERR_TLS_CERTIFICATE_INVALID',
      UNSUPPORTED_CERTIFICATE,
      /"CN=weak" cannot be used: its key has only 1024 bits where RSA needs 2048/,
      ['weak-key', 'CN=weak'],
    );
});

test('a weak key is named even where nobody trusts the issuer', () => {
  const certificate = leaf(root, ['example.org'], { key: keyFor('small', 'rsa1024') });
  assert.is(refusal(() => verify([certificate], [])).report?.check, 'weak-key');
});

test('RSA with an exponent of 1, which makes every message its own signature', () => {
  const modulus = der.derInteger(new Uint8Array(256).fill(0xff));
  const key = {
    ...keyFor('leaf'),
    spki: der.derSequence(
      der.derSequence(der.derOid('1.2.840.113549.1.1.1'), der.derNull()),
      der.derBitString(der.derSequence(modulus, der.derInteger(1))),
    ),
  };
  assertRefused(
    () => verify([leaf(root, ['example.org'], { key })], [root]),
    'ERR_TLS_CERTIFICATE_INVALID',
    UNSUPPORTED_CERTIFICATE,
    /its key has an unusable RSA modulus or exponent/,
    ['weak-key', 'CN=leaf'],
  );
});

test('a weak signature on the root itself says nothing, on any other certificate it ends the path', () => {
  const key = keyFor('rsa', 'rsa2048');
  const sha1Root = authority('sha1', undefined, { key, algorithm: 'rsa-sha1' });
  const fine = authority('fine', sha1Root);
  verify([leaf(fine, ['example.org']), fine], [sha1Root]);
  const weak = authority('fine', sha1Root, { algorithm: 'rsa-md5' });
  assertRefused(
    () => verify([leaf(weak, ['example.org']), weak], [sha1Root]),
    'ERR_TLS_CERTIFICATE_SIGNATURE',
    UNSUPPORTED_CERTIFICATE,
    /"CN=fine" is signed with MD5 with RSA/,
    ['weak-signature', 'CN=fine'],
  );
});

test.run();
