/** The options of a broker that are plain values: the same names in a program and in a configuration file. */
import type { ClientLimitOptions } from '../access/client-limits.ts';
import type { SlowConsumer } from '../core/broker-core.ts';
import type { CapabilityOptions } from '../core/capabilities.ts';
import type { RetainedLimits } from '../core/retained.ts';
import type { SessionQueueLimits } from '../core/session.ts';
import type { SharedStrategy } from '../core/shared-group.ts';
import { usageError } from '../errors.ts';
import {
  MAX_PACKET_SIZE,
  MAX_QUEUED_BYTES,
  MAX_RETAINED_BYTES,
  MAX_RETAINED_MESSAGES,
  MAX_SESSION_QUEUE_BYTES,
  MAX_SESSION_QUEUE_MESSAGES,
  MAX_SUBSCRIPTIONS_PER_SESSION,
  OUTGOING_TOPIC_ALIASES,
  RECEIVE_MAXIMUM,
  TOPIC_ALIAS_MAXIMUM,
} from '../limits.ts';
import { problemsOf } from './settings.ts';
import type { SettingsOf } from './settings.ts';

/** See BrokerOptions. */
export interface BrokerSettings extends CapabilityOptions {
  readonly maxConnections?: number;
  readonly limits?: ClientLimitOptions;
  readonly retained?: RetainedLimits;
  readonly sessionQueue?: SessionQueueLimits;
  readonly maxQueuedBytes?: number;
  readonly slowConsumer?: SlowConsumer;
  readonly sharedStrategy?: SharedStrategy;
  readonly sysInterval?: number;
}

/** @throws MqttError ERR_MQTT_INVALID_ARGUMENT: an option is not what the table says */
export function checkSettings(options: BrokerSettings): void {
  const settings: Readonly<Record<string, unknown>> = Object.fromEntries(
    Object.entries(options).filter(([name]) => Object.hasOwn(BROKER_SETTINGS, name)),
  );
  const [problem] = problemsOf(settings, BROKER_SETTINGS);
  if (problem !== undefined) throw usageError('ERR_MQTT_INVALID_ARGUMENT', problem);
}

const UINT32 = 4_294_967_295;

export const BROKER_SETTINGS: SettingsOf<BrokerSettings> = {
  maxConnections: {
    kind: 'number',
    min: 1,
    max: UINT32,
    unit: 'connections',
    default: '65536',
    description: 'Connections of each listener at once; more are refused.',
  },
  maxPacketSize: {
    kind: 'number',
    min: 64,
    max: 268_435_460,
    unit: 'bytes',
    default: String(MAX_PACKET_SIZE),
    description: 'Largest MQTT packet taken, fixed header included.',
  },
  receiveMaximum: {
    kind: 'number',
    min: 1,
    max: 65_535,
    unit: 'messages',
    default: String(RECEIVE_MAXIMUM),
    description: 'Messages of QoS 1 and 2 that a client may have unacknowledged on one stream.',
  },
  maximumQos: {
    kind: 'choice',
    choices: [0, 1, 2],
    default: '2',
    description: 'Highest QoS of messages taken and given.',
  },
  retainAvailable: { kind: 'boolean', default: 'true', description: 'Whether messages may be retained.' },
  wildcardSubscriptionAvailable: {
    kind: 'boolean',
    default: 'true',
    description: 'Whether topic filters may have wildcards.',
  },
  sharedSubscriptionAvailable: {
    kind: 'boolean',
    default: 'true',
    description: 'Whether there are shared subscriptions (`$share/...`).',
  },
  subscriptionIdentifierAvailable: {
    kind: 'boolean',
    default: 'true',
    description: 'Whether there are subscription identifiers.',
  },
  topicAliasMaximum: {
    kind: 'number',
    min: 0,
    max: 65_535,
    unit: 'aliases',
    default: String(TOPIC_ALIAS_MAXIMUM),
    description: 'Topic aliases that a client may use on each of its streams; 0 = none.',
  },
  outgoingTopicAliases: {
    kind: 'number',
    min: 0,
    max: 65_535,
    unit: 'aliases',
    default: String(OUTGOING_TOPIC_ALIASES),
    description: 'Topic aliases that the broker uses on each stream, where the client takes that many; 0 = none.',
  },
  serverKeepAlive: {
    kind: 'number',
    min: 1,
    max: 65_535,
    unit: 'seconds',
    default: 'none',
    description: "Takes the place of a client's keep-alive that is longer or off.",
  },
  maxSessionExpiry: {
    kind: 'number',
    min: 0,
    max: Infinity,
    unit: 'seconds',
    default: 'as long as its client wants',
    description: 'For how long a session is kept without a connection at most.',
  },
  limits: {
    kind: 'section',
    description: 'What one client, one identity and one address may take.',
    settings: {
      maxMessageRate: {
        kind: 'number',
        min: 0.001,
        max: Infinity,
        isFraction: true,
        unit: 'per second',
        default: 'any number',
        description:
          'PUBLISH from one client, as many at once; beyond it the client is not read for a while, and nothing is lost.',
      },
      maxByteRate: {
        kind: 'number',
        min: 0.001,
        max: Infinity,
        isFraction: true,
        unit: 'bytes per second',
        default: 'any number',
        description: 'Bytes of MQTT packets from one client, as many at once; beyond it likewise.',
      },
      maxConnectionRatePerAddress: {
        kind: 'number',
        min: 0.001,
        max: Infinity,
        isFraction: true,
        unit: 'per second',
        default: 'any number',
        description:
          'Connections from one address, an IPv6 address counting as its /64; beyond it they are closed with 0x9F.',
      },
      maxConnectionsPerAddress: {
        kind: 'number',
        min: 1,
        max: Infinity,
        default: 'any number',
        description: 'Connections at once from one address; beyond it they are closed with 0x97.',
      },
      maxConnectionsPerIdentity: {
        kind: 'number',
        min: 1,
        max: Infinity,
        default: 'any number',
        description:
          'Clients at once with one identity; beyond it CONNECT gets 0x97. Those without one are not counted.',
      },
      maxSubscriptions: {
        kind: 'number',
        min: 1,
        max: Infinity,
        default: String(MAX_SUBSCRIPTIONS_PER_SESSION),
        description: 'Subscriptions of one session; beyond it SUBACK says 0x97. The default is also the most.',
      },
    },
  },
  retained: {
    kind: 'section',
    description: 'How much is kept of retained messages; beyond it those of new topics are refused.',
    settings: {
      maxMessages: {
        kind: 'number',
        min: 0,
        max: UINT32,
        unit: 'messages',
        default: String(MAX_RETAINED_MESSAGES),
        description: 'Topics with a message.',
      },
      maxBytes: {
        kind: 'number',
        min: 0,
        max: Number.MAX_SAFE_INTEGER,
        unit: 'bytes',
        default: String(MAX_RETAINED_BYTES),
        description: 'Bytes of topics, properties and payloads.',
      },
    },
  },
  sessionQueue: {
    kind: 'section',
    description:
      'How much may wait for one session, whether its client is connected or not; one subscription may take half of it.',
    settings: {
      maxMessages: {
        kind: 'number',
        min: 1,
        max: UINT32,
        unit: 'messages',
        default: String(MAX_SESSION_QUEUE_MESSAGES),
        description: 'Messages of QoS 1 and 2.',
      },
      maxBytes: {
        kind: 'number',
        min: 1,
        max: Number.MAX_SAFE_INTEGER,
        unit: 'bytes',
        default: String(MAX_SESSION_QUEUE_BYTES),
        description: 'Bytes of them.',
      },
    },
  },
  maxQueuedBytes: {
    kind: 'number',
    min: 1,
    max: Number.MAX_SAFE_INTEGER,
    unit: 'bytes',
    default: String(MAX_QUEUED_BYTES),
    description:
      'Bytes that wait for all sessions together; beyond it publishers are not read and new clients are refused.',
  },
  slowConsumer: {
    kind: 'choice',
    choices: ['drop', 'disconnect'],
    default: '"drop"',
    description:
      "What becomes of a reader that lets its session's queue fill up: new messages are not queued for it, or it is disconnected (0x97).",
  },
  sharedStrategy: {
    kind: 'choice',
    choices: ['round-robin', 'random', 'sticky', 'least-backlog'],
    default: '"round-robin"',
    description: 'Which member of a shared subscription gets the next message.',
  },
  sysInterval: {
    kind: 'number',
    min: 0,
    max: 86_400,
    unit: 'seconds',
    default: '10',
    description: 'How often the topics under `$SYS` are brought up to date; 0 = there are none.',
  },
};
