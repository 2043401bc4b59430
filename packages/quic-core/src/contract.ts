/**
 * The two machines of the core as their driver sees them. Both are sans-IO: bytes and time come in, datagrams, deadlines and events go out;
 * there is no socket, no timer, no clock and no random number in here.
 *
 * `now` is fractional milliseconds on the caller's monotonic clock (clamped inside so that it never goes back). Wall time, which only
 * certificates need, comes from `unixTime()` in the configuration.
 *
 * A driver's turn:
 *
 *   endpoint.handleDatagrams(batch, now)      what arrived since the last turn
 *   endpoint.handleTimeout(now)               when now >= nextTimeout()
 *   while ((event = endpoint.nextEvent()))    new connections; connections with news
 *     while ((e = event.connection.nextEvent())) ...   commands may be called here
 *   while (endpoint.pollTransmit(batch, now) > 0)  send, clear the batch
 *   endpoint.nextTimeout()                    set the one timer
 *
 * Commands (connect, openStream, writeStream ...) may be called at any time between these; whoever calls one schedules a turn.
 */
import type { CertificateOffer, ClientSession, Credential, PeerChain, ServerSession, TlsError } from '@mquictt/tls13';
import type { QuicError } from './errors.ts';
import type { DatagramBatch } from './datagram-batch.ts';
import type { ConnectionStats, EndpointStats } from './stats.ts';

/**
 * What the application should know. At most one event of a kind is pending per stream, so that a peer cannot make the queue grow.
 *
 * - `connected`: the handshake is complete on our side, and the peer is authenticated as far as the configuration asks for it.
 * - `judge-peer-chain`, `choose-certificate`, `look-up-ticket`: the handshake waits for acceptPeerChain() or rejectPeerChain(), provideCredential(),
 *   provideSession(). They come only where the configuration leaves the decision to the application. Meanwhile packets are acknowledged, handshake bytes
 *   wait within a bound, and the handshake's deadline runs.
 * - `session`: a client can resume this connection with it (ConnectOptions.session), once. Up to eight for a connection.
 * - `stream-opened`: the peer opened a stream. Streams of a kind come in the order of their ids.
 * - `stream-readable`: readStream() has something new: data, the end, or a reset.
 * - `stream-writable`: writeStream() had taken less than it was given, and now takes more.
 * - `stream-finished`: everything written, including the end, has been acknowledged.
 * - `stream-stopped`: the peer sent STOP_SENDING; the stream has been reset with that code (RFC 9000 §3.5).
 * - `streams-available`: openStream() had returned -1, and now the peer allows more streams of this kind.
 * - `closed`: the end; nothing comes after it. `error` says who and why; NO_ERROR closes are errors too, for whoever was waiting.
 */
export type ConnectionEvent =
  | {
      readonly type: 'connected';
      readonly alpnProtocol: string;
      readonly serverName: string | undefined;
      readonly isResumed: boolean;
      /** Of a server: what its application called the client, now or when the resumed session began. */
      readonly peerIdentity: string | undefined;
    }
  | ({ readonly type: 'judge-peer-chain' } & PeerChain)
  | { readonly type: 'choose-certificate'; readonly offer: CertificateOffer }
  | { readonly type: 'look-up-ticket'; readonly ticket: Uint8Array }
  | { readonly type: 'session'; readonly session: ClientSession }
  | { readonly type: 'stream-opened'; readonly id: number }
  | { readonly type: 'stream-readable'; readonly id: number }
  | { readonly type: 'stream-writable'; readonly id: number }
  | { readonly type: 'stream-finished'; readonly id: number }
  | { readonly type: 'stream-stopped'; readonly id: number; readonly errorCode: number }
  | { readonly type: 'streams-available'; readonly bidirectional: boolean }
  | { readonly type: 'closed'; readonly error: QuicError };

/**
 * - `incoming`: a client's first Initial was accepted; the connection may already be used, or closed at once to refuse it.
 * - `connection`: connection.nextEvent() has something.
 */
export interface EndpointEvent {
  readonly type: 'incoming' | 'connection';
  readonly connection: Connection;
}

/** State of the receiving half of a stream, as readStream() leaves it. */
export type ReceiveState = 'open' | 'finished' | 'reset';

/** One peer. Usable (streams may be opened and written) from the moment it exists, before the handshake ends. */
export interface Connection {
  readonly isClient: boolean;
  /** Remote address of the current path. */
  readonly remoteAddress: string;
  readonly remotePort: number;
  /** Undefined until `connected`. */
  readonly alpnProtocol: string | undefined;
  readonly serverName: string | undefined;
  /** DER, leaf first; empty until the peer has proved that they are its own, and where it has none. Of a resumed session: a client knows the chain, a server the leaf. */
  readonly peerCertificates: readonly Uint8Array[];
  /** Whether a session was resumed: then no certificates were exchanged. False until `connected`. */
  readonly isResumed: boolean;
  /** Of a server: what acceptPeerChain() called the client, now or when the resumed session began. Undefined until `connected`. */
  readonly peerIdentity: string | undefined;
  readonly isConnected: boolean;
  /** The reason of the end; undefined while it lives. Set from the moment we close or the peer does. */
  readonly closeError: QuicError | undefined;
  /** Whether every byte that writeStream() accepted, and every FIN, has been acknowledged or given up by a reset. */
  readonly isDrained: boolean;
  /** For the application to hang its own object on. */
  context: unknown;

  /** @returns the stream's id, or -1 when the peer's limit is reached (`streams-available` follows) or the connection is closed. */
  openStream(bidirectional: boolean): number;
  /**
   * Takes bytes to send. Chunks of 4 KiB and more are kept by reference until acknowledged: the caller must not change them.
   * @returns bytes accepted, 0..data.length; less than data.length means that the stream's send buffer is full (`stream-writable` follows). `fin` counts
   *   only when all of data was accepted.
   * @throws QuicError ERR_QUIC_INVALID_STATE after fin or reset, or for a stream that is not ours to write
   */
  writeStream(id: number, data: Uint8Array, fin: boolean): number;
  /** Bytes writeStream() would accept now. 0 for a finished, reset or unknown stream. */
  writableBytes(id: number): number;
  /**
   * The next bytes in order. Reading is what returns flow-control credit to the peer.
   * @param maxLength bytes at most
   * @returns a chunk that belongs to the caller, or undefined when there is nothing now: then ask receiveState().
   */
  readStream(id: number, maxLength?: number): Uint8Array | undefined;
  /** `finished` once everything up to the final size was read; `reset` once the peer gave up (see resetCode). Unknown ids are `finished`. */
  receiveState(id: number): ReceiveState;
  /** The error code of the peer's RESET_STREAM, -1 when there was none. */
  resetCode(id: number): number;
  /** Gives up sending (RESET_STREAM). No effect on a stream that is finished or unknown. */
  resetStream(id: number, errorCode: number): void;
  /** Asks the peer to stop sending (STOP_SENDING) and throws away what arrived and will arrive. */
  stopSending(id: number, errorCode: number): void;
  /** Lower numbers are sent first. @param urgency 0..7, default 3 */
  setPriority(id: number, urgency: number): void;
  /** Sends a PING soon; its acknowledgement restarts the idle timers on both sides. */
  ping(): void;
  /** Ends the connection with an application error code (CONNECTION_CLOSE 0x1d). Unsent and unacknowledged stream data is lost: wait for isDrained first. */
  close(errorCode: number, reason: string): void;
  /**
   * Answers `judge-peer-chain`. These four have no effect once the connection is over.
   * @param identity what a server calls the client, up to 1,024 characters: it is in `connected`, and comes back when the session is resumed
   * @throws QuicError ERR_QUIC_INVALID_STATE where nobody asked, or for an identity that is too long; the same holds for the others
   */
  acceptPeerChain(identity?: string): void;
  /** Answers `judge-peer-chain`: the connection ends with CRYPTO_ERROR and the alert of `error`, whose message the peer can read. */
  rejectPeerChain(error: TlsError): void;
  /** Answers `choose-certificate`. @param credential undefined for none: a server then ends with handshake_failure, a client presents none */
  provideCredential(credential: Credential | undefined): void;
  /** Answers `look-up-ticket`. @param session undefined for none: a full handshake follows */
  provideSession(session: ServerSession | undefined): void;
  /**
   * Secrets for the application that both sides know and nobody else (RFC 8446 §7.5).
   * @param context up to 65,535 bytes; none is the same as an empty one
   * @param length bytes, up to 255 times the hash's
   * @throws QuicError ERR_QUIC_INVALID_STATE before `connected`
   */
  exportKeyingMaterial(label: string, context: Uint8Array, length: number): Uint8Array;
  /** Starts a key update (RFC 9001 §6). @returns false while one is not yet allowed. */
  updateKeys(): boolean;
  nextEvent(): ConnectionEvent | undefined;
  stats(): ConnectionStats;
}

export interface ConnectOptions {
  /** DNS name or IP literal that the server's certificate must carry. */
  readonly serverName: string;
  /** Remote IP address (no names here) and port. */
  readonly address: string;
  readonly port: number;
  /** Local socket to use, see DatagramBatch. @default 0 */
  readonly socket?: number;
  /** A session of an earlier connection to the same server. One that does not fit, or that the server refuses, is passed over. */
  readonly session?: ClientSession | undefined;
}

/** One UDP port (or several sockets of one owner) and all connections over it. */
export interface Endpoint {
  handleDatagrams(batch: DatagramBatch, now: number): void;
  handleTimeout(now: number): void;
  /** Appends datagrams to the batch. @returns how many; 0 = nothing to send now. */
  pollTransmit(batch: DatagramBatch, now: number): number;
  /** Deadline on the caller's clock, Infinity when there is none. */
  nextTimeout(): number;
  nextEvent(): EndpointEvent | undefined;
  /** Starts a connection; the first flight goes out with the next pollTransmit(). */
  connect(options: ConnectOptions, now: number): Connection;
  /** Refuse all new connections from now on (CONNECTION_REFUSED); the living go on. */
  stopAccepting(): void;
  /** Connections that are not yet gone, the closing and draining included. */
  readonly connectionCount: number;
  stats(): EndpointStats;
}
