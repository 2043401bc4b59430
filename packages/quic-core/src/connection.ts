/**
 * One peer: the order of calls between the parts of a connection, its deadlines, and the application's commands (contract.ts). The work is done by the
 * packet reader, the packet builder, the frame handlers, the handshake driver, recovery and the streams.
 *
 * What an input made wrong never leaves this file: TransportError closes the connection with its code, anything else is a bug of ours and closes it with
 * INTERNAL_ERROR, and other connections go on.
 */
import { ConnectionContext, type ContextOptions } from './connection-context.ts';
import { TlsError, type Credential, type Handshake, type ServerSession } from '@mquictt/tls13';
import type { Connection, ConnectionEvent, ReceiveState } from './contract.ts';
import type { DatagramBatch } from './datagram-batch.ts';
import { QuicError } from './errors.ts';
import { FrameHandlers } from './frame-handlers.ts';
import { HandshakeDriver, handshakeFailure, invalidState, type HandshakeConfig } from './handshake-driver.ts';
import { LifeState } from './lifecycle.ts';
import { MIN_DATAGRAM_SIZE } from './limits.ts';
import { PacketBuilder } from './packet-builder.ts';
import { PacketReader } from './packet-reader.ts';
import { Carried } from './recovery/sent-packet.ts';
import { Space, SPACES } from './recovery/spaces.ts';
import type { ConnectionStats } from './stats.ts';

/** Closing and draining last so many PTOs (RFC 9000 §10.2). */
const CLOSING_PTOS = 3;
/** Probe timeouts in a row after which large datagrams are held to be what gets lost. */
const BLACK_HOLE_PTOS = 3;

export class QuicCoreConnection implements Connection {
  readonly #context: ConnectionContext;
  readonly #driver: HandshakeDriver;
  readonly #reader: PacketReader;
  readonly #builder: PacketBuilder;
  #alpnProtocol: string | undefined = undefined;
  #serverName: string | undefined = undefined;
  #isResumed: boolean = false;
  #peerIdentity: string | undefined = undefined;
  context: unknown = undefined;

  constructor(options: ContextOptions, config: HandshakeConfig, now: number) {
    const context = new ConnectionContext(options);
    this.#context = context;
    this.#driver = new HandshakeDriver(context, config);
    this.#reader = new PacketReader(context, new FrameHandlers(context, this.#driver), this.#driver);
    this.#builder = new PacketBuilder(context);
    context.carriedListener = this;
    context.now = now;
    context.handshakeDeadline = now + context.transport.handshakeTimeout;
    context.restartIdle(now);
    if (context.isClient) this.#driver.start();
  }

  // --- Inputs

  /** Takes datagrams from..to of the batch, all of them routed here. */
  handleDatagrams(batch: DatagramBatch, from: number, to: number, now: number): void {
    const context = this.#context;
    context.now = now;
    if (!context.life.isAlive) {
      this.#readWhileClosing(batch, from, to, now);
      return;
    }
    try {
      if (!context.path.isValidated) context.recovery.setAmplificationBlocked(false);
      this.#reader.read(batch, from, to, now);
    } catch (error) {
      context.closeWithError(error);
    }
  }

  handleTimeout(now: number): void {
    const context = this.#context;
    context.now = now;
    const { life } = context;
    if (!life.isAlive) {
      if (now >= life.deadline) this.#leave();
      return;
    }
    try {
      if (now >= context.idleDeadline) {
        context.vanish(this.#idleError());
      } else if (now >= context.handshakeDeadline) {
        const seconds = context.transport.handshakeTimeout / 1000;
        const { address, port } = context.path;
        context.vanish(
          new QuicError(
            'ERR_QUIC_HANDSHAKE_TIMEOUT',
            `Handshake with ${address} port ${port} did not complete within ${seconds} s`,
            {
              fault: 'timeout',
            },
          ),
        );
      } else {
        this.#handleDeadlines(now);
      }
    } catch (error) {
      context.closeWithError(error);
    }
  }

  #handleDeadlines(now: number): void {
    const context = this.#context;
    if (context.recovery.timeout() <= now) {
      context.recovery.onTimeout(now);
      // RFC 8899 §4.3: a path that carried large datagrams, or was said to, may not carry them any more. Smaller ones always pass.
      if (context.recovery.ptoCount >= BLACK_HOLE_PTOS) context.setDatagramSize(MIN_DATAGRAM_SIZE);
    }
    context.applicationKeys.handleTimeout(now);
    if (now >= context.keepAliveDeadline) {
      context.isPingPending = true;
      context.keepAliveDeadline = now + context.transport.keepAliveInterval;
    }
    if (now >= context.path.challengeDeadline && context.path.handleTimeout(context.random, now)) this.#goBack();
  }

  /** RFC 9000 §9.3.2: the new address proved nothing, so the last one that did is used again. */
  #goBack(): void {
    const context = this.#context;
    if (context.fallbackPath === undefined) return;
    context.path = context.fallbackPath;
    context.fallbackPath = undefined;
    context.recovery.setAmplificationBlocked(false);
  }

  #idleError(): QuicError {
    const { path, transport, isHandshakeComplete } = this.#context;
    if (!isHandshakeComplete) {
      return new QuicError(
        'ERR_QUIC_HANDSHAKE_TIMEOUT',
        `No answer from ${path.address} port ${path.port} within ${transport.maxIdleTimeout / 1000} s`,
        {
          fault: 'timeout',
        },
      );
    }
    return new QuicError(
      'ERR_QUIC_IDLE_TIMEOUT',
      `Nothing was heard from ${path.address} port ${path.port} for the idle timeout`,
      { fault: 'timeout' },
    );
  }

  /** RFC 9000 §10.2.1: while closing, nothing is read any more. What comes is answered with CONNECTION_CLOSE, ever more rarely. */
  #readWhileClosing(batch: DatagramBatch, from: number, to: number, now: number): void {
    const { life, path } = this.#context;
    for (let i = from; i < to; i++) {
      if (path.isSame(batch.socket[i]!, batch.address[i]!, batch.port[i]!)) {
        path.bytesReceived += batch.end[i]! - batch.start[i]!;
      }
      life.onDatagramWhileClosing();
    }
    life.armDeadline(now, CLOSING_PTOS * this.#context.pto);
    if (life.isClosePending) this.#context.host.wake();
  }

  /** The peer's stateless reset has arrived (RFC 9000 §10.3.1). */
  handleStatelessReset(): void {
    if (this.#context.life.isAlive) this.#context.onStatelessReset();
  }

  // --- Outputs

  /** Appends datagrams to the batch. @returns how many */
  pollTransmit(batch: DatagramBatch, now: number): number {
    const context = this.#context;
    context.now = now;
    const { life } = context;
    const before = batch.count;
    if (life.isAlive) {
      try {
        this.#builder.fill(batch, now);
      } catch (error) {
        context.closeWithError(error);
      }
    }
    if (!life.isAlive) {
      life.armDeadline(now, CLOSING_PTOS * context.pto);
      if (life.isClosePending) this.#builder.buildClose(batch, now);
    }
    return batch.count - before;
  }

  nextTimeout(): number {
    const context = this.#context;
    const { life } = context;
    // NaN: not armed yet; the transmit that a close asks for arms it.
    if (!life.isAlive) return life.deadline;
    let earliest = Math.min(
      context.recovery.timeout(),
      context.idleDeadline,
      context.handshakeDeadline,
      context.keepAliveDeadline,
      context.path.challengeDeadline,
    );
    if (context.applicationKeys.previousKeyDeadline < earliest) earliest = context.applicationKeys.previousKeyDeadline;
    // What the peer's address does not allow to send must not wake us again and again: the next datagram from there will.
    if (context.isAmplificationBlocked) return earliest;
    if (context.pacingDeadline < earliest) earliest = context.pacingDeadline;
    for (const index of SPACES) {
      const space = context.spaces[index];
      if (!space.isDiscarded && space.acks.ackDeadline < earliest) earliest = space.acks.ackDeadline;
    }
    return earliest;
  }

  nextEvent(): ConnectionEvent | undefined {
    const event = this.#context.nextEvent();
    if (event?.type === 'connected') {
      this.#alpnProtocol = event.alpnProtocol;
      this.#serverName = event.serverName;
      this.#isResumed = event.isResumed;
      this.#peerIdentity = event.peerIdentity;
    }
    return event;
  }

  // --- What became of sent frames: connection.ts alone knows whose they were

  onAcked(space: Space, kind: Carried, a: number, b: number, c: number): void {
    const context = this.#context;
    switch (kind) {
      case Carried.ACK:
        context.spaces[space].acks.onAckAcked(a);
        break;
      case Carried.CRYPTO:
        context.spaces[space].crypto.onAcked(a, b);
        break;
      case Carried.RETIRE_CONNECTION_ID:
        context.peerIds.onAcked(a);
        break;
      case Carried.NEW_CONNECTION_ID:
      case Carried.HANDSHAKE_DONE:
        break;
      default:
        context.streams.onAcked(kind, a, b, c);
    }
  }

  onLost(space: Space, kind: Carried, a: number, b: number, c: number): void {
    const context = this.#context;
    switch (kind) {
      case Carried.ACK:
        // A newer ACK says more: none is sent again.
        break;
      case Carried.CRYPTO:
        context.spaces[space].crypto.onLost(a, b);
        break;
      case Carried.NEW_CONNECTION_ID:
        context.localIds.onLost(a);
        break;
      case Carried.RETIRE_CONNECTION_ID:
        context.peerIds.onLost(a);
        break;
      case Carried.HANDSHAKE_DONE:
        context.isHandshakeDonePending = true;
        break;
      default:
        context.streams.onLost(kind, a, b, c);
    }
  }

  // --- State

  get isClient(): boolean {
    return this.#context.isClient;
  }

  get remoteAddress(): string {
    return this.#context.path.address;
  }

  get remotePort(): number {
    return this.#context.path.port;
  }

  get alpnProtocol(): string | undefined {
    return this.#alpnProtocol;
  }

  get serverName(): string | undefined {
    return this.#serverName;
  }

  get peerCertificates(): readonly Uint8Array[] {
    return this.#driver.handshake.peerCertificates;
  }

  get isResumed(): boolean {
    return this.#isResumed;
  }

  get peerIdentity(): string | undefined {
    return this.#peerIdentity;
  }

  get isConnected(): boolean {
    return this.#context.isHandshakeComplete && this.#context.life.isAlive;
  }

  /** Whether the handshake still counts against the endpoint's limit. */
  get isHalfOpen(): boolean {
    return !this.#context.isHandshakeComplete;
  }

  /** Nothing is left of it but this object: the endpoint forgets it. */
  get isGone(): boolean {
    return this.#context.life.state === LifeState.GONE;
  }

  /** Whether at least one packet of the peer was authentic. */
  get hasReceivedPacket(): boolean {
    return this.#context.hasReceivedPacket;
  }

  /** UDP payload bytes of the datagrams that pollTransmit() makes. */
  get datagramSize(): number {
    return this.#context.datagramSize;
  }

  get closeError(): QuicError | undefined {
    return this.#context.life.error;
  }

  get isDrained(): boolean {
    return this.#context.streams.isDrained;
  }

  // --- Commands

  openStream(bidirectional: boolean): number {
    if (!this.#context.life.isAlive) return -1;
    const id = this.#context.streams.open(bidirectional);
    this.#context.host.wake();
    return id;
  }

  writeStream(id: number, data: Uint8Array, fin: boolean): number {
    if (!this.#context.life.isAlive) return 0;
    const accepted = this.#context.streams.write(id, data, fin);
    this.#context.host.wake();
    return accepted;
  }

  writableBytes(id: number): number {
    return this.#context.life.isAlive ? this.#context.streams.writableBytes(id) : 0;
  }

  readStream(id: number, maxLength?: number): Uint8Array | undefined {
    const data = this.#context.streams.read(id, maxLength);
    // Reading may owe the peer new credit.
    if (data !== undefined) this.#context.host.wake();
    return data;
  }

  receiveState(id: number): ReceiveState {
    return this.#context.streams.receiveState(id);
  }

  resetCode(id: number): number {
    return this.#context.streams.resetCode(id);
  }

  resetStream(id: number, errorCode: number): void {
    this.#context.streams.reset(id, errorCode);
    this.#context.host.wake();
  }

  stopSending(id: number, errorCode: number): void {
    this.#context.streams.stop(id, errorCode);
    this.#context.host.wake();
  }

  setPriority(id: number, urgency: number): void {
    this.#context.streams.setPriority(id, urgency);
  }

  ping(): void {
    this.#context.isPingPending = true;
    this.#context.host.wake();
  }

  close(errorCode: number, reason: string): void {
    const { life } = this.#context;
    if (!life.isAlive) return;
    const error = new QuicError(
      'ERR_QUIC_APPLICATION_CLOSE',
      `Connection was closed here with application error ${errorCode}${reason === '' ? '' : `: ${reason}`}`,
      {
        fault: 'local',
        errorCode,
        reason,
      },
    );
    life.startClosing(error, errorCode, 0, true, reason);
    this.#context.onEnded();
  }

  acceptPeerChain(identity?: string): void {
    this.#answer((handshake) => handshake.acceptPeerChain(identity));
  }

  rejectPeerChain(error: TlsError): void {
    this.#answer((handshake) => {
      handshake.rejectPeerChain(error);
      // Whatever its code is: as it stands, one of them says that nothing has changed.
      throw error instanceof TlsError ? handshakeFailure(error) : error;
    });
  }

  provideCredential(credential: Credential | undefined): void {
    this.#answer((handshake) => handshake.provideCredential(credential));
  }

  provideSession(session: ServerSession | undefined): void {
    this.#answer((handshake) => handshake.provideSession(session));
  }

  /** Goes on with a handshake that has waited for the application. */
  #answer(give: (handshake: Handshake) => void): void {
    const context = this.#context;
    if (!context.life.isAlive) return;
    try {
      this.#driver.answer(give);
      this.#reader.readEarly(context.now);
    } catch (error) {
      // Who answers what was not asked has made a mistake that is no fault of the connection.
      if (error instanceof QuicError) throw error;
      context.closeWithError(error);
    }
    context.host.onEvents();
    context.host.wake();
  }

  exportKeyingMaterial(label: string, context: Uint8Array, length: number): Uint8Array {
    try {
      return this.#driver.handshake.exportKeyingMaterial(label, context, length);
    } catch (error) {
      throw error instanceof TlsError ? invalidState(error) : error;
    }
  }

  updateKeys(): boolean {
    const { applicationKeys, spaces, life } = this.#context;
    if (!life.isAlive || !applicationKeys.canUpdate(spaces[Space.APPLICATION].largestAcked)) return false;
    applicationKeys.initiateUpdate();
    // The peer follows when it sees a packet of the new phase: an idle connection needs one.
    this.ping();
    return true;
  }

  stats(): ConnectionStats {
    const context = this.#context;
    const { recovery } = context;
    return {
      packetsSent: context.packetsSent,
      packetsReceived: context.packetsReceived,
      packetsLost: recovery.packetsLost,
      packetsDropped: context.packetsDropped,
      bytesSent: context.bytesSent,
      bytesReceived: context.bytesReceived,
      datagramsSent: context.datagramsSent,
      datagramsReceived: context.datagramsReceived,
      ptoCount: recovery.ptoFired,
      smoothedRtt: recovery.rtt.smoothed,
      minRtt: recovery.rtt.min,
      congestionWindow: recovery.controller.congestionWindow,
      bytesInFlight: recovery.bytesInFlight,
      openStreams: context.streams.openStreams,
      keyUpdates: context.applicationKeys.updateCount,
    };
  }

  /** The closing or draining period is over, or there was none. */
  #leave(): void {
    this.#context.life.vanish(this.#context.life.error!);
    this.#context.host.wake();
  }

  /** The endpoint forgets the connection: nothing is routed to it any more. */
  release(): void {
    const { localIds, peerIds, streams, spaces } = this.#context;
    localIds.retireAll();
    peerIds.close();
    // Whoever keeps the connection object must not keep megabytes of buffers with it.
    streams.close();
    for (const space of spaces) space.discard();
  }
}
