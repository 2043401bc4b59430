/** What a broker offers, all of it announced in CONNACK (MQTT 5 §3.2.2.3) and kept to. */
import { MAX_PACKET_SIZE, OUTGOING_TOPIC_ALIASES, RECEIVE_MAXIMUM, TOPIC_ALIAS_MAXIMUM } from '../limits.ts';
import type { ConnackFields } from '../packets/codec.ts';

export interface CapabilityOptions {
  /** Bytes of the largest packet taken, fixed header included. @default 1 MiB */
  readonly maxPacketSize?: number;
  /** Seconds; takes the place of a client's keep-alive that is longer or off. @default none */
  readonly serverKeepAlive?: number;
  /** QoS of the messages taken and given: 0, 1 or 2. @default 2 */
  readonly maximumQos?: 0 | 1 | 2;
  /** Whether messages may be retained. @default true */
  readonly retainAvailable?: boolean;
  /** @default true */
  readonly wildcardSubscriptionAvailable?: boolean;
  /** @default true */
  readonly sharedSubscriptionAvailable?: boolean;
  /** @default true */
  readonly subscriptionIdentifierAvailable?: boolean;
  /** Messages of QoS 1 and 2 that a client may have unacknowledged on one stream, 1..65535. @default 4_096 */
  readonly receiveMaximum?: number;
  /** Topic aliases that a client may set on each stream, 0 = none. @default 16 */
  readonly topicAliasMaximum?: number;
  /** Topic aliases that we use on each stream, where the client takes that many. @default 64 */
  readonly outgoingTopicAliases?: number;
  /** Seconds for which a session is kept without a connection at most, Infinity = as long as its client wants. @default Infinity */
  readonly maxSessionExpiry?: number;
}

/** The same, decided. */
export interface Capabilities {
  readonly maximumPacketSize: number;
  /** Seconds, 0 = none. */
  readonly serverKeepAlive: number;
  readonly maximumQos: 0 | 1 | 2;
  readonly retainAvailable: boolean;
  readonly wildcardSubscriptionAvailable: boolean;
  readonly sharedSubscriptionAvailable: boolean;
  readonly subscriptionIdentifierAvailable: boolean;
  readonly receiveMaximum: number;
  readonly topicAliasMaximum: number;
  readonly outgoingTopicAliases: number;
  /** Seconds. */
  readonly maxSessionExpiry: number;
}

export function capabilitiesOf(options: CapabilityOptions): Capabilities {
  return {
    maximumPacketSize: options.maxPacketSize ?? MAX_PACKET_SIZE,
    serverKeepAlive: options.serverKeepAlive ?? 0,
    maximumQos: options.maximumQos ?? 2,
    retainAvailable: options.retainAvailable ?? true,
    wildcardSubscriptionAvailable: options.wildcardSubscriptionAvailable ?? true,
    sharedSubscriptionAvailable: options.sharedSubscriptionAvailable ?? true,
    subscriptionIdentifierAvailable: options.subscriptionIdentifierAvailable ?? true,
    receiveMaximum: options.receiveMaximum ?? RECEIVE_MAXIMUM,
    topicAliasMaximum: options.topicAliasMaximum ?? TOPIC_ALIAS_MAXIMUM,
    outgoingTopicAliases: options.outgoingTopicAliases ?? OUTGOING_TOPIC_ALIASES,
    maxSessionExpiry: options.maxSessionExpiry ?? Infinity,
  };
}

/** What CONNACK says of it to everybody. */
export function announced(capabilities: Capabilities): Partial<ConnackFields> {
  const { maximumQos } = capabilities;
  return {
    receiveMaximum: capabilities.receiveMaximum,
    // 2 is said by saying nothing (MQTT 5 §3.2.2.3.4). [MQTT-3.2.2-9]
    ...(maximumQos === 2 ? {} : { maximumQos }),
    retainAvailable: capabilities.retainAvailable,
    maximumPacketSize: capabilities.maximumPacketSize,
    topicAliasMaximum: capabilities.topicAliasMaximum,
    wildcardSubscriptionAvailable: capabilities.wildcardSubscriptionAvailable,
    subscriptionIdentifierAvailable: capabilities.subscriptionIdentifierAvailable,
    sharedSubscriptionAvailable: capabilities.sharedSubscriptionAvailable,
  };
}
