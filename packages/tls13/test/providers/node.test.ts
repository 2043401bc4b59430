import { nodeKeyShare } from '../../src/node/key-exchange.ts';
import { nodeProvider } from '../../src/node/index.ts';
import { providerContract } from '../support/provider-contract.ts';

providerContract({ provider: nodeProvider, keyShareOf: nodeKeyShare });
