import type { ReceivedWill } from '../packets/codec.ts';
import { encodeUtf8 } from '../packets/utf8.ts';
import { Message } from './message.ts';
import type { Session } from './session.ts';

/** The will of a session as the message that it becomes now. [MQTT-3.1.2-14], [MQTT-3.1.2-15] */
export function willMessage(will: ReceivedWill, session: Session, now: number): Message {
  return new Message(
    {
      topic: will.topic,
      topicBytes: encodeUtf8(will.topic),
      payload: will.payload,
      qos: will.qos,
      retain: will.retain,
      properties: will.properties,
      // Counted from the publication (MQTT 5 §3.1.3.2.4).
      expiresAt: will.messageExpiryInterval === -1 ? Infinity : now + will.messageExpiryInterval * 1000,
    },
    session,
  );
}
