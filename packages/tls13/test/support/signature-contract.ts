/** What every crypto provider must do about signatures. */
import { constants, sign } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import type { Test } from 'uvu';
import * as assert from 'uvu/assert';
import { TEST_CREDENTIAL_KINDS, der, seededRandom, testCertificatePem, testKeyPair } from '@mquictt/testkit';
import type { TestKeyPair, TestKeyType } from '@mquictt/testkit';
import { SignatureScheme, TlsError, readPrivateKeyPem } from '../../src/index.ts';
import type { CryptoProvider, HashAlgorithm } from '../../src/index.ts';
import type { SignatureAlgorithm } from '../../src/provider.ts';
import { schemeParameters } from '../../src/signature-schemes.ts';
import { fromHex, readVectors } from './bytes.ts';
import { bytesOf, vectorTests } from './vectors.ts';

const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const EMPTY = new Uint8Array(0);

const keys = new Map<string, TestKeyPair>();

/** One key of a type for the whole file; 'other' is of P-256. */
function keyOf(type: TestKeyType | 'other'): TestKeyPair {
  let key = keys.get(type);
  if (key === undefined) keys.set(type, (key = testKeyPair(type === 'other' ? 'p256' : type)));
  return key;
}

/** A PKCS#8 key of each kind, with its name. */
export function signingKeys(): readonly (readonly [string, Uint8Array])[] {
  return [
    ...TEST_CREDENTIAL_KINDS.map((kind) => [kind, readPrivateKeyPem(testCertificatePem(kind).keyPem)] as const),
    ...(['p521', 'pss2048', 'pss2048-sha384'] as const).map((type) => [type, keyOf(type).pkcs8] as const),
  ];
}

function signWith(key: KeyObject, { kind, hash }: SignatureAlgorithm, message: Uint8Array): Uint8Array {
  const pss = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };
  return new Uint8Array(sign(hash ?? null, message, kind === 'rsa-pss' ? { key, ...pss } : key));
}

const PSS_PSS = {
  sha256: SignatureScheme.RSA_PSS_PSS_SHA256,
  sha384: SignatureScheme.RSA_PSS_PSS_SHA384,
  sha512: SignatureScheme.RSA_PSS_PSS_SHA512,
} as const;

const HASH_OIDS = {
  sha1: '1.3.14.3.2.26',
  sha256: '2.16.840.1.101.3.4.2.1',
  sha384: '2.16.840.1.101.3.4.2.2',
  sha512: '2.16.840.1.101.3.4.2.3',
} as const;

/** An RSA key under the OID of RSASSA-PSS. @param spki one of 2048 bits under the general OID */
function pssKeyInfo(spki: Uint8Array, ...parameters: readonly Uint8Array[]): Uint8Array {
  // 4 bytes of SEQUENCE, 15 of AlgorithmIdentifier, then the BIT STRING.
  return der.derSequence(der.derSequence(der.derOid('1.2.840.113549.1.1.10'), ...parameters), spki.subarray(19));
}

/** Adds the tests to a suite. */
export function signatureContract(test: Test, provider: CryptoProvider): void {
  const signatureVectors = (name: string, scheme: SignatureScheme): void =>
    vectorTests(test, name, (vector, group) => {
      const [key, message, signature] = [
        bytesOf(group, 'publicKeyDer'),
        bytesOf(vector, 'msg'),
        bytesOf(vector, 'sig'),
      ];
      const isGood = provider.verify(key, scheme, message, signature);
      const algorithm = schemeParameters(scheme)?.algorithm as SignatureAlgorithm;
      assert.is(provider.verifyCertificate(key, algorithm, message, signature), isGood, `test ${vector.tcId}`);
      return isGood;
    });
  signatureVectors('ecdsa_secp256r1_sha256', SignatureScheme.ECDSA_SECP256R1_SHA256);
  signatureVectors('ecdsa_secp384r1_sha384', SignatureScheme.ECDSA_SECP384R1_SHA384);
  signatureVectors('ed25519', SignatureScheme.ED25519);
  signatureVectors('rsa_pss_2048_sha256_mgf1_32', SignatureScheme.RSA_PSS_RSAE_SHA256);
  // Acceptable is a DigestInfo without NULL, which RFC 8017 §9.2 note 1 lets a verifier take: we do not.
  signatureVectors('rsa_signature_2048_sha256', SignatureScheme.RSA_PKCS1_SHA256);

  test('what a key signs verifies, and nothing else does', () => {
    const message = text('message');
    for (const [kind, pkcs8] of signingKeys()) {
      const key = provider.importSigningKey(pkcs8, seededRandom(3));
      assert.ok(key.schemes.length > 0);
      for (const scheme of key.schemes) {
        const signature = key.sign(scheme, message);
        const good = (s: SignatureScheme, m: Uint8Array, bytes: Uint8Array): boolean =>
          provider.verify(key.publicKeyInfo, s, m, bytes);
        assert.ok(good(scheme, message, signature), kind);
        assert.not.ok(good(scheme, text('massage'), signature));
        const flipped = signature.slice();
        flipped[flipped.length - 1] ^= 1;
        assert.not.ok(good(scheme, message, flipped));
        assert.not.ok(good(scheme, message, signature.subarray(1)));
        assert.not.ok(good(scheme, message, Uint8Array.from([...signature, 0])));
        assert.not.ok(good(scheme, message, EMPTY));
        for (const other of provider.verifySchemes)
          if (other !== scheme) assert.not.ok(good(other, message, signature), `${kind} under ${other.toString(16)}`);
      }
      assert.throws(() => key.sign(SignatureScheme.RSA_PKCS1_SHA256, message), RangeError);
    }
  });

  test('the schemes of a key are those of its type, and of the hash that it is bound to', () => {
    const schemesOf = (type: TestKeyType): readonly SignatureScheme[] =>
      provider.importSigningKey(keyOf(type).pkcs8, seededRandom(3)).schemes;
    assert.equal(schemesOf('p521'), [SignatureScheme.ECDSA_SECP521R1_SHA512]);
    assert.equal(schemesOf('pss2048'), [
      SignatureScheme.RSA_PSS_PSS_SHA256,
      SignatureScheme.RSA_PSS_PSS_SHA384,
      SignatureScheme.RSA_PSS_PSS_SHA512,
    ]);
    assert.equal(schemesOf('pss2048-sha384'), [SignatureScheme.RSA_PSS_PSS_SHA384]);
    for (const type of ['p521', 'pss2048', 'pss2048-sha384'] as const) {
      const { pkcs8, spki } = keyOf(type);
      assert.equal(provider.importSigningKey(pkcs8, seededRandom(3)).publicKeyInfo, spki);
    }
  });

  test("certificates' signatures: any hash with any curve, PSS by keys of either OID, PKCS#1 by the general one", () => {
    const message = text('a certificate');
    const kinds: readonly SignatureAlgorithm['kind'][] = ['ecdsa', 'rsa-pkcs1', 'rsa-pss', 'ed25519'];
    const hashes = ['sha256', 'sha384', 'sha512'] as const;
    const algorithms = kinds.flatMap((kind): readonly SignatureAlgorithm[] =>
      kind === 'ed25519' ? [{ kind }] : hashes.map((hash) => ({ kind, hash })),
    );
    const fits: Readonly<Record<string, (algorithm: SignatureAlgorithm) => boolean>> = {
      p256: ({ kind }) => kind === 'ecdsa',
      p384: ({ kind }) => kind === 'ecdsa',
      p521: ({ kind }) => kind === 'ecdsa',
      ed25519: ({ kind }) => kind === 'ed25519',
      rsa2048: ({ kind }) => kind === 'rsa-pss' || kind === 'rsa-pkcs1',
      pss2048: ({ kind }) => kind === 'rsa-pss',
      'pss2048-sha384': ({ kind, hash }) => kind === 'rsa-pss' && hash === 'sha384',
    };
    for (const [type, isFit] of Object.entries(fits)) {
      const { privateKey, spki } = keyOf(type as TestKeyType);
      for (const made of algorithms.filter(isFit)) {
        const signature = signWith(privateKey, made, message);
        for (const asked of algorithms) {
          const isSame = asked.kind === made.kind && asked.hash === made.hash;
          const isGood = provider.verifyCertificate(spki, asked, message, signature);
          assert.is(isGood, isSame, `${type}: ${JSON.stringify(made)} as ${JSON.stringify(asked)}`);
        }
        assert.not(provider.verifyCertificate(spki, made, text('another'), signature));
        assert.not(provider.verifyCertificate(keyOf('other').spki, made, message, signature));
        assert.not(provider.verifyCertificate(spki.subarray(1), made, message, signature));
      }
    }
    // The same RSA numbers under the other OID.
    const general = keyOf('rsa2048');
    const bound = pssKeyInfo(general.spki);
    const [pss, pkcs1] = [
      { kind: 'rsa-pss', hash: 'sha256' },
      { kind: 'rsa-pkcs1', hash: 'sha256' },
    ] as const;
    assert.ok(provider.verifyCertificate(bound, pss, message, signWith(general.privateKey, pss, message)));
    assert.not(provider.verifyCertificate(bound, pkcs1, message, signWith(general.privateKey, pkcs1, message)));
  });

  test('RSASSA-PSS keys are bound by their parameters, which are read strictly', () => {
    const message = text('bound');
    const { privateKey, spki } = keyOf('rsa2048');
    const isGoodWith = (hash: HashAlgorithm, ...parameters: readonly Uint8Array[]): boolean => {
      const signature = signWith(privateKey, { kind: 'rsa-pss', hash }, message);
      const info = pssKeyInfo(spki, ...parameters);
      const scheme = PSS_PSS[hash];
      const isGood = provider.verify(info, scheme, message, signature);
      assert.is(provider.verifyCertificate(info, { kind: 'rsa-pss', hash }, message, signature), isGood);
      const asGeneral = (scheme -
        SignatureScheme.RSA_PSS_PSS_SHA256 +
        SignatureScheme.RSA_PSS_RSAE_SHA256) as SignatureScheme;
      assert.not(provider.verify(info, asGeneral, message, signature), 'not under the schemes of the general OID');
      assert.not(provider.verify(spki, scheme, message, signature), 'nor a general key under those of PSS');
      return isGood;
    };
    const hash = (name: keyof typeof HASH_OIDS, ...more: readonly Uint8Array[]): Uint8Array =>
      der.derSequence(der.derOid(HASH_OIDS[name]), ...more);
    const mask = (inner: Uint8Array, oid = '1.2.840.113549.1.1.8'): Uint8Array =>
      der.derSequence(der.derOid(oid), inner);
    const salt = (length: number): Uint8Array => der.derExplicit(2, der.derInteger(length));
    const both = (name: keyof typeof HASH_OIDS, ...more: readonly Uint8Array[]): readonly [Uint8Array, Uint8Array] => [
      der.derExplicit(0, hash(name, ...more)),
      der.derExplicit(1, mask(hash(name, ...more))),
    ];
    const NULL = der.derNull();
    for (const name of ['sha256', 'sha384', 'sha512'] as const) {
      assert.ok(isGoodWith(name), `${name} without parameters`);
      const own = Number(name.slice(3)) / 8;
      for (const more of [[], [NULL]])
        for (const length of [0, 20, own])
          assert.ok(isGoodWith(name, der.derSequence(...both(name, ...more), salt(length))));
      assert.ok(isGoodWith(name, der.derSequence(...both(name))), 'a salt of 20 bytes at least, by default');
      assert.not(isGoodWith(name, der.derSequence(...both(name), salt(own + 1))), 'more salt than the signature has');
      const other = name === 'sha256' ? 'sha384' : 'sha256';
      assert.not(isGoodWith(name, der.derSequence(...both(other), salt(20))), 'bound to another hash');
    }
    const [digest, mgf1] = both('sha256', NULL);
    for (const [what, ...parameters] of [
      ['no sequence', NULL],
      ['SHA-1, by default', der.derSequence()],
      ['SHA-1 for the message', der.derSequence(mgf1, salt(32))],
      ['SHA-1 in MGF1, by default', der.derSequence(digest, salt(32))],
      ['SHA-1', der.derSequence(...both('sha1', NULL), salt(20))],
      ['two hashes', der.derSequence(digest, both('sha512')[1], salt(32))],
      ['another mask', der.derSequence(digest, der.derExplicit(1, mask(hash('sha256'), '1.2.3')), salt(32))],
      [
        'a mask without its hash',
        der.derSequence(digest, der.derExplicit(1, der.derSequence(der.derOid('1.2.840.113549.1.1.8')))),
      ],
      ['another order', der.derSequence(mgf1, digest, salt(32))],
      ['a salt twice', der.derSequence(digest, mgf1, salt(32), salt(32))],
      ['a negative salt', der.derSequence(digest, mgf1, der.derExplicit(2, der.der(0x02, Uint8Array.of(0xff))))],
      ['a salt of 256 bytes', der.derSequence(digest, mgf1, salt(256))],
      ['a trailer', der.derSequence(digest, mgf1, salt(32), der.derExplicit(3, der.derInteger(1)))],
      ['an unknown field', der.derSequence(digest, mgf1, salt(32), der.derExplicit(4, NULL))],
      ['parameters of the hash', der.derSequence(...both('sha256', der.derInteger(1)), salt(32))],
      ['two of them', der.derSequence(digest, mgf1, salt(32)), NULL],
    ] as const)
      assert.not(isGoodWith('sha256', ...parameters), what);
  });

  test('RSA of 8192 bits', () => {
    const file = readVectors<{
      publicKeyInfo: string;
      message: string;
      signatures: { scheme: string; signature: string }[];
    }>('rsa-8192.json');
    const [key, message] = [fromHex(file.publicKeyInfo), fromHex(file.message)];
    assert.is(file.signatures.length, 3);
    for (const { scheme, signature } of file.signatures) {
      const code = SignatureScheme[scheme as keyof typeof SignatureScheme];
      const bytes = fromHex(signature);
      assert.ok(provider.verify(key, code, message, bytes), scheme);
      bytes[600] ^= 1;
      assert.not(provider.verify(key, code, message, bytes));
    }
  });

  test('a public key in a buffer that is used again is the new one', () => {
    const message = text('message');
    const [first, second] = [keyOf('p256'), keyOf('other')];
    const signature = signWith(first.privateKey, { kind: 'ecdsa', hash: 'sha256' }, message);
    const buffer = first.spki.slice();
    const scheme = SignatureScheme.ECDSA_SECP256R1_SHA256;
    assert.ok(provider.verify(buffer, scheme, message, signature));
    buffer.set(second.spki);
    assert.not(provider.verify(buffer, scheme, message, signature));
    buffer.set(first.spki);
    assert.ok(provider.verify(buffer, scheme, message, signature));
  });

  test('keys that are unusable do not verify and never throw', () => {
    const key = provider.importSigningKey(readPrivateKeyPem(testCertificatePem('ecdsa-p256').keyPem), seededRandom(3));
    const message = text('message');
    const signature = key.sign(SignatureScheme.ECDSA_SECP256R1_SHA256, message);
    const random = seededRandom(11);
    for (let round = 0; round < 200; round++) {
      const bytes = key.publicKeyInfo.slice();
      bytes[random.integer(bytes.length)] ^= 1 + random.integer(255);
      assert.is(
        provider.verify(bytes, SignatureScheme.ECDSA_SECP256R1_SHA256, message, signature),
        false,
        `seed 11, round ${round}`,
      );
    }
    for (let length = 0; length < key.publicKeyInfo.length; length++) {
      const cut = key.publicKeyInfo.subarray(0, length);
      assert.is(provider.verify(cut, SignatureScheme.ECDSA_SECP256R1_SHA256, message, signature), false);
    }
    assert.is(provider.verify(key.publicKeyInfo, 0x0203 as SignatureScheme, message, signature), false, 'SHA-1');
  });

  test('private keys that cannot be used are refused with ERR_TLS_KEY_UNSUPPORTED', () => {
    const pkcs8 = readPrivateKeyPem(testCertificatePem('ecdsa-p256').keyPem);
    const zeroKey = pkcs8.slice();
    zeroKey.fill(0, 36, 68);
    const bad = [EMPTY, text('not a key'), pkcs8.subarray(0, 50), Uint8Array.from([...pkcs8, 0]), zeroKey];
    for (const key of bad) {
      try {
        provider.importSigningKey(key, seededRandom(1));
        assert.unreachable('the key was taken');
      } catch (error) {
        assert.instance(error, TlsError);
        assert.is((error as TlsError).code, 'ERR_TLS_KEY_UNSUPPORTED');
        assert.is((error as TlsError).fault, 'local');
      }
    }
  });
}
