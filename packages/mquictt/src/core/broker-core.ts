/**
 * The broker without sockets, timers and promises: bytes, ends and time come in, pieces to write and things to do go out. Nothing in here throws because
 * of what a peer sent.
 *
 * A driver's turn:
 *
 *   session = core.openSession(remote, now, ...)    a connection came
 *   flow = core.openFlow(session, kind)             one of its streams, the control stream first; others once `state` is 'connected'
 *   flow.receive(chunk, now), receiveEnd, receiveReset
 *   core.closeConnection(session, now)              the connection is gone
 *   core.handleTimeout(now)                         when now >= nextTimeout()
 *   while ((flow = core.nextReadyFlow())) ...       see Flow
 *   while ((session = core.nextReadySession())) ... close the connection with closeCode when its control flow has nothing left to write
 *   core.nextTimeout()                              set the one timer
 */
import type { Random } from '@mquictt/tls13';
import { PacketError } from '../errors.ts';
import { CONNECT_DEADLINE, MAX_PACKET_SIZE, MAX_PROTOCOL_ERRORS, QUEUE_HARD_LIMIT } from '../limits.ts';
import { encodeDisconnect } from '../packets/codec.ts';
import { PacketType, packetTypeName } from '../packets/packet-types.ts';
import { ApplicationErrorCode, ReasonCode, describeReasonCode } from '../reason-codes.ts';
import type { BrokerCounters, BrokerStats, LogFunction } from './broker-stats.ts';
import { Deadlines } from './deadlines.ts';
import { Delivery, type DeliveryHost } from './delivery.ts';
import { Flow } from './flow.ts';
import type { FlowHost, FlowKind } from './flow.ts';
import { willMessage } from './handlers/connect.ts';
import { dispatch } from './handlers/dispatch.ts';
import type { Message } from './message.ts';
import { RetainedStore } from './retained.ts';
import type { RetainedLimits } from './retained.ts';
import { Router } from './router.ts';
import { Session } from './session.ts';

export interface BrokerCoreOptions {
  /** Draws client identifiers for clients that bring none. */
  readonly random: Random;
  /** Bytes, fixed header included. @default 1 MiB */
  readonly maxPacketSize?: number;
  readonly retained?: RetainedLimits;
  /** Seconds; takes the place of a client's keep-alive that is longer or off. @default none */
  readonly serverKeepAlive?: number;
  /** @default nothing is logged */
  readonly log?: LogFunction;
}

export class BrokerCore implements FlowHost, DeliveryHost {
  readonly deadlines: Deadlines = new Deadlines();
  readonly maxPacketSize: number;
  readonly serverKeepAlive: number;
  readonly random: Random;
  readonly router: Router = new Router();
  readonly retained: RetainedStore;
  readonly log: LogFunction;
  /** Connected sessions by client identifier. */
  readonly sessions: Map<string, Session> = new Map();
  queuedBytes = 0;
  readonly counters: BrokerCounters = {
    messagesReceived: 0,
    messagesRouted: 0,
    messagesDropped: 0,
    retainedRefused: 0,
    flowsEvicted: 0,
    connectionsAccepted: 0,
    connectionsRefused: 0,
    protocolErrors: 0,
    internalErrors: 0,
  };

  readonly #delivery: Delivery = new Delivery(this);
  #flowCount = 0;
  /** Those being published: empty but within endSession(). */
  readonly #wills: Message[] = [];
  readonly #readyFlows: (Flow | undefined)[] = [];
  #readyFlowsHead = 0;
  readonly #readySessions: Session[] = [];

  constructor(options: BrokerCoreOptions) {
    this.random = options.random;
    this.maxPacketSize = options.maxPacketSize ?? MAX_PACKET_SIZE;
    this.serverKeepAlive = options.serverKeepAlive ?? 0;
    this.retained = new RetainedStore(options.retained);
    this.log = options.log ?? ((): void => {});
  }

  // --- What the driver calls ---

  /** @param remote address and port, for logs */
  /** @param peerIdentity what the judge of its certificate called the client */
  openSession(remote: string, now: number, peerIdentity?: string): Session {
    const session = new Session(remote, peerIdentity, now, (session, now) => this.#handleSilence(session, now));
    this.deadlines.set(session, now + CONNECT_DEADLINE);
    return session;
  }

  openFlow(session: Session, kind: FlowKind): Flow {
    const flow = new Flow(kind, session, this);
    session.flows.add(flow);
    if (kind === 'control') session.control = flow;
    this.#flowCount++;
    return flow;
  }

  /** The connection is gone, or will take nothing more. A will is published unless there was a DISCONNECT. */
  closeConnection(session: Session, now: number): void {
    this.endSession(session, now);
    for (const flow of session.flows) {
      flow.drop();
      this.#forget(flow);
    }
    session.control = undefined;
  }

  /** Ends all sessions because the broker stops. */
  shutDown(now: number): void {
    for (const session of this.sessions.values()) {
      this.disconnect(session, ReasonCode.SERVER_SHUTTING_DOWN, 'The broker is shutting down', now);
    }
  }

  nextReadyFlow(): Flow | undefined {
    if (this.#readyFlowsHead === this.#readyFlows.length) {
      this.#readyFlows.length = 0;
      this.#readyFlowsHead = 0;
      return undefined;
    }
    const flow = this.#readyFlows[this.#readyFlowsHead] as Flow;
    this.#readyFlows[this.#readyFlowsHead++] = undefined;
    flow.isReady = false;
    return flow;
  }

  nextReadySession(): Session | undefined {
    const session = this.#readySessions.shift();
    if (session !== undefined) session.isReady = false;
    return session;
  }

  nextTimeout(): number {
    return this.deadlines.next();
  }

  handleTimeout(now: number): void {
    this.deadlines.run(now);
  }

  stats(): BrokerStats {
    return {
      sessions: this.sessions.size,
      flows: this.#flowCount,
      subscriptions: this.router.subscriptionCount,
      retainedMessages: this.retained.count,
      retainedBytes: this.retained.bytes,
      queuedBytes: this.queuedBytes,
      ...this.counters,
    };
  }

  // --- What flows call ---

  searchLater(flow: Flow): void {
    this.#delivery.searchLater(flow);
  }

  markReady(flow: Flow): void {
    if (flow.isReady) return;
    flow.isReady = true;
    this.#readyFlows.push(flow);
  }

  handlePacket(flow: Flow, header: number, now: number): void {
    if (flow.session.state !== 'connected') this.handlePartial(flow, header);
    dispatch(this, flow, header, now);
  }

  handlePartial(flow: Flow, header: number): void {
    if (header === -1 || flow.session.state === 'connected') return;
    // [MQTT-3.1.0-1]. Under this ALPN no stream begins with the header of another dialect either.
    const type = header >> 4;
    if (type !== PacketType.CONNECT || flow.kind !== 'control')
      throw new PacketError(
        ReasonCode.PROTOCOL_ERROR,
        `The first packet is ${packetTypeName(type)} instead of CONNECT`,
      );
  }

  handleFailure(flow: Flow, error: unknown, now: number): void {
    const session = flow.session;
    let reasonCode: number = ReasonCode.IMPLEMENTATION_SPECIFIC_ERROR;
    let message = 'An internal error';
    if (error instanceof PacketError) {
      reasonCode = error.reasonCode;
      message = error.message;
      this.counters.protocolErrors++;
    } else {
      this.counters.internalErrors++;
      this.log('error', 'Handling a packet failed', { remote: session.remote, clientId: session.clientId, error });
    }
    this.log('warn', message, {
      remote: session.remote,
      clientId: session.clientId,
      flow: flow.kind,
      reason: describeReasonCode(reasonCode),
    });
    if (flow.kind === 'control') {
      this.disconnect(session, reasonCode, message, now);
      return;
    }
    this.abortFlow(flow, reasonCode, now);
    session.protocolErrorCount++;
    if (session.protocolErrorCount >= MAX_PROTOCOL_ERRORS) this.disconnect(session, reasonCode, message, now);
  }

  handleEnd(flow: Flow, now: number): void {
    if (!flow.splitter.isBetweenPackets)
      throw new PacketError(ReasonCode.MALFORMED_PACKET, 'A stream ended in the middle of a packet');
    if (flow.kind === 'control') {
      this.#loseControl(flow.session, now);
      return;
    }
    // FIN is answered by FIN, after everything that came before has been routed and acknowledged.
    this.#endSubscriptions(flow);
    flow.finish();
    this.#bequeath(flow, now);
    this.#forget(flow);
  }

  handleReset(flow: Flow, errorCode: number, now: number): void {
    if (flow.kind === 'control') this.#loseControl(flow.session, now);
    else this.abortFlow(flow, errorCode, now);
  }

  // --- What the handlers call ---

  /** Ends one data flow with a reason code; the connection lives. */
  abortFlow(flow: Flow, errorCode: number, now: number): void {
    if (flow.kind === 'control') return;
    this.#endSubscriptions(flow);
    flow.abort(errorCode);
    this.#bequeath(flow, now);
    this.#forget(flow);
  }

  /**
   * Ends a connection from our side: DISCONNECT where the version has it, then CONNECTION_CLOSE.
   *
   * @param reasonCode also the application error code, unless `closeCode` says another
   */
  disconnect(session: Session, reasonCode: number, reason: string, now: number, closeCode: number = reasonCode): void {
    if (session.closeCode !== -1) return;
    const isConnected = session.state === 'connected';
    // MQTT 3.1.1 has no DISCONNECT from the server. [MQTT-3.14.0-1]: not before a CONNACK that accepts.
    if (isConnected && session.version === 5) {
      let packet = encodeDisconnect(reasonCode, reason, 5);
      // [MQTT-3.14.2-3]
      if (packet.length > session.maximumPacketSize) packet = encodeDisconnect(reasonCode, undefined, 5);
      session.control?.queue.pushReply(packet);
    }
    this.close(session, closeCode, reason, now);
  }

  /** Ends a connection without a word of MQTT. */
  close(session: Session, closeCode: number, reason: string, now: number): void {
    session.closeCode = closeCode;
    session.closeReason = reason;
    this.endSession(session, now);
    for (const flow of session.flows) {
      if (flow === session.control) {
        flow.finish();
        continue;
      }
      flow.drop();
      this.#forget(flow);
    }
    if (!session.isReady) {
      session.isReady = true;
      this.#readySessions.push(session);
    }
  }

  /** The session is over, the connection maybe not yet. */
  endSession(session: Session, now: number): void {
    if (session.state === 'closed') return;
    const wasConnected = session.state === 'connected';
    session.state = 'closed';
    this.deadlines.set(session, Infinity);
    for (const flow of session.flows) this.#endSubscriptions(flow);
    if (!wasConnected) return;
    if (this.sessions.get(session.clientId) === session) this.sessions.delete(session.clientId);
    this.log('info', 'A client is gone', { remote: session.remote, clientId: session.clientId });
    const will = session.will;
    session.will = undefined;
    if (will === undefined) return;
    // [MQTT-3.1.2-8]. Sessions end with their connection, so a will delay is over at once (MQTT 5 §3.1.3.2.2).
    this.#wills.push(willMessage(will, session, now));
    // A will may end the sessions of those who do not read it, and those have wills too: thousands of them would nest.
    if (this.#wills.length > 1) return;
    for (let i = 0; i < this.#wills.length; i++) this.publish(this.#wills[i], undefined, now);
    this.#wills.length = 0;
  }

  /**
   * Queues an answer, which goes before messages.
   *
   * @throws PacketError PACKET_TOO_LARGE: the client takes no packet of that size, and cannot be left without an answer
   */
  reply(flow: Flow, packet: Uint8Array): void {
    // [MQTT-3.1.2-24]
    if (packet.length > flow.session.maximumPacketSize)
      throw new PacketError(ReasonCode.PACKET_TOO_LARGE, 'An answer is larger than the packets that the client takes');
    flow.queue.pushReply(packet);
    this.markReady(flow);
  }

  /** See Delivery.publish(). */
  publish(message: Message, source: Flow | undefined, now: number): boolean {
    return this.#delivery.publish(message, source, now);
  }

  /** What a dead flow had sent goes on on the control flow. [MQTT-3.10.4-3] */
  #bequeath(flow: Flow, now: number): void {
    const session = flow.session;
    const control = session.control;
    if (flow.kind !== 'data' || control === undefined) return;
    const isAlive = session.state === 'connected' && control.isOpen;
    for (const [identifier, message] of session.inFlight.inherit(flow.queue, isAlive ? control.queue : undefined)) {
      if (!isAlive) continue;
      this.queuedBytes += message.size;
      control.queue.pushResend(message.asDuplicate(identifier));
      this.markReady(control);
    }
    if (isAlive && control.backlog > QUEUE_HARD_LIMIT)
      this.disconnect(session, ReasonCode.QUOTA_EXCEEDED, 'Messages are not acknowledged', now);
    const waiting = session.inFlight.nextWaiting();
    if (waiting !== undefined) this.markReady(waiting.owner as Flow);
  }

  #endSubscriptions(flow: Flow): void {
    for (const subscription of flow.subscriptions.values()) {
      this.router.remove(subscription);
      flow.session.subscriptionLevels -= subscription.levels;
    }
    flow.session.subscriptionCount -= flow.subscriptions.size;
    flow.subscriptions.clear();
  }

  #forget(flow: Flow): void {
    if (flow.session.flows.delete(flow)) this.#flowCount--;
  }

  /** The control stream ended without DISCONNECT: the connection is over. */
  #loseControl(session: Session, now: number): void {
    if (session.closeCode === -1)
      this.close(session, ApplicationErrorCode.CONTROL_STREAM_LOST, 'Control stream lost', now);
  }

  #handleSilence(session: Session, now: number): void {
    if (session.state === 'new') {
      this.counters.connectionsRefused++;
      this.close(session, ReasonCode.MAXIMUM_CONNECT_TIME, 'No CONNECT came in time', now);
      return;
    }
    if (session.patience === 0) return;
    const deadline = session.lastReceived + session.patience;
    if (now < deadline) {
      this.deadlines.set(session, deadline);
      return;
    }
    // [MQTT-3.1.2-22]
    this.disconnect(session, ReasonCode.KEEP_ALIVE_TIMEOUT, 'Nothing came within 1.5 times the keep-alive', now);
  }
}
