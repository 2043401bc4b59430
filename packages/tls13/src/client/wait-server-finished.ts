/** The server's Finished closes its flight; ours answers it and completes the handshake (RFC 8446 §4.4.4). */
import { chooseCredential, fitCredential, writeOwnCertificate, writeOwnVerify } from '../authentication/own-chain.ts';
import { checkFinished } from '../authentication/proof-of-key.ts';
import { AwaitAnswer } from '../await-answer.ts';
import type { Credential } from '../config.ts';
import { EncryptionLevel } from '../handshake.ts';
import type { HandshakeState } from '../handshake-machine.ts';
import type { MasterSchedule } from '../key-schedule.ts';
import { writeEndOfEarlyData } from '../messages/end-of-early-data.ts';
import { writeFinished } from '../messages/finished.ts';
import { HandshakeType, type HandshakeMessage } from '../messages/handshake-message.ts';
import type { ClientContext, ClientKeys, ClientParameters } from './client-context.ts';
import { ClientConnected } from './connected.ts';

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
    const { transcript, schedule, resumed } = this.#keys;
    const { settings, output } = this.#context;
    checkFinished(message.body, 'server', schedule.serverVerifyData(transcript.digest()));
    transcript.add(message.raw);
    if (resumed !== undefined) output.setPeer(this.#parameters.peerCertificates, undefined);
    // RFC 8446 §7.1: the application secrets hang on the transcript up to here, whatever we send ourselves.
    const master = schedule.master(transcript.digest());
    this.#context.keyLogger.master(master);

    const { requested } = this.#parameters;
    if (requested === undefined || settings.credential === undefined) return this.#finish(master, undefined);
    const credential = chooseCredential(settings.credential, requested.offer);
    if (credential !== 'wait') return this.#finish(master, credential);
    output.emit({ type: 'choose-certificate', offer: requested.offer });
    return new AwaitAnswer('choose-certificate', EncryptionLevel.APPLICATION, (chosen) => this.#finish(master, chosen));
  }

  #finish(master: MasterSchedule, credential: Credential | undefined): HandshakeState {
    const { settings, output, serverName } = this.#context;
    const { suite, transcript, resumed } = this.#keys;
    this.#sendFlight(credential);
    const level = EncryptionLevel.APPLICATION;
    output.emit({ type: 'read-secret', level, suite, secret: master.serverTrafficSecret });
    output.emit({ type: 'write-secret', level, suite, secret: master.clientTrafficSecret });
    output.setExporter({ provider: settings.provider, suite, secret: master.exporterSecret() });
    const { alpnProtocol } = this.#parameters;
    const isResumed = resumed !== undefined;
    output.emit({ type: 'complete', alpnProtocol, serverName, isResumed, peerIdentity: undefined });
    return new ClientConnected(
      settings,
      output,
      settings.refuseTickets
        ? undefined
        : {
            suite,
            resumptionSecret: master.resumptionSecret(transcript.digest()),
            serverName,
            alpnProtocol,
            peerExtensions: this.#parameters.peerExtensions,
            peerCertificates: this.#parameters.peerCertificates,
            authenticatedUntil: this.#parameters.authenticatedUntil,
          },
    );
  }

  #sendFlight(credential: Credential | undefined): void {
    const { settings, output } = this.#context;
    const { transcript, schedule } = this.#keys;
    const send = (level: EncryptionLevel, message: Uint8Array): void => {
      transcript.add(message);
      output.emit({ type: 'send', level, data: message });
    };
    // RFC 8446 §4.5. RFC 9001 §8.3: not in QUIC.
    if (this.#parameters.isEarlyDataAccepted && !settings.isQuic) send(EncryptionLevel.EARLY, writeEndOfEarlyData());

    const level = EncryptionLevel.HANDSHAKE;
    const { requested } = this.#parameters;
    if (requested !== undefined) {
      // RFC 8446 §4.4.2: a client without a certificate that fits says so; CertificateVerify then falls away.
      const own = fitCredential(credential, requested.offer);
      send(level, writeOwnCertificate(own?.credential, requested.wishes, settings.certificateCompressors));
      if (own !== undefined) send(level, writeOwnVerify(own, 'client', transcript.digest()));
    }
    send(level, writeFinished(schedule.clientVerifyData(transcript.digest())));
  }
}
