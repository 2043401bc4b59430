/**
 * Many bytes over one stream, checked as they come: each position has its byte, so what is lost, repeated or misplaced shows where it happened.
 */
import type { Connection } from '@mquictt/quic-core';
import { seededRandom } from '../random.ts';

/** A prime, so that a piece in the wrong place does not look right by being a whole number of blocks away. */
const PERIOD = 65_521;
const CHUNK = 65_536;

/** Two periods and more in a row, so that any chunk is one view. */
function pattern(seed: number): Uint8Array {
  const period = seededRandom(seed).bytes(PERIOD);
  const out = new Uint8Array(PERIOD + CHUNK);
  out.set(period);
  for (let at = PERIOD; at < out.length; at += PERIOD) out.set(period.subarray(0, out.length - at), at);
  return out;
}

export class BulkSender {
  readonly #connection: Connection;
  readonly #id: number;
  readonly #length: number;
  readonly #pattern: Uint8Array;
  #offset: number = 0;
  #isFinished: boolean = false;

  /** @param seed names the bytes: the receiver needs the same one */
  constructor(connection: Connection, id: number, length: number, seed: number) {
    this.#connection = connection;
    this.#id = id;
    this.#length = length;
    this.#pattern = pattern(seed);
  }

  /** Writes as much as the stream takes. To be called at the start and at each `stream-writable`. */
  pump(): void {
    while (!this.#isFinished) {
      const start = this.#offset % PERIOD;
      const size = Math.min(CHUNK, this.#length - this.#offset);
      const isLast = this.#offset + size === this.#length;
      const accepted = this.#connection.writeStream(this.#id, this.#pattern.subarray(start, start + size), isLast);
      this.#offset += accepted;
      if (accepted < size) return;
      if (isLast) this.#isFinished = true;
    }
  }

  /** Everything was accepted for sending. */
  get isFinished(): boolean {
    return this.#isFinished;
  }
}

export class BulkReceiver {
  readonly #connection: Connection;
  readonly #id: number;
  readonly #length: number;
  readonly #pattern: Uint8Array;
  /** Bytes that came, all of them right. */
  received: number = 0;
  #isFinished: boolean = false;

  constructor(connection: Connection, id: number, length: number, seed: number) {
    this.#connection = connection;
    this.#id = id;
    this.#length = length;
    this.#pattern = pattern(seed);
  }

  /**
   * Reads what is there. To be called at each `stream-readable`.
   * @throws Error at the first wrong byte, at an end that comes early, and at bytes too many
   */
  pump(): void {
    for (;;) {
      const data = this.#connection.readStream(this.#id, CHUNK);
      if (data === undefined) break;
      const start = this.received % PERIOD;
      if (Buffer.compare(data, this.#pattern.subarray(start, start + data.length)) !== 0) {
        throw new Error(`Stream ${this.#id} has a wrong byte among ${data.length} from ${this.received}`);
      }
      this.received += data.length;
    }
    const state = this.#connection.receiveState(this.#id);
    if (state === 'open') return;
    if (state === 'reset' || this.received !== this.#length) {
      throw new Error(`Stream ${this.#id} is ${state} after ${this.received} bytes of ${this.#length}`);
    }
    this.#isFinished = true;
  }

  /** All bytes and the end were read. */
  get isFinished(): boolean {
    return this.#isFinished;
  }
}
