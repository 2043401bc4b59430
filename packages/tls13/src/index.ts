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
  CertificateCompressor,
  CertificateOffer,
  ClientAuthentication,
  ClientConfig,
  ClientHandshakeOptions,
  Credential,
  CredentialChooser,
  PeerChain,
  Resumption,
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
  KeyShareAnswer,
  RunningHash,
  SignatureAlgorithm,
  SigningKey,
} from './provider.ts';
export type { Random } from './random.ts';
export { parseCertificate } from './certificates/parse.ts';
export type { ParsedCertificate } from './certificates/parse.ts';
export { RootStore } from './certificates/roots.ts';
export { chainReportLines } from './certificates/chain-report.ts';
export type { ChainCheck, ChainReport, ReportedCertificate, ReportedPath } from './certificates/chain-report.ts';
export { verifyChain } from './certificates/verify.ts';
export type { VerifiedChain, VerifyChainOptions } from './certificates/verify.ts';
export { createCredential } from './credentials.ts';
export type { CredentialOptions } from './credentials.ts';
export { CredentialStore } from './credential-store.ts';
export type { CredentialStoreOptions } from './credential-store.ts';
export type { ClientSession } from './sessions/client-session.ts';
export { decodeClientSession, encodeClientSession } from './sessions/client-session-codec.ts';
export { SessionCache } from './sessions/session-cache.ts';
export type { SessionCacheOptions } from './sessions/session-cache.ts';
export type { ServerSession, SessionTickets } from './sessions/server-session.ts';
export { decodeServerSession, encodeServerSession } from './sessions/server-session-codec.ts';
export { SealedTickets } from './sessions/sealed-tickets.ts';
export type { SealedTicketsOptions } from './sessions/sealed-tickets.ts';
export { StoredTickets } from './sessions/stored-tickets.ts';
export type { StoredTicketsOptions } from './sessions/stored-tickets.ts';
export type { EarlyDataGuard } from './sessions/early-data-guard.ts';
export { StrikeRegister } from './sessions/strike-register.ts';
export type { StrikeRegisterOptions } from './sessions/strike-register.ts';
export { readCertificatesPem, readPrivateKeyPem } from './pem.ts';
export { nobleProvider } from './providers/noble.ts';
