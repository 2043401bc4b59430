/** NewSessionTicket messages of a finished handshake (RFC 8446 §4.6.1). */
import { EncryptionLevel } from '../handshake.ts';
import { resumptionPsk } from '../key-schedule.ts';
import { MAX_EARLY_DATA_SIZE } from '../limits.ts';
import { writeNewSessionTicket } from '../messages/new-session-ticket.ts';
import type { ServerSettings } from '../settings.ts';
import type { Negotiated, Peer, ServerContext } from './server-context.ts';

/** RFC 9001 §4.6.1: the only size that tickets of QUIC may name. */
const QUIC_EARLY_DATA_SIZE = 0xffff_ffff;

export function issueTickets(
  { settings, earlyDataContext, output }: ServerContext,
  { suite, alpnProtocol, serverName }: Negotiated,
  resumptionSecret: Uint8Array,
  peer: Peer,
  unixTime: number,
): void {
  const { resumption, provider, random, isQuic } = settings;
  if (resumption === undefined) return;
  const { tickets, ticketCount, lifetime, earlyData } = resumption;
  // Sessions that come out of sessions do not outlive the first: who resumes for ever would never be authenticated again.
  const expiresAt = Math.min(unixTime + 1_000 * lifetime, peer.authenticatedUntil);
  const ticketLifetimeSeconds = Math.floor((expiresAt - unixTime) / 1_000);
  // Nor from a clock that is none, for whose times there is no form: NaN, Infinity, before 1970.
  if (!(ticketLifetimeSeconds >= 1 && unixTime >= 0)) return;
  for (let i = 0; i < ticketCount; i++) {
    const ticketNonce = Uint8Array.of(i);
    const ageAdd = new Uint8Array(4);
    random.fillPrivate(ageAdd);
    const ticketAgeAdd = new DataView(ageAdd.buffer).getUint32(0);
    const ticket = tickets.issue(
      {
        cipherSuite: suite.id,
        secret: resumptionPsk(provider, suite, resumptionSecret, ticketNonce),
        alpnProtocol,
        serverName,
        peerIdentity: peer.identity,
        peerCertificate: peer.certificate,
        authenticationContext: authenticationContext(settings, peer),
        ticketAgeAdd,
        issuedAt: unixTime,
        expiresAt,
        isEarlyDataAllowed: earlyData !== undefined,
        earlyDataContext,
      },
      unixTime,
    );
    if (ticket === undefined) return;
    const maxEarlyDataSize = earlyData === undefined ? 0 : isQuic ? QUIC_EARLY_DATA_SIZE : MAX_EARLY_DATA_SIZE;
    const data = writeNewSessionTicket({ ticketLifetimeSeconds, ticketAgeAdd, ticketNonce, ticket, maxEarlyDataSize });
    output.emit({ type: 'send', level: EncryptionLevel.APPLICATION, data });
  }
}

function authenticationContext({ clientAuthentication }: ServerSettings, { certificate }: Peer): Uint8Array {
  return certificate === undefined || clientAuthentication === undefined
    ? new Uint8Array(0)
    : clientAuthentication.context;
}
