/** The chain is good: CertificateVerify proves that the server has the leaf's key (RFC 8446 §4.4.3). */
import { Alert } from '../alerts.ts';
import { TlsError, illegalParameter } from '../errors.ts';
import { EncryptionLevel } from '../handshake.ts';
import type { HandshakeState } from '../handshake-machine.ts';
import { readCertificateVerify, serverSignatureContent } from '../messages/certificate-verify.ts';
import { HandshakeType, type HandshakeMessage } from '../messages/handshake-message.ts';
import type { ClientContext, ClientKeys } from './client-context.ts';
import { JudgePeerChain } from './judge-peer-chain.ts';
import type { ClientParameters } from './wait-certificate.ts';
import { WaitServerFinished } from './wait-server-finished.ts';

export class WaitCertificateVerify implements HandshakeState {
  readonly level: EncryptionLevel = EncryptionLevel.HANDSHAKE;
  readonly expects: readonly number[] = [HandshakeType.CERTIFICATE_VERIFY];
  readonly #context: ClientContext;
  readonly #keys: ClientKeys;
  readonly #parameters: ClientParameters;
  readonly #publicKeyInfo: Uint8Array;
  readonly #chain: readonly Uint8Array[];

  /** @param publicKeyInfo of the leaf of a verified chain */
  constructor(
    context: ClientContext,
    keys: ClientKeys,
    parameters: ClientParameters,
    publicKeyInfo: Uint8Array,
    chain: readonly Uint8Array[],
  ) {
    this.#context = context;
    this.#keys = keys;
    this.#parameters = parameters;
    this.#publicKeyInfo = publicKeyInfo;
    this.#chain = chain;
  }

  handle(message: HandshakeMessage): HandshakeState {
    const { settings, output } = this.#context;
    const { algorithm, signature } = readCertificateVerify(message.body);
    // RFC 8446 §4.4.3: one of signature_algorithms, among which PKCS#1 v1.5 is never offered.
    const scheme = settings.signatureSchemes.find((each) => each === algorithm);
    if (scheme === undefined)
      throw illegalParameter(`CertificateVerify uses signature scheme ${algorithm}, which was not offered`);
    // The signature covers everything up to Certificate, so the digest is taken before this message is added.
    const content = serverSignatureContent(this.#keys.transcript.digest());
    if (!settings.provider.verify(this.#publicKeyInfo, scheme, content, signature)) {
      throw new TlsError('ERR_TLS_AUTHENTICATION', Alert.DECRYPT_ERROR, 'The signature of CertificateVerify is wrong');
    }
    this.#keys.transcript.add(message.raw);
    const next = new WaitServerFinished(this.#context, this.#keys, this.#parameters);
    if (!settings.judgePeerChain) return next;
    output.emit({ type: 'judge-peer-chain', chain: this.#chain });
    return new JudgePeerChain(next);
  }
}
