/** Our flight is out: the client's Finished completes the handshake (RFC 8446 §4.4.4). */
import { Alert } from '../alerts.ts';
import { equalBytes } from '../constant-time.ts';
import { TlsError } from '../errors.ts';
import { EncryptionLevel } from '../handshake.ts';
import type { HandshakeState } from '../handshake-machine.ts';
import { readFinished } from '../messages/finished.ts';
import { HandshakeType, type HandshakeMessage } from '../messages/handshake-message.ts';
import { ServerConnected } from './connected.ts';
import type { ServerContext, ServerKeys } from './server-context.ts';

export class WaitClientFinished implements HandshakeState {
  readonly level: EncryptionLevel = EncryptionLevel.HANDSHAKE;
  // No CertificateRequest goes out, so no Certificate comes. RFC 9001 §8.3: no EndOfEarlyData in QUIC.
  readonly expects: readonly number[] = [HandshakeType.FINISHED];
  readonly #context: ServerContext;
  readonly #keys: ServerKeys;
  readonly #clientTrafficSecret: Uint8Array;

  /** @param clientTrafficSecret of the application level */
  constructor(context: ServerContext, keys: ServerKeys, clientTrafficSecret: Uint8Array) {
    this.#context = context;
    this.#keys = keys;
    this.#clientTrafficSecret = clientTrafficSecret;
  }

  handle(message: HandshakeMessage): HandshakeState {
    const { negotiated, transcript, schedule } = this.#keys;
    const { suite, alpnProtocol, serverName } = negotiated;
    const verifyData = readFinished(message.body, suite.hashLength);
    if (!equalBytes(verifyData, schedule.clientVerifyData(transcript.digest()))) {
      throw new TlsError('ERR_TLS_AUTHENTICATION', Alert.DECRYPT_ERROR, 'The Finished of the client is wrong');
    }
    const { output } = this.#context;
    output.emit({ type: 'read-secret', level: EncryptionLevel.APPLICATION, suite, secret: this.#clientTrafficSecret });
    output.emit({ type: 'complete', alpnProtocol, serverName });
    return new ServerConnected();
  }
}
