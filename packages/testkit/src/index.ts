/** What the tests of all packages share. */
export {
  TEST_CREDENTIAL_KINDS,
  TEST_SERVER_NAME,
  TEST_UNIX_TIME,
  testCertificatePem,
  testCredential,
  testRoots,
  testRootsPem,
} from './certificates.ts';
export type { TestCredentialKind } from './certificates.ts';
export { CA_P256, CA_RSA2048 } from './certificate-data.ts';
export type { CertificateData } from './certificate-data.ts';
export {
  CLIENT_AUTH,
  SERVER_AUTH,
  buildCertificate,
  distinguishedName,
  extensions,
  testKeyPair,
  testKeyPairFromPkcs8,
  toPem,
} from './certificate-builder.ts';
export type {
  CertificateOptions,
  TestExtension,
  TestKeyPair,
  TestKeyType,
  TestSignatureAlgorithm,
} from './certificate-builder.ts';
export * as der from './der.ts';
export { seededRandom } from './random.ts';
export type { SeededRandom } from './random.ts';
export { fakeProtector } from './fake-protector.ts';
