/** The client's chain is good: CertificateVerify proves that it has the leaf's key (RFC 8446 §4.4.3). Then the application judges it, where it wants to. */
import { checkCertificateVerify } from '../authentication/proof-of-key.ts';
import { AwaitAnswer } from '../await-answer.ts';
import type { PeerChain } from '../config.ts';
import { EncryptionLevel } from '../handshake.ts';
import type { HandshakeState } from '../handshake-machine.ts';
import { HandshakeType, type HandshakeMessage } from '../messages/handshake-message.ts';
import type { ServerContext, ServerKeys } from './server-context.ts';

/** A client whose chain has been verified. */
export interface ClaimedPeer {
  readonly chain: PeerChain;
  /** Of the leaf. */
  readonly publicKeyInfo: Uint8Array;
  /** Whether the application is asked. */
  readonly isJudged: boolean;
  next(identity: string | undefined): HandshakeState;
}

export class WaitClientCertificateVerify implements HandshakeState {
  readonly level: EncryptionLevel = EncryptionLevel.HANDSHAKE;
  readonly expects: readonly number[] = [HandshakeType.CERTIFICATE_VERIFY];
  readonly #context: ServerContext;
  readonly #keys: ServerKeys;
  readonly #claimed: ClaimedPeer;

  constructor(context: ServerContext, keys: ServerKeys, claimed: ClaimedPeer) {
    this.#context = context;
    this.#keys = keys;
    this.#claimed = claimed;
  }

  handle(message: HandshakeMessage): HandshakeState {
    const { settings, output } = this.#context;
    const { transcript } = this.#keys;
    const { chain, publicKeyInfo, isJudged } = this.#claimed;
    const { provider, signatureSchemes } = settings;
    checkCertificateVerify(message.body, 'client', provider, signatureSchemes, publicKeyInfo, transcript.digest());
    transcript.add(message.raw);
    output.setPeer(chain.chain, undefined);
    if (!isJudged) return this.#claimed.next(undefined);
    output.emit({ type: 'judge-peer-chain', ...chain });
    return new AwaitAnswer('judge-peer-chain', this.level, (identity) => this.#claimed.next(identity));
  }
}
