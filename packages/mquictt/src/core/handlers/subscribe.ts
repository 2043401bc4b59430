/** SUBSCRIBE and UNSUBSCRIBE (MQTT 5 §3.8, §3.10). Both mean the flow on which they come, and no other. */
import { PacketError } from '../../errors.ts';
import { MAX_SUBSCRIPTION_LEVELS_PER_SESSION, RETAINED_SEARCH_STEP } from '../../limits.ts';
import { encodeSuback, encodeUnsuback } from '../../packets/codec.ts';
import type { ReceivedSubscription, SubscribePacket, UnsubscribePacket } from '../../packets/codec.ts';
import { hasWildcard, isSystemTopic, levelsOf } from '../../packets/topics.ts';
import type { EncodedPublish } from '../../packets/publish.ts';
import { ReasonCode } from '../../reason-codes.ts';
import type { BrokerCore } from '../broker-core.ts';
import type { Channel } from '../channel.ts';
import type { Flow } from '../flow.ts';
import { Message } from '../message.ts';
import { Subscription } from '../subscription.ts';

/** @throws PacketError */
export function handleSubscribe(core: BrokerCore, channel: Channel, packet: SubscribePacket, now: number): void {
  const flow = channel.flow as Flow;
  const { maximumQos, subscriptionIdentifierAvailable } = core.capabilities;
  if (packet.subscriptionIdentifier > 0 && !subscriptionIdentifierAvailable)
    throw new PacketError(
      ReasonCode.SUBSCRIPTION_IDENTIFIERS_NOT_SUPPORTED,
      'Subscription identifiers are not supported',
    );
  const { changeCount } = core;
  const retained: Iterator<EncodedPublish | undefined>[] = [];
  const reasonCodes = packet.subscriptions.map((request) => {
    const refusal = refusalOf(core, flow, request);
    if (refusal !== 0) return refusal;
    const { control } = flow.session;
    const existing =
      flow.subscriptions.get(request.topicFilter) ?? core.sessions.takeOrphan(flow.session, request.topicFilter);
    const isAdopted = existing !== undefined && existing.flow === control && flow !== control;
    const isMoving = isAdopted && !control.isIdle;
    // Less may be granted than asked for. [MQTT-3.8.4-7], [MQTT-3.2.2-10]
    const qos = Math.min(request.qos, maximumQos);
    const subscription = new Subscription(isMoving ? control : flow, request, qos, packet.subscriptionIdentifier);
    if (isMoving) control.moveWhenIdle(flow);
    // [MQTT-3.8.4-3]: the new one takes the place of the old one.
    if (existing === undefined) {
      flow.session.subscriptionCount++;
      flow.session.subscriptionLevels += subscription.levels;
    } else {
      core.router.remove(existing);
      core.journal?.unsubscribed(existing);
    }
    core.journal?.subscribed(subscription);
    flow.subscriptions.set(request.topicFilter, subscription);
    core.router.add(subscription);
    // [MQTT-3.3.1-9], [MQTT-3.3.1-10], [MQTT-3.3.1-11]. Shared subscriptions get none (MQTT 5 §4.8.2).
    if (subscription.isShared) return qos;
    if (request.retainHandling === 0 || (request.retainHandling === 1 && existing === undefined))
      retained.push(retainedFor(core, subscription, now));
    return subscription.qos;
  });
  // [MQTT-3.8.4-1], [MQTT-3.8.4-6]. Answers go before messages, so SUBACK comes first.
  core.reply(channel, encodeSuback(packet.packetIdentifier, reasonCodes, channel.connection.version));
  channel.holdAnswers(changeCount);
  for (const messages of retained) flow.enqueueRetained(messages);
}

/** @returns a reason code, 0 when the subscription may be made */
function refusalOf(core: BrokerCore, flow: Flow, request: ReceivedSubscription): number {
  if (request.problem !== undefined) return ReasonCode.TOPIC_FILTER_INVALID;
  const { sharedSubscriptionAvailable, wildcardSubscriptionAvailable } = core.capabilities;
  if (request.shareName !== undefined && !sharedSubscriptionAvailable)
    return ReasonCode.SHARED_SUBSCRIPTIONS_NOT_SUPPORTED;
  if (hasWildcard(request.matchedFilter) && !wildcardSubscriptionAvailable)
    return ReasonCode.WILDCARD_SUBSCRIPTIONS_NOT_SUPPORTED;
  const { subscriptionCount, subscriptionLevels, permissions } = flow.session;
  if (permissions !== undefined && !permissions.maySubscribe(request.matchedFilter)) return ReasonCode.NOT_AUTHORIZED;
  const isFull =
    subscriptionCount >= core.limits.maxSubscriptions ||
    subscriptionLevels + levelsOf(request.matchedFilter) > MAX_SUBSCRIPTION_LEVELS_PER_SESSION;
  const { topicFilter } = request;
  const isKnown =
    flow.subscriptions.has(topicFilter) || flow.session.control.subscriptions.get(topicFilter)?.isOrphan === true;
  if (isFull && !isKnown) return ReasonCode.QUOTA_EXCEEDED;
  return 0;
}

/** The retained messages that were there when the subscription came, made ready one by one. */
function* retainedFor(
  core: BrokerCore,
  subscription: Subscription,
  now: number,
): Generator<EncodedPublish | undefined, undefined> {
  const { flow, identifier } = subscription;
  const session = flow.session;
  const store = isSystemTopic(subscription.topicFilter) ? core.systemTopics : core.retained;
  const newest = store.sequence;
  let skipped = 0;
  let { permissions } = session;
  for (const stored of store.search(subscription.topicFilter)) {
    if (stored === undefined) {
      yield undefined;
      continue;
    }
    // What was stored later has been delivered as a live message.
    if (stored.sequence > newest || stored.expiresAt <= now) {
      if (++skipped % RETAINED_SEARCH_STEP === 0) yield undefined;
      continue;
    }
    if (session.permissions !== permissions) {
      permissions = session.permissions;
      if (permissions?.maySubscribe(subscription.matchedFilter) === false) return undefined;
    }
    const message = new Message({ ...stored, retain: true }, undefined);
    const qos = Math.min(stored.qos, subscription.qos);
    core.counters.messagesRouted++;
    yield message.encode(session.version, qos, true, identifier === 0 ? undefined : [identifier]); // [MQTT-3.3.1-8]
  }
  return undefined;
}

export function handleUnsubscribe(core: BrokerCore, channel: Channel, packet: UnsubscribePacket): void {
  const flow = channel.flow as Flow;
  const { changeCount } = core;
  const reasonCodes = packet.topicFilters.map((filter) => {
    const subscription = flow.subscriptions.get(filter); // [MQTT-3.10.4-1]
    if (subscription === undefined) return ReasonCode.NO_SUBSCRIPTION_EXISTED;
    flow.subscriptions.delete(filter);
    flow.session.subscriptionCount--;
    flow.session.subscriptionLevels -= subscription.levels;
    core.router.remove(subscription);
    core.journal?.unsubscribed(subscription);
    return ReasonCode.SUCCESS;
  });
  // [MQTT-3.10.4-4], [MQTT-3.10.4-5]
  core.reply(channel, encodeUnsuback(packet.packetIdentifier, reasonCodes, channel.connection.version));
  channel.holdAnswers(changeCount);
}
