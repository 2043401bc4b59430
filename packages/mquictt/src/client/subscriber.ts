/**
 * One topic filter, one stream. What the application does not read stays here up to a bound, and then in the stream, where QUIC's flow control holds it
 * back: a slow reader costs memory of nobody, and other topics nothing.
 */
import type { QuicStream, Timer } from '@mquictt/quic-node';
import { MqttError, PacketError, usageError } from '../errors.ts';
import { SUBSCRIBER_BUFFER, SUBSCRIBER_BUFFER_MESSAGES } from '../limits.ts';
import { encodeSubscribe, encodeUnsubscribe } from '../packets/codec.ts';
import type { Packet, SubscriptionRequest } from '../packets/codec.ts';
import { PacketType, packetTypeName } from '../packets/packet-types.ts';
import { PublishView } from '../packets/publish.ts';
import { ReasonCode, describeReasonCode } from '../reason-codes.ts';
import { Message } from './message.ts';
import { PacketStream } from './packet-stream.ts';
import type { OpenStream, OpenStreamHost } from './packet-stream.ts';
import { Waiter } from './waiter.ts';

export interface SubscribeOptions {
  /** The largest QoS with which messages are delivered. @default 1 */
  readonly qos?: 0 | 1;
  /** Leaves out what this very client publishes. @default false */
  readonly noLocal?: boolean;
  /** Messages keep the RETAIN flag with which they were published. @default false: only those that were there before have it */
  readonly retainAsPublished?: boolean;
  /** Whether the last message of each topic comes first: 0 = yes, 1 = yes (a stream's subscription is always new), 2 = no. @default 0 */
  readonly retainHandling?: 0 | 1 | 2;
  /** Bytes of messages kept for the application before the stream is left unread, 1..2^31. @default 262_144 */
  readonly bufferSize?: number;
}

export interface ReadOptions {
  /** Stops waiting: the promise rejects with `signal.reason`, and no message is lost. */
  readonly signal?: AbortSignal | undefined;
}

/** A read() that waits. */
interface Reader {
  readonly resolve: (message: Message) => void;
  readonly reject: (error: unknown) => void;
}

/** ms within which the broker must end its half of a stream after we asked for that. */
const END_TIMEOUT = 5_000;

const view = new PublishView();

/** Made by Client.subscriber(). Iterates over the payloads until it is closed; messages() over whole messages. */
export class Subscriber implements AsyncIterable<Uint8Array>, OpenStream {
  readonly topicFilter: string;
  readonly #host: OpenStreamHost;
  readonly #stream: PacketStream;
  readonly #bufferSize: number;
  #messages: (Message | undefined)[] = [];
  #head = 0;
  #bufferedBytes = 0;
  /** The buffer was full, and is read until it is half empty. */
  #isDraining = false;
  readonly #readers = new Set<Reader>();
  /** Of SUBSCRIBE or UNSUBSCRIBE; 0 when none is under way. */
  #packetIdentifier = 0;
  readonly #subscribed: Waiter = new Waiter(undefined);
  readonly #over: Waiter = new Waiter(undefined);
  #closing: Promise<void> | undefined = undefined;
  /** Closing without UNSUBSCRIBE. */
  #isFinishing = false;
  #endTimer: Timer | undefined = undefined;
  #overError: MqttError | undefined = undefined;
  #isOver = false;
  #grantedQos: 0 | 1 = 0;
  /** The topic of the last message, which is mostly that of the next. */
  #topic = '';
  #topicBytes: Uint8Array = new Uint8Array(0);

  /** @internal */
  constructor(stream: QuicStream, host: OpenStreamHost, topicFilter: string, bufferSize: number | undefined) {
    this.#host = host;
    this.topicFilter = topicFilter;
    this.#bufferSize = bufferSize ?? SUBSCRIBER_BUFFER;
    for (const { promise } of [this.#subscribed, this.#over]) promise.catch(() => {});
    this.#stream = new PacketStream(stream, host, {
      isPaused: () => this.#isPaused,
      handlePublish: (header, buffer, bodyStart, end) => this.#handlePublish(header, buffer, bodyStart, end),
      handlePacket: (packet) => this.#handlePacket(packet),
      handlePuback: () => {},
      handleFlushed: () => {},
      handleOver: (error) => this.#handleOver(error),
    });
  }

  /** Number of the QUIC stream that carries the subscription. */
  get streamId(): number {
    return this.#stream.id;
  }

  /** The largest QoS with which the broker delivers. */
  get grantedQos(): 0 | 1 {
    return this.#grantedQos;
  }

  /** Messages that are here and were not read. */
  get bufferedMessages(): number {
    return this.#messages.length - this.#head;
  }

  /** Sends SUBSCRIBE. @returns once the broker has granted it @internal */
  subscribe(request: SubscriptionRequest): Promise<void> {
    this.#packetIdentifier = this.#host.window.reserve();
    this.#stream.send(encodeSubscribe(this.#packetIdentifier, [request], 0, 5));
    return this.#subscribed.promise;
  }

  /**
   * The payload of the next message.
   *
   * @throws MqttError ERR_MQTT_CLOSED after close(), or why the stream or the connection ended; `signal.reason` when aborted
   */
  async read(options?: ReadOptions): Promise<Uint8Array> {
    return (await this.readMessage(options)).payload;
  }

  /** The next message. Throws like read(). */
  readMessage(options: ReadOptions = {}): Promise<Message> {
    const { signal } = options;
    if (signal?.aborted === true) return Promise.reject(signal.reason);
    const message = this.#readers.size === 0 ? this.tryReadMessage() : undefined;
    if (message !== undefined) return Promise.resolve(message);
    if (this.#isOver || this.#closing !== undefined) return Promise.reject(this.#readError());
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        this.#readers.delete(reader);
        signal?.removeEventListener('abort', onAbort);
      };
      const onAbort = (): void => reader.reject(signal?.reason);
      const reader: Reader = {
        resolve: (message) => {
          leave();
          resolve(message);
        },
        reject: (error) => {
          leave();
          reject(error);
        },
      };
      signal?.addEventListener('abort', onAbort);
      this.#readers.add(reader);
    });
  }

  /** The next message if there is one. */
  tryReadMessage(): Message | undefined {
    if (this.#head === this.#messages.length) return undefined;
    const message = this.#messages[this.#head] as Message;
    this.#messages[this.#head++] = undefined;
    const wasPaused = this.#isPaused;
    this.#bufferedBytes -= sizeOf(message);
    if (this.#head === this.#messages.length) {
      this.#messages.length = 0;
      this.#head = 0;
    } else if (this.#head > 1_024 && this.#head * 2 > this.#messages.length) {
      this.#messages.splice(0, this.#head);
      this.#head = 0;
    }
    // Half empty before it is filled again, so that packets come and are acknowledged many at a time.
    if (wasPaused) this.#isDraining = true;
    if (this.#isDraining && this.#bufferedBytes <= this.#bufferSize / 2) {
      this.#isDraining = false;
      this.#stream.readNow();
    }
    return message;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const message of this.messages()) yield message.payload;
  }

  /** All messages until close(). Leaving the loop early closes the subscriber. */
  async *messages(): AsyncGenerator<Message, void, undefined> {
    try {
      for (;;) {
        let message;
        try {
          message = await this.readMessage();
        } catch (error) {
          if (this.#closing !== undefined) return;
          throw error;
        }
        yield message;
      }
    } finally {
      await this.close();
    }
  }

  /**
   * Ends the subscription and its stream. What was not read is thrown away; reads that wait reject with ERR_MQTT_CLOSED.
   *
   * @returns once the broker has confirmed it, or has not within 5 seconds, or the connection is over; never rejects
   */
  close(): Promise<void> {
    if (this.#closing !== undefined) return this.#closing;
    this.#closing = this.#over.promise.catch(() => {});
    this.#rejectReaders();
    this.#discard();
    if (!this.#isOver) {
      this.#packetIdentifier = this.#host.window.reserve();
      this.#stream.send(encodeUnsubscribe(this.#packetIdentifier, [this.topicFilter], 5));
      this.#stream.readNow();
      this.#expectEnd();
    }
    return this.#closing;
  }

  /** Ends the stream without UNSUBSCRIBE: the connection is about to end as well. @internal */
  finish(): Promise<void> {
    if (this.#closing === undefined) {
      this.#isFinishing = true;
      this.#closing = this.#over.promise.catch(() => {});
      this.#rejectReaders();
      this.#discard();
    }
    this.#stream.end();
    this.#stream.readNow();
    this.#expectEnd();
    return this.#closing;
  }

  /** A broker that does not end its half in time is not waited for any longer. */
  #expectEnd(): void {
    if (this.#isOver || this.#endTimer !== undefined) return;
    const message = `The broker did not end the subscription to ${this.topicFilter} within ${END_TIMEOUT / 1000} seconds`;
    this.#endTimer = this.#host.createTimer(() =>
      this.#stream.abandon(0, new MqttError('ERR_MQTT_TIMEOUT', message, { fault: 'timeout' })),
    );
    this.#endTimer.set(this.#host.now() + END_TIMEOUT);
  }

  get #isPaused(): boolean {
    if (this.#closing !== undefined) return false;
    if (this.#isDraining) return true;
    return this.#bufferedBytes >= this.#bufferSize || this.bufferedMessages >= SUBSCRIBER_BUFFER_MESSAGES;
  }

  #handlePublish(header: number, buffer: Uint8Array, bodyStart: number, end: number): void {
    view.read(header, buffer, bodyStart, end, 5);
    if (view.qos === 2) throw new PacketError(ReasonCode.QOS_NOT_SUPPORTED, 'A message came with QoS 2');
    if (view.topicAlias !== -1)
      throw new PacketError(ReasonCode.TOPIC_ALIAS_INVALID, 'A topic alias came although none is allowed'); // [MQTT-3.3.2-10]
    // From here on it is ours, even if the application has yet to read it.
    if (view.qos === 1) this.#stream.output.pushPuback(view.packetIdentifier);
    if (this.#closing !== undefined) return;
    const message = new Message(view, this.#readTopic());
    const [reader] = this.#readers;
    if (reader !== undefined) {
      reader.resolve(message);
      return;
    }
    this.#messages.push(message);
    this.#bufferedBytes += sizeOf(message);
  }

  #handlePacket(packet: Packet): void {
    const expected = this.#closing === undefined || this.#isFinishing ? PacketType.SUBACK : PacketType.UNSUBACK;
    const isAnswer =
      (packet.type === PacketType.SUBACK || packet.type === PacketType.UNSUBACK) &&
      packet.type === expected &&
      packet.packetIdentifier === this.#packetIdentifier;
    if (!isAnswer)
      throw new PacketError(
        ReasonCode.PROTOCOL_ERROR,
        `${packetTypeName(packet.type)} is not expected on a subscriber's stream`,
      );
    this.#releaseIdentifier();
    if (packet.type === PacketType.UNSUBACK) {
      this.#stream.end();
      return;
    }
    const code = packet.reasonCodes[0] ?? ReasonCode.UNSPECIFIED_ERROR;
    if (code < 0x80) {
      this.#grantedQos = code === 0 ? 0 : 1;
      this.#subscribed.settle(undefined);
      return;
    }
    const said = packet.reasonString === undefined ? '' : `: ${packet.reasonString}`;
    this.#subscribed.settle(
      new MqttError(
        'ERR_MQTT_SUBSCRIPTION_REFUSED',
        `The broker refused the subscription to ${this.topicFilter} with ${describeReasonCode(code)}${said}`,
        { fault: 'peer', reasonCode: code },
      ),
    );
  }

  #handleOver(error: MqttError | undefined): void {
    this.#isOver = true;
    this.#endTimer?.clear();
    this.#host.forget(this);
    this.#overError =
      error ??
      new MqttError('ERR_MQTT_STREAM_CLOSED', `The broker ended the subscription to ${this.topicFilter}`, {
        fault: 'peer',
      });
    this.#releaseIdentifier();
    this.#stream.clear();
    this.#rejectReaders();
    this.#subscribed.settle(this.#overError);
    this.#over.settle(undefined);
    this.#stream.end();
  }

  #releaseIdentifier(): void {
    this.#host.window.release(this.#packetIdentifier);
    this.#packetIdentifier = 0;
  }

  #discard(): void {
    this.#messages = [];
    this.#head = 0;
    this.#bufferedBytes = 0;
    this.#isDraining = false;
  }

  #rejectReaders(): void {
    for (const reader of this.#readers) reader.reject(this.#readError());
  }

  #readError(): MqttError {
    if (this.#closing !== undefined)
      return usageError('ERR_MQTT_CLOSED', `The subscriber of ${this.topicFilter} is closed`);
    return this.#overError as MqttError;
  }

  /** Nearly always the topic is that of the last message. */
  #readTopic(): string {
    const { buffer, topicStart, topicEnd } = view;
    const known = this.#topicBytes;
    if (topicEnd - topicStart === known.length) {
      let i = 0;
      while (i < known.length && buffer[topicStart + i] === known[i]) i++;
      if (i === known.length) return this.#topic;
    }
    this.#topic = view.topic();
    this.#topicBytes = buffer.slice(topicStart, topicEnd);
    return this.#topic;
  }
}

/** What a message counts in the buffer: its payload and something for the rest. */
function sizeOf(message: Message): number {
  return message.payload.length + 64;
}
