/**
 * Errors that belong to this floor: addresses, sockets and name look-ups. What happens on a connection is a QuicError of quic-core.
 */
import { QuicError } from '@mquictt/quic-core';

export type QuicNodeErrorCode =
  /** A host, a port or an address text that cannot be used. */
  | 'ERR_QUIC_ADDRESS'
  /** The system did not give us the UDP port: in use, not ours, not allowed. */
  | 'ERR_QUIC_BIND'
  /** A host name has no address. */
  | 'ERR_QUIC_LOOKUP'
  /** An option that cannot be used. */
  | 'ERR_QUIC_OPTIONS';

/** `code` is for programs, `message` for people, `cause` is the system's own error where there was one. */
export class QuicNodeError extends Error {
  override readonly name: string = 'QuicNodeError';
  readonly code: QuicNodeErrorCode;

  constructor(code: QuicNodeErrorCode, message: string, options: { readonly cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
  }
}

/** A host name without an address. */
export function noAddressError(host: string, cause?: unknown): QuicNodeError {
  const why = cause === undefined ? '' : `: ${(cause as NodeJS.ErrnoException).code ?? 'look-up failed'}`;
  return new QuicNodeError('ERR_QUIC_LOOKUP', `Could not find an address for ${host}${why}`, { cause });
}

/** The peer gave up sending. */
export function streamResetError(id: number, errorCode: number): QuicError {
  return new QuicError('ERR_QUIC_STREAM_RESET', `Stream ${id} was reset by the peer with code ${errorCode}`, {
    fault: 'peer',
    errorCode,
  });
}

/** The peer does not want to read. */
export function streamStoppedError(id: number, errorCode: number): QuicError {
  return new QuicError('ERR_QUIC_STREAM_STOPPED', `The peer stopped reading stream ${id} with code ${errorCode}`, {
    fault: 'peer',
    errorCode,
  });
}

/** The peer allowed no further stream in time. */
export function streamLimitError(peer: string, bidirectional: boolean, timeout: number): QuicError {
  const kind = bidirectional ? 'bidirectional' : 'unidirectional';
  return new QuicError(
    'ERR_QUIC_STREAM_LIMIT',
    `${peer} allowed no further ${kind} stream within ${formatDuration(timeout)}`,
    {
      fault: 'timeout',
    },
  );
}

/** The caller asked for something that the state does not allow. */
export function invalidState(message: string): QuicError {
  return new QuicError('ERR_QUIC_INVALID_STATE', message, { fault: 'usage' });
}

/**
 * Throws an application's exception from a microtask: the turn that called it ends with its state in order, and the process sees it
 * as an uncaught exception.
 */
export function throwLater(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}

/** @returns ms as people say them: `250 ms`, `10 s`. */
export function formatDuration(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${Math.round(ms / 100) / 10} s`;
}
