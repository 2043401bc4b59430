import { createPrivateKey } from 'node:crypto';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  TEST_CREDENTIAL_KINDS,
  buildCertificate,
  seededRandom,
  testCertificatePem,
  testKeyPair,
  testKeyPairFromPkcs8,
} from '@mquictt/testkit';
import type { TestKeyPair } from '@mquictt/testkit';
import { SignatureScheme, nobleProvider, readPrivateKeyPem } from '../../src/index.ts';
import { nodeProvider } from '../../src/node/index.ts';

/** The two providers are one to whoever talks to them: what one makes, the other takes. */
const test = suite('crypto providers agree');
const providers = [nobleProvider, nodeProvider];
const message = new TextEncoder().encode('said by one, heard by the other');

test('what one signs the other verifies, with every scheme', () => {
  for (const kind of TEST_CREDENTIAL_KINDS) {
    const pkcs8 = readPrivateKeyPem(testCertificatePem(kind).keyPem);
    for (const signer of providers) {
      const key = signer.importSigningKey(pkcs8, seededRandom(1));
      for (const scheme of key.schemes) {
        const signature = key.sign(scheme, message);
        for (const verifier of providers)
          assert.ok(
            verifier.verify(key.publicKeyInfo, scheme, message, signature),
            `${kind} ${signer.name} to ${verifier.name}`,
          );
      }
    }
  }
});

/** An RSA key of 2049 bits, where the encoded message is a byte shorter than the modulus; openssl makes even sizes only. */
function rsa2049(): TestKeyPair {
  const prime = (type: 'rsa2048' | 'rsa2050'): bigint => {
    const { p = '' } = testKeyPair(type).privateKey.export({ format: 'jwk' });
    return BigInt(`0x${Buffer.from(p, 'base64url').toString('hex')}`);
  };
  const p = prime('rsa2050');
  const q = prime('rsa2048');
  const e = 65_537n;
  const d = invert(e, (p - 1n) * (q - 1n));
  const text = (value: bigint): string => {
    const hex = value.toString(16);
    return Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex').toString('base64url');
  };
  const numbers = { n: p * q, e, d, p, q, dp: d % (p - 1n), dq: d % (q - 1n), qi: invert(q, p) };
  const fields = Object.entries(numbers).map(([name, value]) => [name, text(value)] as const);
  const key = createPrivateKey({ key: { kty: 'RSA', ...Object.fromEntries(fields) }, format: 'jwk' });
  return testKeyPairFromPkcs8(new Uint8Array(key.export({ format: 'der', type: 'pkcs8' })));
}

function invert(value: bigint, modulus: bigint): bigint {
  let [a, b, x, y] = [value % modulus, modulus, 1n, 0n];
  while (a > 1n) [a, b, x, y] = [b % a, a, y - (b / a) * x, x];
  return ((x % modulus) + modulus) % modulus;
}

test('RSA of other sizes as well, and moduli that end inside a byte', () => {
  for (const { pkcs8, spki, privateKey } of [rsa2049(), testKeyPair('rsa2054'), testKeyPair('rsa3072')]) {
    const bits = privateKey.asymmetricKeyDetails?.modulusLength ?? 0;
    for (const signer of providers) {
      const key = signer.importSigningKey(pkcs8, seededRandom(1));
      assert.equal(key.publicKeyInfo, spki);
      const signature = key.sign(SignatureScheme.RSA_PSS_RSAE_SHA256, message);
      assert.is(signature.length, Math.ceil(bits / 8));
      for (const verifier of providers)
        assert.is(
          verifier.verify(spki, SignatureScheme.RSA_PSS_RSAE_SHA256, message, signature),
          true,
          `${bits} bits, ${signer.name} to ${verifier.name}`,
        );
    }
  }
});

test('a key has the same schemes and public half in both', () => {
  for (const kind of TEST_CREDENTIAL_KINDS) {
    const pkcs8 = readPrivateKeyPem(testCertificatePem(kind).keyPem);
    const [noble, node] = providers.map((provider) => provider.importSigningKey(pkcs8, seededRandom(1)));
    assert.equal(noble?.schemes, node?.schemes);
    assert.equal(noble?.publicKeyInfo, node?.publicKeyInfo);
  }
});

test('RSA-1024 is refused by both, for signing and for verifying', () => {
  const key = testKeyPair('rsa1024');
  const certificate = buildCertificate({ key });
  // The signature is the last 128 bytes, the TBSCertificate what the first element of the outer SEQUENCE holds.
  const tbs = certificate.subarray(4, 4 + 4 + certificate[6] * 256 + certificate[7]);
  for (const provider of providers) {
    assert.throws(
      () => provider.importSigningKey(key.pkcs8, seededRandom(1)),
      (error: { code?: string }) => error.code === 'ERR_TLS_KEY_UNSUPPORTED',
    );
    assert.is(provider.verify(key.spki, SignatureScheme.RSA_PKCS1_SHA256, tbs, certificate.subarray(-128)), false);
  }
});

test('both halves of a key exchange may come from different providers', () => {
  for (const group of nobleProvider.groups) {
    const a = nobleProvider.generateKeyShare(group, seededRandom(5));
    const b = nodeProvider.generateKeyShare(group, seededRandom(5));
    assert.equal(a.sharedSecret(b.publicKey), b.sharedSecret(a.publicKey));
  }
});

test('hashes, HMAC and HKDF are the same for random inputs', () => {
  const random = seededRandom(21);
  for (let round = 0; round < 100; round++) {
    const key = random.bytes(64 + random.integer(200));
    const data = random.bytes(random.integer(300));
    const length = 1 + random.integer(200);
    for (const hash of ['sha256', 'sha384', 'sha512'] as const) {
      const [noble, node] = providers.map((provider) => [
        provider.hash(hash, data),
        provider.hmac(hash, key, data),
        provider.hkdfExtract(hash, key, data),
        provider.hkdfExpand(hash, key, data, length),
      ]);
      assert.equal(noble, node, `seed 21, round ${round}, ${hash}`);
    }
  }
});

test('what one seals the other opens', () => {
  const random = seededRandom(22);
  for (const algorithm of ['aes-128-gcm', 'aes-256-gcm', 'chacha20-poly1305'] as const)
    for (let length = 0; length < 70; length++) {
      const key = random.bytes(algorithm === 'aes-128-gcm' ? 16 : 32);
      const [nonce, aad, plaintext] = [random.bytes(12), random.bytes(random.integer(40)), random.bytes(length)];
      const [noble, node] = providers.map((provider) => provider.aead(algorithm, key));
      assert.equal(node?.open(nonce, aad, noble?.seal(nonce, aad, plaintext) ?? new Uint8Array(0)), plaintext);
      assert.equal(noble?.open(nonce, aad, node?.seal(nonce, aad, plaintext) ?? new Uint8Array(0)), plaintext);
    }
});

test.run();
