/** A TCP or TLS connection. */
import type { Socket } from 'node:net';
import { SingleStreamConnection, type ConnectionContext } from './single-stream-connection.ts';

export class SocketConnection extends SingleStreamConnection {
  readonly #socket: Socket;

  constructor(socket: Socket, context: ConnectionContext) {
    super(socket, context);
    this.#socket = socket;
    const { stream } = this;
    socket.on('data', (chunk: Uint8Array) => stream.receive(chunk));
    socket.on('end', () => stream.receiveEnd());
    socket.on('error', (error) => this.fail(error));
    socket.on('close', () => this.over());
  }

  /** The kernel's keep-alive looks after that. */
  ping(): boolean {
    return false;
  }

  get bufferedBytes(): number {
    return this.#socket.writableLength;
  }

  write(data: Uint8Array): void {
    this.#socket.write(data);
  }

  end(): void {
    this.#socket.end();
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  protected override endOrderly(): void {
    this.#socket.end();
  }
}
