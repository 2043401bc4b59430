/** MQTT over QUIC: client and broker. */
export { server, Broker } from './broker/broker.ts';
export type { BrokerCloseOptions, BrokerOptions, ListenerInfo } from './broker/broker.ts';
export type { ClientCertificates } from './broker/client-certificates.ts';
export type {
  CommonListenerOptions,
  ListenerOptions,
  QuicListenerOptions,
  SecureListenerCertificates,
  SecureWebSocketListenerOptions,
  TcpListenerOptions,
  TlsListenerOptions,
  WebSocketListenerOptions,
  WebSocketPath,
} from './broker/listener-options.ts';
export type { TransportKind } from './transports/transport.ts';
export type { SlowConsumer } from './core/broker-core.ts';
export type { BrokerStats } from './core/broker-stats.ts';
export type { AccessOptions, Authenticate, AuthorizationRequest, Authorize } from './access/access-control.ts';
export type { AccessAction, AccessRule } from './access/access-rules.ts';
export type { CertificateNameSource } from './access/certificate-name.ts';
export type { ClientLimitOptions } from './access/client-limits.ts';
export { PasswordFile } from './access/password-file.ts';
export { TokenVerifier } from './access/token-verifier.ts';
export type { TokenOptions } from './access/token-verifier.ts';
export type {
  AuthenticationRequest,
  AuthenticationResult,
  ClientAction,
  Identity,
  Permissions,
  Principal,
} from './core/permissions.ts';
export type { CapabilityOptions } from './core/capabilities.ts';
export type { SessionQueueLimits } from './core/session.ts';
export type { SharedStrategy } from './core/shared-group.ts';
export type { RetainedLimits } from './core/retained.ts';
export { startMonitoring } from './operations/monitoring.ts';
export type { MonitoredBroker, Monitoring, MonitoringOptions } from './operations/monitoring.ts';
export { Client } from './client/client.ts';
export type {
  ClientOptions,
  CloseOptions,
  PublisherOptions,
  StreamOptions,
  SubscriberOptions,
  WillOptions,
} from './client/options.ts';
export { Publisher } from './client/publisher.ts';
export type { PublishOptions } from './client/publisher.ts';
export { Subscriber } from './client/subscriber.ts';
export type { ReadOptions, SubscribeOptions } from './client/subscriber.ts';
export { Message } from './client/message.ts';
export type { MessageProperties, ReceivedProperties } from './packets/message-properties.ts';
export { Config } from './config.ts';
export type { LogConfig, PemFiles } from './config.ts';
export type { Logger } from './logger.ts';
export { LevelStore } from './stores/level-store.ts';
export type { LevelStoreOptions } from './stores/level-store.ts';
export { MemoryStore } from './stores/memory-store.ts';
export { RedisStore } from './stores/redis-store.ts';
export type { RedisStoreOptions } from './stores/redis-store.ts';
export type { Durability, Store, StoreOperation } from './stores/store.ts';
export { DEFAULT_PORT } from './quic-options.ts';
export type { QuicOptions } from './quic-options.ts';
export { MqttError } from './errors.ts';
export type { MqttErrorCode, MqttErrorOptions, MqttFault } from './errors.ts';
export { ReasonCode, describeReasonCode } from './reason-codes.ts';
export { topicFilterProblem, topicNameProblem } from './packets/topics.ts';
export type { JudgePeer, SocketAddress } from '@mquictt/quic-node';
