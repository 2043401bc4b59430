/** The server has proved who it is; whether that will do is the application's to say. Messages wait meanwhile. */
import { unexpectedMessage } from '../errors.ts';
import { EncryptionLevel } from '../handshake.ts';
import type { HandshakeState } from '../handshake-machine.ts';

export class JudgePeerChain implements HandshakeState {
  readonly level: EncryptionLevel = EncryptionLevel.HANDSHAKE;
  readonly expects: readonly number[] = [];
  readonly isPaused: boolean = true;
  /** Where an accepted chain leads. */
  readonly accepted: HandshakeState;

  constructor(accepted: HandshakeState) {
    this.accepted = accepted;
  }

  handle(): HandshakeState {
    throw unexpectedMessage('Nothing is read while the chain is judged');
  }
}
