/** TLS 1.3 for QUIC, without sockets: handshake, certificates and crypto providers. */
export { Alert, alertName } from './alerts.ts';
export {
  CIPHER_SUITES,
  TLS_AES_128_GCM_SHA256,
  TLS_AES_256_GCM_SHA384,
  TLS_CHACHA20_POLY1305_SHA256,
} from './cipher-suites.ts';
export type { CipherSuite } from './cipher-suites.ts';
export type {
  ClientConfig,
  ClientHandshakeOptions,
  Credential,
  ServerConfig,
  ServerHandshakeOptions,
} from './config.ts';
export { ClientHandshake } from './client-handshake.ts';
export { ServerHandshake } from './server-handshake.ts';
export { equalBytes } from './constant-time.ts';
export { hkdfExpandLabel } from './key-schedule.ts';
export { TlsError } from './errors.ts';
export type { TlsErrorCode } from './errors.ts';
export { EncryptionLevel } from './handshake.ts';
export type { Handshake, HandshakeEvent, KeyLog, OpaqueExtension } from './handshake.ts';
export { NamedGroup, SignatureScheme } from './provider.ts';
export type {
  Aead,
  AeadAlgorithm,
  CryptoProvider,
  HashAlgorithm,
  KeyShare,
  RunningHash,
  SigningKey,
} from './provider.ts';
export type { Random } from './random.ts';
export { parseCertificate } from './certificates/parse.ts';
export type { ParsedCertificate } from './certificates/parse.ts';
export { RootStore } from './certificates/roots.ts';
export { verifyChain } from './certificates/verify.ts';
export type { VerifiedChain, VerifyChainOptions } from './certificates/verify.ts';
export { createCredential } from './credentials.ts';
export type { CredentialOptions } from './credentials.ts';
export { readCertificatesPem, readPrivateKeyPem } from './pem.ts';
export { nobleProvider } from './providers/noble.ts';
