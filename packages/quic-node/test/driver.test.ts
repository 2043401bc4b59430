import type { ConnectionEvent } from '@mquictt/quic-core';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Driver, type ConnectionHandler } from '../src/driver.ts';
import { FakeConnection, FakeEndpoint, FakeRuntime, type FakeSocket } from './support/fake-core.ts';

const test = suite('driver');

const READABLE: ConnectionEvent = { type: 'stream-readable', id: 0 };

async function setUp(sockets: number = 1): Promise<{
  runtime: FakeRuntime;
  endpoint: FakeEndpoint;
  driver: Driver;
  socket: FakeSocket;
}> {
  const runtime = new FakeRuntime();
  const endpoint = new FakeEndpoint();
  const driver = new Driver(runtime, endpoint);
  for (let i = 0; i < sockets; i++) await driver.bind({ address: '192.0.2.2', port: 7 + i });
  return { runtime, endpoint, driver, socket: runtime.sockets[0]! };
}

test('datagrams of one poll phase are handled in one turn, with one look at the clock', async () => {
  const { runtime, endpoint, socket } = await setUp();
  socket.receive('a');
  socket.receive('b', '192.0.2.3', 6);
  assert.equal(endpoint.log, []);
  assert.is(runtime.run(), 1);
  assert.equal(endpoint.log, ['in a@192.0.2.1:5/0 b@192.0.2.3:6/0']);
  assert.is(runtime.clockReads, 1);
});

test('sockets are numbered in the order in which they were bound, both ways', async () => {
  const { runtime, endpoint, driver } = await setUp(2);
  runtime.sockets[1]!.receive('x');
  endpoint.perPoll = 10;
  endpoint.outgoing.push(
    { data: 'a', socket: 0 },
    { data: 'b', socket: 0 },
    { data: 'c', socket: 1 },
    { data: 'd', socket: 0 },
    { data: 'nowhere', socket: 7 },
    { data: 'e', socket: 1 },
  );
  runtime.run();
  assert.equal(endpoint.log, ['in x@192.0.2.1:5/1']);
  assert.equal(runtime.sockets[0]!.sent, ['a', 'b', 'd']);
  assert.equal(runtime.sockets[1]!.sent, ['c', 'e']);
  assert.equal(driver.address, { host: '192.0.2.2', port: 7 });
});

test('a full batch is handed on at once, also with datagrams of 64 KiB', async () => {
  const { runtime, endpoint, driver, socket } = await setUp();
  for (let i = 0; i < 64; i++) socket.receive('s');
  assert.is(endpoint.log.length, 0);
  socket.receive('one more');
  assert.is(endpoint.log.length, 1);
  runtime.run();
  assert.equal(endpoint.log[1], 'in one more@192.0.2.1:5/0');
  endpoint.log.length = 0;
  const large = new Uint8Array(65_507).fill(0x61);
  for (let i = 0; i < 40; i++) socket.receive(large);
  runtime.run();
  const count = endpoint.log.reduce((sum, line) => sum + line.split('65507@').length - 1, 0);
  assert.is(count, 40);
  assert.is(driver.droppedDatagrams, 0);
});

test('datagrams without bytes or from port 0 are dropped', async () => {
  const { runtime, endpoint, driver, socket } = await setUp();
  socket.receive('');
  socket.receive('x', '192.0.2.1', 0);
  assert.is(runtime.run(), 0);
  assert.is(driver.droppedDatagrams, 1);
  assert.equal(endpoint.log, []);
});

test('commands of one tick share a turn, and commands in a turn need no other', async () => {
  const { runtime, endpoint, driver, socket } = await setUp();
  const connection = new FakeConnection();
  const handler: ConnectionHandler = () => {
    endpoint.outgoing.push({ data: 'answer', socket: 0 });
    driver.wake();
  };
  connection.context = handler;
  driver.wake();
  driver.wake();
  assert.is(runtime.run(), 1);
  connection.events.push(READABLE);
  endpoint.events.push({ type: 'connection', connection: connection.asConnection() });
  driver.wake();
  assert.is(runtime.run(), 1);
  assert.equal(socket.sent, ['answer']);
});

test('the timer follows the endpoint, and a turn serves what is due', async () => {
  const { runtime, endpoint, driver } = await setUp();
  const timer = runtime.timers[0]!;
  endpoint.deadline = 1_234.5;
  driver.wake();
  runtime.run();
  assert.is(timer.deadline, 1_234.5);
  assert.equal(endpoint.log, []);
  runtime.time = 1_235;
  timer.callback();
  assert.equal(endpoint.log, ['timeout 1235']);
  assert.is(timer.deadline, Infinity);
});

test('a full socket stops the sending until it has room, and nothing is lost or repeated', async () => {
  const { runtime, endpoint, driver, socket } = await setUp();
  endpoint.outgoing.push(...['a', 'b', 'c', 'd', 'e'].map((data) => ({ data, socket: 0 })));
  socket.room = 3;
  endpoint.deadline = 1_000;
  driver.wake();
  runtime.run();
  assert.equal(socket.sent, ['a', 'b', 'c']);
  // An overdue deadline is not spun upon.
  endpoint.deadline = 1_000;
  driver.wake();
  runtime.run();
  assert.ok(runtime.timers[0]!.deadline > 1_000);
  assert.equal(socket.sent, ['a', 'b', 'c']);
  socket.room = Infinity;
  socket.options.onWritable();
  runtime.run();
  assert.equal(socket.sent, ['a', 'b', 'c', 'd', 'e']);
});

test('a turn that has very much to send lets others have theirs', async () => {
  const { runtime, endpoint, driver, socket } = await setUp();
  for (let i = 0; i < 2_000; i++) endpoint.outgoing.push({ data: String(i), socket: 0 });
  driver.wake();
  assert.is(runtime.run(), 4);
  assert.is(socket.sent.length, 2_000);
});

for (const where of ['handleDatagrams', 'handleTimeout', 'pollTransmit']) {
  test(`an exception in ${where} is counted, and life goes on without spinning`, async () => {
    const { runtime, endpoint, driver, socket } = await setUp();
    endpoint.throwIn = where;
    endpoint.deadline = runtime.time;
    socket.receive('x');
    assert.is(runtime.run(), 1);
    assert.ok(driver.internalErrors >= 1);
    assert.is((driver.lastInternalError as Error).message, `thrown in ${where}`);
    if (runtime.timers[0]!.deadline !== Infinity) assert.ok(runtime.timers[0]!.deadline > runtime.time);
    endpoint.throwIn = '';
    endpoint.outgoing.push({ data: 'alive', socket: 0 });
    socket.receive('y');
    runtime.run();
    assert.equal(socket.sent, ['alive']);
    assert.ok(endpoint.log.includes('in y@192.0.2.1:5/0'));
  });
}

test('an exception in the handling of one connection closes that one; the next is served', async () => {
  const { runtime, endpoint, driver } = await setUp();
  const bad = new FakeConnection();
  bad.context = (() => {
    throw new Error('bug');
  }) satisfies ConnectionHandler;
  const good = new FakeConnection();
  const seen: ConnectionEvent[] = [];
  good.context = ((event) => void seen.push(event)) satisfies ConnectionHandler;
  bad.events.push(READABLE);
  good.events.push(READABLE);
  endpoint.events.push({ type: 'connection', connection: bad.asConnection() });
  endpoint.events.push({ type: 'connection', connection: good.asConnection() });
  driver.wake();
  runtime.run();
  assert.is(driver.internalErrors, 1);
  assert.equal(bad.closes, ['internal error']);
  assert.equal(seen, [READABLE]);
});

test('an incoming connection gets its handler before its events', async () => {
  const { runtime, endpoint, driver } = await setUp();
  const connection = new FakeConnection();
  const seen: string[] = [];
  driver.onIncoming = (core) => {
    seen.push('incoming');
    core.context = ((event) => void seen.push(event.type)) satisfies ConnectionHandler;
  };
  connection.events.push(READABLE);
  endpoint.events.push({ type: 'connection', connection: connection.asConnection() });
  endpoint.events.push({ type: 'incoming', connection: connection.asConnection() });
  driver.wake();
  runtime.run();
  assert.equal(seen, ['incoming', 'stream-readable']);
});

test('sockets close with the last connection; one that we closed is lingered for', async () => {
  const { runtime, endpoint, driver, socket } = await setUp();
  driver.connectionStarted();
  driver.closeWhenIdle(true);
  runtime.run();
  assert.not(socket.isClosed);
  endpoint.connectionCount = 1;
  driver.connectionEnded(true);
  driver.wake();
  runtime.run();
  assert.not(socket.isClosed);
  assert.ok(socket.isDetached);
  assert.is(runtime.timers[0]!.deadline, 2_000);
  endpoint.connectionCount = 0;
  driver.wake();
  runtime.run();
  assert.ok(socket.isClosed);
  await driver.closed;
  assert.is(runtime.timers[0]!.deadline, Infinity);
});

test('lingering ends after a second, and there is none where the peer closed', async () => {
  const first = await setUp();
  first.endpoint.connectionCount = 1;
  first.driver.connectionStarted();
  first.driver.connectionEnded(true);
  first.driver.closeWhenIdle(false);
  first.runtime.run();
  assert.not(first.socket.isDetached);
  first.runtime.time += 1_000;
  first.runtime.timers[0]!.callback();
  assert.ok(first.socket.isClosed);

  const second = await setUp();
  second.endpoint.connectionCount = 1;
  second.driver.connectionStarted();
  second.driver.connectionEnded(false);
  second.driver.closeWhenIdle(false);
  second.runtime.run();
  assert.ok(second.socket.isClosed);
});

test('after the end nothing happens any more', async () => {
  const { runtime, endpoint, driver, socket } = await setUp();
  socket.receive('x');
  driver.shutDown();
  driver.shutDown();
  socket.receive('y');
  socket.options.onWritable();
  driver.wake();
  runtime.run();
  assert.equal(endpoint.log, []);
  assert.equal(runtime.scheduled, []);
  await driver.closed;
  // A socket that comes too late is closed at once.
  await driver.bind({ address: '192.0.2.2', port: 1 });
  assert.ok(runtime.sockets[1]!.isClosed);
});

test.run();
