/** ACK frames (RFC 9000 §19.3). */
import type { Reader, Writer } from '../cursor.ts';
import { varintSize } from '../cursor.ts';
import { TransportError, TransportErrorCode } from '../errors.ts';
import { FrameType } from './frame-type.ts';
import type { FrameHandler } from './handler.ts';

/** Packet numbers to acknowledge: ranges in ascending order that neither overlap nor touch. */
export interface AckRanges {
  readonly count: number;
  /** The first packet number of range i. */
  start(i: number): number;
  /** One beyond the last packet number of range i. */
  end(i: number): number;
}

/** Bytes that an ACK frame of one range takes at least: less room, and writeAck() will write nothing. */
export const MIN_ACK_SIZE = 5;

/**
 * Writes an ACK frame of as many ranges as fit, newest first.
 *
 * @param ackDelay already shifted right by our ack_delay_exponent
 * @param maxBytes room for the whole frame; the writer's end bounds it as well
 * @param ect0 the ECN counts; -1 for a frame without them
 * @returns ranges written; 0 = nothing was written
 */
export function writeAck(
  writer: Writer,
  ranges: AckRanges,
  ackDelay: number,
  maxBytes: number,
  ect0: number = -1,
  ect1: number = 0,
  ce: number = 0,
): number {
  const newest = ranges.count - 1;
  if (newest < 0) return 0;
  const largest = ranges.end(newest) - 1;
  const hasEcn = ect0 >= 0;
  const fixedSize =
    1 +
    varintSize(largest) +
    varintSize(ackDelay) +
    varintSize(largest - ranges.start(newest)) +
    (hasEcn ? varintSize(ect0) + varintSize(ect1) + varintSize(ce) : 0);

  // 1. How many fit: their number stands before them.
  const room = Math.min(maxBytes, writer.remaining);
  let size = fixedSize;
  let written = size + 1 <= room ? 1 : 0;
  if (written === 0) return 0;
  for (let i = newest - 1; i >= 0; i--) {
    size += varintSize(ranges.start(i + 1) - ranges.end(i) - 1) + varintSize(ranges.end(i) - 1 - ranges.start(i));
    if (size + varintSize(written) > room) break;
    written++;
  }

  // 2. Write them.
  writer.uint8(hasEcn ? FrameType.ACK_ECN : FrameType.ACK);
  writer.varint(largest);
  writer.varint(ackDelay);
  writer.varint(written - 1);
  writer.varint(largest - ranges.start(newest));
  for (let i = newest - 1; i > newest - written; i--) {
    // RFC 9000 §19.3.1: both are one less than the numbers of packets that they stand for.
    writer.varint(ranges.start(i + 1) - ranges.end(i) - 1);
    writer.varint(ranges.end(i) - 1 - ranges.start(i));
  }
  if (hasEcn) {
    writer.varint(ect0);
    writer.varint(ect1);
    writer.varint(ce);
  }
  return written;
}

/** Reused by every ACK frame; grows to what one datagram can carry (two bytes a range). */
let scratch = new Float64Array(128);

export function readAck(reader: Reader, type: number, handler: FrameHandler): void {
  const largest = reader.varint();
  const ackDelay = reader.varint();
  const moreRanges = reader.varint();
  const firstLength = reader.varint();
  // Each further range takes at least two bytes: an absurd count ends here, before anything loops or grows.
  if (moreRanges > reader.remaining / 2) reader.failed = true;
  if (reader.failed) return;
  if (firstLength > largest) throw belowZero(type);
  if (scratch.length < 2 * (moreRanges + 1)) scratch = new Float64Array(4 * (moreRanges + 1));
  const ranges = scratch;
  let smallest = largest - firstLength;
  ranges[0] = smallest;
  ranges[1] = largest + 1;
  for (let i = 1; i <= moreRanges; i++) {
    const gap = reader.varint();
    const length = reader.varint();
    if (reader.failed) return;
    // RFC 9000 §19.3.1: "If any computed packet number is negative" the frame is an error.
    const end = smallest - gap - 2;
    smallest = end - length;
    if (smallest < 0) throw belowZero(type);
    ranges[2 * i] = smallest;
    ranges[2 * i + 1] = end + 1;
  }
  let ect0 = -1;
  let ect1 = -1;
  let ce = -1;
  if (type === FrameType.ACK_ECN) {
    ect0 = reader.varint();
    ect1 = reader.varint();
    ce = reader.varint();
  }
  if (reader.failed) return;
  handler.onAck(largest, ackDelay, ranges, moreRanges + 1, ect0, ect1, ce);
}

function belowZero(type: number): TransportError {
  return new TransportError(TransportErrorCode.FRAME_ENCODING_ERROR, 'ACK range reaches below packet number 0', type);
}
