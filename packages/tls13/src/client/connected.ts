/** The handshake is over. A server may still send tickets (RFC 8446 §4.6.1), which are read and dropped. */
import { EncryptionLevel } from '../handshake.ts';
import type { HandshakeState } from '../handshake-machine.ts';
import { HandshakeType, type HandshakeMessage } from '../messages/handshake-message.ts';
import { readNewSessionTicket } from '../messages/new-session-ticket.ts';

export class ClientConnected implements HandshakeState {
  readonly level: EncryptionLevel = EncryptionLevel.APPLICATION;
  // RFC 9001 §6: no KeyUpdate. RFC 9001 §4.4: no CertificateRequest after the handshake.
  readonly expects: readonly number[] = [HandshakeType.NEW_SESSION_TICKET];

  handle(message: HandshakeMessage): HandshakeState {
    readNewSessionTicket(message.body);
    return this;
  }
}
