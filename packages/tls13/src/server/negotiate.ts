/**
 * Reads a ClientHello against our configuration: the checks of RFC 8446 §4.1.2, §4.2 and §9.2, then a choice for each
 * parameter. Our own order decides where both sides have several in common.
 */
import { Alert } from '../alerts.ts';
import { printable } from '../certificates/errors.ts';
import { TlsError, decodeError, illegalParameter } from '../errors.ts';
import { ExtensionType, extensionName, requireExtension } from '../extensions.ts';
import { readAlpn } from '../extensions/alpn.ts';
import { readClientShares, type KeyShareEntry } from '../extensions/key-share.ts';
import { checkOfferedPsks, checkPskKeyExchangeModes } from '../extensions/pre-shared-key.ts';
import { readServerName } from '../extensions/server-name.ts';
import { SSL_3_0, TLS_1_2, TLS_1_3, readOfferedVersions } from '../extensions/supported-versions.ts';
import { readUint16List } from '../extensions/uint16-list.ts';
import type { ClientHello } from '../messages/client-hello.ts';
import type { ServerSettings } from '../settings.ts';
import type { Negotiated } from './server-context.ts';

/** @throws TlsError */
export function negotiate(settings: ServerSettings, hello: ClientHello): Negotiated {
  checkVersion(hello);
  checkLegacyFields(hello);
  checkPskExtensions(hello);

  const suite = settings.cipherSuites.find((each) => hello.cipherSuites.includes(each.id));
  if (suite === undefined) throw nothingInCommon('cipher suite');

  const { extensions } = hello;
  // RFC 8446 §9.2: without a pre-shared key these three are mandatory.
  const schemes = readUint16List(
    requireExtension(extensions, ExtensionType.SIGNATURE_ALGORITHMS),
    'signature_algorithms',
  );
  const groups = readUint16List(requireExtension(extensions, ExtensionType.SUPPORTED_GROUPS), 'supported_groups');
  const shares = readClientShares(requireExtension(extensions, ExtensionType.KEY_SHARE));
  checkShares(shares, groups);

  const certificateSchemes = extensions.get(ExtensionType.SIGNATURE_ALGORITHMS_CERT);
  // Read for its form: we have one chain, and RFC 8446 §4.4.2.2 lets it go out even where it does not fit.
  if (certificateSchemes !== undefined) readUint16List(certificateSchemes, 'signature_algorithms_cert');

  const alpnProtocol = chooseAlpn(
    settings.alpnProtocols,
    extensions.get(ExtensionType.APPLICATION_LAYER_PROTOCOL_NEGOTIATION),
  );

  const common = settings.groups.filter((each) => groups.includes(each));
  // A share that is there saves a round trip, so it goes before our order.
  const group = common.find((each) => shares.some((share) => share.group === each)) ?? common[0];
  if (group === undefined) throw nothingInCommon('group');

  const scheme = settings.credential.key.schemes.find((each) => schemes.includes(each));
  // RFC 8446 §4.4.2.2, §4.4.3: no signature that the client could check.
  if (scheme === undefined) throw nothingInCommon('signature scheme');

  const serverNameData = extensions.get(ExtensionType.SERVER_NAME);
  return {
    suite,
    group,
    clientShare: shares.find((share) => share.group === group)?.keyExchange,
    scheme,
    alpnProtocol,
    serverName: serverNameData === undefined ? undefined : readServerName(serverNameData),
  };
}

function checkVersion(hello: ClientHello): void {
  const data = hello.extensions.get(ExtensionType.SUPPORTED_VERSIONS);
  // RFC 8446 §4.2.1; RFC 9001 §4.2: nothing older than TLS 1.3. RFC 8446 §D.5: and SSL 3.0 not even by name.
  if (hello.legacyVersion === SSL_3_0 || data === undefined || !readOfferedVersions(data).includes(TLS_1_3)) {
    throw new TlsError('ERR_TLS_NEGOTIATION', Alert.PROTOCOL_VERSION, 'The client does not offer TLS 1.3');
  }
}

function checkLegacyFields(hello: ClientHello): void {
  // RFC 8446 §4.1.2: legacy_version is 0x0303 in every ClientHello of TLS 1.3.
  if (hello.legacyVersion !== TLS_1_2) {
    throw illegalParameter(`ClientHello has legacy_version ${hello.legacyVersion}, expected ${TLS_1_2}`);
  }
  // RFC 9001 §8.4: QUIC has no compatibility mode.
  if (hello.legacySessionId.length > 0) throw illegalParameter('ClientHello has a legacy_session_id');
  // RFC 8446 §4.1.2: exactly one byte of zero.
  const methods = hello.legacyCompressionMethods;
  if (methods.length !== 1 || methods[0] !== 0) throw illegalParameter('ClientHello offers compression');
}

/** Sessions are not resumed yet: offers to do so are checked and then passed over, which RFC 8446 §4.2.11 allows. */
function checkPskExtensions({ extensions }: ClientHello): void {
  const modes = extensions.get(ExtensionType.PSK_KEY_EXCHANGE_MODES);
  if (modes !== undefined) checkPskKeyExchangeModes(modes);
  const psks = extensions.get(ExtensionType.PRE_SHARED_KEY);
  if (psks !== undefined) {
    // RFC 8446 §4.2.9: offers come with the modes they may be used in.
    requireExtension(extensions, ExtensionType.PSK_KEY_EXCHANGE_MODES);
    checkOfferedPsks(psks);
  }
  for (const type of [ExtensionType.EARLY_DATA, ExtensionType.POST_HANDSHAKE_AUTH]) {
    const data = extensions.get(type);
    if (data !== undefined && data.length > 0) throw decodeError(`${extensionName(type)} of ClientHello is not empty`);
  }
}

/** RFC 8446 §4.2.8: one share per group, and only of groups that are in supported_groups. */
function checkShares(shares: readonly KeyShareEntry[], groups: readonly number[]): void {
  // Sets, as thousands of either fit into one message.
  const offered = new Set(groups);
  const seen = new Set<number>();
  for (const { group } of shares) {
    if (seen.has(group)) throw illegalParameter(`key_share has two shares of group ${group}`);
    if (!offered.has(group))
      throw illegalParameter(`key_share has a share of group ${group}, which supported_groups lacks`);
    seen.add(group);
  }
}

/** RFC 9001 §8.1: neither a missing ALPN nor one without overlap makes a connection. */
function chooseAlpn(ours: readonly string[], data: Uint8Array | undefined): string {
  const offered = data === undefined ? [] : readAlpn(data);
  const name = ours.find((each) => offered.includes(each));
  if (name === undefined) {
    // A client may offer thousands, and send them to a server that logs what went wrong.
    const shown = printable(JSON.stringify(offered.slice(0, 5)));
    throw new TlsError(
      'ERR_TLS_NO_APPLICATION_PROTOCOL',
      Alert.NO_APPLICATION_PROTOCOL,
      `The client offers ${offered.length} application protocols, ${shown}, expected one of ${JSON.stringify(ours)}`,
    );
  }
  return name;
}

function nothingInCommon(what: string): TlsError {
  return new TlsError(
    'ERR_TLS_NEGOTIATION',
    Alert.HANDSHAKE_FAILURE,
    `The client offers no ${what} that is configured here`,
  );
}
