/**
 * The broker without sockets, timers and promises: bytes, ends and time come in, pieces to write and things to do go out. Nothing in here throws because
 * of what a peer sent.
 *
 * A driver's turn:
 *
 *   session = core.openSession(remote, now)         a connection came
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
import {
  CONNECT_DEADLINE,
  MAX_PACKET_SIZE,
  MAX_PROTOCOL_ERRORS,
  MAX_QUEUED_BYTES,
  QUEUE_HARD_LIMIT,
  RETAINED_SWEEP_INTERVAL,
} from '../limits.ts';
import { PINGRESP, decodePacket, encodeDisconnect } from '../packets/codec.ts';
import { PacketType, packetTypeName } from '../packets/packet-types.ts';
import type { EncodedPublish } from '../packets/publish.ts';
import { readShortPuback } from '../packets/puback.ts';
import { ApplicationErrorCode, ReasonCode, describeReasonCode } from '../reason-codes.ts';
import { Deadlines } from './deadlines.ts';
import type { Timed } from './deadlines.ts';
import { Flow } from './flow.ts';
import type { FlowHost, FlowKind } from './flow.ts';
import { handleConnect, refuseMalformedConnect, willMessage } from './handlers/connect.ts';
import { handlePublish } from './handlers/publish.ts';
import { handleSubscribe, handleUnsubscribe } from './handlers/subscribe.ts';
import type { Message } from './message.ts';
import { RetainedStore } from './retained.ts';
import type { RetainedLimits } from './retained.ts';
import { Router, targetForOwn } from './router.ts';
import { Session } from './session.ts';

/** Levels as loggers know them. */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error';
export type LogFunction = (level: LogLevel, message: string, fields: Readonly<Record<string, unknown>>) => void;

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

/** Counters since the broker began, and what there is now. */
export interface BrokerStats {
  sessions: number;
  flows: number;
  subscriptions: number;
  retainedMessages: number;
  retainedBytes: number;
  /** Bytes that wait on all flows. */
  queuedBytes: number;
  messagesReceived: number;
  /** Copies queued for subscribers. */
  messagesRouted: number;
  /** Copies not queued: QoS 0 for a reader that is behind, or larger than the client takes. */
  messagesDropped: number;
  /** Messages with RETAIN=1 that the store had no room for. */
  retainedRefused: number;
  /** Flows closed because their QoS 1 messages were not read. */
  flowsEvicted: number;
  connectionsAccepted: number;
  connectionsRefused: number;
  protocolErrors: number;
  /** Exceptions that were mistakes of ours. */
  internalErrors: number;
}

export class BrokerCore implements FlowHost {
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
  readonly counters: Omit<
    BrokerStats,
    'sessions' | 'flows' | 'subscriptions' | 'retainedMessages' | 'retainedBytes' | 'queuedBytes'
  > = {
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

  #flowCount = 0;
  /** Flows that search the retained messages, and whose turn it is: one at a time. */
  readonly #searching: Flow[] = [];
  readonly #nextSearch: Timed = {
    deadline: Infinity,
    heapIndex: -1,
    handleTimeout: (now) => {
      const flow = this.#searching.shift();
      if (flow?.isOpen === true) flow.continueSearch();
      if (this.#searching.length > 0) this.deadlines.set(this.#nextSearch, now + 1);
    },
  };
  /** Those being published: empty but within endSession(). */
  readonly #wills: Message[] = [];
  /** Forgets retained messages that have expired. What is asked for by a subscription is looked at there as well. */
  readonly #sweep: Timed = {
    deadline: Infinity,
    heapIndex: -1,
    handleTimeout: (now) => {
      if (this.retained.removeExpired(now)) this.deadlines.set(this.#sweep, now + RETAINED_SWEEP_INTERVAL);
    },
  };
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
  openSession(remote: string, now: number): Session {
    const session = new Session(remote, now, (session, now) => this.#handleSilence(session, now));
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

  markReady(flow: Flow): void {
    if (flow.isReady) return;
    flow.isReady = true;
    this.#readyFlows.push(flow);
  }

  searchLater(flow: Flow): void {
    this.#searching.push(flow);
    // At once, but not in this turn.
    if (this.#nextSearch.heapIndex === -1) this.deadlines.set(this.#nextSearch, 0);
  }

  handlePacket(flow: Flow, header: number, now: number): void {
    const { buffer, start, bodyStart, end } = flow.splitter;
    const session = flow.session;
    const type = header >> 4;
    if (session.state === 'connected') {
      if (type === PacketType.PUBLISH) {
        handlePublish(this, flow, header, buffer, bodyStart, end, now);
        return;
      }
      const identifier = readShortPuback(header, buffer, bodyStart, end);
      if (identifier !== 0 && flow.kind !== 'unidirectional') {
        this.#handlePuback(session, identifier);
        return;
      }
    } else {
      this.handlePartial(flow, header);
    }
    this.#handleOther(flow, buffer, start, bodyStart, end, now);
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
    this.#close(session, closeCode, reason, now);
  }

  /** Ends a connection without a word of MQTT. */
  #close(session: Session, closeCode: number, reason: string, now: number): void {
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

  /** The client said goodbye: no will, unless it asked for it. */
  #handleDisconnect(session: Session, reasonCode: number, sessionExpiryInterval: number, now: number): void {
    // [MQTT-3.14.2-2]
    if (sessionExpiryInterval > 0 && session.sessionExpiryInterval === 0)
      throw new PacketError(ReasonCode.PROTOCOL_ERROR, 'DISCONNECT wants to keep a session that was to end');
    if (reasonCode !== ReasonCode.DISCONNECT_WITH_WILL_MESSAGE) session.will = undefined; // [MQTT-3.14.4-3]
    this.#close(session, ApplicationErrorCode.NORMAL, '', now);
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

  /**
   * Stores a message if it is to be retained, and queues it for everyone who subscribed.
   *
   * @param source the flow on which it came
   * @returns whether a message to be retained was stored
   */
  publish(message: Message, source: Flow | undefined, now: number): boolean {
    const isStored = !message.retain || this.#retain(message, now);
    let targets;
    if (source === undefined) {
      targets = this.router.route(message.topic);
    } else {
      if (source.routeVersion !== this.router.version) {
        source.route = this.router.route(message.topic);
        source.routeVersion = this.router.version;
      }
      targets = source.route as ReturnType<Router['route']>;
    }
    for (const found of targets) {
      const session = found.flow.session;
      const target = found.hasNoLocal && session === message.publisher ? targetForOwn(found) : found;
      if (target === undefined || !target.flow.isOpen) continue;
      const qos = Math.min(target.qos, message.qos);
      const retain = message.retain && target.retainAsPublished; // [MQTT-3.3.1-12], [MQTT-3.3.1-13]
      const encoded =
        target.identifiers === undefined && !retain
          ? message.shared(session.version, qos)
          : message.encode(session.version, qos, retain, target.identifiers);
      this.#offer(target.flow, encoded, source, now);
    }
    return isStored;
  }

  /** Queues a copy for a flow, or says why not. */
  #offer(flow: Flow, message: EncodedPublish, source: Flow | undefined, now: number): void {
    // [MQTT-3.1.2-24], [MQTT-3.1.2-25]
    if (message.size > flow.session.maximumPacketSize) {
      this.counters.messagesDropped++;
      return;
    }
    const isFull = flow.backlog > 0 && flow.backlog + message.size > QUEUE_HARD_LIMIT;
    if (isFull || flow.isBehind) {
      const isHoping = flow.holdBack(source, now);
      const isOverloaded = isFull || this.queuedBytes > MAX_QUEUED_BYTES;
      if (message.identifierOffset === -1) {
        if (isOverloaded || !isHoping) {
          this.counters.messagesDropped++;
          return;
        }
      } else if (isOverloaded) {
        this.#evict(flow, now);
        return;
      }
    }
    this.counters.messagesRouted++;
    flow.enqueue(message);
  }

  /** A reader of QoS 1 messages that does not read: losing some of them silently is not allowed, so it is told that it lost its stream. */
  #evict(flow: Flow, now: number): void {
    const session = flow.session;
    this.counters.flowsEvicted++;
    this.log('warn', 'A subscriber does not read its messages', { remote: session.remote, clientId: session.clientId });
    if (flow.kind === 'control') {
      this.disconnect(session, ReasonCode.QUOTA_EXCEEDED, 'Messages are not read fast enough', now);
    } else {
      this.abortFlow(flow, ReasonCode.QUOTA_EXCEEDED, now);
    }
  }

  #retain(message: Message, now: number): boolean {
    if (message.payload.length === 0) {
      this.retained.delete(message.topic); // [MQTT-3.3.1-6], [MQTT-3.3.1-7]
      return true;
    }
    const isStored = this.retained.set(message);
    if (!isStored) this.counters.retainedRefused++;
    else if (message.expiresAt !== Infinity && this.#sweep.heapIndex === -1)
      this.deadlines.set(this.#sweep, now + RETAINED_SWEEP_INTERVAL);
    return isStored;
  }

  #handleOther(flow: Flow, buffer: Uint8Array, start: number, bodyStart: number, end: number, now: number): void {
    const session = flow.session;
    const type = buffer[start] >> 4;
    if (flow.kind === 'unidirectional')
      throw new PacketError(ReasonCode.PROTOCOL_ERROR, `${packetTypeName(type)} came on a unidirectional stream`);
    // [MQTT-3.1.0-2]. It is not looked into: what is wrong with a CONNECT has reason codes that DISCONNECT has not.
    if (type === PacketType.CONNECT && session.state !== 'new')
      throw new PacketError(ReasonCode.PROTOCOL_ERROR, 'CONNECT came a second time or on a data stream');
    let packet;
    try {
      packet = decodePacket(buffer, start, bodyStart, end, session.version);
    } catch (error) {
      if (session.state === 'new') refuseMalformedConnect(this, flow, buffer.subarray(bodyStart, end), error);
      throw error;
    }
    switch (packet.type) {
      case PacketType.SUBSCRIBE:
        handleSubscribe(this, flow, packet, now);
        return;
      case PacketType.UNSUBSCRIBE:
        handleUnsubscribe(this, flow, packet);
        return;
      case PacketType.PUBACK:
        this.#handlePuback(session, packet.packetIdentifier);
        return;
      case PacketType.PINGREQ:
        // On a data flow nobody waits for an answer.
        if (flow.kind === 'control') this.reply(flow, PINGRESP); // [MQTT-3.12.4-1]
        return;
      case PacketType.CONNECT:
        handleConnect(this, flow, packet, now);
        return;
      case PacketType.DISCONNECT:
        if (flow.kind !== 'control') break;
        this.#handleDisconnect(session, packet.reasonCode, packet.sessionExpiryInterval, now);
        return;
    }
    throw new PacketError(ReasonCode.PROTOCOL_ERROR, `${packetTypeName(packet.type)} is not expected here`);
  }

  #handlePuback(session: Session, packetIdentifier: number): void {
    // An identifier that is not in flight may have been acknowledged on the stream that died; it harms nobody.
    if (session.inFlight.acknowledge(packetIdentifier) === undefined) return;
    const queue = session.inFlight.nextWaiting();
    if (queue !== undefined) this.markReady(queue.owner as Flow);
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
      this.#close(session, ApplicationErrorCode.CONTROL_STREAM_LOST, 'Control stream lost', now);
  }

  #handleSilence(session: Session, now: number): void {
    if (session.state === 'new') {
      this.counters.connectionsRefused++;
      this.#close(session, ReasonCode.MAXIMUM_CONNECT_TIME, 'No CONNECT came in time', now);
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
