/** What a client keeps of a connection to resume it later (RFC 8446 §4.6.1). */
import type { OpaqueExtension } from '../handshake.ts';

/** One ticket with what belongs to it. Plain data; it holds a secret, and is to be used once (RFC 8446 §C.4). */
export interface ClientSession {
  /** The name that was dialled and verified. */
  readonly serverName: string;
  readonly alpnProtocol: string;
  /** Code point of the cipher suite. */
  readonly cipherSuite: number;
  /** The pre-shared key, as long as the hash of the suite. */
  readonly secret: Uint8Array;
  readonly ticket: Uint8Array;
  /** Added to the ticket's age before it is sent, modulo 2^32. */
  readonly ticketAgeAdd: number;
  /** Wall clock, ms since 1970. */
  readonly receivedAt: number;
  /** The same; at most seven days later, and not after a certificate of the server's chain has expired. */
  readonly expiresAt: number;
  /** Bytes of early data the server takes; 0 for none. QUIC's is 2^32 - 1 (RFC 9001 §4.6.1). */
  readonly maxEarlyDataSize: number;
  /** The server's opaque extensions as they were: early data goes by them (RFC 9000 §7.4.1). */
  readonly peerExtensions: readonly OpaqueExtension[];
  /** The server's chain as DER, leaf first: a resumed connection has the peer that it had. */
  readonly peerCertificates: readonly Uint8Array[];
  /** What the chain was verified by, as a hash of the roots and of whether it was judged: the session is of no use where that has changed. */
  readonly authenticationContext: Uint8Array;
}
