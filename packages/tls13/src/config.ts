/** Configuration of the two roles. Plain data: read once, shared by any number of handshakes. */
import type { ParsedCertificate } from './certificates/parse.ts';
import type { RootStore } from './certificates/roots.ts';
import type { CipherSuite } from './cipher-suites.ts';
import type { KeyLog, OpaqueExtension } from './handshake.ts';
import type { CryptoProvider, NamedGroup, SigningKey } from './provider.ts';
import type { Random } from './random.ts';
import type { ClientSession } from './sessions/client-session.ts';
import type { EarlyDataGuard } from './sessions/early-data-guard.ts';
import type { SessionTickets } from './sessions/server-session.ts';

/** A certificate chain with its key. */
export interface Credential {
  /** DER certificates, leaf first. */
  readonly chain: readonly Uint8Array[];
  readonly key: SigningKey;
  /** DER OCSPResponse for the leaf (RFC 6960), given to peers that ask for it (status_request, RFC 8446 §4.4.2.1). */
  readonly ocspResponse?: Uint8Array;
}

/** What a peer says about the certificates it can use. */
export interface CertificateOffer {
  /** The name that a client dialled (SNI), in lower case. Undefined where it sent none, and for a client's own choice. */
  readonly serverName: string | undefined;
  /** Code points of signature_algorithms, best first. */
  readonly signatureSchemes: readonly number[];
  /** Code points of signature_algorithms_cert, or those of signature_algorithms where the peer sent none (RFC 8446 §4.2.3). */
  readonly certificateSchemes: readonly number[];
  /** DER Names of the authorities that the peer trusts (certificate_authorities); empty where it named none. */
  readonly authorities: readonly Uint8Array[];
}

/**
 * Chooses what to present to a peer. `'wait'` makes the handshake wait (`choose-certificate`) until `provideCredential()`.
 *
 * `CredentialStore` is one; a function of a program's own is another. What it gives may change from one handshake to the next: certificates are
 * replaced that way.
 */
export interface CredentialChooser {
  /** @returns undefined for none: a server then fails with handshake_failure, a client presents none */
  choose(offer: CertificateOffer): Credential | undefined | 'wait';
}

/** Makes Certificate messages smaller (RFC 8879). An algorithm of CertificateCompressionAlgorithm: 1 zlib, 2 brotli, 3 zstd. */
export interface CertificateCompressor {
  readonly algorithm: number;
  compress(data: Uint8Array): Uint8Array;
  /** @returns undefined where the data is damaged or does not have exactly `length` bytes; never more work than those. Never throws for peer input. */
  decompress(data: Uint8Array, length: number): Uint8Array | undefined;
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
  /**
   * What carries the messages. `records` is RFC 8446 without the changes of RFC 9001: ALPN may be missing, a legacy_session_id is echoed, EndOfEarlyData
   * ends early data. @default 'quic'
   */
  readonly carrier?: 'quic' | 'records';
  /** What can compress certificates, best first. @default none */
  readonly certificateCompressors?: readonly CertificateCompressor[];
}

export interface ClientConfig extends CommonConfig {
  /** Trusted roots for the server's chain. */
  readonly roots: RootStore;
  /**
   * Groups for which a key share goes into the first ClientHello; a server that wants another answers with HelloRetryRequest.
   * @default the first of `groups`, and x25519 as well where that one is X25519MLKEM768
   */
  readonly keyShareGroups?: readonly NamedGroup[];
  /** Ask the application about each verified chain as well (`judge-peer-chain`). @default false */
  readonly judgePeerChain?: boolean;
  /** Ask for a stapled OCSP response; it comes with `judge-peer-chain` and stays readable as `peerOcspResponse`. @default false */
  readonly requestOcspStaple?: boolean;
  /** What to present where the server asks for a certificate. @default none */
  readonly credential?: Credential | CredentialChooser;
  /** Ask servers for no tickets and keep no sessions. @default false */
  readonly refuseTickets?: boolean;
}

/** How a server treats the certificates of clients. */
export interface ClientAuthentication {
  /** Trusted roots for the clients' chains. */
  readonly roots: RootStore;
  /** Whether a client without a certificate is refused (certificate_required). @default true */
  readonly isRequired?: boolean;
  /** Ask the application about each verified chain (`judge-peer-chain`), which gives it an identity or refuses it. @default false */
  readonly judgePeerChain?: boolean;
}

/** How a server lets clients come back. */
export interface Resumption {
  readonly tickets: SessionTickets;
  /** Tickets sent after each handshake, 0 to 8. @default 2 */
  readonly ticketCount?: number;
  /** Seconds, 1 to 604,800 (RFC 8446 §4.6.1). @default 86,400 */
  readonly lifetime?: number;
  /** Lets early data in and keeps replays out. @default no early data */
  readonly earlyData?: EarlyDataGuard;
}

export interface ServerConfig extends CommonConfig {
  readonly credential: Credential | CredentialChooser;
  /** @default clients are not asked for certificates */
  readonly clientAuthentication?: ClientAuthentication;
  /** @default no tickets are sent, and what clients show is not looked at */
  readonly resumption?: Resumption;
}

/** What belongs to one client handshake. */
export interface ClientHandshakeOptions {
  /** A DNS name (sent as SNI) or an IP address literal (not sent, RFC 6066 §3); the server's certificate must carry it. */
  readonly serverName: string;
  /** Extensions for the ClientHello. The peer's extensions of the same types come back as `peer-extension`. */
  readonly extensions: readonly OpaqueExtension[];
  /** A session to resume. One that does not fit (another name, expired, no suite in common) is passed over. */
  readonly session?: ClientSession;
  /** Offer early data where the session allows it. @default false */
  readonly earlyData?: boolean;
}

/** What belongs to one server handshake. */
export interface ServerHandshakeOptions {
  /**
   * Extensions for EncryptedExtensions. The client's of the same types come back as `peer-extension`; where the client sent none, the handshake
   * fails with missing_extension (RFC 9001 §8.2). `ServerHandshake.setExtensions()` may replace them once those are known.
   */
  readonly extensions: readonly OpaqueExtension[];
  /**
   * What early data depends on besides TLS, such as the limits of the transport (RFC 9000 §7.4.1). It is kept in tickets, and early data is refused
   * where the session's differs from today's. Up to 1,024 bytes. @default empty
   */
  readonly earlyDataContext?: Uint8Array;
}

/** A peer's chain that passed every check of ours. */
export interface PeerChain {
  /** DER certificates as they were presented, leaf first. */
  readonly chain: readonly Uint8Array[];
  /** The verified path, leaf first, root last. */
  readonly path: readonly ParsedCertificate[];
  /** DER OCSPResponse that was stapled to the leaf. It has not been looked at. */
  readonly ocspResponse: Uint8Array | undefined;
}
