import { constants, createPrivateKey, privateEncrypt } from 'node:crypto';
import { ed25519 } from '@noble/curves/ed25519.js';
import { bytesToNumberLE, numberToBytesLE } from '@noble/curves/utils.js';
import { sha512 } from '@noble/hashes/sha2.js';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { buildCertificate, der, seededRandom, testKeyPair, testKeyPairFromPkcs8 } from '@mquictt/testkit';
import type { TestKeyPair } from '@mquictt/testkit';
import { NamedGroup, SignatureScheme, nobleProvider } from '../../src/index.ts';
import { nodeKeyShare } from '../../src/node/key-exchange.ts';
import { nodeProvider } from '../../src/node/index.ts';
import { nobleKeyShare } from '../../src/providers/noble-key-exchange.ts';
import { fromHex } from '../support/bytes.ts';
import { signingKeys } from '../support/signature-contract.ts';

/** The two providers are one to whoever talks to them: what one makes, the other takes. */
const test = suite('crypto providers agree');
const providers = [nobleProvider, nodeProvider];
const message = new TextEncoder().encode('said by one, heard by the other');

test('what one signs the other verifies, with every scheme', () => {
  for (const [kind, pkcs8] of signingKeys()) {
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
  for (const [, pkcs8] of signingKeys()) {
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
  for (const group of nobleProvider.groups)
    for (const [client, server] of [
      [nobleProvider, nodeProvider],
      [nodeProvider, nobleProvider],
    ] as const) {
      const share = client.generateKeyShares([group], seededRandom(5))[0];
      const answer = server.answerKeyShare(group, share.publicKey, seededRandom(6));
      assert.ok(answer);
      assert.equal(share.sharedSecret(answer.publicKey), answer.sharedSecret, `${client.name}, group ${group}`);
    }
});

test('a key share has the same public half in both, and the same secret', () => {
  const random = seededRandom(26);
  for (const [group, length] of [
    [NamedGroup.X25519MLKEM768, 96],
    [NamedGroup.X25519, 32],
    [NamedGroup.SECP256R1, 32],
    [NamedGroup.SECP384R1, 48],
  ] as const) {
    const secret = random.bytes(length);
    const [noble, node] = [nobleKeyShare(group, secret), nodeKeyShare(group, secret)];
    assert.equal(noble.publicKey, node.publicKey);
    const answer = nobleProvider.answerKeyShare(group, noble.publicKey, random);
    assert.equal(noble.sharedSecret(answer?.publicKey ?? new Uint8Array(0)), answer?.sharedSecret);
    assert.equal(node.sharedSecret(answer?.publicKey ?? new Uint8Array(0)), answer?.sharedSecret);
  }
});

test('an ML-KEM ciphertext that was made for another key gives the same nonsense in both', () => {
  const random = seededRandom(27);
  const secret = random.bytes(96);
  const group = NamedGroup.X25519MLKEM768;
  const answer = nobleProvider.answerKeyShare(group, nobleKeyShare(group, random.bytes(96)).publicKey, random);
  const said = nobleKeyShare(group, secret).sharedSecret(answer?.publicKey ?? new Uint8Array(0));
  assert.is(said?.length, 64);
  assert.equal(said, nodeKeyShare(group, secret).sharedSecret(answer?.publicKey ?? new Uint8Array(0)));
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

test('HMAC of every length around the blocks of the hashes, whatever was computed before', () => {
  const random = seededRandom(24);
  for (const algorithm of ['sha256', 'sha384', 'sha512'] as const)
    for (const keyLength of [0, 1, 32, 48, 63, 64, 65, 127, 128, 129, 300])
      for (const dataLength of [0, 1, 50, 64, 128, 511, 512, 513, 2_000]) {
        const [key, data] = [random.bytes(keyLength), random.bytes(dataLength)];
        const copies = [key.slice(), data.slice()];
        const expected = nobleProvider.hmac(algorithm, key, data);
        const mac = nodeProvider.hmac(algorithm, key, data);
        assert.equal(mac, expected, `${algorithm} key of ${keyLength}, data of ${dataLength}`);
        // The next one must not write into what the last one gave.
        nodeProvider.hmac(algorithm, random.bytes(20), random.bytes(20));
        assert.equal(mac, expected);
        assert.equal([key, data], copies);
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

/** Asserts that both say the same. @returns what they say */
function verdict(
  spki: Uint8Array,
  scheme: SignatureScheme,
  signed: Uint8Array,
  signature: Uint8Array,
  hint: string,
): boolean {
  const [noble, node] = providers.map((provider) => provider.verify(spki, scheme, signed, signature));
  assert.is(noble, node, `noble says ${String(noble)}, node ${String(node)}: ${hint}`);
  return noble === true;
}

test('signatures and keys with bytes changed, cut out and put in', () => {
  const seed = Number(process.env['SEED'] ?? 23);
  const random = seededRandom(seed);
  for (const [, pkcs8] of signingKeys()) {
    const key = nodeProvider.importSigningKey(pkcs8, random);
    for (const scheme of key.schemes) {
      const good = key.sign(scheme, message);
      for (let round = 0; round < 100; round++) {
        let signature: Uint8Array = good.slice();
        const spki = key.publicKeyInfo.slice();
        // The first bytes of an ECDSA signature are its DER.
        const at = random.integer(random.chance(0.5) ? 8 : good.length);
        const kind = random.integer(5);
        if (kind === 0) signature[at] = random.integer(256);
        else if (kind === 1) signature[at] = (signature[at] as number) ^ (1 << random.integer(8));
        else if (kind === 2) signature = der.concat([good.subarray(0, at), good.subarray(at + 1)]);
        else if (kind === 3) signature = der.concat([good.subarray(0, at), Uint8Array.of(0), good.subarray(at)]);
        else spki[random.integer(spki.length)] = random.integer(256);
        verdict(spki, scheme, message, signature, `SEED=${seed}, scheme ${scheme}, round ${round}`);
      }
    }
  }
});

test('an RSA signature is as long as the modulus, leading zeros included', () => {
  const key = testKeyPair('rsa2048');
  const signer = nodeProvider.importSigningKey(key.pkcs8, seededRandom(1));
  const scheme = SignatureScheme.RSA_PSS_RSAE_SHA256;
  // One of 256 begins with a zero.
  let signature = signer.sign(scheme, message);
  while (signature[0] !== 0) signature = signer.sign(scheme, message);
  assert.ok(verdict(key.spki, scheme, message, signature, 'whole'));
  assert.not(verdict(key.spki, scheme, message, signature.subarray(1), 'without its zero'));
  assert.not(verdict(key.spki, scheme, message, der.concat([Uint8Array.of(0), signature]), 'with one more'));
});

test('PKCS#1 v1.5 padding is compared, not parsed', () => {
  const { spki, privateKey } = testKeyPair('rsa2048');
  const digest = nodeProvider.hash('sha256', message);
  const info = der.concat([fromHex('3031300d060960864801650304020105000420'), digest]);
  const withoutNull = der.concat([fromHex('302f300b06096086480165030402010420'), digest]);
  const sign = (data: Uint8Array, padLength: number, pad = 0xff, blockType = 1): Uint8Array => {
    const encoded = new Uint8Array(256);
    encoded[1] = blockType;
    encoded.fill(pad, 2, 2 + padLength);
    encoded.set(data, 3 + padLength);
    const options = { key: privateKey, padding: constants.RSA_NO_PADDING };
    return new Uint8Array(privateEncrypt(options, encoded));
  };
  const full = 256 - 3 - info.length;
  const check = (signature: Uint8Array, hint: string): boolean =>
    verdict(spki, SignatureScheme.RSA_PKCS1_SHA256, message, signature, hint);
  assert.ok(check(sign(info, full), 'good'));
  // Bleichenbacher's forgery of 2006 needs room behind the digest.
  for (const padLength of [8, 100, full - 1]) assert.not(check(sign(info, padLength), `${padLength} bytes of padding`));
  assert.not(check(sign(withoutNull, full + 2), 'DigestInfo without NULL'));
  assert.not(check(sign(info, full, 0xfe), 'other padding'));
  assert.not(check(sign(info, full, 0x00), 'zeros as padding'));
  assert.not(check(sign(info, full, 0xff, 2), 'block type 2'));
  assert.not(check(sign(info, full, 0x00, 0), 'block type 0'));
});

const ED25519_PREFIX = fromHex('302a300506032b6570032100');
/** y of the points whose order divides 8, and the same once more behind the prime. */
const SMALL_ORDER = [
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
].flatMap((hex) => {
  const [plain, signed] = [fromHex(hex), fromHex(hex)];
  signed[31] = (signed[31] as number) | 0x80;
  return [plain, signed];
});

test('an Ed25519 key of small order verifies nothing', () => {
  for (const key of SMALL_ORDER)
    for (const r of SMALL_ORDER)
      for (let byte = 0; byte < 8; byte++) {
        const signature = der.concat([r, new Uint8Array(32)]);
        const spki = der.concat([ED25519_PREFIX, key]);
        const hint = Buffer.concat([key, r]).toString('hex');
        assert.not(verdict(spki, SignatureScheme.ED25519, Uint8Array.of(byte), signature, hint), hint);
      }
});

test('Ed25519 signatures whose maker added a point of small order', () => {
  const { Point } = ed25519;
  const torsion = Point.fromBytes(SMALL_ORDER[6] as Uint8Array);
  const [secret, nonce] = [1_234_567n, 98_765n];
  for (const [inKey, inNonce] of [
    [false, false],
    [false, true],
    [true, false],
    [true, true],
  ]) {
    const key = Point.BASE.multiply(secret)
      .add(inKey === true ? torsion : Point.ZERO)
      .toBytes();
    const r = Point.BASE.multiply(nonce)
      .add(inNonce === true ? torsion : Point.ZERO)
      .toBytes();
    for (let byte = 0; byte < 16; byte++) {
      const signed = Uint8Array.of(byte);
      const k = Point.Fn.create(bytesToNumberLE(sha512(der.concat([r, key, signed]))));
      const s = Point.Fn.create(nonce + k * secret);
      const spki = der.concat([ED25519_PREFIX, key]);
      const hint = `message ${byte}, in the key: ${inKey}, in the nonce: ${inNonce}`;
      const isGood = verdict(spki, SignatureScheme.ED25519, signed, der.concat([r, numberToBytesLE(s, 32)]), hint);
      if (inKey !== true) assert.is(isGood, inNonce === false, hint);
      // RFC 8032 §5.1.7: S is below L, or there would be a second form of every signature.
      const malleable = der.concat([r, numberToBytesLE(s + Point.Fn.ORDER, 32)]);
      assert.not(verdict(spki, SignatureScheme.ED25519, signed, malleable, `${hint}, S + L`));
    }
  }
});

test('key shares of small order, off the curve, in odd encodings', () => {
  const random = seededRandom(24);
  const agree = (group: 0x17 | 0x1d, share: Uint8Array): Uint8Array | undefined => {
    const secret = seededRandom(25).bytes(32);
    const noble = nobleKeyShare(group, secret).sharedSecret(share);
    assert.equal(noble, nodeKeyShare(group, secret).sharedSecret(share), Buffer.from(share).toString('hex'));
    return noble;
  };
  // RFC 7748 §6.1: all points of small order, some of them in a second encoding.
  for (const hex of [
    '0000000000000000000000000000000000000000000000000000000000000000',
    '0100000000000000000000000000000000000000000000000000000000000000',
    'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
    '5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157',
    'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
    'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
    'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
    '0000000000000000000000000000000000000000000000000000000000000080',
  ])
    assert.is(agree(0x1d, fromHex(hex)), undefined);
  for (let round = 0; round < 50; round++) agree(0x1d, random.bytes(random.chance(0.8) ? 32 : random.integer(40)));
  const point = nobleKeyShare(0x17, random.bytes(32)).publicKey;
  assert.ok(agree(0x17, point));
  for (let round = 0; round < 50; round++) {
    const changed = point.slice();
    const at = random.integer(65);
    changed[at] = (changed[at] as number) ^ (1 << random.integer(8));
    assert.is(agree(0x17, changed), undefined);
  }
  const prime = 'ffffffff00000001000000000000000000000000ffffffffffffffffffffffff';
  const rootOfB = '66485c780e2f83d72433bd5d84a06bb6541c2af31dae871728bf856a174f93f4';
  const zero = '00'.repeat(32);
  for (const hex of ['', '00', '04', `04${zero}${zero}`, `04${prime}${prime}`, `04${prime}${rootOfB}`])
    assert.is(agree(0x17, fromHex(hex)), undefined);
  assert.ok(agree(0x17, fromHex(`04${zero}${rootOfB}`)));
});

test('keys are copied: their owner may clear them, Buffers as well', () => {
  for (const provider of providers) {
    for (const [kind, bytes] of signingKeys()) {
      const pkcs8 = Buffer.from(bytes);
      const key = provider.importSigningKey(pkcs8, seededRandom(1));
      pkcs8.fill(0);
      const [scheme] = key.schemes as [SignatureScheme];
      const signature = key.sign(scheme, message);
      assert.ok(verdict(key.publicKeyInfo, scheme, message, signature, `${kind} of ${provider.name}`));
    }
    const secret = Buffer.alloc(16, 7);
    const aead = provider.aead('aes-128-gcm', secret);
    const nonce = new Uint8Array(12);
    const before = aead.seal(nonce, message, message);
    secret.fill(0);
    assert.equal(aead.seal(nonce, message, message), before);
  }
});

test.run();
