/**
 * A UDP socket on node:dgram.
 *
 * Sending costs what node:dgram costs and nothing more: no callback, no name look-up, no copy. Without a callback the system's answer to
 * a single datagram (unreachable, too long, no buffer space) is lost, which is how QUIC sees it as well: a lost datagram.
 *
 * Not offered by node:dgram, and therefore not here: segmentation offload, several datagrams per system call, ECN, the don't-fragment bit.
 */
import { createSocket, type RemoteInfo, type Socket, type SocketOptions } from 'node:dgram';
import { isIPv6 } from 'node:net';
import type { DatagramBatch } from '@mquictt/quic-core';
import { formatAddress } from './addresses.ts';
import { QuicNodeError } from './errors.ts';
import type { UdpSocket, UdpSocketOptions } from './runtime.ts';

const DEFAULT_BUFFER_SIZE = 4_194_304;
/** Below this a smaller kernel buffer is not tried: it is less than systems give unasked. */
const MIN_BUFFER_SIZE = 131_072;
/** ms between two looks at a full send queue; node:dgram has no event for it. */
const QUEUE_POLL_INTERVAL = 1;

/** Addresses are always numeric here: the synchronous answer spares each datagram a trip through the resolver. */
const numericLookup: NonNullable<SocketOptions['lookup']> = (address, _options, callback) => {
  callback(null, address, isIPv6(address) ? 6 : 4);
};

/** @throws QuicNodeError ERR_QUIC_BIND */
export async function bindNodeSocket(options: UdpSocketOptions): Promise<UdpSocket> {
  const socket = createSocket({
    type: isIPv6(options.address) ? 'udp6' : 'udp4',
    lookup: numericLookup,
  });
  await new Promise<void>((resolve, reject) => {
    const onError = (cause: NodeJS.ErrnoException): void => {
      socket.close();
      reject(bindError(options, cause));
    };
    socket.once('error', onError);
    socket.bind({ address: options.address, port: options.port }, () => {
      socket.off('error', onError);
      resolve();
    });
  });
  tryBufferSize(options.receiveBufferSize ?? DEFAULT_BUFFER_SIZE, (size) => socket.setRecvBufferSize(size));
  tryBufferSize(options.sendBufferSize ?? DEFAULT_BUFFER_SIZE, (size) => socket.setSendBufferSize(size));
  return new NodeSocket(socket, options);
}

/** Exported for its test. */
export class NodeSocket implements UdpSocket {
  readonly address: string;
  readonly port: number;
  readonly #socket: Socket;
  readonly #onWritable: () => void;
  /** The first datagram of the next send() is in the system's queue already. */
  #isFirstQueued: boolean = false;
  #poll: NodeJS.Timeout | undefined = undefined;
  #closing: Promise<void> | undefined = undefined;

  constructor(socket: Socket, options: UdpSocketOptions) {
    const { address, port } = socket.address();
    this.address = address;
    this.port = port;
    this.#socket = socket;
    this.#onWritable = options.onWritable;
    socket.on('message', (data: Uint8Array, remote: RemoteInfo) => {
      if (this.#closing === undefined) options.onDatagram(data, remote.address, remote.port);
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      // An ICMP answer to one of our datagrams surfaces here; the socket is none the worse for it.
      if (error.syscall !== 'send' && error.syscall !== 'recvmsg') options.onError(error);
    });
  }

  send(batch: DatagramBatch, from: number): number {
    if (this.#closing !== undefined) return batch.count - from;
    const socket = this.#socket;
    let i = from;
    if (this.#isFirstQueued) {
      if (socket.getSendQueueCount() > 0) return this.#wait();
      this.#isFirstQueued = false;
      i++;
    }
    for (; i < batch.count; i++) {
      const start = batch.start[i]!;
      try {
        socket.send(batch.buffer, start, batch.end[i]! - start, batch.port[i]!, batch.address[i]!);
      } catch {
        // An address that cannot be sent to: lost, like any other.
        continue;
      }
      // Node hands the datagram to the system at once unless the system's buffer is full. Then it is queued, and the queue points into
      // this batch: the datagram counts as not taken until the queue is empty, which keeps the batch as it is, and is then skipped.
      if (socket.getSendQueueCount() > 0) {
        this.#isFirstQueued = true;
        this.#wait();
        return i - from;
      }
    }
    return i - from;
  }

  unref(): void {
    this.#socket.unref();
  }

  close(): Promise<void> {
    this.#closing ??= new Promise((resolve) => {
      clearTimeout(this.#poll);
      this.#socket.close(resolve);
    });
    return this.#closing;
  }

  #wait(): number {
    this.#poll ??= setTimeout(() => {
      this.#poll = undefined;
      if (this.#socket.getSendQueueCount() > 0) this.#wait();
      else this.#onWritable();
    }, QUEUE_POLL_INTERVAL).unref();
    return 0;
  }
}

/** Systems differ in whether they cap a size that is too large or refuse it. */
function tryBufferSize(size: number, set: (size: number) => void): void {
  for (let wanted = size; ; wanted >>>= 1) {
    try {
      set(wanted);
      return;
    } catch {
      if (wanted < 2 * MIN_BUFFER_SIZE) return;
    }
  }
}

function bindError(options: UdpSocketOptions, cause: NodeJS.ErrnoException): QuicNodeError {
  const where = formatAddress({ host: options.address, port: options.port });
  const reasons: Record<string, string> = {
    EADDRINUSE: 'the port is in use',
    EADDRNOTAVAIL: 'this machine does not have the address',
    EACCES: 'the port is reserved for privileged users',
  };
  return new QuicNodeError(
    'ERR_QUIC_BIND',
    `Could not bind UDP ${where}: ${reasons[cause.code ?? ''] ?? cause.message}`,
    {
      cause,
    },
  );
}
