/**
 * The receiving part of a stream (RFC 9000 §3.2): its state, final size, flow control, and what the application has yet to read.
 *
 *          o
 *          | first frame of the peer, or opened by us
 *          v
 *      +-------+
 *      | Recv  | RESET
 *      |       |-----------------------.
 *      +-------+                       |
 *          | FIN                       |
 *          v                           |
 *      +-------+                       |
 *      | Size  | RESET                 |
 *      | Known |---------------------->|
 *      +-------+                       |
 *          | ALL_RECEIVED              |
 *          v                           v
 *      +-------+                   +-------+
 *      | Data  |                   | Reset |
 *      | Recvd |                   | Recvd |
 *      +-------+                   +-------+
 *          | READ or LET_GO            | READ or LET_GO
 *          v                           v
 *      +-------+                   +-------+
 *      | Data  |                   | Reset |
 *      | Read  |                   | Read  |
 *      +-------+                   +-------+
 *
 * LET_GO is ours: the application asked to stop (STOP_SENDING). Once the final size is known nothing more can cost credit, so a stream that was let go is
 * done then; before, it stays in Recv, counts what comes and throws it away.
 *
 * A reset that arrives behind complete data is ignored (RFC 9000 §3.2 leaves the choice): the data is there and can be read.
 */
import { TransportError, TransportErrorCode } from '../errors.ts';
import { MAX_STREAM_GAPS } from '../limits.ts';
import { Assembler } from './assembler.ts';
import { ReceiveWindow, WINDOW_UPDATE_PART } from './flow-control.ts';
import { ReliableValue } from './reliable-value.ts';
import type { WindowTuner } from './window-tuner.ts';

export const ReceiveHalfState = {
  RECV: 0,
  SIZE_KNOWN: 1,
  DATA_RECVD: 2,
  DATA_READ: 3,
  RESET_RECVD: 4,
  RESET_READ: 5,
} as const;
export type ReceiveHalfState = (typeof ReceiveHalfState)[keyof typeof ReceiveHalfState];

export const ReceiveEvent = { STREAM: 0, FIN: 1, ALL_RECEIVED: 2, RESET: 3, READ: 4, LET_GO: 5 } as const;
export type ReceiveEvent = (typeof ReceiveEvent)[keyof typeof ReceiveEvent];

const S = ReceiveHalfState;
/** Cannot happen, whatever the peer sends: our own bug. */
const X = -1;

/** `RECEIVE_TRANSITIONS[state][event]`: the next state, or -1 where the event cannot happen. */
export const RECEIVE_TRANSITIONS: readonly (readonly (ReceiveHalfState | -1)[])[] = [
  //                STREAM         FIN            ALL_RECEIVED  RESET          READ          LET_GO
  /* RECV        */ [S.RECV, S.SIZE_KNOWN, X, S.RESET_RECVD, X, S.RECV],
  /* SIZE_KNOWN  */ [S.SIZE_KNOWN, S.SIZE_KNOWN, S.DATA_RECVD, S.RESET_RECVD, X, S.DATA_READ],
  /* DATA_RECVD  */ [S.DATA_RECVD, S.DATA_RECVD, X, S.DATA_RECVD, S.DATA_READ, S.DATA_READ],
  /* DATA_READ   */ [S.DATA_READ, S.DATA_READ, X, S.DATA_READ, X, S.DATA_READ],
  /* RESET_RECVD */ [S.RESET_RECVD, S.RESET_RECVD, X, S.RESET_RECVD, S.RESET_READ, S.RESET_READ],
  /* RESET_READ  */ [S.RESET_READ, S.RESET_READ, X, S.RESET_READ, X, S.RESET_READ],
];

export class ReceiveHalf {
  readonly window: ReceiveWindow;
  /** MAX_STREAM_DATA with the limit. */
  readonly maxStreamData: ReliableValue = new ReliableValue();
  /** STOP_SENDING with its error code. */
  readonly stopSending: ReliableValue = new ReliableValue();
  /** -1 until known. */
  finalSize: number = -1;
  /** Error code of the peer's RESET_STREAM, -1 when there was none. */
  resetCode: number = -1;
  readonly #connection: ReceiveWindow;
  readonly #tuner: WindowTuner | undefined;
  readonly #assembler: Assembler = new Assembler(MAX_STREAM_GAPS);
  #state: ReceiveHalfState = S.RECV;
  #isStopped: boolean = false;

  /**
   * @param windowSize bytes
   * @param connection the connection's window, which every byte counts against as well
   * @param tuner grows the window where it holds the reader back; without one it stays as it is
   */
  constructor(windowSize: number, connection: ReceiveWindow, tuner?: WindowTuner) {
    this.#tuner = tuner;
    this.window = new ReceiveWindow(windowSize, windowSize * WINDOW_UPDATE_PART);
    this.#connection = connection;
  }

  get state(): ReceiveHalfState {
    return this.#state;
  }

  /** In a terminal state: the application has everything, or wants nothing. */
  get isDone(): boolean {
    return this.#state === S.DATA_READ || this.#state === S.RESET_READ;
  }

  /** Whether everything up to the final size was read. */
  get isFinished(): boolean {
    return this.#state === S.DATA_READ || (this.#state === S.DATA_RECVD && this.#assembler.readableBytes === 0);
  }

  get isReset(): boolean {
    return this.#state >= S.RESET_RECVD;
  }

  get isStopped(): boolean {
    return this.#isStopped;
  }

  get bufferedBytes(): number {
    return this.#assembler.bufferedBytes;
  }

  /**
   * Takes the data of a STREAM frame, buffer[start..end) at `offset`.
   *
   * @returns whether the application has something new: bytes in order, or the end
   * @throws TransportError
   */
  onStream(offset: number, buffer: Uint8Array, start: number, end: number, fin: boolean, frameType: number): boolean {
    const endOffset = offset + (end - start);
    this.#checkSize(endOffset, fin, frameType);
    this.#count(endOffset, frameType);
    this.#move(fin ? ReceiveEvent.FIN : ReceiveEvent.STREAM);
    if (fin) this.finalSize = endOffset;
    if (this.#state >= S.DATA_RECVD) return false;
    if (this.#isStopped) {
      this.#giveBack();
      if (this.#state === S.SIZE_KNOWN) this.#letGo();
      return false;
    }
    const assembler = this.#assembler;
    const readable = assembler.readableBytes;
    if (!assembler.insert(offset, buffer, start, end)) {
      throw new TransportError(
        TransportErrorCode.PROTOCOL_VIOLATION,
        `More than ${MAX_STREAM_GAPS} holes in a stream`,
        frameType,
      );
    }
    if (this.#state === S.SIZE_KNOWN) {
      // The peer needs no more credit, and what is on its way is of no use.
      this.maxStreamData.cancel();
      if (assembler.readOffset + assembler.readableBytes === this.finalSize) {
        this.#move(ReceiveEvent.ALL_RECEIVED);
        return true;
      }
    }
    return assembler.readableBytes > readable;
  }

  /**
   * Takes a RESET_STREAM frame.
   *
   * @returns whether the application has something new
   * @throws TransportError
   */
  onReset(errorCode: number, finalSize: number, frameType: number): boolean {
    this.#checkSize(finalSize, true, frameType);
    // RFC 9000 §4.5: the final size counts against the limits, whether or not the bytes ever came.
    this.#count(finalSize, frameType);
    this.finalSize = finalSize;
    const before = this.#state;
    this.#move(ReceiveEvent.RESET);
    if (this.#state === before) return false;
    this.resetCode = errorCode;
    this.maxStreamData.cancel();
    this.stopSending.cancel();
    this.#assembler.discard();
    this.#giveBack();
    if (!this.#isStopped) return true;
    this.#letGo();
    return false;
  }

  /** The next bytes in order. Reading the last of them, or the news of a reset, ends this half. */
  read(maxLength: number): Uint8Array | undefined {
    if (this.isDone) return undefined;
    if (this.#state === S.RESET_RECVD) {
      this.#move(ReceiveEvent.READ);
      return undefined;
    }
    const chunk = this.#assembler.read(maxLength);
    if (chunk !== undefined) {
      this.window.consumed += chunk.length;
      this.#connection.consumed += chunk.length;
      // RFC 9000 §3.2: no MAX_STREAM_DATA once the final size is known.
      if (this.#state === S.RECV && this.window.isUpdateDue) {
        this.#tuner?.onPartConsumed(this.window);
        this.maxStreamData.set(this.window.raise());
      }
    }
    if (this.#state === S.DATA_RECVD && this.#assembler.readableBytes === 0) this.#move(ReceiveEvent.READ);
    return chunk;
  }

  /** The application wants no more. @returns false when that has no effect any more */
  stop(errorCode: number): boolean {
    if (this.isDone || this.#isStopped) return false;
    this.#isStopped = true;
    this.maxStreamData.cancel();
    this.#assembler.discard();
    this.#giveBack();
    // RFC 9000 §3.5: there is nothing to stop once the peer has sent everything; what it repeats is dropped.
    if (this.#state === S.RECV) this.stopSending.set(errorCode);
    this.#letGo();
    return true;
  }

  /** The peer says that it waits for credit: announce what is there, be it little. */
  onBlocked(): void {
    if (this.#state !== S.RECV || this.#isStopped) return;
    if (this.window.consumed + this.window.size > this.window.limit) this.maxStreamData.set(this.window.raise());
  }

  /** RFC 9000 §4.5: the final size cannot change, and no data lies beyond it. */
  #checkSize(endOffset: number, isFinal: boolean, frameType: number): void {
    const { finalSize, window } = this;
    let problem = '';
    if (finalSize >= 0 && endOffset > finalSize)
      problem = `data up to ${endOffset} of a stream that ends at ${finalSize}`;
    else if (finalSize >= 0 && isFinal && endOffset < finalSize) problem = `${endOffset} after ${finalSize}`;
    else if (isFinal && endOffset < window.received) problem = `${endOffset} after data up to ${window.received}`;
    if (problem !== '') {
      throw new TransportError(TransportErrorCode.FINAL_SIZE_ERROR, `Final size: ${problem}`, frameType);
    }
  }

  /** Counts new bytes against both limits. RFC 9000 §4.1: a sender that exceeds one of them ends the connection. */
  #count(endOffset: number, frameType: number): void {
    const window = this.window;
    const connection = this.#connection;
    const added = endOffset - window.received;
    if (added <= 0) return;
    if (endOffset > window.limit) {
      throw new TransportError(
        TransportErrorCode.FLOW_CONTROL_ERROR,
        `Stream data up to ${endOffset}, allowed is ${window.limit}`,
        frameType,
      );
    }
    if (connection.received + added > connection.limit) {
      throw new TransportError(
        TransportErrorCode.FLOW_CONTROL_ERROR,
        `${connection.received + added} bytes on all streams, allowed are ${connection.limit}`,
        frameType,
      );
    }
    window.received = endOffset;
    connection.received += added;
  }

  /** Everything that counts against the limits and was not read is given back at once. */
  #giveBack(): void {
    const unread = this.window.received - this.window.consumed;
    this.window.consumed += unread;
    this.#connection.consumed += unread;
  }

  #letGo(): void {
    if (this.#state !== S.RECV) this.stopSending.cancel();
    this.#move(ReceiveEvent.LET_GO);
  }

  #move(event: ReceiveEvent): void {
    const next = RECEIVE_TRANSITIONS[this.#state]![event]!;
    // STREAM, FIN, RESET and LET_GO have a next state everywhere, the others are raised in here alone, so the peer cannot lead to such a pair.
    if (next === X) throw new RangeError(`Receiving part in state ${this.#state} cannot take event ${event}`);
    this.#state = next;
  }
}
