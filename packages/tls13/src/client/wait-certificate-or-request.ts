/** EncryptedExtensions has come: CertificateRequest (RFC 8446 §4.3.2) may follow, Certificate must. */
import { readCertificateOffer, readCertificateWishes } from '../authentication/certificate-offer.ts';
import { illegalParameter } from '../errors.ts';
import { ExtensionType } from '../extensions.ts';
import { checkStatusWish } from '../extensions/status-request.ts';
import { EncryptionLevel } from '../handshake.ts';
import type { HandshakeState } from '../handshake-machine.ts';
import { readCertificateRequest } from '../messages/certificate-request.ts';
import { HandshakeType, type HandshakeMessage } from '../messages/handshake-message.ts';
import type { CertificateRequested, ClientContext, ClientKeys, ClientParameters } from './client-context.ts';
import { WaitCertificate, expectedCertificates } from './wait-certificate.ts';

export class WaitCertificateOrRequest implements HandshakeState {
  readonly level: EncryptionLevel = EncryptionLevel.HANDSHAKE;
  readonly expects: readonly number[];
  readonly #context: ClientContext;
  readonly #keys: ClientKeys;
  readonly #parameters: ClientParameters;

  constructor(context: ClientContext, keys: ClientKeys, parameters: ClientParameters) {
    this.#context = context;
    this.#keys = keys;
    this.#parameters = parameters;
    this.expects = [
      HandshakeType.CERTIFICATE_REQUEST,
      ...expectedCertificates(context.settings.certificateCompressors.length > 0),
    ];
  }

  handle(message: HandshakeMessage, unixTime: number): HandshakeState {
    if (message.type !== HandshakeType.CERTIFICATE_REQUEST)
      return new WaitCertificate(this.#context, this.#keys, this.#parameters).handle(message, unixTime);
    this.#keys.transcript.add(message.raw);
    const requested = readRequest(message.body);
    return new WaitCertificate(this.#context, this.#keys, { ...this.#parameters, requested });
  }
}

function readRequest(body: Uint8Array): CertificateRequested {
  const { certificateRequestContext, extensions } = readCertificateRequest(body);
  // RFC 8446 §4.3.2: the context is for requests after the handshake, which QUIC forbids (RFC 9001 §4.4) and we do not offer.
  if (certificateRequestContext.length > 0) throw illegalParameter('CertificateRequest has a context');
  const status = extensions.get(ExtensionType.STATUS_REQUEST);
  if (status !== undefined) checkStatusWish(status);
  return {
    offer: readCertificateOffer(extensions, undefined),
    wishes: readCertificateWishes(extensions, status !== undefined),
  };
}
