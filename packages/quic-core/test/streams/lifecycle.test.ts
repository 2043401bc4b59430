/** A hundred thousand streams, and what they leave behind: nothing that is counted here. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { acknowledge, allEvents, allPackets, config, deliver, limitsOf, newStreams, readAll } from './support.ts';

const test = suite('life of many streams');

const COUNT = 100_000;

test('streams used one after the other leave the maps as they were', () => {
  const limits = limitsOf(config());
  const client = newStreams({ isClient: true }, limits);
  const server = newStreams({ isClient: false }, limits);
  const data = Uint8Array.of(1, 2, 3, 4);
  let read = 0;
  let finished = 0;
  let opened = 0;
  let largest = 0;
  for (let done = 0; done < COUNT;) {
    for (let i = 0; i < 8; i++) {
      const id = client.open(i % 2 === 0);
      if (id === -1) break;
      // One of each eight is reset, one stopped by its reader.
      client.write(id, data, i !== 5);
      if (i === 5) client.reset(id, 9);
      done++;
    }
    for (let turn = 0; turn < 3; turn++) {
      for (const [from, to] of [
        [client, server],
        [server, client],
      ] as const) {
        for (const packet of allPackets(from)) {
          deliver(packet, to);
          acknowledge(packet, from);
        }
      }
      for (const event of allEvents(server)) {
        if (event.type === 'stream-opened') {
          opened++;
          if ((event.id & 2) === 0) server.write(event.id, data, true);
        } else if (event.type === 'stream-readable') {
          if (event.id % 32 === 2) server.stop(event.id, 1);
          else read += readAll(server, event.id);
        }
      }
      for (const event of allEvents(client)) {
        if (event.type === 'stream-finished') finished++;
        else if (event.type === 'stream-readable') readAll(client, event.id);
      }
    }
    largest = Math.max(largest, client.mapSize, server.mapSize);
  }
  assert.is(client.mapSize, 0);
  assert.is(server.mapSize, 0);
  assert.is(opened, COUNT);
  assert.ok(finished > COUNT * 0.8 && read > COUNT * 2);
  assert.ok(largest <= 32, `${largest} at once`);
  assert.ok(client.isDrained && server.isDrained);
  assert.not(client.hasPending());
  assert.not(server.hasPending());
});

test('a hundred thousand idle streams at once cost the sender nothing, and go as they came', () => {
  const limits = { ...limitsOf(config()), initialMaxStreamsUni: COUNT, initialMaxData: 10 * COUNT };
  const client = newStreams({ isClient: true }, limits);
  const ids = Array.from({ length: COUNT }, () => client.open(false));
  assert.is(client.mapSize, COUNT);
  assert.not(client.hasPending());
  const data = Uint8Array.of(7);
  for (let i = 0; i < 1_000; i++) {
    client.write(ids[i * 7]!, data, false);
    const packets = allPackets(client);
    assert.is(packets.length, 1);
    assert.is(packets[0]!.sent.carriedCount, 1);
    acknowledge(packets[0]!, client);
  }
  for (const id of ids) client.write(id, data, true);
  for (const packet of allPackets(client)) acknowledge(packet, client);
  assert.is(client.mapSize, 0);
  assert.is(allEvents(client).length, COUNT);
});

test.run();
