/** CONNECTION_CLOSE frames of both kinds (RFC 9000 §19.19). */
import type { Reader, Writer } from '../cursor.ts';
import { varintSize } from '../cursor.ts';
import { FrameType } from './frame-type.ts';
import type { FrameHandler } from './handler.ts';

/** @param frameType counts for transport closes only */
export function connectionCloseSize(
  application: boolean,
  errorCode: number,
  frameType: number,
  reasonLength: number,
): number {
  return (
    1 + varintSize(errorCode) + (application ? 0 : varintSize(frameType)) + varintSize(reasonLength) + reasonLength
  );
}

/**
 * @param application true for 0x1d, which Initial and Handshake packets may not carry
 * @param frameType the frame that caused a transport close, 0 for none; not written when the application closes
 * @param reason UTF-8
 */
export function writeConnectionClose(
  writer: Writer,
  application: boolean,
  errorCode: number,
  frameType: number,
  reason: Uint8Array,
): void {
  writer.uint8(application ? FrameType.CONNECTION_CLOSE_APPLICATION : FrameType.CONNECTION_CLOSE);
  writer.varint(errorCode);
  if (!application) writer.varint(frameType);
  writer.varint(reason.length);
  writer.bytes(reason);
}

export function readConnectionClose(reader: Reader, type: number, handler: FrameHandler): void {
  const application = type === FrameType.CONNECTION_CLOSE_APPLICATION;
  const errorCode = reader.varint();
  const frameType = application ? 0 : reader.varint();
  const length = reader.varint();
  const start = reader.skip(length);
  if (!reader.failed)
    handler.onConnectionClose(application, errorCode, frameType, reader.buffer, start, start + length);
}
