/** Limits and complaints about them: MAX_DATA to STREAMS_BLOCKED (RFC 9000 §19.9 to §19.14). */
import type { Reader, Writer } from '../cursor.ts';
import { varintSize } from '../cursor.ts';
import { TransportError, TransportErrorCode } from '../errors.ts';
import { exceedsMaxStreams } from '../stream-count.ts';
import { FrameType } from './frame-type.ts';
import type { FrameHandler } from './handler.ts';

export function maxDataSize(maximum: number): number {
  return 1 + varintSize(maximum);
}

export function writeMaxData(writer: Writer, maximum: number): void {
  writer.uint8(FrameType.MAX_DATA);
  writer.varint(maximum);
}

export function readMaxData(reader: Reader, _type: number, handler: FrameHandler): void {
  const maximum = reader.varint();
  if (!reader.failed) handler.onMaxData(maximum);
}

export function maxStreamDataSize(id: number, maximum: number): number {
  return 1 + varintSize(id) + varintSize(maximum);
}

export function writeMaxStreamData(writer: Writer, id: number, maximum: number): void {
  writer.uint8(FrameType.MAX_STREAM_DATA);
  writer.varint(id);
  writer.varint(maximum);
}

export function readMaxStreamData(reader: Reader, _type: number, handler: FrameHandler): void {
  const id = reader.varint();
  const maximum = reader.varint();
  if (!reader.failed) handler.onMaxStreamData(id, maximum);
}

export function maxStreamsSize(maximum: number): number {
  return 1 + varintSize(maximum);
}

export function writeMaxStreams(writer: Writer, bidirectional: boolean, maximum: number): void {
  writer.uint8(bidirectional ? FrameType.MAX_STREAMS_BIDI : FrameType.MAX_STREAMS_UNI);
  writer.varint(maximum);
}

export function readMaxStreams(reader: Reader, type: number, handler: FrameHandler): void {
  const maximum = readStreamCount(reader, type);
  if (!reader.failed) handler.onMaxStreams(type === FrameType.MAX_STREAMS_BIDI, maximum);
}

export function dataBlockedSize(limit: number): number {
  return 1 + varintSize(limit);
}

export function writeDataBlocked(writer: Writer, limit: number): void {
  writer.uint8(FrameType.DATA_BLOCKED);
  writer.varint(limit);
}

export function readDataBlocked(reader: Reader, _type: number, handler: FrameHandler): void {
  const limit = reader.varint();
  if (!reader.failed) handler.onDataBlocked(limit);
}

export function streamDataBlockedSize(id: number, limit: number): number {
  return 1 + varintSize(id) + varintSize(limit);
}

export function writeStreamDataBlocked(writer: Writer, id: number, limit: number): void {
  writer.uint8(FrameType.STREAM_DATA_BLOCKED);
  writer.varint(id);
  writer.varint(limit);
}

export function readStreamDataBlocked(reader: Reader, _type: number, handler: FrameHandler): void {
  const id = reader.varint();
  const limit = reader.varint();
  if (!reader.failed) handler.onStreamDataBlocked(id, limit);
}

export function streamsBlockedSize(limit: number): number {
  return 1 + varintSize(limit);
}

export function writeStreamsBlocked(writer: Writer, bidirectional: boolean, limit: number): void {
  writer.uint8(bidirectional ? FrameType.STREAMS_BLOCKED_BIDI : FrameType.STREAMS_BLOCKED_UNI);
  writer.varint(limit);
}

export function readStreamsBlocked(reader: Reader, type: number, handler: FrameHandler): void {
  const limit = readStreamCount(reader, type);
  if (!reader.failed) handler.onStreamsBlocked(type === FrameType.STREAMS_BLOCKED_BIDI, limit);
}

function readStreamCount(reader: Reader, type: number): number {
  const at = reader.position;
  const count = reader.varint();
  // RFC 9000 §19.11, §19.14: more than 2^60 streams cannot be numbered.
  if (!reader.failed && exceedsMaxStreams(reader.buffer, at, count)) {
    throw new TransportError(TransportErrorCode.FRAME_ENCODING_ERROR, 'Limit of more than 2^60 streams', type);
  }
  return count;
}
