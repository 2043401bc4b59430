/** What @mquictt/tls13 takes from Node.js: crypto, randomness, roots and files. */
export { keyLogFile } from './key-log.ts';
export { nodeProvider } from './provider.ts';
export { nodeRandom } from './random.ts';
export { defaultRoots, readRootsFile } from './roots.ts';
