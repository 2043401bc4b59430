/** One stream of the client: packets in, packets out, and one end. What the packets mean is its owner's business. */
import type { QuicError, QuicStream, Timer } from '@mquictt/quic-node';
import { ChannelOutput } from '../core/channel-output.ts';
import type { InFlightWindow } from '../core/in-flight.ts';
import { OutboundQueue } from '../core/outbound-queue.ts';
import { MqttError, PacketError } from '../errors.ts';
import { MAX_PENDING_REPLIES } from '../limits.ts';
import { decodePacket } from '../packets/codec.ts';
import type { AcknowledgementPacket, Packet } from '../packets/codec.ts';
import { PacketType } from '../packets/packet-types.ts';
import type { EncodedPublish } from '../packets/publish.ts';
import { readShortPuback } from '../packets/puback.ts';
import { PacketSplitter } from '../packets/splitter.ts';
import { ReasonCode, describeReasonCode } from '../reason-codes.ts';

const EMPTY = new Uint8Array(0);

/** What all streams of a client share. */
export interface PacketStreamHost {
  readonly window: InFlightWindow;
  /** Bytes: larger packets are not taken. */
  readonly maxPacketSize: number;
  now(): number;
  createTimer(callback: () => void): Timer;
  /** Something was sent: the keep-alive begins anew. */
  noteSent(now: number): void;
  /** Why the connection ended. */
  connectionError(error: QuicError): MqttError;
}

/** A publisher or a subscriber, as its client sees it. */
export interface OpenStream {
  /** Ends it in order because the client closes. Never rejects. */
  finish(): Promise<void>;
}

/** What publishers and subscribers need of their client. */
export interface OpenStreamHost extends PacketStreamHost {
  /** It is over. */
  forget(stream: OpenStream): void;
}

/** Who makes sense of what a stream carries. */
export interface PacketStreamOwner {
  /** Whether what arrives stays in the stream for now. */
  isPaused(): boolean;
  /** Takes one PUBLISH; see PublishView. @throws PacketError */
  handlePublish(header: number, buffer: Uint8Array, bodyStart: number, end: number): void;
  /** Takes any other packet but PUBACK. @throws PacketError */
  handlePacket(packet: Packet): void;
  /** A message that this stream sent was acknowledged, on whichever stream. */
  handlePuback(message: EncodedPublish, reasonCode: number, reasonString: string | undefined): void;
  /** Called after each flush(). */
  handleFlushed(): void;
  /** Called once: the peer ended its half (undefined), or something went wrong. */
  handleOver(error: MqttError | undefined): void;
}

export class PacketStream {
  readonly queue: OutboundQueue;
  readonly output: ChannelOutput = new ChannelOutput();
  readonly owner: PacketStreamOwner;
  readonly #host: PacketStreamHost;
  readonly #stream: QuicStream;
  readonly #splitter: PacketSplitter;
  /** Why nothing goes on; undefined while it does. */
  #error: MqttError | undefined = undefined;
  #isBlocked = false;
  #isFlushScheduled = false;
  /** FIN goes out as soon as nothing waits. */
  #isEnding = false;
  #isEnded = false;
  #isReceiving = true;

  constructor(stream: QuicStream, host: PacketStreamHost, owner: PacketStreamOwner) {
    this.#stream = stream;
    this.#host = host;
    this.owner = owner;
    this.queue = new OutboundQueue(this, host.window);
    this.#splitter = new PacketSplitter(host.maxPacketSize);
    stream.onReadable = () => this.readNow();
    stream.onWritable = () => {
      this.#isBlocked = false;
      this.flush();
      this.readNow();
    };
    stream.onStopped = (errorCode) => this.#handleReset(errorCode);
    stream.onClosed = (error) => {
      this.readNow();
      this.#fail(host.connectionError(error));
    };
  }

  /** Number of the QUIC stream. */
  get id(): number {
    return this.#stream.id;
  }

  /** Why the stream is over; undefined while it is not. */
  get error(): MqttError | undefined {
    return this.#error;
  }

  /** Whether our half has ended, or will as soon as nothing waits. */
  get isEnding(): boolean {
    return this.#isEnding;
  }

  /** Whether there is nothing to write, not even the rest of a packet. */
  get isIdle(): boolean {
    return this.output.isBetweenPackets && this.queue.length === 0;
  }

  /** Forgets everything that waits. */
  clear(): void {
    this.queue.dropMessages();
    this.output.clear();
  }

  /** @param urgency 0 (sent first) .. 7 (last) */
  setPriority(urgency: number): void {
    this.#stream.setPriority(urgency);
  }

  /** Queues a packet before all messages, and writes. */
  send(packet: Uint8Array): void {
    this.output.pushReply(packet);
    this.flush();
  }

  /** Writes what waits, as far as the stream takes it. */
  flush(): void {
    this.#isFlushScheduled = false;
    if (this.#error !== undefined || this.#isEnded) return;
    const now = this.#host.now();
    const stream = this.#stream;
    while (!this.#isBlocked) {
      const piece = this.output.poll(this.queue, Math.max(1, stream.writableBytes), now);
      if (piece === undefined) break;
      const taken = stream.tryWrite(piece);
      if (taken > 0) this.#host.noteSent(now);
      if (taken < piece.length) {
        this.output.putBack(piece.subarray(taken));
        // Having taken less, the stream calls onWritable.
        this.#isBlocked = true;
      }
    }
    if (this.#isEnding && !this.#isBlocked && this.isIdle) {
      this.#isEnded = true;
      stream.tryWrite(EMPTY, true);
    }
    this.owner.handleFlushed();
    wakeNext(this.#host.window);
  }

  /** Writes soon: what is queued until then leaves as one piece. */
  flushSoon(): void {
    if (this.#isFlushScheduled) return;
    this.#isFlushScheduled = true;
    queueMicrotask(() => {
      if (this.#isFlushScheduled) this.flush();
    });
  }

  /** Ends our half after everything that waits. */
  end(): void {
    if (this.#isEnding) return;
    this.#isEnding = true;
    this.flush();
  }

  /** Gives the stream up in both directions. */
  abandon(errorCode: number, error: MqttError): void {
    if (this.#error !== undefined) return;
    this.#stream.reset(errorCode);
    this.#stream.stop(errorCode);
    this.#fail(error);
  }

  /** Reads what arrived, as far as the owner has room for it. */
  readNow(): void {
    while (this.#isReceiving && !this.owner.isPaused()) {
      if (this.output.replyBytes > MAX_PENDING_REPLIES) {
        this.flush();
        // A broker that takes no acknowledgements gets rid of no messages.
        if (this.output.replyBytes > MAX_PENDING_REPLIES) return;
      }
      if (this.#cut()) continue;
      const chunk = this.#stream.tryRead();
      if (chunk === undefined) {
        this.#checkReceiveState();
        break;
      }
      this.#splitter.push(chunk);
    }
    // Acknowledgements of what was read.
    if (this.output.replyBytes > 0) this.flush();
  }

  /** The end of everything here. */
  #fail(error: MqttError): void {
    if (this.#error !== undefined) return;
    this.#error = error;
    this.#finish(error);
  }

  /** @returns whether there was a packet */
  #cut(): boolean {
    try {
      const header = this.#splitter.next();
      if (header === -1) return false;
      const { buffer, start, bodyStart, end } = this.#splitter;
      if (header >> 4 === PacketType.PUBLISH) {
        this.owner.handlePublish(header, buffer, bodyStart, end);
        return true;
      }
      const identifier = readShortPuback(header, buffer, bodyStart, end);
      if (identifier !== 0) {
        this.#handlePuback(identifier, ReasonCode.SUCCESS, undefined);
        return true;
      }
      const packet = decodePacket(buffer, start, bodyStart, end, 5);
      if (packet.type === PacketType.PUBACK) {
        const { packetIdentifier, reasonCode, reasonString } = packet as AcknowledgementPacket;
        this.#handlePuback(packetIdentifier, reasonCode, reasonString);
      } else {
        this.owner.handlePacket(packet);
      }
      return true;
    } catch (error) {
      if (!(error instanceof PacketError)) throw error;
      const code = error.reasonCode === ReasonCode.MALFORMED_PACKET ? 'ERR_MQTT_MALFORMED_PACKET' : 'ERR_MQTT_PROTOCOL';
      const message = `The broker sent something that cannot be read: ${error.message}`;
      const { reasonCode } = error;
      this.abandon(reasonCode, new MqttError(code, message, { fault: 'peer', reasonCode, cause: error }));
      return false;
    }
  }

  #handlePuback(packetIdentifier: number, reasonCode: number, reasonString: string | undefined): void {
    const entry = this.#host.window.acknowledge(packetIdentifier);
    if (entry?.message === undefined) return;
    (entry.queue.owner as PacketStream).owner.handlePuback(entry.message, reasonCode, reasonString);
    wakeNext(this.#host.window);
  }

  #checkReceiveState(): void {
    const state = this.#stream.receiveState;
    if (state === 'open') return;
    if (state === 'reset') this.#handleReset(this.#stream.resetCode);
    else this.#finish(undefined);
  }

  #handleReset(errorCode: number): void {
    if (this.#error !== undefined) return;
    const message = `The broker closed stream ${this.id}: ${describeReasonCode(errorCode)}`;
    const error = new MqttError('ERR_MQTT_STREAM_CLOSED', message, { fault: 'peer', reasonCode: errorCode });
    this.abandon(errorCode, error);
  }

  #finish(error: MqttError | undefined): void {
    if (!this.#isReceiving) return;
    this.#isReceiving = false;
    this.owner.handleOver(error);
    this.#host.window.inherit(this.queue, undefined);
    wakeNext(this.#host.window);
  }
}

/** A stream that waited for the Receive Maximum goes on. */
function wakeNext(window: InFlightWindow): void {
  const waiting = window.nextWaiting();
  if (waiting !== undefined) (waiting.owner as PacketStream).flushSoon();
}
