/** Frames that no honest peer sends: which error each one is, and what it cannot make grow. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TransportErrorCode } from '../../src/errors.ts';
import { FrameType } from '../../src/frames/frame-type.ts';
import { MAX_STREAM_GAPS } from '../../src/limits.ts';
import type { Streams } from '../../src/streams/streams.ts';
import { NO_LIMITS, allEvents, allFrames, allPackets, failsWith, newStreams, readAll } from './support.ts';

const test = suite('attacks on streams');

const { STREAM_LIMIT_ERROR, STREAM_STATE_ERROR, FINAL_SIZE_ERROR, FLOW_CONTROL_ERROR, PROTOCOL_VIOLATION } =
  TransportErrorCode;
const DATA = new Uint8Array(100_000);

function server(changes: Parameters<typeof newStreams>[0] = {}): Streams {
  return newStreams({ isClient: false, ...changes });
}

function stream(to: Streams, id: number, offset: number, length: number, fin: boolean = false): void {
  to.onStream(id, offset, DATA, 0, length, fin, FrameType.STREAM);
}

/** Frames that name a stream whose data the peer sends. */
const RECEIVING: [number, (to: Streams, id: number) => void][] = [
  [FrameType.STREAM, (to, id) => stream(to, id, 0, 1)],
  [FrameType.RESET_STREAM, (to, id) => to.onResetStream(id, 0, 0)],
  [FrameType.STREAM_DATA_BLOCKED, (to, id) => to.onStreamDataBlocked(id, 0)],
];
/** Frames that name a stream whose data we send. */
const SENDING: typeof RECEIVING = [
  [FrameType.STOP_SENDING, (to, id) => to.onStopSending(id, 0)],
  [FrameType.MAX_STREAM_DATA, (to, id) => to.onMaxStreamData(id, 1)],
];

for (const [type, send] of [...RECEIVING, ...SENDING]) {
  const name = Object.entries(FrameType).find(([, value]) => value === type)![0];

  test(`${name} opens streams up to the limit and not beyond`, () => {
    const bidirectional = server();
    send(bidirectional, 15 * 4);
    assert.is(bidirectional.openStreams, 16);
    failsWith(STREAM_LIMIT_ERROR, type, () => send(server(), 16 * 4));
    failsWith(STREAM_LIMIT_ERROR, type, () => send(server(), 2 ** 40));
    failsWith(STREAM_LIMIT_ERROR, type, () => send(newStreams({ isClient: true }), 16 * 4 + 1));
  });

  test(`${name} for a stream of ours that was not opened`, () => {
    failsWith(STREAM_STATE_ERROR, type, () => send(server(), 1));
    const streams = server();
    streams.open(true);
    send(streams, 1);
    failsWith(STREAM_STATE_ERROR, type, () => send(streams, 5));
    // Opened, but beyond what the peer has allowed: it cannot know of it.
    const held = newStreams({ isClient: false }, null);
    held.open(true);
    failsWith(STREAM_STATE_ERROR, type, () => send(held, 1));
    failsWith(STREAM_STATE_ERROR, type, () => send(newStreams({ isClient: true }), Number.MAX_SAFE_INTEGER - 3));
  });

  test(`${name} for a stream that is gone is ignored`, () => {
    const streams = server();
    stream(streams, 0, 0, 10, true);
    readAll(streams, 0);
    streams.reset(0, 1);
    allPackets(streams);
    streams.onAcked(3, 0, 0, 0);
    assert.is(streams.mapSize, 0);
    allEvents(streams);
    send(streams, 0);
    assert.is(streams.mapSize, 0);
    assert.equal(allEvents(streams), []);
    assert.not(streams.hasPending());
  });
}

for (const [type, send] of RECEIVING) {
  test(`frame 0x${type.toString(16)} on a stream that only we send on`, () => {
    const streams = server();
    streams.open(false);
    failsWith(STREAM_STATE_ERROR, type, () => send(streams, 3));
    failsWith(STREAM_STATE_ERROR, type, () => send(streams, 7));
  });

  test(`frame 0x${type.toString(16)} opens unidirectional streams within their own limit`, () => {
    const streams = server({ maxUnidirectionalStreams: 2 });
    send(streams, 6);
    assert.is(streams.openStreams, 2);
    failsWith(STREAM_LIMIT_ERROR, type, () => send(streams, 10));
  });
}

for (const [type, send] of SENDING) {
  test(`frame 0x${type.toString(16)} on a stream that only the peer sends on`, () => {
    failsWith(STREAM_STATE_ERROR, type, () => send(server(), 2));
  });
}

test('the type of a STREAM frame is named as it was on the wire', () => {
  failsWith(STREAM_LIMIT_ERROR, 0x0f, () => server().onStream(400, 0, DATA, 0, 1, true, 0x0f));
});

test('the final size cannot change, by whatever frame', () => {
  const { STREAM, RESET_STREAM } = FrameType;
  const ended = (): Streams => {
    const streams = server();
    stream(streams, 0, 50, 50, true);
    return streams;
  };
  failsWith(FINAL_SIZE_ERROR, STREAM, () => stream(ended(), 0, 100, 1));
  failsWith(FINAL_SIZE_ERROR, STREAM, () => stream(ended(), 0, 0, 99, true));
  failsWith(FINAL_SIZE_ERROR, STREAM, () => stream(ended(), 0, 0, 101, true));
  failsWith(FINAL_SIZE_ERROR, RESET_STREAM, () => ended().onResetStream(0, 0, 99));
  failsWith(FINAL_SIZE_ERROR, RESET_STREAM, () => ended().onResetStream(0, 0, 101));
  const reset = ended();
  reset.onResetStream(0, 7, 100);
  failsWith(FINAL_SIZE_ERROR, RESET_STREAM, () => reset.onResetStream(0, 7, 101));
  failsWith(FINAL_SIZE_ERROR, STREAM, () => stream(reset, 0, 0, 101));
  const open = server();
  stream(open, 0, 0, 60);
  failsWith(FINAL_SIZE_ERROR, RESET_STREAM, () => open.onResetStream(0, 0, 59));
  failsWith(FINAL_SIZE_ERROR, STREAM, () => stream(open, 0, 0, 59, true));
});

test('huge offsets are flow control errors and cost nothing', () => {
  for (const offset of [10_001, 2 ** 32, 2 ** 52, Number.MAX_SAFE_INTEGER - 1, Number.MAX_SAFE_INTEGER]) {
    const streams = server();
    failsWith(FLOW_CONTROL_ERROR, FrameType.STREAM, () => stream(streams, 0, offset, 1));
    failsWith(FLOW_CONTROL_ERROR, FrameType.STREAM, () => stream(streams, 4, offset, 0, true));
    failsWith(FLOW_CONTROL_ERROR, FrameType.RESET_STREAM, () => streams.onResetStream(8, 0, offset));
    assert.is(streams.receiveMemory, 0);
  }
});

test('final sizes of resets count against the connection', () => {
  const streams = server({ connectionReceiveWindow: 320_000 });
  // Nobody reads, yet the resets give credit back at once: 16 streams, each with a size it never sent.
  for (let i = 0; i < 16; i++) streams.onResetStream(i * 4, 0, 10_000);
  assert.is(streams.receiveMemory, 0);
  const small = server({ maxBidirectionalStreams: 2, maxUnidirectionalStreams: 0 });
  stream(small, 0, 9_999, 1);
  stream(small, 4, 9_999, 1);
  failsWith(FLOW_CONTROL_ERROR, FrameType.RESET_STREAM, () => small.onResetStream(0, 0, 10_001));
});

test('a byte at every other offset ends the connection before it fills memory', () => {
  const streams = server({ streamReceiveWindow: 100_000 });
  failsWith(PROTOCOL_VIOLATION, FrameType.STREAM, () => {
    for (let i = 0; i <= MAX_STREAM_GAPS; i++) stream(streams, 0, i * 2 + 1, 1);
  });
  assert.ok(streams.receiveMemory <= MAX_STREAM_GAPS * 64);
});

test('memory is bounded by what was allowed, whatever the pieces', () => {
  const streams = server({ streamReceiveWindow: 10_000 });
  for (let id = 0; id < 64; id += 4) {
    for (let offset = 0; offset < 400; offset += 2) stream(streams, id, offset, 1);
    for (let offset = 0; offset < 10_000; offset += 13) stream(streams, id, offset, Math.min(3, 10_000 - offset));
  }
  assert.ok(streams.receiveMemory < 16 * 10_000 * 3, `${streams.receiveMemory}`);
});

test('a flood of resets gives no credit until the application has looked at each', () => {
  const streams = server();
  for (let i = 0; i < 16; i++) {
    streams.onResetStream(i * 4, 0, 0);
    streams.onStopSending(i * 4, 0);
    streams.onResetStream(i * 4, 0, 0);
  }
  const frames = allFrames(streams);
  assert.is(frames.filter((line) => line.startsWith('RESET_STREAM')).length, 16);
  assert.not(frames.some((line) => line.startsWith('MAX_STREAMS')));
  for (let i = 0; i < 16; i++) streams.onAcked(3, i * 4, 0, 0);
  assert.is(streams.openStreams, 16);
  failsWith(STREAM_LIMIT_ERROR, FrameType.RESET_STREAM, () => streams.onResetStream(64, 0, 0));
  assert.is(allEvents(streams).length, 48, 'opened, readable, stopped');
  for (let i = 0; i < 16; i++) streams.read(i * 4);
  assert.is(streams.nextEvent(), undefined);
  assert.is(streams.openStreams, 0);
});

test('repeated frames queue nothing twice while acknowledgements are withheld', () => {
  const streams = server();
  streams.open(true);
  for (let i = 0; i < 1_000; i++) {
    stream(streams, 0, 0, 5_000);
    streams.onStopSending(1, i);
    streams.onStreamDataBlocked(0, i);
    streams.onDataBlocked(i);
    streams.onStreamsBlocked(true, i);
    streams.onMaxStreamData(0, i);
    streams.onMaxData(i);
    streams.onMaxStreams(true, i);
    streams.onResetStream(4, 0, 9);
  }
  // One window for the stream that was opened here, nine bytes of the reset.
  assert.equal(allFrames(streams), ['MAX_DATA 330009', 'RESET_STREAM 1 0 0']);
  assert.is(streams.openStreams, 3);
  const kinds = allEvents(streams).map(({ type }) => type);
  assert.equal(kinds.sort(), [
    'stream-opened',
    'stream-opened',
    'stream-readable',
    'stream-readable',
    'stream-stopped',
  ]);
});

test('limits beyond every number are no limits', () => {
  const streams = newStreams(
    { isClient: false },
    { ...NO_LIMITS, initialMaxData: 0, initialMaxStreamsBidi: 0, initialMaxStreamDataBidiRemote: 0 },
  );
  const most = Number.MAX_SAFE_INTEGER;
  streams.onMaxStreams(true, most);
  streams.onMaxData(most);
  const id = streams.open(true);
  streams.onMaxStreamData(id, most);
  streams.write(id, DATA.subarray(0, 1_000), true);
  assert.equal(allFrames(streams), ['STREAM 1 0+1000 FIN']);
});

test.run();
