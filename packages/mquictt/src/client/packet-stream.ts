/** One stream of the client: packets in, packets out, and one end. What the packets mean is for the three kinds of streams to say. */
import type { QuicError, QuicStream } from '@mquictt/quic-node';
import { InFlightWindow } from '../core/in-flight.ts';
import { OutboundQueue } from '../core/outbound-queue.ts';
import { MqttError, PacketError } from '../errors.ts';
import { decodePacket } from '../packets/codec.ts';
import type { Packet } from '../packets/codec.ts';
import { PacketType } from '../packets/packet-types.ts';
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
  /** Something was sent: the keep-alive begins anew. */
  noteSent(now: number): void;
  /** An acknowledgement of a PUBLISH, on whichever stream it came. */
  handlePuback(packetIdentifier: number, reasonCode: number, reasonString: string | undefined): void;
  /** The stream and all that waited for it is over. */
  handleEnd(stream: PacketStream): void;
  /** Why the connection ended. */
  connectionError(error: QuicError): MqttError;
}

export abstract class PacketStream {
  readonly queue: OutboundQueue;
  protected readonly host: PacketStreamHost;
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

  constructor(stream: QuicStream, host: PacketStreamHost) {
    this.#stream = stream;
    this.host = host;
    this.queue = new OutboundQueue(this, host.window);
    this.#splitter = new PacketSplitter(host.maxPacketSize);
    stream.onReadable = () => this.readNow();
    stream.onWritable = () => {
      this.#isBlocked = false;
      this.flush();
    };
    stream.onStopped = (errorCode) => this.#handleReset(errorCode);
    stream.onClosed = (error) => {
      this.readNow();
      this.fail(host.connectionError(error));
    };
  }

  /** Number of the QUIC stream. */
  get streamId(): number {
    return this.#stream.id;
  }

  /** Why the stream is over; undefined while it is not. */
  get error(): MqttError | undefined {
    return this.#error;
  }

  /** Whether our half has ended, or will as soon as nothing waits. */
  protected get isEnding(): boolean {
    return this.#isEnding;
  }

  /** @param urgency 0 (sent first) .. 7 (last) */
  setPriority(urgency: number): void {
    this.#stream.setPriority(urgency);
  }

  /** Takes one PUBLISH; see PublishView. */
  protected abstract handlePublish(header: number, buffer: Uint8Array, bodyStart: number, end: number): void;
  /** Takes any other packet but PUBACK. */
  protected abstract handlePacket(packet: Packet): void;
  /** Whether what arrives stays in the stream for now. */
  protected abstract get isPaused(): boolean;
  /** Called once: the peer ended its half (undefined), or something went wrong. */
  protected abstract handleOver(error: MqttError | undefined): void;

  /** Writes what waits, as far as the stream takes it. */
  flush(): void {
    this.#isFlushScheduled = false;
    if (this.#error !== undefined || this.#isEnded) return;
    const now = this.host.now();
    const stream = this.#stream;
    while (!this.#isBlocked) {
      const piece = this.queue.poll(Math.max(1, stream.writableBytes), now);
      if (piece === undefined) break;
      const taken = stream.tryWrite(piece);
      if (taken > 0) this.host.noteSent(now);
      if (taken < piece.length) {
        this.queue.putBack(piece.subarray(taken));
        this.#isBlocked = true;
      }
    }
    if (this.#isEnding && !this.#isBlocked && this.queue.isEmpty) {
      this.#isEnded = true;
      stream.tryWrite(EMPTY, true);
    }
    this.handleFlushed();
  }

  /** Called after each flush(). */
  protected handleFlushed(): void {}

  /** Writes soon: what is queued until then leaves as one piece. */
  flushSoon(): void {
    if (this.#isFlushScheduled) return;
    this.#isFlushScheduled = true;
    queueMicrotask(() => {
      if (this.#isFlushScheduled) this.flush();
    });
  }

  /** Ends our half after everything that waits. */
  protected endOutput(): void {
    if (this.#isEnding) return;
    this.#isEnding = true;
    this.flush();
  }

  /** Gives the stream up in both directions. */
  protected abandon(errorCode: number, error: MqttError): void {
    if (this.#error !== undefined) return;
    this.#stream.reset(errorCode);
    this.#stream.stop(errorCode);
    this.fail(error);
  }

  /** Reads what arrived, as far as there is room for it. */
  protected readNow(): void {
    while (this.#isReceiving && !this.isPaused) {
      if (this.#cut()) continue;
      const chunk = this.#stream.tryRead();
      if (chunk === undefined) {
        this.#checkReceiveState();
        break;
      }
      this.#splitter.push(chunk);
    }
    // Acknowledgements of what was read.
    if (!this.queue.isBetweenPackets || this.queue.replyBytes > 0) this.flush();
  }

  /** The end of everything here. */
  protected fail(error: MqttError): void {
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
        this.handlePublish(header, buffer, bodyStart, end);
        return true;
      }
      const identifier = readShortPuback(header, buffer, bodyStart, end);
      if (identifier !== 0) {
        this.host.handlePuback(identifier, ReasonCode.SUCCESS, undefined);
        return true;
      }
      const packet = decodePacket(buffer, start, bodyStart, end, 5);
      if (packet.type === PacketType.PUBACK)
        this.host.handlePuback(packet.packetIdentifier, packet.reasonCode, packet.reasonString);
      else this.handlePacket(packet);
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

  #checkReceiveState(): void {
    const state = this.#stream.receiveState;
    if (state === 'open') return;
    if (state === 'reset') this.#handleReset(this.#stream.resetCode);
    else this.#finish(undefined);
  }

  #handleReset(errorCode: number): void {
    if (this.#error !== undefined) return;
    this.abandon(
      errorCode,
      new MqttError(
        'ERR_MQTT_STREAM_CLOSED',
        `The broker closed stream ${this.streamId}: ${describeReasonCode(errorCode)}`,
        { fault: 'peer', reasonCode: errorCode },
      ),
    );
  }

  #finish(error: MqttError | undefined): void {
    if (!this.#isReceiving) return;
    this.#isReceiving = false;
    this.handleOver(error);
    this.host.handleEnd(this);
  }
}
