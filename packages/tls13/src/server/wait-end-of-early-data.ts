/** Early data was accepted: EndOfEarlyData closes it (RFC 8446 §4.5). Not in QUIC (RFC 9001 §8.3). */
import { EncryptionLevel } from '../handshake.ts';
import type { HandshakeState } from '../handshake-machine.ts';
import { readEndOfEarlyData } from '../messages/end-of-early-data.ts';
import { HandshakeType, type HandshakeMessage } from '../messages/handshake-message.ts';
import type { Transcript } from '../transcript.ts';

export class WaitEndOfEarlyData implements HandshakeState {
  readonly level: EncryptionLevel = EncryptionLevel.EARLY;
  readonly expects: readonly number[] = [HandshakeType.END_OF_EARLY_DATA];
  readonly #transcript: Transcript;
  readonly #next: HandshakeState;

  constructor(transcript: Transcript, next: HandshakeState) {
    this.#transcript = transcript;
    this.#next = next;
  }

  handle(message: HandshakeMessage): HandshakeState {
    readEndOfEarlyData(message.body);
    this.#transcript.add(message.raw);
    return this.#next;
  }
}
