/**
 * What the broker needs of whatever carries MQTT: connections with streams that are read and written without waiting, and listeners that accept them. A
 * QUIC connection has many streams; TCP, TLS, WebSocket and secure WebSocket connections have one, which is there from the start.
 */
import type { SocketAddress } from '@mquictt/quic-node';

export type TransportKind = 'quic' | 'tcp' | 'tls' | 'ws' | 'wss';

/** `finished` once everything was read, `reset` once the peer gave up sending. */
export type ReceiveState = 'open' | 'finished' | 'reset';

/** One byte stream. Callbacks are set by its reader; what came before they were set waits. */
export interface TransportStream {
  /** QUIC's stream ID; 0 is the control stream, and the only one of other transports. */
  readonly id: number;
  readonly bidirectional: boolean;
  readonly isReadable: boolean;
  readonly isWritable: boolean;
  readonly receiveState: ReceiveState;
  /** The code with which the peer gave up sending, -1 when it did not. */
  readonly resetCode: number;
  /** Bytes that tryWrite() would take now. */
  readonly writableBytes: number;

  /** New data, the end or a reset can be read: read until tryRead() says undefined. */
  onReadable: (() => void) | undefined;
  /** tryWrite() had taken less than it was given, and now takes more. */
  onWritable: (() => void) | undefined;
  /** The peer does not want to read on. */
  onStopped: ((errorCode: number) => void) | undefined;
  /** The connection ended. What had arrived can still be read. */
  onClosed: ((error: never) => void) | undefined;

  /** @returns bytes that belong to the caller, or undefined when there are none now. Not reading is what holds the peer back. */
  tryRead(): Uint8Array | undefined;
  /**
   * @param data must not change afterwards
   * @param fin ends our half; counts only when all of data was taken
   * @returns bytes taken; fewer than given means that onWritable follows, unless the stream is over
   */
  tryWrite(data: Uint8Array, fin?: boolean): number;
  /** Gives up sending. */
  reset(errorCode: number): void;
  /** Throws away what arrives, and asks the peer to stop sending where the transport can. */
  stop(errorCode: number): void;
}

export interface TransportStats {
  readonly bytesReceived: number;
  readonly bytesSent: number;
  /** Smoothed round-trip time, ms; undefined where the transport does not tell. */
  readonly rtt: number | undefined;
  /** Packets, and those of them given up as lost; undefined where the transport does not tell. */
  readonly packetsSent: number | undefined;
  readonly packetsLost: number | undefined;
}

export interface TransportCloseOptions {
  /** The application's code for the peer, where the transport can carry one. @default 0 */
  readonly errorCode?: number;
  /** A sentence for the peer's log, where the transport can carry one. */
  readonly reason?: string;
  /** How long what was written may take to leave, ms; then it is lost. @default 5_000 */
  readonly deadline?: number;
  /** Do not wait: what has not left is lost. @default false */
  readonly immediate?: boolean;
}

export interface TransportConnection {
  readonly kind: TransportKind;
  /** What the configuration calls the listener that accepted it. */
  readonly listener: string;
  /** The peer's address. QUIC clients may move. */
  readonly remoteAddress: SocketAddress;
  /** What the judge of its certificate called the client; undefined where nobody was asked. */
  readonly peerIdentity: string | undefined;
  /** DER certificates of the client, leaf first, verified; empty for one without. */
  readonly peerCertificates: readonly Uint8Array[];
  /** Is called with each stream; those that came earlier are delivered when it is set. */
  onStream: ((stream: TransportStream) => void) | undefined;
  /** Settles when the connection is over, never rejects: the error says why, where it was not an ordinary end. */
  readonly closed: Promise<Error | undefined>;

  /** CONNECT was accepted: the connection counts as half open no longer. */
  accepted(): void;
  /**
   * Asks the peer for a sign of life, which shows in bytesReceived.
   * @returns false where the transport notices by itself that a peer is gone
   */
  ping(): boolean;
  stats(): TransportStats;
  /** Waits until everything that was written has left, at most until the deadline, then ends the connection. Never rejects. */
  close(options?: TransportCloseOptions): Promise<void>;
}

export interface TransportListener {
  readonly kind: TransportKind;
  readonly name: string;
  /** IP address and port as bound. */
  readonly address: SocketAddress;
  /** Connections that are through with their handshake. */
  readonly connectionCount: number;
  onConnection: ((connection: TransportConnection) => void) | undefined;
  /** Frees the port and closes all connections. Never rejects; a second call only waits. */
  close(options?: TransportCloseOptions): Promise<void>;
}
