/**
 * One delivery lane of a session: the subscriptions whose messages travel on it, what waits for them, retained messages still to be sent, QoS 2 messages
 * received on it. A control flow lives as long as its session and has a channel while the client is connected; a data flow lives and dies with its
 * channel. A reader who is behind is dealt with here.
 */
import { HOLD_PROBATION, HOLD_TIME, QUEUE_HIGH_WATER, QUEUE_HIGH_WATER_MESSAGES, QUEUE_LOW_WATER } from '../limits.ts';
import type { EncodedPublish } from '../packets/publish.ts';
import type { BrokerCounters } from './broker-stats.ts';
import type { ChannelOutput } from './channel-output.ts';
import type { Channel } from './channel.ts';
import type { Deadlines, Timed } from './deadlines.ts';
import type { InFlightMessage } from './in-flight.ts';
import { OutboundQueue } from './outbound-queue.ts';
import type { MessageSource, UnsentMessage } from './outbound-queue.ts';
import type { Journal } from './persistence/journal.ts';
import { Receipts } from './receipts.ts';
import type { Session } from './session.ts';
import type { Subscription } from './subscription.ts';
import { OutgoingAliases } from './topic-aliases.ts';

/** What a flow needs from the core. */
export interface FlowHost {
  /** Where what outlives the process is written down; undefined when nothing does. */
  readonly journal: Journal | undefined;
  readonly deadlines: Deadlines;
  readonly counters: BrokerCounters;
  /** Queued on all flows. */
  queuedMessages: number;
  queuedBytes: number;
  /** Lets a flow deliver its own subscriptions from now on, see moveWhenIdle(). */
  moveSubscriptions(from: Flow, to: Flow): void;
  /** Calls continueSearch() when others have had their turn. */
  searchLater(flow: Flow): void;
  /** Names the channel to the driver. */
  markReady(channel: Channel): void;
}

/** Retained messages made ready one by one; undefined whenever others should have their turn. */
export type RetainedSearch = Iterator<EncodedPublish | undefined>;

export class Flow implements Timed {
  readonly session: Session;
  readonly queue: OutboundQueue;
  /** By topic filter. */
  readonly subscriptions: Map<string, Subscription> = new Map();
  readonly receipts: Receipts;
  /** Among those that its session has had; that of the control flow is 0. */
  readonly number: number;
  /** What it travels on; undefined while the client is not connected. */
  channel: Channel | undefined = undefined;
  /** Whether messages are still taken. */
  isOpen = true;
  deadline: number = Infinity;
  heapIndex = -1;

  readonly #host: FlowHost;
  /** Channels that this flow holds back. */
  readonly #holding = new Set<Channel>();
  /** Until then a flow that is behind holds nobody. */
  #probationUntil = -Infinity;
  /** Retained messages still to be sent, which go before everything that came later. */
  #retained: RetainedSearch[] = [];
  /** Whether the search for them waits for its turn. */
  #isSearching = false;
  /** Flows some of whose subscriptions are delivered here until nothing of before is left. */
  readonly #adopters = new Set<Flow>();
  #deferred: UnsentMessage[] = [];
  #deferredBytes = 0;

  constructor(session: Session, host: FlowHost) {
    this.session = session;
    this.#host = host;
    this.number = session.flowCount++;
    this.queue = new OutboundQueue(this, session.inFlight);
    this.receipts = new Receipts(session.receiptLog);
    const { journal } = host;
    if (journal !== undefined) this.queue.onDropped = (source) => journal.done(source);
  }

  /** Bytes of messages that wait. */
  get backlog(): number {
    return this.queue.bytes + this.#deferredBytes;
  }

  /** Whether the reader is so far behind that something has to be done. */
  get isBehind(): boolean {
    return this.backlog > QUEUE_HIGH_WATER || this.queue.length + this.#deferred.length > QUEUE_HIGH_WATER_MESSAGES;
  }

  /** From now on everything travels on a channel. */
  attach(channel: Channel): void {
    this.channel = channel;
    channel.flow = this;
    const { maximumPacketSize, topicAliasMaximum } = channel.connection;
    this.queue.maximumPacketSize = maximumPacketSize;
    if (topicAliasMaximum > 0) this.queue.aliases = new OutgoingAliases(topicAliasMaximum);
    this.#host.markReady(channel);
  }

  /** The channel takes no more messages. */
  detach(): void {
    const { channel } = this;
    if (channel === undefined) return;
    this.channel = undefined;
    channel.flow = undefined;
    this.#adopters.clear();
    // Nobody knows what the next connection takes.
    this.queue.maximumPacketSize = Infinity;
    this.queue.aliases = undefined;
    this.#probationUntil = -Infinity;
    this.#endHold();
  }

  /** Makes the next piece, see ChannelOutput.poll(). */
  poll(output: ChannelOutput, capacity: number, now: number): Uint8Array | undefined {
    const { queue, session } = this;
    if (this.#retained.length > 0) this.#pullRetained();
    const bytes = queue.bytes;
    const count = queue.length;
    const { sentCount } = queue;
    const piece = output.poll(queue, capacity, now);
    if (bytes !== queue.bytes) {
      this.#host.queuedBytes -= bytes - queue.bytes;
      session.queuedBytes -= bytes - queue.bytes;
      session.queuedMessages -= count - queue.length;
      this.#host.queuedMessages -= count - queue.length;
      this.#host.counters.messagesSent += queue.sentCount - sentCount;
      this.#host.counters.packetsSent += queue.sentCount - sentCount;
      if (queue.tooLargeCount > 0) this.#countTooLarge();
    }
    if (this.#holding.size > 0 && this.backlog < QUEUE_LOW_WATER) this.#endHold();
    this.wakeWaiting();
    return piece;
  }

  /** Whether nothing waits here and nothing is unacknowledged. */
  get isIdle(): boolean {
    return this.queue.length === 0 && this.queue.inFlightCount === 0 && this.#retained.length === 0;
  }

  /** Delivers what another flow has subscribed to with this flow in the subscription, as long as something older is not acknowledged here: an older message never comes after a newer one. */
  moveWhenIdle(to: Flow): void {
    this.#adopters.add(to);
  }

  /** Names the flow of this session that stopped because of the Receive Maximum and may now go on. */
  wakeWaiting(): void {
    this.session.control.#moveIfIdle();
    const waiting = this.session.inFlight.nextWaiting();
    if (waiting !== undefined) (waiting.owner as Flow).markReady();
  }

  /** Names the channel to the driver, if there is one. */
  markReady(): void {
    if (this.channel !== undefined) this.#host.markReady(this.channel);
  }

  /** Queues a message; whether it should be is the core's decision. */
  enqueue(message: EncodedPublish, source: MessageSource | undefined): void {
    this.#count(message.size, 1);
    if (this.#retained.length > 0) {
      this.#deferred.push({ message, source });
      this.#deferredBytes += message.size;
    } else {
      this.queue.push(message, source);
    }
    this.markReady();
  }

  /** Queues retained messages as there is room for them, before everything that comes after this call. */
  enqueueRetained(messages: RetainedSearch): void {
    // What waits already is older than the subscription and stays in front.
    this.#retained.push(messages);
    this.#pullRetained();
    this.markReady();
  }

  /** Goes on with the search for retained messages. */
  continueSearch(): void {
    this.#isSearching = false;
    this.markReady();
  }

  /** Queues what was begun on flows or connections that are gone, to be sent again before anything new. */
  resend(entries: Iterable<InFlightMessage>): void {
    for (const entry of entries) {
      this.queue.pushResend(entry);
      this.#count(entry.resendSize, 1);
    }
    this.markReady();
  }

  /**
   * Queues everything anew that waits here or was in flight: the exchanges that were begun, in original order, then messages.
   *
   * @param change gives each message as it shall be from now on, undefined for none
   */
  requeue(change: (message: EncodedPublish) => EncodedPublish | undefined): void {
    const unsent = this.#takeUnsent();
    this.resend(this.session.inFlight.suspend(this.queue));
    for (const { message, source } of unsent) {
      const changed = change(message);
      if (changed === undefined) continue;
      this.#count(changed.size, 1);
      this.queue.push(changed, source);
    }
    for (const { message, source } of this.#takeDeferred()) {
      const changed = change(message);
      if (changed !== undefined) this.enqueue(changed, source);
    }
  }

  /** Forgets messages that wait and have never been sent. */
  removeUnsent(isUnwanted: (message: EncodedPublish, source: MessageSource | undefined) => boolean): void {
    const { bytes, length } = this.queue;
    this.queue.removeUnsent(isUnwanted);
    this.#count(this.queue.bytes - bytes, this.queue.length - length);
    for (const { message, source } of this.#takeDeferred())
      if (!isUnwanted(message, source)) this.enqueue(message, source);
      else this.#host.journal?.done(source);
  }

  /** Takes over what waits on a flow that died, as far as it may not be lost. */
  inherit(dead: Flow): void {
    const unsent = dead.#takeUnsent();
    const deferred = dead.#takeDeferred();
    const retained = dead.#retained;
    dead.#retained = [];
    dead.close();
    for (const { message, source } of unsent) if (message.identifierOffset !== -1) this.enqueue(message, source);
    this.#retained.push(...retained);
    for (const { message, source } of deferred) if (message.identifierOffset !== -1) this.enqueue(message, source);
  }

  /** Nothing is sent or taken any more. @returns the messages that waited and were never sent */
  close(): UnsentMessage[] {
    this.detach();
    this.isOpen = false;
    if (this.session.control !== this) this.session.control.#adopters.delete(this);
    this.#endHold();
    this.#retained = [];
    const unsent = this.#takeUnsent();
    unsent.push(...this.#takeDeferred());
    const { journal } = this.#host;
    if (journal !== undefined) for (const { source } of unsent) journal.done(source);
    return unsent;
  }

  /**
   * Decides what being behind means for a message: whether this flow may hold its publisher back, and whether it is given up on.
   *
   * @param publisher the channel on which the message came, undefined when there is none
   * @returns false when the flow has used up its patience: QoS 0 should be dropped
   */
  holdBack(publisher: Channel | undefined, now: number): boolean {
    if (this.channel === undefined || now < this.#probationUntil) return false;
    if (this.deadline === Infinity) this.#host.deadlines.set(this, now + HOLD_TIME);
    // A channel that also receives is never held: it has acknowledgements to deliver, which may be what others wait for.
    if (publisher?.kind === 'control' || publisher?.flow === undefined) return true;
    if (publisher.flow !== this && publisher.flow.subscriptions.size === 0) {
      this.#holding.add(publisher);
      publisher.heldBy.add(this);
    }
    return true;
  }

  /** A channel is gone that was held back. */
  release(publisher: Channel): void {
    this.#holding.delete(publisher);
  }

  /** The time is up in which the reader could have caught up. */
  handleTimeout(now: number): void {
    if (!this.isOpen) return;
    if (this.backlog >= QUEUE_LOW_WATER) this.#probationUntil = now + HOLD_PROBATION;
    this.#endHold();
  }

  #moveIfIdle(): void {
    if (this.#adopters.size === 0 || !this.isIdle) return;
    for (const adopter of this.#adopters) this.#host.moveSubscriptions(this, adopter);
    this.#adopters.clear();
  }

  #count(bytes: number, messages: number): void {
    this.#host.queuedBytes += bytes;
    this.#host.queuedMessages += messages;
    this.session.queuedBytes += bytes;
    this.session.queuedMessages += messages;
  }

  /** @returns the messages that wait in the queue and have never been sent; and forgets it */
  #takeUnsent(): UnsentMessage[] {
    const { bytes, length } = this.queue;
    const unsent = this.queue.takeUnsent();
    this.#count(-bytes, -length);
    return unsent;
  }

  /** @returns those that wait behind retained ones */
  #takeDeferred(): UnsentMessage[] {
    const deferred = this.#deferred;
    this.#count(-this.#deferredBytes, -deferred.length);
    this.#deferred = [];
    this.#deferredBytes = 0;
    return deferred;
  }

  #countTooLarge(): void {
    this.#host.counters.messagesDropped += this.queue.tooLargeCount;
    this.queue.tooLargeCount = 0;
  }

  #endHold(): void {
    this.#host.deadlines.set(this, Infinity);
    for (const publisher of this.#holding) {
      publisher.heldBy.delete(this);
      if (!publisher.isHeld) this.#host.markReady(publisher);
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
      this.#count(value.size, 1);
      queue.push(value);
    }
    // Counted when they were deferred.
    for (const { message, source } of this.#deferred) queue.push(message, source);
    this.#deferred = [];
    this.#deferredBytes = 0;
  }
}
