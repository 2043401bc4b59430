/** A WebSocket connection (MQTT 5 §6): binary frames whose borders mean nothing. */
import type { Socket } from 'node:net';
import type { RawData, WebSocket } from 'ws';
import { ReasonCode } from '../reason-codes.ts';
import { SingleStreamConnection, type ConnectionContext } from './single-stream-connection.ts';

/** RFC 6455 §7.4.1 */
const NORMAL_CLOSURE = 1000;
const GOING_AWAY = 1001;
const UNSUPPORTED_DATA = 1003;
const POLICY_VIOLATION = 1008;
/** RFC 6455 §5.5: a control frame has 125 bytes, two of them are the code. */
const MAX_REASON = 123;

const BINARY = { binary: true, compress: false };

export class WebSocketConnection extends SingleStreamConnection {
  readonly #webSocket: WebSocket;

  constructor(webSocket: WebSocket, socket: Socket, context: ConnectionContext) {
    super(socket, context);
    this.#webSocket = webSocket;
    webSocket.on('message', (data: RawData, isBinary: boolean) => this.#onMessage(data, isBinary));
    // What is wrong with a frame; ws closes the connection with the code for it.
    webSocket.on('error', (error) => this.fail(error));
    webSocket.on('close', () => this.over());
  }

  /** Also keeps proxies on the way from taking the connection for idle. */
  ping(): boolean {
    if (this.#webSocket.readyState === this.#webSocket.OPEN) this.#webSocket.ping();
    return true;
  }

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

  protected override endOrderly(errorCode: number, reason: string): void {
    this.#webSocket.close(closeCode(errorCode), cut(reason));
  }

  #onMessage(data: RawData, isBinary: boolean): void {
    // [MQTT-6.0.0-1]
    if (!isBinary) {
      this.fail(new Error('A frame of text came over WebSocket, where MQTT takes binary ones only'));
      this.discardInput();
      this.#webSocket.close(UNSUPPORTED_DATA, 'MQTT takes binary frames only');
      return;
    }
    // Buffers, as binaryType is left as it is.
    this.stream.receive(data as Buffer);
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
