/** QUIC on Node: UDP sockets, one timer, and promises over the sans-IO core. */
export { listen } from './listen.ts';
export { connect } from './connect.ts';
export { QuicListener } from './listener.ts';
export { QuicConnection } from './connection.ts';
export { QuicStream } from './stream.ts';
export type {
  CertificateOptions,
  ClientCertificateOptions,
  CloseOptions,
  CommonOptions,
  ConnectionCloseOptions,
  ConnectOptions,
  JudgePeer,
  ListenOptions,
  OpenStreamOptions,
  ResumptionOptions,
  SessionStore,
  SignalOptions,
} from './options.ts';
export { formatAddress, parseAddress, plainAddress } from './addresses.ts';
export type { SocketAddress } from './addresses.ts';
export { QuicNodeError } from './errors.ts';
export type { QuicNodeErrorCode } from './errors.ts';
export { nodeRuntime } from './node-runtime.ts';
export type { Runtime, Timer, UdpSocket, UdpSocketOptions } from './runtime.ts';

export { QuicError, TransportErrorCode, transportErrorName } from '@mquictt/quic-core';
export type {
  ConnectionStats,
  EndpointStats,
  PacketProtector,
  QuicErrorCode,
  QuicFault,
  TransportConfig,
} from '@mquictt/quic-core';
export {
  Alert,
  createCredential,
  CredentialStore,
  NamedGroup,
  readCertificatesPem,
  RootStore,
  SealedTickets,
  SessionCache,
  StoredTickets,
  TlsError,
} from '@mquictt/tls13';
export type {
  ClientSession,
  Credential,
  CryptoProvider,
  KeyLog,
  ParsedCertificate,
  PeerChain,
  Random,
  SessionTickets,
  TlsErrorCode,
} from '@mquictt/tls13';
export { defaultRoots, nodeProvider } from '@mquictt/tls13/node';
export { fastProtector, nodeProtector } from '@mquictt/quic-core/node';
