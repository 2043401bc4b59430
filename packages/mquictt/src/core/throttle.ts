/** Holds a client to its rates by not reading what it sends: the bytes wait at the client, where they cost the broker nothing. */
import { TokenBucket } from '../access/token-bucket.ts';
import type { Connection } from './connection.ts';
import type { Deadlines, Timed } from './deadlines.ts';

/** What one client may send. Infinity = anything. */
export interface ClientRates {
  /** PUBLISH per second; as many may come at once. */
  readonly messages: number;
  /** Bytes of MQTT packets per second; as many may come at once. */
  readonly bytes: number;
}

export interface ThrottleHost {
  readonly deadlines: Deadlines;
  /** The connection is read on. */
  resumeConnection(connection: Connection, now: number): void;
}

export class Throttle implements Timed {
  deadline: number = Infinity;
  heapIndex = -1;
  readonly #connection: Connection;
  readonly #host: ThrottleHost;
  readonly #messages: TokenBucket;
  readonly #bytes: TokenBucket;

  constructor(connection: Connection, rates: ClientRates, host: ThrottleHost, now: number) {
    this.#connection = connection;
    this.#host = host;
    this.#messages = new TokenBucket(rates.messages, Math.max(1, rates.messages), now);
    this.#bytes = new TokenBucket(rates.bytes, rates.bytes, now);
  }

  /** A packet came: it is handled, and the next one waits until the client is within its rates again. */
  count(isPublish: boolean, bytes: number, now: number): void {
    const wait = Math.max(isPublish ? this.#messages.take(1, now) : 0, this.#bytes.take(bytes, now));
    if (wait === 0) return;
    this.#connection.isPaused = true;
    this.#host.deadlines.set(this, now + wait);
  }

  handleTimeout(now: number): void {
    this.#host.resumeConnection(this.#connection, now);
  }

  /** The connection is gone. */
  stop(): void {
    this.#host.deadlines.set(this, Infinity);
  }
}
