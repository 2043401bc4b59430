/** STREAM, RESET_STREAM and STOP_SENDING frames (RFC 9000 §19.4, §19.5, §19.8). */
import type { Reader, Writer } from '../cursor.ts';
import { varintSize } from '../cursor.ts';
import { TransportError, TransportErrorCode } from '../errors.ts';
import { FrameType, STREAM_FIN, STREAM_LEN, STREAM_OFF } from './frame-type.ts';
import type { FrameHandler } from './handler.ts';

/** Bytes before the data. @param hasLength false: the data reaches to the end of the packet */
export function streamHeaderSize(id: number, offset: number, length: number, hasLength: boolean): number {
  return 1 + varintSize(id) + (offset === 0 ? 0 : varintSize(offset)) + (hasLength ? varintSize(length) : 0);
}

/**
 * The most data that a STREAM frame with a Length field can carry in `room` bytes.
 *
 * @returns bytes, 0 or more, or -1 when not even an empty frame fits
 */
export function streamDataCapacity(id: number, offset: number, room: number): number {
  return lengthPrefixedCapacity(room - streamHeaderSize(id, offset, 0, false));
}

/** The most bytes that fit into `room` behind a varint of their number; -1 when not even that fits. */
export function lengthPrefixedCapacity(room: number): number {
  if (room < 1) return -1;
  if (room <= 0x40) return room - 1;
  if (room <= 0x4001) return room - 2 < 0x40 ? 0x3f : room - 2;
  return room - 4 < 0x4000 ? 0x3fff : room - 4;
}

/** Writes everything before the data; `length` bytes of data must follow. */
export function writeStreamHeader(
  writer: Writer,
  id: number,
  offset: number,
  length: number,
  hasLength: boolean,
  fin: boolean,
): void {
  writer.uint8(
    FrameType.STREAM | (offset === 0 ? 0 : STREAM_OFF) | (hasLength ? STREAM_LEN : 0) | (fin ? STREAM_FIN : 0),
  );
  writer.varint(id);
  if (offset !== 0) writer.varint(offset);
  if (hasLength) writer.varint(length);
}

export function readStream(reader: Reader, type: number, handler: FrameHandler): void {
  const id = reader.varint();
  const offset = (type & STREAM_OFF) === 0 ? 0 : reader.varint();
  const length = (type & STREAM_LEN) === 0 ? reader.remaining : reader.varint();
  const start = reader.skip(length);
  if (reader.failed) return;
  // RFC 9000 §19.8: the end of a stream is at most 2^62-1. Ours ends at 2^53-1, which nobody can reach within a flow-control limit of ours.
  if (offset + length > Number.MAX_SAFE_INTEGER) {
    throw new TransportError(TransportErrorCode.FRAME_ENCODING_ERROR, 'STREAM data beyond the largest offset', type);
  }
  handler.onStream(id, offset, reader.buffer, start, start + length, (type & STREAM_FIN) !== 0);
}

export function resetStreamSize(id: number, errorCode: number, finalSize: number): number {
  return 1 + varintSize(id) + varintSize(errorCode) + varintSize(finalSize);
}

export function writeResetStream(writer: Writer, id: number, errorCode: number, finalSize: number): void {
  writer.uint8(FrameType.RESET_STREAM);
  writer.varint(id);
  writer.varint(errorCode);
  writer.varint(finalSize);
}

export function readResetStream(reader: Reader, _type: number, handler: FrameHandler): void {
  const id = reader.varint();
  const errorCode = reader.varint();
  const finalSize = reader.varint();
  if (!reader.failed) handler.onResetStream(id, errorCode, finalSize);
}

export function stopSendingSize(id: number, errorCode: number): number {
  return 1 + varintSize(id) + varintSize(errorCode);
}

export function writeStopSending(writer: Writer, id: number, errorCode: number): void {
  writer.uint8(FrameType.STOP_SENDING);
  writer.varint(id);
  writer.varint(errorCode);
}

export function readStopSending(reader: Reader, _type: number, handler: FrameHandler): void {
  const id = reader.varint();
  const errorCode = reader.varint();
  if (!reader.failed) handler.onStopSending(id, errorCode);
}
