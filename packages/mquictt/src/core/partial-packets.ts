/**
 * Packets of one session that have come in part. Each stream may hold one of the largest size, and a client has a thousand streams: beyond a bound only one of
 * them is read on until its packet is whole, so that what a client can make us hold does not grow with its streams.
 */
import { MAX_PARTIAL_BYTES } from '../limits.ts';

/** A flow, as far as it matters here. */
export interface Assembling {
  readonly kind: 'control' | 'data' | 'unidirectional';
  /** Bytes of a packet that is not whole, as last counted. */
  partialBytes: number;
}

export class PartialPackets<T extends Assembling> {
  #total = 0;
  /** The one that is read on while the bound is exceeded. */
  #favoured: T | undefined = undefined;

  /** Bytes of all flows. */
  get total(): number {
    return this.#total;
  }

  /** Whether a flow has to be left unread. The control flow never is: the connection lives by it. */
  isHeld(flow: T): boolean {
    return this.#favoured !== undefined && this.#favoured !== flow && flow.kind !== 'control';
  }

  /**
   * Counts what a flow holds now.
   * @param flows all of the session
   * @param wake called for each flow that may be read again
   */
  count(flow: T, partialBytes: number, flows: Iterable<T>, wake: (flow: T) => void): void {
    this.#total += partialBytes - flow.partialBytes;
    flow.partialBytes = partialBytes;
    if (this.#favoured === undefined) {
      if (this.#total > MAX_PARTIAL_BYTES) this.#favour(flow, flows);
    } else if (this.#total <= MAX_PARTIAL_BYTES) {
      this.#favoured = undefined;
      for (const other of flows) wake(other);
    } else if (this.#favoured === flow && partialBytes === 0) {
      this.#favour(flow, flows);
      if (this.#favoured !== undefined) wake(this.#favoured);
    }
  }

  /** Whoever has most of its packet frees most. */
  #favour(flow: T, flows: Iterable<T>): void {
    let best = flow;
    for (const other of flows) if (other.partialBytes > best.partialBytes) best = other;
    this.#favoured = best.partialBytes > 0 ? best : undefined;
  }
}
