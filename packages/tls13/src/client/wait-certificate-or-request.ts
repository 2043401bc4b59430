/** EncryptedExtensions has come: CertificateRequest (RFC 8446 §4.3.2) may follow, Certificate must. */
import { illegalParameter } from '../errors.ts';
import { ExtensionType, requireExtension } from '../extensions.ts';
import { readUint16List } from '../extensions/uint16-list.ts';
import { EncryptionLevel } from '../handshake.ts';
import type { HandshakeState } from '../handshake-machine.ts';
import { readCertificateRequest } from '../messages/certificate-request.ts';
import { HandshakeType, type HandshakeMessage } from '../messages/handshake-message.ts';
import type { ClientContext, ClientKeys } from './client-context.ts';
import { WaitCertificate } from './wait-certificate.ts';

export class WaitCertificateOrRequest implements HandshakeState {
  readonly level: EncryptionLevel = EncryptionLevel.HANDSHAKE;
  readonly expects: readonly number[] = [HandshakeType.CERTIFICATE_REQUEST, HandshakeType.CERTIFICATE];
  readonly #context: ClientContext;
  readonly #keys: ClientKeys;
  readonly #alpnProtocol: string;

  constructor(context: ClientContext, keys: ClientKeys, alpnProtocol: string) {
    this.#context = context;
    this.#keys = keys;
    this.#alpnProtocol = alpnProtocol;
  }

  handle(message: HandshakeMessage, unixTime: number): HandshakeState {
    const isRequest = message.type === HandshakeType.CERTIFICATE_REQUEST;
    const next = new WaitCertificate(this.#context, this.#keys, {
      alpnProtocol: this.#alpnProtocol,
      isClientAsked: isRequest,
    });
    if (!isRequest) return next.handle(message, unixTime);

    const request = readCertificateRequest(message.body);
    // RFC 8446 §4.3.2: the context is for requests after the handshake, which QUIC forbids (RFC 9001 §4.4).
    if (request.certificateRequestContext.length > 0) throw illegalParameter('CertificateRequest has a context');
    readUint16List(requireExtension(request.extensions, ExtensionType.SIGNATURE_ALGORITHMS), 'signature_algorithms');
    this.#keys.transcript.add(message.raw);
    return next;
  }
}
