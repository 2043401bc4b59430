/** A FrameHandler that writes down what it is told, one line per frame. */
import type { FrameHandler } from '../../src/frames/handler.ts';
import { toHex } from './vectors.ts';

export class RecordingHandler implements FrameHandler {
  readonly frames: string[] = [];

  #add(...words: unknown[]): void {
    this.frames.push(words.join(' '));
  }

  onPing(): void {
    this.#add('PING');
  }

  onAck(
    largest: number,
    ackDelay: number,
    ranges: Float64Array,
    rangeCount: number,
    ect0: number,
    ect1: number,
    ce: number,
  ): void {
    let text = '';
    for (let i = 0; i < rangeCount; i++) text += `[${ranges[2 * i]},${ranges[2 * i + 1]})`;
    this.#add('ACK', largest, ackDelay, text, ect0, ect1, ce);
  }

  onResetStream(id: number, errorCode: number, finalSize: number): void {
    this.#add('RESET_STREAM', id, errorCode, finalSize);
  }

  onStopSending(id: number, errorCode: number): void {
    this.#add('STOP_SENDING', id, errorCode);
  }

  onCrypto(offset: number, buffer: Uint8Array, start: number, end: number): void {
    this.#add('CRYPTO', offset, toHex(buffer.subarray(start, end)));
  }

  onNewToken(buffer: Uint8Array, start: number, end: number): void {
    this.#add('NEW_TOKEN', toHex(buffer.subarray(start, end)));
  }

  onStream(id: number, offset: number, buffer: Uint8Array, start: number, end: number, fin: boolean): void {
    this.#add('STREAM', id, offset, toHex(buffer.subarray(start, end)), fin);
  }

  onMaxData(maximum: number): void {
    this.#add('MAX_DATA', maximum);
  }

  onMaxStreamData(id: number, maximum: number): void {
    this.#add('MAX_STREAM_DATA', id, maximum);
  }

  onMaxStreams(bidirectional: boolean, maximum: number): void {
    this.#add('MAX_STREAMS', bidirectional, maximum);
  }

  onDataBlocked(limit: number): void {
    this.#add('DATA_BLOCKED', limit);
  }

  onStreamDataBlocked(id: number, limit: number): void {
    this.#add('STREAM_DATA_BLOCKED', id, limit);
  }

  onStreamsBlocked(bidirectional: boolean, limit: number): void {
    this.#add('STREAMS_BLOCKED', bidirectional, limit);
  }

  onNewConnectionId(
    sequence: number,
    retirePriorTo: number,
    buffer: Uint8Array,
    cidStart: number,
    cidLength: number,
    tokenStart: number,
  ): void {
    const cid = toHex(buffer.subarray(cidStart, cidStart + cidLength));
    this.#add('NEW_CONNECTION_ID', sequence, retirePriorTo, cid, toHex(buffer.subarray(tokenStart, tokenStart + 16)));
  }

  onRetireConnectionId(sequence: number): void {
    this.#add('RETIRE_CONNECTION_ID', sequence);
  }

  onPathChallenge(buffer: Uint8Array, start: number): void {
    this.#add('PATH_CHALLENGE', toHex(buffer.subarray(start, start + 8)));
  }

  onPathResponse(buffer: Uint8Array, start: number): void {
    this.#add('PATH_RESPONSE', toHex(buffer.subarray(start, start + 8)));
  }

  onConnectionClose(
    application: boolean,
    errorCode: number,
    frameType: number,
    buffer: Uint8Array,
    reasonStart: number,
    reasonEnd: number,
  ): void {
    this.#add('CONNECTION_CLOSE', application, errorCode, frameType, toHex(buffer.subarray(reasonStart, reasonEnd)));
  }

  onHandshakeDone(): void {
    this.#add('HANDSHAKE_DONE');
  }
}
