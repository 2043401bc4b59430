/**
 * Errors of this package. `code` is for programs, `reasonCode` is what MQTT says on the wire, `message` is a sentence for people, `fault` says who
 * caused it.
 */
import type { ReasonCode } from './reason-codes.ts';

export type MqttErrorCode =
  /** A configuration file is missing, is not JSON, or has a field of the wrong type. */
  | 'ERR_MQTT_CONFIG'
  /** A certificate or key file named by the configuration is missing or cannot be used. */
  | 'ERR_MQTT_CERTIFICATE'
  /** An argument or option is wrong: an address, a client id, a payload. */
  | 'ERR_MQTT_INVALID_ARGUMENT'
  /** MQTT 4.7: the text cannot be a topic name. */
  | 'ERR_MQTT_TOPIC_NAME'
  /** MQTT 4.7: the text cannot be a topic filter. */
  | 'ERR_MQTT_TOPIC_FILTER'
  /** Nobody answered at the address, or the answer was a refusal of the transport. */
  | 'ERR_MQTT_UNREACHABLE'
  /** The address cannot be listened on. */
  | 'ERR_MQTT_LISTEN'
  /** The server's certificate is not trusted: unknown CA, wrong name, expired. */
  | 'ERR_MQTT_UNTRUSTED_SERVER'
  /** The other side answered CONNECT with a reason code that says no. */
  | 'ERR_MQTT_CONNECTION_REFUSED'
  /** The broker refused the subscription. */
  | 'ERR_MQTT_SUBSCRIPTION_REFUSED'
  /** The broker refused the message. */
  | 'ERR_MQTT_PUBLISH_REFUSED'
  /** A deadline passed. */
  | 'ERR_MQTT_TIMEOUT'
  /** The connection ended; `reasonCode` says why if the peer said so. */
  | 'ERR_MQTT_DISCONNECTED'
  /** One stream ended and the connection lives. */
  | 'ERR_MQTT_STREAM_CLOSED'
  /** The object was closed by its owner. */
  | 'ERR_MQTT_CLOSED'
  /** Messages were published faster than they can be sent, and the local queue is full. */
  | 'ERR_MQTT_QUEUE_FULL'
  /** The packet is larger than one of the two sides takes. */
  | 'ERR_MQTT_PACKET_TOO_LARGE'
  /** Bytes that are no MQTT packet. */
  | 'ERR_MQTT_MALFORMED_PACKET'
  /** What is to outlive the process cannot be read or written: the disk is full, Redis does not answer. */
  | 'ERR_MQTT_STORE'
  /** A password file, a key for tokens or an access rule cannot be used. */
  | 'ERR_MQTT_ACCESS'
  /** The package that a store, or the verification of tokens, needs is not installed. */
  | 'ERR_MQTT_STORE_PACKAGE'
  /** Another broker uses the same data folder, or the same prefix in Redis. */
  | 'ERR_MQTT_STORE_TAKEN'
  /** A packet that MQTT does not allow here. */
  | 'ERR_MQTT_PROTOCOL';

/** We, the peer, nobody (a deadline), or a caller who used the interface wrongly. */
export type MqttFault = 'local' | 'peer' | 'timeout' | 'usage';

export interface MqttErrorOptions {
  readonly fault?: MqttFault;
  readonly reasonCode?: ReasonCode | number;
  readonly cause?: unknown;
}

export class MqttError extends Error {
  override readonly name: string = 'MqttError';
  readonly code: MqttErrorCode;
  /** MQTT 5 reason code, 0 where the wire said nothing. */
  readonly reasonCode: number;
  readonly fault: MqttFault;

  constructor(code: MqttErrorCode, message: string, options: MqttErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.reasonCode = options.reasonCode ?? 0;
    this.fault = options.fault ?? 'local';
  }
}

/** The caller passed something that cannot work. */
export function usageError(code: MqttErrorCode, message: string): MqttError {
  return new MqttError(code, message, { fault: 'usage' });
}

/** Thrown while a packet is read. It never leaves the core: the flow, or the connection, ends with its reason code. */
export class PacketError extends Error {
  override readonly name: string = 'PacketError';
  readonly reasonCode: ReasonCode;

  constructor(reasonCode: ReasonCode, message: string) {
    super(message);
    this.reasonCode = reasonCode;
  }
}
