/**
 * One stream of one client: what arrives on it is cut into packets, what goes out waits here, and a reader who is behind is dealt with here.
 *
 * The driver hands in bytes and ends, and asks for what to do: the core names flows that have something (see BrokerCore.nextReadyFlow()), then the driver
 *
 *   1. resets and stops the stream when `abortCode` is not -1,
 *   2. writes what poll() gives while the stream takes bytes,
 *   3. ends its half of the stream when `isFinished`,
 *   4. reads on when it had stopped because of `isHeld`.
 */
import {
  HOLD_PROBATION,
  HOLD_TIME,
  MAX_PENDING_REPLIES,
  QUEUE_HIGH_WATER,
  QUEUE_HIGH_WATER_MESSAGES,
  QUEUE_LOW_WATER,
} from '../limits.ts';
import type { EncodedPublish } from '../packets/publish.ts';
import { PacketSplitter } from '../packets/splitter.ts';
import type { Deadlines, Timed } from './deadlines.ts';
import { OutboundQueue } from './outbound-queue.ts';
import type { Session } from './session.ts';
import type { Subscription } from './subscription.ts';

/** The control flow is the first bidirectional stream, data flows are the later ones; a unidirectional one only publishes. */
export type FlowKind = 'control' | 'data' | 'unidirectional';

/** What a flow needs from the core. */
export interface FlowHost {
  readonly deadlines: Deadlines;
  readonly maxPacketSize: number;
  /** Bytes queued on all flows. */
  queuedBytes: number;
  handlePacket(flow: Flow, header: number, now: number): void;
  /** The beginning of a packet came: its first byte, or -1. @throws PacketError when the rest need not be waited for */
  handlePartial(flow: Flow, header: number): void;
  /** Reading failed: a PacketError, or a mistake of ours. */
  handleFailure(flow: Flow, error: unknown, now: number): void;
  /** The peer ended its half, and everything before has been handled. */
  handleEnd(flow: Flow, now: number): void;
  /** The peer reset its half, or asked us to stop ours. */
  handleReset(flow: Flow, errorCode: number, now: number): void;
  /** Calls continueSearch() when others have had their turn. */
  searchLater(flow: Flow): void;
  /** Names the flow to the driver. */
  markReady(flow: Flow): void;
}

export class Flow implements Timed {
  readonly kind: FlowKind;
  readonly session: Session;
  readonly queue: OutboundQueue;
  readonly splitter: PacketSplitter;
  /** By topic filter. */
  readonly subscriptions: Map<string, Subscription> = new Map();
  /** For the driver to hang its own object on. */
  context: unknown = undefined;
  /** Whether packets are still handled. */
  isOpen = true;
  /** Set when both halves of the stream shall be reset with this code. */
  abortCode = -1;
  /** Named by the core and not yet looked at. Kept by BrokerCore. */
  isReady = false;
  deadline: number = Infinity;
  heapIndex = -1;
  /** Kept by PartialPackets. */
  partialBytes = 0;
  /** The topic of the last PUBLISH and where it goes: on most streams it is the same for ever. */
  topic = '';
  topicBytes: Uint8Array = new Uint8Array(0);
  route: unknown = undefined;
  routeVersion = -1;

  readonly #host: FlowHost;
  #hasEnded = false;
  #isFinishing = false;
  /** Flows that are behind and hold this one back. */
  readonly #heldBy = new Set<Flow>();
  /** Flows that this one holds back. */
  readonly #holding = new Set<Flow>();
  /** Until then a flow that is behind holds nobody. */
  #probationUntil = -Infinity;
  /** Retained messages still to be sent, which go before everything that came later. */
  #retained: Iterator<EncodedPublish | undefined>[] = [];
  /** Whether the search for them waits for its turn. */
  #isSearching = false;
  #deferred: EncodedPublish[] = [];
  #deferredBytes = 0;

  constructor(kind: FlowKind, session: Session, host: FlowHost) {
    this.kind = kind;
    this.session = session;
    this.#host = host;
    this.queue = new OutboundQueue(this, session.inFlight);
    this.splitter = new PacketSplitter(host.maxPacketSize);
  }

  /** Whether the driver should leave what arrives in the stream for now. */
  get isHeld(): boolean {
    return (
      this.#heldBy.size > 0 || this.queue.replyBytes > MAX_PENDING_REPLIES || this.session.partialPackets.isHeld(this)
    );
  }

  /** Whether our half of the stream ends as soon as nothing is left to write. */
  get isFinished(): boolean {
    return this.#isFinishing && this.queue.isEmpty;
  }

  /** Bytes of messages that wait. */
  get backlog(): number {
    return this.queue.bytes + this.#deferredBytes;
  }

  /** Whether the reader is so far behind that something has to be done. */
  get isBehind(): boolean {
    return this.backlog > QUEUE_HIGH_WATER || this.queue.length + this.#deferred.length > QUEUE_HIGH_WATER_MESSAGES;
  }

  /** Bytes from the stream; they must not change afterwards. */
  receive(chunk: Uint8Array, now: number): void {
    if (!this.isOpen) return;
    this.splitter.push(chunk);
    this.resume(now);
  }

  /** The peer ended its half. */
  receiveEnd(now: number): void {
    this.#hasEnded = true;
    this.resume(now);
  }

  /** The peer reset its half, or asked us to stop ours. */
  receiveReset(errorCode: number, now: number): void {
    if (this.isOpen || this.#isFinishing) this.#host.handleReset(this, errorCode, now);
  }

  /** Handles what has arrived, as far as nobody holds this flow back. */
  resume(now: number): void {
    try {
      while (this.isOpen && !this.isHeld) {
        const header = this.splitter.next();
        this.#countPartial(this.splitter.partialLength);
        if (header === -1) {
          this.#host.handlePartial(this, this.splitter.partialHeader);
          if (this.#hasEnded) {
            this.#hasEnded = false;
            this.#host.handleEnd(this, now);
          }
          return;
        }
        this.session.lastReceived = now;
        this.#host.handlePacket(this, header, now);
      }
    } catch (error) {
      this.#host.handleFailure(this, error, now);
    }
  }

  /** The next piece to write, see OutboundQueue.poll(). */
  poll(capacity: number, now: number): Uint8Array | undefined {
    const queue = this.queue;
    const wasHeld = this.isHeld;
    if (this.#retained.length > 0) this.#pullRetained();
    const before = queue.bytes;
    const piece = queue.poll(capacity, now);
    this.#host.queuedBytes -= before - queue.bytes;
    if (this.#holding.size > 0 && this.backlog < QUEUE_LOW_WATER) this.#endHold();
    if (wasHeld && !this.isHeld) this.#host.markReady(this);
    const waiting = this.session.inFlight.nextWaiting();
    if (waiting !== undefined) this.#host.markReady(waiting.owner as Flow);
    return piece;
  }

  putBack(rest: Uint8Array): void {
    this.queue.putBack(rest);
  }

  /** Queues a message; whether it should be is the core's decision. */
  enqueue(message: EncodedPublish): void {
    this.#host.queuedBytes += message.size;
    if (this.#retained.length > 0) {
      this.#deferred.push(message);
      this.#deferredBytes += message.size;
    } else {
      this.queue.push(message);
    }
    this.#host.markReady(this);
  }

  /** Queues retained messages as there is room for them, before everything that comes after this call. */
  enqueueRetained(messages: Iterator<EncodedPublish | undefined>): void {
    // What waits already is older than the subscription and stays in front.
    this.#retained.push(messages);
    this.#pullRetained();
    this.#host.markReady(this);
  }

  /** Goes on with the search for retained messages. */
  continueSearch(): void {
    this.#isSearching = false;
    this.#host.markReady(this);
  }

  /**
   * Decides what being behind means for a message: whether this flow may hold its publisher back, and whether it is given up on.
   *
   * @param publisher the flow on which the message came, undefined when there is none
   * @returns false when the flow has used up its patience: QoS 0 should be dropped
   */
  holdBack(publisher: Flow | undefined, now: number): boolean {
    if (now < this.#probationUntil) return false;
    if (this.deadline === Infinity) this.#host.deadlines.set(this, now + HOLD_TIME);
    // A flow that also receives is never held: it has acknowledgements to deliver, which may be what others wait for.
    if (
      publisher !== undefined &&
      publisher !== this &&
      publisher.subscriptions.size === 0 &&
      publisher.kind !== 'control'
    ) {
      this.#holding.add(publisher);
      publisher.#heldBy.add(this);
    }
    return true;
  }

  /** The time is up in which the reader could have caught up. */
  handleTimeout(now: number): void {
    if (!this.isOpen) return;
    if (this.backlog >= QUEUE_LOW_WATER) this.#probationUntil = now + HOLD_PROBATION;
    this.#endHold();
  }

  /** Stops handling packets, and lets our half of the stream end when the answers have left. */
  finish(): void {
    this.#close();
    this.#dropBacklog();
    this.#isFinishing = true;
    this.#host.markReady(this);
  }

  /** Stops handling packets and resets both halves. */
  abort(errorCode: number): void {
    this.#close();
    this.#dropBacklog();
    this.queue.clear();
    this.#isFinishing = false;
    this.abortCode = errorCode;
    this.#host.markReady(this);
  }

  /** The connection is gone. */
  drop(): void {
    this.#close();
    this.#dropBacklog();
    this.queue.clear();
    this.#isFinishing = false;
  }

  /** Mostly there is nothing to count: small packets lie whole in their chunks. */
  #countPartial(bytes: number): void {
    if (bytes === this.partialBytes) return;
    this.session.partialPackets.count(this, bytes, this.session.flows, (flow) => {
      if (!flow.isHeld) this.#host.markReady(flow);
    });
  }

  #close(): void {
    this.isOpen = false;
    this.#countPartial(0);
    this.#endHold();
    for (const flow of this.#heldBy) flow.#holding.delete(this);
    this.#heldBy.clear();
  }

  #dropBacklog(): void {
    this.#host.queuedBytes -= this.backlog;
    this.queue.dropMessages();
    this.#deferred = [];
    this.#deferredBytes = 0;
    this.#retained = [];
  }

  #endHold(): void {
    this.#host.deadlines.set(this, Infinity);
    for (const flow of this.#holding) {
      flow.#heldBy.delete(this);
      if (!flow.isHeld) this.#host.markReady(flow);
    }
    this.#holding.clear();
  }

  #pullRetained(): void {
    if (this.#isSearching) return;
    const queue = this.queue;
    while (this.#retained.length > 0) {
      // Enough to write for now; the rest of the store is not copied before it is wanted.
      if (queue.bytes >= QUEUE_LOW_WATER) return;
      const { done, value } = this.#retained[0].next();
      if (done === true) {
        this.#retained.shift();
        continue;
      }
      if (value === undefined) {
        this.#isSearching = true;
        this.#host.searchLater(this);
        return;
      }
      this.#host.queuedBytes += value.size;
      queue.push(value);
    }
    for (const message of this.#deferred) queue.push(message);
    this.#deferred = [];
    this.#deferredBytes = 0;
  }
}
