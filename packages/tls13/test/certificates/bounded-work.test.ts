import { performance } from 'node:perf_hooks';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TEST_UNIX_TIME, buildCertificate, der, extensions } from '@mquictt/testkit';
import { TlsError, parseCertificate } from '../../src/index.ts';
import type { CryptoProvider } from '../../src/index.ts';
import { clearCertificateCaches } from '../../src/certificates/caches.ts';
import { MAX_NAME_COMPARISONS, MAX_REPORTED_PATHS, MAX_SIGNATURE_CHECKS } from '../../src/limits.ts';
import { nodeProvider } from '../../src/node/index.ts';
import { authority, keyFor, leaf, refusal, verify } from '../support/chains.ts';
import type { Issued } from '../support/chains.ts';

/** Chains that are made to cost something: how many signatures, how many comparisons, how long. */
const test = suite('hostile chains cost little');
const root = authority('root');

/** No identifiers, so that every certificate of the name is a candidate. */
const BARE = { remove: ['2.5.29.14', '2.5.29.35'] };

function countVerifications(): { provider: CryptoProvider; count: () => number } {
  let count = 0;
  const provider: CryptoProvider = {
    ...nodeProvider,
    verifyCertificate: (...parameters) => {
      count++;
      return nodeProvider.verifyCertificate(...parameters);
    },
  };
  return { provider, count: () => count };
}

/** @returns the error of a chain that is refused, and how many signatures were checked for it */
function cost(chain: readonly Issued[], roots: readonly Issued[]): { error: TlsError; count: number } {
  const { provider, count } = countVerifications();
  const start = performance.now();
  const error = refusal(() => verify(chain, roots, { provider }));
  assert.ok(performance.now() - start < 1000, `${performance.now() - start} ms`);
  assert.ok((error.report?.paths.length ?? 0) <= MAX_REPORTED_PATHS);
  return { error, count: count() };
}

/** Someone who signs with `key` in that name. */
function signer(subject: string, key: ReturnType<typeof keyFor>): Issued {
  return { subject, key, der: new Uint8Array(0) };
}

test('loops of cross-signed authorities', () => {
  const [a, b] = [authority('a'), authority('b')];
  const chain = [leaf(a, ['example.org']), authority('a', b), authority('b', a), a, b];
  const { error, count } = cost(chain, [root]);
  assert.is(error.code, 'ERR_TLS_CERTIFICATE_UNKNOWN_CA', error.message);
  assert.ok(count <= 6, `${count} signature checks`);
});

test('four keys of one name, each in two certificates that the next key signed: no link is verified twice', () => {
  const hydra = Array.from({ length: 5 }, (_, i) => keyFor(`hydra ${i}`));
  const heads = [0, 1, 2, 3].flatMap((i) =>
    [1, 2].map((serial) => authority('hydra', signer('hydra', hydra[i + 1]), { key: hydra[i], serial, ...BARE })),
  );
  const chain = [leaf(signer('hydra', hydra[0]), ['example.org'], { remove: ['2.5.29.35'] }), ...heads];
  const { error, count } = cost(chain, [root]);
  assert.is(error.report?.check, 'signature', error.message);
  // Nine certificates, four keys.
  assert.ok(count <= 36, `${count} signature checks`);
});

test('nine authorities of one name that all sign one another: 362,880 paths', () => {
  const keys = Array.from({ length: 9 }, (_, i) => keyFor(`clique ${i}`));
  // Two keys sign everything, so that most links that are looked at are good.
  const ring = keys.map((key, i) => authority('clique', signer('clique', keys[(i + 1) % 2]), { key, ...BARE }));
  const chain = [leaf(signer('clique', keys[0]), ['example.org'], { remove: ['2.5.29.35'] }), ...ring];
  const { error, count } = cost(chain, [root]);
  assert.ok(count <= MAX_SIGNATURE_CHECKS, `${count} signature checks`);
  assert.ok((error.report?.paths.length ?? 0) > 0);
});

test('a path longer than any in use ends with a reason, also where every link is good', () => {
  let issuer = root;
  const line = Array.from({ length: 9 }, (_, i) => (issuer = authority(`line ${i}`, issuer)));
  const { error } = cost([leaf(issuer, ['example.org']), ...line.toReversed()], [root]);
  assert.is(error.code, 'ERR_TLS_CERTIFICATE_INVALID');
  assert.match(error.message, /"CN=leaf" came with a path of more than 10 certificates, the root included; have it/);
  assert.is(error.report?.check, 'too-complex');
  assert.is(error.report?.paths[0]?.certificates.length, 10);
});

test('what was wrong with a complete path is told even where the search ended at a limit', () => {
  const old = authority('many', undefined, { key: keyFor('old many'), notAfter: TEST_UNIX_TIME - 1000, ...BARE });
  const others = Array.from({ length: 50 }, (_, i) =>
    authority('many', undefined, { key: keyFor(`many ${i}`), ...BARE }),
  );
  const { error } = cost([leaf(old, ['example.org'], { remove: ['2.5.29.35'] })], [old, ...others]);
  assert.is(error.report?.check, 'validity', error.message);
});

test('many ways through certificates that are all good end at the limit of steps', () => {
  // Three layers of one key each, three certificates a key: 27 ways to the roots, and none of those signed the topmost layer.
  const keys = Array.from({ length: 9 }, (_, i) => keyFor(`step ${i}`));
  const layers = [0, 1, 2].flatMap((layer) =>
    [0, 1, 2].map((i) =>
      authority(`layer ${layer}`, signer(`layer ${layer + 1}`, keys[(layer + 1) * 3] ?? keys[0]), {
        key: keys[layer * 3],
        serial: i + 1,
        ...BARE,
      }),
    ),
  );
  const roots = Array.from({ length: 12 }, (_, i) =>
    authority('layer 3', undefined, { key: keyFor(`decoy ${i % 3}`), serial: i + 1, ...BARE }),
  );
  const chain = [leaf(signer('layer 0', keys[0]), ['example.org'], { remove: ['2.5.29.35'] }), ...layers];
  const { error, count } = cost(chain, roots);
  assert.is(error.report?.check, 'too-complex', error.message);
  assert.match(error.message, /"CN=leaf" came with others that would take more than 200 steps; present only its own/);
  assert.ok(count <= MAX_SIGNATURE_CHECKS, `${count} signature checks`);
  const { paths, morePaths } = error.report ?? { paths: [], morePaths: 0 };
  assert.is(paths.length, MAX_REPORTED_PATHS);
  assert.ok(morePaths > 100, `${morePaths} more`);
});

test('roots of one name and many keys end at the limit of signatures, as often as one tries', () => {
  const roots = Array.from({ length: 50 }, (_, i) =>
    authority('many', undefined, { key: keyFor(`many ${i}`), ...BARE }),
  );
  const chain = [leaf(signer('many', keyFor('none of them')), ['example.org'], { remove: ['2.5.29.35'] })];
  for (let round = 0; round < 2; round++) {
    const { error, count } = cost(chain, roots);
    assert.is(error.report?.check, 'too-complex', error.message);
    assert.match(error.message, /more than 40 signature checks/);
    assert.is(count, MAX_SIGNATURE_CHECKS);
  }
});

test('the outcome is the same with empty and with full caches', () => {
  const good = roots(30);
  const outcome = (): string => {
    try {
      return verify([leaf(good[29] as Issued, ['example.org'], BARE)], good)
        .path.map(({ subjectText }) => subjectText)
        .join();
    } catch (error) {
      return (error as Error).message;
    }
  };
  clearCertificateCaches();
  const cold = outcome();
  assert.is(cold, 'CN=leaf,CN=many');
  assert.is(outcome(), cold);

  function roots(count: number): Issued[] {
    return Array.from({ length: count }, (_, i) => authority('many', undefined, { key: keyFor(`many ${i}`), ...BARE }));
  }
});

test('more names than can be compared in reasonable time', () => {
  const names = (count: number): string[] => Array.from({ length: count }, (_, i) => `${i}.example.org`);
  const issuer = authority('constrained', root, { replace: [extensions.nameConstraints(names(300))] });
  const { error } = cost([leaf(issuer, names(400)), issuer], [root]);
  assert.is(error.report?.check, 'too-complex', error.message);
  assert.match(error.message, /400 names, too many for the name constraints of "CN=constrained"/);
});

test('comparisons are counted over the whole search, not for each path or authority', () => {
  const names = (count: number): string[] => Array.from({ length: count }, (_, i) => `${i}.example.org`);
  const constraints = { replace: [extensions.nameConstraints(names(200))] };
  const one = authority('one', root, constraints);
  const two = authority('two', one, constraints);
  const chain = (count: number): Issued[] => [leaf(two, [...names(200), ...names(count)]), two, one];
  verify(chain(0), [root], { serverName: '1.example.org' });
  assert.ok(2 * 300 * 200 > MAX_NAME_COMPARISONS && 300 * 200 < MAX_NAME_COMPARISONS);
  assert.is(cost(chain(100), [root]).error.report?.check, 'too-complex');
});

test('constraints on names of every kind, as many as fit', () => {
  const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
  const kinds: ((i: number) => Uint8Array)[] = [
    (i) => der.derImplicit(1, bytes(`user${i}@example.org`)),
    (i) => der.derImplicit(6, bytes(`https://${i}.example.org/`)),
    (i) => der.derExplicit(4, der.derSequence(der.derSet(der.derSequence(der.derOid('2.5.4.3'), der.derUtf8(`${i}`))))),
  ];
  for (const [index, kind] of kinds.entries()) {
    const all = Array.from({ length: 330 }, (_, i) => kind(i));
    const bases = index === 1 ? all.map((_, i) => der.derImplicit(6, bytes(`${i}.example.org`))) : all;
    const value = der.derSequence(der.der(0xa1, ...bases.map((base) => der.derSequence(base))));
    const issuer = authority('constrained', root, { replace: [{ oid: '2.5.29.30', critical: true, value }] });
    const { error } = cost(
      [leaf(issuer, [], { replace: [{ oid: '2.5.29.17', value: der.derSequence(...all) }] }), issuer],
      [root],
    );
    assert.ok(['too-complex', 'name-constraints'].includes(error.report?.check ?? ''), error.message);
  }
});

test('names, numbers and identifiers as long as a certificate may be', () => {
  const long = new Uint8Array(60_000).fill(0xff);
  long[59_999] = 0x7f;
  const name = (type: Uint8Array, value: Uint8Array): Uint8Array =>
    der.derSequence(der.derSet(der.derSequence(type, value)));
  const commonName = der.derOid('2.5.4.3');
  const ligatures = new TextEncoder().encode('\ufdfa'.repeat(20_000));
  const rows: [Uint8Array, RegExp | undefined][] = [
    [name(der.der(0x06, long), der.derUtf8('x')), /Object identifier is too long/],
    // One character that NFKC makes eighteen of.
    [name(commonName, der.der(0x0c, ligatures)), undefined],
    [name(commonName, der.der(0x0c, new Uint8Array(60_000).fill(0x20))), undefined],
    [name(commonName, der.der(0x14, long)), undefined],
  ];
  for (const [subjectDer, problem] of rows) {
    const start = performance.now();
    const certificate = buildCertificate({
      key: keyFor('long'),
      subjectDer,
      issuer: 'root',
      notAfter: TEST_UNIX_TIME + 1,
    });
    if (problem === undefined) assert.ok(parseCertificate(certificate).subjectText.length < 250);
    else assert.match(refusal(() => parseCertificate(certificate)).message, problem);
    assert.ok(performance.now() - start < 500, `${performance.now() - start} ms`);
  }
});

test.run();
