/** How a connection over a socket of Node ends: what was written leaves first, within a time, and the peer may end its half. */
import type { Socket } from 'node:net';
import { plainAddress } from '@mquictt/quic-node';
import type { SocketAddress } from '@mquictt/quic-node';
import type { TransportCloseOptions } from './transport.ts';

/** ms that close() waits unless told otherwise. */
const CLOSE_DEADLINE = 5_000;

export abstract class ClosingConnection {
  readonly closed: Promise<Error | undefined>;
  #settle: (error: Error | undefined) => void = () => {};
  #closing: { readonly errorCode: number; readonly reason: string } | undefined = undefined;
  #isEnding = false;
  #timer: NodeJS.Timeout | undefined = undefined;

  constructor() {
    this.closed = new Promise((resolve) => {
      this.#settle = resolve;
    });
  }

  close(options: TransportCloseOptions = {}): Promise<void> {
    const { errorCode = 0, reason = '', deadline = CLOSE_DEADLINE, immediate = false } = options;
    if (this.#closing === undefined) {
      this.#closing = { errorCode, reason };
      // Unread bytes would make the system end the connection with a reset, which can destroy our last words on their way.
      this.discardInput();
      this.#timer = setTimeout(() => this.destroy(), deadline);
      if (!this.isBlocked) this.#end();
    }
    if (immediate) this.destroy();
    return this.closed.then(() => undefined);
  }

  /** Everything that was written has been taken by the system, and the stream's writer has had the opportunity to write more. */
  protected drained(): void {
    if (this.#closing !== undefined && !this.isBlocked) this.#end();
  }

  /** The connection is over. */
  protected settle(error: Error | undefined): void {
    clearTimeout(this.#timer);
    this.#settle(error);
  }

  #end(): void {
    if (this.#isEnding || this.#closing === undefined) return;
    this.#isEnding = true;
    this.endOrderly(this.#closing.errorCode, this.#closing.reason);
  }

  /** Whether the stream's writer waits to write more. */
  protected abstract get isBlocked(): boolean;
  protected abstract discardInput(): void;
  protected abstract endOrderly(errorCode: number, reason: string): void;
  abstract destroy(): void;
}

/** The address of the other end, which a socket forgets when it is closed. */
export function addressOf(socket: Socket): SocketAddress {
  return { host: plainAddress(socket.remoteAddress ?? ''), port: socket.remotePort ?? 0 };
}
