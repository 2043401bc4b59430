/** TransportConfig with every default filled in and every relation checked. */
import type { TransportConfig } from './config.ts';
import type { CongestionControllerFactory } from './congestion/controller.ts';
import { newReno } from './congestion/new-reno.ts';
import { QuicError } from './errors.ts';
import { CONFIDENTIALITY_LIMIT, KEY_UPDATE_INTERVAL, MAX_UDP_PAYLOAD, MIN_DATAGRAM_SIZE } from './limits.ts';

export interface ResolvedTransport {
  readonly maxIdleTimeout: number;
  readonly maxDatagramSize: number;
  readonly maxBidirectionalStreams: number;
  readonly maxUnidirectionalStreams: number;
  readonly streamReceiveWindow: number;
  readonly maxStreamReceiveWindow: number;
  readonly connectionReceiveWindow: number;
  readonly streamSendBuffer: number;
  readonly maxAckDelay: number;
  readonly handshakeTimeout: number;
  readonly keepAliveInterval: number;
  readonly congestionController: CongestionControllerFactory;
  readonly keyUpdateInterval: number;
}

/** @throws QuicError ERR_QUIC_INVALID_ARGUMENT for a value that cannot work */
export function resolveTransport(config: TransportConfig = {}): ResolvedTransport {
  const maxBidirectionalStreams = config.maxBidirectionalStreams ?? 128;
  const maxUnidirectionalStreams = config.maxUnidirectionalStreams ?? 128;
  const streamReceiveWindow = config.streamReceiveWindow ?? 262_144;
  const streamLimit = maxBidirectionalStreams + maxUnidirectionalStreams;
  // Unread bytes of one stream take credit from no other: the connection's window holds every stream's.
  const smallest = streamReceiveWindow * Math.max(1, streamLimit);
  const resolved: ResolvedTransport = {
    maxIdleTimeout: config.maxIdleTimeout ?? 30_000,
    maxDatagramSize: config.maxDatagramSize ?? MIN_DATAGRAM_SIZE,
    maxBidirectionalStreams,
    maxUnidirectionalStreams,
    streamReceiveWindow,
    maxStreamReceiveWindow: config.maxStreamReceiveWindow ?? 4_194_304,
    connectionReceiveWindow: config.connectionReceiveWindow ?? smallest,
    streamSendBuffer: config.streamSendBuffer ?? 1_048_576,
    maxAckDelay: config.maxAckDelay ?? 25,
    handshakeTimeout: config.handshakeTimeout ?? 10_000,
    keepAliveInterval: config.keepAliveInterval ?? 0,
    congestionController: config.congestionController ?? newReno,
    keyUpdateInterval: config.keyUpdateInterval ?? KEY_UPDATE_INTERVAL,
  };
  check('maxIdleTimeout', resolved.maxIdleTimeout, 0, 2 ** 31);
  check('maxDatagramSize', resolved.maxDatagramSize, MIN_DATAGRAM_SIZE, MAX_UDP_PAYLOAD);
  check('maxBidirectionalStreams', maxBidirectionalStreams, 0, 2 ** 20);
  check('maxUnidirectionalStreams', maxUnidirectionalStreams, 0, 2 ** 20);
  check('streamReceiveWindow', streamReceiveWindow, 1, 2 ** 31);
  check('maxStreamReceiveWindow', resolved.maxStreamReceiveWindow, 0, 2 ** 31);
  check('connectionReceiveWindow', resolved.connectionReceiveWindow, smallest, Number.MAX_SAFE_INTEGER);
  check('streamSendBuffer', resolved.streamSendBuffer, 1, 2 ** 31);
  // RFC 9000 §18.2: values of 2^14 and more are invalid.
  check('maxAckDelay', resolved.maxAckDelay, 0, 2 ** 14 - 1);
  check('handshakeTimeout', resolved.handshakeTimeout, 1, 2 ** 31);
  check('keepAliveInterval', resolved.keepAliveInterval, 0, 2 ** 31);
  check('keyUpdateInterval', resolved.keyUpdateInterval, 1, CONFIDENTIALITY_LIMIT - 1);
  return resolved;
}

function check(name: string, value: number, min: number, max: number): void {
  if (Number.isFinite(value) && value >= min && value <= max) return;
  throw new QuicError('ERR_QUIC_INVALID_ARGUMENT', `"${name}" must be ${min} to ${max}, got ${value}`, {
    fault: 'usage',
  });
}
