/** What goes into a packet, and in which order. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Writer } from '../../src/cursor.ts';
import { SentPacket } from '../../src/recovery/sent-packet.ts';
import {
  NO_LIMITS,
  acknowledge,
  allFrames,
  allPackets,
  framesOf,
  lose,
  newStreams,
  nextPacket,
  type Packet,
} from './support.ts';

const test = suite('scheduling of streams');

const bytes = (length: number): Uint8Array => new Uint8Array(length).fill(1);
/** Ids of the streams in a packet, in order. */
const idsOf = (packet: Packet): number[] => framesOf(packet).map((line) => Number(line.split(' ')[1]));

test('a packet is filled from one stream before the next', () => {
  const streams = newStreams();
  for (let i = 0; i < 3; i++) streams.write(streams.open(true), bytes(3_000), true);
  assert.equal(
    allPackets(streams, 1_200).map((packet) => idsOf(packet)),
    [[0], [0], [0, 4], [4], [4], [4, 8], [8], [8]],
  );
});

test('lower urgency values go first, even before streams that have begun', () => {
  const streams = newStreams();
  const [bulk, normal, urgent] = [streams.open(true), streams.open(true), streams.open(true)];
  streams.setPriority(bulk, 7);
  streams.setPriority(urgent, 0);
  streams.write(bulk, bytes(5_000), false);
  assert.equal(idsOf(nextPacket(streams)!), [bulk]);
  streams.write(normal, bytes(100), false);
  streams.write(urgent, bytes(100), false);
  assert.equal(idsOf(nextPacket(streams)!), [urgent, normal, bulk]);
});

test('a changed priority counts at once', () => {
  const streams = newStreams();
  const [first, second] = [streams.open(true), streams.open(true)];
  streams.write(first, bytes(5_000), false);
  streams.write(second, bytes(5_000), false);
  assert.equal(idsOf(nextPacket(streams)!), [first]);
  streams.setPriority(second, 2);
  assert.equal(idsOf(nextPacket(streams)!), [second]);
  streams.setPriority(second, 4);
  assert.equal(idsOf(nextPacket(streams)!), [first]);
});

test('a long stream gives way after its turn, at the end of a packet', () => {
  const streams = newStreams({ streamSendBuffer: 60_000 });
  const [first, second] = [streams.open(true), streams.open(true)];
  streams.write(first, bytes(60_000), false);
  streams.write(second, bytes(60_000), false);
  const packets = allPackets(streams, 1_200);
  const turns: [number, number][] = [];
  for (const packet of packets) {
    for (const line of framesOf(packet)) {
      const [, id, range] = line.split(' ');
      const last = turns.at(-1);
      const length = Number(range!.split('+')[1]);
      if (last !== undefined && last[0] === Number(id)) last[1] += length;
      else turns.push([Number(id), length]);
    }
  }
  assert.equal(
    turns.map(([id]) => id),
    [first, second, first, second, first, second, first, second],
  );
  for (const [, length] of turns.slice(0, 6)) assert.ok(length >= 16_384 && length < 16_384 + 1_200, `${length}`);
  // Only where a stream ends do two share a packet.
  assert.is(packets.filter((packet) => framesOf(packet).length > 1).length, 1);
});

test('lost bytes go before new ones of the same urgency', () => {
  const streams = newStreams();
  const [first, second] = [streams.open(true), streams.open(true)];
  streams.write(first, bytes(1_000), true);
  const packet = nextPacket(streams)!;
  streams.write(second, bytes(3_000), true);
  assert.equal(idsOf(nextPacket(streams)!), [second]);
  lose(packet, streams);
  assert.equal(idsOf(nextPacket(streams)!), [first, second]);
});

test('what was lost is split to fit, and its end comes again with the last part', () => {
  const streams = newStreams();
  streams.write(streams.open(true), bytes(1_000), true);
  lose(nextPacket(streams)!, streams);
  assert.equal(
    allPackets(streams, 400).flatMap((packet) => framesOf(packet)),
    ['STREAM 0 0+396', 'STREAM 0 396+394', 'STREAM 0 790+210 FIN'],
  );
});

test('several losses of neighbours become one frame', () => {
  const streams = newStreams();
  streams.write(streams.open(true), bytes(1_000), false);
  const packets = allPackets(streams, 300);
  assert.is(packets.length, 4);
  for (const packet of packets.toReversed()) lose(packet, streams);
  assert.equal(allFrames(streams), ['STREAM 0 0+1000']);
});

test('nothing is sent again that was acknowledged after it was declared lost', () => {
  const streams = newStreams();
  const id = streams.open(true);
  streams.write(id, bytes(100), true);
  const packet = nextPacket(streams)!;
  lose(packet, streams);
  assert.ok(streams.hasPending());
  acknowledge(packet, streams);
  assert.not(streams.hasPending());
  assert.equal(streams.nextEvent(), { type: 'stream-finished', id });
});

test('a retransmission that is acknowledged settles the one that is lost later', () => {
  const streams = newStreams();
  streams.write(streams.open(true), bytes(100), true);
  const packet = nextPacket(streams)!;
  lose(packet, streams);
  const again = nextPacket(streams)!;
  acknowledge(again, streams);
  lose(packet, streams);
  lose(again, streams);
  assert.not(streams.hasPending());
  assert.ok(streams.isDrained);
});

test('control frames go before data', () => {
  const streams = newStreams();
  const [first, second] = [streams.open(true), streams.open(true)];
  streams.write(first, bytes(100), false);
  streams.write(second, bytes(100), false);
  nextPacket(streams);
  streams.write(first, bytes(100), false);
  streams.reset(second, 9);
  streams.stop(second, 10);
  assert.equal(framesOf(nextPacket(streams)!), [
    `RESET_STREAM ${second} 9 100`,
    `STOP_SENDING ${second} 10`,
    `STREAM ${first} 100+100`,
  ]);
});

test('no frame is begun for a few bytes at the end of a packet', () => {
  const streams = newStreams();
  streams.write(streams.open(true), bytes(500), false);
  const packet = new SentPacket();
  const writer = new Writer().reset(new Uint8Array(30), 0, 30);
  streams.writeFrames(writer, packet);
  assert.is(packet.carriedCount, 0);
  writer.reset(new Uint8Array(40), 0, 40);
  streams.writeFrames(writer, packet);
  assert.is(packet.carriedCount, 1);
  assert.is(writer.remaining, 0);
});

test('a small message does fit into the end of a packet', () => {
  const streams = newStreams();
  streams.write(streams.open(true), bytes(5), true);
  assert.equal(allPackets(streams, 8).length, 1);
});

test('frames fill packets of any size to the last byte', () => {
  for (const size of [60, 66, 67, 68, 69, 70, 200, 1_200, 16_388, 16_390, 16_391, 16_392, 65_000]) {
    const streams = newStreams({ streamSendBuffer: 1_000_000 });
    streams.write(streams.open(true), bytes(200_000), false);
    const packet = nextPacket(streams, size)!;
    // At the borders of the length's size a byte or three are left.
    assert.ok(size - packet.bytes.length <= 3, `${packet.bytes.length} of ${size}`);
    assert.is(framesOf(packet).length, 1);
  }
});

test('a thousand idle streams cost a packet nothing', () => {
  const streams = newStreams(
    { maxBidirectionalStreams: 0, maxUnidirectionalStreams: 0, connectionReceiveWindow: 1 },
    NO_LIMITS,
  );
  const ids = Array.from({ length: 1_000 }, () => streams.open(true));
  allPackets(streams);
  for (const id of ids) assert.is(streams.openStreams > id / 4, true);
  // Counted in steps, not in time: only streams with something to send are in any list.
  streams.write(ids[500]!, bytes(10), false);
  assert.equal(allFrames(streams), [`STREAM ${ids[500]} 0+10`]);
  assert.not(streams.hasPending());
});

test('hasPending() promises nothing when the connection is blocked', () => {
  const streams = newStreams({}, { ...NO_LIMITS, initialMaxData: 100 });
  const id = streams.open(true);
  streams.write(id, bytes(150), true);
  assert.equal(allFrames(streams), [`STREAM ${id} 0+100`, 'DATA_BLOCKED 100']);
  assert.not(streams.hasPending());
  streams.onMaxData(150);
  assert.equal(allFrames(streams), [`STREAM ${id} 100+50 FIN`]);
});

test.run();
