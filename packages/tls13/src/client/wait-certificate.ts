/** The server's Certificate (RFC 8446 §4.4.2), whose chain is verified as soon as it is here. */
import { MAX_CERTIFICATES } from '../limits.ts';
import { Alert } from '../alerts.ts';
import { verifyChain } from '../certificates/verify.ts';
import { TlsError, decodeError, illegalParameter } from '../errors.ts';
import { refuseUnsolicited } from '../extensions.ts';
import { EncryptionLevel } from '../handshake.ts';
import type { HandshakeState } from '../handshake-machine.ts';
import { readCertificate } from '../messages/certificate.ts';
import { HandshakeType, type HandshakeMessage } from '../messages/handshake-message.ts';
import type { ClientContext, ClientKeys } from './client-context.ts';
import { WaitCertificateVerify } from './wait-certificate-verify.ts';

// status_request and signed_certificate_timestamp are not sent, and nothing else may answer in a Certificate.
const NO_EXTENSIONS: ReadonlySet<number> = new Set<number>();

/** What EncryptedExtensions and CertificateRequest decided. */
export interface ClientParameters {
  readonly alpnProtocol: string;
  /** Whether the server asked for a certificate: we answer that we have none. */
  readonly isClientAsked: boolean;
}

export class WaitCertificate implements HandshakeState {
  readonly level: EncryptionLevel = EncryptionLevel.HANDSHAKE;
  readonly expects: readonly number[] = [HandshakeType.CERTIFICATE];
  readonly #context: ClientContext;
  readonly #keys: ClientKeys;
  readonly #parameters: ClientParameters;

  constructor(context: ClientContext, keys: ClientKeys, parameters: ClientParameters) {
    this.#context = context;
    this.#keys = keys;
    this.#parameters = parameters;
  }

  handle(message: HandshakeMessage, unixTime: number): HandshakeState {
    const { settings, serverName, output } = this.#context;
    const { certificateRequestContext, certificateList } = readCertificate(message.body);
    // RFC 8446 §4.4.2: "in the case of server authentication, this field SHALL be zero length".
    if (certificateRequestContext.length > 0) throw illegalParameter('Certificate of the server has a context');
    // RFC 8446 §4.4.2.4: an empty list from a server is a decode_error.
    if (certificateList.length === 0) throw decodeError('Certificate of the server is empty');
    if (certificateList.length > MAX_CERTIFICATES) {
      throw new TlsError(
        'ERR_TLS_CERTIFICATE_INVALID',
        Alert.BAD_CERTIFICATE,
        `The server sent ${certificateList.length} certificates, expected ${MAX_CERTIFICATES} at most`,
      );
    }
    for (const entry of certificateList) refuseUnsolicited(entry.extensions, NO_EXTENSIONS);
    this.#keys.transcript.add(message.raw);

    const chain = certificateList.map((entry) => entry.certData);
    const { leaf } = verifyChain({
      provider: settings.provider,
      chain,
      roots: settings.roots,
      purpose: 'server',
      serverName,
      unixTime,
    });
    output.setPeerCertificates(chain);
    return new WaitCertificateVerify(this.#context, this.#keys, this.#parameters, leaf.publicKeyInfo, chain);
  }
}
