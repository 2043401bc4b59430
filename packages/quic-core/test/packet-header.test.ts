import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { seededRandom } from '@mquictt/testkit';
import { Writer } from '../src/cursor.ts';
import {
  KEY_PHASE_BIT,
  PacketHeader,
  PacketType,
  SPIN_BIT,
  longHeaderSize,
  offersVersion,
  readHeader,
  setPacketLength,
  shortHeaderSize,
  versionNegotiationSize,
  writeLongHeader,
  writeShortHeader,
  writeVersionNegotiation,
} from '../src/packet-header.ts';
import { packetTypeName } from '../src/packet-type.ts';
import { VERSIONS, VERSION_1, findVersion } from '../src/version.ts';
import { check, fc } from './support/property.ts';
import { fromHex, toHex } from './support/vectors.ts';

const test = suite('packet headers');

/** @returns undefined for a packet that is dropped */
function read(hex: string | Uint8Array, localCidLength = 8): PacketHeader | undefined {
  const bytes = typeof hex === 'string' ? fromHex(hex) : hex;
  const header = new PacketHeader();
  return readHeader(header, bytes, 0, bytes.length, localCidLength) ? header : undefined;
}

function slice(bytes: Uint8Array, start: number, length: number): string {
  return toHex(bytes.subarray(start, start + length));
}

const cid = fc.uint8Array({ minLength: 0, maxLength: 20 });
const EMPTY = new Uint8Array(0);

test('long headers come back with their fields, wherever they lie and whatever follows', () => {
  check(
    fc.property(
      fc.constantFrom(PacketType.INITIAL, PacketType.ZERO_RTT, PacketType.HANDSHAKE),
      cid,
      cid,
      fc.uint8Array({ maxLength: 200 }),
      fc.integer({ min: 1, max: 4 }),
      fc.integer({ min: 20, max: 1500 }),
      fc.nat(9),
      fc.nat(30),
      (type, dcid, scid, token, packetNumberLength, payloadLength, start, rest) => {
        const buffer = new Uint8Array(2000);
        const writer = new Writer().reset(buffer, start, buffer.length);
        const lengthOffset = writeLongHeader(writer, VERSION_1, type, dcid, scid, token, 7, packetNumberLength);
        const tokenLength = type === PacketType.INITIAL ? token.length : 0;
        const size = longHeaderSize(type, dcid.length, scid.length, token.length, packetNumberLength);
        assert.is(writer.position - start, size);
        const packetEnd = writer.position + payloadLength;
        setPacketLength(buffer, lengthOffset, packetEnd);

        const header = new PacketHeader();
        assert.ok(readHeader(header, buffer, start, packetEnd + rest, 8));
        assert.is(header.type, type);
        assert.is(header.version, 1);
        assert.is(header.headerStart, start);
        assert.is(slice(buffer, header.dcidStart, header.dcidLength), toHex(dcid));
        assert.is(slice(buffer, header.scidStart, header.scidLength), toHex(scid));
        assert.is(slice(buffer, header.tokenStart, header.tokenLength), toHex(token.subarray(0, tokenLength)));
        assert.is(header.packetNumberOffset, lengthOffset + 2);
        assert.is(header.sampleOffset, lengthOffset + 6);
        assert.is(header.packetEnd, packetEnd);
        // Without its last byte the packet is not all there.
        assert.not(readHeader(header, buffer, start, packetEnd - 1, 8));
      },
    ),
  );
});

test('short headers come back with their fields', () => {
  check(
    fc.property(
      cid,
      fc.nat(1),
      fc.nat(1),
      fc.integer({ min: 1, max: 4 }),
      fc.nat(9),
      (dcid, phase, spin, length, start) => {
        const buffer = new Uint8Array(100);
        const writer = new Writer().reset(buffer, start, buffer.length);
        const offset = writeShortHeader(writer, dcid, phase, spin, 0x0102_0304, length);
        assert.is(writer.position - start, shortHeaderSize(dcid.length, length));
        const header = new PacketHeader();
        assert.ok(readHeader(header, buffer, start, 100, dcid.length));
        assert.is(header.type, PacketType.ONE_RTT);
        assert.is(slice(buffer, header.dcidStart, header.dcidLength), toHex(dcid));
        assert.is(header.packetNumberOffset, offset);
        assert.is(header.sampleOffset, offset + 4);
        assert.is(header.packetEnd, 100);
        assert.is(slice(buffer, offset, length), '01020304'.slice(8 - 2 * length));
        assert.is((buffer[start]! & KEY_PHASE_BIT) !== 0, phase === 1);
        assert.is((buffer[start]! & SPIN_BIT) !== 0, spin === 1);
        assert.is((buffer[start]! & 0x03) + 1, length);
      },
    ),
  );
});

test('a short header must have the fixed bit and a whole connection ID', () => {
  assert.ok(read('40 0102030405060708'));
  assert.is(read('00 0102030405060708'), undefined);
  assert.is(read('40 01020304050607'), undefined);
  assert.is(read(''), undefined);
});

test('a packet too short for a sample says so', () => {
  // 1 + 8 + 4 + 16 bytes are the least; a stateless reset may be shorter.
  assert.is(read(`40 ${'00'.repeat(27)}`)?.sampleOffset, -1);
  assert.is(read(`40 ${'00'.repeat(28)}`)?.sampleOffset, 13);
  assert.is(read(`e0 00000001 00 00 13 ${'00'.repeat(19)}`)?.sampleOffset, -1);
  assert.is(read(`e0 00000001 00 00 14 ${'00'.repeat(20)}`)?.sampleOffset, 12);
});

test('long headers of version 1 are dropped without fixed bit or with long connection IDs', () => {
  const packet = (first: string, dcidLength: number, scidLength: number): string =>
    `${first} 00000001 ${dcidLength.toString(16).padStart(2, '0')} ${'aa'.repeat(dcidLength)}
     ${scidLength.toString(16).padStart(2, '0')} ${'bb'.repeat(scidLength)} 00 14 ${'00'.repeat(20)}`;
  assert.ok(read(packet('c0', 20, 20)));
  assert.is(read(packet('80', 20, 20)), undefined);
  assert.is(read(packet('c0', 21, 20)), undefined);
  assert.is(read(packet('c0', 20, 21)), undefined);
});

test('every truncation of an Initial is dropped', () => {
  const bytes = fromHex(`c0 00000001 04 01020304 02 0506 03 aabbcc 4014 ${'00'.repeat(20)}`);
  assert.ok(read(bytes));
  for (let length = 0; length < bytes.length; length++)
    assert.is(read(bytes.subarray(0, length)), undefined, `${length}`);
});

test('token and packet lengths beyond any datagram are dropped', () => {
  assert.is(read(`c0 00000001 00 00 ffffffffffffffff ${'00'.repeat(40)}`), undefined);
  assert.is(read(`c0 00000001 00 00 00 ffffffffffffffff ${'00'.repeat(40)}`), undefined);
});

test('unknown versions: any connection IDs, no fixed bit', () => {
  for (const first of ['80', 'ff']) {
    const bytes = fromHex(`${first} 0a1a2a3a ff ${'aa'.repeat(255)} fe ${'bb'.repeat(254)}`);
    const header = read(bytes);
    assert.is(header?.type, PacketType.UNKNOWN_VERSION);
    assert.is(header?.version, 0x0a1a_2a3a);
    assert.is(header?.dcidLength, 255);
    assert.is(header?.scidLength, 254);
    assert.is(header?.packetEnd, bytes.length);
    assert.is(header?.packetNumberOffset, -1);
    assert.is(read(bytes.subarray(0, -1)), undefined);
  }
});

test('version negotiation answers with swapped connection IDs, and is read', () => {
  const unknown = fromHex(`c0 0a1a2a3a 09 ${'aa'.repeat(9)} 1e ${'bb'.repeat(30)} 00`);
  const asked = read(unknown)!;
  const size = versionNegotiationSize(asked, 2);
  const writer = new Writer().reset(new Uint8Array(size), 0, size);
  writeVersionNegotiation(writer, 0x7f, unknown, asked, [1, 0x5a6a_7a8a]);
  assert.is(writer.remaining, 0);
  assert.is(toHex(writer.buffer), `ff000000001e${'bb'.repeat(30)}09${'aa'.repeat(9)}000000015a6a7a8a`);

  const answer = read(writer.buffer)!;
  assert.is(answer.type, PacketType.VERSION_NEGOTIATION);
  assert.ok(offersVersion(writer.buffer, answer, 1));
  assert.ok(offersVersion(writer.buffer, answer, 0x5a6a_7a8a));
  assert.not(offersVersion(writer.buffer, answer, 2));
});

test('version negotiation without versions, or with part of one, is dropped', () => {
  assert.is(read('80 00000000 00 00'), undefined);
  assert.is(read('80 00000000 00 00 000000'), undefined);
  assert.ok(read('80 00000000 00 00 00000001'));
  assert.is(read('80 00000000 00 00 00000001 01'), undefined);
});

test('Retry: a token and a tag', () => {
  const header = read(`f0 00000001 00 02 abcd 010203 ${'00'.repeat(16)}`)!;
  assert.is(header.type, PacketType.RETRY);
  assert.is(header.tokenLength, 3);
  assert.is(header.tokenStart, 9);
  assert.is(header.packetNumberOffset, -1);
  // RFC 9000 §17.2.5.2: a client discards a Retry packet with an empty token.
  assert.is(read(`f0 00000001 00 02 abcd ${'00'.repeat(16)}`), undefined);
  assert.is(read('f0 00000001 00 02 abcd 0000'), undefined);
});

test('coalesced packets are read one after another', () => {
  const buffer = new Uint8Array(300);
  const writer = new Writer().reset(buffer, 0, 300);
  const dcid = fromHex('0102030405060708');
  for (const type of [PacketType.INITIAL, PacketType.HANDSHAKE] as const) {
    const lengthOffset = writeLongHeader(writer, VERSION_1, type, dcid, EMPTY, EMPTY, 0, 1);
    writer.fill(0xcc, 60);
    setPacketLength(buffer, lengthOffset, writer.position);
  }
  writeShortHeader(writer, dcid, 0, 0, 0, 1);
  writer.fill(0xcc, 40);
  const types: string[] = [];
  const header = new PacketHeader();
  for (let at = 0; at < writer.position; at = header.packetEnd) {
    assert.ok(readHeader(header, buffer, at, writer.position, 8));
    types.push(packetTypeName(header.type));
  }
  assert.equal(types, ['Initial', 'Handshake', '1-RTT']);
});

test('type bits and types are inverse in every row of the version table', () => {
  for (const row of VERSIONS) {
    assert.is(findVersion(row.version), row);
    for (let bits = 0; bits < 4; bits++) assert.is(row.longTypeBits[row.longTypes[bits]!], bits);
  }
  assert.is(findVersion(0), undefined);
});

const SEED = Number(process.env['SEED'] ?? 9002);

test(`random and damaged bytes: never an exception, never a position outside (SEED=${SEED})`, () => {
  const random = seededRandom(SEED);
  const good = [
    fromHex(`c3 00000001 08 0102030405060708 04 01020304 05 0102030405 401e ${'00'.repeat(30)}`),
    fromHex(`e0 00000001 08 0102030405060708 00 1e ${'00'.repeat(30)}`),
    fromHex(`f0 00000001 08 0102030405060708 00 0102 ${'00'.repeat(16)}`),
    fromHex('80 00000000 08 0102030405060708 00 00000001'),
    fromHex(`40 0102030405060708 ${'00'.repeat(30)}`),
  ];
  const header = new PacketHeader();
  for (let round = 0; round < 50_000; round++) {
    const bytes = random.chance(0.3) ? random.bytes(random.integer(60)) : random.pick(good).slice();
    for (let i = random.integer(4); i > 0 && bytes.length > 0; i--)
      bytes[random.integer(bytes.length)] = random.integer(256);
    const start = random.integer(4);
    const end = Math.max(0, bytes.length - random.integer(4));
    if (!readHeader(header, bytes, start, end, random.integer(21))) continue;
    const { dcidStart, dcidLength, scidStart, scidLength, tokenStart, tokenLength } = header;
    assert.ok(dcidStart > start && dcidStart + dcidLength <= end);
    assert.ok(scidStart + scidLength <= end);
    assert.ok(tokenLength >= 0 && tokenStart + tokenLength <= end);
    assert.ok(header.packetEnd > start && header.packetEnd <= end);
    assert.ok(header.packetNumberOffset <= header.packetEnd);
    assert.ok(header.sampleOffset === -1 || header.sampleOffset + 16 <= header.packetEnd);
  }
});

test.run();
