/** Our ClientHello, the first and the one after a HelloRetryRequest. */
import { ExtensionType } from '../extensions.ts';
import { writeAlpn } from '../extensions/alpn.ts';
import { writeCookie } from '../extensions/cookie.ts';
import { writeClientShares } from '../extensions/key-share.ts';
import { writeServerName } from '../extensions/server-name.ts';
import { writeOfferedVersions } from '../extensions/supported-versions.ts';
import { writeUint16List } from '../extensions/uint16-list.ts';
import { EncryptionLevel } from '../handshake.ts';
import { writeClientHello } from '../messages/client-hello.ts';
import type { KeyShare } from '../provider.ts';
import { isDnsName } from '../server-name.ts';
import type { ClientContext } from './client-context.ts';

/** A ClientHello on its way, with what is needed to understand the answer. */
export interface SentClientHello {
  readonly message: Uint8Array;
  readonly shares: readonly KeyShare[];
  readonly offered: ReadonlySet<number>;
}

/**
 * Writes and sends a ClientHello.
 *
 * RFC 8446 §4.1.2: the second one differs in key_share and cookie only, so both come from here.
 */
export function sendClientHello(
  context: ClientContext,
  shares: readonly KeyShare[],
  cookie?: Uint8Array,
): SentClientHello {
  const { settings } = context;
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
  extensions.set(ExtensionType.APPLICATION_LAYER_PROTOCOL_NEGOTIATION, writeAlpn(settings.alpnProtocols));
  if (cookie !== undefined) extensions.set(ExtensionType.COOKIE, writeCookie(cookie));
  for (const { type, data } of context.extensions) extensions.set(type, data);

  const message = writeClientHello({
    random: context.random,
    cipherSuites: settings.cipherSuites.map((suite) => suite.id),
    extensions,
  });
  context.output.emit({ type: 'send', level: EncryptionLevel.INITIAL, data: message });
  return { message, shares, offered: new Set(extensions.keys()) };
}
