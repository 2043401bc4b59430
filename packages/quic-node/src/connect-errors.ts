/** Why connect() failed, as a sentence that names the server and the reason. */
import { QuicError, TransportErrorCode } from '@mquictt/quic-core';
import { alertName } from '@mquictt/tls13';
import { formatAddress, type SocketAddress } from './addresses.ts';
import { formatDuration } from './errors.ts';

/** `example.org (192.0.2.1:4433)`, or the address alone where no name was given. */
function describe(host: string, address: SocketAddress): string {
  const where = formatAddress(address);
  return host === address.host ? where : `${host} (${where})`;
}

/** An attempt that the deadline met. */
interface TriedAddress {
  readonly address: SocketAddress;
  readonly hasAnswer: boolean;
}

/** The deadline passed. @param target as given, for when the name look-up itself took too long */
export function noAnswerError(
  host: string,
  target: SocketAddress,
  tried: readonly TriedAddress[],
  timeout: number,
): QuicError {
  const answering = tried.find((attempt) => attempt.hasAnswer);
  const within = `within ${formatDuration(timeout)}`;
  let message: string;
  if (answering !== undefined)
    message = `The handshake with ${describe(host, answering.address)} was not complete ${within}`;
  else if (tried.length > 0)
    message = `No answer from ${tried.map((one) => formatAddress(one.address)).join(' or ')} ${within}`;
  else message = `The address of ${target.host} was not found ${within}`;
  return new QuicError('ERR_QUIC_HANDSHAKE_TIMEOUT', message, { fault: 'timeout' });
}

/** The core ended the connection before its handshake was complete. */
export function connectError(
  error: QuicError,
  host: string,
  address: SocketAddress,
  hasAnswer: boolean,
  timeout: number,
): QuicError {
  if (error.code === 'ERR_QUIC_HANDSHAKE_TIMEOUT' || error.code === 'ERR_QUIC_IDLE_TIMEOUT') {
    return noAnswerError(host, address, [{ address, hasAnswer }], timeout);
  }
  return new QuicError(error.code, `Could not connect to ${describe(host, address)}: ${reasonOf(error)}`, {
    fault: error.fault,
    errorCode: error.errorCode,
    frameType: error.frameType,
    reason: error.reason,
    cause: error.cause ?? error,
  });
}

function reasonOf(error: QuicError): string {
  const alert = error.errorCode - TransportErrorCode.CRYPTO_ERROR;
  if (alert < 0 || alert > 255) return error.message;
  const name = alertName(alert);
  return error.message.includes(name) ? error.message : `${error.message} (TLS alert ${name})`;
}
