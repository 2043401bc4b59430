/** PATH_CHALLENGE and PATH_RESPONSE frames (RFC 9000 §19.17, §19.18). */
import type { Reader, Writer } from '../cursor.ts';
import { FrameType } from './frame-type.ts';
import type { FrameHandler } from './handler.ts';

/** Bytes of unpredictable data in both frames. */
export const PATH_DATA_LENGTH = 8;
/** Bytes of either frame. */
export const PATH_FRAME_SIZE = 9;

/** @param data 8 bytes */
export function writePathChallenge(writer: Writer, data: Uint8Array): void {
  writer.uint8(FrameType.PATH_CHALLENGE);
  writer.bytes(data);
}

export function readPathChallenge(reader: Reader, _type: number, handler: FrameHandler): void {
  const start = reader.skip(PATH_DATA_LENGTH);
  if (!reader.failed) handler.onPathChallenge(reader.buffer, start);
}

/** @param data the 8 bytes of the challenge */
export function writePathResponse(writer: Writer, data: Uint8Array): void {
  writer.uint8(FrameType.PATH_RESPONSE);
  writer.bytes(data);
}

export function readPathResponse(reader: Reader, _type: number, handler: FrameHandler): void {
  const start = reader.skip(PATH_DATA_LENGTH);
  if (!reader.failed) handler.onPathResponse(reader.buffer, start);
}
