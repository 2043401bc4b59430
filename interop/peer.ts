/**
 * What the cases need of a QUIC implementation. One adapter binds it to quic-node, one to quinn inside Deno; everything
 * that is built on it runs in both, so that a difference between them is never a difference between two test programs.
 */

/** ALPN protocol of the cases. */
export const ALPN = 'mquictt-interop';

export interface Implementation {
  readonly name: string;
  /** Whether a sending half can be reset with a code. */
  readonly canReset: boolean;
  /** Whether STOP_SENDING carries the code that stop() was given; otherwise it carries 0. */
  readonly canStopWithCode: boolean;
  /** Whether PeerConnection.updateKeys() exists. */
  readonly canUpdateKeys: boolean;
  listen(options: ListenOptions): Promise<PeerListener>;
  /** @throws CloseError when the handshake fails */
  connect(options: ConnectOptions): Promise<PeerConnection>;
}

export interface ListenOptions {
  readonly certificatePem: string;
  readonly keyPem: string;
}

export interface ConnectOptions {
  readonly port: number;
  readonly serverName: string;
  readonly alpnProtocols: readonly string[];
  readonly caPem: string;
}

export interface PeerListener {
  readonly port: number;
  /** The next connection whose handshake is complete; undefined once the listener is closed. */
  accept(): Promise<PeerConnection | undefined>;
}

export interface PeerConnection {
  readonly alpnProtocol: string | undefined;
  /** On the server: the name that the client asked for. */
  readonly serverName: string | undefined;
  /** Both wait while the peer's limit is reached. */
  openBidirectional(): Promise<PeerStream>;
  openUnidirectional(): Promise<PeerStream>;
  /** Both return undefined once the connection is closed. */
  acceptBidirectional(): Promise<PeerStream | undefined>;
  acceptUnidirectional(): Promise<PeerStream | undefined>;
  /** Starts a key update. @returns false while that is not yet allowed */
  updateKeys(): boolean;
  close(code: number, reason: string): void;
  /** How the peer, or whoever else, ended it. Never rejects. */
  readonly closed: Promise<CloseInfo>;
}

export interface PeerStream {
  /** The next bytes, undefined at the end. @throws StreamError when the peer reset the stream */
  read(): Promise<Uint8Array | undefined>;
  /** Resolves when the bytes are taken. @throws StreamError when the peer stopped the stream */
  write(data: Uint8Array): Promise<void>;
  end(): Promise<void>;
  reset(code: number): Promise<void>;
  stop(code: number): Promise<void>;
}

export interface CloseInfo {
  /** 'tls': `code` is the alert. */
  readonly kind: 'application' | 'tls' | 'other';
  readonly code: number;
  readonly reason: string;
}

/** Updates the keys as soon as that is allowed: the update before has to be acknowledged (RFC 9001 §6.1). */
export async function updateKeys(connection: PeerConnection): Promise<void> {
  while (!connection.updateKeys()) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** A connection that could not be made, or ended. */
export class CloseError extends Error {
  override readonly name: string = 'CloseError';
  readonly info: CloseInfo;

  constructor(info: CloseInfo) {
    super(`Connection ended: ${info.kind} ${info.code} ${info.reason}`);
    this.info = info;
  }
}

/** One half of a stream that ended before its time. */
export class StreamError extends Error {
  override readonly name: string = 'StreamError';
  readonly kind: 'reset' | 'stopped';
  readonly code: number;

  constructor(kind: 'reset' | 'stopped', code: number) {
    super(`Stream ${kind} by the peer with code ${code}`);
    this.kind = kind;
    this.code = code;
  }
}
