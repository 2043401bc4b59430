import { X509Certificate } from 'node:crypto';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { CLIENT_AUTH, TEST_UNIX_TIME, der, extensions } from '@mquictt/testkit';
import { Alert, RootStore, chainReportLines, verifyChain } from '../../src/index.ts';
import type { ChainCheck, ChainReport, TlsErrorCode } from '../../src/index.ts';
import { nodeProvider } from '../../src/node/index.ts';
import { assertRefused, authority, keyFor, leaf, refusal, verify } from '../support/chains.ts';
import type { Issued } from '../support/chains.ts';

/** A report is read at three in the morning: it says which certificate, which check and what was tried, in words and for programs. */
const test = suite('chain report');

const root = authority('root');
const intermediate = authority('intermediate', root);
const good = leaf(intermediate, ['example.org']);
const critical = { oid: '1.2.3.4', critical: true, value: der.derNull() };
const within = (issuer: Issued, overrides: Parameters<typeof authority>[2]): Issued =>
  authority('intermediate', issuer, overrides);

type Row = readonly [
  chain: readonly Issued[],
  roots: readonly Issued[],
  code: TlsErrorCode,
  alert: Alert,
  sentence: RegExp,
  /** Undefined where the certificate cannot be read, or where it is all of them. */
  subject?: string,
];

const broken: Issued = { ...good, der: good.der.subarray(0, 100) };
const strict = authority('strict', root, { replace: [extensions.basicConstraints(true, 0)] });
const below = authority('below', strict);
const small = keyFor('small', 'rsa1024');
const sha1Root = authority('sha1', undefined, { key: keyFor('sha1', 'rsa2048') });
const plain = within(root, { replace: [extensions.basicConstraints(false)] });
const mute = within(root, { replace: [extensions.keyUsage(6)] });
const bound = within(root, { replace: [extensions.nameConstraints(['example.com'])] });
const forClients = within(root, { replace: [extensions.extendedKeyUsage(CLIENT_AUTH)] });
const late = within(root, { notBefore: TEST_UNIX_TIME + 1000 });
const odd = within(root, { replace: [critical] });

/** One row for each check; the compiler sees to it that none is missing. */
const ROWS: Readonly<Record<ChainCheck, Row>> = {
  malformed: [[broken], [root], 'ERR_TLS_CERTIFICATE_INVALID', Alert.BAD_CERTIFICATE, /malformed: Content is cut off/],
  unsupported: [
    [leaf(root, ['example.org'], { algorithm: 'ecdsa-sha384' })].map((issued) => ({
      ...issued,
      der: withOddAlgorithm(issued.der),
    })),
    [root],
    'ERR_TLS_CERTIFICATE_INVALID',
    Alert.UNSUPPORTED_CERTIFICATE,
    /"CN=leaf" is signed with algorithm 1\.2\.840\.10045\.4\.3\.9, which is not supported/,
    'CN=leaf',
  ],
  'too-complex': [
    Array.from({ length: 11 }, () => good),
    [root],
    'ERR_TLS_CERTIFICATE_INVALID',
    Alert.CERTIFICATE_UNKNOWN,
    /11 certificates were presented where 10 are allowed/,
  ],
  'unknown-issuer': [
    [good, intermediate],
    [],
    'ERR_TLS_CERTIFICATE_UNKNOWN_CA',
    Alert.UNKNOWN_CA,
    /The issuer of certificate "CN=intermediate", "CN=root", is neither a trusted root nor among/,
    'CN=intermediate',
  ],
  signature: [
    [good, intermediate],
    [authority('root', undefined, { key: keyFor('impostor') })],
    'ERR_TLS_CERTIFICATE_SIGNATURE',
    Alert.BAD_CERTIFICATE,
    /"CN=intermediate" was not signed by the key of "CN=root"; it was changed, or/,
    'CN=intermediate',
  ],
  'weak-signature': [
    [leaf(sha1Root, ['example.org'], { algorithm: 'rsa-sha1' })],
    [sha1Root],
    'ERR_TLS_CERTIFICATE_SIGNATURE',
    Alert.UNSUPPORTED_CERTIFICATE,
    /"CN=leaf" is signed with SHA-1 with RSA, which is too weak to be trusted; have it issued again/,
    'CN=leaf',
  ],
  'weak-key': [
    [leaf(intermediate, ['example.org'], { key: small }), intermediate],
    [root],
    'ERR_TLS_CERTIFICATE_INVALID',
    Alert.UNSUPPORTED_CERTIFICATE,
    /"CN=leaf" cannot be used: its key has only 1024 bits where RSA needs 2048/,
    'CN=leaf',
  ],
  validity: [
    [leaf(late, ['example.org']), late],
    [root],
    'ERR_TLS_CERTIFICATE_NOT_YET_VALID',
    Alert.CERTIFICATE_EXPIRED,
    /"CN=intermediate" is not valid before 2030-01-01 00:00 UTC; check this machine's clock/,
    'CN=intermediate',
  ],
  name: [
    [leaf(intermediate, ['example.com']), intermediate],
    [root],
    'ERR_TLS_CERTIFICATE_NAME_MISMATCH',
    Alert.BAD_CERTIFICATE,
    /"CN=leaf" is not for example\.org but for example\.com; dial one of those/,
    'CN=leaf',
  ],
  'name-constraints': [
    [leaf(bound, ['example.org']), bound],
    [root],
    'ERR_TLS_CERTIFICATE_NAME_MISMATCH',
    Alert.BAD_CERTIFICATE,
    /"CN=leaf" is for example\.org, which its authority "CN=intermediate" may not vouch for/,
    'CN=leaf',
  ],
  'basic-constraints': [
    [leaf(plain, ['example.org']), plain],
    [root],
    'ERR_TLS_CERTIFICATE_PURPOSE',
    Alert.BAD_CERTIFICATE,
    /"CN=intermediate" is no authority \(CA:FALSE\) but issued another/,
    'CN=intermediate',
  ],
  'path-length': [
    [leaf(below, ['example.org']), below, strict],
    [root],
    'ERR_TLS_CERTIFICATE_PURPOSE',
    Alert.BAD_CERTIFICATE,
    /"CN=strict" allows 0 authorities below it \(pathLen\), and the chain has 1/,
    'CN=strict',
  ],
  'key-usage': [
    [leaf(mute, ['example.org']), mute],
    [root],
    'ERR_TLS_CERTIFICATE_PURPOSE',
    Alert.BAD_CERTIFICATE,
    /"CN=intermediate" may not sign certificates \(key usage without keyCertSign\)/,
    'CN=intermediate',
  ],
  'extended-key-usage': [
    [leaf(forClients, ['example.org']), forClients],
    [root],
    'ERR_TLS_CERTIFICATE_PURPOSE',
    Alert.UNSUPPORTED_CERTIFICATE,
    /"CN=intermediate" is not meant for a server; have it issued with extended key usage serverAuth/,
    'CN=intermediate',
  ],
  'critical-extension': [
    [leaf(odd, ['example.org']), odd],
    [root],
    'ERR_TLS_CERTIFICATE_INVALID',
    Alert.UNSUPPORTED_CERTIFICATE,
    /"CN=intermediate" has the critical extension 1\.2\.3\.4, which is not supported/,
    'CN=intermediate',
  ],
};

/** Both copies of the algorithm changed to one that nobody knows: ecdsa-with-SHA384 ends in 3. */
function withOddAlgorithm(certificate: Uint8Array): Uint8Array {
  const hex = Buffer.from(certificate).toString('hex').replaceAll('06082a8648ce3d040303', '06082a8648ce3d040309');
  return new Uint8Array(Buffer.from(hex, 'hex'));
}

for (const [check, [chain, roots, code, alert, sentence, subject]] of Object.entries(ROWS) as [ChainCheck, Row][])
  test(`${check}: code, alert, sentence and report`, () => {
    const action = (): unknown => verify(chain, roots);
    assertRefused(action, code, alert, sentence, [check]);
    const { report } = refusal(action);
    assert.is(report?.certificate?.subject, subject);
    if (report === undefined) throw new Error('no report');
    const text = chainReportLines(report).join('\n');
    assert.match(text, sentence);
    assert.ok(text.startsWith(`Certificate chain refused (${check}): `), text);
  });

function reportOf(chain: readonly Issued[], roots: readonly Issued[]): ChainReport {
  const { report } = refusal(() => verify(chain, roots));
  if (report === undefined) throw new Error('no report');
  return report;
}

test('the certificate that failed is named as other tools name it', () => {
  const old = authority('old', root, { serial: 0x1234abcd, notAfter: TEST_UNIX_TIME - 1000 });
  const { certificate } = reportOf([leaf(old, ['example.org']), intermediate, old], [root]);
  const theirs = new X509Certificate(old.der);
  assert.equal(certificate, {
    position: 2,
    isTrustedRoot: false,
    fingerprint: theirs.fingerprint256.replaceAll(':', '').toLowerCase(),
    subject: 'CN=old',
    issuer: 'CN=root',
    serialNumber: theirs.serialNumber.toLowerCase(),
    notBefore: Date.parse(theirs.validFrom),
    notAfter: Date.parse(theirs.validTo),
  });
});

test('a root is named as one, whether it was presented or not', () => {
  const old = authority('old root', undefined, { notAfter: TEST_UNIX_TIME - 1000 });
  const certificate = leaf(old, ['example.org']);
  for (const [chain, position] of [
    [[certificate], undefined],
    [[certificate, old], 1],
  ] as const) {
    const found = reportOf(chain, [old]).certificate;
    assert.equal([found?.subject, found?.isTrustedRoot, found?.position], ['CN=old root', true, position]);
  }
});

test('a certificate that cannot be read has its place and its fingerprint', () => {
  const { certificate, paths } = reportOf([broken], [root]);
  assert.equal([certificate?.position, certificate?.subject, certificate?.notAfter], [0, undefined, undefined]);
  assert.match(certificate?.fingerprint ?? '', /^[0-9a-f]{64}$/);
  assert.equal(paths, []);
});

test('every path that was tried, with where it ended', () => {
  const expired = authority('shared', undefined, { notAfter: TEST_UNIX_TIME - 1000 });
  const impostor = authority('shared', undefined, { key: keyFor('impostor') });
  const crossSigned = authority('shared', authority('elsewhere'), { key: expired.key });
  const certificate = leaf(expired, ['example.org']);
  const report = reportOf([certificate, crossSigned], [expired, impostor]);
  assert.is(report.check, 'validity');
  assert.equal(
    report.paths.map(({ check, certificates }) => [
      check,
      ...certificates.map(({ subject, issuer }) => `${subject} by ${issuer}`),
    ]),
    [
      ['validity', 'CN=leaf by CN=shared', 'CN=shared by CN=shared'],
      ['unknown-issuer', 'CN=leaf by CN=shared', 'CN=shared by CN=elsewhere'],
      ['signature', 'CN=leaf by CN=shared', 'CN=shared by CN=shared'],
    ],
  );
  assert.is(report.morePaths, 0);
});

test('the path that was found is told where only the name is wrong', () => {
  const { paths } = reportOf([leaf(intermediate, ['example.com']), intermediate], [root]);
  assert.equal(
    paths.map(({ check, certificates }) => [check, ...certificates.map(({ subject }) => subject)]),
    [['name', 'CN=leaf', 'CN=intermediate', 'CN=root']],
  );
});

test('as text', () => {
  const old = authority('old', root, { serial: 7, notBefore: 0, notAfter: 86_400_000 });
  const certificate = leaf(old, ['example.org']);
  const fingerprint = new X509Certificate(old.der).fingerprint256.replaceAll(':', '').toLowerCase();
  const sentence = `Certificate "CN=old" expired on 1970-01-02 00:00 UTC; renew it, or check this machine's clock`;
  assert.equal(chainReportLines(reportOf([certificate, old], [root])), [
    `Certificate chain refused (validity): ${sentence}`,
    '  certificate: CN=old (presented at 1)',
    '  issuer: CN=root',
    '  serial number: 07',
    '  valid: 1970-01-01 00:00 UTC to 1970-01-02 00:00 UTC',
    `  SHA-256: ${fingerprint}`,
    `  path 1 ended at validity: ${sentence}`,
    '    CN=leaf (presented as leaf)',
    '    CN=old (presented at 1)',
    '    CN=root (trusted root, not presented)',
  ]);
});

test('nothing in a report breaks a log line, and nothing is endless', () => {
  const nasty = leaf(root, ['example.com'], {
    subjectDer: der.derSequence(
      der.derSet(der.derSequence(der.derOid('2.5.4.3'), der.derUtf8(`evil\n\u001b[2J${'x'.repeat(5000)}`))),
    ),
  });
  const lines = chainReportLines(reportOf([nasty], [root]));
  for (const line of lines) {
    assert.not.match(line, /\p{C}/u);
    assert.ok(line.length < 1000, `${line.length} characters`);
  }
});

test('what is wrong with the options has no report', () => {
  const options = { provider: nodeProvider, chain: [good.der], roots: new RootStore(), unixTime: TEST_UNIX_TIME };
  assert.is(refusal(() => verifyChain({ ...options, purpose: 'server' })).report, undefined);
  assert.ok(refusal(() => verifyChain({ ...options, purpose: 'client' })).report);
});

test.run();
