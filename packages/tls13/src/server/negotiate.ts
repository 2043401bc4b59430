/**
 * Reads a ClientHello against our configuration: the checks of RFC 8446 §4.1.2, §4.2 and §9.2, then a choice for each
 * parameter. Our own order decides where both sides have several in common.
 */
import { Alert } from '../alerts.ts';
import { readCertificateOffer, readCertificateWishes } from '../authentication/certificate-offer.ts';
import { printable } from '../certificates/errors.ts';
import { TlsError, decodeError, illegalParameter } from '../errors.ts';
import { ExtensionType, extensionName, requireExtension, type Extensions } from '../extensions.ts';
import { readAlpn } from '../extensions/alpn.ts';
import { readClientShares, type KeyShareEntry } from '../extensions/key-share.ts';
import { PSK_DHE_KE, readOfferedPsks, readPskKeyExchangeModes } from '../extensions/pre-shared-key.ts';
import { readServerName } from '../extensions/server-name.ts';
import { readStatusRequest } from '../extensions/status-request.ts';
import { SSL_3_0, TLS_1_2, TLS_1_3, readOfferedVersions } from '../extensions/supported-versions.ts';
import { readUint16List } from '../extensions/uint16-list.ts';
import type { ClientHello } from '../messages/client-hello.ts';
import type { ServerSettings } from '../settings.ts';
import type { Negotiated } from './server-context.ts';

/** @throws TlsError */
export function negotiate(settings: ServerSettings, hello: ClientHello): Negotiated {
  checkVersion(hello);
  checkLegacyFields(hello, settings.isQuic);

  const suite = settings.cipherSuites.find((each) => hello.cipherSuites.includes(each.id));
  if (suite === undefined) throw nothingInCommon('cipher suite');

  const { extensions } = hello;
  const resumption = readResumption(extensions);
  // RFC 8446 §9.2: these two are mandatory, since pre-shared keys are used with (EC)DHE only.
  const groups = readUint16List(requireExtension(extensions, ExtensionType.SUPPORTED_GROUPS), 'supported_groups');
  const shares = readClientShares(requireExtension(extensions, ExtensionType.KEY_SHARE));
  checkShares(shares, groups);

  const alpnProtocol = chooseAlpn(settings, extensions.get(ExtensionType.APPLICATION_LAYER_PROTOCOL_NEGOTIATION));

  const common = settings.groups.filter((each) => groups.includes(each));
  // A share that is there saves a round trip, so it goes before our order.
  const group = common.find((each) => shares.some((share) => share.group === each)) ?? common[0];
  if (group === undefined) throw nothingInCommon('group');

  const serverNameData = extensions.get(ExtensionType.SERVER_NAME);
  const serverName = serverNameData === undefined ? undefined : readServerName(serverNameData);
  const statusData = extensions.get(ExtensionType.STATUS_REQUEST);
  return {
    suite,
    group,
    clientShare: shares.find((share) => share.group === group)?.keyExchange,
    alpnProtocol,
    serverName,
    // RFC 8446 §9.2: only with a pre-shared key may signature_algorithms be missing.
    offer:
      resumption.psks !== undefined && !extensions.has(ExtensionType.SIGNATURE_ALGORITHMS)
        ? undefined
        : readCertificateOffer(extensions, serverName),
    wishes: readCertificateWishes(extensions, statusData !== undefined && readStatusRequest(statusData)),
    ...resumption,
  };
}

function checkVersion(hello: ClientHello): void {
  const data = hello.extensions.get(ExtensionType.SUPPORTED_VERSIONS);
  // RFC 8446 §4.2.1; RFC 9001 §4.2: nothing older than TLS 1.3. RFC 8446 §D.5: and SSL 3.0 not even by name.
  if (hello.legacyVersion === SSL_3_0 || data === undefined || !readOfferedVersions(data).includes(TLS_1_3)) {
    throw new TlsError('ERR_TLS_NEGOTIATION', Alert.PROTOCOL_VERSION, 'The client does not offer TLS 1.3');
  }
}

function checkLegacyFields(hello: ClientHello, isQuic: boolean): void {
  // RFC 8446 §4.1.2: legacy_version is 0x0303 in every ClientHello of TLS 1.3.
  if (hello.legacyVersion !== TLS_1_2) {
    throw illegalParameter(`ClientHello has legacy_version ${hello.legacyVersion}, expected ${TLS_1_2}`);
  }
  // RFC 9001 §8.4: QUIC has no compatibility mode.
  if (isQuic && hello.legacySessionId.length > 0) throw illegalParameter('ClientHello has a legacy_session_id');
  // RFC 8446 §4.1.2: exactly one byte of zero.
  const methods = hello.legacyCompressionMethods;
  if (methods.length !== 1 || methods[0] !== 0) throw illegalParameter('ClientHello offers compression');
}

function readResumption(extensions: Extensions): Pick<Negotiated, 'psks' | 'isEarlyDataOffered' | 'takesTickets'> {
  for (const type of [ExtensionType.EARLY_DATA, ExtensionType.POST_HANDSHAKE_AUTH]) {
    const data = extensions.get(type);
    if (data !== undefined && data.length > 0) throw decodeError(`${extensionName(type)} of ClientHello is not empty`);
  }
  const modesData = extensions.get(ExtensionType.PSK_KEY_EXCHANGE_MODES);
  const modes = modesData === undefined ? [] : readPskKeyExchangeModes(modesData);
  const psksData = extensions.get(ExtensionType.PRE_SHARED_KEY);
  const psks = psksData === undefined ? undefined : readOfferedPsks(psksData);
  // RFC 8446 §4.2.9: offers come with the modes they may be used in.
  if (psks !== undefined) requireExtension(extensions, ExtensionType.PSK_KEY_EXCHANGE_MODES);
  const isEarlyDataOffered = extensions.has(ExtensionType.EARLY_DATA);
  // RFC 8446 §4.2.10: early data goes under the first pre-shared key.
  if (isEarlyDataOffered && psks === undefined) throw illegalParameter('early_data came without pre_shared_key');
  return { psks, isEarlyDataOffered, takesTickets: modes.includes(PSK_DHE_KE) };
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

/** RFC 9001 §8.1: neither a missing ALPN nor one without overlap makes a connection. RFC 7301 §3.2: elsewhere a missing one does. */
function chooseAlpn({ alpnProtocols: ours, isQuic }: ServerSettings, data: Uint8Array | undefined): string {
  const offered = data === undefined ? [] : readAlpn(data);
  if (!isQuic && (data === undefined || ours.length === 0)) return '';
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

export function nothingInCommon(what: string): TlsError {
  return new TlsError(
    'ERR_TLS_NEGOTIATION',
    Alert.HANDSHAKE_FAILURE,
    `The client offers no ${what} that is configured here`,
  );
}
