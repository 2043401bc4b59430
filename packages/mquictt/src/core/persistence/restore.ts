/** Puts back what a former process wrote down. */
import type { EncodedPublish } from '../../packets/publish.ts';
import type { BrokerCore } from '../broker-core.ts';
import type { InFlightMessage } from '../in-flight.ts';
import { Message } from '../message.ts';
import { recheckEverything } from '../recheck.ts';
import type { Session } from '../session.ts';
import { Subscription } from '../subscription.ts';
import { StoredEntry, StoredMessage } from './journal.ts';
import type { Journal } from './journal.ts';
import {
  RecordKind,
  decodeEntryRecord,
  decodeMessageRecord,
  decodeSessionRecord,
  decodeSubscriptionRecord,
  decoding,
  keyOf,
  numberOf,
  partsOf,
  principalOf,
} from './records.ts';
import type { EntryRecord, SessionRecord, SubscriptionRecord } from './records.ts';

/** What belongs to one client, in the order of its keys. */
interface Belongings {
  record: SessionRecord | undefined;
  readonly keys: string[];
  readonly entries: { readonly key: string; readonly entry: EntryRecord }[];
  readonly subscriptions: {
    readonly key: string;
    readonly topicFilter: string;
    readonly record: SubscriptionRecord;
    readonly isOfDataFlow: boolean;
  }[];
  /** Numbers of flows in use. */
  flowCount: number;
  readonly receipts: { readonly identifier: number; readonly digest: number }[];
}

/** What was put back. */
export interface Restored {
  readonly sessions: number;
  readonly subscriptions: number;
  readonly messages: number;
  readonly retainedMessages: number;
}

/**
 * @param core without any sessions and retained messages; it has `journal`
 * @param records all there are
 * @throws MqttError ERR_MQTT_STORE
 */
export async function restore(
  core: BrokerCore,
  journal: Journal,
  records: AsyncIterable<readonly [key: string, value: Uint8Array]>,
  now: number,
): Promise<Restored> {
  const messages = new Map<number, Message>();
  const clients = new Map<string, Belongings>();
  for await (const [key, value] of records) {
    decoding(key, () => sort(core, journal, messages, clients, key, value));
  }
  let entries = 0;
  for (const [clientId, belongings] of clients) {
    const { record } = belongings;
    // With the end of the process ended those sessions too that only lived as long as their connection; a will may be left.
    const isKept = record !== undefined && record.expiryInterval > 0;
    if (!isKept) for (const key of belongings.keys) journal.remove(key);
    if (record === undefined) continue;
    if (!isKept && record.will === undefined) {
      journal.remove(keyOf(RecordKind.SESSION, clientId));
      continue;
    }
    const session = core.sessions.begin(clientId, { identity: record.identity, version: record.version });
    session.principal = principalOf(clientId, record.identity, record.hasOwnPermissions);
    const expiresAt = journal.fromUnix(record.expiresAt);
    const willAt = journal.fromUnix(record.willAt);
    core.sessions.restore(session, { ...record, expiresAt, willAt }, now);
    if (!isKept) continue;
    fill(core, journal, session, belongings, messages);
    entries += belongings.entries.length;
  }
  for (const { stored } of messages.values()) {
    if (stored !== undefined && stored.references === 0) journal.remove(keyOf(RecordKind.MESSAGE, stored.number));
  }
  // The rules may have changed in between.
  recheckEverything(core, now);
  return {
    sessions: core.sessions.size,
    subscriptions: core.router.subscriptionCount,
    messages: entries,
    retainedMessages: core.retained.count,
  };
}

/** Looks at one record. */
function sort(
  core: BrokerCore,
  journal: Journal,
  messages: Map<number, Message>,
  clients: Map<string, Belongings>,
  key: string,
  value: Uint8Array,
): void {
  const [kind, name, ...parts] = partsOf(key);
  if (kind === RecordKind.MESSAGE) {
    const fields = decodeMessageRecord(value);
    const message = new Message({ ...fields, retain: false, expiresAt: journal.fromUnix(fields.expiresAt) }, undefined);
    message.stored = new StoredMessage(numberOf(name));
    messages.set(message.stored.number, message);
    return;
  }
  if (kind === RecordKind.RETAINED) {
    const fields = decodeMessageRecord(value);
    // Beyond the bounds of this broker, which may have been lowered.
    const { publisher } = fields;
    if (!core.retain({ ...fields, expiresAt: journal.fromUnix(fields.expiresAt) }, publisher)) journal.remove(key);
    return;
  }
  let belongings = clients.get(name);
  if (belongings === undefined) {
    belongings = { record: undefined, keys: [], entries: [], subscriptions: [], flowCount: 0, receipts: [] };
    clients.set(name, belongings);
  }
  if (kind === RecordKind.SESSION) {
    belongings.record = decodeSessionRecord(value);
    return;
  }
  belongings.keys.push(key);
  if (kind === RecordKind.ENTRY) {
    belongings.entries.push({ key, entry: decodeEntryRecord(value) });
    // Messages have smaller numbers than those who wait for them.
    journal.startAfter(numberOf(parts[0]));
  } else if (kind === RecordKind.SUBSCRIPTION) {
    // The control flow is the first one of a session.
    const isOfDataFlow = numberOf(parts[0]) > 0;
    belongings.subscriptions.push({
      key,
      topicFilter: parts[1],
      record: decodeSubscriptionRecord(value),
      isOfDataFlow,
    });
    belongings.flowCount = Math.max(belongings.flowCount, numberOf(parts[0]) + 1);
  } else if (kind === RecordKind.RECEIPT) {
    belongings.receipts.push({ identifier: numberOf(parts[0]), digest: numberOf(parts[1]) });
  }
}

/** All that was on data flows is the control flow's now: their connection is gone. */
function fill(
  core: BrokerCore,
  journal: Journal,
  session: Session,
  belongings: Belongings,
  messages: Map<number, Message>,
): void {
  const { control } = session;
  session.flowCount = Math.max(session.flowCount, belongings.flowCount);
  for (const { key, topicFilter, record, isOfDataFlow } of belongings.subscriptions) {
    // Of those with one filter that of the control flow stays, else the first; they come in the order of their flows.
    if (control.subscriptions.has(topicFilter)) {
      journal.remove(key);
      continue;
    }
    const subscription = new Subscription(control, { topicFilter, ...record }, record.qos, record.identifier);
    subscription.storeKey = key;
    subscription.isOrphan = isOfDataFlow;
    control.subscriptions.set(topicFilter, subscription);
    session.subscriptionCount++;
    session.subscriptionLevels += subscription.levels;
    core.router.add(subscription);
  }
  for (const { identifier, digest } of belongings.receipts) session.orphanedReceipts.add(identifier, digest);
  // What stands before an exchange that was begun may have been sent before it, and keeps its place: of QoS 1 nobody wrote down an identifier.
  const used = new Set(belongings.entries.map(({ entry }) => entry.packetIdentifier));
  const lastBegun = belongings.entries.findLastIndex(({ entry }) => entry.state !== 'waiting');
  const begun: InFlightMessage[] = [];
  const waiting: (readonly [EncodedPublish, StoredEntry])[] = [];
  for (const [index, { key, entry }] of belongings.entries.entries()) {
    const { qos, retain, subscriptionIdentifiers: identifiers } = entry;
    const message = entry.state === 'received' ? undefined : messages.get(entry.message);
    const source = entry.sharedFilter === '' ? undefined : control.subscriptions.get(entry.sharedFilter);
    const stored = new StoredEntry(key, message?.stored, { qos, retain, identifiers }, source);
    if (message === undefined) {
      // PUBREL is left to say, or, which no broker of ours writes, nothing.
      if (entry.state === 'received')
        begun.push(session.inFlight.restore(entry.packetIdentifier, control.queue, undefined, stored));
      else journal.remove(key);
      continue;
    }
    const encoded =
      identifiers === undefined && !retain
        ? message.shared(session.version, qos)
        : message.encode(session.version, qos, retain, identifiers);
    if (entry.state === 'waiting' && (index > lastBegun || qos === 2)) {
      waiting.push([encoded, stored]);
      continue;
    }
    const identifier = entry.state === 'sent' ? entry.packetIdentifier : unusedIdentifier(used);
    begun.push(session.inFlight.restore(identifier, control.queue, encoded, stored));
  }
  control.resend(begun);
  for (const [encoded, stored] of waiting) control.enqueue(encoded, stored);
}

/** Draws one, which is used from then on. There are fewer exchanges than identifiers. */
function unusedIdentifier(used: Set<number>): number {
  let identifier = 1;
  while (used.has(identifier)) identifier++;
  used.add(identifier);
  return identifier;
}
