/**
 * The world as quic-node sees it: clock, timer, random bytes and UDP sockets. `nodeRuntime` binds it to node:dgram and real time; the simulator in
 * testkit implements the same interface in virtual time, so that everything above runs in both unchanged.
 */
import type { DatagramBatch } from '@mquictt/quic-core';
import type { Random } from '@mquictt/tls13';

/** One timer that is set again and again. It does not keep the process alive unless asked to. */
export interface Timer {
  /** Calls back once at `deadline` (ms on the runtime's clock), instead of any earlier setting. A deadline in the past fires in the next turn. */
  set(deadline: number): void;
  /** Forgets the setting. The timer may be set again. */
  clear(): void;
}

/** One bound UDP socket. */
export interface UdpSocket {
  /** Local IP address and port as bound (port 0 has become a real one). */
  readonly address: string;
  readonly port: number;
  /**
   * Sends datagrams `from`..batch.count-1 of the batch, all of which belong to this socket. The bytes may be reused as soon as it returns.
   * Errors of single datagrams (unreachable, too long, no buffer space) count as loss and are not reported.
   * @returns how many were taken; fewer than offered when the system's queue is full: `onWritable` is called when it has room again. Until
   *   then the batch stays as it is, and afterwards the next call goes on with the first datagram that was not taken.
   */
  send(batch: DatagramBatch, from: number): number;
  /** From now on an open socket does not keep the process alive. */
  unref?(): void;
  /** Stops receiving and frees the port. Nothing is called back afterwards. */
  close(): Promise<void>;
}

export interface UdpSocketOptions {
  /** Local IP address. */
  readonly address: string;
  /** 0 = any free one. */
  readonly port: number;
  /** Kernel buffer sizes asked for, bytes; the system may grant less. @default 4 MiB each */
  readonly receiveBufferSize?: number;
  readonly sendBufferSize?: number;
  /** Called for each datagram; `data` is valid until the call returns. */
  readonly onDatagram: (data: Uint8Array, address: string, port: number) => void;
  /** Called once after send() took fewer than offered. */
  readonly onWritable: () => void;
  /** The socket died (not: one datagram could not be sent). */
  readonly onError: (error: Error) => void;
}

export interface Runtime {
  /** Fractional ms on a monotonic clock. */
  now(): number;
  /** Wall clock, ms since 1970. */
  unixTime(): number;
  readonly random: Random;
  /** @param options.ref keep the process alive while the timer is set. @default false */
  createTimer(callback: () => void, options?: { readonly ref?: boolean }): Timer;
  /** Runs `callback` once after what is at hand now (setImmediate: right after the poll phase that delivered datagrams). */
  schedule(callback: () => void): void;
  bind(options: UdpSocketOptions): Promise<UdpSocket>;
  /** @returns IP addresses of a host name, best first; an IP literal is returned as it is. */
  lookup(hostname: string): Promise<readonly string[]>;
}
