/**
 * What goes out on one byte stream: answers go first, then messages of its flow, and a packet that was begun is finished before either. All of it ends
 * with the stream; the messages wait in the flow's OutboundQueue and outlive it.
 */
import type { OutboundQueue } from './outbound-queue.ts';

const EMPTY = new Uint8Array(0);

export class ChannelOutput {
  /** Bytes of answers that wait. */
  replyBytes = 0;
  /** PUBACKs among them, in short form. */
  pubackCount = 0;

  /** Answers as bytes, since most are PUBACKs of four. */
  #replies: Uint8Array = EMPTY;
  /** The rest of a piece that the stream did not take, or a large payload whose beginning went before. */
  #rest: Uint8Array = EMPTY;
  /** A large payload that follows `#rest`. */
  #restPayload: Uint8Array = EMPTY;

  /** Whether nothing but messages waits: answers have left, and the stream is between two packets. */
  get isBetweenPackets(): boolean {
    return this.#rest.length === 0 && this.replyBytes === 0;
  }

  /** Queues a packet that goes before all messages. */
  pushReply(packet: Uint8Array): void {
    this.#reserve(packet.length);
    this.#replies.set(packet, this.replyBytes);
    this.replyBytes += packet.length;
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
  }

  /** Forgets everything: the stream is gone. */
  clear(): void {
    this.#replies = EMPTY;
    this.replyBytes = 0;
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
    if (this.#rest.length > 0) {
      const rest = this.#rest;
      this.#rest = this.#restPayload;
      this.#restPayload = EMPTY;
      return rest;
    }
    if (this.replyBytes > 0) return this.#takeReplies();
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

  #takeReplies(): Uint8Array {
    const replies = this.#replies.subarray(0, this.replyBytes);
    // The stream may keep what it is given.
    this.#replies = EMPTY;
    this.replyBytes = 0;
    this.pubackCount = 0;
    return replies;
  }
}
