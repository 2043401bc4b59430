/** NEW_CONNECTION_ID and RETIRE_CONNECTION_ID frames (RFC 9000 §19.15, §19.16). */
import type { Reader, Writer } from '../cursor.ts';
import { varintSize } from '../cursor.ts';
import { TransportError, TransportErrorCode } from '../errors.ts';
import { MAX_CONNECTION_ID_LENGTH } from '../limits.ts';
import { FrameType } from './frame-type.ts';
import type { FrameHandler } from './handler.ts';

/** Length of a stateless reset token, bytes (RFC 9000 §10.3). */
export const RESET_TOKEN_LENGTH = 16;

export function newConnectionIdSize(sequence: number, retirePriorTo: number, cidLength: number): number {
  return 1 + varintSize(sequence) + varintSize(retirePriorTo) + 1 + cidLength + RESET_TOKEN_LENGTH;
}

/** @param cid 1..20 bytes @param resetToken 16 bytes */
export function writeNewConnectionId(
  writer: Writer,
  sequence: number,
  retirePriorTo: number,
  cid: Uint8Array,
  resetToken: Uint8Array,
): void {
  writer.uint8(FrameType.NEW_CONNECTION_ID);
  writer.varint(sequence);
  writer.varint(retirePriorTo);
  writer.uint8(cid.length);
  writer.bytes(cid);
  writer.bytes(resetToken);
}

export function readNewConnectionId(reader: Reader, type: number, handler: FrameHandler): void {
  const sequence = reader.varint();
  const retirePriorTo = reader.varint();
  const cidLength = reader.uint8();
  const cidStart = reader.skip(cidLength);
  const tokenStart = reader.skip(RESET_TOKEN_LENGTH);
  if (reader.failed) return;
  // RFC 9000 §19.15: lengths other than 1 to 20, and retiring what is newer than this ID, are errors.
  if (cidLength === 0 || cidLength > MAX_CONNECTION_ID_LENGTH) {
    throw new TransportError(
      TransportErrorCode.FRAME_ENCODING_ERROR,
      `NEW_CONNECTION_ID with ${cidLength} bytes, expected 1 to ${MAX_CONNECTION_ID_LENGTH}`,
      type,
    );
  }
  if (retirePriorTo > sequence) {
    throw new TransportError(
      TransportErrorCode.FRAME_ENCODING_ERROR,
      `NEW_CONNECTION_ID ${sequence} retires prior to ${retirePriorTo}`,
      type,
    );
  }
  handler.onNewConnectionId(sequence, retirePriorTo, reader.buffer, cidStart, cidLength, tokenStart);
}

export function retireConnectionIdSize(sequence: number): number {
  return 1 + varintSize(sequence);
}

export function writeRetireConnectionId(writer: Writer, sequence: number): void {
  writer.uint8(FrameType.RETIRE_CONNECTION_ID);
  writer.varint(sequence);
}

export function readRetireConnectionId(reader: Reader, _type: number, handler: FrameHandler): void {
  const sequence = reader.varint();
  if (!reader.failed) handler.onRetireConnectionId(sequence);
}
