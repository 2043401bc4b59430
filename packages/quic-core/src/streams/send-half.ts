/**
 * The sending part of a stream (RFC 9000 §3.1): its state, what waits to be sent, its end and its reset.
 *
 *          o
 *          | open, or opened by the peer
 *          v
 *      +-------+
 *      | Ready | RESET
 *      |       |-----------------------.
 *      +-------+                       |
 *          | STREAM_SENT               |
 *          v                           |
 *      +-------+                       |
 *      | Send  | RESET                 |
 *      |       |---------------------->|
 *      +-------+                       |
 *          | FIN_SENT                  |
 *          v                           v
 *      +-------+                   +-------+
 *      | Data  | RESET             | Reset |
 *      | Sent  |------------------>| Sent  |
 *      +-------+                   +-------+
 *          | ALL_ACKED                 | RESET_ACKED
 *          v                           v
 *      +-------+                   +-------+
 *      | Data  |                   | Reset |
 *      | Recvd |                   | Recvd |
 *      +-------+                   +-------+
 *
 * RESET is the application's wish or the peer's STOP_SENDING; the state changes with the decision, RESET_STREAM follows with the next packet.
 */
import { ReliableValue } from './reliable-value.ts';
import { SendBuffer } from './send-buffer.ts';

export const SendState = {
  READY: 0,
  SEND: 1,
  DATA_SENT: 2,
  DATA_RECVD: 3,
  RESET_SENT: 4,
  RESET_RECVD: 5,
} as const;
export type SendState = (typeof SendState)[keyof typeof SendState];

export const SendEvent = { STREAM_SENT: 0, FIN_SENT: 1, ALL_ACKED: 2, RESET: 3, RESET_ACKED: 4 } as const;
export type SendEvent = (typeof SendEvent)[keyof typeof SendEvent];

/** Where the figure has no arrow and none can be taken by a peer: our own bug. */
const X = -1;

/** `SEND_TRANSITIONS[state][event]`: the next state, or -1 where the event cannot happen. */
export const SEND_TRANSITIONS: readonly (readonly (SendState | -1)[])[] = [
  //                STREAM_SENT FIN_SENT ALL_ACKED RESET RESET_ACKED
  /* READY       */ [SendState.SEND, SendState.DATA_SENT, X, SendState.RESET_SENT, X],
  /* SEND        */ [SendState.SEND, SendState.DATA_SENT, X, SendState.RESET_SENT, X],
  /* DATA_SENT   */ [SendState.DATA_SENT, SendState.DATA_SENT, SendState.DATA_RECVD, SendState.RESET_SENT, X],
  /* DATA_RECVD  */ [X, X, X, SendState.DATA_RECVD, X],
  /* RESET_SENT  */ [X, X, X, SendState.RESET_SENT, SendState.RESET_RECVD],
  /* RESET_RECVD */ [X, X, X, SendState.RESET_RECVD, SendState.RESET_RECVD],
];

/** What a half could put into a packet now. */
export const Readiness = {
  NOTHING: 0,
  /** Lost bytes or a bare FIN: needs no connection credit. */
  FREE: 1,
  /** Bytes never sent: needs connection credit. */
  FRESH: 2,
  /** Bytes never sent, and no stream credit for them. */
  BLOCKED: 3,
} as const;
export type Readiness = (typeof Readiness)[keyof typeof Readiness];

export class SendHalf {
  readonly buffer: SendBuffer = new SendBuffer();
  /** RESET_STREAM with its error code. */
  readonly resetStream: ReliableValue = new ReliableValue();
  /** STREAM_DATA_BLOCKED with the limit. */
  readonly dataBlocked: ReliableValue = new ReliableValue();
  /** The peer's limit for this stream. */
  limit: number;
  /** Final size in RESET_STREAM: the bytes that were sent. */
  resetFinalSize: number = 0;
  /** write() was refused something; tell when there is room again. */
  wantsWritable: boolean = false;
  #state: SendState = SendState.READY;
  #isFinWritten: boolean = false;
  #isFinPending: boolean = false;
  #isFinAcked: boolean = false;

  /** The frame that nextFrame() found: where it begins, how many bytes at most, and whether FIN belongs to the last of them. */
  frameOffset: number = 0;
  frameLength: number = 0;
  frameFin: boolean = false;
  /** Whether its bytes were never sent before. */
  frameIsFresh: boolean = false;

  /** @param limit the peer's initial limit for this stream, bytes */
  constructor(limit: number) {
    this.limit = limit;
  }

  get state(): SendState {
    return this.#state;
  }

  /** Whether write() may be called. */
  get isWritable(): boolean {
    return this.#state <= SendState.SEND && !this.#isFinWritten;
  }

  /** In a terminal state: nothing more to send or to wait for. */
  get isDone(): boolean {
    return this.#state === SendState.DATA_RECVD || this.#state === SendState.RESET_RECVD;
  }

  /** Whether something accepted by write() is still to be acknowledged. */
  get isOutstanding(): boolean {
    return this.#state <= SendState.DATA_SENT && (this.buffer.length > 0 || this.#isFinWritten);
  }

  /**
   * Accepts bytes until `capacity` of them are held.
   *
   * @returns bytes accepted; `fin` counts only when that is all
   */
  write(data: Uint8Array, fin: boolean, capacity: number): number {
    const room = Math.max(0, capacity - this.buffer.length);
    if (data.length > room) {
      this.wantsWritable = true;
      if (room > 0) this.buffer.write(data.subarray(0, room));
      return room;
    }
    this.buffer.write(data);
    if (fin) {
      this.#isFinWritten = true;
      this.#isFinPending = true;
      this.wantsWritable = false;
    }
    return data.length;
  }

  get readiness(): Readiness {
    if (this.#state >= SendState.DATA_RECVD) return Readiness.NOTHING;
    const buffer = this.buffer;
    if (buffer.hasLost) return Readiness.FREE;
    if (buffer.unsentBytes > 0) return buffer.sentOffset < this.limit ? Readiness.FRESH : Readiness.BLOCKED;
    return this.#isFinPending ? Readiness.FREE : Readiness.NOTHING;
  }

  /**
   * Finds what to send next: lost bytes, then new bytes within the stream's limit and `credit`, then a bare FIN.
   *
   * @returns false when there is nothing; otherwise the frame fields are set. A part of the frame may be sent, then without FIN
   */
  nextFrame(credit: number): boolean {
    const readiness = this.readiness;
    if (readiness === Readiness.NOTHING || readiness === Readiness.BLOCKED) return false;
    const buffer = this.buffer;
    buffer.hasPending();
    let length = buffer.pendingLength;
    if (readiness === Readiness.FRESH) {
      const allowed = Math.min(this.limit - buffer.sentOffset, credit);
      if (allowed <= 0) return false;
      if (length > allowed) length = allowed;
    }
    this.frameOffset = buffer.pendingOffset;
    this.frameLength = length;
    this.frameIsFresh = readiness === Readiness.FRESH;
    this.frameFin = this.#isFinWritten && !this.#isFinAcked && this.frameOffset + length === buffer.writeOffset;
    return true;
  }

  onFrameSent(offset: number, length: number, fin: boolean): void {
    this.#move(fin ? SendEvent.FIN_SENT : SendEvent.STREAM_SENT);
    this.buffer.markSent(offset, length);
    if (fin) this.#isFinPending = false;
  }

  /** @returns whether with this all data and the end are acknowledged */
  onFrameAcked(offset: number, length: number, fin: boolean): boolean {
    // RFC 9000 §3.1: after a reset, what becomes of the data is of no interest.
    if (this.#state > SendState.DATA_SENT) return false;
    this.buffer.onAcked(offset, length);
    if (fin) {
      this.#isFinAcked = true;
      this.#isFinPending = false;
    }
    if (!this.#isFinAcked || this.buffer.length > 0) return false;
    this.#move(SendEvent.ALL_ACKED);
    this.dataBlocked.cancel();
    return true;
  }

  onFrameLost(offset: number, length: number, fin: boolean): void {
    if (this.#state > SendState.DATA_SENT) return;
    this.buffer.onLost(offset, length);
    if (fin && !this.#isFinAcked) this.#isFinPending = true;
  }

  /** Gives up sending. @returns false when that has no effect any more */
  reset(errorCode: number): boolean {
    const before = this.#state;
    this.#move(SendEvent.RESET);
    if (before > SendState.DATA_SENT) return false;
    // RFC 9000 §4.5: the final size counts every byte that was sent, so that both sides agree on connection credit.
    this.resetFinalSize = this.buffer.sentOffset;
    this.buffer.discard();
    this.#isFinPending = false;
    this.wantsWritable = false;
    this.dataBlocked.cancel();
    this.resetStream.set(errorCode);
    return true;
  }

  /** @returns whether the half is done with this */
  onResetAcked(): boolean {
    this.resetStream.onAcked(this.resetStream.value);
    const before = this.#state;
    this.#move(SendEvent.RESET_ACKED);
    return before !== this.#state;
  }

  /** @returns whether the limit was raised */
  raiseLimit(limit: number): boolean {
    if (limit <= this.limit) return false;
    this.limit = limit;
    this.dataBlocked.cancel();
    return true;
  }

  #move(event: SendEvent): void {
    const next = SEND_TRANSITIONS[this.#state]![event]!;
    // Which frames go out and which descriptors come back is decided here and in the caller, so the peer cannot lead to such a pair.
    if (next === X) throw new RangeError(`Sending part in state ${this.#state} cannot take event ${event}`);
    this.#state = next;
  }
}
