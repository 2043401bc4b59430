/** What @mquictt/tls13 takes from Node.js: crypto, randomness, compression, roots and files. */
export { brotliCertificateCompressor, zlibCertificateCompressor } from './certificate-compressors.ts';
export { keyLogFile } from './key-log.ts';
export { nodeProvider } from './provider.ts';
export { nodeRandom } from './random.ts';
export { defaultRoots, readRootsFile } from './roots.ts';
