/** SUBSCRIBE and UNSUBSCRIBE (MQTT 5 §3.8, §3.10; MQTT 3.1.1 §3.8, §3.10). */
import { PacketError } from '../errors.ts';
import { MAX_FILTERS_PER_PACKET } from '../limits.ts';
import { ReasonCode } from '../reason-codes.ts';
import { PacketType } from './packet-types.ts';
import type { ProtocolVersion } from './packet-types.ts';
import { readPropertyFields } from './property-reader.ts';
import type { PropertyFields, UserPropertyList } from './properties.ts';
import type { PacketReader } from './reader.ts';
import { isSharedFilter, splitSharedFilter, topicFilterProblem } from './topics.ts';
import { packetWriter } from './writer.ts';

/** One subscription as asked for. MQTT 3.1.1 has topic filter and QoS only. */
export interface SubscriptionRequest {
  readonly topicFilter: string;
  readonly qos: number;
  readonly noLocal: boolean;
  readonly retainAsPublished: boolean;
  /** 0 = send retained messages, 1 = only for a new subscription, 2 = never. */
  readonly retainHandling: number;
}

/** One subscription as a server reads it. */
export interface ReceivedSubscription extends SubscriptionRequest {
  /** Of a shared subscription; undefined for all others. */
  readonly shareName: string | undefined;
  /** What topic names are matched with: the topic filter without `$share/{ShareName}/`. */
  readonly matchedFilter: string;
  /** Why it is no topic filter, as in `The topic filter 'a#' ${problem}`: TOPIC_FILTER_INVALID in SUBACK. Undefined when it is one. */
  readonly problem: string | undefined;
}

export interface SubscribePacket {
  readonly type: typeof PacketType.SUBSCRIBE;
  readonly packetIdentifier: number;
  /** 0 when there is none. */
  readonly subscriptionIdentifier: number;
  readonly subscriptions: readonly ReceivedSubscription[];
  readonly userProperties: UserPropertyList;
}

export interface UnsubscribePacket {
  readonly type: typeof PacketType.UNSUBSCRIBE;
  readonly packetIdentifier: number;
  readonly topicFilters: readonly string[];
  readonly userProperties: UserPropertyList;
}

/** @throws PacketError MALFORMED_PACKET, PROTOCOL_ERROR, IMPLEMENTATION_SPECIFIC_ERROR */
export function decodeSubscribe(reader: PacketReader, version: ProtocolVersion): SubscribePacket {
  const packetIdentifier = reader.packetIdentifier();
  const properties: PropertyFields = version === 5 ? readPropertyFields(reader, PacketType.SUBSCRIBE) : {};
  const subscriptions: ReceivedSubscription[] = [];
  while (reader.remaining > 0) {
    checkFilterCount(subscriptions.length + 1);
    subscriptions.push(readSubscription(reader, version));
  }
  checkFilterCount(subscriptions.length);
  const { subscriptionIdentifier = 0, userProperties = [] } = properties;
  return { type: PacketType.SUBSCRIBE, packetIdentifier, subscriptionIdentifier, subscriptions, userProperties };
}

function readSubscription(reader: PacketReader, version: ProtocolVersion): ReceivedSubscription {
  const topicFilter = reader.string(); // [MQTT-3.8.3-1]
  const options = reader.uint8();
  // [MQTT-3.8.3-5]; [MQTT311-3.8.3-4]. MQTT 3.1 says "not used".
  if (version > 3 && (options & (version === 5 ? 0xc0 : 0xfc)) !== 0)
    throw new PacketError(ReasonCode.MALFORMED_PACKET, 'Reserved bits of subscription options are set');
  // §3.8.3.1: these two values are protocol errors.
  if ((options & 3) === 3) throw new PacketError(ReasonCode.PROTOCOL_ERROR, 'A subscription asks for QoS 3');
  const has = (bits: number): boolean => version === 5 && (options & bits) === bits;
  if (has(0x30)) throw new PacketError(ReasonCode.PROTOCOL_ERROR, 'A subscription has retain handling 3');
  // [MQTT-3.8.3-4]
  if (has(4) && isSharedFilter(topicFilter))
    throw new PacketError(ReasonCode.PROTOCOL_ERROR, 'A shared subscription asks for No Local');
  const problem = topicFilterProblem(topicFilter); // [MQTT-4.8.2-1], [MQTT-4.8.2-2], [MQTT-4.7.1-1], [MQTT-4.7.1-2]
  const shared = problem === undefined ? splitSharedFilter(topicFilter) : undefined;
  return {
    topicFilter,
    qos: options & 3,
    noLocal: has(4),
    retainAsPublished: has(8),
    retainHandling: version === 5 ? (options >> 4) & 3 : 0,
    shareName: shared?.shareName,
    matchedFilter: shared?.filter ?? topicFilter,
    problem,
  };
}

/** @throws PacketError MALFORMED_PACKET, PROTOCOL_ERROR, IMPLEMENTATION_SPECIFIC_ERROR */
export function decodeUnsubscribe(reader: PacketReader, version: ProtocolVersion): UnsubscribePacket {
  const packetIdentifier = reader.packetIdentifier();
  const properties: PropertyFields = version === 5 ? readPropertyFields(reader, PacketType.UNSUBSCRIBE) : {};
  const topicFilters: string[] = [];
  while (reader.remaining > 0) {
    checkFilterCount(topicFilters.length + 1);
    topicFilters.push(reader.string()); // [MQTT-3.10.3-1]
  }
  checkFilterCount(topicFilters.length);
  return {
    type: PacketType.UNSUBSCRIBE,
    packetIdentifier,
    topicFilters,
    userProperties: properties.userProperties ?? [],
  };
}

function checkFilterCount(count: number): void {
  // [MQTT-3.8.3-2], [MQTT-3.10.3-2]; [MQTT311-3.8.3-3]
  if (count === 0) throw new PacketError(ReasonCode.PROTOCOL_ERROR, 'There is no topic filter in the packet');
  if (count > MAX_FILTERS_PER_PACKET)
    throw new PacketError(
      ReasonCode.IMPLEMENTATION_SPECIFIC_ERROR,
      `There are more than ${MAX_FILTERS_PER_PACKET} topic filters in one packet`,
    );
}

/** @param subscriptionIdentifier 0 for none */
export function encodeSubscribe(
  packetIdentifier: number,
  subscriptions: readonly SubscriptionRequest[],
  subscriptionIdentifier: number,
  version: ProtocolVersion,
  userProperties?: UserPropertyList,
): Uint8Array {
  const out = packetWriter.begin().uint16(packetIdentifier);
  if (version === 5)
    out.properties(PacketType.SUBSCRIBE, {
      subscriptionIdentifier: subscriptionIdentifier === 0 ? undefined : subscriptionIdentifier,
      userProperties,
    });
  for (const { topicFilter, qos, noLocal, retainAsPublished, retainHandling } of subscriptions) {
    const options = qos | (noLocal ? 4 : 0) | (retainAsPublished ? 8 : 0) | (retainHandling << 4);
    out.string(topicFilter).uint8(version === 5 ? options : qos);
  }
  return out.finish((PacketType.SUBSCRIBE << 4) | 2); // [MQTT-3.8.1-1]
}

export function encodeUnsubscribe(
  packetIdentifier: number,
  topicFilters: readonly string[],
  version: ProtocolVersion,
  userProperties?: UserPropertyList,
): Uint8Array {
  const out = packetWriter.begin().uint16(packetIdentifier);
  if (version === 5) out.properties(PacketType.UNSUBSCRIBE, { userProperties });
  for (const topicFilter of topicFilters) out.string(topicFilter);
  return out.finish((PacketType.UNSUBSCRIBE << 4) | 2); // [MQTT-3.10.1-1]
}
