/** Whether a server takes the early data that comes with a ticket (RFC 8446 §4.2.10, §8). */
import { equalBytes } from '../constant-time.ts';
import { MAX_TICKET_AGE_SKEW } from '../limits.ts';
import type { ServerSession } from '../sessions/server-session.ts';
import type { Negotiated, ServerContext } from './server-context.ts';

/** @param session of the first identity that the client offers, its binder checked */
export function admitsEarlyData(
  { settings, earlyDataContext }: ServerContext,
  { psks, isEarlyDataOffered, suite, alpnProtocol }: Negotiated,
  session: ServerSession,
  unixTime: number,
): boolean {
  const guard = settings.resumption?.earlyData;
  const [offered] = psks?.identities ?? [];
  if (!isEarlyDataOffered || guard === undefined || offered === undefined) return false;
  const isSame =
    session.isEarlyDataAllowed &&
    session.cipherSuite === suite.id &&
    session.alpnProtocol === alpnProtocol &&
    equalBytes(session.earlyDataContext, earlyDataContext);
  if (!isSame) return false;
  // RFC 8446 §8.3: what was recorded and comes late is older than its client said.
  const age = (offered.obfuscatedTicketAge - session.ticketAgeAdd + 2 ** 32) % 2 ** 32;
  if (!(Math.abs(unixTime - session.issuedAt - age) <= MAX_TICKET_AGE_SKEW)) return false;
  return guard.admit(offered.identity, unixTime);
}
