/**
 * A source of random bytes, handed in by the caller: nothing in this package draws random numbers by itself, so that a
 * simulation with a seed gives the same bytes every time.
 */
export interface Random {
  /** Fills `out` with bytes that will be seen on the wire (connection IDs, hello randoms, PATH_CHALLENGE data). */
  fillPublic(out: Uint8Array): void;
  /** Fills `out` with bytes that must stay secret (private keys, token keys). */
  fillPrivate(out: Uint8Array): void;
}
