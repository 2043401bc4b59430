/**
 * ServerHello is out: the rest of the flight follows, EncryptedExtensions to Finished.
 *
 * A state of its own because the carrier may want to see the client's opaque extensions before it settles ours. The
 * flight is written once it has taken all events that there are.
 */
import { unexpectedMessage } from '../errors.ts';
import { ExtensionType } from '../extensions.ts';
import { writeAlpn } from '../extensions/alpn.ts';
import { EncryptionLevel, type OpaqueExtension } from '../handshake.ts';
import type { HandshakeState } from '../handshake-machine.ts';
import { writeCertificateVerify, serverSignatureContent } from '../messages/certificate-verify.ts';
import { writeCertificate } from '../messages/certificate.ts';
import { writeEncryptedExtensions } from '../messages/encrypted-extensions.ts';
import { writeFinished } from '../messages/finished.ts';
import type { ServerContext, ServerKeys } from './server-context.ts';
import { WaitClientFinished } from './wait-client-finished.ts';

const NO_EXTENSIONS: ReadonlyMap<number, Uint8Array> = new Map<number, Uint8Array>();

export class WriteServerFlight implements HandshakeState {
  readonly level: EncryptionLevel = EncryptionLevel.HANDSHAKE;
  readonly expects: readonly number[] = [];
  readonly isPaused: boolean = true;
  readonly #context: ServerContext;
  readonly #keys: ServerKeys;

  constructor(context: ServerContext, keys: ServerKeys) {
    this.#context = context;
    this.#keys = keys;
  }

  handle(): HandshakeState {
    throw unexpectedMessage('Nothing is read before the flight is written');
  }

  /** @param opaque extensions for EncryptedExtensions */
  write(opaque: readonly OpaqueExtension[]): HandshakeState {
    const { settings, output } = this.#context;
    const { negotiated, transcript, schedule, keyLogger } = this.#keys;
    const { suite } = negotiated;
    const send = (message: Uint8Array): void => {
      transcript.add(message);
      output.emit({ type: 'send', level: EncryptionLevel.HANDSHAKE, data: message });
    };

    const extensions = new Map<number, Uint8Array>();
    extensions.set(ExtensionType.APPLICATION_LAYER_PROTOCOL_NEGOTIATION, writeAlpn([negotiated.alpnProtocol]));
    for (const { type, data } of opaque) extensions.set(type, data);
    send(writeEncryptedExtensions(extensions));

    const { chain, key } = settings.credential;
    send(
      writeCertificate({
        certificateRequestContext: new Uint8Array(0),
        certificateList: chain.map((certData) => ({ certData, extensions: NO_EXTENSIONS })),
      }),
    );

    const signature = key.sign(negotiated.scheme, serverSignatureContent(transcript.digest()));
    send(writeCertificateVerify({ algorithm: negotiated.scheme, signature }));

    send(writeFinished(schedule.serverVerifyData(transcript.digest())));

    const master = schedule.master(transcript.digest());
    keyLogger.master(master);
    // RFC 9001 §5.7: we may write 1-RTT packets from here on, but read none before the client's Finished is verified.
    output.emit({
      type: 'write-secret',
      level: EncryptionLevel.APPLICATION,
      suite,
      secret: master.serverTrafficSecret,
    });
    return new WaitClientFinished(this.#context, this.#keys, master.clientTrafficSecret);
  }
}
