/**
 * From one message to many flows: storing it where it is to be retained, finding who gets it, and what being behind its reader means for a flow.
 */
import { MAX_QUEUED_BYTES, QUEUE_HARD_LIMIT, RETAINED_SWEEP_INTERVAL } from '../limits.ts';
import type { EncodedPublish } from '../packets/publish.ts';
import { ReasonCode } from '../reason-codes.ts';
import type { BrokerCounters, LogFunction } from './broker-stats.ts';
import type { Deadlines, Timed } from './deadlines.ts';
import type { Flow } from './flow.ts';
import type { Message } from './message.ts';
import type { RetainedStore } from './retained.ts';
import { type Router, targetForOwn } from './router.ts';
import type { Session } from './session.ts';

/** What delivery needs of the core. */
export interface DeliveryHost {
  readonly router: Router;
  readonly retained: RetainedStore;
  readonly deadlines: Deadlines;
  readonly counters: BrokerCounters;
  readonly log: LogFunction;
  /** Bytes queued on all flows. */
  readonly queuedBytes: number;
  disconnect(session: Session, reasonCode: number, reason: string, now: number): void;
  abortFlow(flow: Flow, errorCode: number, now: number): void;
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
      if (this.#host.retained.removeExpired(now)) this.#host.deadlines.set(this.#sweep, now + RETAINED_SWEEP_INTERVAL);
    },
  };

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
   * @param source the flow on which it came
   * @returns whether a message to be retained was stored
   */
  publish(message: Message, source: Flow | undefined, now: number): boolean {
    const isStored = !message.retain || this.#retain(message, now);
    let targets;
    if (source === undefined) {
      targets = this.#host.router.route(message.topic);
    } else {
      if (source.routeVersion !== this.#host.router.version) {
        source.route = this.#host.router.route(message.topic);
        source.routeVersion = this.#host.router.version;
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
      this.#host.counters.messagesDropped++;
      return;
    }
    const isFull = flow.backlog > 0 && flow.backlog + message.size > QUEUE_HARD_LIMIT;
    if (isFull || flow.isBehind) {
      const isHoping = flow.holdBack(source, now);
      const isOverloaded = isFull || this.#host.queuedBytes > MAX_QUEUED_BYTES;
      if (message.identifierOffset === -1) {
        if (isOverloaded || !isHoping) {
          this.#host.counters.messagesDropped++;
          return;
        }
      } else if (isOverloaded) {
        this.#evict(flow, now);
        return;
      }
    }
    this.#host.counters.messagesRouted++;
    flow.enqueue(message);
  }

  /** A reader of QoS 1 messages that does not read: losing some of them silently is not allowed, so it is told that it lost its stream. */
  #evict(flow: Flow, now: number): void {
    const session = flow.session;
    this.#host.counters.flowsEvicted++;
    this.#host.log('warn', 'A subscriber does not read its messages', {
      remote: session.remote,
      clientId: session.clientId,
    });
    if (flow.kind === 'control') {
      this.#host.disconnect(session, ReasonCode.QUOTA_EXCEEDED, 'Messages are not read fast enough', now);
    } else {
      this.#host.abortFlow(flow, ReasonCode.QUOTA_EXCEEDED, now);
    }
  }

  #retain(message: Message, now: number): boolean {
    if (message.payload.length === 0) {
      this.#host.retained.delete(message.topic); // [MQTT-3.3.1-6], [MQTT-3.3.1-7]
      return true;
    }
    const isStored = this.#host.retained.set(message);
    if (!isStored) this.#host.counters.retainedRefused++;
    else if (message.expiresAt !== Infinity && this.#sweep.heapIndex === -1)
      this.#host.deadlines.set(this.#sweep, now + RETAINED_SWEEP_INTERVAL);
    return isStored;
  }
}
