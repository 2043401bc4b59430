/**
 * Whose datagram it is: by the connection IDs that we issued (RFC 9000 §5.2), by the first destination that a client chose, and by the peers' stateless
 * reset tokens (§10.3).
 */
import type { CryptoProvider, Random } from '@mquictt/tls13';
import type { ConnectionIdGenerator } from './config.ts';
import { ConnectionId, connectionIdKey } from './connection-id.ts';
import type { DatagramBatch } from './datagram-batch.ts';
import { QuicError } from './errors.ts';
import { RESET_TOKEN_LENGTH } from './frames/connection-ids.ts';
import { MAX_CONNECTION_ID_LENGTH, MIN_STATELESS_RESET_SIZE } from './limits.ts';

const RESET_KEY_LENGTH = 32;

/** Random connection IDs of 8 bytes: enough that nobody guesses one, short enough to cost little in each packet. */
const randomIds: ConnectionIdGenerator = {
  length: 8,
  generate: (out, random) => random.fillPublic(out),
};

export interface RoutesOptions {
  readonly provider: CryptoProvider;
  readonly random: Random;
  readonly connectionIdGenerator?: ConnectionIdGenerator;
  readonly statelessResetKey?: Uint8Array;
}

/** @typeParam T whoever datagrams are routed to */
export class Routes<T> {
  readonly #provider: CryptoProvider;
  readonly #random: Random;
  readonly #generator: ConnectionIdGenerator;
  readonly #resetKey: Uint8Array;
  readonly #ids: Map<string, T> = new Map();
  readonly #resetTokens: Map<string, T> = new Map();

  /** @throws QuicError ERR_QUIC_INVALID_ARGUMENT */
  constructor(options: RoutesOptions) {
    this.#provider = options.provider;
    this.#random = options.random;
    this.#generator = options.connectionIdGenerator ?? randomIds;
    const { length } = this.#generator;
    if (length < 1 || length > MAX_CONNECTION_ID_LENGTH) {
      throw new QuicError(
        'ERR_QUIC_INVALID_ARGUMENT',
        `Connection IDs must have 1 to ${MAX_CONNECTION_ID_LENGTH} bytes, got ${length}`,
        { fault: 'usage' },
      );
    }
    this.#resetKey = options.statelessResetKey?.slice() ?? new Uint8Array(RESET_KEY_LENGTH);
    if (options.statelessResetKey === undefined) options.random.fillPrivate(this.#resetKey);
  }

  /** Length of every ID that we issue: short headers do not tell it. */
  get idLength(): number {
    return this.#generator.length;
  }

  get idCount(): number {
    return this.#ids.size;
  }

  get resetTokenCount(): number {
    return this.#resetTokens.size;
  }

  /** A fresh ID, routed from now on. */
  issue(target: T): ConnectionId {
    const bytes = new Uint8Array(this.#generator.length);
    let id: ConnectionId;
    do {
      this.#generator.generate(bytes, this.#random);
      id = new ConnectionId(bytes);
    } while (this.#ids.has(id.key));
    this.#ids.set(id.key, target);
    return id;
  }

  /** Routes an ID that somebody else chose. */
  add(id: ConnectionId, target: T): void {
    this.#ids.set(id.key, target);
  }

  retire(id: ConnectionId): void {
    this.#ids.delete(id.key);
  }

  /** To whom datagram i goes; undefined for strangers. */
  find(batch: DatagramBatch, i: number): T | undefined {
    const { buffer } = batch;
    const start = batch.start[i]!;
    const size = batch.end[i]! - start;
    if (size < 1) return undefined;
    if ((buffer[start]! & 0x80) === 0) {
      const { length } = this.#generator;
      return size < 1 + length ? undefined : this.#ids.get(connectionIdKey(buffer, start + 1, length));
    }
    if (size < 7) return undefined;
    const length = buffer[start + 5]!;
    if (length > MAX_CONNECTION_ID_LENGTH || size < 6 + length) return undefined;
    return this.#ids.get(connectionIdKey(buffer, start + 6, length));
  }

  /** RFC 9000 §10.3.2: the token that ends a connection whose state we have lost. The same for the same ID as long as the key is. */
  statelessResetToken(id: Uint8Array): Uint8Array {
    return this.#provider.hmac('sha256', this.#resetKey, id).slice(0, RESET_TOKEN_LENGTH);
  }

  addResetToken(token: Uint8Array, target: T): void {
    this.#resetTokens.set(connectionIdKey(token, 0, token.length), target);
  }

  removeResetToken(token: Uint8Array): void {
    this.#resetTokens.delete(connectionIdKey(token, 0, token.length));
  }

  /**
   * RFC 9000 §10.3.1: the last 16 bytes of a datagram may be a peer's token. Looking it up by a hash tells an attacker nothing about near misses.
   * @returns whose connection that ends; undefined for any other datagram
   */
  findReset(buffer: Uint8Array, start: number, end: number): T | undefined {
    if (end - start < MIN_STATELESS_RESET_SIZE || this.#resetTokens.size === 0) return undefined;
    return this.#resetTokens.get(connectionIdKey(buffer, end - RESET_TOKEN_LENGTH, RESET_TOKEN_LENGTH));
  }
}
