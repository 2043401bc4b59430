/** The server's Certificate (RFC 8446 §4.4.2), whose chain is verified as soon as it is here. */
import { pathExpiry, peerChain, readPeerCertificates } from '../authentication/peer-chain.ts';
import { verifyChain } from '../certificates/verify.ts';
import { decodeError } from '../errors.ts';
import { ExtensionType } from '../extensions.ts';
import { EncryptionLevel } from '../handshake.ts';
import type { HandshakeState } from '../handshake-machine.ts';
import { HandshakeType, type HandshakeMessage } from '../messages/handshake-message.ts';
import type { ClientContext, ClientKeys, ClientParameters } from './client-context.ts';
import { WaitCertificateVerify } from './wait-certificate-verify.ts';

const NOTHING: ReadonlySet<number> = new Set<number>();
const STAPLE: ReadonlySet<number> = new Set<number>([ExtensionType.STATUS_REQUEST]);

export class WaitCertificate implements HandshakeState {
  readonly level: EncryptionLevel = EncryptionLevel.HANDSHAKE;
  readonly expects: readonly number[];
  readonly #context: ClientContext;
  readonly #keys: ClientKeys;
  readonly #parameters: ClientParameters;

  constructor(context: ClientContext, keys: ClientKeys, parameters: ClientParameters) {
    this.#context = context;
    this.#keys = keys;
    this.#parameters = parameters;
    this.expects = expectedCertificates(context.settings.certificateCompressors.length > 0);
  }

  handle(message: HandshakeMessage, unixTime: number): HandshakeState {
    const { settings, serverName } = this.#context;
    const requested = settings.requestOcspStaple ? STAPLE : NOTHING;
    const entries = readPeerCertificates(message, 'server', settings.certificateCompressors, requested);
    // RFC 8446 §4.4.2.4: an empty list from a server is a decode_error.
    if (entries.length === 0) throw decodeError('Certificate of the server is empty');
    this.#keys.transcript.add(message.raw);

    const verified = verifyChain({
      provider: settings.provider,
      chain: entries.map((entry) => entry.certData),
      roots: settings.roots,
      purpose: 'server',
      serverName,
      unixTime,
    });
    const peer = peerChain(entries, verified);
    const parameters: ClientParameters = {
      ...this.#parameters,
      peerCertificates: peer.chain,
      authenticatedUntil: pathExpiry(peer),
    };
    return new WaitCertificateVerify(this.#context, this.#keys, parameters, peer, verified.leaf.publicKeyInfo);
  }
}

/** RFC 8879 §4: CompressedCertificate stands for Certificate where it was offered. */
export function expectedCertificates(isCompressionOffered: boolean): readonly number[] {
  return isCompressionOffered
    ? [HandshakeType.CERTIFICATE, HandshakeType.COMPRESSED_CERTIFICATE]
    : [HandshakeType.CERTIFICATE];
}
