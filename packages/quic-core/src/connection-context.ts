/**
 * What the parts of one connection share: its state, without behaviour of its own. connection.ts owns it and decides the order of calls; the parts
 * (packet reader, packet builder, frame handlers, handshake driver) each do one thing to it.
 */
import type { CryptoProvider, Random } from '@mquictt/tls13';
import { ApplicationKeys } from './application-keys.ts';
import type { ConnectionId } from './connection-id.ts';
import type { ConnectionEvent } from './contract.ts';
import type { DatagramBatch } from './datagram-batch.ts';
import { QuicError, TransportError, TransportErrorCode, transportErrorName } from './errors.ts';
import { Lifecycle } from './lifecycle.ts';
import { MIN_DATAGRAM_SIZE, MIN_PACKET_ROOM } from './limits.ts';
import { LocalConnectionIds, type ConnectionIdSource } from './local-connection-ids.ts';
import { PacketSpace } from './packet-space.ts';
import type { Path } from './path.ts';
import { PeerConnectionIds, type ResetTokenListener } from './peer-connection-ids.ts';
import type { PacketProtector } from './protection/protector.ts';
import { Recovery } from './recovery/recovery.ts';
import { Space } from './recovery/spaces.ts';
import type { Carried } from './recovery/sent-packet.ts';
import type { ResolvedTransport } from './resolved-transport.ts';
import { Streams } from './streams/streams.ts';
import type { TransportParameters } from './transport-parameters.ts';
import type { QuicVersion } from './version.ts';

/** What a connection asks of its endpoint. */
export interface ConnectionHost extends ConnectionIdSource, ResetTokenListener {
  /** Something may have to be sent, or a deadline has changed. */
  wake(): void;
  /** nextEvent() has something. */
  onEvents(): void;
  /** An exception that only a bug can explain was caught; the connection is closed with INTERNAL_ERROR. */
  onInternalError(error: unknown): void;
}

export interface ContextOptions {
  readonly isClient: boolean;
  readonly version: QuicVersion;
  readonly provider: CryptoProvider;
  readonly protector: PacketProtector;
  readonly random: Random;
  readonly unixTime: () => number;
  readonly transport: ResolvedTransport;
  readonly host: ConnectionHost;
  readonly path: Path;
  readonly localId: ConnectionId;
  /** Destination of our first packets. */
  readonly peerId: ConnectionId;
  /** Destination of the client's very first Initial: the Initial keys come from it. */
  readonly originalDestinationId: ConnectionId;
}

export class ConnectionContext {
  readonly isClient: boolean;
  readonly version: QuicVersion;
  readonly provider: CryptoProvider;
  readonly protector: PacketProtector;
  readonly random: Random;
  readonly unixTime: () => number;
  readonly transport: ResolvedTransport;
  readonly host: ConnectionHost;

  readonly spaces: readonly [PacketSpace, PacketSpace, PacketSpace];
  readonly applicationKeys: ApplicationKeys;
  readonly recovery: Recovery;
  readonly streams: Streams;
  readonly life: Lifecycle = new Lifecycle();

  readonly localId: ConnectionId;
  readonly localIds: LocalConnectionIds;
  readonly peerIds: PeerConnectionIds;
  readonly originalDestinationId: ConnectionId;
  /** Source connection ID of the Retry that a client obeyed. */
  retrySourceId: ConnectionId | undefined = undefined;
  /** Retry token for our Initials; empty without one. */
  token: Uint8Array = new Uint8Array(0);

  path: Path;
  /** Another address that the peer probes. One at the most. */
  candidatePath: Path | undefined = undefined;
  /** The last validated path, while `path` is not: what we go back to when validation fails (RFC 9000 §9.3.2). */
  fallbackPath: Path | undefined = undefined;
  /** UDP payload bytes of our datagrams; the handshake runs at the minimum. */
  datagramSize: number = MIN_DATAGRAM_SIZE;

  peerParameters: TransportParameters | undefined = undefined;
  isHandshakeComplete: boolean = false;
  isHandshakeConfirmed: boolean = false;
  isHandshakeDonePending: boolean = false;
  isPingPending: boolean = false;
  /** A packet of the peer has been opened: version negotiation and Retry no longer count. */
  hasReceivedPacket: boolean = false;

  // Deadlines, ms.
  idleDeadline: number = Infinity;
  handshakeDeadline: number = Infinity;
  pacingDeadline: number = Infinity;
  keepAliveDeadline: number = Infinity;
  /** No ack-eliciting packet was sent since the last one was received: the next one restarts the idle timer. */
  mayRestartIdle: boolean = true;
  /** The latest time that any input brought. */
  now: number = 0;

  // Counters of stats.ts.
  packetsSent: number = 0;
  packetsReceived: number = 0;
  packetsDropped: number = 0;
  bytesSent: number = 0;
  bytesReceived: number = 0;
  datagramsSent: number = 0;
  datagramsReceived: number = 0;
  /** Packets that failed authentication: RFC 9001 §6.6 bounds them. */
  forgedCount: number = 0;

  readonly #events: ConnectionEvent[] = [];
  #closedEvent: ConnectionEvent | undefined = undefined;

  constructor(options: ContextOptions) {
    this.isClient = options.isClient;
    this.version = options.version;
    this.provider = options.provider;
    this.protector = options.protector;
    this.random = options.random;
    this.unixTime = options.unixTime;
    this.transport = options.transport;
    this.host = options.host;
    this.path = options.path;
    this.localId = options.localId;
    this.originalDestinationId = options.originalDestinationId;
    this.localIds = new LocalConnectionIds(options.host, options.localId);
    this.peerIds = new PeerConnectionIds(options.host, options.peerId);
    this.spaces = [
      new PacketSpace(Space.INITIAL, options.transport.maxAckDelay),
      new PacketSpace(Space.HANDSHAKE, options.transport.maxAckDelay),
      new PacketSpace(Space.APPLICATION, options.transport.maxAckDelay),
    ];
    this.applicationKeys = new ApplicationKeys(options.provider, options.protector, options.version);
    this.streams = new Streams({
      isClient: options.isClient,
      maxBidirectionalStreams: options.transport.maxBidirectionalStreams,
      maxUnidirectionalStreams: options.transport.maxUnidirectionalStreams,
      streamReceiveWindow: options.transport.streamReceiveWindow,
      connectionReceiveWindow: options.transport.connectionReceiveWindow,
      streamSendBuffer: options.transport.streamSendBuffer,
      maxStreamReceiveWindow: options.transport.maxStreamReceiveWindow,
      pace: this,
    });
    this.recovery = new Recovery({
      controller: options.transport.congestionController(MIN_DATAGRAM_SIZE),
      maxDatagramSize: MIN_DATAGRAM_SIZE,
      isClient: options.isClient,
      host: this,
    });
  }

  /** RecoveryHost: what a packet carried has arrived. */
  onAcked(space: Space, kind: Carried, a: number, b: number, c: number): void {
    this.carriedListener.onAcked(space, kind, a, b, c);
  }

  /** RecoveryHost: what a packet carried is lost. */
  onLost(space: Space, kind: Carried, a: number, b: number, c: number): void {
    this.carriedListener.onLost(space, kind, a, b, c);
  }

  /** Set once by connection.ts. */
  carriedListener: {
    onAcked(space: Space, kind: Carried, a: number, b: number, c: number): void;
    onLost(space: Space, kind: Carried, a: number, b: number, c: number): void;
  } = NO_LISTENER;

  pushEvent(event: ConnectionEvent): void {
    this.#events.push(event);
    this.host.onEvents();
  }

  nextEvent(): ConnectionEvent | undefined {
    // Few events pass here (those of the handshake); stream events have a queue of their own.
    if (this.#events.length > 0) return this.#events.shift();
    const event = this.streams.nextEvent();
    if (event !== undefined) return event;
    const closed = this.#closedEvent;
    this.#closedEvent = undefined;
    return closed;
  }

  /** Smoothed round-trip time, ms. */
  get roundTrip(): number {
    return this.recovery.rtt.smoothed;
  }

  /**
   * RFC 9000 §8.1: whether the path's budget has no room for a datagram. A handshake's are padded to the full size (§14.1); later even a small one, with an
   * ACK or a challenge, is of use.
   */
  get isAmplificationBlocked(): boolean {
    return this.path.sendBudget < (this.isHandshakeConfirmed ? MIN_PACKET_ROOM : MIN_DATAGRAM_SIZE);
  }

  /** RFC 9002 §6.2: the PTO without backoff, for periods that are counted in PTOs. */
  get pto(): number {
    return this.recovery.pto;
  }

  /** Restarts the idle timer (RFC 9000 §10.1): the smaller of both sides' timeouts, never below 3 PTO. */
  restartIdle(now: number): void {
    const local = this.transport.maxIdleTimeout;
    const peer = this.peerParameters?.maxIdleTimeout ?? 0;
    const timeout = local === 0 ? peer : peer === 0 ? local : Math.min(local, peer);
    this.idleDeadline = timeout === 0 ? Infinity : now + Math.max(timeout, 3 * this.pto);
    const keepAlive = this.transport.keepAliveInterval;
    if (keepAlive > 0) this.keepAliveDeadline = now + keepAlive;
  }

  /** Ends the connection because of what the peer did (TransportError), or because of a bug of ours (anything else). */
  closeWithError(error: unknown): void {
    const known = error instanceof TransportError;
    if (!known) this.host.onInternalError(error);
    const errorCode = known ? error.errorCode : TransportErrorCode.INTERNAL_ERROR;
    const frameType = known ? error.frameType : 0;
    const reason = known ? error.message : 'Internal error';
    const publicError =
      (known ? error.publicError : undefined) ??
      new QuicError(
        known ? 'ERR_QUIC_TRANSPORT' : 'ERR_QUIC_INTERNAL',
        `Connection closed with ${transportErrorName(errorCode)}: ${reason}`,
        {
          fault: known ? 'peer' : 'local',
          errorCode,
          frameType,
          cause: error,
        },
      );
    this.life.startClosing(publicError, errorCode, frameType, false, reason);
    this.onEnded();
  }

  setDatagramSize(size: number): void {
    if (size === this.datagramSize) return;
    this.datagramSize = size;
    this.recovery.setMaxDatagramSize(size);
  }

  /** RFC 9000 §9.4: the peer is at another address, and that is proven. */
  resetForPath(): void {
    this.recovery.onPathChanged(this.transport.congestionController(this.datagramSize), this.now);
    this.path.isOtherHost = false;
  }

  /** The peer has lost the state of this connection (RFC 9000 §10.3.1). */
  onStatelessReset(): void {
    const { address, port } = this.path;
    this.vanish(
      new QuicError(
        'ERR_QUIC_STATELESS_RESET',
        `Peer at ${address} port ${port} has lost this connection's state, probably by a restart`,
        { fault: 'peer' },
      ),
    );
  }

  /** The peer has closed, or nobody is there any more. */
  drain(error: QuicError): void {
    this.life.startDraining(error);
    this.onEnded();
  }

  vanish(error: QuicError): void {
    this.life.vanish(error);
    this.onEnded();
  }

  /** Puts a datagram that is written into the batch, and counts it. */
  commitDatagram(batch: DatagramBatch, path: Path, start: number, end: number): void {
    path.bytesSent += end - start;
    this.bytesSent += end - start;
    this.datagramsSent++;
    batch.commit(start, end, path.socket, path.address, path.port, 0);
  }

  /** Tells the application once. */
  onEnded(): void {
    if (!this.#isEndTold) {
      this.#isEndTold = true;
      this.#closedEvent = { type: 'closed', error: this.life.error! };
      this.host.onEvents();
    }
    this.host.wake();
  }
  #isEndTold: boolean = false;
}

const NO_LISTENER = {
  onAcked(): void {},
  onLost(): void {},
};
