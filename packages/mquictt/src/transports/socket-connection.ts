/** A TCP or TLS connection. */
import type { Socket } from 'node:net';
import type { SocketAddress } from '@mquictt/quic-node';
import { ControlStream } from './control-stream.ts';
import type { Carrier } from './control-stream.ts';
import { addressOf, ClosingConnection } from './closing-connection.ts';
import type { Client } from './client-certificate.ts';
import type { TransportConnection, TransportKind, TransportStats, TransportStream } from './transport.ts';

export interface ConnectionContext {
  readonly kind: TransportKind;
  /** Name of the listener. */
  readonly listener: string;
  /** What is known of the client by its certificate. */
  readonly client: Client;
  /** Told that CONNECT was accepted. */
  readonly onAccepted: () => void;
}

export class SocketConnection extends ClosingConnection implements TransportConnection, Carrier {
  readonly kind: TransportKind;
  readonly listener: string;
  readonly remoteAddress: SocketAddress;
  readonly peerIdentity: string | undefined;
  readonly peerCertificates: readonly Uint8Array[];
  readonly #socket: Socket;
  readonly #stream: ControlStream;
  readonly #onAccepted: () => void;
  #onStream: ((stream: TransportStream) => void) | undefined = undefined;
  #error: Error | undefined = undefined;

  constructor(socket: Socket, { kind, listener, client, onAccepted }: ConnectionContext) {
    super();
    this.kind = kind;
    this.listener = listener;
    this.remoteAddress = addressOf(socket);
    this.peerIdentity = client.identity;
    this.peerCertificates = client.certificates;
    this.#socket = socket;
    this.#onAccepted = onAccepted;
    const stream = new ControlStream(this);
    this.#stream = stream;
    socket.on('data', (chunk: Uint8Array) => stream.receive(chunk));
    socket.on('end', () => stream.receiveEnd());
    socket.on('drain', () => {
      stream.drained();
      this.drained();
    });
    socket.on('error', (error) => {
      this.#error ??= error;
    });
    socket.on('close', () => {
      stream.close();
      this.settle(this.#error);
    });
  }

  get onStream(): ((stream: TransportStream) => void) | undefined {
    return this.#onStream;
  }

  set onStream(callback: ((stream: TransportStream) => void) | undefined) {
    const isFirst = this.#onStream === undefined;
    this.#onStream = callback;
    if (isFirst) callback?.(this.#stream);
  }

  accepted(): void {
    this.#onAccepted();
  }

  /** The kernel's keep-alive looks after that. */
  ping(): boolean {
    return false;
  }

  stats(): TransportStats {
    const { bytesRead, bytesWritten } = this.#socket;
    return {
      bytesReceived: bytesRead,
      bytesSent: bytesWritten,
      rtt: undefined,
      packetsSent: undefined,
      packetsLost: undefined,
    };
  }

  // --- What the stream calls ---

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

  // --- How close() goes ---

  protected override get isBlocked(): boolean {
    return this.#stream.isBlocked;
  }

  protected override discardInput(): void {
    this.#stream.stop();
  }

  protected override endOrderly(): void {
    this.#socket.end();
  }
}
