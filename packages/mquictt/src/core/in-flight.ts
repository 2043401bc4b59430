/**
 * QoS 1 and 2 messages of one session and direction that are sent and not acknowledged, over all its flows: one space of packet identifiers, one Receive
 * Maximum, shared so that no flow can take it all. What a flow or a connection left stays here, in the order in which it was first sent, until it is
 * acknowledged on the flow that inherits it.
 */
import { MAX_IN_FLIGHT_BYTES, MAX_IN_FLIGHT_BYTES_PER_SESSION, RESERVED_IDENTIFIERS } from '../limits.ts';
import type { EncodedPublish } from '../packets/publish.ts';
import type { MessageSource, OutboundQueue } from './outbound-queue.ts';

/** A message under its packet identifier. */
export class InFlightMessage {
  readonly identifier: number;
  /** The flow that carries it, or that inherited it. */
  queue: OutboundQueue;
  /** Undefined once PUBREC has come: then only PUBREL is left to say. */
  message: EncodedPublish | undefined;
  /** See OutboundQueue.push(). */
  readonly source: MessageSource | undefined;
  /** Whether PUBLISH or PUBREL went out on a flow that still lives; otherwise it waits to be sent again. */
  isSent = true;
  /** Bytes by which it counts in a queue while it waits to be sent again. */
  resendSize = 0;

  constructor(
    identifier: number,
    queue: OutboundQueue,
    message: EncodedPublish | undefined,
    source: MessageSource | undefined,
  ) {
    this.identifier = identifier;
    this.queue = queue;
    this.message = message;
    this.source = source;
  }

  get qos(): number {
    const { message } = this;
    // Only QoS 2 outlives its message.
    return message === undefined ? 2 : (message.buffer[message.start] >> 1) & 3;
  }
}

export class InFlightWindow {
  /** Messages that the peer takes at once. [MQTT-4.9.0-1] */
  receiveMaximum: number;
  /** Called with each message that has got its identifier and is about to be sent for the first time. */
  onTaken: ((entry: InFlightMessage) => void) | undefined = undefined;
  readonly #entries = new Map<number, InFlightMessage>();
  /** Identifiers of SUBSCRIBE and UNSUBSCRIBE, which share the space. */
  readonly #reserved = new Set<number>();
  /** Flows that stopped because of the Receive Maximum, the one that waits longest first. */
  #waiting: OutboundQueue[] = [];
  #lastIdentifier = 0;
  /** Entries that went out on this connection: those that count against the Receive Maximum. */
  #sent = 0;
  /** Of the messages of all entries. */
  #bytes = 0;

  constructor(receiveMaximum: number) {
    this.receiveMaximum = receiveMaximum;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** An identifier for a packet that is no PUBLISH; 0 when all are taken. Give it back with release(). */
  reserve(): number {
    const identifier = this.#nextIdentifier();
    if (identifier !== 0) this.#reserved.add(identifier);
    return identifier;
  }

  release(identifier: number): void {
    this.#reserved.delete(identifier);
  }

  get(identifier: number): InFlightMessage | undefined {
    return this.#entries.get(identifier);
  }

  /** In the order in which they were first sent. */
  entries(): IterableIterator<InFlightMessage> {
    return this.#entries.values();
  }

  /**
   * @param source see OutboundQueue.push()
   * @returns the identifier under which the message may be sent now, or 0: the queue is then remembered and named by nextWaiting() later
   */
  take(queue: OutboundQueue, message: EncodedPublish, source?: MessageSource): number {
    const identifier = this.#allows(queue) ? this.#nextIdentifier() : 0;
    if (identifier === 0) {
      this.#wait(queue);
      return 0;
    }
    const entry = new InFlightMessage(identifier, queue, message, source);
    this.#entries.set(identifier, entry);
    this.#bytes += message.size;
    this.#sent++;
    queue.inFlightCount++;
    queue.inFlightBytes += message.size;
    this.onTaken?.(entry);
    return identifier;
  }

  /**
   * Puts back an exchange that a former process began; it waits to be sent again.
   *
   * @param message undefined where PUBREC had come
   */
  restore(
    identifier: number,
    queue: OutboundQueue,
    message: EncodedPublish | undefined,
    source: MessageSource | undefined,
  ): InFlightMessage {
    const entry = new InFlightMessage(identifier, queue, message, source);
    entry.isSent = false;
    this.#entries.set(identifier, entry);
    this.#bytes += message?.size ?? 0;
    return entry;
  }

  /** Whether an entry is still to be sent again: it was not acknowledged in the meantime, on whichever flow. */
  isPending(entry: InFlightMessage): boolean {
    return !entry.isSent && this.#entries.get(entry.identifier) === entry;
  }

  /** @returns whether a pending entry may be sent again now; otherwise its queue is remembered like one that was refused by take() */
  takeAgain(entry: InFlightMessage): boolean {
    // A PUBREL takes no slot that its PUBLISH has not had (MQTT 5 §4.9).
    if (entry.message !== undefined && this.#sent >= this.receiveMaximum) {
      this.#wait(entry.queue);
      return false;
    }
    this.#markSent(entry);
    return true;
  }

  /** The exchange is over. @returns it, or undefined when nothing with this identifier is in flight */
  acknowledge(identifier: number): InFlightMessage | undefined {
    const entry = this.#entries.get(identifier);
    if (entry !== undefined) this.finish(entry);
    return entry;
  }

  /** The same for one that get() gave. */
  finish(entry: InFlightMessage): void {
    this.#entries.delete(entry.identifier);
    this.#dropMessage(entry);
    if (!entry.isSent) return;
    this.#sent--;
    entry.queue.inFlightCount--;
  }

  /** PUBREC came: the message is the peer's now, and is not sent again. */
  receive(entry: InFlightMessage): void {
    if (!entry.isSent) this.#markSent(entry);
    this.#dropMessage(entry);
    entry.message = undefined;
  }

  /**
   * To be asked after every acknowledgement, and again after the flow that it names has had its turn: it may have nothing to send any more.
   *
   * @returns a flow that stopped and may now go on, undefined when there is none
   */
  nextWaiting(): OutboundQueue | undefined {
    if (this.#waiting.length === 0 || this.#sent >= this.receiveMaximum) return undefined;
    for (let i = 0; i < this.#waiting.length; i++) {
      const queue = this.#waiting[i];
      if (!queue.hasResends && !this.#allows(queue)) continue;
      this.#waiting.splice(i, 1);
      queue.isWaitingForWindow = false;
      return queue;
    }
    return undefined;
  }

  /**
   * A flow died: what it had in flight belongs to `heir` from now on and is to be sent again, or belongs to nobody.
   *
   * @returns in the order in which they were sent
   */
  inherit(dead: OutboundQueue, heir: OutboundQueue | undefined): InFlightMessage[] {
    this.#forgetWaiting(dead);
    const moved: InFlightMessage[] = [];
    if (dead.inFlightCount === 0 && !dead.hasResends) return moved;
    for (const entry of this.#entries.values()) {
      if (entry.queue !== dead) continue;
      if (heir === undefined) {
        this.acknowledge(entry.identifier);
      } else {
        this.#markUnsent(entry);
        entry.queue = heir;
      }
      moved.push(entry);
    }
    return moved;
  }

  /** The connection is gone: everything is to be sent again on the next one, by `heir`. @returns in the order in which they were sent */
  suspend(heir: OutboundQueue): InFlightMessage[] {
    for (const queue of this.#waiting) queue.isWaitingForWindow = false;
    this.#waiting = [];
    for (const entry of this.#entries.values()) {
      this.#markUnsent(entry);
      entry.queue = heir;
    }
    return [...this.#entries.values()];
  }

  /** Puts each message that waits to be sent again in another form. */
  rewrite(change: (message: EncodedPublish) => EncodedPublish): void {
    for (const entry of this.#entries.values()) {
      if (entry.isSent || entry.message === undefined) continue;
      this.#bytes -= entry.message.size;
      entry.message = change(entry.message);
      this.#bytes += entry.message.size;
    }
  }

  #wait(queue: OutboundQueue): void {
    if (queue.isWaitingForWindow) return;
    queue.isWaitingForWindow = true;
    this.#waiting.push(queue);
  }

  #forgetWaiting(queue: OutboundQueue): void {
    if (!queue.isWaitingForWindow) return;
    this.#waiting = this.#waiting.filter((waiting) => waiting !== queue);
    queue.isWaitingForWindow = false;
  }

  #markSent(entry: InFlightMessage): void {
    entry.isSent = true;
    this.#sent++;
    entry.queue.inFlightCount++;
    entry.queue.inFlightBytes += entry.message?.size ?? 0;
  }

  #markUnsent(entry: InFlightMessage): void {
    if (!entry.isSent) return;
    entry.isSent = false;
    this.#sent--;
    entry.queue.inFlightCount--;
    entry.queue.inFlightBytes -= entry.message?.size ?? 0;
  }

  #dropMessage(entry: InFlightMessage): void {
    const size = entry.message?.size ?? 0;
    this.#bytes -= size;
    if (entry.isSent) entry.queue.inFlightBytes -= size;
  }

  /**
   * A flow with nothing in flight only needs a free slot. Others may have as many as remain free: a flow whose peer never acknowledges ends with half of
   * the Receive Maximum, the next one with a quarter, and there is a slot for whoever comes (as long as there are more slots than flows).
   */
  #allows(queue: OutboundQueue): boolean {
    const free = this.receiveMaximum - this.#sent;
    if (free <= 0 || this.#entries.size + this.#reserved.size >= 65_535) return false;
    if (this.#entries.size >= 65_535 - RESERVED_IDENTIFIERS) return false;
    if (queue.inFlightCount === 0) return true;
    if (this.#bytes >= MAX_IN_FLIGHT_BYTES_PER_SESSION) return false;
    return queue.inFlightCount < free && queue.inFlightBytes < MAX_IN_FLIGHT_BYTES;
  }

  /** In sequence, so that an identifier is used again as late as possible. [MQTT-2.2.1-4] */
  #nextIdentifier(): number {
    if (this.#entries.size + this.#reserved.size >= 65_535) return 0;
    let identifier = this.#lastIdentifier;
    do {
      identifier = identifier === 65_535 ? 1 : identifier + 1;
    } while (this.#entries.has(identifier) || this.#reserved.has(identifier));
    this.#lastIdentifier = identifier;
    return identifier;
  }
}
