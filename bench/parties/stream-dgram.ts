/**
 * What node:dgram can carry when nothing is encrypted, ordered or repeated: both ends, as commands.
 *
 * The receiver grants credit, so that the sender goes at the pace of the slower of both and the kernel has no reason to
 * drop; what it drops all the same is not counted, since only the receiver counts.
 */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { performance } from 'node:perf_hooks';
import { runCommands } from '../../tools/command-loop.ts';
import type { Taken } from './stream.ts';

/** Datagrams for which one datagram of credit comes back. */
const GRANT = 32;
/** Datagrams under way at most: half of what the receive buffer holds. */
const windowOf = (size: number): number => GRANT * Math.min(32, Math.floor(KERNEL_BUFFER / (2 * size * GRANT)));
/** ms without credit after which what is under way counts as lost. */
const PATIENCE = 20;
/** What the kernel is asked for, bytes, as quic-node does. */
const KERNEL_BUFFER = 4 * 1024 * 1024;

let socket: Socket;
let size = 0;
let bytes = 0;
let first = 0;
let last = 0;
let underWay = 0;
let onCredit: () => void = () => {};

async function bind(): Promise<number> {
  socket = createSocket({ type: 'udp4', recvBufferSize: KERNEL_BUFFER, sendBufferSize: KERNEL_BUFFER });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return socket.address().port;
}

runCommands({
  async listen(): Promise<number> {
    const port = await bind();
    const credit = new Uint8Array(1);
    let owed = 0;
    socket.on('message', (data, from) => {
      last = performance.now();
      if (bytes === 0) first = last;
      bytes += data.length;
      if (++owed < GRANT) return;
      owed = 0;
      socket.send(credit, from.port, from.address);
    });
    return port;
  },

  async connect({ port, datagramSize }: { port: number; datagramSize: number }): Promise<void> {
    await bind();
    socket.connect(port, '127.0.0.1');
    await once(socket, 'connect');
    size = datagramSize;
    socket.on('message', () => {
      underWay = Math.max(0, underWay - GRANT);
      onCredit();
    });
  },

  /** Sends for a while. @returns bytes sent */
  async run({ ms }: { ms: number }): Promise<number> {
    const datagram = new Uint8Array(size);
    const window = windowOf(size);
    let sent = 0;
    underWay = 0;
    for (const end = performance.now() + ms; performance.now() < end;) {
      for (; underWay < window; underWay++) {
        socket.send(datagram);
        sent += size;
      }
      await new Promise<void>((resolve) => {
        const timer = setTimeout(() => {
          underWay = 0;
          resolve();
        }, PATIENCE);
        onCredit = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    return sent;
  },

  /** The receiver gets ready for the next run. */
  begin(): void {
    bytes = 0;
  },

  /** What arrived since `begin`, once nothing comes any more. */
  async taken(): Promise<Taken> {
    for (let before = -1; before !== bytes;) {
      before = bytes;
      await new Promise((resolve) => setTimeout(resolve, PATIENCE));
    }
    return { bytes, ms: last - first };
  },
});
