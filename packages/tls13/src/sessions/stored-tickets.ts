/** Tickets that are names of sessions in memory. */
import { latin1Bytes, latin1Text } from '../ascii.ts';
import { MAX_STORED_TICKETS } from '../limits.ts';
import type { Random } from '../random.ts';
import { decodeServerSession, encodeServerSession } from './server-session-codec.ts';
import type { ServerSession, SessionTickets } from './server-session.ts';
import { isCurrent } from './session-fields.ts';

export interface StoredTicketsOptions {
  readonly random: Random;
  /** Sessions kept at most; when it is full, the oldest goes first. 330 bytes of memory each, and a client's certificate. @default 100,000 */
  readonly capacity?: number;
}

const TICKET_LENGTH = 32;

interface Stored {
  /** One character per byte: a Uint8Array takes the process twice the memory, and its collection pauses five times as long (Node 20). */
  readonly session: string;
  readonly expiresAt: number;
}

/**
 * Keeps sessions in the memory of one process and gives random names to the clients. A ticket is good once, so that sessions cannot be linked by
 * it and early data cannot come twice by it (RFC 8446 §8.1). A restart forgets all, and clients then make full handshakes.
 *
 * Next to `SealedTickets`: tickets of 32 bytes, nothing to leak that opens old ones, but memory per session and one process only.
 */
export class StoredTickets implements SessionTickets {
  readonly #random: Random;
  readonly #capacity: number;
  /** By ticket. That a lookup takes its time tells nothing: tickets are sent in the clear, and what they stand for is proved by the binder. */
  readonly #sessions: Map<string, Stored> = new Map();
  /**
   * Tickets by their number modulo the capacity, from #oldest up to #next; a redeemed one keeps its place until its turn comes. Taking the oldest out
   * of a Map of 100,000 costs 37 µs instead (Node 20, 2-vCPU machine), as its iterator walks over what has been deleted.
   */
  readonly #tickets: string[] = [];
  #oldest = 0;
  #next = 0;

  /** @throws RangeError where capacity is no positive integer */
  constructor({ random, capacity = MAX_STORED_TICKETS }: StoredTicketsOptions) {
    if (!Number.isSafeInteger(capacity) || capacity < 1)
      throw new RangeError(`"capacity" expected a positive integer, got ${capacity}`);
    this.#random = random;
    this.#capacity = capacity;
  }

  /** How many sessions are kept, expired ones that have not been noticed included. */
  get size(): number {
    return this.#sessions.size;
  }

  issue(session: ServerSession, unixTime: number): Uint8Array | undefined {
    this.#forgetExpired(unixTime);
    const encoded = encodeServerSession(session);
    if (encoded === undefined) return undefined;
    if (this.#next - this.#oldest === this.#capacity) this.#forgetOldest();
    const ticket = new Uint8Array(TICKET_LENGTH);
    this.#random.fillPrivate(ticket);
    const name = latin1Text(ticket);
    this.#sessions.set(name, { session: latin1Text(encoded), expiresAt: session.expiresAt });
    this.#tickets[this.#next++ % this.#capacity] = name;
    return ticket;
  }

  redeem(ticket: Uint8Array, unixTime: number): ServerSession | undefined {
    this.#forgetExpired(unixTime);
    if (ticket.length !== TICKET_LENGTH) return undefined;
    const name = latin1Text(ticket);
    const stored = this.#sessions.get(name);
    if (stored === undefined) return undefined;
    this.#sessions.delete(name);
    return isCurrent(stored.expiresAt, unixTime) ? decodeServerSession(latin1Bytes(stored.session)) : undefined;
  }

  /** At most two a call: more than come in, at a cost that does not grow. */
  #forgetExpired(unixTime: number): void {
    for (let left = 2; left > 0 && this.#oldest < this.#next; left--) {
      const oldest = this.#sessions.get(this.#tickets[this.#oldest % this.#capacity]);
      if (oldest !== undefined && unixTime < oldest.expiresAt) return;
      this.#forgetOldest();
    }
  }

  #forgetOldest(): void {
    this.#sessions.delete(this.#tickets[this.#oldest++ % this.#capacity]);
  }
}
