/** What every crypto provider must do about key exchange. */
import type { Test } from 'uvu';
import * as assert from 'uvu/assert';
import { seededRandom } from '@mquictt/testkit';
import { NamedGroup } from '../../src/index.ts';
import type { KeyShare } from '../../src/index.ts';
import type { KeyShareAnswer } from '../../src/provider.ts';
import { concat, toHex } from './bytes.ts';
import type { ContractOptions } from './provider-contract.ts';
import { bytesOf, vectorTests } from './vectors.ts';
import type { WycheproofTest } from './vectors.ts';

const EMPTY = new Uint8Array(0);

/** Adds the tests to a suite. */
export function keyExchangeContract(test: Test, { provider, keyShareOf }: ContractOptions): void {
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
  vectorTests(
    test,
    'x25519',
    (vector) => {
      const shared = exchange(NamedGroup.X25519, vector);
      if (shared !== undefined) assert.equal(shared, vector['shared'], `test ${vector.tcId}`);
      return shared !== undefined;
    },
    (vector) => vector['shared'] !== ZEROS,
  );
  // Acceptable are compressed points, which RFC 8446 §4.2.8.2 does not have.
  vectorTests(test, 'ecdh_secp256r1_ecpoint', (vector) => exchange(NamedGroup.SECP256R1, vector) === vector['shared']);

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
  vectorTests(test, 'mlkem_768', (vector) => {
    const x25519 = generate(NamedGroup.X25519, 15).publicKey;
    const share = keyShareOf(NamedGroup.X25519MLKEM768, concat(bytesOf(vector, 'seed'), new Uint8Array(32).fill(9)));
    if (toHex(share.publicKey.subarray(0, 1184)) !== vector['ek']) return false;
    const secret = share.sharedSecret(concat(bytesOf(vector, 'c'), x25519));
    return secret !== undefined && toHex(secret.subarray(0, 32)) === vector['K'];
  });
}
