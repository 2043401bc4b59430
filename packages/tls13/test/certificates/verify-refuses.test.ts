import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  CLIENT_AUTH,
  SERVER_AUTH,
  TEST_UNIX_TIME,
  buildCertificate,
  der,
  extensions,
  seededRandom,
  testCertificatePem,
  testRoots,
} from '@mquictt/testkit';
import { Alert, TlsError, nobleProvider, readCertificatesPem, verifyChain } from '../../src/index.ts';
import { nodeProvider } from '../../src/node/index.ts';
import { KEY_CERT_SIGN, assertRefused, authority, keyFor, leaf, verify } from '../support/chains.ts';
import type { Issued } from '../support/chains.ts';

/** A check that is skipped is the worst bug there can be: these come before the chains that are good. */
const test = suite('verifyChain refuses');

const root = authority('root');
const intermediate = authority('intermediate', root);
const good = leaf(intermediate, ['example.org']);
const { BAD_CERTIFICATE, UNKNOWN_CA, CERTIFICATE_EXPIRED, UNSUPPORTED_CERTIFICATE, CERTIFICATE_UNKNOWN } = Alert;

test('what it is compared with is accepted', () => {
  assert.is(verify([good, intermediate], [root]).path.length, 3);
});

test('a certificate for another name', () => {
  const other = leaf(root, ['example.com', 'www.example.com']);
  assertRefused(
    () => verify([other], [root]),
    'ERR_TLS_CERTIFICATE_NAME_MISMATCH',
    BAD_CERTIFICATE,
    /"CN=leaf" is not for example\.org but for example\.com, www\.example\.com/,
  );
});

test('a certificate that names the host only as its common name', () => {
  const named = leaf(root, [], { subject: 'example.org', remove: ['2.5.29.17'] });
  assertRefused(
    () => verify([named], [root]),
    'ERR_TLS_CERTIFICATE_NAME_MISMATCH',
    BAD_CERTIFICATE,
    /for no DNS name and no IP address/,
  );
});

test('a server without a name to compare with', () => {
  const { serverName: _, ...options } = {
    provider: nodeProvider,
    chain: [good.der, intermediate.der],
    roots: testRoots(),
    purpose: 'server' as const,
    serverName: 'x',
    unixTime: TEST_UNIX_TIME,
  };
  assertRefused(() => verifyChain(options), 'ERR_TLS_CONFIG', Alert.INTERNAL_ERROR, /serverName/);
});

test('a moment that is no number', () => {
  for (const unixTime of [Number.NaN, Infinity])
    assertRefused(
      () => verify([good, intermediate], [root], { unixTime }),
      'ERR_TLS_CONFIG',
      Alert.INTERNAL_ERROR,
      /unixTime/,
    );
});

test('an issuer that is not trusted', () => {
  assertRefused(
    () => verify([good, intermediate], [authority('another root')]),
    'ERR_TLS_CERTIFICATE_UNKNOWN_CA',
    UNKNOWN_CA,
    /issuer of certificate "CN=intermediate", "CN=root", is neither/,
  );
  assertRefused(() => verify([good, intermediate], []), 'ERR_TLS_CERTIFICATE_UNKNOWN_CA', UNKNOWN_CA, /"CN=root"/);
});

test('an authority of the right name with another key', () => {
  const impostor = authority('root', undefined, { key: keyFor('impostor') });
  assertRefused(
    () => verify([leaf(impostor, ['example.org'])], [root]),
    'ERR_TLS_CERTIFICATE_SIGNATURE',
    BAD_CERTIFICATE,
    /"CN=leaf" was not signed by the key of "CN=root"/,
  );
});

test('a chain without its intermediate', () => {
  assertRefused(
    () => verify([good], [root]),
    'ERR_TLS_CERTIFICATE_UNKNOWN_CA',
    UNKNOWN_CA,
    /"CN=intermediate", is neither.*present its intermediates/,
  );
});

test('no certificate at all', () => {
  assertRefused(() => verify([], [root]), 'ERR_TLS_CERTIFICATE_INVALID', BAD_CERTIFICATE, /No certificate/);
});

test('an expired leaf, intermediate or root', () => {
  const notAfter = TEST_UNIX_TIME - 1000;
  const oldRoot = authority('old root', undefined, { notAfter });
  const oldIntermediate = authority('intermediate', root, { notAfter });
  const cases: [Issued[], Issued, RegExp][] = [
    [[leaf(root, ['example.org'], { notAfter })], root, /"CN=leaf" expired on 2029-12-31 23:59 UTC/],
    [[good, oldIntermediate], root, /"CN=intermediate" expired/],
    [[leaf(oldRoot, ['example.org'])], oldRoot, /"CN=old root" expired/],
  ];
  for (const [chain, trusted, sentence] of cases)
    assertRefused(() => verify(chain, [trusted]), 'ERR_TLS_CERTIFICATE_EXPIRED', CERTIFICATE_EXPIRED, sentence);
});

test('a leaf that is not yet valid', () => {
  const early = leaf(root, ['example.org'], { notBefore: TEST_UNIX_TIME + 1000 });
  assertRefused(
    () => verify([early], [root]),
    'ERR_TLS_CERTIFICATE_NOT_YET_VALID',
    CERTIFICATE_EXPIRED,
    /"CN=leaf" is not valid before 2030-01-01 00:00 UTC/,
  );
});

test('the millisecond behind the end and the one before the start, and nothing between', () => {
  const notBefore = Date.UTC(2029, 1, 28, 23, 59, 59);
  const notAfter = Date.UTC(2052, 1, 29, 12, 0, 0);
  const certificate = leaf(root, ['example.org'], { notBefore, notAfter });
  for (const unixTime of [notBefore, notAfter]) verify([certificate], [root], { unixTime });
  const early = { unixTime: notBefore - 1 };
  const late = { unixTime: notAfter + 1 };
  assertRefused(
    () => verify([certificate], [root], early),
    'ERR_TLS_CERTIFICATE_NOT_YET_VALID',
    CERTIFICATE_EXPIRED,
    /2029-02-28 23:59 UTC/,
  );
  assertRefused(
    () => verify([certificate], [root], late),
    'ERR_TLS_CERTIFICATE_EXPIRED',
    CERTIFICATE_EXPIRED,
    /2052-02-29 12:00 UTC/,
  );
});

test('a leaf that may not sign', () => {
  const keyEncipherment = leaf(root, ['example.org'], { replace: [extensions.keyUsage(2)] });
  assertRefused(
    () => verify([keyEncipherment], [root]),
    'ERR_TLS_CERTIFICATE_PURPOSE',
    UNSUPPORTED_CERTIFICATE,
    /"CN=leaf" may not sign handshakes/,
  );
});

test('a leaf for another purpose', () => {
  const client = leaf(root, ['example.org'], { replace: [extensions.extendedKeyUsage(CLIENT_AUTH)] });
  const server = leaf(root, ['example.org'], { replace: [extensions.extendedKeyUsage(SERVER_AUTH)] });
  const any = leaf(root, ['example.org'], { replace: [extensions.extendedKeyUsage('2.5.29.37.0')] });
  const none = leaf(root, ['example.org'], { replace: [extensions.extendedKeyUsage('1.3.6.1.5.5.7.3.4')] });
  for (const certificate of [client, any, none])
    assertRefused(
      () => verify([certificate], [root]),
      'ERR_TLS_CERTIFICATE_PURPOSE',
      UNSUPPORTED_CERTIFICATE,
      /not meant for a server.*serverAuth/,
    );
  assertRefused(
    () => verify([server], [root], { purpose: 'client' }),
    'ERR_TLS_CERTIFICATE_PURPOSE',
    UNSUPPORTED_CERTIFICATE,
    /not meant for a client.*clientAuth/,
  );
});

test('a leaf below an authority for another purpose', () => {
  const clientsOnly = authority('clients', root, { replace: [extensions.extendedKeyUsage(CLIENT_AUTH)] });
  assertRefused(
    () => verify([leaf(clientsOnly, ['example.org']), clientsOnly], [root]),
    'ERR_TLS_CERTIFICATE_PURPOSE',
    UNSUPPORTED_CERTIFICATE,
    /"CN=clients" is not meant for a server/,
  );
});

test('a leaf that issues', () => {
  const issuers = [
    authority('no authority', root, { replace: [extensions.basicConstraints(false)] }),
    authority('no authority', root, { remove: ['2.5.29.19'] }),
    { ...good, subject: 'leaf' },
  ];
  for (const issuer of issuers)
    assertRefused(
      () => verify([leaf(issuer, ['example.org'], { key: keyFor('victim') }), issuer, intermediate], [root]),
      'ERR_TLS_CERTIFICATE_PURPOSE',
      BAD_CERTIFICATE,
      /is no authority \(CA:FALSE\)/,
    );
});

test('a root that is no authority', () => {
  const plain = authority('plain', undefined, { replace: [extensions.basicConstraints(false)] });
  assertRefused(
    () => verify([leaf(plain, ['example.org'])], [plain]),
    'ERR_TLS_CERTIFICATE_PURPOSE',
    BAD_CERTIFICATE,
    /"CN=plain" is no authority/,
  );
});

test('an authority without keyCertSign', () => {
  const mute = authority('mute', root, { replace: [extensions.keyUsage(0, 6)] });
  assertRefused(
    () => verify([leaf(mute, ['example.org']), mute], [root]),
    'ERR_TLS_CERTIFICATE_PURPOSE',
    BAD_CERTIFICATE,
    /"CN=mute" may not sign certificates/,
  );
});

test('more authorities than pathLen allows', () => {
  const strict = authority('strict', root, { replace: [extensions.basicConstraints(true, 0)] });
  const below = authority('below', strict);
  assert.is(verify([leaf(strict, ['example.org']), strict], [root]).path.length, 3);
  assertRefused(
    () => verify([leaf(below, ['example.org']), below, strict], [root]),
    'ERR_TLS_CERTIFICATE_PURPOSE',
    BAD_CERTIFICATE,
    /"CN=strict" allows 0 authorities below it \(pathLen\), and the chain has 1/,
  );
});

test('a pathLen that a self-issued certificate would stretch', () => {
  // Self-issued ones do not count themselves (RFC 5280 §6.1.4 (l)), what is below them does.
  const strict = authority('strict', root, { replace: [extensions.basicConstraints(true, 0)] });
  const renewed = authority('strict', strict, { key: keyFor('strict, renewed') });
  assert.is(verify([leaf(renewed, ['example.org']), renewed, strict], [root]).path.length, 4);
  const below = authority('below', renewed);
  assertRefused(
    () => verify([leaf(below, ['example.org']), below, renewed, strict], [root]),
    'ERR_TLS_CERTIFICATE_PURPOSE',
    BAD_CERTIFICATE,
    /pathLen/,
  );
});

test('every flipped bit of the signed part and of the signature', () => {
  const random = seededRandom(31);
  const [certificate] = readCertificatesPem(testCertificatePem('ecdsa-p256').certificatePem) as [Uint8Array];
  for (let position = 0; position < certificate.length; position++) {
    const changed = certificate.slice();
    changed[position] ^= 1 << random.integer(8);
    try {
      verifyChain({
        provider: nodeProvider,
        chain: [changed],
        roots: testRoots(),
        purpose: 'server',
        serverName: 'localhost',
        unixTime: TEST_UNIX_TIME,
      });
    } catch (error) {
      assert.instance(error, TlsError, `seed 31, byte ${position}: ${String(error)}`);
      continue;
    }
    assert.unreachable(`seed 31, byte ${position} may be changed`);
  }
});

test('SHA-1 and MD5', () => {
  const rsaRoot = authority('rsa root', undefined, { key: keyFor('rsa root', 'rsa2048') });
  for (const [issuer, algorithm, name] of [
    [rsaRoot, 'rsa-sha1', /SHA-1 with RSA/],
    [rsaRoot, 'rsa-md5', /MD5 with RSA/],
    [root, 'ecdsa-sha1', /SHA-1 with ECDSA/],
  ] as const)
    assertRefused(
      () => verify([leaf(issuer, ['example.org'], { algorithm })], [issuer]),
      'ERR_TLS_CERTIFICATE_SIGNATURE',
      UNSUPPORTED_CERTIFICATE,
      name,
    );
});

test('RSA-1024, as leaf and as authority', () => {
  const small = keyFor('small', 'rsa1024');
  assertRefused(
    () => verify([leaf(root, ['example.org'], { key: small })], [root]),
    'ERR_TLS_CERTIFICATE_INVALID',
    UNSUPPORTED_CERTIFICATE,
    /"CN=leaf" cannot be used: its key has only 1024 bits/,
  );
  const weak = authority('weak', undefined, { key: small });
  assertRefused(
    () => verify([leaf(weak, ['example.org'])], [weak]),
    'ERR_TLS_CERTIFICATE_INVALID',
    UNSUPPORTED_CERTIFICATE,
    /"CN=weak" cannot be used: its key has only 1024 bits/,
  );
});

test('one algorithm inside and another outside', () => {
  assertRefused(
    () => verify([leaf(root, ['example.org'], { outerAlgorithm: 'ecdsa-sha384' })], [root]),
    'ERR_TLS_CERTIFICATE_INVALID',
    BAD_CERTIFICATE,
    /inside and another outside/,
  );
});

test('unknown critical extensions, in each certificate of the chain', () => {
  const extension = { oid: '1.2.3.4', critical: true, value: der.derNull() };
  const odd = authority('odd', root, { replace: [extension] });
  const oddRoot = authority('odd root', undefined, { replace: [extension] });
  const cases: [Issued[], Issued, RegExp][] = [
    [[leaf(root, ['example.org'], { replace: [extension] })], root, /"CN=leaf" has the critical extension 1\.2\.3\.4/],
    [[leaf(odd, ['example.org']), odd], root, /"CN=odd"/],
    [[leaf(oddRoot, ['example.org'])], oddRoot, /"CN=odd root"/],
  ];
  for (const [chain, trusted, sentence] of cases)
    assertRefused(() => verify(chain, [trusted]), 'ERR_TLS_CERTIFICATE_INVALID', UNSUPPORTED_CERTIFICATE, sentence);
  verify([leaf(root, ['example.org'], { replace: [{ ...extension, critical: false }] })], [root]);
});

test('policy constraints, which are critical and not understood', () => {
  const policy = { oid: '2.5.29.36', critical: true, value: der.derSequence(der.derImplicit(0, Uint8Array.of(0))) };
  const bound = authority('bound', root, { replace: [policy] });
  assertRefused(
    () => verify([leaf(bound, ['example.org']), bound], [root]),
    'ERR_TLS_CERTIFICATE_INVALID',
    UNSUPPORTED_CERTIFICATE,
    /2\.5\.29\.36/,
  );
});

test('an extension that occurs twice', () => {
  const twice = buildCertificate({
    subject: 'twice',
    key: keyFor('leaf'),
    issuer: 'root',
    issuerKey: root.key,
    extensions: [extensions.subjectAlternativeName('example.com'), extensions.subjectAlternativeName('example.org')],
  });
  assertRefused(
    () => verify([{ ...good, der: twice }], [root]),
    'ERR_TLS_CERTIFICATE_INVALID',
    BAD_CERTIFICATE,
    /2\.5\.29\.17 occurs twice/,
  );
});

test('a self-signed leaf that nobody trusts', () => {
  const own = authority('example.org', undefined, {
    replace: [extensions.subjectAlternativeName('example.org'), extensions.keyUsage(0, KEY_CERT_SIGN)],
  });
  const plain = leaf({ ...good, subject: 'leaf' }, ['example.org'], { issuer: 'leaf', issuerKey: keyFor('leaf') });
  for (const certificate of [own, plain])
    for (const roots of [[], [root]])
      assertRefused(
        () => verify([certificate], roots),
        'ERR_TLS_CERTIFICATE_UNKNOWN_CA',
        UNKNOWN_CA,
        /is self-signed and no authority vouches for it; add it to the trusted roots if it is yours/,
      );
});

test('a self-signed authority that is presented and not trusted', () => {
  assertRefused(
    () => verify([good, intermediate, root], []),
    'ERR_TLS_CERTIFICATE_UNKNOWN_CA',
    UNKNOWN_CA,
    /chain ends in "CN=root", which is not among the trusted roots/,
  );
});

test('version 1, which has no extensions to tell an authority from a leaf', () => {
  const v1 = buildCertificate({
    subject: 'v1',
    key: keyFor('v1'),
    issuer: 'root',
    issuerKey: root.key,
    version: 'omit',
  });
  assertRefused(
    () => verify([{ ...good, der: v1 }], [root]),
    'ERR_TLS_CERTIFICATE_INVALID',
    UNSUPPORTED_CERTIFICATE,
    /version 1/,
  );
});

test('an RSA-PSS signature whose salt TLS has no name for', () => {
  const rsaRoot = authority('pss root', undefined, { key: keyFor('rsa root', 'rsa2048') });
  const certificate = leaf(rsaRoot, ['example.org'], { algorithm: 'pss-sha256' }).der;
  verify([{ ...good, der: certificate }], [rsaRoot]);
  // The salt length stands behind [2] INTEGER, twice.
  const changed = certificate.slice();
  for (let i = 0; i < changed.length - 4; i++)
    if (changed[i] === 0xa2 && changed[i + 1] === 3 && changed[i + 2] === 2 && changed[i + 4] === 32)
      changed[i + 4] = 20;
  assertRefused(
    () => verify([{ ...good, der: changed }], [rsaRoot]),
    'ERR_TLS_CERTIFICATE_INVALID',
    UNSUPPORTED_CERTIFICATE,
    /RSASSA-PSS with unusual parameters/,
  );
});

test('more certificates, and more bytes, than a chain has', () => {
  const many = Array.from({ length: 11 }, () => good);
  assertRefused(
    () => verify(many, [root]),
    'ERR_TLS_CERTIFICATE_INVALID',
    CERTIFICATE_UNKNOWN,
    /11 certificates were presented where 10 are allowed/,
  );
  const large = leaf(
    root,
    Array.from({ length: 1500 }, (_, i) => `${i}.example.org`),
  );
  assertRefused(
    () => verify([large, large, large, large], [root]),
    'ERR_TLS_CERTIFICATE_INVALID',
    CERTIFICATE_UNKNOWN,
    /bytes were presented where 65536 are allowed/,
  );
});

test('everything above with the portable provider too, where signatures are concerned', () => {
  const impostor = authority('root', undefined, { key: keyFor('impostor') });
  assertRefused(
    () => verify([leaf(impostor, ['example.org'])], [root], { provider: nobleProvider }),
    'ERR_TLS_CERTIFICATE_SIGNATURE',
    BAD_CERTIFICATE,
    /was not signed/,
  );
});

test('names that would break a log line are shown without their control characters', () => {
  const nasty = leaf(root, ['example.com'], { subject: 'evil\n2026 server started\u0000\u202e' });
  assertRefused(
    () => verify([nasty], [root]),
    'ERR_TLS_CERTIFICATE_NAME_MISMATCH',
    BAD_CERTIFICATE,
    /"CN=evil\?2026 server started\?\?" is not for/,
  );
  const nameless = leaf(root, ['example.com'], { subjectDer: der.derSequence(), serial: 0xabcd });
  assertRefused(
    () => verify([nameless], [root]),
    'ERR_TLS_CERTIFICATE_NAME_MISMATCH',
    BAD_CERTIFICATE,
    /"serial number 00abcd"/,
  );
});

test.run();
