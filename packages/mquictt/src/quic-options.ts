/** What broker and client hand down to QUIC, and what they make of its errors. */
import { QuicError, QuicNodeError, TlsError, TransportErrorCode } from '@mquictt/quic-node';
import type { CommonOptions } from '@mquictt/quic-node';
import { alertName } from '@mquictt/tls13';
import { MqttError } from './errors.ts';
import { describeReasonCode } from './reason-codes.ts';

/** ALPN name of MQTT over QUIC as EMQX and others speak it. */
export const ALPN = 'mqtt';

/** UDP port where brokers for MQTT over QUIC listen by custom. */
export const DEFAULT_PORT = 14_567;

/** The world below: everything has a default, and simulations put in their own. */
export type QuicOptions = Omit<CommonOptions, 'alpnProtocols'>;

/** @returns only what is set, for spreading into options of quic-node */
export function quicOptionsOf(options: QuicOptions): QuicOptions {
  const { runtime, provider, protector, groups, keyLog, receiveBufferSize, sendBufferSize } = options;
  return { runtime, provider, protector, groups, keyLog, receiveBufferSize, sendBufferSize };
}

/** Why an address cannot be listened on. */
export function listenError(error: unknown): unknown {
  if (error instanceof QuicNodeError) {
    const code = error.code === 'ERR_QUIC_BIND' || error.code === 'ERR_QUIC_LOOKUP' ? 'ERR_MQTT_LISTEN' : undefined;
    return new MqttError(code ?? 'ERR_MQTT_INVALID_ARGUMENT', error.message, { fault: 'usage', cause: error });
  }
  if (error instanceof TlsError) return new MqttError('ERR_MQTT_CERTIFICATE', error.message, { cause: error });
  return error;
}

/** Why a connection was not made. What is no error of QUIC (a signal's reason) stays as it is. */
export function connectError(error: unknown): unknown {
  if (error instanceof QuicNodeError) {
    if (error.code === 'ERR_QUIC_LOOKUP') return new MqttError('ERR_MQTT_UNREACHABLE', error.message, { cause: error });
    const code = error.code === 'ERR_QUIC_BIND' ? 'ERR_MQTT_LISTEN' : 'ERR_MQTT_INVALID_ARGUMENT';
    return new MqttError(code, error.message, { fault: 'usage', cause: error });
  }
  if (!(error instanceof QuicError)) return error;
  const cause = error.cause;
  const isUntrusted =
    cause instanceof TlsError && cause.code.startsWith('ERR_TLS_CERTIFICATE') && cause.fault === 'peer';
  return new MqttError(isUntrusted ? 'ERR_MQTT_UNTRUSTED_SERVER' : 'ERR_MQTT_UNREACHABLE', error.message, {
    fault: error.fault,
    cause: error,
  });
}

/**
 * Why a connection that was made did not live to see CONNACK. A client is through with the handshake before the broker has judged its certificate.
 *
 * @param end why the QUIC connection ended, if it did
 */
export function refusedError(error: unknown, end: QuicError | undefined): unknown {
  if (end?.code !== 'ERR_QUIC_TLS' || end.fault !== 'peer') return error;
  const alert = alertName(end.errorCode - TransportErrorCode.CRYPTO_ERROR);
  const because = end.reason === '' ? '' : `: ${end.reason}`;
  return new MqttError('ERR_MQTT_UNREACHABLE', `The broker refused this client (TLS alert ${alert})${because}`, {
    fault: 'peer',
    cause: end,
  });
}

/** What the end of a QUIC connection means to those who were using it. @param reasonCode of a DISCONNECT that came before, 0 = none came */
export function disconnectedError(error: QuicError | undefined, reasonCode: number): MqttError {
  if (reasonCode !== 0)
    return new MqttError(
      'ERR_MQTT_DISCONNECTED',
      `The broker ended the connection: ${describeReasonCode(reasonCode)}`,
      {
        fault: 'peer',
        reasonCode,
        cause: error,
      },
    );
  if (error === undefined) return new MqttError('ERR_MQTT_CLOSED', 'The connection was closed by this side');
  // Application error codes from 0x80 on are reason codes.
  const isReason = error.code === 'ERR_QUIC_APPLICATION_CLOSE' && error.errorCode >= 0x80;
  const why = isReason ? describeReasonCode(error.errorCode) : error.message;
  return new MqttError('ERR_MQTT_DISCONNECTED', `The connection ended: ${why}`, {
    fault: error.fault,
    reasonCode: isReason ? error.errorCode : 0,
    cause: error,
  });
}
