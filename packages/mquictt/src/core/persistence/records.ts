/**
 * What is stored, as keys and bytes. Times are unix time in ms, since the process that reads them has another clock. Parts of a key are parted by U+0000,
 * which no client identifier, filter or topic contains.
 *
 *     m id                              a message, once for all queues
 *     q client id                       a message that waits for a client, or an exchange that is not over
 *     f client number filter            a subscription; the number is that of its flow
 *     i client identifier digest        a QoS 2 message received and not released
 *     s client                          a session
 *     r topic                           a retained message
 */
import { MqttError, PacketError } from '../../errors.ts';
import type { ReceivedWill } from '../../packets/codec.ts';
import type { ProtocolVersion } from '../../packets/packet-types.ts';
import { PacketReader } from '../../packets/reader.ts';
import { readUtf8 } from '../../packets/utf8.ts';
import { packetWriter } from '../../packets/writer.ts';
import type { PacketWriter } from '../../packets/writer.ts';
import type { MessageFields } from '../message.ts';
import { formerlyGranted } from '../permissions.ts';
import type { Principal } from '../permissions.ts';

const SEPARATOR = '\0';
/** The form of all records, their first byte. */
const FORM = 1;
/** Digits of a number in a key, so that keys are in the order of their numbers: enough for 2^53. */
const DIGITS = 11;

export const RecordKind = {
  MESSAGE: 'm',
  ENTRY: 'q',
  SUBSCRIPTION: 'f',
  RECEIPT: 'i',
  SESSION: 's',
  RETAINED: 'r',
} as const;

export function keyOf(kind: string, ...parts: readonly (string | number)[]): string {
  return [
    kind,
    ...parts.map((part) => (typeof part === 'string' ? part : part.toString(36).padStart(DIGITS, '0'))),
  ].join(SEPARATOR);
}

/** @returns the kind and the parts, as texts */
export function partsOf(key: string): string[] {
  return key.split(SEPARATOR);
}

/** @param part a number of a key */
export function numberOf(part: string): number {
  return Number.parseInt(part, 36);
}

export interface SessionRecord {
  /** See Session. */
  readonly identity: string | undefined;
  readonly version: ProtocolVersion;
  readonly isConnected: boolean;
  /** See Principal.permissions. They themselves are not stored. */
  readonly hasOwnPermissions: boolean;
  /** Seconds, Infinity = for ever. */
  readonly expiryInterval: number;
  /** Unix time, Infinity = never or not known yet. */
  readonly expiresAt: number;
  readonly willAt: number;
  readonly will: ReceivedWill | undefined;
}

export interface SubscriptionRecord {
  readonly qos: number;
  readonly noLocal: boolean;
  readonly retainAsPublished: boolean;
  /** 0 = none. */
  readonly identifier: number;
}

/** Where an exchange stands: not begun (or QoS 1, which may begin again), PUBLISH sent, PUBREC received. */
export type EntryState = 'waiting' | 'sent' | 'received';

export interface EntryRecord {
  readonly state: EntryState;
  readonly qos: number;
  readonly retain: boolean;
  /** Of the packet; 0 while the exchange has not begun. */
  readonly packetIdentifier: number;
  /** Number of the message. */
  readonly message: number;
  /** Of the shared subscription that it came by; empty for none. */
  readonly sharedFilter: string;
  readonly subscriptionIdentifiers: readonly number[] | undefined;
}

const STATES: readonly EntryState[] = ['waiting', 'sent', 'received'];

export interface MessageRecord extends Omit<MessageFields, 'retain'> {
  /** Of a retained message: who published it; undefined for the broker itself. */
  readonly publisher: Principal | undefined;
}

/** @param fields with `expiresAt` as unix time */
export function encodeMessageRecord(fields: Omit<MessageRecord, 'topic'>): Uint8Array {
  const { topicBytes, properties, payload, qos, expiresAt, publisher } = fields;
  const identity = publisher?.identity;
  const writer = begin()
    .uint8(
      qos |
        (publisher === undefined ? 0 : 4) |
        (identity === undefined ? 0 : 8) |
        (publisher?.permissions === undefined ? 0 : 16),
    )
    .binary(topicBytes);
  if (publisher !== undefined) writer.string(publisher.clientId);
  if (identity !== undefined) writer.string(identity);
  return sized(time(writer, expiresAt), properties).raw(payload).body();
}

/** @returns views of `bytes`; `expiresAt` is unix time */
export function decodeMessageRecord(bytes: Uint8Array): MessageRecord {
  const reader = read(bytes);
  const flags = reader.uint8();
  const qos = flags & 3;
  const topicBytes = reader.binary();
  const clientId = (flags & 4) === 0 ? undefined : reader.string();
  const identity = (flags & 8) === 0 ? undefined : reader.string();
  const publisher = clientId === undefined ? undefined : principalOf(clientId, identity, (flags & 16) !== 0);
  const expiresAt = readTime(reader);
  const properties = readSized(reader);
  const topic = readUtf8(topicBytes, 0, topicBytes.length);
  return { topic, topicBytes, qos, publisher, expiresAt, properties, payload: bytes.subarray(reader.position) };
}

export function encodeEntryRecord(entry: EntryRecord): Uint8Array {
  const writer = begin()
    .uint8(STATES.indexOf(entry.state))
    .uint8(entry.qos | (entry.retain ? 4 : 0))
    .uint16(entry.packetIdentifier);
  long(writer, entry.message).string(entry.sharedFilter);
  for (const identifier of entry.subscriptionIdentifiers ?? []) writer.uint32(identifier);
  return writer.body();
}

export function decodeEntryRecord(bytes: Uint8Array): EntryRecord {
  const reader = read(bytes);
  const state = STATES[reader.uint8()];
  const flags = reader.uint8();
  const packetIdentifier = reader.uint16();
  const message = readLong(reader);
  const sharedFilter = reader.string();
  const identifiers: number[] = [];
  while (reader.remaining > 0) identifiers.push(reader.uint32());
  return {
    state,
    qos: flags & 3,
    retain: (flags & 4) !== 0,
    packetIdentifier,
    message,
    sharedFilter,
    subscriptionIdentifiers: identifiers.length === 0 ? undefined : identifiers,
  };
}

export function encodeSubscriptionRecord(subscription: SubscriptionRecord): Uint8Array {
  const { qos, noLocal, retainAsPublished, identifier } = subscription;
  return begin()
    .uint8(qos | (noLocal ? 4 : 0) | (retainAsPublished ? 8 : 0))
    .uint32(identifier)
    .body();
}

export function decodeSubscriptionRecord(bytes: Uint8Array): SubscriptionRecord {
  const reader = read(bytes);
  const flags = reader.uint8();
  return {
    qos: flags & 3,
    noLocal: (flags & 4) !== 0,
    retainAsPublished: (flags & 8) !== 0,
    identifier: reader.uint32(),
  };
}

export function encodeSessionRecord(session: SessionRecord): Uint8Array {
  const { will } = session;
  const writer = begin()
    .uint8(session.version)
    .uint8(
      (session.isConnected ? 1 : 0) |
        (will === undefined ? 0 : 2) |
        (session.identity === undefined ? 0 : 4) |
        (session.hasOwnPermissions ? 8 : 0),
    );
  if (session.identity !== undefined) writer.string(session.identity);
  time(time(time(writer, session.expiryInterval), session.expiresAt), session.willAt);
  if (will !== undefined) {
    writer.uint8(will.qos | (will.retain ? 4 : 0)).string(will.topic);
    // -1, for none, becomes the largest number there is.
    writer.uint32(will.delayInterval).uint32(will.messageExpiryInterval).string(will.responseTopic);
    sized(writer, will.properties).raw(will.payload);
  }
  return writer.body();
}

export function decodeSessionRecord(bytes: Uint8Array): SessionRecord {
  const reader = read(bytes);
  const version = reader.uint8() as ProtocolVersion;
  const flags = reader.uint8();
  const identity = (flags & 4) === 0 ? undefined : reader.string();
  const expiryInterval = readTime(reader);
  const expiresAt = readTime(reader);
  const willAt = readTime(reader);
  const will = (flags & 2) === 0 ? undefined : readWill(reader);
  const hasOwnPermissions = (flags & 8) !== 0;
  const isConnected = (flags & 1) !== 0;
  return { identity, version, isConnected, hasOwnPermissions, expiryInterval, expiresAt, willAt, will };
}

/** Who a client was, for a process that has only this record of it. */
export function principalOf(clientId: string, identity: string | undefined, hasOwnPermissions: boolean): Principal {
  return { clientId, identity, permissions: hasOwnPermissions ? formerlyGranted : undefined };
}

function readWill(reader: PacketReader): ReceivedWill {
  const flags = reader.uint8();
  const topic = reader.string();
  const delayInterval = reader.uint32();
  const expiry = reader.uint32();
  const responseTopic = reader.string();
  const properties = readSized(reader);
  return {
    topic,
    payload: reader.buffer.subarray(reader.position, reader.end),
    qos: flags & 3,
    retain: (flags & 4) !== 0,
    delayInterval,
    messageExpiryInterval: expiry === 0xffff_ffff ? -1 : expiry,
    responseTopic,
    properties,
  };
}

/** @throws MqttError ERR_MQTT_STORE: what was stored is not what was written, or was written by a later version */
export function decoding<T>(key: string, decode: () => T): T {
  try {
    return decode();
  } catch (error) {
    if (!(error instanceof PacketError)) throw error;
    throw new MqttError(
      'ERR_MQTT_STORE',
      `The record ${JSON.stringify(key)} of the store cannot be read: ${error.message}`,
      {
        cause: error,
      },
    );
  }
}

function begin(): PacketWriter {
  return packetWriter.begin().uint8(FORM);
}

/** @throws MqttError ERR_MQTT_STORE */
function read(bytes: Uint8Array): PacketReader {
  const reader = new PacketReader(bytes, 0, bytes.length);
  const form = reader.uint8();
  if (form !== FORM)
    throw new MqttError('ERR_MQTT_STORE', `The store has records of form ${form}, which this version does not know`);
  return reader;
}

/** Up to 2^48 - 2; Infinity is the largest. */
function time(writer: PacketWriter, value: number): PacketWriter {
  return long(writer, value === Infinity ? 0xffff_ffff_ffff : Math.max(0, Math.round(value)));
}

function readTime(reader: PacketReader): number {
  const value = readLong(reader);
  return value === 0xffff_ffff_ffff ? Infinity : value;
}

function long(writer: PacketWriter, value: number): PacketWriter {
  return writer.uint16(Math.floor(value / 0x1_0000_0000)).uint32(value % 0x1_0000_0000);
}

function readLong(reader: PacketReader): number {
  return reader.uint16() * 0x1_0000_0000 + reader.uint32();
}

function sized(writer: PacketWriter, bytes: Uint8Array): PacketWriter {
  return writer.uint32(bytes.length).raw(bytes);
}

function readSized(reader: PacketReader): Uint8Array {
  const length = reader.uint32();
  const start = reader.position;
  reader.skip(length);
  return reader.buffer.subarray(start, start + length);
}
