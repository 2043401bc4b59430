import { nobleProvider } from '../../src/index.ts';
import { nobleKeyShare } from '../../src/providers/noble-key-exchange.ts';
import { providerContract } from '../support/provider-contract.ts';

providerContract({ provider: nobleProvider, keyShareOf: nobleKeyShare });
