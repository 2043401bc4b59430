/** PUBLISH from a client (MQTT 5 §3.3.4). */
import { PacketError } from '../../errors.ts';
import { encodeAcknowledgement } from '../../packets/codec.ts';
import { PacketType } from '../../packets/packet-types.ts';
import { PublishView } from '../../packets/publish.ts';
import { isSystemTopic, topicNameProblem } from '../../packets/topics.ts';
import { ReasonCode } from '../../reason-codes.ts';
import type { BrokerCore } from '../broker-core.ts';
import type { Channel } from '../channel.ts';
import type { Flow } from '../flow.ts';
import { Message } from '../message.ts';
import type { Session } from '../session.ts';
import { digestOf } from '../receipts.ts';
import { IncomingAliases } from '../topic-aliases.ts';

/** First byte of a PUBREC. */
const PUBREC = 0x50;

/** Reused: a PUBLISH is handled before the next one is read. */
const view = new PublishView();

/** @throws PacketError */
export function handlePublish(
  core: BrokerCore,
  channel: Channel,
  header: number,
  buffer: Uint8Array,
  bodyStart: number,
  end: number,
  now: number,
): void {
  const { version } = channel.connection;
  const flow = channel.flow as Flow;
  view.read(header, buffer, bodyStart, end, version);
  checkAllowed(core, channel);
  if (view.topicAlias === -1) readTopic(channel);
  else readAliased(channel);
  core.counters.messagesReceived++;
  const { qos, packetIdentifier } = view;
  let digest = 0;
  if (qos === 2) {
    digest = digestOf(channel.topicBytes, view.forwarded, view.payload());
    if (isReceived(channel, flow, digest)) {
      channel.output.pushAcknowledgement(PUBREC, packetIdentifier);
      // The first one may be under way to the store.
      if (flow.session.isStored) channel.holdAnswers(-1);
      core.markReady(channel);
      return;
    }
  }
  if (qos > 0 && core.journal?.isRefusing === true) {
    refuse(core, channel, now);
    return;
  }
  const { changeCount } = core;

  if (!isPermitted(channel, flow.session)) {
    refusePublish(core, channel, qos, packetIdentifier, now);
    return;
  }
  const message = new Message(
    {
      topic: channel.topic,
      topicBytes: channel.topicBytes,
      payload: view.payload(),
      qos,
      retain: view.isRetain,
      properties: view.forwarded,
      expiresAt: view.messageExpiryInterval === -1 ? Infinity : now + view.messageExpiryInterval * 1000,
    },
    flow.session,
  );
  const refusal = isSystemTopic(channel.topic)
    ? ReasonCode.NOT_AUTHORIZED // MQTT 5 §4.7.2
    : core.publish(message, channel, now)
      ? ReasonCode.SUCCESS
      : ReasonCode.QUOTA_EXCEEDED;
  if (qos === 0 || !channel.isOpen) return;
  // The message has been routed and, if asked for, stored: now it may be acknowledged. [MQTT-4.3.2-4], [MQTT-4.3.3-8]
  if (refusal !== ReasonCode.SUCCESS && version === 5) {
    const type = qos === 1 ? PacketType.PUBACK : PacketType.PUBREC;
    core.reply(channel, encodeAcknowledgement(type, packetIdentifier, refusal, version));
  } else if (qos === 1) {
    channel.output.pushPuback(packetIdentifier);
    core.markReady(channel);
  } else {
    flow.receipts.add(packetIdentifier, digest);
    channel.output.pushAcknowledgement(PUBREC, packetIdentifier);
    core.markReady(channel);
  }
  channel.holdAnswers(changeCount);
  // [MQTT-3.3.4-7]; a client of MQTT 3.1.1 does not know the bound and is slowed down instead, see Channel.isHeld.
  if (version === 5 && channel.output.pubackCount + flow.receipts.size > core.capabilities.receiveMaximum)
    throw new PacketError(ReasonCode.RECEIVE_MAXIMUM_EXCEEDED, 'More messages came than the Receive Maximum allows');
}

/** The store takes nothing at the moment, so nothing can be promised. Before MQTT 5 there is no way to say so. */
function refuse(core: BrokerCore, channel: Channel, now: number): void {
  const { connection } = channel;
  if (connection.version < 5) {
    core.disconnect(connection, ReasonCode.QUOTA_EXCEEDED, 'The store takes nothing at the moment', now);
    return;
  }
  const type = view.qos === 1 ? PacketType.PUBACK : PacketType.PUBREC;
  core.reply(channel, encodeAcknowledgement(type, view.packetIdentifier, ReasonCode.QUOTA_EXCEEDED, 5));
}

/** What CONNACK announced. @throws PacketError */
function checkAllowed(core: BrokerCore, channel: Channel): void {
  const { maximumQos, retainAvailable, topicAliasMaximum } = core.capabilities;
  // [MQTT-3.2.2-11]; before MQTT 5 there is no way to be told.
  if (view.qos > maximumQos) throw new PacketError(ReasonCode.QOS_NOT_SUPPORTED, `QoS ${view.qos} is not supported`);
  if (view.qos > 0 && channel.kind === 'unidirectional')
    throw new PacketError(
      ReasonCode.QOS_NOT_SUPPORTED,
      `QoS ${view.qos} came on a stream that cannot carry its acknowledgement`,
    );
  // [MQTT-3.2.2-14]
  if (view.isRetain && !retainAvailable)
    throw new PacketError(ReasonCode.RETAIN_NOT_SUPPORTED, 'A message is to be retained, which is not supported');
  // [MQTT-3.3.2-9]
  if (view.topicAlias > topicAliasMaximum)
    throw new PacketError(
      ReasonCode.TOPIC_ALIAS_INVALID,
      `Topic alias ${view.topicAlias} came, allowed are ${topicAliasMaximum}`,
    );
  if (view.hasSubscriptionIdentifier)
    throw new PacketError(ReasonCode.PROTOCOL_ERROR, 'A client sent a subscription identifier in PUBLISH'); // [MQTT-3.3.4-6]
}

/** Nearly always it is the topic of the channel's last message, and then nobody is asked again. */
function isPermitted(channel: Channel, { permissions }: Session): boolean {
  if (permissions === undefined) return true;
  const { isRetain } = view;
  if (channel.judgedBy !== permissions || channel.judgedRetain !== isRetain || channel.judgedTopic !== channel.topic) {
    channel.judgedBy = permissions;
    channel.judgedTopic = channel.topic;
    channel.judgedRetain = isRetain;
    channel.isTopicAllowed = permissions.mayPublish(channel.topic, isRetain);
  }
  return channel.isTopicAllowed;
}

/** The message goes nowhere. Before MQTT 5 the client is told nothing, and would send it for ever if it were not acknowledged. [MQTT311-3.3.5-2] */
function refusePublish(core: BrokerCore, channel: Channel, qos: number, packetIdentifier: number, now: number): void {
  core.countDenied(channel, now);
  if (qos === 0) return;
  const { version } = channel.connection;
  const type = qos === 1 ? PacketType.PUBACK : PacketType.PUBREC;
  const reasonCode = version === 5 ? ReasonCode.NOT_AUTHORIZED : ReasonCode.SUCCESS;
  core.reply(channel, encodeAcknowledgement(type, packetIdentifier, reasonCode, version));
}

/**
 * Whether a QoS 2 message has come before and was not released: then it is acknowledged and not delivered again. [MQTT-4.3.3-10] What was received on a
 * flow that died is found by a repeated PUBLISH, and on the control flow by its identifier alone.
 */
function isReceived(channel: Channel, flow: Flow, digest: number): boolean {
  const { packetIdentifier } = view;
  if (flow.receipts.has(packetIdentifier)) return true;
  const orphans = flow.session.orphanedReceipts;
  if (orphans.size === 0) return false;
  const isControl = channel.kind === 'control';
  if (!isControl && !view.isDuplicate) return false;
  const isKnown = orphans.take(packetIdentifier, digest) || (isControl && orphans.release(packetIdentifier));
  if (isKnown) flow.receipts.add(packetIdentifier, digest);
  return isKnown;
}

/** The topic stands behind an alias, or sets one. */
function readAliased(channel: Channel): void {
  channel.aliases ??= new IncomingAliases();
  if (view.topicEnd > view.topicStart) {
    readTopic(channel);
    const { topic, topicBytes } = channel;
    channel.aliases.set(view.topicAlias, { topic, topicBytes });
    return;
  }
  const { topic, topicBytes } = channel.aliases.get(view.topicAlias);
  if (topic === channel.topic) return;
  channel.topic = topic;
  channel.topicBytes = topicBytes;
  channel.routeVersion = -1;
}

/** Nearly always the topic is that of the channel's last message, and then neither read nor checked nor routed again. */
function readTopic(channel: Channel): void {
  const { buffer, topicStart, topicEnd } = view;
  const known = channel.topicBytes;
  if (topicEnd - topicStart === known.length && known.length > 0) {
    let i = 0;
    while (i < known.length && buffer[topicStart + i] === known[i]) i++;
    if (i === known.length) return;
  }
  const topic = view.topic();
  const problem = topicNameProblem(topic);
  if (problem !== undefined) throw new PacketError(ReasonCode.TOPIC_NAME_INVALID, `A topic name ${problem}`); // [MQTT-3.3.2-2]
  channel.topic = topic;
  channel.topicBytes = buffer.slice(topicStart, topicEnd);
  channel.routeVersion = -1;
}
