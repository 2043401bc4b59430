import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { seededRandom } from '@mquictt/testkit';
import { nobleProvider } from '../../src/index.ts';
import { nobleKeyShare } from '../../src/providers/noble-key-exchange.ts';
import { providerContract } from '../support/provider-contract.ts';

providerContract({ provider: nobleProvider, keyShareOf: nobleKeyShare });

const test = suite('crypto provider noble: randomness');

test('all that is random comes from what is handed in', () => {
  const exchange = (seed: number): unknown => {
    const random = seededRandom(seed);
    const shares = nobleProvider.generateKeyShares(nobleProvider.groups, random);
    return shares.map(({ group, publicKey }) => [publicKey, nobleProvider.answerKeyShare(group, publicKey, random)]);
  };
  assert.equal(exchange(1), exchange(1));
  assert.not.equal(exchange(1), exchange(2));
});

test.run();
