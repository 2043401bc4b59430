/**
 * The broker without sockets, timers and promises: bytes, ends and time come in, pieces to write and things to do go out. Nothing in here throws because
 * of what a peer sent.
 *
 * A driver's turn:
 *
 *   connection = core.openConnection(remote, now, ...) a connection came
 *   channel = core.openChannel(connection, kind)    one of its streams, the control stream first; others once `state` is 'connected'
 *   channel.receive(chunk, now), receiveEnd, receiveReset
 *   core.closeConnection(connection, now)           the connection is gone
 *   core.handleTimeout(now)                         when now >= nextTimeout()
 *   while ((channel = core.nextReadyChannel())) ... see Channel
 *   while ((request = core.nextConnectRequest())) ...
 *                                                   find out who it is, then answerConnect(request, result, now)
 *   while ((connection = core.nextReadyConnection())) ...
 *                                                   close it with closeCode when its control channel has nothing left to write
 *   core.nextTimeout()                              set the one timer
 *
 * Connections and channels live as long as what they stand for; sessions and their control flows live as long as MQTT says.
 */
import type { Random } from '@mquictt/tls13';
import { PacketError } from '../errors.ts';
import { CONNECT_DEADLINE, MAX_PROTOCOL_ERRORS, MAX_QUEUED_BYTES, QUEUE_LOG_INTERVAL } from '../limits.ts';
import { encodeDisconnect } from '../packets/codec.ts';
import type { DisconnectFields } from '../packets/codec.ts';
import { PacketType, packetTypeName } from '../packets/packet-types.ts';
import { ApplicationErrorCode, ReasonCode, describeReasonCode } from '../reason-codes.ts';
import type { BrokerCounters, BrokerStats, LogFunction } from './broker-stats.ts';
import { AddressLimits } from '../access/address-limits.ts';
import { clientLimitsOf } from '../access/client-limits.ts';
import type { ClientLimitOptions, ClientLimits } from '../access/client-limits.ts';
import { capabilitiesOf } from './capabilities.ts';
import type { Capabilities, CapabilityOptions } from './capabilities.ts';
import { Channel } from './channel.ts';
import type { ChannelHost, ChannelKind } from './channel.ts';
import { Connection } from './connection.ts';
import type { ConnectRequest } from './connect-request.ts';
import { Deadlines } from './deadlines.ts';
import { Delivery } from './delivery.ts';
import type { DeliveryHost } from './delivery.ts';
import { Flow } from './flow.ts';
import { finishConnect } from './handlers/connect.ts';
import { dispatch } from './handlers/dispatch.ts';
import type { Message } from './message.ts';
import type { Journal } from './persistence/journal.ts';
import type { AccessPolicy, AuthenticationResult, Permissions, Principal } from './permissions.ts';
import { recheckEverything } from './recheck.ts';
import { RetainedStore } from './retained.ts';
import type { RetainedFields, RetainedLimits } from './retained.ts';
import { Router } from './router.ts';
import { DEFAULT_SESSION_QUEUE } from './session.ts';
import type { SessionQueueLimits } from './session.ts';
import { Sessions } from './sessions.ts';
import type { SharedStrategy } from './shared-group.ts';
import type { SessionsHost } from './sessions.ts';
import { Throttle } from './throttle.ts';

export interface BrokerCoreOptions extends CapabilityOptions {
  /** Draws client identifiers for clients that bring none. */
  readonly random: Random;
  readonly retained?: RetainedLimits;
  readonly sessionQueue?: SessionQueueLimits;
  /** Bytes that may wait for all sessions together; beyond it who only publishes is not read, and new clients are refused. @default 512 MiB */
  readonly maxQueuedBytes?: number;
  /** What becomes of a reader that lets its session's queue fill up: its new messages are not queued, or it is disconnected. @default 'drop' */
  readonly slowConsumer?: SlowConsumer;
  /** Which member of a shared subscription is next. @default 'round-robin' */
  readonly sharedStrategy?: SharedStrategy;
  /** Where what outlives the process is written down. @default nothing outlives it */
  readonly journal?: Journal;
  /** Who may come in, and what they may do. @default everybody, everything */
  readonly access?: AccessPolicy | undefined;
  readonly limits?: ClientLimitOptions | undefined;
  /** @default nothing is logged */
  readonly log?: LogFunction;
}

/** See BrokerCoreOptions.slowConsumer. */
export type SlowConsumer = 'drop' | 'disconnect';

export class BrokerCore implements ChannelHost, DeliveryHost, SessionsHost {
  readonly deadlines: Deadlines = new Deadlines();
  readonly capabilities: Capabilities;
  readonly random: Random;
  readonly router: Router = new Router();
  readonly retained: RetainedStore;
  readonly log: LogFunction;
  readonly sessions: Sessions;
  readonly sessionQueue: Required<SessionQueueLimits>;
  readonly slowConsumer: SlowConsumer;
  readonly sharedStrategy: SharedStrategy;
  readonly journal: Journal | undefined;
  /** What the broker says about itself: read like retained messages, and written by nobody else. */
  readonly systemTopics: RetainedStore = new RetainedStore();
  queuedMessages = 0;
  queuedBytes = 0;
  readonly counters: BrokerCounters = {
    bytesReceived: 0,
    bytesSent: 0,
    packetsReceived: 0,
    packetsSent: 0,
    messagesReceived: 0,
    messagesSent: 0,
    messagesRouted: 0,
    messagesDropped: 0,
    messagesNotQueued: 0,
    messagesDenied: 0,
    retainedRefused: 0,
    flowsEvicted: 0,
    connectionsAccepted: 0,
    connectionsRefused: 0,
    protocolErrors: 0,
    internalErrors: 0,
  };

  readonly #maxQueuedBytes: number;
  /** Somebody was left unread because of what is queued. */
  #isHolding = false;
  readonly #delivery: Delivery = new Delivery(this);
  #connectionCount = 0;
  #maxConnectionCount = 0;
  #channelCount = 0;
  readonly #readyChannels: (Channel | undefined)[] = [];
  #readyChannelsHead = 0;
  readonly #readyConnections: Connection[] = [];
  readonly limits: ClientLimits;
  readonly #addresses: AddressLimits;
  #access: AccessPolicy | undefined;
  readonly #connectRequests: ConnectRequest[] = [];
  /** Connections that are accepted, by identity. */
  readonly #identities = new Map<string, number>();
  /** ms before which messages that are not allowed are not logged again. */
  #nextDeniedLog = -Infinity;

  constructor(options: BrokerCoreOptions) {
    this.random = options.random;
    this.capabilities = capabilitiesOf(options);
    this.retained = new RetainedStore(options.retained);
    this.sessionQueue = { ...DEFAULT_SESSION_QUEUE, ...options.sessionQueue };
    this.#maxQueuedBytes = options.maxQueuedBytes ?? MAX_QUEUED_BYTES;
    this.sharedStrategy = options.sharedStrategy ?? 'round-robin';
    this.slowConsumer = options.slowConsumer ?? 'drop';
    this.journal = options.journal;
    this.#access = options.access;
    this.limits = clientLimitsOf(options.limits);
    this.#addresses = new AddressLimits(this.limits.maxConnectionsPerAddress, this.limits.maxConnectionRatePerAddress);
    this.log = options.log ?? ((): void => {});
    this.sessions = new Sessions(this);
  }

  /** For Channel.holdAnswers(): how much has been written down until now. */
  get changeCount(): number {
    return this.journal?.changeCount ?? 0;
  }

  get maxPacketSize(): number {
    return this.capabilities.maximumPacketSize;
  }

  // --- What the driver calls ---

  /**
   * @param remote address and port, for logs
   * @param peerIdentity what the judge of its certificate called the client
   */
  openConnection(remote: string, now: number, peerIdentity?: string): Connection {
    const connection = new Connection(remote, peerIdentity, now, (silent, then) => this.#handleSilence(silent, then));
    this.deadlines.set(connection, now + CONNECT_DEADLINE);
    const refusal = this.#addresses.open(remote, now);
    connection.isCounted = true;
    if (refusal !== 0) {
      this.counters.connectionsRefused++;
      this.log('warn', 'An address has too many connections', { remote, reason: describeReasonCode(refusal) });
      this.close(connection, refusal, 'Too many connections from this address', now);
    }
    return connection;
  }

  openChannel(connection: Connection, kind: ChannelKind): Channel {
    const channel = new Channel(kind, connection, this);
    connection.channels.add(channel);
    if (kind === 'control') connection.control = channel;
    else if (connection.session !== undefined) new Flow(connection.session, this).attach(channel);
    this.#channelCount++;
    return channel;
  }

  /** The connection is gone, or will take nothing more. A will is published unless there was a DISCONNECT. */
  closeConnection(connection: Connection, now: number): void {
    this.#release(connection, now);
    for (const channel of connection.channels) {
      channel.drop();
      this.#forget(channel);
    }
    connection.control = undefined;
    if (!connection.isCounted) return;
    connection.isCounted = false;
    this.#addresses.close(connection.remote);
  }

  /** Ends all connections because the broker stops. */
  shutDown(now: number, serverReference?: string): void {
    const code = serverReference === undefined ? ReasonCode.SERVER_SHUTTING_DOWN : ReasonCode.USE_ANOTHER_SERVER;
    const more = serverReference === undefined ? {} : { serverReference };
    for (const { connection } of this.sessions) {
      if (connection !== undefined) this.disconnect(connection, code, 'The broker is shutting down', now, more);
    }
  }

  nextReadyChannel(): Channel | undefined {
    if (this.#isHolding && !this.isOverloaded) this.#endHolding();
    if (this.#readyChannelsHead === this.#readyChannels.length) {
      this.#readyChannels.length = 0;
      this.#readyChannelsHead = 0;
      return undefined;
    }
    const channel = this.#readyChannels[this.#readyChannelsHead] as Channel;
    this.#readyChannels[this.#readyChannelsHead++] = undefined;
    channel.isReady = false;
    return channel;
  }

  nextReadyConnection(): Connection | undefined {
    const connection = this.#readyConnections.shift();
    if (connection !== undefined) connection.isReady = false;
    return connection;
  }

  /** A CONNECT whose sender has to be authenticated; only where the policy says so. */
  nextConnectRequest(): ConnectRequest | undefined {
    return this.#connectRequests.shift();
  }

  /** Says who a client is, or why it is refused. Does nothing when nobody waits for it any more. */
  answerConnect(request: ConnectRequest, result: AuthenticationResult, now: number): void {
    if (!request.isWanted) return;
    const { channel } = request;
    channel.connection.waitingConnect = undefined;
    channel.connection.isPaused = false;
    try {
      finishConnect(this, request, result, now);
    } catch (error) {
      this.handleFailure(channel, error, now);
    }
    // To read on.
    this.markReady(channel);
  }

  /** Other rules from now on; what is no longer allowed ends: subscriptions with what waits for them, wills, retained messages. */
  setAccess(access: AccessPolicy | undefined, now: number): void {
    this.#access = access;
    recheckEverything(this, now);
  }

  nextTimeout(): number {
    return this.deadlines.next();
  }

  handleTimeout(now: number): void {
    this.deadlines.run(now);
  }

  stats(): BrokerStats {
    return {
      connections: this.#connectionCount,
      maxConnections: this.#maxConnectionCount,
      sessions: this.sessions.size,
      flows: this.#channelCount,
      subscriptions: this.router.subscriptionCount,
      sharedSubscriptions: this.router.groupCount,
      retainedMessages: this.retained.count,
      retainedBytes: this.retained.bytes,
      queuedMessages: this.queuedMessages,
      queuedBytes: this.queuedBytes,
      ...this.counters,
    };
  }

  // --- What channels and flows call ---

  get isOverloaded(): boolean {
    return this.queuedBytes > this.#maxQueuedBytes;
  }

  isHeldByLoad(channel: Channel): boolean {
    if (!this.isOverloaded) return false;
    const { flow } = channel;
    // Who has something to receive has to be read: acknowledgements are what gets rid of messages.
    if (flow === undefined || flow.subscriptions.size > 0 || flow.backlog > 0 || flow.queue.inFlightCount > 0)
      return false;
    this.#isHolding = true;
    return true;
  }

  searchLater(flow: Flow): void {
    this.#delivery.searchLater(flow);
  }

  markReady(channel: Channel): void {
    if (channel.isReady) return;
    channel.isReady = true;
    this.#readyChannels.push(channel);
  }

  handlePacket(channel: Channel, header: number, now: number): void {
    const { connection, splitter } = channel;
    if (connection.state !== 'connected') this.handlePartial(channel, header);
    else if (connection.throttle !== undefined)
      connection.throttle.count(header >> 4 === PacketType.PUBLISH, splitter.end - splitter.start, now);
    dispatch(this, channel, header, now);
  }

  handlePartial(channel: Channel, header: number): void {
    if (header === -1 || channel.connection.state === 'connected') return;
    // [MQTT-3.1.0-1]. Under this ALPN no stream begins with the header of another dialect either.
    const type = header >> 4;
    if (type !== PacketType.CONNECT || channel.kind !== 'control')
      throw new PacketError(
        ReasonCode.PROTOCOL_ERROR,
        `The first packet is ${packetTypeName(type)} instead of CONNECT`,
      );
  }

  handleFailure(channel: Channel, error: unknown, now: number): void {
    const { connection } = channel;
    const { remote, clientId } = connection;
    let reasonCode: number = ReasonCode.IMPLEMENTATION_SPECIFIC_ERROR;
    let message = 'An internal error';
    if (error instanceof PacketError) {
      reasonCode = error.reasonCode;
      message = error.message;
      this.counters.protocolErrors++;
    } else {
      this.counters.internalErrors++;
      this.log('error', 'Handling a packet failed', { remote, clientId, error });
    }
    this.log('warn', message, { remote, clientId, flow: channel.kind, reason: describeReasonCode(reasonCode) });
    if (channel.kind === 'control') {
      this.disconnect(connection, reasonCode, message, now);
      return;
    }
    this.abortChannel(channel, reasonCode, now);
    connection.protocolErrorCount++;
    if (connection.protocolErrorCount >= MAX_PROTOCOL_ERRORS) this.disconnect(connection, reasonCode, message, now);
  }

  handleEnd(channel: Channel, now: number): void {
    if (!channel.splitter.isBetweenPackets)
      throw new PacketError(ReasonCode.MALFORMED_PACKET, 'A stream ended in the middle of a packet');
    if (channel.kind === 'control') {
      this.#loseControl(channel.connection, now);
      return;
    }
    // FIN is answered by FIN, after everything that came before has been routed and acknowledged.
    this.#endDataFlow(channel, now);
    channel.finish();
    this.#forget(channel);
  }

  handleReset(channel: Channel, errorCode: number, now: number): void {
    if (channel.kind === 'control') this.#loseControl(channel.connection, now);
    else this.abortChannel(channel, errorCode, now);
  }

  // --- What the handlers call ---

  /** Ends one data channel with a reason code; the connection lives. */
  abortChannel(channel: Channel, errorCode: number, now: number): void {
    if (channel.kind === 'control') return;
    this.#endDataFlow(channel, now);
    channel.abort(errorCode);
    this.#forget(channel);
  }

  /**
   * Ends a connection from our side: DISCONNECT where the version has it, then CONNECTION_CLOSE.
   *
   * @param reasonCode also the application error code
   */
  disconnect(
    connection: Connection,
    reasonCode: number,
    reason: string,
    now: number,
    more: DisconnectFields = {},
  ): void {
    if (connection.closeCode !== -1) return;
    // MQTT 3.1.1 has no DISCONNECT from the server. [MQTT-3.14.0-1]: not before a CONNACK that accepts.
    if (connection.state === 'connected' && connection.version === 5) {
      connection.control?.output.pushReply(encodeDisconnect(reasonCode, reason, 5, more, connection)); // [MQTT-3.14.2-3]
    }
    this.close(connection, reasonCode, reason, now);
  }

  /** Ends a connection without a word of MQTT. */
  close(connection: Connection, closeCode: number, reason: string, now: number): void {
    connection.closeCode = closeCode;
    connection.closeReason = reason;
    this.#release(connection, now);
    for (const channel of connection.channels) {
      if (channel === connection.control) {
        channel.finish();
        continue;
      }
      channel.drop();
      this.#forget(channel);
    }
    if (!connection.isReady) {
      connection.isReady = true;
      this.#readyConnections.push(connection);
    }
  }

  /** A CONNECT has been read: its sender is admitted as whom its certificate says, or waits to be authenticated. */
  admit(request: ConnectRequest, now: number): void {
    const { connection } = request.channel;
    if (this.#access?.authenticates !== true) {
      finishConnect(this, request, { name: connection.peerIdentity }, now);
      return;
    }
    connection.waitingConnect = request;
    connection.isPaused = true;
    this.#connectRequests.push(request);
    this.markReady(request.channel);
  }

  permissionsOf(principal: Principal): Permissions | undefined {
    return principal.permissions === undefined
      ? this.#access?.permissionsOf(principal)
      : principal.permissions(principal);
  }

  /** Clients that are connected with an identity. */
  connectionsOf(identity: string): number {
    return this.#identities.get(identity) ?? 0;
  }

  /** A message came that its sender may not publish. */
  countDenied(channel: Channel, now: number): void {
    this.counters.messagesDenied++;
    if (now < this.#nextDeniedLog) return;
    this.#nextDeniedLog = now + QUEUE_LOG_INTERVAL;
    const { remote, clientId, identity } = channel.connection;
    this.log('warn', 'A client may not publish to a topic', { remote, clientId, identity, topic: channel.topic });
  }

  /** A connection that sent too much is read on. */
  resumeConnection(connection: Connection, now: number): void {
    connection.isPaused = false;
    // It was us who did not listen.
    connection.lastReceived = now;
    for (const channel of connection.channels) this.markReady(channel);
  }

  /** Sets when a connection that is accepted is looked at next: nothing came for too long, or its identity is no longer valid. */
  setDeadline(connection: Connection, since: number): void {
    const { patience, validUntil } = connection;
    this.deadlines.set(connection, Math.min(validUntil, patience === 0 ? Infinity : since + patience));
  }

  /** A connection has its session. */
  accept(connection: Connection, now: number): void {
    const { maxMessageRate, maxByteRate } = this.limits;
    if (maxMessageRate !== Infinity || maxByteRate !== Infinity)
      connection.throttle = new Throttle(connection, { messages: maxMessageRate, bytes: maxByteRate }, this, now);
    const { identity } = connection;
    if (identity !== undefined) this.#identities.set(identity, this.connectionsOf(identity) + 1);
    connection.state = 'connected';
    this.counters.connectionsAccepted++;
    this.#connectionCount++;
    this.#maxConnectionCount = Math.max(this.#maxConnectionCount, this.#connectionCount);
  }

  /**
   * Queues an answer, which goes before messages.
   *
   * @throws PacketError PACKET_TOO_LARGE: the client takes no packet of that size, and cannot be left without an answer
   */
  reply(channel: Channel, packet: Uint8Array): void {
    // [MQTT-3.1.2-24]
    if (packet.length > channel.connection.maximumPacketSize)
      throw new PacketError(ReasonCode.PACKET_TOO_LARGE, 'An answer is larger than the packets that the client takes');
    channel.output.pushReply(packet);
    this.markReady(channel);
  }

  /** See Delivery.restore(). */
  retain(message: RetainedFields, publisher: Principal | undefined): boolean {
    return this.#delivery.restore(message, publisher);
  }

  /** See Delivery.publish(). */
  publish(message: Message, source: Channel | undefined, now: number): boolean {
    return this.#delivery.publish(message, source, now);
  }

  /** See Sessions.move(). */
  moveSubscriptions(from: Flow, to: Flow): void {
    this.sessions.move(from, to);
  }

  /** See Delivery.passOn(). */
  passOn(topicFilter: string, message: Message, now: number): void {
    this.#delivery.passOn(topicFilter, message, now);
  }

  /**
   * The stream of a data flow ended while the connection lives: its subscriptions end, and exchanges that were begun go on on the control flow.
   * [MQTT-3.10.4-3]
   */
  #endDataFlow(channel: Channel, now: number): void {
    const { flow } = channel;
    if (flow === undefined) return;
    const { session } = flow;
    const begun = session.inFlight.inherit(flow.queue, session.control.queue);
    this.sessions.endFlow(flow, now);
    session.control.resend(begun);
    session.control.wakeWaiting();
  }

  /** There is room again: everybody is read. */
  #endHolding(): void {
    this.#isHolding = false;
    for (const { connection } of this.sessions)
      if (connection !== undefined) for (const channel of connection.channels) this.markReady(channel);
  }

  /** The session of a connection that ends loses it, or ends with it. */
  #release(connection: Connection, now: number): void {
    if (connection.state === 'closed') return;
    const { session } = connection;
    connection.state = 'closed';
    connection.session = undefined;
    connection.waitingConnect = undefined;
    connection.isPaused = false;
    connection.throttle?.stop();
    this.deadlines.set(connection, Infinity);
    if (session === undefined) return;
    this.#connectionCount--;
    const { identity } = connection;
    if (identity !== undefined) {
      const others = this.connectionsOf(identity) - 1;
      if (others > 0) this.#identities.set(identity, others);
      else this.#identities.delete(identity);
    }
    this.log('info', 'A client is gone', { remote: connection.remote, clientId: connection.clientId });
    const flows: Flow[] = [];
    for (const { kind, flow } of connection.channels) if (kind !== 'control' && flow !== undefined) flows.push(flow);
    this.sessions.disconnect(session, flows, now);
  }

  #forget(channel: Channel): void {
    if (channel.connection.channels.delete(channel)) this.#channelCount--;
  }

  /** The control stream ended without DISCONNECT: the connection is over. */
  #loseControl(connection: Connection, now: number): void {
    if (connection.closeCode === -1)
      this.close(connection, ApplicationErrorCode.CONTROL_STREAM_LOST, 'Control stream lost', now);
  }

  #handleSilence(connection: Connection, now: number): void {
    if (connection.waitingConnect !== undefined) {
      this.answerConnect(connection.waitingConnect, ReasonCode.SERVER_UNAVAILABLE, now);
      return;
    }
    if (connection.state === 'new') {
      this.counters.connectionsRefused++;
      this.close(connection, ReasonCode.MAXIMUM_CONNECT_TIME, 'No CONNECT came in time', now);
      return;
    }
    if (now >= connection.validUntil) {
      this.disconnect(connection, ReasonCode.MAXIMUM_CONNECT_TIME, 'The credentials are no longer valid', now);
      return;
    }
    const { patience, lastReceived, control } = connection;
    // What it says is not heard.
    const isHeld = connection.isPaused || (control !== undefined && this.isHeldByLoad(control));
    if (patience === 0 || isHeld || now < lastReceived + patience) {
      this.setDeadline(connection, isHeld ? now : lastReceived);
      return;
    }
    // [MQTT-3.1.2-22]
    this.disconnect(connection, ReasonCode.KEEP_ALIVE_TIMEOUT, 'Nothing came within 1.5 times the keep-alive', now);
  }
}
