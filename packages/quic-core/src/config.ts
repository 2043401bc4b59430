/** Configuration of an endpoint. Plain data, read once. */
import type { ClientConfig, CryptoProvider, Random, ServerConfig } from '@mquictt/tls13';
import type { CongestionControllerFactory } from './congestion/controller.ts';
import type { PacketProtector } from './protection/protector.ts';

/** What one side of a connection allows and announces. Everything has a default. */
export interface TransportConfig {
  /** ms without anything received before the connection is dropped; 0 = never. The smaller of both sides rules (RFC 9000 §10.1). @default 30_000 */
  readonly maxIdleTimeout?: number;
  /** Largest UDP payload we send, bytes. Beyond 1,200 only where the whole path is known to carry it (loopback, jumbo links). @default 1_200 */
  readonly maxDatagramSize?: number;
  /** Streams of each kind the peer may have open at once; raised as streams finish. @default 128 */
  readonly maxBidirectionalStreams?: number;
  /** @default 128 */
  readonly maxUnidirectionalStreams?: number;
  /** Unread bytes that one stream may hold, bytes. @default 262_144 */
  readonly streamReceiveWindow?: number;
  /**
   * To which the window of a stream grows while its reader is faster than the window allows, bytes; all streams of a connection together gain 16 MiB at the
   * most. Less than streamReceiveWindow means that windows stay as they are. @default 4_194_304
   */
  readonly maxStreamReceiveWindow?: number;
  /**
   * Unread bytes of all streams together, bytes. Never smaller than streamReceiveWindow * (both stream limits): unread bytes of one stream
   * take credit from no other. @default that product
   */
  readonly connectionReceiveWindow?: number;
  /** Bytes one stream accepts before writeStream() says no: unsent and unacknowledged ones. @default 1_048_576 */
  readonly streamSendBuffer?: number;
  /** ms we may wait before we acknowledge (RFC 9000 §13.2.1). @default 25 */
  readonly maxAckDelay?: number;
  /** ms from the first packet until the handshake must be complete. @default 10_000 */
  readonly handshakeTimeout?: number;
  /** Sends a PING after so many ms of silence; 0 = never. @default 0 */
  readonly keepAliveInterval?: number;
  /** @default NewReno */
  readonly congestionController?: CongestionControllerFactory;
  /** Packets sealed with one key before we start a key update. @default far below the AEAD limit, see limits.ts */
  readonly keyUpdateInterval?: number;
}

export interface EndpointConfig {
  readonly provider: CryptoProvider;
  readonly protector: PacketProtector;
  readonly random: Random;
  /** Wall clock in ms since 1970, asked only when certificates are judged. */
  readonly unixTime: () => number;
  readonly transport?: TransportConfig;
  /** Needed for connect(). */
  readonly client?: ClientConfig;
  /** Needed to accept connections; without it datagrams of unknown connections are dropped. */
  readonly server?: ServerConfig;
  /** Connections at once; a new one beyond it is refused. @default 65_536 */
  readonly maxConnections?: number;
  /** Handshakes in progress at once; beyond it new Initials are dropped. @default 1_024 */
  readonly maxHalfOpenConnections?: number;
  /** Makes connection IDs of a fixed length (it may carry a worker's number). @default random, 8 bytes */
  readonly connectionIdGenerator?: ConnectionIdGenerator;
  /** Key of the stateless reset tokens, 32 bytes; keep it over restarts so that resets work after one. @default drawn at random */
  readonly statelessResetKey?: Uint8Array;
}

export interface ConnectionIdGenerator {
  /** Bytes, 1..20, the same for every ID. */
  readonly length: number;
  generate(out: Uint8Array, random: Random): void;
}
