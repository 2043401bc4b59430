/**
 * One UDP port and its connections: routing by connection ID, admission, answers to strangers, fairness, timers (contract.ts).
 *
 * Nothing is ever scanned: connections with something to do stand in lists, deadlines in a heap. What a datagram of one connection breaks stays in that
 * connection.
 */
import { ServerHandshake } from '@mquictt/tls13';
import { QuicCoreConnection } from './connection.ts';
import { ConnectionId } from './connection-id.ts';
import type { ConnectionHost } from './connection-context.ts';
import type { EndpointConfig } from './config.ts';
import type { ConnectOptions, Endpoint, EndpointEvent } from './contract.ts';
import type { DatagramBatch } from './datagram-batch.ts';
import { EndpointLink, type LinkOwner } from './endpoint-link.ts';
import { QuicError } from './errors.ts';
import { MAX_CONNECTIONS, MAX_HALF_OPEN_CONNECTIONS, MIN_DATAGRAM_SIZE, MIN_INITIAL_DCID_LENGTH } from './limits.ts';
import { PacketHeader, PacketType, readHeader } from './packet-header.ts';
import { Path } from './path.ts';
import { resolveTransport, type ResolvedTransport } from './resolved-transport.ts';
import { Routes } from './routes.ts';
import type { EndpointStats } from './stats.ts';
import { StrangerAnswers } from './stranger-answers.ts';
import { TimerHeap } from './timer-heap.ts';
import { VERSION_1 } from './version.ts';

const header = new PacketHeader();

/** @throws QuicError ERR_QUIC_INVALID_ARGUMENT for a transport configuration that cannot work; TlsError ERR_TLS_CONFIG for a server's */
export function createEndpoint(config: EndpointConfig): Endpoint {
  return new QuicCoreEndpoint(config);
}

class QuicCoreEndpoint implements Endpoint, LinkOwner {
  readonly #config: EndpointConfig;
  readonly #transport: ResolvedTransport;
  readonly #maxConnections: number;
  readonly #maxHalfOpen: number;
  readonly #answers: StrangerAnswers;

  /** All connections that are not gone. */
  readonly #links: Set<EndpointLink> = new Set();
  readonly routes: Routes<EndpointLink>;
  readonly #timers: TimerHeap<EndpointLink> = new TimerHeap();
  /** Connections that may have something to send, in turn. */
  #ready: EndpointLink[] = [];
  #readyHead: number = 0;
  /** Connections whose deadline may have changed. */
  readonly #dirty: EndpointLink[] = [];
  readonly #events: EndpointEvent[] = [];
  #eventHead: number = 0;
  #halfOpenCount: number = 0;
  #isAccepting: boolean;
  #now: number = 0;
  #internalErrorCount: number = 0;
  #lastInternalError: unknown = undefined;
  #droppedCount: number = 0;

  constructor(config: EndpointConfig) {
    if (config.server?.resumption?.earlyData !== undefined) {
      throw new QuicError(
        'ERR_QUIC_INVALID_ARGUMENT',
        '"resumption.earlyData" cannot be given: 0-RTT is not supported yet',
        { fault: 'usage' },
      );
    }
    // A mistake in it is found now, not when the first client comes.
    if (config.server !== undefined) void new ServerHandshake(config.server, { extensions: [] });
    this.#config = config;
    this.#transport = resolveTransport(config.transport);
    this.routes = new Routes(config);
    this.#maxConnections = config.maxConnections ?? MAX_CONNECTIONS;
    this.#maxHalfOpen = config.maxHalfOpenConnections ?? MAX_HALF_OPEN_CONNECTIONS;
    this.#answers = new StrangerAnswers(config.provider, config.protector, config.random);
    this.#isAccepting = config.server !== undefined;
  }

  get connectionCount(): number {
    return this.#links.size;
  }

  // --- Inputs

  handleDatagrams(batch: DatagramBatch, now: number): void {
    const time = this.#advance(now);
    let i = 0;
    let link = batch.count > 0 ? this.routes.find(batch, 0) : undefined;
    while (i < batch.count) {
      if (link === undefined) {
        this.#handleStranger(batch, i++, time);
        // Whoever was a stranger may be known by the next datagram of the batch.
        link = i < batch.count ? this.routes.find(batch, i) : undefined;
        continue;
      }
      let to = i + 1;
      let next: EndpointLink | undefined;
      while (to < batch.count && (next = this.routes.find(batch, to)) === link) to++;
      link.connection.handleDatagrams(batch, i, to, time);
      this.#afterInput(link);
      i = to;
      link = next;
    }
  }

  handleTimeout(now: number): void {
    const time = this.#advance(now);
    this.#refreshTimers();
    for (let link = this.#timers.peek(); link !== undefined && link.deadline <= time; link = this.#timers.peek()) {
      this.#timers.remove(link);
      link.connection.handleTimeout(time);
      this.#afterInput(link);
    }
  }

  // --- Outputs

  pollTransmit(batch: DatagramBatch, now: number): number {
    const time = this.#advance(now);
    let total = this.#answers.pollTransmit(batch);
    while (this.#readyHead < this.#ready.length) {
      const link = this.#ready[this.#readyHead]!;
      const { connection } = link;
      if (
        batch.count > 0 &&
        (batch.count === batch.capacity || batch.buffer.length - batch.writeOffset < connection.datagramSize)
      )
        break;
      this.#readyHead++;
      const count = connection.pollTransmit(batch, time);
      total += count;
      this.#markDirty(link);
      // Others take their turn before it sends more.
      if (count > 0) this.#ready.push(link);
      else link.isReady = false;
      if (connection.isGone) this.#remove(link);
    }
    if (this.#readyHead === this.#ready.length) {
      this.#ready.length = 0;
      this.#readyHead = 0;
    } else if (this.#readyHead > 64 && this.#readyHead * 2 > this.#ready.length) {
      this.#ready = this.#ready.slice(this.#readyHead);
      this.#readyHead = 0;
    }
    return total;
  }

  nextTimeout(): number {
    this.#refreshTimers();
    return this.#timers.peek()?.deadline ?? Infinity;
  }

  nextEvent(): EndpointEvent | undefined {
    const event = this.#events[this.#eventHead];
    if (event === undefined) {
      this.#events.length = 0;
      this.#eventHead = 0;
      return undefined;
    }
    this.#eventHead++;
    if (event instanceof EndpointLink) event.hasEventQueued = false;
    return event;
  }

  stats(): EndpointStats {
    return {
      connections: this.#links.size,
      halfOpenConnections: this.#halfOpenCount,
      connectionIds: this.routes.idCount,
      resetTokens: this.routes.resetTokenCount,
      timers: this.#timers.size,
      readyConnections: this.#ready.length - this.#readyHead,
      pendingEvents: this.#events.length - this.#eventHead,
      pendingAnswers: this.#answers.pendingCount,
      datagramsDropped: this.#droppedCount,
      internalErrors: this.#internalErrorCount,
      lastInternalError: this.#lastInternalError,
    };
  }

  // --- Commands

  connect(options: ConnectOptions, now: number): QuicCoreConnection {
    const { client } = this.#config;
    if (client === undefined) {
      throw new QuicError('ERR_QUIC_INVALID_STATE', 'The endpoint has no client configuration, so it cannot connect', {
        fault: 'usage',
      });
    }
    const time = this.#advance(now);
    const destination = new Uint8Array(MIN_INITIAL_DCID_LENGTH);
    this.#config.random.fillPublic(destination);
    const peerId = new ConnectionId(destination);
    const path = new Path(options.socket ?? 0, options.address, options.port, true);
    const link = new EndpointLink(this);
    const localId = this.routes.issue(link);
    try {
      link.connection = new QuicCoreConnection(
        this.#contextOptions(true, link, path, localId, peerId, peerId),
        { client, serverName: options.serverName, session: options.session },
        time,
      );
    } catch (error) {
      this.routes.retire(localId);
      throw error;
    }
    this.#add(link);
    return link.connection;
  }

  stopAccepting(): void {
    this.#isAccepting = false;
  }

  // --- What connections ask (EndpointLink passes it on)

  wake(link: EndpointLink): void {
    if (!link.isListed) return;
    if (link.isHalfOpen && !link.connection.isHalfOpen) this.#endHalfOpen(link);
    this.#markDirty(link);
    if (link.isReady) return;
    link.isReady = true;
    this.#ready.push(link);
  }

  onEvents(link: EndpointLink): void {
    if (!link.isListed || link.hasEventQueued) return;
    link.hasEventQueued = true;
    this.#events.push(link);
  }

  onInternalError(error: unknown): void {
    this.#internalErrorCount++;
    this.#lastInternalError = error;
  }

  // --- Routing

  #handleStranger(batch: DatagramBatch, i: number, now: number): void {
    const { buffer } = batch;
    const start = batch.start[i]!;
    const end = batch.end[i]!;
    if (!readHeader(header, buffer, start, end, this.routes.idLength)) {
      this.#droppedCount++;
      return;
    }
    switch (header.type) {
      case PacketType.ONE_RTT:
        this.#handleUnknownConnection(batch, i, now);
        break;
      case PacketType.UNKNOWN_VERSION:
        if (this.#config.server !== undefined) this.#answers.negotiateVersion(batch, i, header, now);
        this.#droppedCount++;
        break;
      case PacketType.INITIAL:
        this.#handleFirstInitial(batch, i, now);
        break;
      default:
        this.#droppedCount++;
    }
  }

  /** A 1-RTT packet with a connection ID that is not known (any more), or a stateless reset that looks like one. */
  #handleUnknownConnection(batch: DatagramBatch, i: number, now: number): void {
    const link = this.routes.findReset(batch.buffer, batch.start[i]!, batch.end[i]!);
    if (link === undefined) {
      this.#answers.reset(batch, i, header, this.routes, now);
      this.#droppedCount++;
      return;
    }
    link.connection.handleStatelessReset();
    this.#afterInput(link);
  }

  /** The first Initial of a client (RFC 9000 §5.2.2). */
  #handleFirstInitial(batch: DatagramBatch, i: number, now: number): void {
    const { server } = this.#config;
    // RFC 9000 §14.1, §7.2: too small a datagram or too short a destination is not answered at all.
    if (
      server === undefined ||
      batch.end[i]! - batch.start[i]! < MIN_DATAGRAM_SIZE ||
      header.dcidLength < MIN_INITIAL_DCID_LENGTH
    ) {
      this.#droppedCount++;
      return;
    }
    if (!this.#isAccepting || this.#links.size >= this.#maxConnections) {
      this.#answers.refuse(
        batch,
        i,
        header,
        this.#isAccepting ? 'Server has too many connections' : 'Server is closing',
        now,
      );
      this.#droppedCount++;
      return;
    }
    if (this.#halfOpenCount >= this.#maxHalfOpen) {
      this.#droppedCount++;
      return;
    }
    const { buffer } = batch;
    const originalId = ConnectionId.read(buffer, header.dcidStart, header.dcidLength);
    const peerId = ConnectionId.read(buffer, header.scidStart, header.scidLength);
    const path = new Path(batch.socket[i]!, batch.address[i]!, batch.port[i]!, false);
    const link = new EndpointLink(this);
    const localId = this.routes.issue(link);
    link.connection = new QuicCoreConnection(
      this.#contextOptions(false, link, path, localId, peerId, originalId),
      { server },
      now,
    );
    link.connection.handleDatagrams(batch, i, i + 1, now);
    if (!link.connection.hasReceivedPacket) {
      // Not authentic: nothing of it is kept.
      link.connection.release();
      this.#droppedCount++;
      return;
    }
    link.originalId = originalId;
    this.routes.add(originalId, link);
    this.#events.push({ type: 'incoming', connection: link.connection });
    this.#add(link);
    this.#afterInput(link);
  }

  // --- Bookkeeping

  #contextOptions(
    isClient: boolean,
    host: ConnectionHost,
    path: Path,
    localId: ConnectionId,
    peerId: ConnectionId,
    originalDestinationId: ConnectionId,
  ) {
    const { provider, protector, random, unixTime } = this.#config;
    return {
      isClient,
      version: VERSION_1,
      provider,
      protector,
      random,
      unixTime,
      transport: this.#transport,
      host,
      path,
      localId,
      peerId,
      originalDestinationId,
    };
  }

  #add(link: EndpointLink): void {
    this.#links.add(link);
    link.isListed = true;
    this.#halfOpenCount++;
    link.isHalfOpen = true;
    this.wake(link);
  }

  #afterInput(link: EndpointLink): void {
    // Stream events come up inside the streams, which know no endpoint: every input may have made some.
    this.onEvents(link);
    this.wake(link);
  }

  #endHalfOpen(link: EndpointLink): void {
    if (!link.isHalfOpen) return;
    link.isHalfOpen = false;
    this.#halfOpenCount--;
  }

  #remove(link: EndpointLink): void {
    if (!this.#links.delete(link)) return;
    this.#endHalfOpen(link);
    this.#timers.remove(link);
    if (link.originalId !== undefined) this.routes.retire(link.originalId);
    link.connection.release();
    link.isListed = false;
  }

  #markDirty(link: EndpointLink): void {
    if (link.isDirty) return;
    link.isDirty = true;
    this.#dirty.push(link);
  }

  #refreshTimers(): void {
    for (const link of this.#dirty) {
      link.isDirty = false;
      const deadline = link.isListed ? link.connection.nextTimeout() : Infinity;
      // NaN: a closing connection that has not seen the clock yet; its next transmit arms it.
      this.#timers.update(link, Number.isNaN(deadline) ? this.#now : deadline);
    }
    this.#dirty.length = 0;
  }

  /** The caller's clock may be wrong; ours never goes back (a timestamp that did has crashed other stacks: CVE-2026-14586). */
  #advance(now: number): number {
    if (now > this.#now) this.#now = now;
    return this.#now;
  }
}
