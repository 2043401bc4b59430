/**
 * Writes down what sessions must not lose: the core tells what changed, and the journal turns it into records. What depends on a change may be said to a
 * client when `written` has come as far as `pending` was then.
 *
 * Only sessions that outlive their connection are written down, and of the others the will, since a broker that comes back after a crash owes it.
 */
import type { InFlightMessage } from '../in-flight.ts';
import type { Message, MessageFields } from '../message.ts';
import type { MessageSource } from '../outbound-queue.ts';
import type { Principal } from '../permissions.ts';
import type { ReceiptLog } from '../receipts.ts';
import type { RetainedFields } from '../retained.ts';
import type { Session } from '../session.ts';
import { Subscription } from '../subscription.ts';
import {
  RecordKind,
  encodeEntryRecord,
  encodeMessageRecord,
  encodeSessionRecord,
  encodeSubscriptionRecord,
  keyOf,
} from './records.ts';
import type { EntryState } from './records.ts';

/** Where changes are gathered and written, see Batcher. */
export interface Changes {
  readonly health: string;
  readonly pending: number;
  readonly written: number;
  put(key: string, value: Uint8Array): void;
  delete(key: string): void;
  wait(waiter: { handleWritten(): void }): boolean;
}

/** A message in the store. It goes with the last queue that holds it. */
export class StoredMessage {
  readonly number: number;
  references = 0;

  constructor(number: number) {
    this.number = number;
  }
}

/** How one client gets a message. */
export interface DeliveryOptions {
  readonly qos: number;
  readonly retain: boolean;
  /** Of subscriptions. */
  readonly identifiers: readonly number[] | undefined;
}

/** A message that waits for one client, or its exchange. Takes the place of the subscription for which it was queued. */
export class StoredEntry implements MessageSource {
  readonly key: string;
  readonly qos: number;
  readonly retain: boolean;
  readonly subscriptionIdentifiers: readonly number[] | undefined;
  /** Undefined when it is not needed any more. */
  message: StoredMessage | undefined;
  /** For which it was queued. */
  readonly source: MessageSource;

  /**
   * @param message undefined once PUBREC has come
   * @param source for which it was queued. @default none, as nobody knows after a restart
   */
  constructor(
    key: string,
    message: StoredMessage | undefined,
    delivery: DeliveryOptions,
    source: MessageSource = { queuedBytes: 0, queuedMessages: 0 },
  ) {
    this.key = key;
    this.message = message;
    this.qos = delivery.qos;
    this.retain = delivery.retain;
    this.subscriptionIdentifiers = delivery.identifiers;
    this.source = source;
    if (message !== undefined) message.references++;
  }

  get queuedBytes(): number {
    return this.source.queuedBytes;
  }

  set queuedBytes(bytes: number) {
    this.source.queuedBytes = bytes;
  }

  get queuedMessages(): number {
    return this.source.queuedMessages;
  }

  set queuedMessages(messages: number) {
    this.source.queuedMessages = messages;
  }
}

export class Journal {
  /** Grows with every change. */
  changeCount = 0;
  readonly #changes: Changes;
  readonly #unixOffset: () => number;
  #lastNumber = 0;
  #hasTaken = false;

  /** @param unixOffset ms that make unix time of the time that the core is given */
  constructor(changes: Changes, unixOffset: () => number) {
    this.#changes = changes;
    this.#unixOffset = unixOffset;
  }

  /** Whether nothing that has to be stored should be accepted now. */
  get isRefusing(): boolean {
    return this.#changes.health !== 'ok';
  }

  get pending(): number {
    return this.#changes.pending;
  }

  get written(): number {
    return this.#changes.written;
  }

  /** See Batcher.wait(). */
  wait(waiter: { handleWritten(): void }): boolean {
    return this.#changes.wait(waiter);
  }

  /** Numbers up to this one are in use. */
  startAfter(number: number): void {
    this.#lastNumber = Math.max(this.#lastNumber, number);
  }

  toUnix(time: number): number {
    return time + this.#unixOffset();
  }

  fromUnix(time: number): number {
    return time - this.#unixOffset();
  }

  // --- Sessions ---

  /** A session began, was resumed, lost its connection or its will. */
  sessionChanged(session: Session): void {
    session.isStored ||= session.expiryInterval > 0;
    const key = keyOf(RecordKind.SESSION, session.clientId);
    if (!session.isStored && session.will === undefined) {
      if (session.hasRecord) this.remove(key);
      session.hasRecord = false;
      return;
    }
    session.hasRecord = true;
    const { identity, version, connection, principal, expiryInterval, will } = session;
    const expiresAt = this.toUnix(session.expiresAt);
    const willAt = this.toUnix(session.willAt);
    const isConnected = connection !== undefined;
    const hasOwnPermissions = principal.permissions !== undefined;
    const who = { identity, version, isConnected, hasOwnPermissions };
    this.#put(key, encodeSessionRecord({ ...who, expiryInterval, expiresAt, willAt, will }));
  }

  /** Of its flows nothing is left; what was in flight and received goes now. */
  sessionEnded(session: Session): void {
    if (session.hasRecord) this.remove(keyOf(RecordKind.SESSION, session.clientId));
    session.hasRecord = false;
    if (!session.isStored) return;
    for (const { source } of session.inFlight.entries()) this.done(source);
    session.orphanedReceipts.clear();
    session.isStored = false;
  }

  /** What a session received with QoS 2. */
  receiptLogOf(session: Session): ReceiptLog {
    const keyFor = (identifier: number, digest: number): string =>
      keyOf(RecordKind.RECEIPT, session.clientId, identifier, digest);
    return {
      added: (identifier, digest) => {
        if (session.isStored) this.#put(keyFor(identifier, digest), EMPTY);
      },
      released: (identifier, digest) => {
        if (session.isStored) this.remove(keyFor(identifier, digest));
      },
    };
  }

  subscribed(subscription: Subscription): void {
    const { flow, topicFilter } = subscription;
    if (!flow.session.isStored) return;
    subscription.storeKey = keyOf(RecordKind.SUBSCRIPTION, flow.session.clientId, flow.number, topicFilter);
    this.#put(subscription.storeKey, encodeSubscriptionRecord(subscription));
  }

  unsubscribed(subscription: Subscription): void {
    if (subscription.storeKey === '') return;
    this.remove(subscription.storeKey);
    subscription.storeKey = '';
  }

  // --- Messages ---

  /**
   * A message of QoS 1 or 2 is to wait for a session that is stored.
   *
   * @returns what it is to be queued under
   */
  queued(message: Message, subscription: Subscription, delivery: DeliveryOptions): StoredEntry {
    message.stored ??= this.#store(message);
    const key = keyOf(RecordKind.ENTRY, subscription.flow.session.clientId, ++this.#lastNumber);
    const entry = new StoredEntry(key, message.stored, delivery, subscription);
    this.#putEntry(entry, 'waiting', 0);
    return entry;
  }

  /** A message has got its identifier. With QoS 2 it may not leave before that is written. */
  taken(exchange: InFlightMessage): void {
    const { source } = exchange;
    if (!(source instanceof StoredEntry) || source.qos !== 2) return;
    this.#putEntry(source, 'sent', exchange.identifier);
    this.#hasTaken = true;
  }

  /** Whether a message of QoS 2 has got its identifier since this was asked last. */
  hasTaken(): boolean {
    const hasTaken = this.#hasTaken;
    this.#hasTaken = false;
    return hasTaken;
  }

  /** PUBREC came. */
  received(exchange: InFlightMessage): void {
    const { source } = exchange;
    if (!(source instanceof StoredEntry) || source.message === undefined) return;
    this.#putEntry(source, 'received', exchange.identifier);
    this.#release(source);
  }

  /** A message or its exchange is over: acknowledged, expired, or dropped with its subscription. */
  done(source: MessageSource | undefined): void {
    if (!(source instanceof StoredEntry)) return;
    this.remove(source.key);
    this.#release(source);
  }

  /** @param publisher undefined for the broker itself */
  retained(message: RetainedFields, publisher: Principal | undefined): void {
    this.#put(keyOf(RecordKind.RETAINED, message.topic), this.#encode(message, publisher));
  }

  retainedDeleted(topic: string): void {
    this.remove(keyOf(RecordKind.RETAINED, topic));
  }

  /** Deletes a record. */
  remove(key: string): void {
    this.changeCount++;
    this.#changes.delete(key);
  }

  #store(message: Message): StoredMessage {
    const stored = new StoredMessage(++this.#lastNumber);
    this.#put(keyOf(RecordKind.MESSAGE, stored.number), this.#encode(message, undefined));
    return stored;
  }

  #release(entry: StoredEntry): void {
    const { message } = entry;
    entry.message = undefined;
    if (message !== undefined && --message.references === 0) this.remove(keyOf(RecordKind.MESSAGE, message.number));
  }

  #putEntry(entry: StoredEntry, state: EntryState, packetIdentifier: number): void {
    const { key, message, qos, retain, subscriptionIdentifiers, source } = entry;
    const sharedFilter = source instanceof Subscription && source.isShared ? source.topicFilter : '';
    const record = { state, qos, retain, packetIdentifier, sharedFilter, subscriptionIdentifiers };
    this.#put(key, encodeEntryRecord({ ...record, message: message?.number ?? 0 }));
  }

  #encode(message: Omit<MessageFields, 'topic' | 'retain'>, publisher: Principal | undefined): Uint8Array {
    const { topicBytes, properties, payload, qos, expiresAt } = message;
    return encodeMessageRecord({ topicBytes, properties, payload, qos, publisher, expiresAt: this.toUnix(expiresAt) });
  }

  #put(key: string, value: Uint8Array): void {
    this.changeCount++;
    this.#changes.put(key, value);
  }
}

const EMPTY = new Uint8Array(0);
