/** The handshake is over. A server may still send tickets (RFC 8446 §4.6.1), each of which becomes a session. */
import type { CipherSuite } from '../cipher-suites.ts';
import { EncryptionLevel, type OpaqueExtension } from '../handshake.ts';
import type { HandshakeOutput, HandshakeState } from '../handshake-machine.ts';
import { resumptionPsk } from '../key-schedule.ts';
import { MAX_CLIENT_SESSION_SIZE, MAX_SESSIONS_PER_CONNECTION, MAX_TICKET_LIFETIME } from '../limits.ts';
import { HandshakeType, type HandshakeMessage } from '../messages/handshake-message.ts';
import { readNewSessionTicket } from '../messages/new-session-ticket.ts';
import { illegalParameter } from '../errors.ts';
import { authenticationContext } from '../sessions/authentication-context.ts';
import { clientSessionSize } from '../sessions/client-session-codec.ts';
import type { ClientSession } from '../sessions/client-session.ts';
import type { ClientSettings } from '../settings.ts';

/** RFC 9001 §4.6.1: the only size that tickets of QUIC may name. */
const QUIC_EARLY_DATA_SIZE = 0xffff_ffff;

/** What all sessions of one connection have in common. */
export interface ResumptionBasis {
  readonly suite: CipherSuite;
  readonly resumptionSecret: Uint8Array;
  readonly serverName: string;
  readonly alpnProtocol: string;
  readonly peerExtensions: readonly OpaqueExtension[];
  readonly peerCertificates: readonly Uint8Array[];
  /** ms since 1970 */
  readonly authenticatedUntil: number;
}

export class ClientConnected implements HandshakeState {
  readonly level: EncryptionLevel = EncryptionLevel.APPLICATION;
  // RFC 9001 §6: no KeyUpdate. RFC 9001 §4.4: no CertificateRequest after the handshake.
  readonly expects: readonly number[] = [HandshakeType.NEW_SESSION_TICKET];
  readonly #settings: ClientSettings;
  readonly #output: HandshakeOutput;
  readonly #basis: ResumptionBasis | undefined;
  #sessionCount = 0;

  /** @param basis undefined where no sessions are wanted */
  constructor(settings: ClientSettings, output: HandshakeOutput, basis: ResumptionBasis | undefined) {
    this.#settings = settings;
    this.#output = output;
    this.#basis = basis;
  }

  handle(message: HandshakeMessage, unixTime: number): HandshakeState {
    const ticket = readNewSessionTicket(message.body);
    const { maxEarlyDataSize } = ticket;
    const { provider, isQuic } = this.#settings;
    // QUIC names PROTOCOL_VIOLATION, which is no alert; this is the nearest one.
    if (isQuic && maxEarlyDataSize !== 0 && maxEarlyDataSize !== QUIC_EARLY_DATA_SIZE)
      throw illegalParameter(`max_early_data_size is ${maxEarlyDataSize}, expected ${QUIC_EARLY_DATA_SIZE}`);
    if (this.#basis === undefined || this.#sessionCount === MAX_SESSIONS_PER_CONNECTION) return this;

    // Named one by one: an object rest takes 12 µs.
    const { suite, resumptionSecret, authenticatedUntil, serverName, alpnProtocol, peerExtensions, peerCertificates } =
      this.#basis;
    // RFC 8446 §4.6.1: no longer than seven days, whatever the server says.
    const lifetime = 1_000 * Math.min(ticket.ticketLifetimeSeconds, MAX_TICKET_LIFETIME);
    const expiresAt = Math.min(unixTime + lifetime, authenticatedUntil);
    // NaN and Infinity are of no time at all.
    if (!(expiresAt > unixTime)) return this;
    const session: ClientSession = {
      serverName,
      alpnProtocol,
      cipherSuite: suite.id,
      secret: resumptionPsk(provider, suite, resumptionSecret, ticket.ticketNonce),
      ticket: ticket.ticket.slice(),
      ticketAgeAdd: ticket.ticketAgeAdd,
      receivedAt: unixTime,
      expiresAt,
      maxEarlyDataSize,
      peerExtensions,
      peerCertificates,
      authenticationContext: authenticationContext(this.#settings),
    };
    if (clientSessionSize(session) > MAX_CLIENT_SESSION_SIZE) return this;
    this.#sessionCount++;
    this.#output.emit({ type: 'session', session });
    return this;
  }
}
