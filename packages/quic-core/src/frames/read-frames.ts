/**
 * Reading the frames of an opened packet (RFC 9000 §12.4). What is wrong here was authentic, so it ends the connection: errors are thrown.
 */
import type { Reader } from '../cursor.ts';
import { TransportError, TransportErrorCode } from '../errors.ts';
import { packetTypeName } from '../packet-type.ts';
import type { PacketType } from '../packet-type.ts';
import type { FrameHandler } from './handler.ts';
import { FRAMES, frameName } from './table.ts';

/** Bits that readFrames() returns: what a packet held. */
export const PacketContent = {
  /** At least one frame that must be acknowledged (RFC 9000 §13.2). */
  ACK_ELICITING: 1,
  /** At least one frame that does not merely probe a path: on a new path it means that the peer has moved there (RFC 9000 §9.1). */
  NON_PROBING: 2,
} as const;

/**
 * Hands each frame between the reader's position and its end to the handler, in order.
 *
 * @returns bits of PacketContent
 * @throws TransportError with the frame's type. What came before the bad frame has been handled by then
 */
export function readFrames(reader: Reader, packetType: PacketType, handler: FrameHandler): number {
  // RFC 9000 §12.4: "An endpoint MUST treat receipt of a packet containing no frames as ... PROTOCOL_VIOLATION".
  if (reader.remaining <= 0) throw new TransportError(TransportErrorCode.PROTOCOL_VIOLATION, 'Packet without frames');
  const packetBit = 1 << packetType;
  let content = 0;
  while (reader.position < reader.end) {
    const at = reader.position;
    const type = reader.varint();
    const frame = FRAMES[type];
    // RFC 9000 §12.4: a frame of unknown type is a FRAME_ENCODING_ERROR.
    if (reader.failed) throw encodingError('Frame type is cut short', 0);
    if (frame === undefined) throw encodingError(`Unknown frame type ${frameName(type)}`, type);
    // RFC 9000 §12.4: a type must use the shortest encoding; all the types that we know fit one byte.
    if (reader.position !== at + 1) {
      throw new TransportError(TransportErrorCode.PROTOCOL_VIOLATION, 'Frame type is not minimally encoded', type);
    }
    // RFC 9000 §12.4: a frame in a packet that may not carry it is a PROTOCOL_VIOLATION.
    if ((frame.packets & packetBit) === 0) {
      throw new TransportError(
        TransportErrorCode.PROTOCOL_VIOLATION,
        `${frameName(type)} in a packet of type ${packetTypeName(packetType)}`,
        type,
      );
    }
    frame.read(reader, type, handler);
    if (reader.failed) throw encodingError(`${frameName(type)} is cut short`, type);
    if (frame.ackEliciting) content |= PacketContent.ACK_ELICITING;
    if (!frame.probing) content |= PacketContent.NON_PROBING;
  }
  return content;
}

function encodingError(message: string, type: number): TransportError {
  return new TransportError(TransportErrorCode.FRAME_ENCODING_ERROR, message, type);
}
