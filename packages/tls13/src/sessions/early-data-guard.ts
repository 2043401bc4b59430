/** Keeps early data from being replayed (RFC 8446 §8). */

/** Decides for each ticket that comes with early data. */
export interface EarlyDataGuard {
  /**
   * Called for tickets that are good otherwise and fresh: no older and no younger than the client says, but for MAX_TICKET_AGE_SKEW.
   *
   * @param ticket as the client showed it
   * @param unixTime when the ClientHello came, by which its freshness is judged: not now, where tickets were looked up elsewhere and that took its time. A
   *   memory that forgets by a clock of its own has to keep tickets for as long as that may take and twice MAX_TICKET_AGE_SKEW.
   * @returns true when it is the first time. What says true twice for one ticket within the window lets a replay in.
   */
  admit(ticket: Uint8Array, unixTime: number): boolean;
}
