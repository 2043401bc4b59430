/** ServerHello has come: EncryptedExtensions follows (RFC 8446 §4.3.1), with ALPN and the transport's own extensions. */
import { Alert } from '../alerts.ts';
import { TlsError, decodeError, illegalParameter } from '../errors.ts';
import { ExtensionType, refuseUnsolicited, requireExtension, type Extensions } from '../extensions.ts';
import { readAlpn } from '../extensions/alpn.ts';
import { readUint16List } from '../extensions/uint16-list.ts';
import { EncryptionLevel, type OpaqueExtension } from '../handshake.ts';
import type { HandshakeState } from '../handshake-machine.ts';
import { readEncryptedExtensions } from '../messages/encrypted-extensions.ts';
import { HandshakeType, type HandshakeMessage } from '../messages/handshake-message.ts';
import type { ClientContext, ClientKeys, ClientParameters } from './client-context.ts';
import { WaitCertificateOrRequest } from './wait-certificate-or-request.ts';
import { WaitServerFinished } from './wait-server-finished.ts';

export class WaitEncryptedExtensions implements HandshakeState {
  readonly level: EncryptionLevel = EncryptionLevel.HANDSHAKE;
  readonly expects: readonly number[] = [HandshakeType.ENCRYPTED_EXTENSIONS];
  readonly #context: ClientContext;
  readonly #keys: ClientKeys;

  constructor(context: ClientContext, keys: ClientKeys) {
    this.#context = context;
    this.#keys = keys;
  }

  handle(message: HandshakeMessage): HandshakeState {
    const { output } = this.#context;
    const { offered, resumed, transcript, isEarlyDataOffered } = this.#keys;
    const extensions = readEncryptedExtensions(message.body);
    refuseUnsolicited(extensions, offered);
    transcript.add(message.raw);
    const alpnProtocol = this.#readAlpn(extensions);
    checkForm(extensions);
    const peerExtensions = this.#peerExtensions(extensions);
    const isEarlyDataAccepted = this.#isEarlyDataAccepted(extensions, alpnProtocol);
    for (const { type, data } of peerExtensions) output.emit({ type: 'peer-extension', extensionType: type, data });
    if (isEarlyDataOffered) output.emit({ type: 'early-data', isAccepted: isEarlyDataAccepted });

    const parameters: ClientParameters = {
      alpnProtocol,
      peerExtensions,
      isEarlyDataAccepted,
      requested: undefined,
      peerCertificates: resumed?.session.peerCertificates ?? [],
      authenticatedUntil: resumed?.session.expiresAt ?? 0,
    };
    if (resumed === undefined) return new WaitCertificateOrRequest(this.#context, this.#keys, parameters);
    // RFC 8446 §2.2: the pre-shared key vouches for the server, and no certificate is asked for.
    return new WaitServerFinished(this.#context, this.#keys, parameters);
  }

  #readAlpn(extensions: Extensions): string {
    const { isQuic, alpnProtocols } = this.#context.settings;
    const data = extensions.get(ExtensionType.APPLICATION_LAYER_PROTOCOL_NEGOTIATION);
    if (data === undefined) {
      if (!isQuic) return '';
      // RFC 9001 §8.1: no protocol negotiated, no connection.
      throw new TlsError(
        'ERR_TLS_NO_APPLICATION_PROTOCOL',
        Alert.NO_APPLICATION_PROTOCOL,
        'The server chose no application protocol',
      );
    }
    const names = readAlpn(data);
    const [name] = names;
    // RFC 7301 §3.1: the answer holds exactly one name.
    if (name === undefined || names.length !== 1)
      throw illegalParameter(`The server chose ${names.length} application protocols, expected 1`);
    if (!alpnProtocols.includes(name)) {
      throw illegalParameter(`The server chose application protocol ${JSON.stringify(name)}, which was not offered`);
    }
    return name;
  }

  /** RFC 9001 §8.2: an endpoint that does not send its transport parameters gets missing_extension. */
  #peerExtensions(extensions: Extensions): OpaqueExtension[] {
    return this.#context.extensions.map(({ type }) => ({ type, data: requireExtension(extensions, type) }));
  }

  /** RFC 8446 §4.2.10: only for the session that was offered, under its suite and its application protocol. */
  #isEarlyDataAccepted(extensions: Extensions, alpnProtocol: string): boolean {
    const data = extensions.get(ExtensionType.EARLY_DATA);
    if (data === undefined) return false;
    if (data.length > 0) throw decodeError('early_data of EncryptedExtensions is not empty');
    const { resumed, suite } = this.#keys;
    if (resumed === undefined) throw illegalParameter('The server accepts early data but not its pre-shared key');
    if (resumed.suite !== suite) throw illegalParameter(`The server accepts early data under ${suite.name}`);
    if (resumed.session.alpnProtocol !== alpnProtocol)
      throw illegalParameter(`The server accepts early data for application protocol ${JSON.stringify(alpnProtocol)}`);
    return true;
  }
}

/** Extensions that are read for their form only. */
function checkForm(extensions: Extensions): void {
  // RFC 6066 §3: the server's answer is empty.
  const serverName = extensions.get(ExtensionType.SERVER_NAME);
  if (serverName !== undefined && serverName.length > 0)
    throw decodeError('server_name of EncryptedExtensions is not empty');
  // RFC 8446 §4.2.7: what the server would have preferred; of no use before the handshake is over.
  const groups = extensions.get(ExtensionType.SUPPORTED_GROUPS);
  if (groups !== undefined) readUint16List(groups, 'supported_groups');
}
