/**
 * What goes out on one byte stream: answers go first, then messages of its flow, and a packet that was begun is finished before either. All of it ends
 * with the stream; the messages wait in the flow's OutboundQueue and outlive it.
 */
import type { OutboundQueue } from './outbound-queue.ts';

const EMPTY = new Uint8Array(0);

/** Says how far the store has come. */
export interface WrittenBatches {
  /** Number of the last batch that was written. */
  readonly written: number;
}

/** Answers that wait for a batch. */
interface Gate {
  /** Where they end. */
  end: number;
  readonly sequence: number;
  /** PUBACKs up to there. */
  pubackCount: number;
}

export class ChannelOutput {
  /** Bytes of answers that wait. */
  replyBytes = 0;
  /** PUBACKs among them, in short form. */
  pubackCount = 0;
  /** Packets that were added. Counted and taken back to 0 by Channel. */
  replyCount = 0;

  readonly #batches: WrittenBatches | undefined;
  /** Answers as bytes, since most are PUBACKs of four. */
  #replies: Uint8Array = EMPTY;
  /** In order. What follows the last waits for nothing but those before it. */
  #gates: Gate[] = [];
  /** Nothing leaves before this batch has been written. */
  #blockedUntil = 0;
  /** The rest of a piece that the stream did not take, or a large payload whose beginning went before. */
  #rest: Uint8Array = EMPTY;
  /** A large payload that follows `#rest`. */
  #restPayload: Uint8Array = EMPTY;

  /** @param batches where answers may depend on a store */
  constructor(batches?: WrittenBatches) {
    this.#batches = batches;
  }

  /** Whether nothing but messages waits: answers have left, and the stream is between two packets. */
  get isBetweenPackets(): boolean {
    return this.#rest.length === 0 && this.replyBytes === 0;
  }

  /** Queues a packet that goes before all messages. */
  pushReply(packet: Uint8Array): void {
    this.#reserve(packet.length);
    this.#replies.set(packet, this.replyBytes);
    this.replyBytes += packet.length;
    this.replyCount++;
  }

  /** The same for a PUBACK in short form. */
  pushPuback(packetIdentifier: number): void {
    this.pushAcknowledgement(0x40, packetIdentifier);
    this.pubackCount++;
  }

  /**
   * The same for any acknowledgement in short form: four bytes, reason code 0.
   *
   * @param header first byte
   */
  pushAcknowledgement(header: number, packetIdentifier: number): void {
    this.#reserve(4);
    const out = this.#replies;
    const at = this.replyBytes;
    out[at] = header;
    out[at + 1] = 2;
    out[at + 2] = packetIdentifier >> 8;
    out[at + 3] = packetIdentifier & 0xff;
    this.replyBytes = at + 4;
    this.replyCount++;
  }

  /**
   * The answers that wait now may leave when a batch has been written. They leave in order, so what comes later waits as well; messages do not.
   *
   * @returns whether no other answers wait for the same batch
   */
  holdAnswers(sequence: number): boolean {
    const last = this.#gates.at(-1);
    if (last?.sequence === sequence) {
      last.end = this.replyBytes;
      last.pubackCount = this.pubackCount;
      return false;
    }
    this.#gates.push({ end: this.replyBytes, sequence, pubackCount: this.pubackCount });
    return true;
  }

  /** Nothing at all leaves before a batch has been written. */
  block(sequence: number): void {
    this.#blockedUntil = sequence;
  }

  /** Forgets everything: the stream is gone. */
  clear(): void {
    this.#replies = EMPTY;
    this.replyBytes = 0;
    this.#gates = [];
    this.#blockedUntil = 0;
    this.#rest = EMPTY;
    this.#restPayload = EMPTY;
  }

  /**
   * Makes the next piece. What the stream does not take of it must be given back with putBack().
   *
   * @param queue whose messages follow, undefined for none
   * @param capacity bytes that the stream takes now; a piece may be longer, since packets are gathered whole
   * @param now ms
   * @returns undefined when nothing waits, or what waits may not be sent yet
   */
  poll(queue: OutboundQueue | undefined, capacity: number, now: number): Uint8Array | undefined {
    if (this.#blockedUntil > 0) {
      if (this.#written < this.#blockedUntil) return undefined;
      this.#blockedUntil = 0;
    }
    if (this.#rest.length > 0) {
      const rest = this.#rest;
      this.#rest = this.#restPayload;
      this.#restPayload = EMPTY;
      return rest;
    }
    if (this.replyBytes > 0) {
      const replies = this.#takeReplies();
      if (replies !== undefined) return replies;
    }
    if (queue === undefined) return undefined;
    const piece = queue.poll(capacity, now);
    if (queue.payload.length > 0) {
      this.#rest = queue.payload;
      queue.payload = EMPTY;
    }
    return piece;
  }

  /** @param rest the end of the last piece, which the stream did not take */
  putBack(rest: Uint8Array): void {
    this.#restPayload = this.#rest;
    this.#rest = rest;
  }

  #reserve(size: number): void {
    const needed = this.replyBytes + size;
    if (needed <= this.#replies.length) return;
    const grown = new Uint8Array(Math.max(needed, 2 * this.#replies.length, 64));
    grown.set(this.#replies.subarray(0, this.replyBytes));
    this.#replies = grown;
  }

  get #written(): number {
    return this.#batches?.written ?? Infinity;
  }

  #takeReplies(): Uint8Array | undefined {
    if (this.#gates.length > 0) {
      const written = this.#written;
      let open = 0;
      while (open < this.#gates.length && this.#gates[open].sequence <= written) open++;
      if (open < this.#gates.length) return this.#takeUntil(this.#gates.splice(0, open).at(-1));
      this.#gates = [];
    }
    const replies = this.#replies.subarray(0, this.replyBytes);
    // The stream may keep what it is given.
    this.#replies = EMPTY;
    this.replyBytes = 0;
    this.pubackCount = 0;
    return replies;
  }

  /** @param gate the last one that is open */
  #takeUntil(gate: Gate | undefined): Uint8Array | undefined {
    if (gate === undefined) return undefined;
    const taken = this.#replies.subarray(0, gate.end);
    this.#replies = this.#replies.slice(gate.end, this.replyBytes);
    this.replyBytes -= gate.end;
    this.pubackCount -= gate.pubackCount;
    for (const other of this.#gates) {
      other.end -= gate.end;
      other.pubackCount -= gate.pubackCount;
    }
    return taken;
  }
}
