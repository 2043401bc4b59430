/** key_share (RFC 8446 §4.2.8) in its three forms: ClientHello, HelloRetryRequest, ServerHello. */
import { Reader, Writer } from '../codec.ts';

export interface KeyShareEntry {
  readonly group: number;
  readonly keyExchange: Uint8Array;
}

function readEntry(reader: Reader): KeyShareEntry {
  return { group: reader.uint16(), keyExchange: reader.vector16(1) };
}

function writeEntry(writer: Writer, entry: KeyShareEntry): void {
  writer.uint16(entry.group).vector16(entry.keyExchange);
}

/** ClientHello: any number of entries, none too (§4.2.8: to ask for a HelloRetryRequest). */
export function readClientShares(data: Uint8Array): KeyShareEntry[] {
  const reader = new Reader(data, 'key_share');
  const list = new Reader(reader.vector16(), 'key_share');
  reader.end();
  const entries: KeyShareEntry[] = [];
  while (list.remaining > 0) entries.push(readEntry(list));
  return entries;
}

export function writeClientShares(entries: readonly KeyShareEntry[]): Uint8Array {
  const writer = new Writer();
  writer.vector16(() => {
    for (const entry of entries) writeEntry(writer, entry);
  });
  return writer.finish();
}

/** ServerHello: the one entry. */
export function readServerShare(data: Uint8Array): KeyShareEntry {
  const reader = new Reader(data, 'key_share');
  const entry = readEntry(reader);
  reader.end();
  return entry;
}

export function writeServerShare(entry: KeyShareEntry): Uint8Array {
  const writer = new Writer();
  writeEntry(writer, entry);
  return writer.finish();
}

/** HelloRetryRequest: the group for which a share is wanted. */
export function readSelectedGroup(data: Uint8Array): number {
  const reader = new Reader(data, 'key_share');
  const group = reader.uint16();
  reader.end();
  return group;
}

export function writeSelectedGroup(group: number): Uint8Array {
  return new Writer().uint16(group).finish();
}
