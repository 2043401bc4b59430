/** A session that a client offers to resume: whether it fits, and its place in the ClientHello (RFC 8446 §4.2.11). */
import type { CipherSuite } from '../cipher-suites.ts';
import { equalBytes } from '../constant-time.ts';
import { binderListLength, writeOfferedPsk } from '../extensions/pre-shared-key.ts';
import { EarlySchedule } from '../key-schedule.ts';
import { MAX_CLIENT_SESSION_SIZE } from '../limits.ts';
import { authenticationContext } from '../sessions/authentication-context.ts';
import type { ClientSession } from '../sessions/client-session.ts';
import type { ClientSettings } from '../settings.ts';

export class OfferedSession {
  readonly session: ClientSession;
  readonly suite: CipherSuite;
  readonly schedule: EarlySchedule;

  constructor(settings: ClientSettings, session: ClientSession, suite: CipherSuite) {
    this.session = session;
    this.suite = suite;
    this.schedule = new EarlySchedule(settings.provider, suite, session.secret);
  }

  /** The extension's data, with zeros where the binder goes. */
  write(unixTime: number): Uint8Array {
    const { ticket, ticketAgeAdd, receivedAt } = this.session;
    // RFC 8446 §4.2.11.1: modulo 2^32, and masked, so that nobody on the way recognises connections by the age of their ticket.
    const obfuscatedTicketAge = (Math.floor(unixTime - receivedAt) + ticketAgeAdd) % 2 ** 32;
    return writeOfferedPsk({ identity: ticket, obfuscatedTicketAge }, this.suite.hashLength);
  }

  /** @returns the bytes that the binder covers. @param message the ClientHello, which ends in the extension */
  truncate(message: Uint8Array): Uint8Array {
    return message.subarray(0, message.length - binderListLength(this.suite.hashLength));
  }

  /** Puts the binder in its place. @param transcriptHash of everything up to the truncated ClientHello */
  bind(message: Uint8Array, transcriptHash: Uint8Array): void {
    message.set(this.schedule.binder(transcriptHash), message.length - this.suite.hashLength);
  }
}

/** @returns undefined where the session is of no use now: of another name, too old or from the future, too large, verified by other roots, or of a suite that is not offered */
export function offerSession(
  settings: ClientSettings,
  session: ClientSession | undefined,
  serverName: string,
  unixTime: number,
): OfferedSession | undefined {
  if (session === undefined || session.serverName !== serverName) return undefined;
  // A clock that was set back leaves no way to tell how old the ticket is.
  if (!(unixTime >= session.receivedAt && unixTime < session.expiresAt)) return undefined;
  // A ticket of the largest size leaves no room for the rest of the ClientHello.
  if (session.ticket.length > MAX_CLIENT_SESSION_SIZE) return undefined;
  // The same name under other roots, or past another judge, need not be the same server.
  if (!equalBytes(session.authenticationContext, authenticationContext(settings))) return undefined;
  const suite = settings.cipherSuites.find((each) => each.id === session.cipherSuite);
  if (suite === undefined || session.secret.length !== suite.hashLength) return undefined;
  return new OfferedSession(settings, session, suite);
}
