/**
 * Errors of the transport, and the wire tables behind them (RFC 9000 §20).
 *
 * `code` is for programs, `errorCode` for the wire, `message` for people; `fault` says who ended it.
 */

/** Transport error codes (RFC 9000 §20.1, RFC 9001 §8). CRYPTO_ERROR + alert for TLS. */
export const TransportErrorCode = {
  NO_ERROR: 0x00,
  INTERNAL_ERROR: 0x01,
  CONNECTION_REFUSED: 0x02,
  FLOW_CONTROL_ERROR: 0x03,
  STREAM_LIMIT_ERROR: 0x04,
  STREAM_STATE_ERROR: 0x05,
  FINAL_SIZE_ERROR: 0x06,
  FRAME_ENCODING_ERROR: 0x07,
  TRANSPORT_PARAMETER_ERROR: 0x08,
  CONNECTION_ID_LIMIT_ERROR: 0x09,
  PROTOCOL_VIOLATION: 0x0a,
  INVALID_TOKEN: 0x0b,
  APPLICATION_ERROR: 0x0c,
  CRYPTO_BUFFER_EXCEEDED: 0x0d,
  KEY_UPDATE_ERROR: 0x0e,
  AEAD_LIMIT_REACHED: 0x0f,
  NO_VIABLE_PATH: 0x10,
  /** Base of the range 0x0100-0x01ff: add the TLS alert (RFC 9001 §4.8). */
  CRYPTO_ERROR: 0x0100,
} as const;
export type TransportErrorCode = (typeof TransportErrorCode)[keyof typeof TransportErrorCode];

/** @returns the RFC's name of a transport error code, e.g. `FLOW_CONTROL_ERROR` or `CRYPTO_ERROR(40)`. */
export function transportErrorName(errorCode: number): string {
  if (errorCode >= 0x0100 && errorCode <= 0x01ff) return `CRYPTO_ERROR(${errorCode - 0x0100})`;
  for (const [name, value] of Object.entries(TransportErrorCode)) if (value === errorCode) return name;
  return `0x${errorCode.toString(16)}`;
}

export type QuicErrorCode =
  /** The connection was ended with CONNECTION_CLOSE of type 0x1c: see `errorCode`. */
  | 'ERR_QUIC_TRANSPORT'
  /** The connection was ended with CONNECTION_CLOSE of type 0x1d: `errorCode` is the application's. */
  | 'ERR_QUIC_APPLICATION_CLOSE'
  | 'ERR_QUIC_TLS'
  | 'ERR_QUIC_CONNECTION_REFUSED'
  | 'ERR_QUIC_IDLE_TIMEOUT'
  | 'ERR_QUIC_HANDSHAKE_TIMEOUT'
  | 'ERR_QUIC_VERSION_NEGOTIATION'
  | 'ERR_QUIC_STATELESS_RESET'
  | 'ERR_QUIC_STREAM_RESET'
  | 'ERR_QUIC_STREAM_STOPPED'
  | 'ERR_QUIC_STREAM_LIMIT'
  | 'ERR_QUIC_INVALID_STATE'
  | 'ERR_QUIC_INVALID_ARGUMENT'
  | 'ERR_QUIC_INTERNAL';

/** Who ended it: we, the peer, nobody (a deadline), or a caller who used the interface wrongly. */
export type QuicFault = 'local' | 'peer' | 'timeout' | 'usage';

export interface QuicErrorOptions {
  readonly fault?: QuicFault;
  /** The code on the wire: transport, application or stream error code. */
  readonly errorCode?: number;
  /** The frame type that caused it, where the wire says so (RFC 9000 §19.19). */
  readonly frameType?: number;
  /** What the side that closed gave as its reason, word for word. */
  readonly reason?: string;
  readonly cause?: unknown;
}

export class QuicError extends Error {
  override readonly name: string = 'QuicError';
  readonly code: QuicErrorCode;
  readonly fault: QuicFault;
  readonly errorCode: number;
  readonly frameType: number;
  /** The reason phrase of CONNECTION_CLOSE (RFC 9000 §19.19), written by the side that closed; '' without one. */
  readonly reason: string;

  constructor(code: QuicErrorCode, message: string, options: QuicErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.fault = options.fault ?? 'local';
    this.errorCode = options.errorCode ?? 0;
    this.frameType = options.frameType ?? 0;
    this.reason = options.reason ?? '';
  }
}

/**
 * Thrown inside the core when the peer broke the protocol; the connection closes with it. It never leaves the core.
 */
export class TransportError extends Error {
  override readonly name: string = 'TransportError';
  readonly errorCode: number;
  readonly frameType: number;
  /** What the application is told, where that is more than the code on the wire says. */
  readonly publicError: QuicError | undefined;

  constructor(errorCode: number, message: string, frameType = 0, publicError?: QuicError) {
    super(message);
    this.errorCode = errorCode;
    this.frameType = frameType;
    this.publicError = publicError;
  }
}
