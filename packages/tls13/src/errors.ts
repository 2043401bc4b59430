/**
 * Errors of the handshake, sorted by whose fault they are.
 *
 * `code` is for programs, `alert` for the wire, `message` for people.
 */
import { Alert } from './alerts.ts';
import type { ChainReport } from './certificates/chain-report.ts';

export type TlsErrorCode =
  /** The peer broke RFC 8446: a malformed or misplaced message. */
  | 'ERR_TLS_PEER_MISBEHAVED'
  /** Nothing in common: version, suite, group, signature scheme. */
  | 'ERR_TLS_NEGOTIATION'
  | 'ERR_TLS_NO_APPLICATION_PROTOCOL'
  /** CertificateVerify or Finished did not verify. */
  | 'ERR_TLS_AUTHENTICATION'
  | 'ERR_TLS_CERTIFICATE_UNKNOWN_CA'
  | 'ERR_TLS_CERTIFICATE_EXPIRED'
  | 'ERR_TLS_CERTIFICATE_NOT_YET_VALID'
  | 'ERR_TLS_CERTIFICATE_NAME_MISMATCH'
  | 'ERR_TLS_CERTIFICATE_PURPOSE'
  | 'ERR_TLS_CERTIFICATE_SIGNATURE'
  | 'ERR_TLS_CERTIFICATE_INVALID'
  | 'ERR_TLS_CERTIFICATE_REJECTED'
  /** A client presented no certificate where one is required. */
  | 'ERR_TLS_CERTIFICATE_REQUIRED'
  /** Our own configuration or keys. */
  | 'ERR_TLS_CONFIG'
  | 'ERR_TLS_KEY_UNSUPPORTED'
  | 'ERR_TLS_PEM'
  | 'ERR_TLS_INVALID_STATE'
  | 'ERR_TLS_INTERNAL';

export class TlsError extends Error {
  override readonly name: string = 'TlsError';
  readonly code: TlsErrorCode;
  /** What the peer is told (RFC 8446 §6.2). */
  readonly alert: Alert;
  /** Who is at fault. */
  readonly fault: 'peer' | 'local';
  /** Where a certificate chain was refused: which certificate, which check, which paths were tried. */
  readonly report: ChainReport | undefined;

  constructor(
    code: TlsErrorCode,
    alert: Alert,
    message: string,
    options?: { fault?: 'peer' | 'local'; cause?: unknown; report?: ChainReport },
  ) {
    super(message, options?.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.alert = alert;
    this.fault = options?.fault ?? 'peer';
    this.report = options?.report;
  }
}

/** The peer's message cannot be parsed. */
export function decodeError(message: string): TlsError {
  return new TlsError('ERR_TLS_PEER_MISBEHAVED', Alert.DECODE_ERROR, message);
}

/** The peer's message parses but says something RFC 8446 forbids. */
export function illegalParameter(message: string): TlsError {
  return new TlsError('ERR_TLS_PEER_MISBEHAVED', Alert.ILLEGAL_PARAMETER, message);
}

export function unexpectedMessage(message: string): TlsError {
  return new TlsError('ERR_TLS_PEER_MISBEHAVED', Alert.UNEXPECTED_MESSAGE, message);
}
