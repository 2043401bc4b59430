/** Limits on bytes and on streams, on both sides (RFC 9000 §4). */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Streams } from '../../src/streams/streams.ts';
import {
  NO_LIMITS,
  acknowledge,
  allEvents,
  allFrames,
  allPackets,
  config,
  deliver,
  framesOf,
  limitsOf,
  lose,
  newStreams,
  nextPacket,
  readAll,
  settle,
} from './support.ts';

const test = suite('flow control of streams');

const bytes = (length: number): Uint8Array => new Uint8Array(length).fill(1);

function pair(changes: Parameters<typeof config>[0]): [Streams, Streams] {
  const limits = limitsOf(config(changes));
  return [newStreams({ ...changes, isClient: true }, limits), newStreams({ ...changes, isClient: false }, limits)];
}

test('never sends beyond the limit of a stream, and says once that it is blocked', () => {
  const streams = newStreams({}, { ...NO_LIMITS, initialMaxStreamDataUni: 1_000 });
  const id = streams.open(false);
  streams.write(id, bytes(5_000), true);
  assert.equal(allFrames(streams), [`STREAM ${id} 0+1000`, `STREAM_DATA_BLOCKED ${id} 1000`]);
  streams.onMaxStreamData(id, 900);
  assert.not(streams.hasPending());
  streams.onMaxStreamData(id, 1_600);
  assert.equal(allFrames(streams), [`STREAM ${id} 1000+600`, `STREAM_DATA_BLOCKED ${id} 1600`]);
  streams.onMaxStreamData(id, Number.MAX_SAFE_INTEGER);
  assert.is(allFrames(streams).at(-1)!.endsWith('FIN'), true);
});

test('never sends beyond the limit of the connection, whichever stream', () => {
  const streams = newStreams({}, { ...NO_LIMITS, initialMaxData: 1_500 });
  const ids = [streams.open(true), streams.open(true)];
  for (const id of ids) streams.write(id, bytes(1_000), true);
  const packets = allPackets(streams);
  assert.equal(
    packets.flatMap((packet) => framesOf(packet)),
    [`STREAM 0 0+1000 FIN`, `STREAM 4 0+192`, `STREAM 4 192+308`, 'DATA_BLOCKED 1500'],
  );
  // What was lost has been paid for.
  for (const packet of packets) lose(packet, streams);
  assert.equal(allFrames(streams), ['STREAM 0 0+1000 FIN', 'STREAM 4 0+192', 'STREAM 4 192+308', 'DATA_BLOCKED 1500']);
  streams.onMaxData(Number.MAX_SAFE_INTEGER);
  assert.equal(allFrames(streams), [`STREAM 4 500+500 FIN`]);
});

test('a lost *_BLOCKED is not repeated once it is no longer true', () => {
  const streams = newStreams({}, { ...NO_LIMITS, initialMaxData: 100, initialMaxStreamDataUni: 50 });
  const [first, second] = [streams.open(false), streams.open(false)];
  streams.write(first, bytes(80), false);
  streams.write(second, bytes(80), false);
  const packet = nextPacket(streams)!;
  // Exactly at both limits: the streams are blocked, the connection as well, but no stream waits for the connection alone.
  assert.equal(framesOf(packet), [
    `STREAM ${first} 0+50`,
    `STREAM ${second} 0+50`,
    `STREAM_DATA_BLOCKED ${first} 50`,
    `STREAM_DATA_BLOCKED ${second} 50`,
  ]);
  streams.onMaxStreamData(first, 80);
  assert.equal(allFrames(streams), ['DATA_BLOCKED 100']);
  streams.reset(first, 0);
  acknowledge(nextPacket(streams)!, streams);
  streams.onLost(9, 0, 100, 0);
  lose(packet, streams);
  assert.equal(allFrames(streams), [`STREAM_DATA_BLOCKED ${second} 50`, `STREAM ${second} 0+50`]);
});

test('a bare FIN and lost bytes pass a connection without credit', () => {
  const streams = newStreams({}, { ...NO_LIMITS, initialMaxData: 10 });
  const [first, second] = [streams.open(true), streams.open(true)];
  streams.write(first, bytes(10), false);
  lose(nextPacket(streams)!, streams);
  streams.write(second, new Uint8Array(0), true);
  assert.equal(allFrames(streams), ['STREAM 0 0+10', 'STREAM 4 0+0 FIN']);
});

test('windows are opened again as data is read, and only then', () => {
  const [client, server] = pair({
    streamReceiveWindow: 1_000,
    maxBidirectionalStreams: 1,
    maxUnidirectionalStreams: 1,
  });
  const id = client.open(false);
  client.write(id, bytes(10_000), true);
  settle(client, server);
  assert.is(server.receiveMemory >= 1_000, true);
  let total = 0;
  for (let i = 0; i < 100 && total < 10_000; i++) {
    const read = readAll(server, id);
    assert.ok(read > 0 && read <= 1_000, `${read} bytes after ${total}`);
    total += read;
    settle(client, server);
  }
  assert.is(total, 10_000);
  assert.is(client.mapSize + server.mapSize, 0);
});

test('reading in small pieces does not send a limit for each', () => {
  const [client, server] = pair({
    streamReceiveWindow: 1_000,
    maxBidirectionalStreams: 1,
    maxUnidirectionalStreams: 1,
  });
  const id = client.open(false);
  client.write(id, bytes(10_000), true);
  settle(client, server);
  let frames = 0;
  for (let total = 0; total < 9_000; total += 10) {
    assert.is(server.read(id, 10)?.length, 10);
    for (const packet of allPackets(server)) {
      frames += packet.sent.carriedCount;
      deliver(packet, client);
      acknowledge(packet, server);
    }
    settle(client, server);
  }
  assert.ok(frames > 30 && frames < 80, `${frames} frames`);
});

test('a stalled reader of one stream holds up no other', () => {
  const changes = { streamReceiveWindow: 1_000, maxBidirectionalStreams: 0, maxUnidirectionalStreams: 20 };
  const [client, server] = pair(changes);
  const stalled = Array.from({ length: 19 }, () => client.open(false));
  for (const id of stalled) client.write(id, bytes(5_000), true);
  settle(client, server);
  allEvents(server);
  // All unread windows are full. One stream goes on for a hundred windows, whatever is the connection's step.
  const id = client.open(false);
  let read = 0;
  for (let written = 0; read < 100_000;) {
    written += client.write(id, bytes(Math.min(7_000, 100_000 - written)), false);
    settle(client, server);
    const chunk = readAll(server, id);
    assert.ok(chunk > 0, `stuck after ${read} bytes`);
    read += chunk;
    settle(client, server);
  }
  for (const other of stalled) assert.ok(readAll(server, other) > 0);
});

test('streams that we open ourselves bring their window to the connection', () => {
  const changes = { streamReceiveWindow: 1_000, maxBidirectionalStreams: 0, maxUnidirectionalStreams: 2 };
  const client = newStreams(
    { ...changes, isClient: true },
    { ...limitsOf(config(changes)), initialMaxStreamsBidi: 100 },
  );
  const server = newStreams({ ...changes, isClient: false, maxBidirectionalStreams: 100 }, limitsOf(config(changes)));
  // The answers on ten streams are left unread, and so are two streams of the server.
  const asked = Array.from({ length: 10 }, () => client.open(true));
  for (const id of asked) client.write(id, bytes(1), true);
  settle(client, server);
  for (const id of asked) {
    readAll(server, id);
    server.write(id, bytes(3_000), true);
  }
  const pushed = [server.open(false), server.open(false)];
  for (const id of pushed) server.write(id, bytes(3_000), true);
  settle(client, server);
  for (const id of [...asked, ...pushed]) assert.is(readAll(client, id), 1_000, `stream ${id}`);
});

test('the newest limit is announced, and announced again only if it is lost', () => {
  const server = newStreams({
    isClient: false,
    streamReceiveWindow: 1_000,
    maxBidirectionalStreams: 1,
    maxUnidirectionalStreams: 0,
  });
  server.onStream(0, 0, bytes(1_000), 0, 600, false);
  server.read(0, 250);
  const first = nextPacket(server)!;
  assert.equal(framesOf(first), ['MAX_DATA 1250', 'MAX_STREAM_DATA 0 1250']);
  server.read(0, 250);
  const second = nextPacket(server)!;
  assert.equal(framesOf(second), ['MAX_DATA 1500', 'MAX_STREAM_DATA 0 1500']);
  lose(first, server);
  assert.not(server.hasPending());
  server.read(0, 50);
  lose(second, server);
  assert.equal(allFrames(server), ['MAX_DATA 1550', 'MAX_STREAM_DATA 0 1550'], 'with what was read meanwhile');
});

test('credit is announced at once to a peer that says it is blocked', () => {
  const server = newStreams({
    isClient: false,
    streamReceiveWindow: 1_000,
    maxBidirectionalStreams: 4,
    maxUnidirectionalStreams: 0,
  });
  server.onStream(0, 0, bytes(1_000), 0, 1_000, false);
  server.read(0, 10);
  assert.not(server.hasPending());
  server.onDataBlocked(4_000);
  server.onStreamDataBlocked(0, 1_000);
  assert.equal(allFrames(server), ['MAX_DATA 4010', 'MAX_STREAM_DATA 0 1010']);
  server.onDataBlocked(4_000);
  server.onStreamDataBlocked(0, 1_000);
  assert.not(server.hasPending());
});

test('the peer may open more streams as its streams are done on both sides and read', () => {
  const [client, server] = pair({ maxBidirectionalStreams: 2, maxUnidirectionalStreams: 2 });
  const ids = [client.open(true), client.open(true)];
  assert.is(client.open(true), -1);
  for (const id of ids) client.write(id, bytes(10), true);
  settle(client, server);
  allEvents(client);
  for (const id of ids) assert.is(readAll(server, id), 10);
  settle(client, server);
  assert.is(client.open(true), -1, 'the answer is still to come');
  server.write(ids[0]!, bytes(1), true);
  settle(client, server);
  assert.is(server.mapSize, 1);
  assert.equal(allEvents(client), [
    { type: 'stream-readable', id: ids[0] },
    { type: 'streams-available', bidirectional: true },
  ]);
  assert.is(client.open(true), 8);
  assert.is(client.open(true), -1);
});

test('unread streams give no credit for new ones', () => {
  const [client, server] = pair({ maxBidirectionalStreams: 0, maxUnidirectionalStreams: 3 });
  const ids = [client.open(false), client.open(false), client.open(false)];
  client.write(ids[0]!, bytes(10), true);
  client.write(ids[1]!, new Uint8Array(0), true);
  client.reset(ids[2]!, 1);
  settle(client, server);
  assert.is(client.mapSize, 0);
  assert.is(client.open(false), -1);
  allEvents(server);
  for (const id of ids) {
    readAll(server, id);
    settle(client, server);
    assert.is(client.open(false) >= 0, true);
    assert.is(client.open(false), -1);
  }
});

test('with few streams left each one that is done counts at once', () => {
  const [client, server] = pair({ maxBidirectionalStreams: 0, maxUnidirectionalStreams: 16 });
  // Fifteen stay open for ever.
  for (let i = 0; i < 15; i++) client.write(client.open(false), bytes(1), false);
  for (let i = 0; i < 50; i++) {
    const id = client.open(false);
    assert.ok(id >= 0, `no stream left after ${i}`);
    client.write(id, bytes(1), true);
    settle(client, server);
    assert.is(readAll(server, id), 1);
    settle(client, server);
  }
});

test('a peer that has said it is blocked, by streams that it opened and has not used, is told of the first stream that goes', () => {
  const [client, server] = pair({ maxBidirectionalStreams: 0, maxUnidirectionalStreams: 100 });
  const ids: number[] = [];
  for (let id = client.open(false); id >= 0; id = client.open(false)) ids.push(id);
  assert.is(ids.length, 100);
  // STREAMS_BLOCKED comes while nothing can be given.
  settle(client, server);
  client.write(ids[0]!, bytes(1), true);
  settle(client, server);
  readAll(server, ids[0]!);
  settle(client, server);
  assert.ok(client.open(false) >= 0, 'no stream came free');
  assert.is(client.open(false), -1);
});

test('with many streams left MAX_STREAMS is not sent for each', () => {
  const [client, server] = pair({ maxBidirectionalStreams: 0, maxUnidirectionalStreams: 100 });
  let frames = 0;
  for (let i = 0; i < 1_000; i++) {
    const id = client.open(false);
    client.write(id, bytes(1), true);
    for (const packet of allPackets(client)) {
      deliver(packet, server);
      acknowledge(packet, client);
    }
    readAll(server, id);
    for (const packet of allPackets(server)) {
      frames += framesOf(packet).filter((line) => line.startsWith('MAX_STREAMS')).length;
      deliver(packet, client);
    }
    allEvents(server);
  }
  assert.ok(frames >= 10 && frames <= 50, `${frames}`);
});

test('the credit of a stopped or reset stream comes back to the connection', () => {
  const [client, server] = pair({
    maxBidirectionalStreams: 0,
    maxUnidirectionalStreams: 2,
    streamReceiveWindow: 1_000,
  });
  for (let i = 0; i < 50; i++) {
    const id = client.open(false);
    assert.ok(id >= 0, `no stream after ${i}`);
    client.write(id, bytes(900), false);
    settle(client, server);
    if (i % 2 === 0) server.stop(id, 1);
    else client.reset(id, 2);
    settle(client, server);
    assert.ok(client.isDrained);
    readAll(server, id);
    allEvents(server);
    allEvents(client);
    settle(client, server);
    assert.is(client.mapSize + server.mapSize, 0);
  }
});

test.run();
