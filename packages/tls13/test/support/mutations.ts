/** Seeded changes of handshake messages: of bytes that mean nothing in particular, of lengths, and of extensions as such. */
import type { SeededRandom } from '@mquictt/testkit';
import { ExtensionType } from '../../src/extensions.ts';
import { HandshakeType } from '../../src/messages/handshake-message.ts';
import { concat } from './bytes.ts';

/** @returns a message with its header; equal to `message` now and then, where a change has no effect */
export function mutateMessage(message: Uint8Array, random: SeededRandom): Uint8Array {
  const changed = random.chance(0.4) ? mutateExtensions(message, random) : undefined;
  if (changed !== undefined) return changed;
  let body: Uint8Array = message.slice(4);
  for (let count = 1 + random.integer(4); count > 0; count--) body = mutateBytes(body, random);
  // The header's length follows, most of the time.
  const length = random.chance(0.05) ? random.integer(1 << 24) : random.chance(0.1) ? message.length - 4 : body.length;
  const type = random.chance(0.02) ? random.integer(256) : (message[0] as number);
  return framed(type, body, length);
}

function framed(type: number, body: Uint8Array, length: number = body.length): Uint8Array {
  return concat(Uint8Array.of(type, length >> 16, (length >> 8) & 0xff, length & 0xff), body);
}

function mutateBytes(body: Uint8Array, random: SeededRandom): Uint8Array {
  const at = random.integer(body.length + 1);
  switch (random.integer(7)) {
    case 0: {
      const copy = body.slice();
      copy[at] = (copy[at] ?? 0) ^ (1 << random.integer(8));
      return copy;
    }
    case 1: {
      const copy = body.slice();
      copy[at] = random.pick([0, 1, 0x7f, 0x80, 0xff, 2, 32, 33]);
      return copy;
    }
    case 2:
      return body.slice(0, at);
    case 3:
      return concat(body.slice(0, at), body.slice(Math.min(body.length, at + 1 + random.integer(8))));
    case 4:
      return concat(body.slice(0, at), random.bytes(random.integer(8)), body.slice(at));
    case 5: {
      const from = random.integer(body.length + 1);
      return concat(body.slice(0, at), body.slice(from, from + random.integer(40)), body.slice(at));
    }
    default: {
      // Lengths are what parsers trip over: a 16-bit value anywhere, off by a little.
      const copy = body.slice();
      const value = uint16(copy, at) + random.integer(9) - 4;
      copy[at] = (value >> 8) & 0xff;
      copy[at + 1] = value & 0xff;
      return copy;
    }
  }
}

function uint16(data: Uint8Array, at: number): number {
  return ((data[at] ?? 0) << 8) | (data[at + 1] ?? 0);
}

interface Entry {
  readonly type: number;
  readonly data: Uint8Array;
}

/** Where the extension block of a message begins, if it has one: in a Certificate the one behind the leaf. */
function blockStart(message: Uint8Array): number | undefined {
  const behind = (at: number, lengthSize: 1 | 2 | 3): number => {
    let length = 0;
    for (let i = 0; i < lengthSize; i++) length = length * 256 + (message[at + i] ?? 0);
    return at + lengthSize + length;
  };
  switch (message[0]) {
    case HandshakeType.CLIENT_HELLO:
      return behind(behind(behind(4 + 2 + 32, 1), 2), 1);
    case HandshakeType.SERVER_HELLO:
      return behind(4 + 2 + 32, 1) + 3;
    case HandshakeType.ENCRYPTED_EXTENSIONS:
      return 4;
    case HandshakeType.CERTIFICATE_REQUEST:
      return behind(4, 1);
    case HandshakeType.CERTIFICATE: {
      const list = behind(4, 1);
      return message.length > list + 3 ? behind(list + 3, 3) : undefined;
    }
    case HandshakeType.NEW_SESSION_TICKET:
      return behind(behind(4 + 8, 1), 2);
    default:
      return undefined;
  }
}

/** @returns undefined for messages without extensions */
function mutateExtensions(message: Uint8Array, random: SeededRandom): Uint8Array | undefined {
  const start = blockStart(message);
  if (start === undefined) return undefined;
  const end = start + 2 + uint16(message, start);
  const entries: Entry[] = [];
  for (let at = start + 2; at + 4 <= end;) {
    const length = uint16(message, at + 2);
    entries.push({ type: uint16(message, at), data: message.slice(at + 4, at + 4 + length) });
    at += 4 + length;
  }
  const changed = mutateEntries(entries, random);
  const block = concat(
    ...changed.map(({ type, data }) =>
      concat(Uint8Array.of(type >> 8, type & 0xff, data.length >> 8, data.length & 0xff), data),
    ),
  );
  const length = Uint8Array.of(block.length >> 8, block.length & 0xff);
  const body = concat(message.slice(4, start), length, block, message.slice(end));
  if (message[0] === HandshakeType.CERTIFICATE) {
    // The list is longer or shorter now.
    const listLength = body.length - 4;
    body.set([listLength >> 16, (listLength >> 8) & 0xff, listLength & 0xff], 1);
  }
  return framed(message[0] as number, body);
}

const KNOWN: readonly number[] = Object.values(ExtensionType);

function mutateEntries(entries: readonly Entry[], random: SeededRandom): readonly Entry[] {
  const at = random.integer(Math.max(1, entries.length));
  const entry = entries[at] ?? { type: random.pick(KNOWN), data: new Uint8Array(0) };
  const others = entries.filter((_each, i) => i !== at);
  const put = (changed: Entry, to: number = at): readonly Entry[] => [
    ...others.slice(0, to),
    changed,
    ...others.slice(to),
  ];
  switch (random.integer(8)) {
    case 0:
      return others;
    case 1:
      return [...entries, entry];
    case 2:
      return put(entry, random.integer(entries.length + 1));
    case 3:
      return put({ type: random.pick([...KNOWN, random.integer(65_536)]), data: entry.data });
    case 4:
      return [
        ...entries,
        { type: random.pick([...KNOWN, random.integer(65_536)]), data: random.bytes(random.integer(9)) },
      ];
    case 5:
      return put({ type: entry.type, data: entry.data.slice(0, random.integer(entry.data.length + 1)) });
    case 6:
      return put({
        type: entry.type,
        data: random.pick([new Uint8Array(0), new Uint8Array(1), new Uint8Array(9_000)]),
      });
    default:
      return put({ type: entry.type, data: mutateBytes(entry.data, random) });
  }
}
