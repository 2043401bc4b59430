/** The handshake is over. A client has nothing more to say: no KeyUpdate (RFC 9001 §6), no second ClientHello. */
import { unexpectedMessage } from '../errors.ts';
import { EncryptionLevel } from '../handshake.ts';
import type { HandshakeState } from '../handshake-machine.ts';

export class ServerConnected implements HandshakeState {
  readonly level: EncryptionLevel = EncryptionLevel.APPLICATION;
  readonly expects: readonly number[] = [];

  handle(): HandshakeState {
    throw unexpectedMessage('Nothing is expected after the handshake');
  }
}
