/** Configuration of the two roles. Plain data: read once, shared by any number of handshakes. */
import type { CipherSuite } from './cipher-suites.ts';
import type { KeyLog, OpaqueExtension } from './handshake.ts';
import type { CryptoProvider, NamedGroup, SigningKey } from './provider.ts';
import type { Random } from './random.ts';
import type { RootStore } from './certificates/roots.ts';

/** A certificate chain with its key. */
export interface Credential {
  /** DER certificates, leaf first. */
  readonly chain: readonly Uint8Array[];
  readonly key: SigningKey;
}

interface CommonConfig {
  readonly provider: CryptoProvider;
  readonly random: Random;
  /** ALPN names, best first. QUIC makes ALPN mandatory (RFC 9001 §8.1): at least one. */
  readonly alpnProtocols: readonly string[];
  /** Best first. A server takes the first of its own that the client offers, whatever the client's order. @default CIPHER_SUITES */
  readonly cipherSuites?: readonly CipherSuite[];
  /** @default the provider's groups */
  readonly groups?: readonly NamedGroup[];
  readonly keyLog?: KeyLog;
}

export interface ClientConfig extends CommonConfig {
  /** Trusted roots for the server's chain. */
  readonly roots: RootStore;
  /**
   * Groups for which a key share goes into the first ClientHello. @default the first of `groups`.
   * Fewer shares than groups means that a server may answer with HelloRetryRequest.
   */
  readonly keyShareGroups?: readonly NamedGroup[];
  /** Ask the application about each verified chain as well (`judge-peer-chain`). @default false */
  readonly judgePeerChain?: boolean;
}

export interface ServerConfig extends CommonConfig {
  readonly credential: Credential;
}

/** What belongs to one client handshake. */
export interface ClientHandshakeOptions {
  /** A DNS name (sent as SNI) or an IP address literal (not sent, RFC 6066 §3); the server's certificate must carry it. */
  readonly serverName: string;
  /** Extensions for the ClientHello. The peer's extensions of the same types come back as `peer-extension`. */
  readonly extensions: readonly OpaqueExtension[];
}

/** What belongs to one server handshake. */
export interface ServerHandshakeOptions {
  /**
   * Extensions for EncryptedExtensions. The client's of the same types come back as `peer-extension`; where the client sent none, the handshake
   * fails with missing_extension (RFC 9001 §8.2). `ServerHandshake.setExtensions()` may replace them once those are known.
   */
  readonly extensions: readonly OpaqueExtension[];
}
