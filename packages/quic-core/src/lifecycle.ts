/**
 * The end of a connection (RFC 9000 §10): idle timeout, closing, draining.
 *
 *              close() or an error            3 PTO
 *     ALIVE ---------------------> CLOSING -----------> GONE
 *       |                             |                  ^
 *       | peer's CONNECTION_CLOSE     | peer's close     |
 *       +-------------------------> DRAINING ------------+
 *       |                                       3 PTO    |
 *       +------------------------------------------------+
 *         idle timeout, stateless reset, version negotiation: silently
 */
import type { QuicError } from './errors.ts';

export const LifeState = { ALIVE: 0, CLOSING: 1, DRAINING: 2, GONE: 3 } as const;
export type LifeState = (typeof LifeState)[keyof typeof LifeState];

export class Lifecycle {
  state: LifeState = LifeState.ALIVE;
  /** Why; undefined while alive. */
  error: QuicError | undefined = undefined;
  /** What CONNECTION_CLOSE says. */
  errorCode: number = 0;
  frameType: number = 0;
  isApplicationClose: boolean = false;
  reason: string = '';
  /** A CONNECTION_CLOSE is to be sent. */
  isClosePending: boolean = false;
  /** ms; when closing or draining is over. NaN: the clock has not been seen since it began. */
  deadline: number = Infinity;
  /** Datagrams received while closing; the close is repeated at the 1st, 2nd, 4th ... */
  #receivedCount: number = 0;
  #nextReply: number = 1;

  get isAlive(): boolean {
    return this.state === LifeState.ALIVE;
  }

  /** We end it. The first reason stands. */
  startClosing(
    error: QuicError,
    errorCode: number,
    frameType: number,
    isApplicationClose: boolean,
    reason: string,
  ): void {
    if (this.state !== LifeState.ALIVE) return;
    this.state = LifeState.CLOSING;
    this.error = error;
    this.errorCode = errorCode;
    this.frameType = frameType;
    this.isApplicationClose = isApplicationClose;
    this.reason = reason;
    this.isClosePending = true;
    this.deadline = NaN;
  }

  /** The peer ended it (RFC 9000 §10.2.2): nothing is sent any more. */
  startDraining(error: QuicError): void {
    if (this.state >= LifeState.DRAINING) return;
    this.error ??= error;
    this.isClosePending = false;
    if (this.state === LifeState.ALIVE) this.deadline = NaN;
    this.state = LifeState.DRAINING;
  }

  /** It ended without anything to say. */
  vanish(error: QuicError): void {
    this.error ??= error;
    this.state = LifeState.GONE;
    this.isClosePending = false;
    this.deadline = Infinity;
  }

  /** Starts the closing or draining period once the time is known. @param period 3 PTO, ms */
  armDeadline(now: number, period: number): void {
    if (Number.isNaN(this.deadline)) this.deadline = now + period;
  }

  /** RFC 9000 §10.2.1: answer what still arrives, ever more rarely, so that two closing peers do not talk for ever. */
  onDatagramWhileClosing(): void {
    if (this.state !== LifeState.CLOSING) return;
    this.#receivedCount++;
    if (this.#receivedCount >= this.#nextReply) {
      this.#nextReply *= 2;
      this.isClosePending = true;
    }
  }
}
