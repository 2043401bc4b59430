/** The properties that belong to a message and travel with it from publisher to subscriber, as objects for applications and as bytes for the wire. */
import { PacketError, usageError } from '../errors.ts';
import { ReasonCode } from '../reason-codes.ts';
import { PropertyId, readProperties } from './properties.ts';
import type { PublishView } from './publish.ts';
import { PacketReader } from './reader.ts';
import { topicNameProblem } from './topics.ts';
import { encodeUtf8, utf8Problem } from './utf8.ts';

/** What a publisher may say about a message (MQTT 5 §3.3.2.3). */
export interface MessageProperties {
  /** Says that the payload is UTF-8 text. */
  readonly isText?: boolean;
  /** E.g. `application/json`. */
  readonly contentType?: string;
  /** Topic name for an answer. */
  readonly responseTopic?: string;
  /** What an answer carries so that the asker knows to which question it belongs. */
  readonly correlationData?: Uint8Array;
  /** Names and values in order; names may repeat. */
  readonly userProperties?: readonly (readonly [name: string, value: string])[];
}

const EMPTY = new Uint8Array(0);

/**
 * @returns the properties as bytes, without their length
 * @throws MqttError ERR_MQTT_INVALID_ARGUMENT
 */
export function encodeMessageProperties(properties: MessageProperties): Uint8Array {
  const out: number[] = [];
  const binary = (bytes: Uint8Array, what: string): void => {
    if (!(bytes instanceof Uint8Array))
      throw usageError('ERR_MQTT_INVALID_ARGUMENT', `The ${what} expected Uint8Array, got ${typeof bytes}`);
    if (bytes.length > 65_535)
      throw usageError('ERR_MQTT_INVALID_ARGUMENT', `The ${what} is ${bytes.length} bytes long, more than 65535`);
    out.push(bytes.length >> 8, bytes.length & 0xff, ...bytes);
  };
  const text = (value: string, what: string): void => {
    const problem = utf8Problem(value);
    if (problem !== undefined) throw usageError('ERR_MQTT_INVALID_ARGUMENT', `The ${what} ${problem}`);
    binary(encodeUtf8(value), what);
  };
  if (properties.isText === true) out.push(PropertyId.PAYLOAD_FORMAT_INDICATOR, 1);
  if (properties.contentType !== undefined) {
    out.push(PropertyId.CONTENT_TYPE);
    text(properties.contentType, 'content type');
  }
  if (properties.responseTopic !== undefined) {
    const problem = topicNameProblem(properties.responseTopic); // [MQTT-3.3.2-14]
    if (problem !== undefined) throw usageError('ERR_MQTT_TOPIC_NAME', `The response topic ${problem}`);
    out.push(PropertyId.RESPONSE_TOPIC);
    text(properties.responseTopic, 'response topic');
  }
  if (properties.correlationData !== undefined) {
    out.push(PropertyId.CORRELATION_DATA);
    binary(properties.correlationData, 'correlation data');
  }
  for (const [name, value] of properties.userProperties ?? []) {
    out.push(PropertyId.USER_PROPERTY);
    text(name, 'name of a user property');
    text(value, 'value of a user property');
  }
  return out.length === 0 ? EMPTY : Uint8Array.from(out);
}

/** What a received PUBLISH says besides topic and payload; copies everything. */
export interface ReceivedProperties extends MessageProperties {
  /** Seconds that were left when the broker sent it. */
  readonly messageExpiryInterval?: number;
  readonly subscriptionIdentifiers?: readonly number[];
}

type Writable<T> = { -readonly [Key in keyof T]: T[Key] };

/** @param view as read, still valid; its packet has passed the checks */
export function readMessageProperties(view: PublishView): ReceivedProperties {
  const result: Writable<ReceivedProperties> = {};
  if (view.propertiesStart === view.propertiesEnd) return result;
  const userProperties: [string, string][] = [];
  const identifiers: number[] = [];
  const reader = new PacketReader(view.buffer, view.sectionStart, view.propertiesEnd);
  readProperties(reader, 3, (id, value) => {
    switch (id) {
      case PropertyId.PAYLOAD_FORMAT_INDICATOR:
        result.isText = value === 1;
        break;
      case PropertyId.MESSAGE_EXPIRY_INTERVAL:
        result.messageExpiryInterval = value as number;
        break;
      case PropertyId.CONTENT_TYPE:
        result.contentType = value as string;
        break;
      case PropertyId.RESPONSE_TOPIC:
        result.responseTopic = value as string;
        break;
      case PropertyId.CORRELATION_DATA:
        result.correlationData = (value as Uint8Array).slice();
        break;
      case PropertyId.SUBSCRIPTION_IDENTIFIER:
        identifiers.push(value as number);
        break;
      case PropertyId.USER_PROPERTY:
        userProperties.push([...(value as [string, string])]);
        break;
    }
  });
  if (userProperties.length > 0) result.userProperties = userProperties;
  if (identifiers.length > 0) result.subscriptionIdentifiers = identifiers;
  return result;
}

/** @throws PacketError TOPIC_NAME_INVALID, PROTOCOL_ERROR: what a response topic may not be */
export function checkResponseTopic(topic: string): void {
  if (topic.includes('+') || topic.includes('#'))
    throw new PacketError(ReasonCode.PROTOCOL_ERROR, 'A response topic contains a wildcard'); // [MQTT-3.3.2-14]
}
