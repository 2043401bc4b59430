/**
 * ServerHello is out: the rest of the flight follows, EncryptedExtensions to Finished.
 *
 * A state of its own because the carrier may want to see the client's opaque extensions before it settles ours. The
 * flight is written once it has taken all events that there are.
 */
import { writeOwnCertificate, writeOwnVerify, type OwnCredential } from '../authentication/own-chain.ts';
import { unexpectedMessage } from '../errors.ts';
import { ExtensionType } from '../extensions.ts';
import { writeAlpn } from '../extensions/alpn.ts';
import { writeCertificateAuthorities } from '../extensions/certificate-authorities.ts';
import { writeCompressionAlgorithms } from '../extensions/compress-certificate.ts';
import { writeUint16List } from '../extensions/uint16-list.ts';
import { EncryptionLevel, type OpaqueExtension } from '../handshake.ts';
import type { HandshakeState } from '../handshake-machine.ts';
import { writeCertificateRequest } from '../messages/certificate-request.ts';
import { writeEncryptedExtensions } from '../messages/encrypted-extensions.ts';
import { writeFinished } from '../messages/finished.ts';
import type { ClientAuthenticationSettings, ServerSettings } from '../settings.ts';
import type { Peer, ServerContext, ServerKeys } from './server-context.ts';
import { WaitClientCertificate } from './wait-client-certificate.ts';
import { WaitClientFinished } from './wait-client-finished.ts';
import { WaitEndOfEarlyData } from './wait-end-of-early-data.ts';

export class WriteServerFlight implements HandshakeState {
  readonly level: EncryptionLevel = EncryptionLevel.HANDSHAKE;
  readonly expects: readonly number[] = [];
  readonly isPaused: boolean = true;
  readonly #context: ServerContext;
  readonly #keys: ServerKeys;
  readonly #own: OwnCredential | undefined;

  /** @param own undefined where a session is resumed */
  constructor(context: ServerContext, keys: ServerKeys, own: OwnCredential | undefined) {
    this.#context = context;
    this.#keys = keys;
    this.#own = own;
  }

  handle(): HandshakeState {
    throw unexpectedMessage('Nothing is read before the flight is written');
  }

  /** @param opaque extensions for EncryptedExtensions */
  write(opaque: readonly OpaqueExtension[]): HandshakeState {
    const { settings, output } = this.#context;
    const { negotiated, transcript, schedule, keyLogger, isEarlyDataAccepted } = this.#keys;
    const { suite } = negotiated;
    const send = (message: Uint8Array): void => {
      transcript.add(message);
      output.emit({ type: 'send', level: EncryptionLevel.HANDSHAKE, data: message });
    };

    send(writeEncryptedExtensions(this.#encryptedExtensions(opaque)));
    const own = this.#own;
    if (own !== undefined) {
      const { clientAuthentication } = settings;
      if (clientAuthentication !== undefined) send(writeRequest(settings, clientAuthentication));
      send(writeOwnCertificate(own.credential, negotiated.wishes, settings.certificateCompressors));
      send(writeOwnVerify(own, 'server', transcript.digest()));
    }
    send(writeFinished(schedule.serverVerifyData(transcript.digest())));

    const master = schedule.master(transcript.digest());
    keyLogger.master(master);
    // RFC 9001 §5.7: we may write 1-RTT packets from here on, but read none before the client's Finished is verified.
    const level = EncryptionLevel.APPLICATION;
    output.emit({ type: 'write-secret', level, suite, secret: master.serverTrafficSecret });

    const next = (peer: Peer): WaitClientFinished => new WaitClientFinished(this.#context, this.#keys, master, peer);
    const client = this.#clientState(next);
    // RFC 9001 §8.3: QUIC has no EndOfEarlyData.
    return isEarlyDataAccepted && !settings.isQuic ? new WaitEndOfEarlyData(transcript, client) : client;
  }

  #clientState(next: (peer: Peer) => WaitClientFinished): HandshakeState {
    const { settings } = this.#context;
    const { session } = this.#keys;
    if (session !== undefined) {
      const { peerIdentity: identity, peerCertificate: certificate, expiresAt: authenticatedUntil } = session;
      return next({ identity, certificate, authenticatedUntil });
    }
    const { clientAuthentication } = settings;
    return clientAuthentication === undefined
      ? next({ identity: undefined, certificate: undefined, authenticatedUntil: Infinity })
      : new WaitClientCertificate(this.#context, this.#keys, clientAuthentication, next);
  }

  #encryptedExtensions(opaque: readonly OpaqueExtension[]): Map<number, Uint8Array> {
    const { negotiated, isEarlyDataAccepted, session } = this.#keys;
    const { alpnProtocol, serverName } = negotiated;
    const extensions = new Map<number, Uint8Array>();
    // RFC 6066 §3: the name was used to choose the certificate.
    if (serverName !== undefined && session === undefined) extensions.set(ExtensionType.SERVER_NAME, new Uint8Array(0));
    if (alpnProtocol !== '')
      extensions.set(ExtensionType.APPLICATION_LAYER_PROTOCOL_NEGOTIATION, writeAlpn([alpnProtocol]));
    if (isEarlyDataAccepted) extensions.set(ExtensionType.EARLY_DATA, new Uint8Array(0));
    for (const { type, data } of opaque) extensions.set(type, data);
    return extensions;
  }
}

/** RFC 8446 §4.3.2. Its context is empty: those are for requests after the handshake. */
function writeRequest(settings: ServerSettings, { authorities }: ClientAuthenticationSettings): Uint8Array {
  const { signatureSchemes, certificateSchemes, certificateCompressors } = settings;
  const extensions = new Map<number, Uint8Array>([
    [ExtensionType.SIGNATURE_ALGORITHMS, writeUint16List(signatureSchemes)],
    [ExtensionType.SIGNATURE_ALGORITHMS_CERT, writeUint16List(certificateSchemes)],
  ]);
  if (authorities.length > 0)
    extensions.set(ExtensionType.CERTIFICATE_AUTHORITIES, writeCertificateAuthorities(authorities));
  if (certificateCompressors.length > 0) {
    const algorithms = certificateCompressors.map(({ algorithm }) => algorithm);
    extensions.set(ExtensionType.COMPRESS_CERTIFICATE, writeCompressionAlgorithms(algorithms));
  }
  return writeCertificateRequest({ certificateRequestContext: new Uint8Array(0), extensions });
}
