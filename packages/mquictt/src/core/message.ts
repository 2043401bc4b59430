/** One message on its way from a publisher to subscribers. */
import { GATHER_LIMIT } from '../limits.ts';
import type { ProtocolVersion } from '../packets/packet-types.ts';
import { encodePublish } from '../packets/publish.ts';
import type { EncodedPublish } from '../packets/publish.ts';
import type { StoredMessage } from './persistence/journal.ts';
import type { Session } from './session.ts';

export interface MessageFields {
  readonly topic: string;
  /** Must not change: it is kept by reference. */
  readonly topicBytes: Uint8Array;
  /** May be a view of something larger: it is copied where it is kept. */
  readonly payload: Uint8Array;
  readonly qos: number;
  readonly retain: boolean;
  /** As bytes, without expiry. A view as well. */
  readonly properties: Uint8Array;
  /** ms, Infinity = never. */
  readonly expiresAt: number;
}

export class Message implements MessageFields {
  readonly topic: string;
  readonly topicBytes: Uint8Array;
  readonly qos: number;
  readonly retain: boolean;
  readonly properties: Uint8Array;
  readonly expiresAt: number;
  /** The client who published it; undefined for the broker's own. */
  readonly publisher: Session | undefined;
  /** Where it is in the store. Kept by Journal. */
  stored: StoredMessage | undefined = undefined;
  #payload: Uint8Array;
  #isOwned = false;
  /** What subscribers without options of their own share, by version and QoS; MQTT 3.1 and 3.1.1 have one form. */
  #version4Qos0: EncodedPublish | undefined = undefined;
  #version4Qos1: EncodedPublish | undefined = undefined;
  #version4Qos2: EncodedPublish | undefined = undefined;
  #version5Qos0: EncodedPublish | undefined = undefined;
  #version5Qos1: EncodedPublish | undefined = undefined;
  #version5Qos2: EncodedPublish | undefined = undefined;

  constructor(fields: MessageFields, publisher: Session | undefined) {
    this.topic = fields.topic;
    this.topicBytes = fields.topicBytes;
    this.qos = fields.qos;
    this.retain = fields.retain;
    this.properties = fields.properties;
    this.expiresAt = fields.expiresAt;
    this.publisher = publisher;
    this.#payload = fields.payload;
  }

  get payload(): Uint8Array {
    return this.#payload;
  }

  /** The message as nearly all subscribers get it: RETAIN=0 and no subscription identifier. Encoded once. */
  shared(version: ProtocolVersion, qos: number): EncodedPublish {
    if (version === 5) {
      if (qos === 0) return (this.#version5Qos0 ??= this.encode(5, 0, false, undefined));
      if (qos === 1) return (this.#version5Qos1 ??= this.encode(5, 1, false, undefined));
      return (this.#version5Qos2 ??= this.encode(5, 2, false, undefined));
    }
    if (qos === 0) return (this.#version4Qos0 ??= this.encode(4, 0, false, undefined));
    if (qos === 1) return (this.#version4Qos1 ??= this.encode(4, 1, false, undefined));
    return (this.#version4Qos2 ??= this.encode(4, 2, false, undefined));
  }

  encode(
    version: ProtocolVersion,
    qos: number,
    retain: boolean,
    subscriptionIdentifiers: readonly number[] | undefined,
  ): EncodedPublish {
    if (!this.#isOwned && this.#payload.length > GATHER_LIMIT) {
      // Large payloads are kept by reference, so they must not keep the rest of the chunk in which they came.
      if (this.#payload.length * 2 < this.#payload.buffer.byteLength) this.#payload = this.#payload.slice();
      this.#isOwned = true;
    }
    return encodePublish(
      {
        topic: this.topicBytes,
        payload: this.#payload,
        qos,
        retain,
        properties: this.properties,
        expiresAt: this.expiresAt,
        ...(subscriptionIdentifiers === undefined ? {} : { subscriptionIdentifiers }),
      },
      version,
    );
  }
}
