/** A WebSocket connection (MQTT 5 §6): binary frames whose borders mean nothing. */
import type { Socket } from 'node:net';
import type { SocketAddress } from '@mquictt/quic-node';
import type { RawData, WebSocket } from 'ws';
import { ReasonCode } from '../reason-codes.ts';
import { addressOf, ClosingConnection } from './closing-connection.ts';
import { ControlStream } from './control-stream.ts';
import type { Carrier } from './control-stream.ts';
import type { ConnectionContext } from './socket-connection.ts';
import type { TransportConnection, TransportKind, TransportStats, TransportStream } from './transport.ts';

/** RFC 6455 §7.4.1 */
const NORMAL_CLOSURE = 1000;
const GOING_AWAY = 1001;
const UNSUPPORTED_DATA = 1003;
const POLICY_VIOLATION = 1008;
/** RFC 6455 §5.5: a control frame has 125 bytes, two of them are the code. */
const MAX_REASON = 123;

const BINARY = { binary: true, compress: false };

export class WebSocketConnection extends ClosingConnection implements TransportConnection, Carrier {
  readonly kind: TransportKind;
  readonly listener: string;
  readonly remoteAddress: SocketAddress;
  readonly peerIdentity: string | undefined;
  readonly peerCertificates: readonly Uint8Array[];
  readonly #webSocket: WebSocket;
  readonly #socket: Socket;
  readonly #stream: ControlStream;
  readonly #onAccepted: () => void;
  #onStream: ((stream: TransportStream) => void) | undefined = undefined;
  #error: Error | undefined = undefined;

  /** @param socket that carries it, for its counters and for when it has drained */
  constructor(webSocket: WebSocket, socket: Socket, { kind, listener, client, onAccepted }: ConnectionContext) {
    super();
    this.kind = kind;
    this.listener = listener;
    this.remoteAddress = addressOf(socket);
    this.peerIdentity = client.identity;
    this.peerCertificates = client.certificates;
    this.#webSocket = webSocket;
    this.#socket = socket;
    this.#onAccepted = onAccepted;
    const stream = new ControlStream(this);
    this.#stream = stream;
    webSocket.on('message', (data: RawData, isBinary: boolean) => this.#onMessage(data, isBinary));
    socket.on('drain', () => {
      stream.drained();
      this.drained();
    });
    // What is wrong with a frame; ws closes the connection with the code for it.
    webSocket.on('error', (error) => {
      this.#error ??= error;
    });
    webSocket.on('close', () => {
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

  /** Also keeps proxies on the way from taking the connection for idle. */
  ping(): boolean {
    if (this.#webSocket.readyState === this.#webSocket.OPEN) this.#webSocket.ping();
    return true;
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
    return this.#webSocket.bufferedAmount;
  }

  write(data: Uint8Array): void {
    if (this.#webSocket.readyState === this.#webSocket.OPEN) this.#webSocket.send(data, BINARY);
  }

  /** A WebSocket has no halves that end alone: close() follows. */
  end(): void {}

  pause(): void {
    this.#webSocket.pause();
  }

  resume(): void {
    this.#webSocket.resume();
  }

  destroy(): void {
    this.#webSocket.terminate();
  }

  // --- How close() goes ---

  protected override get isBlocked(): boolean {
    return this.#stream.isBlocked;
  }

  protected override discardInput(): void {
    this.#stream.stop();
  }

  protected override endOrderly(errorCode: number, reason: string): void {
    this.#webSocket.close(closeCode(errorCode), cut(reason));
  }

  #onMessage(data: RawData, isBinary: boolean): void {
    // [MQTT-6.0.0-1]
    if (!isBinary) {
      this.#error ??= new Error('A frame of text came over WebSocket, where MQTT takes binary ones only');
      this.discardInput();
      this.#webSocket.close(UNSUPPORTED_DATA, 'MQTT takes binary frames only');
      return;
    }
    // Buffers, as binaryType is left as it is.
    this.#stream.receive(data as Buffer);
  }
}

function closeCode(errorCode: number): number {
  if (errorCode === ReasonCode.SUCCESS) return NORMAL_CLOSURE;
  return errorCode === ReasonCode.SERVER_SHUTTING_DOWN ? GOING_AWAY : POLICY_VIOLATION;
}

/** Reasons are ours and ASCII but for what they cite. */
function cut(reason: string): string {
  return Buffer.byteLength(reason) <= MAX_REASON ? reason : reason.replace(/[^\x20-\x7e]/g, '?').slice(0, MAX_REASON);
}
