/** The one thing that loopback never shows: a system whose send queue is full. */
import { EventEmitter } from 'node:events';
import type { Socket } from 'node:dgram';
import { DatagramBatch } from '@mquictt/quic-core';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { NodeSocket } from '../src/node-socket.ts';
import type { UdpSocketOptions } from '../src/runtime.ts';

const test = suite('node socket with a full queue');

/** A dgram socket that sends `room` datagrams at once and queues the next. */
class FullSocket extends EventEmitter {
  readonly sent: string[] = [];
  room: number = 2;
  queued: number = 0;

  address(): { address: string; port: number } {
    return { address: '192.0.2.1', port: 1 };
  }

  send(buffer: Uint8Array, offset: number, length: number): void {
    this.sent.push(Buffer.from(buffer.subarray(offset, offset + length)).toString());
    if (this.room-- <= 0) this.queued++;
  }

  getSendQueueCount(): number {
    return this.queued;
  }

  close(done: () => void): void {
    done();
  }
}

function setUp(overrides: Partial<UdpSocketOptions> = {}): {
  raw: FullSocket;
  socket: NodeSocket;
  batch: DatagramBatch;
} {
  const raw = new FullSocket();
  const options: UdpSocketOptions = {
    address: '192.0.2.1',
    port: 1,
    onDatagram: () => {},
    onWritable: () => {},
    onError: () => {},
    ...overrides,
  };
  const socket = new NodeSocket(raw as unknown as Socket, options);
  const batch = new DatagramBatch(8, 100);
  for (const data of ['a', 'b', 'c', 'd', 'e']) batch.push(Buffer.from(data), 0, '192.0.2.2', 2, 0);
  return { raw, socket, batch };
}

test('what the system queued is not sent twice, and the batch is given back only when the queue is empty', async () => {
  let writable: () => void = () => {};
  const isWritable = new Promise<void>((resolve) => (writable = resolve));
  const { raw, socket, batch } = setUp({ onWritable: () => writable() });
  // c is in the queue, which points into the batch: it counts as not taken.
  assert.is(socket.send(batch, 0), 2);
  assert.equal(raw.sent, ['a', 'b', 'c']);
  assert.is(socket.send(batch, 2), 0);
  const keepAlive = setTimeout(() => {}, 10_000);
  await new Promise((resolve) => setTimeout(resolve, 10));
  raw.queued = 0;
  raw.room = 10;
  await isWritable;
  clearTimeout(keepAlive);
  assert.is(socket.send(batch, 2), 3);
  assert.equal(raw.sent, ['a', 'b', 'c', 'd', 'e']);
});

test('also when the last datagram was the one', async () => {
  const { raw, socket, batch } = setUp();
  raw.room = 4;
  assert.is(socket.send(batch, 0), 4);
  raw.queued = 0;
  assert.is(socket.send(batch, 4), 1);
  assert.equal(raw.sent, ['a', 'b', 'c', 'd', 'e']);
  await socket.close();
});

test('errors of datagrams are not errors of the socket', () => {
  const errors: string[] = [];
  const { raw } = setUp({ onError: (error) => errors.push(error.message) });
  for (const [syscall, code] of [
    ['recvmsg', 'ECONNREFUSED'],
    ['send', 'EMSGSIZE'],
    ['send', 'ENOBUFS'],
    ['send', 'EAGAIN'],
  ]) {
    raw.emit('error', Object.assign(new Error(code), { code, syscall }));
  }
  assert.equal(errors, []);
  raw.emit('error', Object.assign(new Error('EBADF'), { code: 'EBADF', syscall: 'recv' }));
  assert.equal(errors, ['EBADF']);
});

test.run();
