import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { seededRandom, testKeyPair } from '@mquictt/testkit';
import { SignatureScheme } from '../../src/index.ts';
import { MAX_CACHED_PUBLIC_KEYS } from '../../src/limits.ts';
import { nodeProvider } from '../../src/node/index.ts';
import { nodeKeyShare } from '../../src/node/key-exchange.ts';
import { importPublicKey } from '../../src/node/public-keys.ts';
import { providerContract } from '../support/provider-contract.ts';

providerContract({ provider: nodeProvider, keyShareOf: nodeKeyShare });

const test = suite('crypto provider node: public keys that are kept');

test('only so many, and every key verifies whether it is kept or not', () => {
  const message = Uint8Array.of(1, 2, 3);
  const scheme = SignatureScheme.ED25519;
  const signed = Array.from({ length: MAX_CACHED_PUBLIC_KEYS + 10 }, () => {
    const { pkcs8, spki } = testKeyPair('ed25519');
    return { spki, signature: nodeProvider.importSigningKey(pkcs8, seededRandom(1)).sign(scheme, message) };
  });
  const first = signed[0]!;
  const kept = importPublicKey(first.spki);
  assert.is(importPublicKey(first.spki), kept);
  for (const { spki, signature } of signed) assert.ok(nodeProvider.verify(spki, scheme, message, signature));
  assert.is.not(importPublicKey(first.spki), kept, 'the oldest has gone');
  for (const { spki, signature } of signed) assert.ok(nodeProvider.verify(spki, scheme, message, signature));
  assert.not(nodeProvider.verify(first.spki, scheme, message, signed[1]!.signature));
});

test.run();
