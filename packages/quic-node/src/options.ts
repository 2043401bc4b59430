/** What listen() and connect() can be told. */
import type { PacketProtector, QuicError, TransportConfig } from '@mquictt/quic-core';
import type { Credential, CryptoProvider, KeyLog, RootStore } from '@mquictt/tls13';
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
  /** Certificate chain (leaf first) and private key: PEM texts, or a Credential from createCredential(). */
  readonly certificate: CertificateOptions | Credential;
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
