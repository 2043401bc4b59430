/** From options to CONNECT, and to the transport that goes with its keep-alive. */
import type { TransportConfig } from '@mquictt/quic-node';
import { usageError } from '../errors.ts';
import { MAX_CLIENT_IDENTIFIER_LENGTH, MAX_PACKET_SIZE } from '../limits.ts';
import type { ConnectFields, WillFields } from '../packets/codec.ts';
import { encodeMessageProperties } from '../packets/message-properties.ts';
import { topicNameProblem } from '../packets/topics.ts';
import { encodeUtf8, utf8Problem } from '../packets/utf8.ts';
import type { ClientOptions, WillOptions } from './options.ts';

/** MQTT's pings keep the connection alive; without them QUIC's do, and find out when nobody answers. */
export function transportFor(keepAlive: number): TransportConfig {
  return {
    // Nothing is known that a broker could have to say on streams of its own.
    maxBidirectionalStreams: 0,
    maxUnidirectionalStreams: 0,
    ...(keepAlive === 0
      ? { maxIdleTimeout: 90_000, keepAliveInterval: 30_000 }
      : { maxIdleTimeout: Math.max(30_000, keepAlive * 1500 + 10_000) }),
  };
}

export function connectFields(clientId: string, options: ClientOptions): ConnectFields {
  const { keepAlive = 60, cleanStart = true, username, password, will } = options;
  const problem = utf8Problem(clientId, MAX_CLIENT_IDENTIFIER_LENGTH);
  if (problem !== undefined) throw usageError('ERR_MQTT_INVALID_ARGUMENT', `The client id ${problem}`);
  if (!(Number.isInteger(keepAlive) && keepAlive >= 0 && keepAlive <= 65_535))
    throw usageError('ERR_MQTT_INVALID_ARGUMENT', `keepAlive expected 0..65535 seconds, got ${keepAlive}`);
  const nameProblem = username === undefined ? undefined : utf8Problem(username);
  if (nameProblem !== undefined) throw usageError('ERR_MQTT_INVALID_ARGUMENT', `The user name ${nameProblem}`);
  return {
    protocolVersion: 5,
    clientId,
    cleanStart,
    keepAlive,
    username,
    password: password === undefined ? undefined : bytesOf(password, 'password'),
    will: will === undefined ? undefined : willFields(will),
    receiveMaximum: 65_535,
    maximumPacketSize: options.maxPacketSize ?? MAX_PACKET_SIZE,
  };
}

function bytesOf(value: Uint8Array | string, what: string): Uint8Array {
  const bytes = typeof value === 'string' ? encodeUtf8(value) : value;
  if (!(bytes instanceof Uint8Array))
    throw usageError('ERR_MQTT_INVALID_ARGUMENT', `The ${what} expected text or Uint8Array, got ${typeof value}`);
  return bytes;
}

function willFields(will: WillOptions): WillFields {
  const problem = topicNameProblem(will.topic);
  if (problem !== undefined)
    throw usageError('ERR_MQTT_TOPIC_NAME', `The topic of the will, ${JSON.stringify(will.topic)}, ${problem}`);
  // For its checks.
  encodeMessageProperties(will);
  const payload = bytesOf(will.payload, 'payload of the will');
  if (payload.length > 65_535)
    throw usageError(
      'ERR_MQTT_INVALID_ARGUMENT',
      `The payload of the will is ${payload.length} bytes long, more than 65535`,
    );
  return { ...will, payload, qos: will.qos ?? 1, retain: will.retain ?? false };
}
