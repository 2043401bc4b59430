/** What the application's commands do, and which events follow. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { QuicError } from '../../src/errors.ts';
import { MAX_EARLY_STREAMS } from '../../src/limits.ts';
import {
  NO_LIMITS,
  acknowledge,
  allEvents,
  allFrames,
  allPackets,
  config,
  deliver,
  limitsOf,
  lose,
  newStreams,
  nextPacket,
  readAll,
  settle,
} from './support.ts';
import { Streams } from '../../src/streams/streams.ts';

const test = suite('stream commands and events');

const bytes = (length: number): Uint8Array => new Uint8Array(length).fill(1);
const NOTHING = new Uint8Array(0);

function fails(code: string, run: () => unknown): void {
  assert.throws(run, (error: unknown) => error instanceof QuicError && error.code === code && error.fault === 'usage');
}

function pair(): [Streams, Streams] {
  return [newStreams({ isClient: true }, limitsOf(config())), newStreams({ isClient: false }, limitsOf(config()))];
}

test('ids count up by kind and side', () => {
  const [client, server] = pair();
  assert.equal([client.open(true), client.open(true), client.open(false), client.open(false)], [0, 4, 2, 6]);
  assert.equal([server.open(true), server.open(true), server.open(false), server.open(false)], [1, 5, 3, 7]);
});

test('a request and its answer, from open to forgotten', () => {
  const [client, server] = pair();
  const id = client.open(true);
  client.write(id, Uint8Array.of(1, 2, 3), true);
  assert.not(client.isDrained);
  settle(client, server);
  assert.ok(client.isDrained);
  assert.equal(allEvents(client), [{ type: 'stream-finished', id }]);
  assert.equal(allEvents(server), [
    { type: 'stream-opened', id },
    { type: 'stream-readable', id },
  ]);
  assert.equal(server.read(id), Uint8Array.of(1, 2, 3));
  assert.is(server.receiveState(id), 'finished');
  server.write(id, Uint8Array.of(4), true);
  settle(client, server);
  assert.equal(allEvents(server), [{ type: 'stream-finished', id }]);
  assert.equal(allEvents(client), [{ type: 'stream-readable', id }]);
  assert.equal(client.read(id, 10), Uint8Array.of(4));
  assert.is(client.read(id), undefined);
  assert.is(client.receiveState(id), 'finished');
  assert.is(client.mapSize + server.mapSize, 0);
  assert.equal([client.bytesAccepted, server.bytesRead, client.bytesRead], [3, 3, 1]);
});

test('streams opened out of order are announced in order', () => {
  const [client, server] = pair();
  for (let i = 0; i < 3; i++) client.open(false);
  client.write(10, bytes(1), true);
  settle(client, server);
  assert.equal(allEvents(server), [
    { type: 'stream-opened', id: 2 },
    { type: 'stream-opened', id: 6 },
    { type: 'stream-opened', id: 10 },
    { type: 'stream-readable', id: 10 },
  ]);
});

test('one event of a kind per stream, however many frames', () => {
  const [client, server] = pair();
  const id = client.open(false);
  for (let i = 0; i < 5; i++) {
    client.write(id, bytes(10), false);
    settle(client, server);
  }
  assert.is(allEvents(server).length, 2);
  client.write(id, bytes(10), false);
  settle(client, server);
  assert.equal(allEvents(server), [{ type: 'stream-readable', id }]);
});

test('writing stops at the send buffer and goes on when a quarter of it is free', () => {
  const streams = newStreams({ streamSendBuffer: 4_000 });
  const id = streams.open(true);
  assert.is(streams.writableBytes(id), 4_000);
  assert.is(streams.write(id, bytes(3_000), false), 3_000);
  assert.is(streams.writableBytes(id), 1_000);
  assert.is(streams.write(id, bytes(3_000), true), 1_000);
  assert.is(streams.write(id, bytes(1), true), 0);
  assert.is(streams.writableBytes(id), 0);
  const packets = allPackets(streams, 504);
  acknowledge(packets[0]!, streams);
  assert.is(streams.nextEvent(), undefined);
  acknowledge(packets[1]!, streams);
  acknowledge(packets[2]!, streams);
  assert.equal(allEvents(streams), [{ type: 'stream-writable', id }]);
  for (const packet of packets.slice(3)) acknowledge(packet, streams);
  assert.is(streams.nextEvent(), undefined, 'told once per refusal');
  assert.is(streams.write(id, bytes(2_000), true), 2_000);
  assert.is(streams.writableBytes(id), 0);
});

test('writing where one may not is an error of the caller', () => {
  const [client, server] = pair();
  const id = client.open(true);
  client.write(id, NOTHING, true);
  fails('ERR_QUIC_INVALID_STATE', () => client.write(id, bytes(1), false));
  fails('ERR_QUIC_INVALID_STATE', () => client.write(400, bytes(1), false));
  const other = client.open(true);
  client.reset(other, 1);
  fails('ERR_QUIC_INVALID_STATE', () => client.write(other, bytes(1), false));
  const unidirectional = client.open(false);
  client.write(unidirectional, bytes(1), false);
  settle(client, server);
  fails('ERR_QUIC_INVALID_STATE', () => server.write(unidirectional, bytes(1), false));
  assert.equal(
    [client.writableBytes(id), client.writableBytes(other), server.writableBytes(unidirectional)],
    [0, 0, 0],
  );
});

test('arguments are checked', () => {
  const streams = newStreams();
  const id = streams.open(true);
  for (const urgency of [-1, 8, 1.5, Number.NaN])
    fails('ERR_QUIC_INVALID_ARGUMENT', () => streams.setPriority(id, urgency));
  for (const code of [-1, 1.5, 2 ** 53]) {
    fails('ERR_QUIC_INVALID_ARGUMENT', () => streams.reset(id, code));
    fails('ERR_QUIC_INVALID_ARGUMENT', () => streams.stop(id, code));
  }
  fails('ERR_QUIC_INVALID_ARGUMENT', () => newStreams({ connectionReceiveWindow: 319_999 }));
});

test('an empty write says nothing', () => {
  const streams = newStreams();
  const id = streams.open(true);
  assert.is(streams.write(id, NOTHING, false), 0);
  assert.not(streams.hasPending());
  assert.ok(streams.isDrained);
});

test('a lone FIN ends a stream without data', () => {
  const [client, server] = pair();
  const id = client.open(false);
  client.write(id, NOTHING, true);
  assert.not(client.isDrained);
  assert.equal(allFrames(client), [`STREAM ${id} 0+0 FIN`]);
  client.onLost(2, id, 0, 1);
  settle(client, server);
  assert.is(allEvents(server).length, 2);
  assert.is(server.receiveState(id), 'finished');
  assert.is(server.mapSize, 1, 'until the application has looked');
  assert.is(server.read(id), undefined);
  assert.is(server.mapSize, 0);
});

test('a reset reaches the reader with its code, and can be asked for until the next turn', () => {
  const [client, server] = pair();
  const id = client.open(false);
  client.write(id, bytes(500), false);
  settle(client, server);
  client.write(id, bytes(500), false);
  client.reset(id, 42);
  assert.ok(client.isDrained, 'given up');
  settle(client, server);
  assert.is(client.mapSize, 0);
  assert.equal(allEvents(client), []);
  assert.is(allEvents(server).length, 2);
  assert.is(server.receiveState(id), 'reset');
  assert.is(server.read(id), undefined);
  assert.is(server.receiveState(id), 'reset');
  assert.is(server.resetCode(id), 42);
  assert.is(server.receiveMemory, 0);
  assert.is(server.nextEvent(), undefined);
  assert.is(server.mapSize, 0);
  assert.is(server.resetCode(id), -1);
  assert.is(server.receiveState(id), 'finished');
});

test('a reset that nobody looks at keeps the stream', () => {
  const [client, server] = pair();
  const id = client.open(false);
  client.reset(id, 42);
  settle(client, server);
  allEvents(server);
  assert.is(server.mapSize, 1);
  server.stop(id, 0);
  assert.is(server.mapSize, 0);
});

test('a reset is repeated until it arrives', () => {
  const streams = newStreams();
  const id = streams.open(true);
  streams.reset(id, 7);
  lose(nextPacket(streams)!, streams);
  assert.equal(allFrames(streams), [`RESET_STREAM ${id} 7 0`]);
  assert.not(streams.hasPending());
});

test('STOP_SENDING resets the other side and tells it', () => {
  const [client, server] = pair();
  const id = client.open(true);
  client.write(id, bytes(9_000), true);
  deliver(nextPacket(client)!, server);
  allEvents(server);
  server.stop(id, 33);
  server.stop(id, 34);
  assert.is(server.receiveMemory, 0);
  deliver(nextPacket(server)!, client);
  assert.equal(allEvents(client), [{ type: 'stream-stopped', id, errorCode: 33 }]);
  assert.ok(client.isDrained);
  assert.equal(allFrames(client), [`RESET_STREAM ${id} 33 ${1_200 - 4}`]);
  client.onStopSending(id, 35);
  assert.equal(allEvents(client), []);
});

test('stopping a bidirectional stream leaves the other direction alone', () => {
  const [client, server] = pair();
  const id = client.open(true);
  client.stop(id, 1);
  client.write(id, bytes(10), true);
  settle(client, server);
  assert.is(readAll(server, id), 10);
  assert.equal(
    allEvents(server).map(({ type }) => type),
    ['stream-opened', 'stream-readable', 'stream-stopped'],
  );
  settle(client, server);
  assert.is(client.mapSize + server.mapSize, 0);
});

test('stopping after the end was received needs no frame', () => {
  const [client, server] = pair();
  const id = client.open(false);
  client.write(id, bytes(10), true);
  settle(client, server);
  server.stop(id, 1);
  assert.is(server.mapSize, 0);
  assert.ok(!allFrames(server).some((line) => line.startsWith('STOP_SENDING')));
});

test('commands on unknown streams have no effect', () => {
  const streams = newStreams();
  streams.reset(8, 1);
  streams.stop(8, 1);
  streams.setPriority(8, 1);
  assert.is(streams.read(8), undefined);
  assert.is(streams.receiveState(8), 'finished');
  assert.is(streams.resetCode(8), -1);
  assert.not(streams.hasPending());
});

test('streams can be used before the limits of the peer are known', () => {
  const streams = newStreams({}, null);
  const ids = [streams.open(false), streams.open(false), streams.open(false)];
  for (const id of ids) assert.is(streams.write(id, bytes(10), true), 10);
  streams.setPriority(ids[1]!, 0);
  streams.reset(ids[2]!, 5);
  assert.not(streams.hasPending());
  assert.not(streams.isDrained);
  streams.setPeerLimits({ ...NO_LIMITS, initialMaxStreamsUni: 2 });
  assert.equal(allFrames(streams), [
    'STREAMS_BLOCKED false 2',
    `STREAM ${ids[1]} 0+10 FIN`,
    `STREAM ${ids[0]} 0+10 FIN`,
  ]);
  streams.onMaxStreams(false, 3);
  assert.equal(allFrames(streams), [`RESET_STREAM ${ids[2]} 5 0`]);
});

test('held streams are sent in the order of their ids', () => {
  const streams = newStreams({}, null);
  const ids = Array.from({ length: 6 }, () => streams.open(true));
  for (const id of ids.toReversed()) streams.write(id, bytes(1), true);
  streams.setPeerLimits({ ...NO_LIMITS, initialMaxStreamsBidi: 1 });
  assert.equal(allFrames(streams).slice(1), ['STREAM 0 0+1 FIN']);
  streams.onMaxStreams(true, 4);
  assert.equal(
    allFrames(streams).filter((line) => line.startsWith('STREAM ')),
    ['STREAM 4 0+1 FIN', 'STREAM 8 0+1 FIN', 'STREAM 12 0+1 FIN'],
  );
  assert.is(streams.open(true), -1);
});

test('before the limits are known the number of streams is bounded', () => {
  const streams = newStreams({}, null);
  for (let i = 0; i < MAX_EARLY_STREAMS; i++) assert.is(streams.open(false), i * 4 + 2);
  assert.is(streams.open(false), -1);
  assert.not(streams.hasPending());
  streams.setPeerLimits(NO_LIMITS);
  assert.equal(allEvents(streams), [{ type: 'streams-available', bidirectional: false }]);
});

test('at the limit of streams: -1, STREAMS_BLOCKED, and news when there are more', () => {
  const streams = newStreams({}, { ...NO_LIMITS, initialMaxStreamsBidi: 1, initialMaxStreamsUni: 0 });
  assert.is(streams.open(true), 0);
  assert.is(streams.open(true), -1);
  assert.is(streams.open(true), -1);
  assert.is(streams.open(false), -1);
  const packet = nextPacket(streams)!;
  assert.not(streams.hasPending());
  lose(packet, streams);
  assert.equal(allFrames(streams), ['STREAMS_BLOCKED true 1', 'STREAMS_BLOCKED false 0']);
  streams.onMaxStreams(true, 1);
  assert.equal(allEvents(streams), []);
  streams.onMaxStreams(true, 2);
  assert.equal(allEvents(streams), [{ type: 'streams-available', bidirectional: true }]);
  lose(packet, streams);
  assert.equal(allFrames(streams), ['STREAMS_BLOCKED false 0'], 'no longer true of the others');
  assert.is(streams.open(true), 4);
  streams.onMaxStreams(true, Number.MAX_SAFE_INTEGER);
  assert.equal(allEvents(streams), [], 'nobody had been refused');
});

test('limits remembered for 0-RTT are raised by those that follow, and never lowered', () => {
  const streams = newStreams(
    {},
    { ...NO_LIMITS, initialMaxData: 10, initialMaxStreamDataBidiRemote: 5, initialMaxStreamsBidi: 1 },
  );
  const id = streams.open(true);
  streams.write(id, bytes(8), true);
  allFrames(streams);
  streams.setPeerLimits({
    ...NO_LIMITS,
    initialMaxData: 9,
    initialMaxStreamDataBidiRemote: 7,
    initialMaxStreamsBidi: 2,
  });
  assert.equal(allFrames(streams), [`STREAM ${id} 5+2`, `STREAM_DATA_BLOCKED ${id} 7`]);
  assert.is(streams.open(true), 4);
});

test('after close nothing goes on', () => {
  const [client, server] = pair();
  const id = client.open(true);
  client.write(id, bytes(100), false);
  settle(client, server);
  client.write(id, bytes(100), false);
  server.close();
  client.close();
  for (const streams of [client, server]) {
    assert.not(streams.hasPending());
    assert.is(streams.nextEvent(), undefined);
    assert.is(streams.mapSize, 0);
    assert.is(streams.open(true), -1);
    assert.is(streams.write(id, bytes(1), false), 0);
    assert.is(streams.read(id), undefined);
    assert.is(streams.receiveState(id), 'reset', 'never mistaken for a complete stream');
    assert.ok(streams.isDrained);
    streams.reset(id, 0);
    streams.stop(id, 0);
  }
});

test.run();
