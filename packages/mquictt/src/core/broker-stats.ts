/** What a broker counts, and what it tells a logger. */

/** Levels as loggers know them. */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error';
export type LogFunction = (level: LogLevel, message: string, fields: Readonly<Record<string, unknown>>) => void;

/** Counters since the broker began, and what there is now. */
export interface BrokerStats {
  /** Clients that are connected. */
  connections: number;
  /** The most that were connected at once. */
  maxConnections: number;
  /** Those of clients that are not connected included. */
  sessions: number;
  /** Streams that are open. */
  flows: number;
  subscriptions: number;
  /** Groups of shared subscriptions. */
  sharedSubscriptions: number;
  retainedMessages: number;
  retainedBytes: number;
  /** Messages and bytes that wait on all flows. */
  queuedMessages: number;
  queuedBytes: number;
  /** Of all streams, as MQTT sees them. */
  bytesReceived: number;
  bytesSent: number;
  /** MQTT packets of all types. */
  packetsReceived: number;
  packetsSent: number;
  /** PUBLISH packets. */
  messagesReceived: number;
  messagesSent: number;
  /** Copies queued for subscribers. */
  messagesRouted: number;
  /** Copies not queued: QoS 0 for a reader that is behind, or larger than the client takes. */
  messagesDropped: number;
  /** Copies of QoS 1 or 2 not queued because the session, or the broker, has its limit of waiting messages. */
  messagesNotQueued: number;
  /** Messages that their publishers were not allowed to publish. */
  messagesDenied: number;
  /** Messages with RETAIN=1 that the store had no room for. */
  retainedRefused: number;
  /** Flows closed because their messages were not read, see BrokerCoreOptions.slowConsumer. */
  flowsEvicted: number;
  connectionsAccepted: number;
  connectionsRefused: number;
  protocolErrors: number;
  /** Exceptions that were mistakes of ours. */
  internalErrors: number;
}

/** Those of BrokerStats that only grow. */
export type BrokerCounters = Omit<
  BrokerStats,
  | 'connections'
  | 'maxConnections'
  | 'sessions'
  | 'flows'
  | 'subscriptions'
  | 'sharedSubscriptions'
  | 'retainedMessages'
  | 'retainedBytes'
  | 'queuedMessages'
  | 'queuedBytes'
>;
