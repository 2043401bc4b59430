import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { distinguishedName, seededRandom } from '@mquictt/testkit';
import { Alert, CredentialStore, SignatureScheme } from '../src/index.ts';
import type { CertificateOffer, Credential, CredentialStoreOptions } from '../src/index.ts';
import { nodeProvider } from '../src/node/index.ts';
import { ALL_SIGNATURE_SCHEMES } from '../src/signature-schemes.ts';
import { assertRefused, authority, keyFor, leaf } from './support/chains.ts';
import type { Issued } from './support/chains.ts';

const test = suite('credential store');

type KeyType = NonNullable<Parameters<typeof keyFor>[1]>;

const root = authority('root');
const intermediate = authority('intermediate', root);

interface Parts {
  readonly issuer?: Issued;
  readonly keyType?: KeyType;
  readonly algorithm?: 'rsa-sha256' | 'rsa-sha512' | 'rsa-sha1' | 'ecdsa-sha384';
  readonly above?: readonly Issued[];
}

/** A credential for these names. */
function credential(names: readonly string[], parts: Parts = {}): Credential {
  const key = keyFor('leaf', parts.keyType ?? 'p256');
  const overrides = parts.algorithm === undefined ? { key } : { key, algorithm: parts.algorithm };
  const { der } = leaf(parts.issuer ?? root, names, overrides);
  return {
    chain: [der, ...(parts.above ?? []).map((issued) => issued.der)],
    key: nodeProvider.importSigningKey(key.pkcs8, seededRandom(1)),
  };
}

function offer(overrides: Partial<CertificateOffer> = {}): CertificateOffer {
  const signatureSchemes = overrides.signatureSchemes ?? ALL_SIGNATURE_SCHEMES;
  return {
    serverName: undefined,
    signatureSchemes,
    certificateSchemes: ALL_SIGNATURE_SCHEMES,
    authorities: [],
    ...overrides,
  };
}

/** Which of `credentials` is chosen, by index; -1 for none. */
function chosen(
  credentials: readonly Credential[],
  wanted: Partial<CertificateOffer>,
  options: CredentialStoreOptions = {},
): number {
  const choice = new CredentialStore(credentials, options).choose(offer(wanted));
  return choice === undefined ? -1 : credentials.indexOf(choice);
}

const ED25519_ONLY = [SignatureScheme.ED25519];
const ECDSA_ONLY = [SignatureScheme.ECDSA_SECP256R1_SHA256];
const RSA_ONLY = [SignatureScheme.RSA_PSS_RSAE_SHA256];

test('the name that was dialled decides, the very name before a wildcard, whatever the order', () => {
  const credentials = [
    credential(['default.test']),
    credential(['*.example.org', 'example.org']),
    credential(['a.example.org', 'A2.Example.ORG', 'other.test']),
    credential(['*.deep.example.org', 'xn--bcher-kva.test', 'mqtt_1.test']),
    credential(['localhost']),
  ];
  const expected: readonly (readonly [string, number])[] = [
    ['default.test', 0],
    ['example.org', 1],
    ['b.example.org', 1],
    ['a.example.org', 2],
    ['a2.example.org', 2],
    ['other.test', 2],
    // A wildcard stands for one label.
    ['x.a.example.org', 0],
    ['x.deep.example.org', 3],
    ['deep.example.org', 1],
    ['xn--bcher-kva.test', 3],
    ['mqtt_1.test', 3],
    ['localhost', 4],
  ];
  for (const [serverName, index] of expected) assert.is(chosen(credentials, { serverName }), index, serverName);
});

test('without a fitting name the first credential is the default; strict names refuse, but not who names nobody', () => {
  const credentials = [credential(['a.test']), credential(['b.test'])];
  for (const serverName of ['c.test', 'x.a.test', 'test', 'a.tes', 'a.test.b']) {
    assert.is(chosen(credentials, { serverName }), 0, serverName);
    assert.is(chosen(credentials, { serverName }, { strictNames: true }), -1, serverName);
  }
  assert.is(chosen(credentials, {}), 0);
  assert.is(chosen(credentials, {}, { strictNames: true }), 0);
  assert.is(chosen(credentials, { serverName: 'b.test' }, { strictNames: true }), 1);
});

test('names that no client would take from a certificate are no names here', () => {
  const names = ['*', '*.', '*.test', '.a.test', 'b*.test', '*.*.test', '127.0.0.1', 'c.test\0.evil', 'a..test', ''];
  const credentials = [credential(['default.test']), credential(names)];
  for (const serverName of ['test', 'a.test', 'b1.test', 'x.y.test', '127.0.0.1', 'c.test', '*.test', '', '.'])
    assert.is(chosen(credentials, { serverName }, { strictNames: true }), -1, serverName);
});

test('names that are properties of every object are names like others', () => {
  const credentials = [credential(['default.test'])];
  for (const serverName of ['constructor', '__proto__', 'toString'])
    assert.is(chosen(credentials, { serverName }, { strictNames: true }), -1);
});

test('a key without a scheme in common is never chosen', () => {
  const names = ['example.org'];
  const credentials = [
    credential(names),
    credential(names, { keyType: 'ed25519' }),
    credential(names, { keyType: 'rsa2048' }),
  ];
  for (const serverName of ['example.org', undefined, 'unknown.test']) {
    assert.is(chosen(credentials, { serverName }), 0);
    assert.is(chosen(credentials, { serverName, signatureSchemes: ED25519_ONLY }), 1);
    assert.is(chosen(credentials, { serverName, signatureSchemes: RSA_ONLY }), 2);
    assert.is(chosen(credentials, { serverName, signatureSchemes: [0x0201, 0xfefe] }), -1);
    assert.is(chosen(credentials, { serverName, signatureSchemes: [] }), -1);
  }
});

test('where the very name’s key cannot be used a wildcard’s is, and another name’s never', () => {
  const credentials = [
    credential(['a.example.org']),
    credential(['*.example.org'], { keyType: 'ed25519' }),
    credential(['other.test'], { keyType: 'rsa2048' }),
  ];
  const serverName = 'a.example.org';
  assert.is(chosen(credentials, { serverName }), 0);
  assert.is(chosen(credentials, { serverName, signatureSchemes: ED25519_ONLY }), 1);
  assert.is(chosen(credentials, { serverName, signatureSchemes: RSA_ONLY }), -1);
});

test('a chain that is signed with what the peer accepts comes first; where there is none, one that is not will do', () => {
  const rsaKey = keyFor('rsa root', 'rsa2048');
  const rsaRoot = authority('rsa root', undefined, { key: rsaKey, algorithm: 'rsa-sha512' });
  const crossed = authority('crossed', rsaRoot);
  const credentials = [
    credential(['example.org'], { issuer: rsaRoot }),
    // The leaf is fine, what is above is not.
    credential(['example.org'], { issuer: crossed, above: [crossed] }),
    // A root's signature on itself does not count.
    credential(['example.org'], { issuer: root, above: [root] }),
    credential(['example.org'], { issuer: rsaRoot, algorithm: 'rsa-sha1' }),
  ];
  const serverName = 'example.org';
  assert.is(chosen(credentials, { serverName }), 0);
  assert.is(chosen(credentials, { serverName, certificateSchemes: ECDSA_ONLY }), 2);
  assert.is(chosen(credentials.slice(0, 2), { serverName, certificateSchemes: ECDSA_ONLY }), 0);
  // RFC 8446 §4.4.2.2: a self-signed root with a signature the peer cannot read does no harm.
  const withRsaRoot = credential(['example.org'], { issuer: rsaRoot, above: [rsaRoot] });
  const rsaSha256 = [SignatureScheme.RSA_PKCS1_SHA256];
  assert.is(chosen([credential(['example.org']), withRsaRoot], { serverName, certificateSchemes: rsaSha256 }), 1);
  // What has no name in TLS is never accepted.
  assert.is(chosen([credentials[3] as Credential, credentials[0] as Credential], { serverName }), 1);
});

test('a chain that leads to an authority the peer named comes before one that does not, over any number of steps', () => {
  const other = authority('other root');
  const credentials = [
    credential(['example.org'], { issuer: other }),
    credential(['example.org'], { issuer: intermediate, above: [intermediate] }),
    credential(['example.org']),
  ];
  for (const serverName of ['example.org', undefined]) {
    const pick = (...names: string[]): number =>
      chosen(credentials, { serverName, authorities: names.map(distinguishedName) });
    assert.is(pick('other root'), 0);
    assert.is(pick('intermediate'), 1);
    assert.is(pick('root'), 1);
    assert.is(pick('someone', 'root'), 1);
    // Preferred, not required (RFC 8446 §4.4.2.3 says SHOULD).
    assert.is(pick('someone'), 0);
    assert.is(pick(), 0);
  }
});

test('among equals the first added wins', () => {
  const credentials = [credential(['example.org']), credential(['example.org']), credential(['example.org'])];
  assert.is(chosen(credentials, { serverName: 'example.org' }), 0);
  assert.is(chosen(credentials, {}), 0);
});

test('a replacement is seen by the next choice, and one that is no good changes nothing', () => {
  const [first, second] = [credential(['example.org']), credential(['example.net'])];
  const store = new CredentialStore([first], { strictNames: true });
  const org = offer({ serverName: 'example.org' });
  const net = offer({ serverName: 'example.net' });
  const before = store.choose(org);
  assert.is(before, first);
  store.replace([second]);
  assert.is(store.choose(org), undefined);
  assert.is(store.choose(net), second);
  const refused: (readonly [readonly Credential[], RegExp])[] = [
    [[], /no credential/],
    [[first, { ...first, chain: [] }], /Credential 1 .* has no certificate/],
    [[first, second, { ...first, chain: [Uint8Array.of(0x30, 0)] }], /Credential 2 .* cannot be read/],
    [[{ ...first, chain: [...first.chain, new Uint8Array(5)] }], /Credential 0 .* cannot be read/],
  ];
  for (const [credentials, sentence] of refused) {
    assertRefused(() => store.replace(credentials), 'ERR_TLS_CONFIG', Alert.INTERNAL_ERROR, sentence);
    assertRefused(() => new CredentialStore(credentials), 'ERR_TLS_CONFIG', Alert.INTERNAL_ERROR, sentence);
    assert.is(store.choose(org), undefined);
    assert.is(store.choose(net), second);
  }
  // What a handshake under way holds is as it was.
  assert.equal(before?.chain, first.chain);
});

test('a thousand certificates of one authority cost a choice no more than one does', () => {
  let reads = 0;
  const one = credential(['host0.test']);
  const counted = (index: number): Credential => ({
    chain: [leaf(root, [`host${index}.test`], { key: keyFor('leaf') }).der],
    key: {
      ...one.key,
      sign: one.key.sign.bind(one.key),
      get schemes() {
        reads++;
        return one.key.schemes;
      },
    },
  });
  const store = new CredentialStore(Array.from({ length: 1000 }, (_, index) => counted(index)));
  for (const serverName of ['host999.test', 'unknown.test', undefined]) {
    reads = 0;
    assert.ok(store.choose(offer({ serverName })));
    assert.ok(reads <= 2, `${reads} keys were looked at for ${serverName}`);
  }
});

test.run();
