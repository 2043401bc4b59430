import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  TEST_CREDENTIAL_KINDS,
  TEST_UNIX_TIME,
  der,
  extensions,
  seededRandom,
  testCredential,
  testRoots,
} from '@mquictt/testkit';
import { RootStore, nobleProvider, verifyChain } from '../../src/index.ts';
import { defaultRoots, nodeProvider } from '../../src/node/index.ts';
import { parseCertificate } from '../../src/certificates/parse.ts';
import { authority, keyFor, leaf, verify } from '../support/chains.ts';

const test = suite('verifyChain accepts');

const root = authority('root');
const intermediate = authority('intermediate', root);
const below = authority('below', intermediate);
const good = leaf(below, ['example.org']);

test('every committed credential, for each of its names, with both providers', () => {
  for (const provider of [nobleProvider, nodeProvider])
    for (const kind of TEST_CREDENTIAL_KINDS) {
      const { chain, key } = testCredential(kind, provider, seededRandom(1));
      for (const serverName of ['localhost', 'LOCALHOST', 'localhost.', '127.0.0.1', '::1', '0:0:0:0:0:0:0:1'])
        for (const purpose of ['server', 'client'] as const) {
          const verified = verifyChain({
            provider,
            chain,
            roots: testRoots(),
            purpose,
            serverName,
            unixTime: TEST_UNIX_TIME,
          });
          assert.is(verified.path.length, kind === 'rsa-chain' ? 3 : 2);
          assert.equal(verified.leaf.publicKeyInfo, key.publicKeyInfo);
        }
    }
});

test('leaves and authorities of each type, under each signature algorithm', () => {
  const rsa = keyFor('rsa', 'rsa2048');
  const cases = [
    [keyFor('p256'), 'ecdsa-sha256'],
    [keyFor('p384', 'p384'), 'ecdsa-sha384'],
    [keyFor('p521', 'p521'), 'ecdsa-sha512'],
    // In certificates a curve is not bound to a hash.
    [keyFor('p256'), 'ecdsa-sha384'],
    [keyFor('p384', 'p384'), 'ecdsa-sha256'],
    [keyFor('ed', 'ed25519'), 'ed25519'],
    [rsa, 'rsa-sha256'],
    [rsa, 'rsa-sha384'],
    [rsa, 'rsa-sha512'],
    [rsa, 'pss-sha256'],
    [rsa, 'pss-sha384'],
    [rsa, 'pss-sha512'],
  ] as const;
  for (const provider of [nodeProvider, nobleProvider])
    for (const [key, algorithm] of cases) {
      const issuer = authority('issuer', undefined, { key, algorithm });
      const certificate = leaf(issuer, ['example.org'], { key, algorithm });
      assert.is(verify([certificate], [issuer], { provider }).path.length, 2, `${algorithm}, ${provider.name}`);
    }
});

test('the path, leaf first and root last', () => {
  const { path, leaf: found } = verify([good, below, intermediate], [root]);
  assert.equal(
    path.map(({ subjectText }) => subjectText),
    ['CN=leaf', 'CN=below', 'CN=intermediate', 'CN=root'],
  );
  assert.is(found, path[0]);
});

test('intermediates out of order', () => {
  assert.is(verify([good, intermediate, below], [root]).path.length, 4);
});

test('a root that is presented as well, and certificates of other chains', () => {
  const stranger = authority('stranger');
  const chain = [good, root, stranger, authority('other', stranger), intermediate, below, below];
  assert.is(verify(chain, [root]).path.length, 4);
});

test('a root in the middle: the shortest way to something trusted', () => {
  assert.is(verify([good, below, intermediate], [root, intermediate]).path.length, 3);
  assert.is(verify([good, below], [intermediate]).path.length, 3);
});

test('another path when one has expired, as with cross-signed roots', () => {
  // The old root signed the new one before that was trusted everywhere; it has expired since.
  const notAfter = TEST_UNIX_TIME - 1;
  const old = authority('old', undefined, { notAfter });
  const fresh = authority('fresh');
  const crossSigned = authority('fresh', old, { key: fresh.key });
  const certificate = leaf(fresh, ['example.org']);
  assert.is(verify([certificate, crossSigned], [old, fresh]).path.length, 2);
  // And the other way round: the first root of the name has expired, the second is its renewal with the same key.
  const expired = authority('fresh', undefined, { key: fresh.key, notAfter });
  assert.is(verify([certificate], [expired, fresh]).path.length, 2);
});

test('the authority that signed, among several of its name', () => {
  const others = ['one', 'two', 'three'].map((name) => authority('root', undefined, { key: keyFor(name) }));
  assert.is(verify([leaf(root, ['example.org'])], [...others, root]).path.length, 2);
  const bare = { remove: ['2.5.29.14', '2.5.29.35'] };
  const keyless = authority('root', undefined, bare);
  const bareOthers = ['one', 'two'].map((name) => authority('root', undefined, { key: keyFor(name), ...bare }));
  assert.is(verify([leaf(keyless, ['example.org'], bare)], [...bareOthers, keyless]).path.length, 2);
});

test('an authority whose key identifier is not the one asked for, when it signed all the same', () => {
  const misnamed = authority('misnamed', undefined, { replace: [extensions.subjectKeyIdentifier(keyFor('else'))] });
  assert.is(verify([leaf(misnamed, ['example.org'])], [misnamed]).path.length, 2);
});

test('chains as long as they may be', () => {
  let issuer = authority('level 0');
  const trusted = issuer;
  const chain = [];
  for (let level = 1; level <= 8; level++) chain.unshift((issuer = authority(`level ${level}`, issuer)));
  assert.is(verify([leaf(issuer, ['example.org']), ...chain], [trusted]).path.length, 10);
});

test('certificates without key usage and extended key usage, and critical policies', () => {
  const policies = {
    oid: '2.5.29.32',
    critical: true,
    value: der.derSequence(der.derSequence(der.derOid('2.5.29.32.0'))),
  };
  const open = authority('open', undefined, { remove: ['2.5.29.15'], replace: [policies] });
  const certificate = leaf(open, ['example.org'], {
    remove: ['2.5.29.15', '2.5.29.37', '2.5.29.19'],
    replace: [policies],
  });
  for (const purpose of ['server', 'client'] as const) verify([certificate], [open], { purpose });
});

test('a client without a name to compare with', () => {
  const { path } = verifyChain({
    provider: nodeProvider,
    chain: [good.der, below.der, intermediate.der],
    roots: new RootStore([root.der]),
    purpose: 'client',
    unixTime: TEST_UNIX_TIME,
  });
  assert.is(path.length, 4);
});

test('authorities with the extended key usage, or any', () => {
  for (const oid of ['1.3.6.1.5.5.7.3.1', '2.5.29.37.0']) {
    const issuer = authority('for servers', root, { replace: [extensions.extendedKeyUsage(oid)] });
    verify([leaf(issuer, ['example.org']), issuer], [root]);
  }
});

test('the roots that come with Node can all be parsed, and their own signatures verify where they are supported', () => {
  let verified = 0;
  let unsupported = 0;
  for (const bytes of defaultRoots()) {
    const certificate = parseCertificate(bytes);
    const { algorithm } = certificate.signatureAlgorithm;
    if (algorithm === undefined || typeof certificate.publicKey === 'string') unsupported++;
    else {
      assert.ok(certificate.extensions.isCa, certificate.subjectText);
      assert.equal(certificate.extensions.unknownCritical, [], certificate.subjectText);
      if (certificate.subject !== certificate.issuer) continue;
      // Also of a few P-384 roots, which signed themselves with SHA-256, for which TLS 1.3 has no scheme.
      assert.ok(
        nodeProvider.verifyCertificate(certificate.publicKeyInfo, algorithm, certificate.tbs, certificate.signature),
        certificate.subjectText,
      );
      verified++;
    }
  }
  assert.ok(verified > 60, `${verified} verified`);
  // Signed with SHA-1, which does not matter for a root, whose own signature is not looked at.
  assert.ok(unsupported < verified / 2, `${unsupported} unsupported`);
});

test.run();
