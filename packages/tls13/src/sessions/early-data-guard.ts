/** Keeps early data from being replayed (RFC 8446 §8). */

/** Decides for each ticket that comes with early data. */
export interface EarlyDataGuard {
  /**
   * Called for tickets that are good otherwise and fresh: no older and no younger than the client says, but for MAX_TICKET_AGE_SKEW.
   *
   * @param ticket as the client showed it
   * @returns true when it is the first time. What says true twice for one ticket within the window lets a replay in.
   */
  admit(ticket: Uint8Array, unixTime: number): boolean;
}
