/**
 * Sockets that have been accepted and have not brought a CONNECT that was: bounded in number, in time and in bytes, whatever part of TLS, HTTP, WebSocket
 * or MQTT they are stuck in. Beyond the number the oldest makes room, so that many that say nothing do not keep out one that does.
 */
import type { Socket } from 'node:net';
import { MAX_BYTES_BEFORE_CONNECT } from '../limits.ts';

/** ms between looks at what the oldest have sent and how old they are. */
const SWEEP_INTERVAL = 1_000;

export interface HalfOpenOptions {
  readonly maxCount: number;
  /** ms from the connection to CONNECT. */
  readonly deadline: number;
  /** Told why a connection was ended. */
  readonly onDropped: (address: string, why: string) => void;
}

interface Entry {
  readonly socket: Socket;
  readonly address: string;
  readonly since: number;
}

export class HalfOpen {
  readonly #options: HalfOpenOptions;
  /** Oldest first. */
  readonly #entries = new Map<string, Entry>();
  #timer: NodeJS.Timeout | undefined = undefined;

  constructor(options: HalfOpenOptions) {
    this.#options = options;
  }

  get count(): number {
    return this.#entries.size;
  }

  /** @param socket as accepted, before TLS */
  add(socket: Socket): void {
    const key = keyOf(socket);
    // Gone before we looked.
    if (key === undefined) {
      socket.destroy();
      return;
    }
    if (this.#entries.size >= this.#options.maxCount) {
      const [oldest] = this.#entries.values();
      this.#drop(oldest, 'Too many connections are half open, and this is the oldest of them');
    }
    this.#entries.set(key, { socket, address: key, since: performance.now() });
    // By then another may have come from there.
    socket.once('close', () => {
      if (this.#entries.get(key)?.socket === socket) this.remove(key);
    });
    this.#timer ??= setInterval(() => this.#sweep(), SWEEP_INTERVAL);
  }

  remove(key: string | undefined): void {
    if (key === undefined || !this.#entries.delete(key) || this.#entries.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  destroyAll(): void {
    for (const { socket } of this.#entries.values()) socket.destroy();
  }

  #sweep(): void {
    const { deadline } = this.#options;
    const now = performance.now();
    for (const entry of this.#entries.values()) {
      if (now - entry.since >= deadline) this.#drop(entry, 'No CONNECT came in time');
      else if (entry.socket.bytesRead > MAX_BYTES_BEFORE_CONNECT) this.#drop(entry, 'Too much came before CONNECT');
    }
  }

  #drop(entry: Entry, why: string): void {
    this.remove(entry.address);
    this.#options.onDropped(entry.address, why);
    entry.socket.destroy();
  }
}

/** Tells the connections of a listener apart: TLS makes a new socket of one that was accepted, with the same addresses. */
export function keyOf(socket: Socket): string | undefined {
  const { remoteAddress, remotePort, localAddress } = socket;
  return remoteAddress === undefined ? undefined : `${remoteAddress} ${remotePort} to ${localAddress}`;
}
