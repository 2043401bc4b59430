/** What every crypto provider must do, run once for each of them. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { AeadAlgorithm, CryptoProvider, HashAlgorithm, KeyShare, NamedGroup } from '../../src/index.ts';
import { fromHex, toHex } from './bytes.ts';
import { keyExchangeContract } from './key-exchange-contract.ts';
import { signatureContract } from './signature-contract.ts';
import { bytesOf, vectorTests } from './vectors.ts';
import type { WycheproofGroup } from './vectors.ts';

export interface ContractOptions {
  readonly provider: CryptoProvider;
  /** A key share whose private key is given. */
  readonly keyShareOf: (group: NamedGroup, secret: Uint8Array) => KeyShare;
}

const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const EMPTY = new Uint8Array(0);

/** Runs the suite. */
export function providerContract(options: ContractOptions): void {
  const { provider } = options;
  const test = suite(`crypto provider ${provider.name}`);

  const aeadVectors = (name: string, algorithmOf: (group: WycheproofGroup) => AeadAlgorithm): void =>
    vectorTests(test, name, (vector, group) => {
      const aead = provider.aead(algorithmOf(group), bytesOf(vector, 'key'));
      const [nonce, aad, message] = [bytesOf(vector, 'iv'), bytesOf(vector, 'aad'), bytesOf(vector, 'msg')];
      const sealed = fromHex(String(vector['ct']) + String(vector['tag']));
      if (nonce.length !== 12) {
        assert.throws(() => aead.open(nonce, aad, sealed), RangeError);
        assert.throws(() => aead.seal(nonce, aad, message), RangeError);
        return false;
      }
      const opened = aead.open(nonce, aad, sealed);
      if (opened === undefined) return false;
      assert.equal(toHex(opened), toHex(message));
      assert.equal(toHex(aead.seal(nonce, aad, message)), toHex(sealed));
      return true;
    });
  aeadVectors('aes_gcm', (group) => (group['keySize'] === 128 ? 'aes-128-gcm' : 'aes-256-gcm'));
  aeadVectors('chacha20_poly1305', () => 'chacha20-poly1305');

  for (const hash of ['sha256', 'sha384'] as const)
    vectorTests(test, `hkdf_${hash}`, (vector) => {
      const key = provider.hkdfExtract(hash, bytesOf(vector, 'salt'), bytesOf(vector, 'ikm'));
      try {
        const out = provider.hkdfExpand(hash, key, bytesOf(vector, 'info'), Number(vector['size']));
        return toHex(out) === vector['okm'];
      } catch (error) {
        assert.instance(error, RangeError);
        return false;
      }
    });

  test('hashes are those of FIPS 180-4, at once and in pieces', () => {
    const digests: Record<HashAlgorithm, string> = {
      sha256: 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
      sha384: 'cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7',
      sha512:
        'ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f',
    };
    for (const [algorithm, digest] of Object.entries(digests) as [HashAlgorithm, string][]) {
      assert.is(toHex(provider.hash(algorithm, text('abc'))), digest);
      const running = provider.createHash(algorithm);
      const empty = toHex(running.digest());
      assert.is(empty, toHex(provider.hash(algorithm, EMPTY)));
      running.update(text('a'));
      running.digest();
      running.update(text('bc'));
      assert.is(toHex(running.digest()), digest);
      assert.is(toHex(running.digest()), digest, 'a second digest is the same');
    }
  });

  test('HMAC is that of RFC 4231, test case 2', () => {
    assert.is(
      toHex(provider.hmac('sha256', text('Jefe'), text('what do ya want for nothing?'))),
      '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843',
    );
  });

  test('HKDF takes an empty salt for zeros and bounds the length', () => {
    const ikm = text('input');
    assert.equal(provider.hkdfExtract('sha256', EMPTY, ikm), provider.hkdfExtract('sha256', new Uint8Array(32), ikm));
    const key = provider.hash('sha384', ikm);
    assert.is(provider.hkdfExpand('sha384', key, EMPTY, 255 * 48).length, 255 * 48);
    assert.is(provider.hkdfExpand('sha384', key, EMPTY, 0).length, 0);
    assert.throws(() => provider.hkdfExpand('sha384', key, EMPTY, 255 * 48 + 1), RangeError);
  });

  test('AEAD refuses keys of the wrong length and what is shorter than a tag', () => {
    assert.throws(() => provider.aead('aes-128-gcm', new Uint8Array(32)), RangeError);
    assert.throws(() => provider.aead('chacha20-poly1305', new Uint8Array(16)), RangeError);
    for (const algorithm of ['aes-128-gcm', 'aes-256-gcm', 'chacha20-poly1305'] as const) {
      const aead = provider.aead(algorithm, new Uint8Array(algorithm === 'aes-128-gcm' ? 16 : 32));
      const nonce = new Uint8Array(12);
      for (const length of [0, 1, 15, 16]) assert.is(aead.open(nonce, EMPTY, new Uint8Array(length)), undefined);
      const sealed = aead.seal(nonce, text('aad'), EMPTY);
      assert.is(sealed.length, 16);
      assert.equal(aead.open(nonce, text('aad'), sealed), EMPTY);
      assert.is(aead.open(nonce, text('add'), sealed), undefined);
    }
  });

  test('the key of an AEAD is copied', () => {
    const key = new Uint8Array(16).fill(1);
    const aead = provider.aead('aes-128-gcm', key);
    const before = aead.seal(new Uint8Array(12), EMPTY, text('x'));
    key.fill(2);
    assert.equal(aead.seal(new Uint8Array(12), EMPTY, text('x')), before);
  });

  keyExchangeContract(test, options);
  signatureContract(test, provider);
  test.run();
}
