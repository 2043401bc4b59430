/**
 * QoS 1 messages of one session and direction that are sent and not acknowledged, over all its flows: one space of packet identifiers, one Receive
 * Maximum, shared so that no flow can take it all.
 */
import { MAX_IN_FLIGHT_BYTES, MAX_IN_FLIGHT_BYTES_PER_SESSION, RESERVED_IDENTIFIERS } from '../limits.ts';
import type { EncodedPublish } from '../packets/publish.ts';
import type { OutboundQueue } from './outbound-queue.ts';

export interface InFlightEntry {
  /** The flow that carries it, or that inherited it. */
  queue: OutboundQueue;
  readonly message: EncodedPublish;
}

export class InFlightWindow {
  /** Messages that the peer takes at once. [MQTT-4.9.0-1] */
  receiveMaximum: number;
  readonly #entries = new Map<number, InFlightEntry>();
  /** Identifiers of SUBSCRIBE and UNSUBSCRIBE, which share the space. */
  readonly #reserved = new Set<number>();
  /** Flows that stopped because of the Receive Maximum, the one that waits longest first. */
  #waiting: OutboundQueue[] = [];
  #lastIdentifier = 0;
  /** Of all entries. */
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

  /** @returns the identifier under which the message may be sent now, or 0: the queue is then remembered and named by nextWaiting() later */
  take(queue: OutboundQueue, message: EncodedPublish): number {
    const identifier = this.#allows(queue) ? this.#nextIdentifier() : 0;
    if (identifier === 0) {
      if (!queue.isWaitingForWindow) {
        queue.isWaitingForWindow = true;
        this.#waiting.push(queue);
      }
      return 0;
    }
    this.#entries.set(identifier, { queue, message });
    queue.inFlightCount++;
    queue.inFlightBytes += message.size;
    this.#bytes += message.size;
    return identifier;
  }

  /** @returns what was acknowledged, or undefined when nothing with this identifier is in flight */
  acknowledge(identifier: number): InFlightEntry | undefined {
    const entry = this.#entries.get(identifier);
    if (entry === undefined) return undefined;
    this.#entries.delete(identifier);
    entry.queue.inFlightCount--;
    entry.queue.inFlightBytes -= entry.message.size;
    this.#bytes -= entry.message.size;
    return entry;
  }

  /**
   * To be asked after every acknowledgement, and again after the flow that it names has had its turn: it may have nothing to send any more.
   *
   * @returns a flow that stopped and may now go on, undefined when there is none
   */
  nextWaiting(): OutboundQueue | undefined {
    if (this.#waiting.length === 0 || this.#entries.size >= this.receiveMaximum) return undefined;
    for (let i = 0; i < this.#waiting.length; i++) {
      const queue = this.#waiting[i];
      if (!this.#allows(queue)) continue;
      this.#waiting.splice(i, 1);
      queue.isWaitingForWindow = false;
      return queue;
    }
    return undefined;
  }

  /**
   * A flow died: what it had in flight belongs to `heir` from now on, or to nobody.
   *
   * @returns identifiers and messages in the order in which they were sent
   */
  inherit(dead: OutboundQueue, heir: OutboundQueue | undefined): (readonly [number, EncodedPublish])[] {
    this.#waiting = this.#waiting.filter((queue) => queue !== dead);
    dead.isWaitingForWindow = false;
    const moved: (readonly [number, EncodedPublish])[] = [];
    if (dead.inFlightCount === 0) return moved;
    for (const [identifier, entry] of this.#entries) {
      if (entry.queue !== dead) continue;
      moved.push([identifier, entry.message]);
      if (heir === undefined) {
        this.#entries.delete(identifier);
        this.#bytes -= entry.message.size;
        continue;
      }
      entry.queue = heir;
      heir.inFlightCount++;
      heir.inFlightBytes += entry.message.size;
    }
    dead.inFlightCount = 0;
    dead.inFlightBytes = 0;
    return moved;
  }

  /**
   * A flow with nothing in flight only needs a free slot. Others may have as many as remain free: a flow whose peer never acknowledges ends with half of
   * the Receive Maximum, the next one with a quarter, and there is a slot for whoever comes (as long as there are more slots than flows).
   */
  #allows(queue: OutboundQueue): boolean {
    const free = this.receiveMaximum - this.#entries.size;
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
