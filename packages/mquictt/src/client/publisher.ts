/** One topic, one stream: messages leave in the order of publish(), and nothing that happens to other topics holds them up. */
import type { QuicStream } from '@mquictt/quic-node';
import { MqttError, PacketError, usageError } from '../errors.ts';
import { PUBLISHER_QUEUE, QUEUE_HIGH_WATER, QUEUE_LOW_WATER } from '../limits.ts';
import { encodeMessageProperties } from '../packets/message-properties.ts';
import type { MessageProperties } from '../packets/message-properties.ts';
import { packetTypeName } from '../packets/packet-types.ts';
import { encodePublish, publishSize } from '../packets/publish.ts';
import type { EncodedPublish } from '../packets/publish.ts';
import { encodeUtf8 } from '../packets/utf8.ts';
import { ReasonCode, describeReasonCode } from '../reason-codes.ts';
import { PacketStream } from './packet-stream.ts';
import type { OpenStream, OpenStreamHost } from './packet-stream.ts';
import { Waiter } from './waiter.ts';

export interface PublishOptions extends MessageProperties {
  /** 1: resolves when the broker has the message. 0: resolves when there is room for the next one; it may be lost with the connection. @default 1 */
  readonly qos?: 0 | 1;
  /** The broker keeps the message as the topic's last one, for whoever subscribes later. @default true */
  readonly retain?: boolean;
  /** Seconds after which the broker forgets it, 0..4294967295. @default never */
  readonly messageExpiryInterval?: number;
  /** Stops waiting: the promise rejects with `signal.reason`. The message may be published all the same. */
  readonly signal?: AbortSignal | undefined;
}

/** What a publisher needs of its client. */
export interface PublisherHost extends OpenStreamHost {
  /** Bytes: the broker takes no larger packet. */
  readonly peerMaxPacketSize: number;
  readonly isRetainAvailable: boolean;
  /** The largest that the broker takes. */
  readonly maximumQos: number;
}

/** What publish() says where the publisher's options say nothing. */
export type PublisherDefaults = Required<Pick<PublishOptions, 'qos' | 'retain'>>;

const SENT = Promise.resolve();
const EMPTY = new Uint8Array(0);

/** Made by Client.publisher(). */
export class Publisher implements OpenStream {
  readonly topic: string;
  readonly #topicBytes: Uint8Array;
  readonly #host: PublisherHost;
  readonly #stream: PacketStream;
  readonly #defaults: PublisherDefaults;
  /** Messages of QoS 1 that were not acknowledged. */
  readonly #unacknowledged = new Set<Waiter>();
  /** QoS 0 publishes that wait for room. */
  #waitingForRoom: Waiter[] = [];
  #closing: Promise<void> | undefined = undefined;
  readonly #over: Waiter = new Waiter(undefined);

  /** @internal */
  constructor(stream: QuicStream, host: PublisherHost, topic: string, defaults: PublisherDefaults) {
    this.#host = host;
    this.topic = topic;
    this.#topicBytes = encodeUtf8(topic);
    this.#defaults = defaults;
    handled(this.#over.promise);
    const unexpected = (what: string) => (): never => {
      throw new PacketError(ReasonCode.PROTOCOL_ERROR, `${what} is not expected on the stream of a publisher`);
    };
    this.#stream = new PacketStream(stream, host, {
      isPaused: () => false,
      handlePublish: unexpected('A message'),
      handlePacket: (packet) => unexpected(packetTypeName(packet.type))(),
      handlePuback: (message, reasonCode, reasonString) => this.#handlePuback(message, reasonCode, reasonString),
      handleFlushed: () => this.#handleFlushed(),
      handleOver: (error) => this.#handleOver(error),
    });
    this.#stream.queue.onExpired = (message) => this.#handleExpired(message);
  }

  /** Number of the QUIC stream that carries the topic. */
  get streamId(): number {
    return this.#stream.id;
  }

  /** Bytes of messages that wait to be sent. */
  get bufferedBytes(): number {
    return this.#stream.queue.bytes;
  }

  /** @param urgency 0 (sent first) .. 7 (last), compared with the other streams of this client */
  setPriority(urgency: number): void {
    this.#stream.setPriority(urgency);
  }

  /**
   * Publishes a message: with RETAIN and QoS 1, unless told otherwise. Messages are sent in the order of the calls, awaited or not. A payload of more
   * than 4 KiB is not copied and must not change until the promise is settled. An empty payload with RETAIN clears the topic's last message.
   *
   * @param payload text is sent as UTF-8
   * @returns QoS 1: once the broker has acknowledged it. QoS 0: once there is room for more. A rejection that nobody handles is not reported.
   * @throws MqttError ERR_MQTT_CLOSED, ERR_MQTT_DISCONNECTED, ERR_MQTT_STREAM_CLOSED, ERR_MQTT_PUBLISH_REFUSED, ERR_MQTT_PACKET_TOO_LARGE,
   *   ERR_MQTT_QUEUE_FULL, ERR_MQTT_INVALID_ARGUMENT, ERR_MQTT_TIMEOUT when it expired before it could be sent; `signal.reason` when aborted
   */
  publish(payload: Uint8Array | string, options?: PublishOptions): Promise<void> {
    let message;
    try {
      message = this.#encode(payload, options);
    } catch (error) {
      return handled(Promise.reject(error));
    }
    const stream = this.#stream;
    stream.queue.push(message);
    let waiter;
    if (message.identifierOffset !== -1) {
      waiter = new Waiter(options?.signal);
      message.context = waiter;
      this.#unacknowledged.add(waiter);
    }
    if (stream.queue.bytes > QUEUE_LOW_WATER) stream.flush();
    else stream.flushSoon();
    if (waiter === undefined) {
      if (stream.queue.bytes <= QUEUE_HIGH_WATER) return SENT;
      waiter = new Waiter(options?.signal);
      this.#waitingForRoom.push(waiter);
    }
    return handled(waiter.promise);
  }

  /**
   * Sends what waits, waits for its acknowledgement and ends the stream.
   *
   * @throws MqttError when the stream or the connection ended before
   */
  close(): Promise<void> {
    if (this.#closing === undefined) {
      this.#closing = handled(this.#over.promise);
      this.#stream.end();
    }
    return this.#closing;
  }

  /** @internal */
  finish(): Promise<void> {
    return this.close().catch(() => {});
  }

  #handlePuback(message: EncodedPublish, reasonCode: number, reasonString: string | undefined): void {
    let error;
    if (reasonCode >= 0x80) {
      const said = reasonString === undefined ? '' : `: ${reasonString}`;
      const sentence = `The broker refused a message to ${this.topic} with ${describeReasonCode(reasonCode)}${said}`;
      error = new MqttError('ERR_MQTT_PUBLISH_REFUSED', sentence, { fault: 'peer', reasonCode });
    }
    this.#settle(message, error);
  }

  #handleExpired(message: EncodedPublish): void {
    const sentence = `A message to ${this.topic} expired before it could be sent`;
    if (message.context !== undefined)
      this.#settle(message, new MqttError('ERR_MQTT_TIMEOUT', sentence, { fault: 'timeout' }));
  }

  #settle(message: EncodedPublish, error: MqttError | undefined): void {
    const waiter = message.context as Waiter;
    this.#unacknowledged.delete(waiter);
    waiter.settle(error);
  }

  #handleFlushed(): void {
    if (this.#waitingForRoom.length === 0 || this.#stream.queue.bytes > QUEUE_HIGH_WATER) return;
    const waiting = this.#waitingForRoom;
    this.#waitingForRoom = [];
    for (const waiter of waiting) waiter.settle(undefined);
  }

  #handleOver(error: MqttError | undefined): void {
    // The broker ends its half only after it has acknowledged everything, so that nothing is left then.
    const isDone = error === undefined && this.#stream.isEnding && this.#unacknowledged.size === 0;
    const sentence = `The broker ended the stream of topic ${this.topic}`;
    const reason = isDone ? undefined : (error ?? new MqttError('ERR_MQTT_STREAM_CLOSED', sentence, { fault: 'peer' }));
    this.#host.forget(this);
    this.#stream.clear();
    const waiters = [...this.#unacknowledged, ...this.#waitingForRoom];
    this.#unacknowledged.clear();
    this.#waitingForRoom = [];
    for (const waiter of waiters) waiter.settle(reason);
    this.#over.settle(reason);
    if (reason !== undefined && error === undefined) this.#stream.abandon(0, reason);
  }

  #encode(payload: Uint8Array | string, options: PublishOptions | undefined): EncodedPublish {
    if (this.#stream.error !== undefined) throw this.#stream.error;
    if (this.#stream.isEnding) throw usageError('ERR_MQTT_CLOSED', `The publisher of topic ${this.topic} is closed`);
    const bytes = typeof payload === 'string' ? encodeUtf8(payload) : payload;
    if (!(bytes instanceof Uint8Array))
      throw usageError('ERR_MQTT_INVALID_ARGUMENT', `A payload expected text or Uint8Array, got ${typeof payload}`);
    const host = this.#host;
    const qos = options?.qos ?? this.#defaults.qos;
    if (qos !== 0 && qos !== 1)
      throw usageError('ERR_MQTT_INVALID_ARGUMENT', `qos expected 0 or 1, got ${String(qos)}; QoS 2 is not there yet`);
    // [MQTT-3.2.2-11]
    if (qos > host.maximumQos)
      throw usageError('ERR_MQTT_INVALID_ARGUMENT', 'This broker takes QoS 0 only: publish with qos: 0');
    const expiry = options?.messageExpiryInterval;
    if (expiry !== undefined && !(Number.isInteger(expiry) && expiry >= 0 && expiry <= 0xffff_ffff))
      throw usageError(
        'ERR_MQTT_INVALID_ARGUMENT',
        `messageExpiryInterval expected 0..4294967295 seconds, got ${expiry}`,
      );
    options?.signal?.throwIfAborted();
    const fields = {
      topic: this.#topicBytes,
      payload: bytes,
      qos,
      retain: options?.retain ?? this.#defaults.retain,
      properties: options === undefined ? EMPTY : encodeMessageProperties(options),
      expiresAt: expiry === undefined ? Infinity : host.now() + expiry * 1000,
    };
    if (fields.retain && !host.isRetainAvailable)
      throw usageError('ERR_MQTT_INVALID_ARGUMENT', 'This broker keeps no messages: publish with retain: false');
    const size = publishSize(fields, 5);
    if (size > host.peerMaxPacketSize)
      throw new MqttError(
        'ERR_MQTT_PACKET_TOO_LARGE',
        `The message makes a packet of ${size} bytes, and the broker takes ${host.peerMaxPacketSize}`,
        { fault: 'usage', reasonCode: ReasonCode.PACKET_TOO_LARGE },
      );
    if (this.#stream.queue.bytes + size > PUBLISHER_QUEUE)
      throw new MqttError(
        'ERR_MQTT_QUEUE_FULL',
        `${this.#stream.queue.bytes} bytes of messages wait to be sent on topic ${this.topic}: await publish() before publishing more`,
        { fault: 'usage' },
      );
    return encodePublish(fields, 5);
  }
}

/** Programs publish several times and await only the last: the others' rejections must not end the process. */
function handled(promise: Promise<void>): Promise<void> {
  promise.catch(() => {});
  return promise;
}
