/** Long lives: what is used and finished leaves nothing behind. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Connection } from '@mquictt/quic-core';
import { TEST_SERVER_NAME } from '@mquictt/testkit';
import { World } from './harness.ts';

const test = suite('endurance');

const STREAMS = 100_000;
const CONNECTIONS = 2_000;
const MAX_GROWTH = 3 * 1024 * 1024;

function memory(): number {
  globalThis.gc!();
  globalThis.gc!();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

/** Counters that must come back; those that only count up are left out. */
function counters(world: World): unknown[] {
  return [world.pair.client, world.pair.server].map(({ endpoint, connections }) => {
    const { datagramsDropped: _dropped, lastInternalError: _error, ...stats } = endpoint.stats();
    return { ...stats, known: connections.size };
  });
}

test('100,000 streams opened, used and finished', () => {
  const world = new World();
  const { client, server } = world.connect();
  const request = new Uint8Array(40).fill(1);
  const answer = new Uint8Array(90).fill(2);
  let opened = 0;
  let wanted = 0;
  let finished = 0;
  const open = (): void => {
    while (opened < wanted) {
      const id = client.openStream(opened % 4 !== 0);
      if (id < 0) return;
      opened++;
      client.writeStream(id, request, true);
      if (opened % 50 === 0) client.resetStream(id, 9);
    }
  };
  const drain = (connection: Connection, id: number): boolean => {
    while (connection.readStream(id) !== undefined);
    return connection.receiveState(id) !== 'open';
  };
  world.onServerEvent = (connection, event) => {
    if (event.type !== 'stream-readable' || !drain(connection, event.id)) return;
    if ((event.id & 2) === 0 && connection.writableBytes(event.id) > 0) connection.writeStream(event.id, answer, true);
    else finished++;
  };
  world.onClientEvent = (connection, event) => {
    if (event.type === 'streams-available') open();
    else if (event.type === 'stream-readable' && drain(connection, event.id)) finished++;
  };
  const run = (count: number): void => {
    wanted += count;
    open();
    world.wake();
    // Some are told twice, as a reset one may be answered all the same: what counts is that none is left.
    world.pair.run(
      () => opened === wanted && client.stats().openStreams === 0 && server.stats().openStreams === 0,
      600_000,
    );
    world.pair.runFor(1000);
    world.clientNotes.length = 0;
    world.serverNotes.length = 0;
  };

  run(5_000);
  const countersBefore = counters(world);
  const memoryBefore = memory();
  run(STREAMS);
  const growth = memory() - memoryBefore;
  assert.ok(finished >= STREAMS * 0.9);
  assert.equal(counters(world), countersBefore);
  assert.is(client.stats().bytesInFlight, 0);
  assert.is(server.stats().bytesInFlight, 0);
  assert.ok(growth < MAX_GROWTH, `${growth} bytes more`);
  assert.ok(client.isConnected && server.isConnected);
});

test('2,000 connections opened, used and closed, in all ways', () => {
  const world = new World({ checkAmplification: false });
  const run = (count: number): void => {
    for (let i = 0; i < count; i++) {
      const client = world.pair.connect(TEST_SERVER_NAME);
      if (i % 10 === 0) client.close(3, 'changed my mind');
      else {
        world.pair.run(() => client.isConnected && world.serverConnections.at(-1)?.isConnected === true, 5000);
        const server = world.serverConnections.at(-1)!;
        const id = client.openStream(true);
        client.writeStream(id, new Uint8Array(2000), false);
        world.wake();
        world.pair.runFor(20);
        if (i % 3 === 0) server.close(1, 'enough');
        else if (i % 3 === 1) client.close(2, '');
        else {
          client.close(2, 'both');
          server.close(1, 'both');
        }
      }
      world.wake();
      if (i % 50 === 49) world.pair.runFor(5000);
    }
    world.pair.runFor(20_000);
    world.clientNotes.length = 0;
    world.serverNotes.length = 0;
    world.serverConnections.length = 0;
  };
  run(200);
  const countersBefore = counters(world);
  const memoryBefore = memory();
  run(CONNECTIONS);
  const growth = memory() - memoryBefore;
  assert.equal(counters(world), countersBefore);
  for (const stats of counters(world) as Record<string, number>[]) {
    for (const [name, value] of Object.entries(stats)) assert.is(value, 0, name);
  }
  assert.ok(growth < MAX_GROWTH, `${growth} bytes more`);
});

test.run();
