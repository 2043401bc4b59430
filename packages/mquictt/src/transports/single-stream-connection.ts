/** A connection over a socket of Node whose one stream is the control stream: what TCP, TLS and WebSocket have in common. */
import type { Socket } from 'node:net';
import type { SocketAddress } from '@mquictt/quic-node';
import type { Client } from './client-certificate.ts';
import { addressOf, ClosingConnection } from './closing-connection.ts';
import { ControlStream } from './control-stream.ts';
import type { Carrier } from './control-stream.ts';
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

export abstract class SingleStreamConnection extends ClosingConnection implements TransportConnection, Carrier {
  readonly kind: TransportKind;
  readonly listener: string;
  readonly remoteAddress: SocketAddress;
  readonly peerIdentity: string | undefined;
  readonly peerCertificates: readonly Uint8Array[];
  protected readonly stream: ControlStream;
  readonly #socket: Socket;
  readonly #onAccepted: () => void;
  #onStream: ((stream: TransportStream) => void) | undefined = undefined;
  #error: Error | undefined = undefined;

  /** @param socket that carries it, for its counters and for when it has drained */
  constructor(socket: Socket, { kind, listener, client, onAccepted }: ConnectionContext) {
    super();
    this.kind = kind;
    this.listener = listener;
    this.remoteAddress = addressOf(socket);
    this.peerIdentity = client.identity;
    this.peerCertificates = client.certificates;
    this.stream = new ControlStream(this);
    this.#socket = socket;
    this.#onAccepted = onAccepted;
    socket.on('drain', () => {
      this.stream.drained();
      this.drained();
    });
  }

  get onStream(): ((stream: TransportStream) => void) | undefined {
    return this.#onStream;
  }

  set onStream(callback: ((stream: TransportStream) => void) | undefined) {
    const isFirst = this.#onStream === undefined;
    this.#onStream = callback;
    if (isFirst) callback?.(this.stream);
  }

  accepted(): void {
    this.#onAccepted();
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

  /** The first reason is the one that `closed` tells. */
  protected fail(error: Error): void {
    this.#error ??= error;
  }

  /** The carrier is gone. */
  protected over(): void {
    this.stream.close();
    this.settle(this.#error);
  }

  protected override get isBlocked(): boolean {
    return this.stream.isBlocked;
  }

  protected override discardInput(): void {
    this.stream.stop();
  }

  abstract ping(): boolean;
  abstract get bufferedBytes(): number;
  abstract write(data: Uint8Array): void;
  abstract end(): void;
  abstract pause(): void;
  abstract resume(): void;
}
