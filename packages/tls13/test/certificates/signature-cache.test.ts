import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { CryptoProvider } from '../../src/index.ts';
import { clearCertificateCaches } from '../../src/certificates/caches.ts';
import { isKnownSignature, rememberSignatures, signatureKey } from '../../src/certificates/signature-cache.ts';
import { parseCertificate } from '../../src/certificates/parse.ts';
import { MAX_CACHED_SIGNATURES } from '../../src/limits.ts';
import { nodeProvider } from '../../src/node/index.ts';
import { authority, keyFor, leaf, refusal, verify } from '../support/chains.ts';
import type { Issued } from '../support/chains.ts';

const test = suite('remembered signatures');

const root = authority('root');
const intermediate = authority('intermediate', root);
const good = leaf(intermediate, ['example.org']);
const impostor = authority('root', undefined, { key: keyFor('impostor') });

/** @param answer what it says about every signature; by default the truth */
function counting(answer?: boolean): { provider: CryptoProvider; count: () => number } {
  let count = 0;
  const provider: CryptoProvider = {
    ...nodeProvider,
    verifyCertificate: (...parameters) => {
      count++;
      return answer ?? nodeProvider.verifyCertificate(...parameters);
    },
  };
  return { provider, count: () => count };
}

test('a chain that was good costs no signatures the second time, also among other certificates', () => {
  const { provider, count } = counting();
  for (let round = 0; round < 3; round++) verify([good, intermediate], [root], { provider });
  assert.is(count(), 2);
  verify([good, root, intermediate], [root], { provider });
  assert.is(count(), 2);
  // The authority's own signature is known; the new leaf's is not.
  verify([leaf(intermediate, ['example.org'], { serial: 2 }), intermediate], [root], { provider });
  assert.is(count(), 3);
});

test('cold again on demand', () => {
  const { provider, count } = counting();
  verify([good, intermediate], [root], { provider });
  clearCertificateCaches();
  verify([good, intermediate], [root], { provider });
  assert.is(count(), 4);
});

test('what is not a fact for ever is judged each time', () => {
  const { provider } = counting();
  verify([good, intermediate], [root], { provider });
  const check = (options: Parameters<typeof verify>[2], roots: readonly Issued[] = [root]): string | undefined =>
    refusal(() => verify([good, intermediate], roots, { provider, ...options })).report?.check;
  assert.is(check({ unixTime: Date.UTC(2121, 0, 1) }), 'validity');
  assert.is(check({ unixTime: Date.UTC(2019, 0, 1) }), 'validity');
  assert.is(check({ serverName: 'example.com' }), 'name');
  assert.is(check({}, []), 'unknown-issuer');
  assert.is(check({}, [authority('another')]), 'unknown-issuer');
});

test('a signature is known for one key, not for a name', () => {
  const { provider } = counting();
  verify([good, intermediate], [root], { provider });
  assert.is(refusal(() => verify([good, intermediate], [impostor], { provider })).report?.check, 'signature');
});

test('any other byte makes another certificate', () => {
  const { provider } = counting();
  verify([good, intermediate], [root], { provider });
  for (const position of [good.der.length - 1, good.der.length - 40, good.der.length - 80, 60]) {
    const changed = { ...good, der: good.der.slice() };
    changed.der[position] = (changed.der[position] ?? 0) ^ 1;
    assert.ok(refusal(() => verify([changed, intermediate], [root], { provider })));
  }
  // Bytes that the caller changes afterwards are read again.
  const own = { ...good, der: good.der.slice() };
  verify([own, intermediate], [root], { provider });
  own.der[60] = (own.der[60] ?? 0) ^ 1;
  assert.ok(refusal(() => verify([own, intermediate], [root], { provider })));
});

test('a provider that says yes to everything convinces nobody else', () => {
  const gullible = counting(true);
  const forged = leaf({ ...impostor, subject: 'root' }, ['example.org']);
  verify([forged], [root], { provider: gullible.provider });
  for (const { provider } of [counting(), { provider: nodeProvider }])
    assert.is(refusal(() => verify([forged], [root], { provider })).report?.check, 'signature');
});

test('a signature that was refused is checked again', () => {
  const { provider, count } = counting();
  for (let round = 1; round <= 3; round++) {
    assert.ok(refusal(() => verify([good, intermediate], [impostor], { provider })));
    assert.is(count(), 2 * round);
  }
});

test('paths without a trusted root leave nothing behind', () => {
  const { provider, count } = counting();
  const stranger = authority('stranger');
  const chain = [leaf(stranger, ['example.org']), stranger];
  for (let round = 1; round <= 3; round++) {
    assert.ok(refusal(() => verify(chain, [root], { provider })));
    assert.is(count(), round);
  }
});

test('a bounded number of them, the oldest goes first', () => {
  const { provider } = counting();
  const [issuer, certificate] = [parseCertificate(root.der), parseCertificate(intermediate.der)];
  const numbered = (i: number): typeof certificate => ({ ...certificate, fingerprint: `${i}` });
  const isKnown = (i: number): boolean => isKnownSignature(provider, signatureKey(numbered(i), issuer));
  for (let i = 0; i < MAX_CACHED_SIGNATURES; i++) rememberSignatures(provider, [numbered(i), issuer]);
  assert.equal([isKnown(0), isKnown(MAX_CACHED_SIGNATURES - 1)], [true, true]);
  // What is known already drives nothing out.
  rememberSignatures(provider, [numbered(5), issuer]);
  assert.ok(isKnown(0));
  rememberSignatures(provider, [numbered(MAX_CACHED_SIGNATURES), issuer]);
  assert.equal([isKnown(0), isKnown(1), isKnown(MAX_CACHED_SIGNATURES)], [false, true, true]);
});

test.run();
