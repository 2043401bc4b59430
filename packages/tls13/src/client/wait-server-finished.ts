/** The server's Finished closes its flight; ours answers it and completes the handshake (RFC 8446 §4.4.4). */
import { Alert } from '../alerts.ts';
import { equalBytes } from '../constant-time.ts';
import { TlsError } from '../errors.ts';
import { EncryptionLevel } from '../handshake.ts';
import type { HandshakeState } from '../handshake-machine.ts';
import { writeCertificate } from '../messages/certificate.ts';
import { readFinished, writeFinished } from '../messages/finished.ts';
import { HandshakeType, type HandshakeMessage } from '../messages/handshake-message.ts';
import type { ClientContext, ClientKeys } from './client-context.ts';
import { ClientConnected } from './connected.ts';
import type { ClientParameters } from './wait-certificate.ts';

export class WaitServerFinished implements HandshakeState {
  readonly level: EncryptionLevel = EncryptionLevel.HANDSHAKE;
  readonly expects: readonly number[] = [HandshakeType.FINISHED];
  readonly #context: ClientContext;
  readonly #keys: ClientKeys;
  readonly #parameters: ClientParameters;

  constructor(context: ClientContext, keys: ClientKeys, parameters: ClientParameters) {
    this.#context = context;
    this.#keys = keys;
    this.#parameters = parameters;
  }

  handle(message: HandshakeMessage): HandshakeState {
    const { suite, transcript, schedule } = this.#keys;
    const { output } = this.#context;
    const verifyData = readFinished(message.body, suite.hashLength);
    if (!equalBytes(verifyData, schedule.serverVerifyData(transcript.digest()))) {
      throw new TlsError('ERR_TLS_AUTHENTICATION', Alert.DECRYPT_ERROR, 'The Finished of the server is wrong');
    }
    transcript.add(message.raw);
    // RFC 8446 §7.1: the application secrets hang on the transcript up to here, whatever we send ourselves.
    const master = schedule.master(transcript.digest());
    this.#context.keyLogger.master(master);

    this.#sendFlight();
    const level = EncryptionLevel.APPLICATION;
    output.emit({ type: 'read-secret', level, suite, secret: master.serverTrafficSecret });
    output.emit({ type: 'write-secret', level, suite, secret: master.clientTrafficSecret });
    const { alpnProtocol } = this.#parameters;
    output.emit({ type: 'complete', alpnProtocol, serverName: this.#context.serverName });
    return new ClientConnected();
  }

  #sendFlight(): void {
    const { transcript, schedule } = this.#keys;
    const level = EncryptionLevel.HANDSHAKE;
    if (this.#parameters.isClientAsked) {
      // RFC 8446 §4.4.2: a client without a certificate says so; CertificateVerify then falls away.
      const certificate = writeCertificate({ certificateRequestContext: new Uint8Array(0), certificateList: [] });
      transcript.add(certificate);
      this.#context.output.emit({ type: 'send', level, data: certificate });
    }
    const finished = writeFinished(schedule.clientVerifyData(transcript.digest()));
    this.#context.output.emit({ type: 'send', level, data: finished });
  }
}
