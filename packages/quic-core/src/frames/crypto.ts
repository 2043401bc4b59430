/** CRYPTO and NEW_TOKEN frames (RFC 9000 §19.6, §19.7). */
import type { Reader, Writer } from '../cursor.ts';
import { varintSize } from '../cursor.ts';
import { TransportError, TransportErrorCode } from '../errors.ts';
import { FrameType } from './frame-type.ts';
import type { FrameHandler } from './handler.ts';
import { lengthPrefixedCapacity } from './stream.ts';

/** Bytes before the data. */
export function cryptoHeaderSize(offset: number, length: number): number {
  return 1 + varintSize(offset) + varintSize(length);
}

/** The most data that a CRYPTO frame can carry in `room` bytes; -1 when not even an empty frame fits. */
export function cryptoDataCapacity(offset: number, room: number): number {
  return lengthPrefixedCapacity(room - 1 - varintSize(offset));
}

/** Writes everything before the data; `length` bytes of data must follow. */
export function writeCryptoHeader(writer: Writer, offset: number, length: number): void {
  writer.uint8(FrameType.CRYPTO);
  writer.varint(offset);
  writer.varint(length);
}

export function readCrypto(reader: Reader, type: number, handler: FrameHandler): void {
  const offset = reader.varint();
  const length = reader.varint();
  const start = reader.skip(length);
  if (reader.failed) return;
  // RFC 9000 §19.6: the end is at most 2^62-1; see readStream() for ours.
  if (offset + length > Number.MAX_SAFE_INTEGER) {
    throw new TransportError(TransportErrorCode.FRAME_ENCODING_ERROR, 'CRYPTO data beyond the largest offset', type);
  }
  handler.onCrypto(offset, reader.buffer, start, start + length);
}

export function newTokenSize(tokenLength: number): number {
  return 1 + varintSize(tokenLength) + tokenLength;
}

/** @param token not empty */
export function writeNewToken(writer: Writer, token: Uint8Array): void {
  writer.uint8(FrameType.NEW_TOKEN);
  writer.varint(token.length);
  writer.bytes(token);
}

export function readNewToken(reader: Reader, type: number, handler: FrameHandler): void {
  const length = reader.varint();
  const start = reader.skip(length);
  if (reader.failed) return;
  // RFC 9000 §19.7: an empty token is a FRAME_ENCODING_ERROR.
  if (length === 0) throw new TransportError(TransportErrorCode.FRAME_ENCODING_ERROR, 'Empty NEW_TOKEN', type);
  handler.onNewToken(reader.buffer, start, start + length);
}
