/** A client may come back with another version of MQTT than the one for which its messages wait. */
import type { ProtocolVersion } from '../packets/packet-types.ts';
import { readMessageProperties } from '../packets/message-properties.ts';
import { PublishView, encodePublish } from '../packets/publish.ts';
import type { EncodedPublish } from '../packets/publish.ts';

const view = new PublishView();

/** The same message in the form of another version. What `from` could not say stays unsaid. */
export function reencode(message: EncodedPublish, from: ProtocolVersion, to: ProtocolVersion): EncodedPublish {
  const bytes = message.buffer.slice(message.start, message.end);
  // Not set before it is sent, and 0 is no identifier.
  if (message.identifierOffset !== -1) bytes[message.identifierOffset - message.start + 1] = 1;
  let bodyStart = 1;
  while (bytes[bodyStart] >= 128) bodyStart++;
  view.read(bytes[0], bytes, bodyStart + 1, bytes.length, from);
  const { subscriptionIdentifiers } = readMessageProperties(view);
  return encodePublish(
    {
      topic: bytes.subarray(view.topicStart, view.topicEnd),
      payload: message.payload.length > 0 ? message.payload : view.payload(),
      qos: view.qos,
      retain: view.isRetain,
      properties: view.forwarded,
      expiresAt: message.expiresAt,
      ...(subscriptionIdentifiers === undefined ? {} : { subscriptionIdentifiers }),
    },
    to,
  );
}
