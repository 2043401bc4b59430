/**
 * The record of one sent packet: when, how large, and what it carried, as numbers.
 *
 * Records are reused: they live in a ring that is indexed by packet number. What a packet carried is a flat list of descriptors (kind, a, b, c), four
 * numbers each, so that acknowledging or losing it needs no closure and no object per frame.
 */

/** Kinds of descriptors. The owner of each kind gives a, b and c their meaning. */
export const Carried = {
  /** a = largest packet number that the ACK frame acknowledged */
  ACK: 0,
  /** a = offset, b = length */
  CRYPTO: 1,
  /** a = stream id, b = offset, c = length * 2 + fin */
  STREAM: 2,
  /** a = stream id */
  RESET_STREAM: 3,
  STOP_SENDING: 4,
  /** a = stream id, b = the value announced */
  MAX_STREAM_DATA: 5,
  /** a = 0, b = the value announced */
  MAX_DATA: 6,
  /** a = 0 bidirectional or 1 unidirectional, b = the value announced */
  MAX_STREAMS: 7,
  /** a = stream id, b = the limit it is blocked at */
  STREAM_DATA_BLOCKED: 8,
  /** b = the limit */
  DATA_BLOCKED: 9,
  /** a = 0 or 1 as in MAX_STREAMS, b = the limit */
  STREAMS_BLOCKED: 10,
  /** a = sequence number */
  NEW_CONNECTION_ID: 11,
  RETIRE_CONNECTION_ID: 12,
  HANDSHAKE_DONE: 13,
} as const;
export type Carried = (typeof Carried)[keyof typeof Carried];

export class SentPacket {
  /** -1: the slot is free, the packet was acknowledged, lost or forgotten. */
  packetNumber: number = -1;
  /** ms */
  timeSent: number = 0;
  /** UDP payload bytes this packet takes in its datagram, header and tag included. */
  size: number = 0;
  ackEliciting: boolean = false;
  /** Counts towards bytes in flight (RFC 9002 §2). */
  inFlight: boolean = false;
  /** A probe has already taken over what it carried (RFC 9002 §6.2.4): if this packet is lost, there is nothing left to send again. */
  requeued: boolean = false;
  /** Four numbers a descriptor: kind, a, b, c. Only the first `carriedCount * 4` entries count. */
  readonly carried: number[] = [];
  carriedCount: number = 0;

  reset(packetNumber: number): void {
    this.packetNumber = packetNumber;
    this.timeSent = 0;
    this.size = 0;
    this.ackEliciting = false;
    this.inFlight = false;
    this.requeued = false;
    this.carriedCount = 0;
  }

  carry(kind: Carried, a: number, b: number, c: number): void {
    const at = this.carriedCount++ * 4;
    this.carried[at] = kind;
    this.carried[at + 1] = a;
    this.carried[at + 2] = b;
    this.carried[at + 3] = c;
  }
}
