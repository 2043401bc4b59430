/** What a server keeps of a connection so that it can be resumed, and who keeps it. */

/** The state behind one ticket. */
export interface ServerSession {
  /** Code point of the cipher suite. */
  readonly cipherSuite: number;
  /** The pre-shared key. */
  readonly secret: Uint8Array;
  readonly alpnProtocol: string;
  readonly serverName: string | undefined;
  /** What the application called the client when it judged its chain. */
  readonly peerIdentity: string | undefined;
  /** DER of the client's leaf; undefined where it presented none. */
  readonly peerCertificate: Uint8Array | undefined;
  /** What it was verified by, as a hash of the roots and of whether it was judged: it does not count where that has changed. Empty without a certificate. */
  readonly authenticationContext: Uint8Array;
  readonly ticketAgeAdd: number;
  /** Wall clock, ms since 1970. */
  readonly issuedAt: number;
  /** The same; not after a certificate of the client's chain has expired. */
  readonly expiresAt: number;
  readonly isEarlyDataAllowed: boolean;
  /** ServerHandshakeOptions.earlyDataContext of that connection. */
  readonly earlyDataContext: Uint8Array;
}

/** Turns sessions into tickets and back. Two come with this package: `SealedTickets`, stateless, and `StoredTickets`. */
export interface SessionTickets {
  /** @returns what the client is to show, 1 to 65,535 bytes; undefined where there is no room: none is sent then */
  issue(session: ServerSession, unixTime: number): Uint8Array | undefined;
  /**
   * @param ticket as a client showed it: anything
   * @returns undefined for what is unknown, altered, used up or expired: the handshake then goes on without it. `'wait'` makes the handshake wait
   *   (`look-up-ticket`) until `provideSession()`. Never throws for peer input.
   */
  redeem(ticket: Uint8Array, unixTime: number): ServerSession | undefined | 'wait';
}
