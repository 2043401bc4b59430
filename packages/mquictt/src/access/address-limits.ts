/**
 * How many connections one address may have, and open per second. An IPv6 address counts as its /64: that much a single host is given, and it can use all of it.
 */
import { MAX_TRACKED_ADDRESSES } from '../limits.ts';
import { ReasonCode } from '../reason-codes.ts';
import { TokenBucket } from './token-bucket.ts';

export class AddressLimits {
  readonly #maxConnections: number;
  readonly #connectionsPerSecond: number;
  readonly #connections = new Map<string, number>();
  /** Those whose bucket is not full, the one that was used last at the end. */
  readonly #buckets = new Map<string, TokenBucket>();

  /** Infinity = no limit. */
  constructor(maxConnections: number, connectionsPerSecond: number) {
    this.#maxConnections = maxConnections;
    this.#connectionsPerSecond = connectionsPerSecond;
  }

  /**
   * Counts a connection until close().
   *
   * @returns why it is refused (0x97 or 0x9F), 0 when it is not. One that is refused counts as well until it is closed
   */
  open(remote: string, now: number): number {
    const network = networkOf(remote);
    let refusal = 0;
    if (this.#connectionsPerSecond !== Infinity && !this.#takeConnection(network, now))
      refusal = ReasonCode.CONNECTION_RATE_EXCEEDED;
    if (this.#maxConnections === Infinity) return refusal;
    const count = (this.#connections.get(network) ?? 0) + 1;
    this.#connections.set(network, count);
    return count > this.#maxConnections ? ReasonCode.QUOTA_EXCEEDED : refusal;
  }

  close(remote: string): void {
    if (this.#maxConnections === Infinity) return;
    const network = networkOf(remote);
    const count = (this.#connections.get(network) ?? 0) - 1;
    if (count > 0) this.#connections.set(network, count);
    else this.#connections.delete(network);
  }

  /** What is remembered, for tests. */
  get size(): number {
    return this.#connections.size + this.#buckets.size;
  }

  #takeConnection(network: string, now: number): boolean {
    const rate = this.#connectionsPerSecond;
    const bucket = this.#buckets.get(network) ?? new TokenBucket(rate, Math.max(1, rate), now);
    const isTaken = bucket.tryTake(1, now);
    this.#buckets.delete(network);
    this.#buckets.set(network, bucket);
    // The one that was not used for longest is nearest to being full, and one that is full says nothing.
    for (const [oldest, old] of this.#buckets) {
      if (this.#buckets.size <= MAX_TRACKED_ADDRESSES && !old.isFull(now)) break;
      this.#buckets.delete(oldest);
    }
    return isTaken;
  }
}

/** What an address counts as: `[2001:db8::1]:5000` as its /64, `192.0.2.1:5000` as itself. */
export function networkOf(remote: string): string {
  const host = remote.startsWith('[') ? remote.slice(1, remote.indexOf(']')) : remote.slice(0, remote.lastIndexOf(':'));
  if (!host.includes(':')) return host;
  // IPv4 through a socket that is both.
  if (host.includes('.')) return host.slice(host.lastIndexOf(':') + 1);
  const [head = '', tail = ''] = host.split('::', 2);
  const first = head === '' ? [] : head.split(':');
  const last = tail === '' ? [] : tail.split(':');
  const zeros = new Array<string>(Math.max(0, 8 - first.length - last.length)).fill('0');
  const groups = [...first, ...zeros, ...last].slice(0, 4);
  return `${groups.map((group) => Number.parseInt(group, 16).toString(16)).join(':')}::/64`;
}
