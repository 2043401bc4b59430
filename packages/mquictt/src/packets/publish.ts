/**
 * PUBLISH (MQTT 5 §3.3, MQTT 3.1.1 §3.3), read and written by hand since it is nearly all of the traffic. Properties that a broker passes on travel as
 * bytes, so their order stays. [MQTT-3.3.2-18]
 */
import { PacketError } from '../errors.ts';
import { GATHER_LIMIT } from '../limits.ts';
import { ReasonCode } from '../reason-codes.ts';
import { PacketType } from './packet-types.ts';
import type { ProtocolVersion } from './packet-types.ts';
import { PropertyId } from './properties.ts';
import { PropertyReader } from './property-reader.ts';
import { PacketReader } from './reader.ts';
import { Slab } from './slab.ts';
import { checkResponseTopic } from './topics.ts';
import { readUtf8 } from './utf8.ts';
import { varintLength, writeVarint } from './varint.ts';

const EMPTY = new Uint8Array(0);
const { PUBLISH } = PacketType;

/** One PUBLISH as read. Everything is a view into `buffer`, valid as long as that is; the object itself is reused. */
export class PublishView {
  buffer: Uint8Array = EMPTY;
  qos = 0;
  isDuplicate = false;
  isRetain = false;
  topicStart = 0;
  topicEnd = 0;
  /** 0 for QoS 0. */
  packetIdentifier = 0;
  /** Where the length of the properties stands. */
  sectionStart = 0;
  /** All properties as they came, without their length; empty for MQTT 3.1.1. */
  propertiesStart = 0;
  propertiesEnd = 0;
  /** The properties that belong to the message and not to this hop: without alias, expiry and subscription identifiers. */
  forwarded: Uint8Array = EMPTY;
  /** Seconds, -1 when there is none. */
  messageExpiryInterval = -1;
  /** 1..65,535, -1 when there is none. */
  topicAlias = -1;
  hasSubscriptionIdentifier = false;
  /** Empty when there is none. */
  responseTopic = '';
  payloadStart = 0;
  payloadEnd = 0;

  /**
   * @param header the first byte
   * @param start where the body begins
   * @throws PacketError MALFORMED_PACKET, PROTOCOL_ERROR, TOPIC_ALIAS_INVALID
   */
  read(header: number, buffer: Uint8Array, start: number, end: number, version: ProtocolVersion): void {
    this.buffer = buffer;
    this.qos = (header >> 1) & 3;
    this.isDuplicate = (header & 8) !== 0;
    this.isRetain = (header & 1) !== 0;
    if (this.qos === 3) throw new PacketError(ReasonCode.MALFORMED_PACKET, 'A PUBLISH has QoS 3'); // [MQTT-3.3.1-4]
    if (this.qos === 0 && this.isDuplicate)
      throw new PacketError(ReasonCode.MALFORMED_PACKET, 'A PUBLISH with QoS 0 is marked as duplicate'); // [MQTT-3.3.1-2]
    if (start + 2 > end) throw tooShort();
    this.topicStart = start + 2;
    let position = this.topicStart + ((buffer[start] << 8) | buffer[start + 1]);
    this.topicEnd = position;
    this.packetIdentifier = 0;
    if (this.qos > 0) {
      if (position + 2 > end) throw tooShort();
      this.packetIdentifier = (buffer[position] << 8) | buffer[position + 1];
      position += 2;
      // [MQTT-2.2.1-3], [MQTT-2.2.1-4]; [MQTT311-2.3.1-1]
      if (this.packetIdentifier === 0) throw new PacketError(ReasonCode.MALFORMED_PACKET, 'A packet identifier is 0');
    }
    this.messageExpiryInterval = -1;
    this.topicAlias = -1;
    this.hasSubscriptionIdentifier = false;
    this.responseTopic = '';
    this.forwarded = EMPTY;
    this.sectionStart = position;
    this.propertiesStart = position;
    this.propertiesEnd = position;
    if (version === 5) {
      if (position >= end) throw tooShort();
      if (buffer[position] === 0) {
        position++;
        this.propertiesStart = position;
        this.propertiesEnd = position;
      } else {
        position = this.#readProperties(position, end);
      }
    }
    if (position > end) throw tooShort();
    this.payloadStart = position;
    this.payloadEnd = end;
    // §3.3.2.3.4. Before MQTT 5 every topic is in its packet. [MQTT-4.7.3-1]
    if (this.topicEnd === this.topicStart && this.topicAlias === -1)
      throw new PacketError(ReasonCode.PROTOCOL_ERROR, 'A PUBLISH has neither a topic name nor a topic alias');
  }

  /** Not checked but for being a string; see topicNameProblem(). Empty where an alias stands for it. @throws PacketError MALFORMED_PACKET */
  topic(): string {
    return readUtf8(this.buffer, this.topicStart, this.topicEnd);
  }

  payload(): Uint8Array {
    return this.buffer.subarray(this.payloadStart, this.payloadEnd);
  }

  #readProperties(position: number, end: number): number {
    const buffer = this.buffer;
    const reader = new PacketReader(buffer, position, end);
    // Pieces that stay, as offsets; neighbours are one piece.
    const kept: number[] = [];
    const properties = new PropertyReader(reader, PUBLISH);
    this.propertiesStart = reader.position;
    while (properties.next()) {
      switch (properties.id) {
        case PropertyId.MESSAGE_EXPIRY_INTERVAL:
          this.messageExpiryInterval = properties.value;
          continue;
        case PropertyId.TOPIC_ALIAS:
          this.topicAlias = properties.value;
          continue;
        case PropertyId.SUBSCRIPTION_IDENTIFIER:
          this.hasSubscriptionIdentifier = true;
          continue;
        case PropertyId.RESPONSE_TOPIC:
          this.responseTopic = properties.text();
          checkResponseTopic(this.responseTopic);
          break;
      }
      if (kept.length > 0 && kept[kept.length - 1] === properties.start) kept[kept.length - 1] = properties.end;
      else kept.push(properties.start, properties.end);
    }
    this.propertiesEnd = reader.position;
    if (kept.length === 2) {
      this.forwarded = buffer.subarray(kept[0], kept[1]);
    } else if (kept.length > 2) {
      let length = 0;
      for (let i = 0; i < kept.length; i += 2) length += kept[i + 1] - kept[i];
      this.forwarded = new Uint8Array(length);
      let at = 0;
      for (let i = 0; i < kept.length; i += 2) {
        this.forwarded.set(buffer.subarray(kept[i], kept[i + 1]), at);
        at += kept[i + 1] - kept[i];
      }
    }
    return reader.position;
  }
}

/** What goes into a PUBLISH. */
export interface PublishFields {
  /** UTF-8; empty where the peer knows it by `topicAlias`. */
  readonly topic: Uint8Array;
  readonly payload: Uint8Array;
  readonly qos: number;
  readonly retain: boolean;
  /** Whether it is sent again; of QoS 1 or 2. [MQTT-3.3.1-1], [MQTT-3.3.1-2] @default false */
  readonly duplicate?: boolean;
  /** 1..65,535, at most what the peer allows; left out for MQTT 3.1.1. [MQTT-3.3.2-8] */
  readonly topicAlias?: number | undefined;
  /** Properties as bytes without their length and without expiry, alias and subscription identifiers; left out for MQTT 3.1.1. */
  readonly properties?: Uint8Array;
  /** ms on the owner's clock at which the message is no longer wanted, Infinity = never. @default Infinity */
  readonly expiresAt?: number;
  readonly subscriptionIdentifiers?: readonly number[];
}

/**
 * A PUBLISH as it will stand on the wire, but for the packet identifier and the remaining expiry, which are set in each copy. Shared by reference
 * between all queues that hold it.
 */
export class EncodedPublish {
  /** The whole packet stands in buffer[start..end), or all of it before a large payload. */
  readonly buffer: Uint8Array;
  readonly start: number;
  readonly end: number;
  /** A large payload that follows; empty otherwise. */
  readonly payload: Uint8Array;
  /** Position in `buffer`; -1 for QoS 0. */
  readonly identifierOffset: number;
  /** Position in `buffer`; -1 without expiry. */
  readonly expiryOffset: number;
  /** ms, Infinity without expiry. */
  readonly expiresAt: number;
  /** Bytes of the packet. */
  readonly size: number;
  /** For the owner of the queue; the client hangs the promise of publish() here. */
  context: unknown = undefined;

  constructor(
    buffer: Uint8Array,
    start: number,
    end: number,
    payload: Uint8Array,
    identifierOffset: number,
    expiryOffset: number,
    expiresAt: number,
  ) {
    this.buffer = buffer;
    this.start = start;
    this.end = end;
    this.payload = payload;
    this.identifierOffset = identifierOffset;
    this.expiryOffset = expiryOffset;
    this.expiresAt = expiresAt;
    this.size = end - start + payload.length;
  }

  /** A copy with its identifier set and DUP=1, to be sent again. [MQTT-3.3.1-1] */
  asDuplicate(packetIdentifier: number): EncodedPublish {
    const buffer = this.buffer.slice(this.start, this.end);
    const offset = this.identifierOffset - this.start;
    buffer[0] |= 8;
    buffer[offset] = packetIdentifier >> 8;
    buffer[offset + 1] = packetIdentifier & 0xff;
    const expiryOffset = this.expiryOffset === -1 ? -1 : this.expiryOffset - this.start;
    return new EncodedPublish(buffer, 0, buffer.length, this.payload, -1, expiryOffset, this.expiresAt);
  }
}

const slab = new Slab();

/** Bytes of the PUBLISH that encodePublish() would make. */
export function publishSize(fields: PublishFields, version: ProtocolVersion): number {
  const body = bodyLength(fields, version, propertiesLength(fields, version));
  return 1 + varintLength(body) + body;
}

/**
 * Copies topic, properties and small payloads; keeps a payload of more than GATHER_LIMIT bytes by reference.
 */
export function encodePublish(fields: PublishFields, version: ProtocolVersion): EncodedPublish {
  const { topic, payload, qos, retain } = fields;
  const expiresAt = fields.expiresAt ?? Infinity;
  const properties = propertiesLength(fields, version);
  const body = bodyLength(fields, version, properties);
  const isLarge = payload.length > GATHER_LIMIT;
  const size = 1 + varintLength(body) + body - (isLarge ? payload.length : 0);

  const start = slab.allocate(size);
  const out = slab.buffer;
  let at = start;
  out[at++] = (PUBLISH << 4) | (fields.duplicate === true ? 8 : 0) | (qos << 1) | (retain ? 1 : 0);
  at = writeVarint(out, at, body);
  out[at++] = topic.length >> 8;
  out[at++] = topic.length & 0xff;
  at = copyInto(out, at, topic);
  let identifierOffset = -1;
  if (qos > 0) {
    identifierOffset = at;
    at += 2;
  }
  let expiryOffset = -1;
  if (version === 5) {
    at = writeVarint(out, at, properties);
    if (expiresAt !== Infinity) {
      out[at++] = PropertyId.MESSAGE_EXPIRY_INTERVAL;
      expiryOffset = at;
      at += 4;
    }
    if (fields.topicAlias !== undefined) {
      out[at++] = PropertyId.TOPIC_ALIAS;
      out[at++] = fields.topicAlias >> 8;
      out[at++] = fields.topicAlias & 0xff;
    }
    if (fields.subscriptionIdentifiers !== undefined) {
      for (const identifier of fields.subscriptionIdentifiers) {
        out[at++] = PropertyId.SUBSCRIPTION_IDENTIFIER;
        at = writeVarint(out, at, identifier);
      }
    }
    if (fields.properties !== undefined) at = copyInto(out, at, fields.properties);
  }
  if (!isLarge) at = copyInto(out, at, payload);
  return new EncodedPublish(out, start, at, isLarge ? payload : EMPTY, identifierOffset, expiryOffset, expiresAt);
}

function propertiesLength(fields: PublishFields, version: ProtocolVersion): number {
  if (version < 5) return 0;
  let length = fields.properties?.length ?? 0;
  if ((fields.expiresAt ?? Infinity) !== Infinity) length += 5;
  if (fields.topicAlias !== undefined) length += 3;
  if (fields.subscriptionIdentifiers !== undefined) {
    for (const identifier of fields.subscriptionIdentifiers) length += 1 + varintLength(identifier);
  }
  return length;
}

function bodyLength(fields: PublishFields, version: ProtocolVersion, properties: number): number {
  const identifier = fields.qos > 0 ? 2 : 0;
  const section = version === 5 ? varintLength(properties) + properties : 0;
  return 2 + fields.topic.length + identifier + section + fields.payload.length;
}

/** A loop is faster below some 24 bytes (10 against 70 ns at 8 bytes, Node 20, 2025-11), `set` above. */
function copyInto(out: Uint8Array, at: number, bytes: Uint8Array): number {
  const length = bytes.length;
  if (length < 24) for (let i = 0; i < length; i++) out[at + i] = bytes[i];
  else out.set(bytes, at);
  return at + length;
}

function tooShort(): PacketError {
  return new PacketError(ReasonCode.MALFORMED_PACKET, 'A field is longer than its packet');
}
