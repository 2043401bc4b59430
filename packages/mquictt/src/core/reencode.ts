/**
 * Messages as they wait in a queue, read again: for a client that comes back with another version of MQTT, for
 * another member of a shared subscription, for topic aliases.
 */
import { readMessageProperties } from '../packets/message-properties.ts';
import type { ProtocolVersion } from '../packets/packet-types.ts';
import { PublishView, encodePublish } from '../packets/publish.ts';
import type { EncodedPublish } from '../packets/publish.ts';
import { Message } from './message.ts';

const EMPTY = new Uint8Array(0);
const view = new PublishView();

/** The same message in the form of another version. What `from` could not say stays unsaid. */
export function reencode(message: EncodedPublish, from: ProtocolVersion, to: ProtocolVersion): EncodedPublish {
  readQueued(message, from);
  const { subscriptionIdentifiers } = readMessageProperties(view);
  return encodePublish(
    {
      topic: view.buffer.subarray(view.topicStart, view.topicEnd),
      payload: payloadOf(message),
      qos: view.qos,
      retain: view.isRetain,
      properties: view.forwarded,
      expiresAt: message.expiresAt,
      ...(subscriptionIdentifiers === undefined ? {} : { subscriptionIdentifiers }),
    },
    to,
  );
}

/**
 * The same message of MQTT 5 with a topic alias.
 *
 * @param isKnown whether the alias stands for the topic already; otherwise both are sent
 */
export function withAlias(message: EncodedPublish, topicAlias: number, isKnown: boolean): EncodedPublish {
  readQueued(message, 5);
  const { subscriptionIdentifiers } = readMessageProperties(view);
  return encodePublish(
    {
      topic: isKnown ? EMPTY : view.buffer.subarray(view.topicStart, view.topicEnd),
      topicAlias,
      payload: payloadOf(message),
      qos: view.qos,
      retain: view.isRetain,
      properties: view.forwarded,
      expiresAt: message.expiresAt,
      ...(subscriptionIdentifiers === undefined ? {} : { subscriptionIdentifiers }),
    },
    5,
  );
}

/** The message as if it came anew, from nobody. */
export function messageOf(message: EncodedPublish, version: ProtocolVersion): Message {
  readQueued(message, version);
  return new Message(
    {
      topic: view.topic(),
      topicBytes: view.buffer.subarray(view.topicStart, view.topicEnd),
      payload: payloadOf(message),
      qos: view.qos,
      retain: view.isRetain,
      properties: view.forwarded,
      expiresAt: message.expiresAt,
    },
    undefined,
  );
}

export function topicOfQueued(message: EncodedPublish, version: ProtocolVersion): string {
  readQueued(message, version);
  return view.topic();
}

/** Into `view`, from a copy. */
function readQueued(message: EncodedPublish, version: ProtocolVersion): void {
  const bytes = message.buffer.slice(message.start, message.end);
  // Not set before it is sent, and 0 is no identifier.
  if (message.identifierOffset !== -1) bytes[message.identifierOffset - message.start + 1] = 1;
  let lengthEnd = 1;
  while (bytes[lengthEnd] >= 128) lengthEnd++;
  view.read(bytes[0], bytes, lengthEnd + 1, bytes.length, version);
}

function payloadOf(message: EncodedPublish): Uint8Array {
  return message.payload.length > 0 ? message.payload : view.payload();
}
