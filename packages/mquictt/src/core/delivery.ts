/**
 * From one message to many flows: storing it where it is to be retained, finding who gets it, and what being behind its reader means for a flow.
 */
import { QUEUE_HARD_LIMIT, QUEUE_LOG_INTERVAL, RETAINED_SWEEP_INTERVAL } from '../limits.ts';
import { EncodedPublish } from '../packets/publish.ts';
import { Slab } from '../packets/slab.ts';
import { isSystemTopic } from '../packets/topics.ts';
import { ReasonCode } from '../reason-codes.ts';
import type { BrokerCounters, LogFunction } from './broker-stats.ts';
import type { Channel } from './channel.ts';
import type { Connection } from './connection.ts';
import type { Deadlines, Timed } from './deadlines.ts';
import type { Flow } from './flow.ts';
import type { Message } from './message.ts';
import type { Principal } from './permissions.ts';
import type { Journal } from './persistence/journal.ts';
import type { RetainedFields, RetainedStore } from './retained.ts';
import { targetForOwn } from './router.ts';
import type { Route, Router } from './router.ts';
import type { SharedChoice, SharedGroup } from './shared-group.ts';
import type { Subscription } from './subscription.ts';

/** What delivery needs of the core. */
export interface DeliveryHost extends SharedChoice {
  readonly journal: Journal | undefined;
  readonly router: Router;
  readonly retained: RetainedStore;
  readonly systemTopics: RetainedStore;
  readonly deadlines: Deadlines;
  readonly counters: BrokerCounters;
  readonly log: LogFunction;
  /** Whether as much is queued as the broker can hold. */
  readonly isOverloaded: boolean;
  readonly slowConsumer: 'drop' | 'disconnect';
  disconnect(connection: Connection, reasonCode: number, reason: string, now: number): void;
  abortChannel(channel: Channel, errorCode: number, now: number): void;
}

export class Delivery {
  readonly #host: DeliveryHost;
  /** Flows that search the retained messages, and whose turn it is: one at a time. */
  readonly #searching: Flow[] = [];
  readonly #nextSearch: Timed = {
    deadline: Infinity,
    heapIndex: -1,
    handleTimeout: (now) => {
      const flow = this.#searching.shift();
      if (flow?.isOpen === true) flow.continueSearch();
      if (this.#searching.length > 0) this.#host.deadlines.set(this.#nextSearch, now + 1);
    },
  };
  /** Forgets retained messages that have expired. What is asked for by a subscription is looked at there as well. */
  readonly #sweep: Timed = {
    deadline: Infinity,
    heapIndex: -1,
    handleTimeout: (now) => {
      const { retained, journal } = this.#host;
      if (retained.removeExpired(now, (topic) => journal?.retainedDeleted(topic)))
        this.#host.deadlines.set(this.#sweep, now + RETAINED_SWEEP_INTERVAL);
    },
  };

  /** Memory of messages that wait for long, and the last of them. */
  readonly #keptSlab = new Slab();
  #keptFrom: EncodedPublish | undefined = undefined;
  #kept: EncodedPublish | undefined = undefined;
  /** ms before which full queues are not logged again. */
  #nextFullLog = -Infinity;

  constructor(host: DeliveryHost) {
    this.#host = host;
  }

  /** The flow goes on with its search for retained messages when it is its turn. */
  searchLater(flow: Flow): void {
    this.#searching.push(flow);
    // At once, but not in this turn.
    if (this.#nextSearch.heapIndex === -1) this.#host.deadlines.set(this.#nextSearch, 0);
  }

  /**
   * Stores a message if it is to be retained, and queues it for everyone who subscribed.
   *
   * @param source the channel on which it came
   * @returns whether a message to be retained was stored
   */
  publish(message: Message, source: Channel | undefined, now: number): boolean {
    const isStored = !message.retain || this.#retain(message, now);
    const { router } = this.#host;
    let route;
    if (source === undefined) {
      route = router.route(message.topic);
    } else {
      if (source.routeVersion !== router.version) {
        source.route = router.route(message.topic);
        source.routeVersion = router.version;
      }
      route = source.route as Route;
    }
    for (const found of route.targets) {
      const session = found.flow.session;
      const target = found.hasNoLocal && session === message.publisher ? targetForOwn(found) : found;
      if (target === undefined || !target.flow.isOpen) continue;
      const qos = Math.min(target.qos, message.qos);
      const retain = message.retain && target.retainAsPublished; // [MQTT-3.3.1-12], [MQTT-3.3.1-13]
      this.#offer(message, target.subscriptions[0], qos, retain, target.identifiers, source, now);
    }
    for (const group of route.groups) this.#share(group, message, source, now);
    return isStored;
  }

  /** Gives a message that a member of a group leaves to another one, if there is one left. */
  passOn(topicFilter: string, message: Message, now: number): void {
    const group = this.#host.router.group(topicFilter);
    if (group !== undefined && message.expiresAt > now) this.#share(group, message, undefined, now);
  }

  /** [MQTT-4.8.2-3]: one member gets it, with what it subscribed with. */
  #share(group: SharedGroup, message: Message, source: Channel | undefined, now: number): void {
    const member = group.pick(message.qos, message.payload.length, this.#host);
    if (member === undefined) {
      this.#host.counters.messagesDropped++;
      return;
    }
    const { identifier } = member;
    const qos = Math.min(member.qos, message.qos);
    const retain = message.retain && member.retainAsPublished;
    this.#offer(message, member, qos, retain, identifier === 0 ? undefined : [identifier], source, now);
  }

  /** Queues a copy for a flow, or counts why not. */
  #offer(
    original: Message,
    subscription: Subscription,
    qos: number,
    retain: boolean,
    identifiers: readonly number[] | undefined,
    source: Channel | undefined,
    now: number,
  ): void {
    const { flow } = subscription;
    const { version } = flow.session;
    const message =
      identifiers === undefined && !retain
        ? original.shared(version, qos)
        : original.encode(version, qos, retain, identifiers);
    // [MQTT-3.1.2-24], [MQTT-3.1.2-25]
    if (message.size > flow.queue.maximumPacketSize) {
      this.#host.counters.messagesDropped++;
      return;
    }
    if (message.identifierOffset === -1) {
      // QoS 0 is for those who are there.
      if (flow.channel === undefined) return;
      if (this.#isOverrun(flow, message, source, now)) {
        this.#host.counters.messagesDropped++;
        return;
      }
      this.#host.counters.messagesRouted++;
      flow.enqueue(message, undefined);
      return;
    }
    if (flow.isBehind) flow.holdBack(source, now);
    if (!flow.session.hasRoomFor(message.size, subscription) || this.#host.isOverloaded) {
      this.#handleFull(flow, now);
      return;
    }
    this.#host.counters.messagesRouted++;
    const { journal } = this.#host;
    const isStored = journal !== undefined && flow.session.isStored;
    flow.enqueue(
      flow.channel === undefined || flow.isBehind ? this.#forKeeping(message) : message,
      isStored ? journal.queued(original, subscription, { qos, retain, identifiers }) : subscription,
    );
  }

  /**
   * A message that may wait for long, apart from those that do not: they share slabs of 8 KiB, and one that stays would keep a whole one. Copied once for all
   * sessions that it waits for.
   */
  #forKeeping(message: EncodedPublish): EncodedPublish {
    if (message === this.#keptFrom) return this.#kept as EncodedPublish;
    const { buffer, start, end, payload, identifierOffset, expiryOffset, expiresAt } = message;
    if (buffer.length <= 2 * (end - start)) return message;
    const at = this.#keptSlab.allocate(end - start);
    const shift = at - start;
    this.#keptSlab.buffer.set(buffer.subarray(start, end), at);
    this.#keptFrom = message;
    this.#kept = new EncodedPublish(
      this.#keptSlab.buffer,
      at,
      end + shift,
      payload,
      identifierOffset + shift,
      expiryOffset === -1 ? -1 : expiryOffset + shift,
      expiresAt,
    );
    return this.#kept;
  }

  /** Whether a reader has fallen so far behind that it gets no more QoS 0. */
  #isOverrun(flow: Flow, message: EncodedPublish, source: Channel | undefined, now: number): boolean {
    const isFull = flow.backlog > 0 && flow.backlog + message.size > QUEUE_HARD_LIMIT;
    if (!isFull && !flow.isBehind) return false;
    const isHoping = flow.holdBack(source, now);
    return !isHoping || isFull || this.#host.isOverloaded;
  }

  /** Messages that may not be lost are not read: the newest are not queued, and that is said; or the reader is told to go. */
  #handleFull(flow: Flow, now: number): void {
    const { counters } = this.#host;
    const { session, channel } = flow;
    counters.messagesNotQueued++;
    if (now >= this.#nextFullLog) {
      this.#nextFullLog = now + QUEUE_LOG_INTERVAL;
      this.#host.log('warn', 'Messages are not queued for a client that does not read them', {
        clientId: session.clientId,
        messages: counters.messagesNotQueued,
      });
    }
    if (this.#host.slowConsumer !== 'disconnect' || channel === undefined) return;
    counters.flowsEvicted++;
    if (channel.kind === 'control')
      this.#host.disconnect(channel.connection, ReasonCode.QUOTA_EXCEEDED, 'Messages are not read fast enough', now);
    else this.#host.abortChannel(channel, ReasonCode.QUOTA_EXCEEDED, now);
  }

  /** Puts back a retained message of a former process. @returns false when there is no room for it */
  restore(message: RetainedFields, publisher: Principal | undefined): boolean {
    return this.#store(message, 0, publisher);
  }

  #retain(message: Message, now: number): boolean {
    if (isSystemTopic(message.topic)) return this.#host.systemTopics.set(message);
    if (message.payload.length === 0) {
      if (this.#host.retained.delete(message.topic)) this.#host.journal?.retainedDeleted(message.topic); // [MQTT-3.3.1-6], [MQTT-3.3.1-7]
      return true;
    }
    const publisher = message.publisher?.principal;
    const isStored = this.#store(message, now, publisher);
    if (isStored) this.#host.journal?.retained(message, publisher);
    else this.#host.counters.retainedRefused++;
    return isStored;
  }

  #store(message: RetainedFields, now: number, publisher: Principal | undefined): boolean {
    const isStored = this.#host.retained.set(message, publisher);
    if (isStored && message.expiresAt !== Infinity && this.#sweep.heapIndex === -1)
      this.#host.deadlines.set(this.#sweep, now + RETAINED_SWEEP_INTERVAL);
    return isStored;
  }
}
