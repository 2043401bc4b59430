/** The properties that belong to a message and travel with it from publisher to subscriber, as objects for applications and as bytes for the wire. */
import { usageError } from '../errors.ts';
import { PacketType } from './packet-types.ts';
import { PropertyId } from './properties.ts';
import { PropertyReader } from './property-reader.ts';
import type { PublishView } from './publish.ts';
import { PacketReader } from './reader.ts';
import { topicNameProblem } from './topics.ts';
import { utf8Problem } from './utf8.ts';
import { packetWriter } from './writer.ts';

export { checkResponseTopic } from './topics.ts';

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
 * @throws MqttError ERR_MQTT_INVALID_ARGUMENT, ERR_MQTT_TOPIC_NAME
 */
export function encodeMessageProperties(properties: MessageProperties): Uint8Array {
  const { isText, contentType, responseTopic, correlationData, userProperties = [] } = properties;
  const text = (id: PropertyId, value: string, what: string): void => {
    const problem = utf8Problem(value);
    if (problem !== undefined) throw usageError('ERR_MQTT_INVALID_ARGUMENT', `The ${what} ${problem}`);
    out.uint8(id).string(value);
  };
  const out = packetWriter.begin();
  if (isText === true) out.uint8(PropertyId.PAYLOAD_FORMAT_INDICATOR).uint8(1);
  if (contentType !== undefined) text(PropertyId.CONTENT_TYPE, contentType, 'content type');
  if (responseTopic !== undefined) {
    const problem = topicNameProblem(responseTopic); // [MQTT-3.3.2-14]
    if (problem !== undefined) throw usageError('ERR_MQTT_TOPIC_NAME', `The response topic ${problem}`);
    text(PropertyId.RESPONSE_TOPIC, responseTopic, 'response topic');
  }
  if (correlationData !== undefined) {
    if (!(correlationData instanceof Uint8Array))
      throw usageError(
        'ERR_MQTT_INVALID_ARGUMENT',
        `The correlation data expected Uint8Array, got ${typeof correlationData}`,
      );
    if (correlationData.length > 65_535)
      throw usageError(
        'ERR_MQTT_INVALID_ARGUMENT',
        `The correlation data is ${correlationData.length} bytes long, more than 65535`,
      );
    out.uint8(PropertyId.CORRELATION_DATA).binary(correlationData);
  }
  for (const [name, value] of userProperties) {
    text(PropertyId.USER_PROPERTY, name, 'name of a user property');
    const problem = utf8Problem(value);
    if (problem !== undefined) throw usageError('ERR_MQTT_INVALID_ARGUMENT', `The value of a user property ${problem}`);
    out.string(value);
  }
  const bytes = out.body();
  return bytes.length === 0 ? EMPTY : bytes;
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
  const userProperties: (readonly [string, string])[] = [];
  const identifiers: number[] = [];
  const properties = new PropertyReader(
    new PacketReader(view.buffer, view.sectionStart, view.propertiesEnd),
    PacketType.PUBLISH,
  );
  while (properties.next()) {
    switch (properties.id) {
      case PropertyId.PAYLOAD_FORMAT_INDICATOR:
        result.isText = properties.value === 1;
        break;
      case PropertyId.MESSAGE_EXPIRY_INTERVAL:
        result.messageExpiryInterval = properties.value;
        break;
      case PropertyId.CONTENT_TYPE:
        result.contentType = properties.text();
        break;
      case PropertyId.RESPONSE_TOPIC:
        result.responseTopic = properties.text();
        break;
      case PropertyId.CORRELATION_DATA:
        result.correlationData = properties.bytes();
        break;
      case PropertyId.SUBSCRIPTION_IDENTIFIER:
        identifiers.push(properties.value);
        break;
      case PropertyId.USER_PROPERTY:
        userProperties.push(properties.pair());
        break;
    }
  }
  if (userProperties.length > 0) result.userProperties = userProperties;
  if (identifiers.length > 0) result.subscriptionIdentifiers = identifiers;
  return result;
}
