/** The chain is good: CertificateVerify proves that the server has the leaf's key (RFC 8446 §4.4.3). */
import { checkCertificateVerify } from '../authentication/proof-of-key.ts';
import { AwaitAnswer } from '../await-answer.ts';
import type { PeerChain } from '../config.ts';
import { EncryptionLevel } from '../handshake.ts';
import type { HandshakeState } from '../handshake-machine.ts';
import { HandshakeType, type HandshakeMessage } from '../messages/handshake-message.ts';
import type { ClientContext, ClientKeys, ClientParameters } from './client-context.ts';
import { WaitServerFinished } from './wait-server-finished.ts';

export class WaitCertificateVerify implements HandshakeState {
  readonly level: EncryptionLevel = EncryptionLevel.HANDSHAKE;
  readonly expects: readonly number[] = [HandshakeType.CERTIFICATE_VERIFY];
  readonly #context: ClientContext;
  readonly #keys: ClientKeys;
  readonly #parameters: ClientParameters;
  readonly #peer: PeerChain;
  readonly #publicKeyInfo: Uint8Array;

  /** @param publicKeyInfo of the leaf of the verified chain */
  constructor(
    context: ClientContext,
    keys: ClientKeys,
    parameters: ClientParameters,
    peer: PeerChain,
    publicKeyInfo: Uint8Array,
  ) {
    this.#context = context;
    this.#keys = keys;
    this.#parameters = parameters;
    this.#peer = peer;
    this.#publicKeyInfo = publicKeyInfo;
  }

  handle(message: HandshakeMessage): HandshakeState {
    const { settings, output } = this.#context;
    const { transcript } = this.#keys;
    checkCertificateVerify(
      message.body,
      'server',
      settings.provider,
      settings.signatureSchemes,
      this.#publicKeyInfo,
      transcript.digest(),
    );
    transcript.add(message.raw);
    output.setPeer(this.#peer.chain, this.#peer.ocspResponse);
    const next = new WaitServerFinished(this.#context, this.#keys, this.#parameters);
    if (!settings.judgePeerChain) return next;
    output.emit({ type: 'judge-peer-chain', ...this.#peer });
    return new AwaitAnswer('judge-peer-chain', this.level, () => next);
  }
}
