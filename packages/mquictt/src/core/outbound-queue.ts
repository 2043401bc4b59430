/**
 * Messages that wait to be sent on one flow. They are pulled: the owner says how many bytes the stream takes, and many small packets leave as one piece.
 * Exchanges that a dead stream or connection left go first, then messages in order. Answers and the rest of a piece are the stream's own business, see
 * ChannelOutput.
 */
import { WRITE_SIZE } from '../limits.ts';
import type { EncodedPublish } from '../packets/publish.ts';
import type { InFlightMessage, InFlightWindow } from './in-flight.ts';
import type { OutgoingAliases } from './topic-aliases.ts';

const EMPTY = new Uint8Array(0);
/** Bytes of a PUBREL. */
const PUBREL_SIZE = 4;

/** Where identifiers have to be set in the piece that poll() makes. Scratch, valid within one call. */
const patchOffsets: number[] = [];
const patchValues: number[] = [];

/** What a message was queued for: a subscription, which knows how much waits for it. */
export interface MessageSource {
  /** Kept by OutboundQueue. */
  queuedBytes: number;
  queuedMessages: number;
}

/** A message taken out of a queue before it was sent. */
export interface UnsentMessage {
  readonly message: EncodedPublish;
  readonly source: MessageSource | undefined;
}

export class OutboundQueue {
  /** For the owner: the flow or the stream that this queue belongs to. */
  readonly owner: unknown;
  /** Bytes of messages that wait, those of pieces handed out not included. */
  bytes = 0;
  /** Bytes: messages that are larger are dropped as if they had been delivered. [MQTT-3.1.2-25] */
  maximumPacketSize: number = Infinity;
  /** Kept by InFlightWindow. */
  inFlightCount = 0;
  inFlightBytes = 0;
  isWaitingForWindow = false;
  /** Messages that left, messages that were dropped because they expired, and those that were too large. */
  sentCount = 0;
  expiredCount = 0;
  tooLargeCount = 0;
  /** Of the channel, where its client takes aliases. */
  aliases: OutgoingAliases | undefined = undefined;
  /** A large payload whose beginning poll() returned; whoever polls takes it from here and leaves it empty. */
  payload: Uint8Array = EMPTY;

  /** Called with each message that is dropped because it expired. */
  onExpired: ((message: EncodedPublish) => void) | undefined = undefined;
  /** Called with what a message was queued for that is dropped because it expired or is too large. */
  onDropped: ((source: MessageSource | undefined) => void) | undefined = undefined;

  readonly #window: InFlightWindow;
  /** In the order in which they were first sent, those that have been acknowledged meanwhile included. */
  #resends: InFlightMessage[] = [];
  #items: (EncodedPublish | undefined)[] = [];
  /** What the messages were queued for, at the same places. */
  #sources: (MessageSource | undefined)[] = [];
  #head = 0;

  constructor(owner: unknown, window: InFlightWindow) {
    this.owner = owner;
    this.#window = window;
  }

  /** Messages that wait. */
  get length(): number {
    return this.#items.length - this.#head + this.#resends.length;
  }

  /** Whether something is to be sent again. */
  get hasResends(): boolean {
    return this.#resends.length > 0;
  }

  /** @param source comes back with the message wherever it is handed out unsent or unacknowledged */
  push(message: EncodedPublish, source?: MessageSource): void {
    this.#items.push(message);
    this.#sources.push(source);
    this.bytes += message.size;
    if (source === undefined) return;
    source.queuedBytes += message.size;
    source.queuedMessages++;
  }

  /** Queues an exchange that was begun before all messages; it has its identifier already. */
  pushResend(entry: InFlightMessage): void {
    entry.resendSize = entry.message?.size ?? PUBREL_SIZE;
    this.#resends.push(entry);
    this.bytes += entry.resendSize;
  }

  /** Forgets the messages that wait. @returns how many */
  dropMessages(): number {
    const count = this.length;
    for (let i = this.#head; i < this.#items.length; i++) this.#discount(i);
    this.#items = [];
    this.#sources = [];
    this.#head = 0;
    this.#resends = [];
    this.bytes = 0;
    return count;
  }

  /** Forgets messages that wait and have never been sent. */
  removeUnsent(isUnwanted: (message: EncodedPublish, source: MessageSource | undefined) => boolean): void {
    let kept = this.#head;
    for (let i = this.#head; i < this.#items.length; i++) {
      if (isUnwanted(this.#items[i] as EncodedPublish, this.#sources[i])) {
        this.#remove(i);
        this.onDropped?.(this.#sources[i]);
        continue;
      }
      this.#items[kept] = this.#items[i];
      this.#sources[kept++] = this.#sources[i];
    }
    this.#items.length = kept;
    this.#sources.length = kept;
    this.#advance(this.#head);
  }

  /** @returns the messages that wait and have never been sent, and forgets everything */
  takeUnsent(): UnsentMessage[] {
    const unsent: UnsentMessage[] = [];
    for (let i = this.#head; i < this.#items.length; i++)
      unsent.push({ message: this.#items[i] as EncodedPublish, source: this.#sources[i] });
    this.dropMessages();
    return unsent;
  }

  /**
   * Makes the next piece; `payload` may belong to it.
   *
   * @param capacity bytes that the stream takes now; a piece may be longer, since packets are gathered whole
   * @param now ms
   * @returns undefined when nothing waits, or what waits may not be sent yet
   */
  poll(capacity: number, now: number): Uint8Array | undefined {
    while (this.#resends.length > 0) {
      const entry = this.#resends[0];
      if (this.#window.isPending(entry)) {
        const isTooLarge = entry.message !== undefined && entry.message.size > this.maximumPacketSize;
        if (!isTooLarge) return this.#takeResend(entry, now);
        this.#window.acknowledge(entry.identifier);
        this.tooLargeCount++;
        this.onDropped?.(entry.source);
      }
      this.#resends.shift();
      this.bytes -= entry.resendSize;
    }
    return this.aliases === undefined ? this.#gather(capacity, now) : this.#takeAliased(this.aliases, now);
  }

  #takeResend(entry: InFlightMessage, now: number): Uint8Array | undefined {
    if (!this.#window.takeAgain(entry)) return undefined;
    this.#resends.shift();
    this.bytes -= entry.resendSize;
    const { identifier, message } = entry;
    if (message === undefined) return Uint8Array.of(0x62, 2, identifier >> 8, identifier & 0xff);
    const out = message.buffer.slice(message.start, message.end);
    out[0] |= 8; // [MQTT-3.3.1-1]
    const offset = message.identifierOffset - message.start;
    out[offset] = identifier >> 8;
    out[offset + 1] = identifier & 0xff;
    if (message.expiryOffset !== -1) setExpiry(out, message.expiryOffset - message.start, message, now);
    this.payload = message.payload;
    this.sentCount++;
    return out;
  }

  /** One message: what it looks like depends on those before it, so there is nothing to share and little to gather. */
  #takeAliased(aliases: OutgoingAliases, now: number): Uint8Array | undefined {
    const items = this.#items;
    let head = this.#head;
    let out: Uint8Array | undefined;
    while (head < items.length && out === undefined) {
      const message = items[head] as EncodedPublish;
      if (message.expiresAt <= now || message.size > this.maximumPacketSize) {
        this.#drop(head++, now);
        continue;
      }
      let identifier = 0;
      if (message.identifierOffset !== -1) {
        identifier = this.#window.take(this, message, this.#sources[head]);
        if (identifier === 0) break;
      }
      const { buffer, start, end, identifierOffset, expiryOffset, payload } = aliases.encode(
        message,
        this.maximumPacketSize,
      );
      out = buffer.slice(start, end);
      if (identifier > 0) {
        out[identifierOffset - start] = identifier >> 8;
        out[identifierOffset - start + 1] = identifier & 0xff;
      }
      if (expiryOffset !== -1) setExpiry(out, expiryOffset - start, message, now);
      this.payload = payload;
      this.#remove(head++);
      this.sentCount++;
    }
    this.#advance(head);
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
      if (message.expiresAt <= now || message.size > this.maximumPacketSize) {
        this.#drop(head++, now);
        continue;
      }
      const { buffer, start, end } = message;
      if (at + runEnd - runStart + end - start > out.length) break;
      if (message.identifierOffset !== -1) {
        const identifier = this.#window.take(this, message, this.#sources[head]);
        if (identifier === 0) break;
        patchOffsets[patches] = at + runEnd - runStart + message.identifierOffset - start;
        patchValues[patches++] = identifier;
      }
      this.#remove(head++);
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
        this.payload = message.payload;
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

  /** A message that has expired or is larger than the peer takes. */
  #drop(index: number, now: number): void {
    const message = this.#items[index] as EncodedPublish;
    this.onDropped?.(this.#sources[index]);
    this.#remove(index);
    if (message.expiresAt <= now) {
      // [MQTT-3.3.2-5]
      this.expiredCount++;
      this.onExpired?.(message);
    } else {
      this.tooLargeCount++;
    }
  }

  #remove(index: number): void {
    this.#discount(index);
    this.bytes -= (this.#items[index] as EncodedPublish).size;
    this.#items[index] = undefined;
  }

  #discount(index: number): void {
    const source = this.#sources[index];
    if (source === undefined) return;
    source.queuedBytes -= (this.#items[index] as EncodedPublish).size;
    source.queuedMessages--;
  }

  #advance(head: number): void {
    if (head === this.#items.length) {
      this.#items.length = 0;
      this.#sources.length = 0;
      this.#head = 0;
    } else if (head > 1_024 && head * 2 > this.#items.length) {
      this.#items.splice(0, head);
      this.#sources.splice(0, head);
      this.#head = 0;
    } else {
      this.#head = head;
    }
  }
}

/** [MQTT-3.3.2-6]: the time that the message waited here is taken off. */
function setExpiry(out: Uint8Array, offset: number, message: EncodedPublish, now: number): void {
  const seconds = Math.max(0, Math.ceil((message.expiresAt - now) / 1000));
  out[offset] = seconds >>> 24;
  out[offset + 1] = (seconds >>> 16) & 0xff;
  out[offset + 2] = (seconds >>> 8) & 0xff;
  out[offset + 3] = seconds & 0xff;
}
