/** What the parties of the TLS benchmarks are told to do. Both ends are in one process and talk over memory. */
import type { TlsChains } from '../lib/tls-chains.ts';

export interface TlsWork extends TlsChains {
  readonly group: 'x25519' | 'x25519mlkem768';
  /** Resume one session over and over; otherwise all handshakes are full ones. */
  readonly isResumed: boolean;
}

/** Tickets after a full handshake: as many as OpenSSL gives. After a resumption node:tls gives none, and nor do we. */
export const TICKET_COUNT = 2;

export const ALPN = 'bench';
export const SERVER_NAME = 'localhost';
