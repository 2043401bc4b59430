/** The client was asked for a certificate: it comes, or an empty list says that there is none (RFC 8446 §4.4.2). */
import { Alert } from '../alerts.ts';
import { pathExpiry, peerChain, readPeerCertificates } from '../authentication/peer-chain.ts';
import { verifyChain } from '../certificates/verify.ts';
import { expectedCertificates } from '../client/wait-certificate.ts';
import { TlsError } from '../errors.ts';
import { EncryptionLevel } from '../handshake.ts';
import type { HandshakeState } from '../handshake-machine.ts';
import type { HandshakeMessage } from '../messages/handshake-message.ts';
import type { ClientAuthenticationSettings } from '../settings.ts';
import type { Peer, ServerContext, ServerKeys } from './server-context.ts';
import { WaitClientCertificateVerify } from './wait-client-certificate-verify.ts';

const NOTHING: ReadonlySet<number> = new Set<number>();

export class WaitClientCertificate implements HandshakeState {
  readonly level: EncryptionLevel = EncryptionLevel.HANDSHAKE;
  readonly expects: readonly number[];
  readonly #context: ServerContext;
  readonly #keys: ServerKeys;
  readonly #authentication: ClientAuthenticationSettings;
  readonly #next: (peer: Peer) => HandshakeState;

  /** @param next where a client leads that is who it says it is */
  constructor(
    context: ServerContext,
    keys: ServerKeys,
    authentication: ClientAuthenticationSettings,
    next: (peer: Peer) => HandshakeState,
  ) {
    this.#context = context;
    this.#keys = keys;
    this.#authentication = authentication;
    this.#next = next;
    this.expects = expectedCertificates(context.settings.certificateCompressors.length > 0);
  }

  handle(message: HandshakeMessage, unixTime: number): HandshakeState {
    const { settings } = this.#context;
    const { roots, isRequired } = this.#authentication;
    const entries = readPeerCertificates(message, 'client', settings.certificateCompressors, NOTHING);
    this.#keys.transcript.add(message.raw);
    if (entries.length === 0) {
      // RFC 8446 §4.4.2.4
      if (isRequired)
        throw new TlsError(
          'ERR_TLS_CERTIFICATE_REQUIRED',
          Alert.CERTIFICATE_REQUIRED,
          'The client presented no certificate, and one is required here',
        );
      return this.#next({ identity: undefined, certificate: undefined, authenticatedUntil: Infinity });
    }
    const verified = verifyChain({
      provider: settings.provider,
      chain: entries.map((entry) => entry.certData),
      roots,
      purpose: 'client',
      unixTime,
    });
    const chain = peerChain(entries, verified);
    return new WaitClientCertificateVerify(this.#context, this.#keys, {
      chain,
      publicKeyInfo: verified.leaf.publicKeyInfo,
      isJudged: this.#authentication.judgePeerChain,
      next: (identity) => this.#next({ identity, certificate: chain.chain[0], authenticatedUntil: pathExpiry(chain) }),
    });
  }
}
