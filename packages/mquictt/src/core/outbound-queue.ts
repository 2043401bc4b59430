/**
 * What waits to be written to one stream. It is pulled: the owner says how many bytes the stream takes, and many small packets leave as one piece.
 * Answers go first, then messages that a dead stream left, then messages in order.
 */
import { WRITE_SIZE } from '../limits.ts';
import type { EncodedPublish } from '../packets/publish.ts';
import type { InFlightWindow } from './in-flight.ts';

const EMPTY = new Uint8Array(0);

/** Where identifiers have to be set in the piece that poll() makes. Scratch, valid within one call. */
const patchOffsets: number[] = [];
const patchValues: number[] = [];

export class OutboundQueue {
  /** For the owner: the flow or the stream that this queue belongs to. */
  readonly owner: unknown;
  /** Bytes of messages that wait, those of pieces handed out not included. */
  bytes = 0;
  /** Bytes of answers that wait. */
  replyBytes = 0;
  /** PUBACKs among them. */
  pubackCount = 0;
  /** Kept by InFlightWindow. */
  inFlightCount = 0;
  inFlightBytes = 0;
  isWaitingForWindow = false;
  /** Messages that left, and messages that were dropped because they expired. */
  sentCount = 0;
  expiredCount = 0;

  /** Called with each message that is dropped because it expired. */
  onExpired: ((message: EncodedPublish) => void) | undefined = undefined;

  readonly #window: InFlightWindow;
  /** Answers as bytes, since most are PUBACKs of four. */
  #replies: Uint8Array = EMPTY;
  #resends: EncodedPublish[] = [];
  #items: (EncodedPublish | undefined)[] = [];
  #head = 0;
  /** The rest of a piece that the stream did not take, or a large payload whose beginning went before. */
  #rest: Uint8Array = EMPTY;
  /** A large payload that follows `#rest`. */
  #restPayload: Uint8Array = EMPTY;

  constructor(owner: unknown, window: InFlightWindow) {
    this.owner = owner;
    this.#window = window;
  }

  /** Messages that wait. */
  get length(): number {
    return this.#items.length - this.#head + this.#resends.length;
  }

  /** Whether there is nothing to write, not even the rest of a packet. */
  get isEmpty(): boolean {
    return this.isBetweenPackets && this.length === 0;
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
  }

  /** The same for a PUBACK in short form. */
  pushPuback(packetIdentifier: number): void {
    this.#reserve(4);
    const out = this.#replies;
    const at = this.replyBytes;
    out[at] = 0x40;
    out[at + 1] = 2;
    out[at + 2] = packetIdentifier >> 8;
    out[at + 3] = packetIdentifier & 0xff;
    this.replyBytes = at + 4;
    this.pubackCount++;
  }

  push(message: EncodedPublish): void {
    this.#items.push(message);
    this.bytes += message.size;
  }

  /** Queues a message before all others; it carries its identifier already. */
  pushResend(message: EncodedPublish): void {
    this.#resends.push(message);
    this.bytes += message.size;
  }

  /** Forgets the messages that wait; answers and the rest of a packet stay. @returns how many */
  dropMessages(): number {
    const count = this.length;
    this.#items = [];
    this.#head = 0;
    this.#resends = [];
    this.bytes = 0;
    return count;
  }

  /** @returns the messages that wait and have not been sent, and forgets them */
  takeMessages(): EncodedPublish[] {
    const messages = this.#items.slice(this.#head) as EncodedPublish[];
    this.dropMessages();
    return messages;
  }

  /** Forgets everything: the stream is gone. */
  clear(): void {
    this.dropMessages();
    this.#replies = EMPTY;
    this.replyBytes = 0;
    this.#rest = EMPTY;
    this.#restPayload = EMPTY;
  }

  /**
   * Makes the next piece. What the stream does not take of it must be given back with putBack().
   *
   * @param capacity bytes that the stream takes now; a piece may be longer, since packets are gathered whole
   * @param now ms
   * @returns undefined when nothing waits, or what waits may not be sent yet
   */
  poll(capacity: number, now: number): Uint8Array | undefined {
    if (this.#rest.length > 0) {
      const rest = this.#rest;
      this.#rest = this.#restPayload;
      this.#restPayload = EMPTY;
      return rest;
    }
    if (this.replyBytes > 0) return this.#takeReplies();
    if (this.#resends.length > 0) return this.#takeResend(now);
    return this.#gather(capacity, now);
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

  #takeResend(now: number): Uint8Array {
    const message = this.#resends.shift() as EncodedPublish;
    this.bytes -= message.size;
    const out = message.buffer.slice(message.start, message.end);
    setExpiry(out, message.expiryOffset - message.start, message, now);
    this.#rest = message.payload;
    this.sentCount++;
    return out;
  }

  #gather(capacity: number, now: number): Uint8Array | undefined {
    const items = this.#items;
    let head = this.#head;
    if (head === items.length) return undefined;
    const first = items[head] as EncodedPublish;
    const wanted = Math.min(capacity, WRITE_SIZE, this.bytes);
    const out = new Uint8Array(Math.max(wanted, first.end - first.start));
    let at = 0;
    // Packets that lie side by side in memory, as those of one publisher do, are copied in one go.
    let run: Uint8Array = EMPTY;
    let runStart = 0;
    let runEnd = 0;
    let patches = 0;
    while (head < items.length) {
      const message = items[head] as EncodedPublish;
      if (message.expiresAt <= now) {
        // [MQTT-3.3.2-5]
        items[head++] = undefined;
        this.bytes -= message.size;
        this.expiredCount++;
        this.onExpired?.(message);
        continue;
      }
      const { buffer, start, end } = message;
      if (at + runEnd - runStart + end - start > out.length) break;
      if (message.identifierOffset !== -1) {
        const identifier = this.#window.take(this, message);
        if (identifier === 0) break;
        patchOffsets[patches] = at + runEnd - runStart + message.identifierOffset - start;
        patchValues[patches++] = identifier;
      }
      items[head++] = undefined;
      this.bytes -= message.size;
      this.sentCount++;
      if (buffer === run && start === runEnd) {
        runEnd = end;
      } else {
        if (runEnd > runStart) out.set(run.subarray(runStart, runEnd), at);
        at += runEnd - runStart;
        run = buffer;
        runStart = start;
        runEnd = end;
      }
      if (message.expiryOffset !== -1) {
        out.set(run.subarray(runStart, runEnd), at);
        at += runEnd - runStart;
        setExpiry(out, at - (end - message.expiryOffset), message, now);
        run = EMPTY;
        runStart = 0;
        runEnd = 0;
      }
      if (message.payload.length > 0) {
        this.#rest = message.payload;
        break;
      }
    }
    if (runEnd > runStart) {
      out.set(run.subarray(runStart, runEnd), at);
      at += runEnd - runStart;
    }
    for (let i = 0; i < patches; i++) {
      out[patchOffsets[i]] = patchValues[i] >> 8;
      out[patchOffsets[i] + 1] = patchValues[i] & 0xff;
    }
    this.#advance(head);
    return at === 0 ? undefined : at === out.length ? out : out.subarray(0, at);
  }

  #advance(head: number): void {
    if (head === this.#items.length) {
      this.#items.length = 0;
      this.#head = 0;
    } else if (head > 1_024 && head * 2 > this.#items.length) {
      this.#items.splice(0, head);
      this.#head = 0;
    } else {
      this.#head = head;
    }
  }
}

/** [MQTT-3.3.2-6]: the time that the message waited here is taken off. */
function setExpiry(out: Uint8Array, offset: number, message: EncodedPublish, now: number): void {
  if (message.expiryOffset === -1) return;
  const seconds = Math.max(0, Math.ceil((message.expiresAt - now) / 1000));
  out[offset] = seconds >>> 24;
  out[offset + 1] = (seconds >>> 16) & 0xff;
  out[offset + 2] = (seconds >>> 8) & 0xff;
  out[offset + 3] = seconds & 0xff;
}
