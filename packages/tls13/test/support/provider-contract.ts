/** What every crypto provider must do, run once for each of them. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TEST_CREDENTIAL_KINDS, seededRandom, testCertificatePem } from '@mquictt/testkit';
import { NamedGroup, SignatureScheme, TlsError, readPrivateKeyPem } from '../../src/index.ts';
import type { AeadAlgorithm, CryptoProvider, HashAlgorithm, KeyShare } from '../../src/index.ts';
import type { KeyShareAnswer } from '../../src/provider.ts';
import { concat, fromHex, toHex } from './bytes.ts';
import { bytesOf, wycheproof } from './vectors.ts';
import type { WycheproofGroup, WycheproofTest } from './vectors.ts';

export interface ContractOptions {
  readonly provider: CryptoProvider;
  /** A key share whose private key is given. */
  readonly keyShareOf: (group: NamedGroup, secret: Uint8Array) => KeyShare;
}

const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const EMPTY = new Uint8Array(0);

/** Runs the suite. */
export function providerContract({ provider, keyShareOf }: ContractOptions): void {
  const test = suite(`crypto provider ${provider.name}`);

  /** Every test of a Wycheproof file; `judge` says whether the provider took it as good. */
  const runVectors = (
    name: string,
    judge: (vector: WycheproofTest, group: WycheproofGroup) => boolean,
    isAcceptableGood: (vector: WycheproofTest) => boolean = () => false,
  ): void => {
    test(`Wycheproof ${name}`, () => {
      const wrong: string[] = [];
      let count = 0;
      for (const group of wycheproof(name)) {
        for (const vector of group.tests) {
          count++;
          const expected = vector.result === 'acceptable' ? isAcceptableGood(vector) : vector.result === 'valid';
          if (judge(vector, group) !== expected) wrong.push(`${vector.tcId} (${vector.result}): ${vector.comment}`);
        }
      }
      assert.ok(count > 50, `only ${count} tests were read`);
      assert.equal(wrong, []);
    });
  };

  const aeadVectors = (name: string, algorithmOf: (group: WycheproofGroup) => AeadAlgorithm): void =>
    runVectors(name, (vector, group) => {
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
    runVectors(`hkdf_${hash}`, (vector) => {
      const key = provider.hkdfExtract(hash, bytesOf(vector, 'salt'), bytesOf(vector, 'ikm'));
      try {
        const out = provider.hkdfExpand(hash, key, bytesOf(vector, 'info'), Number(vector['size']));
        return toHex(out) === vector['okm'];
      } catch (error) {
        assert.instance(error, RangeError);
        return false;
      }
    });

  // Acceptable are keys of small order, on the twist or written in an unusual way. RFC 7748 computes with all of them; RFC 8446 §7.4.2 refuses
  // a result of zeros and nothing else.
  const ZEROS = '00'.repeat(32);
  const exchange = (group: NamedGroup, vector: WycheproofTest): string | undefined => {
    const secret = bytesOf(vector, 'private');
    const padded = new Uint8Array(32);
    // P-256 scalars come as integers, with a zero in front or without their leading zeros.
    padded.set(secret.length > 32 ? secret.subarray(-32) : secret, Math.max(0, 32 - secret.length));
    const shared = keyShareOf(group, padded).sharedSecret(bytesOf(vector, 'public'));
    return shared === undefined ? undefined : toHex(shared);
  };
  runVectors(
    'x25519',
    (vector) => {
      const shared = exchange(NamedGroup.X25519, vector);
      if (shared !== undefined) assert.equal(shared, vector['shared'], `test ${vector.tcId}`);
      return shared !== undefined;
    },
    (vector) => vector['shared'] !== ZEROS,
  );
  // Acceptable are compressed points, which RFC 8446 §4.2.8.2 does not have.
  runVectors('ecdh_secp256r1_ecpoint', (vector) => exchange(NamedGroup.SECP256R1, vector) === vector['shared']);

  const signatureVectors = (name: string, scheme: SignatureScheme): void =>
    runVectors(name, (vector, group) =>
      provider.verify(bytesOf(group, 'publicKeyDer'), scheme, bytesOf(vector, 'msg'), bytesOf(vector, 'sig')),
    );
  signatureVectors('ecdsa_secp256r1_sha256', SignatureScheme.ECDSA_SECP256R1_SHA256);
  signatureVectors('ecdsa_secp384r1_sha384', SignatureScheme.ECDSA_SECP384R1_SHA384);
  signatureVectors('ed25519', SignatureScheme.ED25519);
  signatureVectors('rsa_pss_2048_sha256_mgf1_32', SignatureScheme.RSA_PSS_RSAE_SHA256);
  // Acceptable is a DigestInfo without NULL, which RFC 8017 §9.2 note 1 lets a verifier take: we do not.
  signatureVectors('rsa_signature_2048_sha256', SignatureScheme.RSA_PKCS1_SHA256);

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

  // Bytes, by RFC 8446 §4.2.8.2 and draft-ietf-tls-ecdhe-mlkem: the client's share, the server's, the secret.
  const SIZES: Readonly<Record<NamedGroup, readonly [number, number, number]>> = {
    [NamedGroup.X25519MLKEM768]: [1216, 1120, 64],
    [NamedGroup.X25519]: [32, 32, 32],
    [NamedGroup.SECP256R1]: [65, 65, 32],
    [NamedGroup.SECP384R1]: [97, 97, 48],
  };
  const generate = (group: NamedGroup, seed: number): KeyShare =>
    provider.generateKeyShares([group], seededRandom(seed))[0];
  const answer = (group: NamedGroup, peer: Uint8Array, seed = 10): KeyShareAnswer | undefined =>
    provider.answerKeyShare(group, peer, seededRandom(seed));

  test('groups, best first', () => {
    assert.equal(provider.groups, [
      NamedGroup.X25519MLKEM768,
      NamedGroup.X25519,
      NamedGroup.SECP256R1,
      NamedGroup.SECP384R1,
    ]);
    assert.throws(() => provider.generateKeyShares([0x0019 as NamedGroup], seededRandom(1)), RangeError);
    assert.throws(() => answer(0x0019 as NamedGroup, new Uint8Array(133)), RangeError);
  });

  test('both sides of a key exchange come to the same secret', () => {
    for (const group of provider.groups) {
      const [clientLength, serverLength, secretLength] = SIZES[group];
      const client = generate(group, 7);
      assert.is(client.group, group);
      assert.is(client.publicKey.length, clientLength);
      const server = answer(group, client.publicKey);
      assert.is(server?.publicKey.length, serverLength);
      assert.is(server?.sharedSecret.length, secretLength);
      assert.equal(client.sharedSecret(server?.publicKey ?? EMPTY), server?.sharedSecret);
      assert.not.equal(generate(group, 8).publicKey, client.publicKey);
      const again = answer(group, client.publicKey, 11);
      assert.not.equal(again?.publicKey, server?.publicKey);
      assert.not.equal(again?.sharedSecret, server?.sharedSecret);
    }
  });

  test('key shares come in the order asked for, and the hybrid shares its x25519 key', () => {
    const groups = [NamedGroup.SECP256R1, NamedGroup.X25519, NamedGroup.X25519MLKEM768];
    for (const asked of [groups, groups.toReversed()]) {
      const shares = provider.generateKeyShares(asked, seededRandom(12));
      assert.equal(
        shares.map(({ group }) => group),
        asked,
      );
      const [x25519, hybrid] = [NamedGroup.X25519, NamedGroup.X25519MLKEM768].map((group) =>
        shares.find((share) => share.group === group),
      );
      assert.equal(hybrid?.publicKey.subarray(1184), x25519?.publicKey);
      for (const share of shares) {
        const server = answer(share.group, share.publicKey);
        assert.equal(share.sharedSecret(server?.publicKey ?? EMPTY), server?.sharedSecret);
      }
    }
    assert.equal(provider.generateKeyShares([], seededRandom(12)), []);
  });

  test('unusable peer keys give no secret', () => {
    for (const group of provider.groups) {
      const share = generate(group, 8);
      const good = answer(group, share.publicKey)?.publicKey ?? EMPTY;
      const changed = (key: Uint8Array): Uint8Array[] => [
        EMPTY,
        key.subarray(1),
        key.subarray(0, -1),
        Uint8Array.from([...key, 0]),
        new Uint8Array(key.length),
      ];
      for (const bad of changed(good)) assert.is(share.sharedSecret(bad), undefined, `${group}: ${bad.length} bytes`);
      for (const bad of changed(share.publicKey))
        assert.is(answer(group, bad), undefined, `${group}: ${bad.length} bytes`);
    }
    for (const [group, length] of [
      [NamedGroup.SECP256R1, 65],
      [NamedGroup.SECP384R1, 97],
    ] as const) {
      const share = generate(group, 8);
      const offCurve = generate(group, 9).publicKey.slice();
      offCurve[length - 1] ^= 1;
      const hybridForm = share.publicKey.slice();
      hybridForm[0] = 0x06 | (hybridForm[length - 1] & 1);
      const compressed = share.publicKey.slice(0, (length + 1) / 2);
      compressed[0] = 0x02 | (share.publicKey[length - 1] & 1);
      for (const bad of [offCurve, hybridForm, compressed]) {
        assert.is(share.sharedSecret(bad), undefined);
        assert.is(answer(group, bad), undefined);
      }
    }
  });

  test('X25519MLKEM768: either half that is unusable makes the whole unusable', () => {
    const group = NamedGroup.X25519MLKEM768;
    const client = generate(group, 13);
    const server = answer(group, client.publicKey) as KeyShareAnswer;
    const zeroed = (key: Uint8Array, at: number): Uint8Array => key.slice().fill(0, at, at + 32);
    assert.is(client.sharedSecret(zeroed(server.publicKey, 1088)), undefined, 'x25519 key of zeros in the answer');
    assert.is(answer(group, zeroed(client.publicKey, 1184)), undefined, 'x25519 key of zeros in the share');
    // FIPS 203 §7.2: 768 numbers of 12 bits, each below 3329.
    for (const index of [0, 1, 400, 767])
      for (const [value, isGood] of [
        [3328, true],
        [3329, false],
        [4095, false],
      ] as const) {
        const key = client.publicKey.slice();
        const at = (index >> 1) * 3;
        if (index % 2 === 0) {
          key[at] = value & 0xff;
          key[at + 1] = (key[at + 1] & 0xf0) | (value >> 8);
        } else {
          key[at + 1] = (key[at + 1] & 0x0f) | ((value & 0x0f) << 4);
          key[at + 2] = value >> 4;
        }
        assert.is(answer(group, key) !== undefined, isGood, `${value} as number ${index}`);
      }
  });

  test('X25519MLKEM768: a changed ciphertext is rejected implicitly', () => {
    const client = generate(NamedGroup.X25519MLKEM768, 14);
    const server = answer(NamedGroup.X25519MLKEM768, client.publicKey) as KeyShareAnswer;
    const changed = server.publicKey.slice();
    changed[500] ^= 1;
    const secret = client.sharedSecret(changed) as Uint8Array;
    assert.is(secret.length, 64);
    assert.not.equal(secret.subarray(0, 32), server.sharedSecret.subarray(0, 32));
    assert.equal(secret.subarray(32), server.sharedSecret.subarray(32), "x25519's half is the same");
    assert.equal(client.sharedSecret(changed), secret, 'each time the same');
    changed[501] ^= 1;
    assert.not.equal(client.sharedSecret(changed), secret);
  });

  // As X25519MLKEM768 uses it: key generation from a seed, decapsulation, and encapsulation as far as decapsulation does it again to compare.
  runVectors('mlkem_768', (vector) => {
    const x25519 = generate(NamedGroup.X25519, 15).publicKey;
    const share = keyShareOf(NamedGroup.X25519MLKEM768, concat(bytesOf(vector, 'seed'), new Uint8Array(32).fill(9)));
    if (toHex(share.publicKey.subarray(0, 1184)) !== vector['ek']) return false;
    const secret = share.sharedSecret(concat(bytesOf(vector, 'c'), x25519));
    return secret !== undefined && toHex(secret.subarray(0, 32)) === vector['K'];
  });

  test('what a key signs verifies, and nothing else does', () => {
    const message = text('message');
    for (const kind of TEST_CREDENTIAL_KINDS) {
      const key = provider.importSigningKey(readPrivateKeyPem(testCertificatePem(kind).keyPem), seededRandom(3));
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

  test.run();
}
