/**
 * Topic aliases (MQTT 5 §3.3.2.3.4) of one channel, a table for each direction. They are empty when the channel begins and end with it, so that what is sent
 * again on another channel never has one. [MQTT-3.3.2-7]
 */
import { PacketError } from '../errors.ts';
import type { EncodedPublish } from '../packets/publish.ts';
import { readUtf8 } from '../packets/utf8.ts';
import { ReasonCode } from '../reason-codes.ts';
import { withAlias } from './reencode.ts';

/** A topic as a channel remembers it. */
export interface KnownTopic {
  readonly topic: string;
  readonly topicBytes: Uint8Array;
}

/** Those of the client. */
export class IncomingAliases {
  readonly #topics = new Map<number, KnownTopic>();

  /** The client names a topic and its alias: it means that topic from now on. */
  set(alias: number, topic: KnownTopic): void {
    this.#topics.set(alias, topic);
  }

  /** @throws PacketError PROTOCOL_ERROR for one that the client has not set */
  get(alias: number): KnownTopic {
    const topic = this.#topics.get(alias);
    if (topic === undefined) throw new PacketError(ReasonCode.PROTOCOL_ERROR, `Topic alias ${alias} has not been set`);
    return topic;
  }
}

/** Ours: given out on first use; when there are no more, that of the topic that was not used for longest goes to the next. */
export class OutgoingAliases {
  readonly #maximum: number;
  /** By topic, the one that was not used for longest first. */
  readonly #aliases = new Map<string, number>();

  /** @param maximum at least 1. [MQTT-3.1.2-26] */
  constructor(maximum: number) {
    this.#maximum = maximum;
  }

  /**
   * The message as it is to be sent next on the channel.
   *
   * @param maximumPacketSize bytes; a message that would be larger with an alias goes without one
   */
  encode(message: EncodedPublish, maximumPacketSize: number): EncodedPublish {
    const topic = topicOf(message);
    const known = this.#aliases.get(topic);
    if (known !== undefined) {
      this.#aliases.delete(topic);
      this.#aliases.set(topic, known);
      return withAlias(message, known, true);
    }
    let alias = this.#aliases.size + 1;
    const named = withAlias(message, alias, false);
    if (named.size > maximumPacketSize) return message;
    if (alias <= this.#maximum) {
      this.#aliases.set(topic, alias);
      return named;
    }
    const [oldest, itsAlias] = this.#aliases.entries().next().value as [string, number];
    alias = itsAlias;
    this.#aliases.delete(oldest);
    this.#aliases.set(topic, alias);
    return withAlias(message, alias, false);
  }
}

function topicOf({ buffer, start }: EncodedPublish): string {
  let at = start + 1;
  while (buffer[at] >= 128) at++;
  const length = (buffer[at + 1] << 8) | buffer[at + 2];
  return readUtf8(buffer, at + 3, at + 3 + length);
}
