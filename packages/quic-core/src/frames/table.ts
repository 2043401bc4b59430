/**
 * The table of frames (RFC 9000 §12.4, table 3): for each type its name, the packets it may appear in, what it asks of the receiver, and who reads
 * it. Parsing and legality are driven by this table alone.
 */
import type { Reader } from '../cursor.ts';
import { PacketType } from '../packet-type.ts';
import { readAck } from './ack.ts';
import { readConnectionClose } from './close.ts';
import { readNewConnectionId, readRetireConnectionId } from './connection-ids.ts';
import { readCrypto, readNewToken } from './crypto.ts';
import {
  readDataBlocked,
  readMaxData,
  readMaxStreamData,
  readMaxStreams,
  readStreamDataBlocked,
  readStreamsBlocked,
} from './flow-control.ts';
import type { FrameHandler } from './handler.ts';
import { readPathChallenge, readPathResponse } from './path.ts';
import { readHandshakeDone, readPadding, readPing } from './simple.ts';
import { readResetStream, readStopSending, readStream } from './stream.ts';

/**
 * Reads the fields after the type and hands them on. Where they are cut short it leaves `reader.failed` set and does not call the handler.
 *
 * @throws TransportError for fields that contradict each other
 */
export type FrameReader = (reader: Reader, type: number, handler: FrameHandler) => void;

export interface FrameRow {
  readonly name: string;
  /** Bit 1 << PacketType for each packet type that may carry it. */
  readonly packets: number;
  /** RFC 9000 §13.2: whether a packet that carries it must be acknowledged. */
  readonly ackEliciting: boolean;
  /** RFC 9000 §9.1: whether it may probe a path without migrating to it. */
  readonly probing: boolean;
  readonly read: FrameReader;
}

// The columns of the RFC: I = Initial, 0 = 0-RTT, H = Handshake, 1 = 1-RTT; N = not ack-eliciting, P = probing.
const PACKET_BITS: Readonly<Record<string, number>> = {
  I: 1 << PacketType.INITIAL,
  '0': 1 << PacketType.ZERO_RTT,
  H: 1 << PacketType.HANDSHAKE,
  '1': 1 << PacketType.ONE_RTT,
};

function row(name: string, packets: string, spec: string, read: FrameReader): FrameRow {
  let bits = 0;
  for (const letter of packets) bits |= PACKET_BITS[letter] ?? 0;
  return { name, packets: bits, ackEliciting: !spec.includes('N'), probing: spec.includes('P'), read };
}

const STREAM = row('STREAM', '__01', '', readStream);

/** Indexed by frame type. */
export const FRAMES: readonly FrameRow[] = [
  /* 0x00 */ row('PADDING', 'IH01', 'NP', readPadding),
  /* 0x01 */ row('PING', 'IH01', '', readPing),
  /* 0x02 */ row('ACK', 'IH_1', 'N', readAck),
  /* 0x03 */ row('ACK_ECN', 'IH_1', 'N', readAck),
  /* 0x04 */ row('RESET_STREAM', '__01', '', readResetStream),
  /* 0x05 */ row('STOP_SENDING', '__01', '', readStopSending),
  /* 0x06 */ row('CRYPTO', 'IH_1', '', readCrypto),
  /* 0x07 */ row('NEW_TOKEN', '___1', '', readNewToken),
  /* 0x08 */ STREAM,
  /* 0x09 */ STREAM,
  /* 0x0a */ STREAM,
  /* 0x0b */ STREAM,
  /* 0x0c */ STREAM,
  /* 0x0d */ STREAM,
  /* 0x0e */ STREAM,
  /* 0x0f */ STREAM,
  /* 0x10 */ row('MAX_DATA', '__01', '', readMaxData),
  /* 0x11 */ row('MAX_STREAM_DATA', '__01', '', readMaxStreamData),
  /* 0x12 */ row('MAX_STREAMS', '__01', '', readMaxStreams),
  /* 0x13 */ row('MAX_STREAMS', '__01', '', readMaxStreams),
  /* 0x14 */ row('DATA_BLOCKED', '__01', '', readDataBlocked),
  /* 0x15 */ row('STREAM_DATA_BLOCKED', '__01', '', readStreamDataBlocked),
  /* 0x16 */ row('STREAMS_BLOCKED', '__01', '', readStreamsBlocked),
  /* 0x17 */ row('STREAMS_BLOCKED', '__01', '', readStreamsBlocked),
  /* 0x18 */ row('NEW_CONNECTION_ID', '__01', 'P', readNewConnectionId),
  /* 0x19 */ row('RETIRE_CONNECTION_ID', '__01', '', readRetireConnectionId),
  /* 0x1a */ row('PATH_CHALLENGE', '__01', 'P', readPathChallenge),
  /* 0x1b */ row('PATH_RESPONSE', '___1', 'P', readPathResponse),
  /* 0x1c */ row('CONNECTION_CLOSE', 'IH01', 'N', readConnectionClose),
  // RFC 9000 §12.5: only the transport's kind may appear in Initial and Handshake packets.
  /* 0x1d */ row('CONNECTION_CLOSE (application)', '__01', 'N', readConnectionClose),
  /* 0x1e */ row('HANDSHAKE_DONE', '___1', '', readHandshakeDone),
];

/** @returns the RFC's name of a frame type, for messages and logs. */
export function frameName(type: number): string {
  return FRAMES[type]?.name ?? `0x${type.toString(16)}`;
}
