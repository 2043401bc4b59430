/** What connect(), publisher(), subscriber() and close() can be told. */
import type { MessageProperties } from '../packets/message-properties.ts';
import type { QuicOptions } from '../quic-options.ts';
import type { PublishOptions } from './publisher.ts';
import type { SubscribeOptions } from './subscriber.ts';

/** What the broker publishes for a client whose connection ends without close(). */
export interface WillOptions extends MessageProperties {
  readonly topic: string;
  /** Text is sent as UTF-8. */
  readonly payload: Uint8Array | string;
  /** @default 1 */
  readonly qos?: 0 | 1;
  /** @default false */
  readonly retain?: boolean;
  /** Seconds the broker waits before it publishes the will. @default 0 */
  readonly delayInterval?: number;
  /** Seconds after which the broker forgets it. @default never */
  readonly messageExpiryInterval?: number;
}

export interface ClientOptions extends QuicOptions {
  /** Seconds of silence after which we ping, 0 = never, up to 65535. @default 60 */
  readonly keepAlive?: number;
  /** Begins anew instead of going on with a session that the broker may have. @default true */
  readonly cleanStart?: boolean;
  readonly username?: string;
  readonly password?: Uint8Array | string;
  readonly will?: WillOptions;
  /** QoS of publish() and of subscriptions where they say nothing. @default 1 */
  readonly qos?: 0 | 1;
  /** Largest MQTT packet taken, bytes. @default 1_048_576 */
  readonly maxPacketSize?: number;
  /** Gives up: connect() rejects with `signal.reason`. */
  readonly signal?: AbortSignal | undefined;
  /** ms for connection and CONNACK together. @default 10_000 */
  readonly timeout?: number;
}

export interface StreamOptions {
  /** Gives up waiting for a stream or an answer: the promise rejects with `signal.reason`. */
  readonly signal?: AbortSignal | undefined;
  /** ms to wait where the broker allows no further stream at the moment, and for its answer. @default 30_000 */
  readonly timeout?: number;
  /** 0 (sent first) .. 7 (last); what we send on this stream compared with our others. @default 3 */
  readonly urgency?: number;
}

export interface PublisherOptions extends StreamOptions, PublishOptions {}
export interface SubscriberOptions extends StreamOptions, SubscribeOptions {}

export interface CloseOptions {
  /** ms after which the connection is dropped, whatever is unacknowledged. @default 5_000 */
  readonly deadline?: number;
}
