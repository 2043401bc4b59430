export type { ConnectionEvent, Connection, ConnectOptions, Endpoint, EndpointEvent, ReceiveState } from './contract.ts';
export type { EndpointConfig, TransportConfig, ConnectionIdGenerator } from './config.ts';
export type { CongestionController, CongestionControllerFactory } from './congestion/controller.ts';
export type { PacketKey, HeaderKey, PacketProtector } from './protection/protector.ts';
export type { ConnectionStats } from './stats.ts';
export type { QuicErrorCode, QuicErrorOptions, QuicFault } from './errors.ts';
export { QuicError, TransportErrorCode, transportErrorName } from './errors.ts';
export { DatagramBatch } from './datagram-batch.ts';
export { PacketBatch } from './protection/protector.ts';
