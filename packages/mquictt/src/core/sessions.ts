/**
 * All sessions by client identifier, and their lives: begun or resumed by a connection, kept when it ends, over when their time is up. A will is published
 * when its delay or the session is over, whichever comes first, unless the client returns before. [MQTT-3.1.2-8], [MQTT-3.1.3-9]
 */
import { WILL_DELAY_AFTER_CRASH } from '../limits.ts';
import type { ReceivedWill } from '../packets/codec.ts';
import type { EncodedPublish } from '../packets/publish.ts';
import type { LogFunction } from './broker-stats.ts';
import type { Connection } from './connection.ts';
import type { Flow } from './flow.ts';
import type { Message } from './message.ts';
import type { MessageSource } from './outbound-queue.ts';
import { StoredEntry } from './persistence/journal.ts';
import { messageOf, reencode } from './reencode.ts';
import type { Router } from './router.ts';
import { Session } from './session.ts';
import type { SessionHost } from './session.ts';
import { Subscription } from './subscription.ts';
import { willMessage } from './will.ts';

/** What is known of a session of a former process; times as the core counts them, in ms. */
export interface RestoredSession {
  readonly isConnected: boolean;
  readonly expiryInterval: number;
  readonly expiresAt: number;
  readonly willAt: number;
  readonly will: ReceivedWill | undefined;
}

/** What the sessions need from the core. */
export interface SessionsHost extends SessionHost {
  readonly router: Router;
  readonly log: LogFunction;
  publish(message: Message, source: undefined, now: number): boolean;
  /** Gives a message of a shared subscription to another member. */
  passOn(topicFilter: string, message: Message, now: number): void;
}

export class Sessions {
  readonly #host: SessionsHost;
  readonly #byClientId = new Map<string, Session>();
  /** Those being published: empty but within #publishWill(). */
  readonly #wills: Message[] = [];

  constructor(host: SessionsHost) {
    this.#host = host;
  }

  get size(): number {
    return this.#byClientId.size;
  }

  get(clientId: string): Session | undefined {
    return this.#byClientId.get(clientId);
  }

  [Symbol.iterator](): IterableIterator<Session> {
    return this.#byClientId.values();
  }

  /** Begins a session. There is none with this client identifier. */
  begin(clientId: string, connection: Pick<Connection, 'identity' | 'version'>): Session {
    const session = new Session(clientId, connection, this.#host, (expired, now) => this.#onTimeout(expired, now));
    this.#byClientId.set(clientId, session);
    return session;
  }

  /**
   * The client is there: its control flow travels on the control channel.
   *
   * @param receiveMaximum of the client
   * @param expiryInterval seconds, Infinity = for ever
   */
  connect(
    session: Session,
    connection: Connection,
    receiveMaximum: number,
    expiryInterval: number,
    will: ReceivedWill | undefined,
  ): void {
    session.connection = connection;
    connection.session = session;
    session.inFlight.receiveMaximum = receiveMaximum;
    session.expiryInterval = expiryInterval;
    session.will = will;
    session.willAt = Infinity;
    session.expiresAt = Infinity;
    this.#host.deadlines.set(session, Infinity);
    if (session.version !== connection.version) {
      const change = (message: EncodedPublish): EncodedPublish =>
        reencode(message, session.version, connection.version);
      session.inFlight.rewrite(change);
      session.control.requeue(change);
      session.version = connection.version;
    }
    session.isInterrupted = false;
    if (connection.control !== undefined) session.control.attach(connection.control);
    this.#host.journal?.sessionChanged(session);
  }

  /**
   * The connection is gone.
   *
   * @param flows data flows that lived on it
   */
  disconnect(session: Session, flows: readonly Flow[], now: number): void {
    session.connection = undefined;
    session.control.detach();
    if (session.expiryInterval === 0) {
      this.end(session, now, flows);
      return;
    }
    this.#keep(session, flows);
    session.expiresAt = now + session.expiryInterval * 1000;
    const { will } = session;
    if (will !== undefined) session.willAt = now + will.delayInterval * 1000;
    this.#setDeadline(session);
    if (session.willAt <= now) this.#publishWill(session, now);
    this.#host.journal?.sessionChanged(session);
  }

  /**
   * A session that a former process had. Where its client was connected, that counts as the end of the connection, but not by the client's doing: the will
   * waits until it could have come back.
   */
  restore(
    session: Session,
    { expiryInterval, will, isConnected, expiresAt, willAt }: RestoredSession,
    now: number,
  ): void {
    session.expiryInterval = expiryInterval;
    session.will = will;
    session.isInterrupted = isConnected;
    session.expiresAt = expiresAt;
    session.willAt = willAt;
    if (isConnected) {
      session.expiresAt = now + expiryInterval * 1000;
      if (will !== undefined) {
        session.willAt = now + Math.max(will.delayInterval * 1000, WILL_DELAY_AFTER_CRASH);
        // The end of a session that was shorter would publish it before.
        session.expiresAt = Math.max(session.expiresAt, session.willAt);
      }
    }
    this.#setDeadline(session);
    this.#host.journal?.sessionChanged(session);
  }

  /**
   * Takes a subscription without a stream of its own away from the control flow: the first SUBSCRIBE with its filter adopts it, on whatever flow it comes.
   *
   * @returns undefined when there is none
   */
  takeOrphan(session: Session, topicFilter: string): Subscription | undefined {
    const { subscriptions } = session.control;
    const orphan = subscriptions.get(topicFilter);
    if (orphan?.isOrphan !== true) return undefined;
    subscriptions.delete(topicFilter);
    return orphan;
  }

  /** What one flow delivered for another one is delivered there from now on. */
  move(from: Flow, to: Flow): void {
    const { router, journal } = this.#host;
    for (const subscription of to.subscriptions.values()) {
      if (subscription.flow !== from) continue;
      const moved = Subscription.moved(subscription, to);
      moved.storeKey = '';
      router.remove(subscription);
      journal?.unsubscribed(subscription);
      to.subscriptions.set(moved.topicFilter, moved);
      journal?.subscribed(moved);
      router.add(moved);
    }
  }

  /** Ends a flow and its subscriptions; what is in flight stays in the window. Messages of shared subscriptions that were not sent go to other members. */
  endFlow(flow: Flow, now: number): void {
    this.#endSubscriptions(flow);
    flow.receipts.moveTo(flow.session.orphanedReceipts);
    for (const { message, source } of flow.close()) this.#passOn(flow.session, message, source, now);
  }

  /**
   * Ends a session, its will included. It has no connection, or is about to lose it.
   *
   * @param flows data flows that lived on it
   */
  end(session: Session, now: number, flows: readonly Flow[] = []): void {
    if (!session.isOpen) return;
    session.isOpen = false;
    this.#byClientId.delete(session.clientId);
    this.#host.deadlines.set(session, Infinity);
    for (const flow of flows) this.#endSubscriptions(flow);
    this.#endSubscriptions(session.control);
    // What was sent with QoS 1 and not acknowledged is another member's turn; QoS 2 is not. [MQTT-4.8.2-5]
    for (const { qos, message, source } of session.inFlight.entries())
      if (qos === 1 && message !== undefined) this.#passOn(session, message, source, now);
    for (const flow of flows) this.endFlow(flow, now);
    this.endFlow(session.control, now);
    this.#host.journal?.sessionEnded(session);
    this.#publishWill(session, now);
  }

  #endSubscriptions(flow: Flow): void {
    const { session, subscriptions } = flow;
    for (const subscription of subscriptions.values()) {
      this.#host.router.remove(subscription);
      this.#host.journal?.unsubscribed(subscription);
      session.subscriptionLevels -= subscription.levels;
    }
    session.subscriptionCount -= subscriptions.size;
    subscriptions.clear();
  }

  #passOn(session: Session, message: EncodedPublish, source: MessageSource | undefined, now: number): void {
    const subscription = source instanceof StoredEntry ? source.source : source;
    if (!(subscription instanceof Subscription) || !subscription.isShared) return;
    this.#host.passOn(subscription.topicFilter, messageOf(message, session.version), now);
  }

  /**
   * Everything of the data flows becomes the control flow's. Of subscriptions with the same filter one stays: that of the control flow, else the first. QoS
   * 0 is not kept.
   */
  #keep(session: Session, flows: readonly Flow[]): void {
    const { control } = session;
    control.requeue((message) => (message.identifierOffset === -1 ? undefined : message));
    control.receipts.moveTo(session.orphanedReceipts);
    for (const flow of flows) {
      for (const subscription of flow.subscriptions.values()) {
        this.#host.router.remove(subscription);
        if (control.subscriptions.has(subscription.topicFilter)) {
          this.#host.journal?.unsubscribed(subscription);
          session.subscriptionCount--;
          session.subscriptionLevels -= subscription.levels;
          continue;
        }
        const orphan = Subscription.moved(subscription, control);
        orphan.isOrphan = true;
        control.subscriptions.set(orphan.topicFilter, orphan);
        this.#host.router.add(orphan);
      }
      flow.subscriptions.clear();
      flow.receipts.moveTo(session.orphanedReceipts);
      control.inherit(flow);
    }
  }

  #setDeadline(session: Session): void {
    this.#host.deadlines.set(session, Math.min(session.expiresAt, session.willAt));
  }

  #onTimeout(session: Session, now: number): void {
    if (session.expiresAt <= now) {
      this.#host.log('info', 'A session expired', { clientId: session.clientId });
      this.end(session, now);
      return;
    }
    if (session.willAt <= now) {
      this.#publishWill(session, now);
      this.#host.journal?.sessionChanged(session);
    }
    this.#setDeadline(session);
  }

  #publishWill(session: Session, now: number): void {
    const { will } = session;
    session.will = undefined;
    session.willAt = Infinity;
    if (will === undefined) return;
    this.#wills.push(willMessage(will, session, now));
    // A will may end the connections of those who do not read it, and those have wills too: thousands of them would nest.
    if (this.#wills.length > 1) return;
    for (let i = 0; i < this.#wills.length; i++) this.#host.publish(this.#wills[i], undefined, now);
    this.#wills.length = 0;
  }
}
