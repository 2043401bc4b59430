/** Our ClientHello, the first and the one after a HelloRetryRequest. */
import { ExtensionType } from '../extensions.ts';
import { writeAlpn } from '../extensions/alpn.ts';
import { writeCompressionAlgorithms } from '../extensions/compress-certificate.ts';
import { writeCookie } from '../extensions/cookie.ts';
import { writeClientShares } from '../extensions/key-share.ts';
import { writePskKeyExchangeModes } from '../extensions/pre-shared-key.ts';
import { writeServerName } from '../extensions/server-name.ts';
import { writeStatusRequest } from '../extensions/status-request.ts';
import { writeOfferedVersions } from '../extensions/supported-versions.ts';
import { writeUint16List } from '../extensions/uint16-list.ts';
import { EncryptionLevel } from '../handshake.ts';
import { writeClientHello } from '../messages/client-hello.ts';
import type { KeyShare } from '../provider.ts';
import { isDnsName } from '../server-name.ts';
import type { ClientContext } from './client-context.ts';
import type { OfferedSession } from './offered-session.ts';

/** What a ClientHello offers beyond the configuration. */
export interface HelloOffer {
  readonly shares: readonly KeyShare[];
  readonly session: OfferedSession | undefined;
  readonly isEarlyDataOffered: boolean;
}

/** A ClientHello on its way, with what is needed to understand the answer. */
export interface SentClientHello extends HelloOffer {
  readonly message: Uint8Array;
  /** Types of its extensions. */
  readonly offered: ReadonlySet<number>;
}

/**
 * Writes and sends a ClientHello.
 *
 * RFC 8446 §4.1.2: the second one differs in key_share, cookie, early_data and pre_shared_key only, so both come from here.
 *
 * @param binderHash hashes a truncated ClientHello behind what came before it
 */
export function sendClientHello(
  context: ClientContext,
  offer: HelloOffer,
  unixTime: number,
  binderHash: (truncated: Uint8Array, session: OfferedSession) => Uint8Array,
  cookie?: Uint8Array,
): SentClientHello {
  const { settings } = context;
  const { shares, session } = offer;
  const extensions = new Map<number, Uint8Array>();
  // RFC 6066 §3: IP addresses are not sent.
  const dnsName = context.serverName.replace(/\.$/, '');
  if (isDnsName(dnsName)) extensions.set(ExtensionType.SERVER_NAME, writeServerName(dnsName));
  extensions.set(ExtensionType.SUPPORTED_VERSIONS, writeOfferedVersions());
  extensions.set(ExtensionType.SUPPORTED_GROUPS, writeUint16List(settings.groups));
  extensions.set(
    ExtensionType.KEY_SHARE,
    writeClientShares(shares.map((share) => ({ group: share.group, keyExchange: share.publicKey }))),
  );
  extensions.set(ExtensionType.SIGNATURE_ALGORITHMS, writeUint16List(settings.signatureSchemes));
  extensions.set(ExtensionType.SIGNATURE_ALGORITHMS_CERT, writeUint16List(settings.certificateSchemes));
  if (settings.alpnProtocols.length > 0)
    extensions.set(ExtensionType.APPLICATION_LAYER_PROTOCOL_NEGOTIATION, writeAlpn(settings.alpnProtocols));
  if (settings.requestOcspStaple) extensions.set(ExtensionType.STATUS_REQUEST, writeStatusRequest());
  if (settings.certificateCompressors.length > 0) {
    const algorithms = settings.certificateCompressors.map(({ algorithm }) => algorithm);
    extensions.set(ExtensionType.COMPRESS_CERTIFICATE, writeCompressionAlgorithms(algorithms));
  }
  if (cookie !== undefined) extensions.set(ExtensionType.COOKIE, writeCookie(cookie));
  // RFC 8446 §4.2.9: without it a server sends no tickets.
  if (!settings.refuseTickets) extensions.set(ExtensionType.PSK_KEY_EXCHANGE_MODES, writePskKeyExchangeModes());
  if (offer.isEarlyDataOffered) extensions.set(ExtensionType.EARLY_DATA, new Uint8Array(0));
  for (const { type, data } of context.extensions) extensions.set(type, data);
  // RFC 8446 §4.2.11: the last one.
  if (session !== undefined) extensions.set(ExtensionType.PRE_SHARED_KEY, session.write(unixTime));

  const message = writeClientHello({
    random: context.random,
    cipherSuites: settings.cipherSuites.map((suite) => suite.id),
    extensions,
  });
  session?.bind(message, binderHash(session.truncate(message), session));
  context.output.emit({ type: 'send', level: EncryptionLevel.INITIAL, data: message });
  return { ...offer, message, offered: new Set(extensions.keys()) };
}
