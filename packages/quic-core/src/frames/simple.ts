/** Frames without fields: PADDING, PING and HANDSHAKE_DONE (RFC 9000 §19.1, §19.2, §19.20). Each takes one byte. */
import type { Reader, Writer } from '../cursor.ts';
import { FrameType } from './frame-type.ts';
import type { FrameHandler } from './handler.ts';

/** @param length bytes of padding, each a frame of its own */
export function writePadding(writer: Writer, length: number): void {
  writer.fill(FrameType.PADDING, length);
}

/** Takes all the padding that follows at once. */
export function readPadding(reader: Reader, _type: number, _handler: FrameHandler): void {
  const buffer = reader.buffer;
  const end = reader.end;
  let at = reader.position;
  while (at < end && buffer[at] === FrameType.PADDING) at++;
  reader.position = at;
}

export function writePing(writer: Writer): void {
  writer.uint8(FrameType.PING);
}

export function readPing(_reader: Reader, _type: number, handler: FrameHandler): void {
  handler.onPing();
}

export function writeHandshakeDone(writer: Writer): void {
  writer.uint8(FrameType.HANDSHAKE_DONE);
}

export function readHandshakeDone(_reader: Reader, _type: number, handler: FrameHandler): void {
  handler.onHandshakeDone();
}
