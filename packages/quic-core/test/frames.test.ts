/** Every frame from one fixture: decoded, encoded, cut short, and in packets that may not carry it. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { seededRandom } from '@mquictt/testkit';
import { Reader, Writer } from '../src/cursor.ts';
import { TransportError, TransportErrorCode } from '../src/errors.ts';
import { MIN_ACK_SIZE, writeAck } from '../src/frames/ack.ts';
import { connectionCloseSize, writeConnectionClose } from '../src/frames/close.ts';
import {
  newConnectionIdSize,
  retireConnectionIdSize,
  writeNewConnectionId,
  writeRetireConnectionId,
} from '../src/frames/connection-ids.ts';
import {
  cryptoDataCapacity,
  cryptoHeaderSize,
  newTokenSize,
  writeCryptoHeader,
  writeNewToken,
} from '../src/frames/crypto.ts';
import {
  dataBlockedSize,
  maxDataSize,
  maxStreamDataSize,
  maxStreamsSize,
  streamDataBlockedSize,
  streamsBlockedSize,
  writeDataBlocked,
  writeMaxData,
  writeMaxStreamData,
  writeMaxStreams,
  writeStreamDataBlocked,
  writeStreamsBlocked,
} from '../src/frames/flow-control.ts';
import { PATH_FRAME_SIZE, writePathChallenge, writePathResponse } from '../src/frames/path.ts';
import { PacketContent, readFrames } from '../src/frames/read-frames.ts';
import { writeHandshakeDone, writePadding, writePing } from '../src/frames/simple.ts';
import {
  resetStreamSize,
  stopSendingSize,
  streamDataCapacity,
  streamHeaderSize,
  writeResetStream,
  writeStopSending,
  writeStreamHeader,
} from '../src/frames/stream.ts';
import { FRAMES, frameName } from '../src/frames/table.ts';
import { PacketType } from '../src/packet-type.ts';
import { check, fc } from './support/property.ts';
import { RecordingHandler } from './support/recording-handler.ts';
import { fromHex, toHex } from './support/vectors.ts';

const test = suite('frames');

interface Fixture {
  readonly name: string;
  /** As on the wire, fields parted by spaces. */
  readonly hex: string;
  /** What RecordingHandler notes. */
  readonly line: string;
  /** Size by the size function. */
  readonly size: number;
  readonly write: (writer: Writer) => void;
  /** Packets that may carry it, in the letters of RFC 9000 table 3. */
  readonly packets: string;
  /** N = not ack-eliciting, P = probing. */
  readonly spec: string;
  /** It has no length of its own: any truncation that leaves the header is another good frame. */
  readonly open?: true;
}

const TOKEN = '000102030405060708090a0b0c0d0e0f';
const data = fromHex('0a0b0c');

function ranges(...list: (readonly [number, number])[]): {
  count: number;
  start: (i: number) => number;
  end: (i: number) => number;
} {
  return { count: list.length, start: (i) => list[i]![0], end: (i) => list[i]![1] };
}

const FIXTURES: readonly Fixture[] = [
  { name: 'PING', hex: '01', line: 'PING', size: 1, write: writePing, packets: 'IH01', spec: '' },
  {
    name: 'ACK of one range',
    hex: '02 09 4080 00 03',
    line: 'ACK 9 128 [6,10) -1 -1 -1',
    size: 6,
    write: (w) => writeAck(w, ranges([6, 10]), 128, 100),
    packets: 'IH_1',
    spec: 'N',
  },
  {
    // 100..120 and 50..60 and 0: the gaps hide 61..99 (39 numbers) and 1..49 (49).
    name: 'ACK of three ranges',
    hex: '02 4078 00 02 14 26 0a 30 00',
    line: 'ACK 120 0 [100,121)[50,61)[0,1) -1 -1 -1',
    size: 10,
    write: (w) => writeAck(w, ranges([0, 1], [50, 61], [100, 121]), 0, 100),
    packets: 'IH_1',
    spec: 'N',
  },
  {
    name: 'ACK with ECN counts',
    hex: '03 05 01 00 00 07 08 4009',
    line: 'ACK 5 1 [5,6) 7 8 9',
    size: 9,
    write: (w) => {
      // The last count is written longer than need be: reading must take it, writing would not.
      writeAck(w, ranges([5, 6]), 1, 100, 7, 8, 9);
      w.position--;
      w.varint2(9);
    },
    packets: 'IH_1',
    spec: 'N',
  },
  {
    name: 'RESET_STREAM',
    hex: '04 04 4100 80100000',
    line: 'RESET_STREAM 4 256 1048576',
    size: resetStreamSize(4, 256, 1_048_576),
    write: (w) => writeResetStream(w, 4, 256, 1_048_576),
    packets: '__01',
    spec: '',
  },
  {
    name: 'STOP_SENDING',
    hex: '05 4041 05',
    line: 'STOP_SENDING 65 5',
    size: stopSendingSize(65, 5),
    write: (w) => writeStopSending(w, 65, 5),
    packets: '__01',
    spec: '',
  },
  {
    name: 'CRYPTO',
    hex: '06 4400 03 0a0b0c',
    line: 'CRYPTO 1024 0a0b0c',
    size: cryptoHeaderSize(1024, 3) + 3,
    write: (w) => {
      writeCryptoHeader(w, 1024, 3);
      w.bytes(data);
    },
    packets: 'IH_1',
    spec: '',
  },
  {
    name: 'NEW_TOKEN',
    hex: '07 03 0a0b0c',
    line: 'NEW_TOKEN 0a0b0c',
    size: newTokenSize(3),
    write: (w) => writeNewToken(w, data),
    packets: '___1',
    spec: '',
  },
  {
    name: 'STREAM at 0 to the end of the packet',
    hex: '08 04 0a0b0c',
    line: 'STREAM 4 0 0a0b0c false',
    size: streamHeaderSize(4, 0, 3, false) + 3,
    write: (w) => {
      writeStreamHeader(w, 4, 0, 3, false, false);
      w.bytes(data);
    },
    packets: '__01',
    spec: '',
    open: true,
  },
  {
    name: 'STREAM with everything',
    hex: '0f 04 7fff 03 0a0b0c',
    line: 'STREAM 4 16383 0a0b0c true',
    size: streamHeaderSize(4, 16_383, 3, true) + 3,
    write: (w) => {
      writeStreamHeader(w, 4, 16_383, 3, true, true);
      w.bytes(data);
    },
    packets: '__01',
    spec: '',
  },
  {
    name: 'STREAM of nothing but FIN',
    hex: '0b 05 00',
    line: 'STREAM 5 0  true',
    size: streamHeaderSize(5, 0, 0, true),
    write: (w) => writeStreamHeader(w, 5, 0, 0, true, true),
    packets: '__01',
    spec: '',
  },
  {
    name: 'MAX_DATA',
    hex: '10 c000000100000000',
    line: 'MAX_DATA 4294967296',
    size: maxDataSize(2 ** 32),
    write: (w) => writeMaxData(w, 2 ** 32),
    packets: '__01',
    spec: '',
  },
  {
    name: 'MAX_STREAM_DATA',
    hex: '11 08 4064',
    line: 'MAX_STREAM_DATA 8 100',
    size: maxStreamDataSize(8, 100),
    write: (w) => writeMaxStreamData(w, 8, 100),
    packets: '__01',
    spec: '',
  },
  {
    name: 'MAX_STREAMS bidirectional',
    hex: '12 4080',
    line: 'MAX_STREAMS true 128',
    size: maxStreamsSize(128),
    write: (w) => writeMaxStreams(w, true, 128),
    packets: '__01',
    spec: '',
  },
  {
    name: 'MAX_STREAMS unidirectional',
    hex: '13 01',
    line: 'MAX_STREAMS false 1',
    size: maxStreamsSize(1),
    write: (w) => writeMaxStreams(w, false, 1),
    packets: '__01',
    spec: '',
  },
  {
    name: 'DATA_BLOCKED',
    hex: '14 3f',
    line: 'DATA_BLOCKED 63',
    size: dataBlockedSize(63),
    write: (w) => writeDataBlocked(w, 63),
    packets: '__01',
    spec: '',
  },
  {
    name: 'STREAM_DATA_BLOCKED',
    hex: '15 02 4040',
    line: 'STREAM_DATA_BLOCKED 2 64',
    size: streamDataBlockedSize(2, 64),
    write: (w) => writeStreamDataBlocked(w, 2, 64),
    packets: '__01',
    spec: '',
  },
  {
    name: 'STREAMS_BLOCKED bidirectional',
    hex: '16 05',
    line: 'STREAMS_BLOCKED true 5',
    size: streamsBlockedSize(5),
    write: (w) => writeStreamsBlocked(w, true, 5),
    packets: '__01',
    spec: '',
  },
  {
    name: 'STREAMS_BLOCKED unidirectional',
    hex: '17 06',
    line: 'STREAMS_BLOCKED false 6',
    size: streamsBlockedSize(6),
    write: (w) => writeStreamsBlocked(w, false, 6),
    packets: '__01',
    spec: '',
  },
  {
    name: 'NEW_CONNECTION_ID',
    hex: `18 03 02 04 deadbeef ${TOKEN}`,
    line: `NEW_CONNECTION_ID 3 2 deadbeef ${TOKEN}`,
    size: newConnectionIdSize(3, 2, 4),
    write: (w) => writeNewConnectionId(w, 3, 2, fromHex('deadbeef'), fromHex(TOKEN)),
    packets: '__01',
    spec: 'P',
  },
  {
    name: 'RETIRE_CONNECTION_ID',
    hex: '19 4100',
    line: 'RETIRE_CONNECTION_ID 256',
    size: retireConnectionIdSize(256),
    write: (w) => writeRetireConnectionId(w, 256),
    packets: '__01',
    spec: '',
  },
  {
    name: 'PATH_CHALLENGE',
    hex: '1a 0102030405060708',
    line: 'PATH_CHALLENGE 0102030405060708',
    size: PATH_FRAME_SIZE,
    write: (w) => writePathChallenge(w, fromHex('0102030405060708')),
    packets: '__01',
    spec: 'P',
  },
  {
    name: 'PATH_RESPONSE',
    hex: '1b 0102030405060708',
    line: 'PATH_RESPONSE 0102030405060708',
    size: PATH_FRAME_SIZE,
    write: (w) => writePathResponse(w, fromHex('0102030405060708')),
    packets: '___1',
    spec: 'P',
  },
  {
    name: 'CONNECTION_CLOSE of the transport',
    hex: '1c 0a 08 03 0a0b0c',
    line: 'CONNECTION_CLOSE false 10 8 0a0b0c',
    size: connectionCloseSize(false, 10, 8, 3),
    write: (w) => writeConnectionClose(w, false, 10, 8, data),
    packets: 'IH01',
    spec: 'N',
  },
  {
    name: 'CONNECTION_CLOSE of the application',
    hex: '1d 4100 00',
    line: 'CONNECTION_CLOSE true 256 0 ',
    size: connectionCloseSize(true, 256, 0, 0),
    write: (w) => writeConnectionClose(w, true, 256, 99, new Uint8Array(0)),
    packets: '__01',
    spec: 'N',
  },
  {
    name: 'HANDSHAKE_DONE',
    hex: '1e',
    line: 'HANDSHAKE_DONE',
    size: 1,
    write: writeHandshakeDone,
    packets: '___1',
    spec: '',
  },
];

const PACKET_TYPES: readonly (readonly [string, PacketType])[] = [
  ['I', PacketType.INITIAL],
  ['0', PacketType.ZERO_RTT],
  ['H', PacketType.HANDSHAKE],
  ['1', PacketType.ONE_RTT],
];

const handlerOf = (): RecordingHandler => new RecordingHandler();

function read(hex: string | Uint8Array, type: PacketType = PacketType.ONE_RTT): { frames: string[]; content: number } {
  const bytes = typeof hex === 'string' ? fromHex(hex) : hex;
  const handler = handlerOf();
  const content = readFrames(new Reader().reset(bytes, 0, bytes.length), type, handler);
  return { frames: handler.frames, content };
}

function refused(errorCode: number, hex: string | Uint8Array, frameType?: number, type?: PacketType): void {
  assert.throws(
    () => read(hex, type),
    (error: unknown) =>
      error instanceof TransportError &&
      error.errorCode === errorCode &&
      (frameType === undefined || error.frameType === frameType),
    typeof hex === 'string' ? hex : toHex(hex),
  );
}

const { FRAME_ENCODING_ERROR, PROTOCOL_VIOLATION } = TransportErrorCode;

for (const { name, hex, line, size, write, packets, spec, open } of FIXTURES) {
  const bytes = fromHex(hex);

  test(`${name}: decoded`, () => {
    const { frames, content } = read(bytes);
    assert.equal(frames, [line]);
    assert.is((content & PacketContent.ACK_ELICITING) === 0, spec.includes('N'));
    assert.is((content & PacketContent.NON_PROBING) === 0, spec.includes('P'));
  });

  test(`${name}: encoded, in as many bytes as announced`, () => {
    const writer = new Writer().reset(new Uint8Array(100), 7, 100);
    write(writer);
    assert.is(toHex(writer.buffer.subarray(7, writer.position)), toHex(bytes));
    assert.is(bytes.length, size);
  });

  test(`${name}: every truncation is refused, and the handler not called`, () => {
    for (let length = 1; length < bytes.length; length++) {
      if (open === true && length >= 2) continue;
      const handler = handlerOf();
      assert.throws(
        () => readFrames(new Reader().reset(bytes, 0, length), PacketType.ONE_RTT, handler),
        (error: unknown) =>
          error instanceof TransportError && error.errorCode === FRAME_ENCODING_ERROR && error.frameType === bytes[0],
      );
      assert.equal(handler.frames, []);
    }
  });

  test(`${name}: only in packets that may carry it`, () => {
    for (const [letter, type] of PACKET_TYPES) {
      if (packets.includes(letter)) assert.equal(read(bytes, type).frames, [line]);
      else refused(PROTOCOL_VIOLATION, bytes, bytes[0], type);
    }
  });
}

test('a fixture for every row of the table', () => {
  const covered = new Set(FIXTURES.map(({ hex }) => frameName(fromHex(hex)[0]!)));
  for (const row of FRAMES) if (row.name !== 'PADDING') assert.ok(covered.has(row.name), row.name);
  assert.is(FRAMES.length, 0x1f);
});

test('frames follow one another in order', () => {
  const inOneRtt = FIXTURES.filter(({ open }) => open !== true);
  const bytes = fromHex(inOneRtt.map(({ hex }) => hex).join(' 0000 '));
  assert.equal(
    read(bytes).frames,
    inOneRtt.map(({ line }) => line),
  );
});

test('what a packet held is the union of its frames', () => {
  const close = '1d 00 00';
  const challenge = '1a 0102030405060708';
  assert.is(read('00').content, 0);
  assert.is(read(`00 00 ${close}`).content, PacketContent.NON_PROBING);
  assert.is(read(`${challenge} 0000`).content, PacketContent.ACK_ELICITING);
  assert.is(read(`${challenge} 02 00 00 00 00`).content, PacketContent.ACK_ELICITING | PacketContent.NON_PROBING);
  assert.is(read('01 00').content, PacketContent.ACK_ELICITING | PacketContent.NON_PROBING);
});

test('padding is written and skipped', () => {
  const writer = new Writer().reset(new Uint8Array(1200).fill(1), 0, 1200);
  writePadding(writer, 1000);
  assert.is(writer.position, 1000);
  assert.equal(read(writer.buffer.subarray(0, 1000), PacketType.INITIAL).frames, []);
});

test('a packet without frames is a PROTOCOL_VIOLATION', () => refused(PROTOCOL_VIOLATION, ''));

test('unknown types are a FRAME_ENCODING_ERROR', () => {
  refused(FRAME_ENCODING_ERROR, '1f', 0x1f);
  refused(FRAME_ENCODING_ERROR, '20 00', 0x20);
  refused(FRAME_ENCODING_ERROR, '40af 00', 0xaf);
  refused(FRAME_ENCODING_ERROR, 'ffffffffffffffff');
  refused(FRAME_ENCODING_ERROR, '80');
});

test('types in more bytes than need be are a PROTOCOL_VIOLATION', () => {
  refused(PROTOCOL_VIOLATION, '4001', 1);
  refused(PROTOCOL_VIOLATION, '80000000', 0);
  refused(PROTOCOL_VIOLATION, 'c000000000000006 00 00', 6);
});

test('ACK ranges below 0 are refused', () => {
  refused(FRAME_ENCODING_ERROR, '02 05 00 00 06', 2);
  assert.equal(read('02 05 00 00 05').frames, ['ACK 5 0 [0,6) -1 -1 -1']);
  // 5, gap to 3 (one number between), then two more below: 3..1
  assert.equal(read('02 05 00 01 00 00 02').frames, ['ACK 5 0 [5,6)[1,4) -1 -1 -1']);
  assert.equal(read('02 05 00 01 00 00 03').frames, ['ACK 5 0 [5,6)[0,4) -1 -1 -1']);
  refused(FRAME_ENCODING_ERROR, '02 05 00 01 00 00 04', 2);
  refused(FRAME_ENCODING_ERROR, '02 05 00 01 00 04 00', 2);
  refused(FRAME_ENCODING_ERROR, '03 05 00 01 00 3f 3f 00 00 00', 3);
});

test('an absurd number of ACK ranges is refused before it costs anything', () => {
  refused(FRAME_ENCODING_ERROR, '02 05 00 ffffffffffffffff 00 00 00', 2);
  refused(FRAME_ENCODING_ERROR, '02 05 00 bfffffff 00 00 00', 2);
});

test('an ACK of as many ranges as a datagram holds is read', () => {
  const count = 30_000;
  const writer = new Writer().reset(new Uint8Array(65_527), 0, 65_527);
  writer.bytes(fromHex('02'));
  writer.varint(2 * count);
  writer.varint(0);
  writer.varint(count);
  writer.varint(0);
  writer.fill(0, 2 * count);
  let seen = 0;
  const handler = handlerOf();
  handler.onAck = (_largest, _delay, list, rangeCount) => {
    seen = rangeCount;
    assert.is(list[2 * count], 0);
    assert.is(list[2 * count + 1], 1);
  };
  readFrames(new Reader().reset(writer.buffer, 0, writer.position), PacketType.ONE_RTT, handler);
  assert.is(seen, count + 1);
});

test('stream and handshake data beyond the largest offset are refused', () => {
  refused(FRAME_ENCODING_ERROR, '0e 00 ffffffffffffffff 01 00', 0x0e);
  refused(FRAME_ENCODING_ERROR, '0c 00 c01fffffffffffff 01', 0x0c);
  refused(FRAME_ENCODING_ERROR, '06 ffffffffffffffff 01 00', 0x06);
  assert.equal(read('0e 00 c01ffffffffffffe 01 aa').frames, ['STREAM 0 9007199254740990 aa false']);
});

test('limits of more than 2^60 streams are refused', () => {
  for (const type of ['12', '13', '16', '17']) {
    refused(FRAME_ENCODING_ERROR, `${type} d000000000000001`, parseInt(type, 16));
    assert.is(read(`${type} d000000000000000`).frames.length, 1);
  }
});

test('NEW_CONNECTION_ID: lengths of 0 and 21 and retiring itself are refused', () => {
  const frame = (length: number): string =>
    `18 03 02 ${length.toString(16).padStart(2, '0')} ${'ab'.repeat(length)} ${TOKEN}`;
  refused(FRAME_ENCODING_ERROR, frame(0), 0x18);
  refused(FRAME_ENCODING_ERROR, frame(21), 0x18);
  assert.is(read(frame(1)).frames.length, 1);
  assert.is(read(frame(20)).frames.length, 1);
  refused(FRAME_ENCODING_ERROR, `18 02 03 01 aa ${TOKEN}`, 0x18);
  assert.is(read(`18 02 02 01 aa ${TOKEN}`).frames.length, 1);
});

test('an empty NEW_TOKEN is refused', () => refused(FRAME_ENCODING_ERROR, '07 00', 0x07));

test('what came before a bad frame has been handled', () => {
  const handler = handlerOf();
  const bytes = fromHex('10 05 20');
  assert.throws(() => readFrames(new Reader().reset(bytes, 0, bytes.length), PacketType.ONE_RTT, handler));
  assert.equal(handler.frames, ['MAX_DATA 5']);
});

test('ACK frames carry as many of the newest ranges as fit, in exactly the room given', () => {
  check(
    fc.property(
      fc.array(fc.tuple(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: 300 })), {
        minLength: 1,
        maxLength: 100,
      }),
      fc.nat(2 ** 31),
      fc.integer({ min: 0, max: 500 }),
      fc.nat(2 ** 20),
      fc.boolean(),
      (steps, first, room, delay, ecn) => {
        const list: [number, number][] = [];
        let at = first;
        for (const [gap, length] of steps) {
          list.push([at + gap, at + gap + length]);
          at += gap + length;
        }
        const writer = new Writer().reset(new Uint8Array(room), 0, room);
        const written = ecn
          ? writeAck(writer, ranges(...list), delay, room, 1, 2, 3)
          : writeAck(writer, ranges(...list), delay, room);
        if (written === 0) {
          assert.is(writer.position, 0);
          assert.ok(room < MIN_ACK_SIZE + 20);
          return;
        }
        const newest = list.slice(-written).toReversed();
        assert.equal(read(writer.buffer.subarray(0, writer.position)).frames, [
          `ACK ${at - 1} ${delay} ${newest.map(([start, end]) => `[${start},${end})`).join('')} ${ecn ? '1 2 3' : '-1 -1 -1'}`,
        ]);
        // One more would not have fitted.
        if (written < list.length) {
          const more = new Writer().reset(new Uint8Array(1000), 0, 1000);
          const one = ranges(...list.slice(-written - 1));
          if (ecn) writeAck(more, one, delay, 1000, 1, 2, 3);
          else writeAck(more, one, delay, 1000);
          assert.ok(more.position > room);
        }
      },
    ),
  );
  assert.is(writeAck(new Writer().reset(new Uint8Array(9), 0, 9), ranges(), 0, 9), 0);
  assert.is(writeAck(new Writer().reset(new Uint8Array(9), 0, 9), ranges([0, 1]), 0, MIN_ACK_SIZE - 1), 0);
  assert.is(writeAck(new Writer().reset(new Uint8Array(9), 0, 9), ranges([0, 1]), 0, MIN_ACK_SIZE), 1);
});

test('data capacities fill the room and never overflow it', () => {
  for (const offset of [0, 1, 63, 64, 20_000, 2 ** 31]) {
    for (let room = 0; room < 200; room++) checkRoom(offset, room);
    for (let room = 16_380; room < 16_400; room++) checkRoom(offset, room);
  }
});

function checkRoom(offset: number, room: number): void {
  for (const [capacity, size] of [
    [streamDataCapacity(4, offset, room), (length: number) => streamHeaderSize(4, offset, length, true) + length],
    [cryptoDataCapacity(offset, room), (length: number) => cryptoHeaderSize(offset, length) + length],
  ] as const) {
    if (capacity >= 0) assert.ok(size(capacity) <= room, `${offset} ${room}`);
    assert.ok(size(capacity + 1) > room, `${offset} ${room}`);
  }
}

const SEED = Number(process.env['SEED'] ?? 9004);

test(`random and damaged bytes: frames or a TransportError, and nothing outside of the packet (SEED=${SEED})`, () => {
  const random = seededRandom(SEED);
  const handler = handlerOf();
  const reader = new Reader();
  let whole = 0;
  for (let round = 0; round < 50_000; round++) {
    let bytes = random.chance(0.2) ? random.bytes(1 + random.integer(40)) : fromHex(random.pick(FIXTURES).hex);
    if (random.chance(0.5)) bytes = new Uint8Array([...bytes, ...fromHex(random.pick(FIXTURES).hex)]);
    for (let i = random.integer(3); i > 0; i--) bytes[random.integer(bytes.length)] = random.integer(256);
    const start = random.integer(2);
    try {
      readFrames(reader.reset(bytes, start, bytes.length), random.pick(PACKET_TYPES)[1], handler);
      assert.is(reader.position, bytes.length);
      whole++;
    } catch (error) {
      if (!(error instanceof TransportError)) throw error;
    }
    handler.frames.length = 0;
  }
  assert.ok(whole > 1_000);
});

test.run();
