/** PUBLISH from a client (MQTT 5 §3.3.4). */
import { PacketError } from '../../errors.ts';
import { RECEIVE_MAXIMUM } from '../../limits.ts';
import { encodeRefusingPuback } from '../../packets/codec.ts';
import { checkResponseTopic } from '../../packets/message-properties.ts';
import { PublishView } from '../../packets/publish.ts';
import { topicNameProblem } from '../../packets/topics.ts';
import { ReasonCode } from '../../reason-codes.ts';
import type { BrokerCore } from '../broker-core.ts';
import type { Flow } from '../flow.ts';
import { Message } from '../message.ts';

/** Reused: a PUBLISH is handled before the next one is read. */
const view = new PublishView();

/** @throws PacketError */
export function handlePublish(
  core: BrokerCore,
  flow: Flow,
  header: number,
  buffer: Uint8Array,
  bodyStart: number,
  end: number,
  now: number,
): void {
  const session = flow.session;
  view.read(header, buffer, bodyStart, end, session.version);
  // [MQTT-3.2.2-11]: maximum QoS 1 was announced; MQTT 3.1.1 has no way to be told.
  if (view.qos === 2) throw new PacketError(ReasonCode.QOS_NOT_SUPPORTED, 'QoS 2 is not supported');
  if (view.qos === 1 && flow.kind === 'unidirectional')
    throw new PacketError(ReasonCode.QOS_NOT_SUPPORTED, 'QoS 1 came on a stream that cannot carry its acknowledgement');
  if (view.topicAlias !== -1)
    throw new PacketError(ReasonCode.TOPIC_ALIAS_INVALID, 'A topic alias came although none is allowed'); // [MQTT-3.3.2-9]
  if (view.hasSubscriptionIdentifier)
    throw new PacketError(ReasonCode.PROTOCOL_ERROR, 'A client sent a subscription identifier in PUBLISH'); // [MQTT-3.3.4-6]
  if (view.responseTopic !== '') checkResponseTopic(view.responseTopic);
  readTopic(flow);
  core.counters.messagesReceived++;

  const message = new Message(
    {
      topic: flow.topic,
      topicBytes: flow.topicBytes,
      payload: view.payload(),
      qos: view.qos,
      retain: view.isRetain,
      properties: view.forwarded,
      expiresAt: view.messageExpiryInterval === -1 ? Infinity : now + view.messageExpiryInterval * 1000,
    },
    session,
  );
  const { qos, packetIdentifier } = view;
  const isStored = core.publish(message, flow, now);
  if (qos === 0 || !flow.isOpen) return;
  // The message has been routed and, if asked for, stored: now it may be acknowledged. [MQTT-4.3.2-4]
  if (isStored || session.version < 5) flow.queue.pushPuback(packetIdentifier);
  else core.reply(flow, encodeRefusingPuback(packetIdentifier, ReasonCode.QUOTA_EXCEEDED));
  core.markReady(flow);
  // [MQTT-3.3.4-7]; a client of MQTT 3.1.1 does not know the bound and is slowed down instead, see Flow.isHeld.
  if (session.version === 5 && flow.queue.pubackCount > RECEIVE_MAXIMUM)
    throw new PacketError(ReasonCode.RECEIVE_MAXIMUM_EXCEEDED, 'More messages came than the Receive Maximum allows');
}

/** Nearly always the topic is that of the flow's last message, and then neither read nor checked nor routed again. */
function readTopic(flow: Flow): void {
  const { buffer, topicStart, topicEnd } = view;
  const known = flow.topicBytes;
  if (topicEnd - topicStart === known.length && known.length > 0) {
    let i = 0;
    while (i < known.length && buffer[topicStart + i] === known[i]) i++;
    if (i === known.length) return;
  }
  const topic = view.topic();
  const problem = topicNameProblem(topic);
  if (problem !== undefined) throw new PacketError(ReasonCode.TOPIC_NAME_INVALID, `A topic name ${problem}`); // [MQTT-3.3.2-2]
  flow.topic = topic;
  flow.topicBytes = buffer.slice(topicStart, topicEnd);
  flow.routeVersion = -1;
}
