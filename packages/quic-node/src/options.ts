/** What listen() and connect() can be told. */
import type { PacketProtector, QuicError, TransportConfig } from '@mquictt/quic-core';
import type {
  ClientSession,
  Credential,
  CredentialStore,
  CryptoProvider,
  KeyLog,
  NamedGroup,
  PeerChain,
  RootStore,
  SessionTickets,
} from '@mquictt/tls13';
import type { SocketAddress } from './addresses.ts';
import type { Runtime } from './runtime.ts';

export interface CommonOptions {
  /** Names of the application protocol (ALPN), best first, at least one: QUIC makes it mandatory (RFC 9001 §8.1). */
  readonly alpnProtocols: readonly string[];
  /** Clock, timers and sockets. @default nodeRuntime */
  readonly runtime?: Runtime | undefined;
  /** Handshake cryptography. @default node:crypto */
  readonly provider?: CryptoProvider | undefined;
  /**
   * Packet protection. What it prefers (PacketProtector.prefers) decides whether ChaCha20 or AES comes first.
   * @default fastProtector: WebAssembly and ChaCha20 where there is SIMD, else node:crypto and AES
   */
  readonly protector?: PacketProtector | undefined;
  /** Groups for the key exchange, best first. @default all that the provider has: X25519MLKEM768, X25519, P-256, P-384 */
  readonly groups?: readonly NamedGroup[] | undefined;
  /** Windows, limits and timeouts of the transport. */
  readonly transport?: TransportConfig | undefined;
  /** Is given the secrets of each connection in the SSLKEYLOGFILE format, for Wireshark. For debugging only. */
  readonly keyLog?: KeyLog | undefined;
  /** Kernel buffer asked for, bytes; the system may grant less. A small one loses datagrams in bursts. @default 4 MiB */
  readonly receiveBufferSize?: number | undefined;
  /** Kernel buffer asked for, bytes; the system may grant less. @default 4 MiB */
  readonly sendBufferSize?: number | undefined;
}

export interface ListenOptions extends CommonOptions {
  /** Local IP address: `0.0.0.0` is every IPv4 interface, `::` every IPv6 one and, as a rule, every IPv4 one too. A name is looked up. */
  readonly host: string;
  /** UDP port, 0 = any free one (see QuicListener.address). */
  readonly port: number;
  /**
   * Certificate chain (leaf first) and private key: PEM texts, or a Credential from createCredential(). A CredentialStore has several to choose from by
   * the name that a client dials, and its replace() changes them while the listener runs.
   */
  readonly certificate: CertificateOptions | Credential | CredentialStore;
  /** Asks clients for certificates (mutual TLS). @default they are not asked */
  readonly clientCertificates?: ClientCertificateOptions | undefined;
  /** How clients come back without certificates and signatures; false = not at all. @default sealed tickets, two after each handshake */
  readonly resumption?: ResumptionOptions | false | undefined;
  /** Connections at once; more are refused. @default 65_536 */
  readonly maxConnections?: number | undefined;
  /** Handshakes in progress at once; more are not answered. @default 1_024 */
  readonly maxHalfOpenConnections?: number | undefined;
  /** Connections that may wait for accept(); more are closed at once. Has no meaning with onConnection. @default 1_024 */
  readonly backlog?: number | undefined;
  /** Key of the stateless reset tokens, 32 bytes. Kept over restarts it lets clients notice a restart at once. @default drawn at random */
  readonly statelessResetKey?: Uint8Array | undefined;
  /** Told why a client's handshake failed; without it failures are silent. */
  readonly onHandshakeError?: ((error: QuicError, remoteAddress: SocketAddress) => void) | undefined;
}

export interface CertificateOptions {
  /** One or more certificates, leaf first. */
  readonly certificatePem: string;
  /** PKCS#8, SEC 1 or PKCS#1 key, not encrypted. */
  readonly keyPem: string;
}

/**
 * Asked about a peer whose certificates have passed every check and who has proved that it holds the key. May take its time, within the time for the handshake.
 * It is not asked again when a session is resumed.
 *
 * @param peer its chain as it was presented, and the path that was verified
 * @returns on a server what to call the client, up to 1,024 characters: QuicConnection.peerIdentity, also of resumed connections
 * @throws to refuse the peer, which hears access_denied; a TlsError with the alert and the message of that. A rejected promise does the same.
 */
export type JudgePeer = (
  peer: PeerChain,
  remoteAddress: SocketAddress,
) => string | undefined | void | Promise<string | undefined | void>;

export interface ClientCertificateOptions {
  /** Certificates that a client's chain must lead to. */
  readonly roots: RootStore;
  /** Whether clients without a certificate are refused (certificate_required). @default true */
  readonly required?: boolean | undefined;
  /** Asked about each client with a certificate. @default all are welcome */
  readonly judge?: JudgePeer | undefined;
}

export interface ResumptionOptions {
  /** Turns sessions into tickets and back, at once. @default SealedTickets with keys that this listener draws: a restart forgets them */
  readonly tickets?: SessionTickets | undefined;
  /** Tickets sent after each handshake, 0 to 8. @default 2 */
  readonly ticketCount?: number | undefined;
  /** Seconds, 1 to 604,800. @default 86,400 */
  readonly lifetime?: number | undefined;
}

/** Where a client keeps sessions from one connection to the next. A SessionCache is one. */
export interface SessionStore {
  /** @param scope tells servers of one name apart */
  put(session: ClientSession, scope: string): void;
  /** @returns a session that put() was given with that scope, and forgets it: each is to be used once */
  take(serverName: string, scope: string, unixTime: number): ClientSession | undefined;
}

export interface ConnectOptions extends CommonOptions {
  /** Name or IP address of the server. */
  readonly host: string;
  /** UDP port. */
  readonly port: number;
  /** Name or IP address that the server's certificate must carry. @default host */
  readonly serverName?: string | undefined;
  /** Local IP address and port to send from. @default any */
  readonly localAddress?: SocketAddress | undefined;
  /** Certificates that the server's chain must lead to. @default the roots that Node brings along */
  readonly roots?: RootStore | undefined;
  /** Certificate chain (leaf first) and private key for a server that asks for one: PEM texts, or a Credential. @default none */
  readonly certificate?: CertificateOptions | Credential | CredentialStore | undefined;
  /**
   * Sessions are taken from here and put here, so that connecting again costs no certificates and signatures. Connections that share one must be alike in
   * roots, certificate and judge. @default every connection begins anew
   */
  readonly sessions?: SessionStore | undefined;
  /** Asked about the server, which is then asked for an OCSP staple as well. @default who passes our checks is welcome */
  readonly judge?: JudgePeer | undefined;
  /** Gives up: connect() rejects with `signal.reason`. */
  readonly signal?: AbortSignal | undefined;
  /** Time for name look-up and handshake together, ms. @default transport.handshakeTimeout, 10_000 */
  readonly timeout?: number | undefined;
}

/** How a single wait can be given up. */
export interface SignalOptions {
  /** Ends the wait: the promise rejects with `signal.reason`. */
  readonly signal?: AbortSignal | undefined;
}

export interface OpenStreamOptions extends SignalOptions {
  /** Both sides send; otherwise only we do. @default true */
  readonly bidirectional?: boolean | undefined;
  /** How long to wait until the peer allows another stream, ms. @default 30_000 */
  readonly timeout?: number | undefined;
  /** 0 (first) .. 7 (last). @default 3 */
  readonly urgency?: number | undefined;
}

export interface CloseOptions {
  /** The application's code for the peer, 0..2^53-1. @default 0 */
  readonly errorCode?: number | undefined;
  /** A sentence for the peer's log; long ones are cut. @default '' */
  readonly reason?: string | undefined;
  /** How long to wait until the peer has acknowledged everything that was written, ms. @default 5_000 */
  readonly deadline?: number | undefined;
}

export interface ConnectionCloseOptions extends CloseOptions {
  /** Do not wait: what is not acknowledged yet is lost. @default false */
  readonly immediate?: boolean | undefined;
}
