/** Configuration with its defaults filled in and its mistakes found: ERR_TLS_CONFIG, before a byte is sent. */
import { Alert } from './alerts.ts';
import { latin1Bytes } from './ascii.ts';
import { readSubject } from './certificates/parse.ts';
import type { RootStore } from './certificates/roots.ts';
import { CIPHER_SUITES, type CipherSuite } from './cipher-suites.ts';
import type {
  CertificateCompressor,
  ClientConfig,
  Credential,
  CredentialChooser,
  Resumption,
  ServerConfig,
} from './config.ts';
import { TlsError } from './errors.ts';
import { ExtensionType, extensionName } from './extensions.ts';
import type { KeyLog, OpaqueExtension } from './handshake.ts';
import { MAX_SENT_AUTHORITIES, MAX_TICKET_COUNT, MAX_TICKET_LIFETIME } from './limits.ts';
import { NamedGroup, SignatureScheme, type CryptoProvider } from './provider.ts';
import type { Random } from './random.ts';
import { authenticationContext } from './sessions/authentication-context.ts';

interface CommonSettings {
  readonly provider: CryptoProvider;
  readonly random: Random;
  /** Whether the changes of RFC 9001 §4 and §8 hold. */
  readonly isQuic: boolean;
  readonly alpnProtocols: readonly string[];
  readonly cipherSuites: readonly CipherSuite[];
  readonly groups: readonly NamedGroup[];
  readonly keyLog: KeyLog | undefined;
  readonly certificateCompressors: readonly CertificateCompressor[];
  /** What may sign a CertificateVerify. */
  readonly signatureSchemes: readonly SignatureScheme[];
  /** What may sign a certificate. */
  readonly certificateSchemes: readonly SignatureScheme[];
}

export interface ClientSettings extends CommonSettings {
  readonly roots: RootStore;
  readonly keyShareGroups: readonly NamedGroup[];
  readonly judgePeerChain: boolean;
  readonly requestOcspStaple: boolean;
  readonly credential: Credential | CredentialChooser | undefined;
  readonly refuseTickets: boolean;
}

export interface ClientAuthenticationSettings {
  readonly roots: RootStore;
  readonly isRequired: boolean;
  readonly judgePeerChain: boolean;
  /** Equal for settings that let in the same clients (ServerSession.authenticationContext). */
  readonly context: Uint8Array;
  /** DER Names for certificate_authorities. */
  readonly authorities: readonly Uint8Array[];
}

export interface ServerSettings extends CommonSettings {
  readonly credential: Credential | CredentialChooser;
  readonly clientAuthentication: ClientAuthenticationSettings | undefined;
  readonly resumption: (Required<Omit<Resumption, 'earlyData'>> & Pick<Resumption, 'earlyData'>) | undefined;
}

// RFC 8446 §4.2.3: these sign certificates only, "and are not defined for use in signed TLS handshake messages".
const PKCS1_SCHEMES: readonly SignatureScheme[] = [
  SignatureScheme.RSA_PKCS1_SHA256,
  SignatureScheme.RSA_PKCS1_SHA384,
  SignatureScheme.RSA_PKCS1_SHA512,
];

/** Configurations are read once, however many handshakes use them. */
const clients = new WeakMap<ClientConfig, ClientSettings>();
const servers = new WeakMap<ServerConfig, ServerSettings>();

export function clientSettings(config: ClientConfig): ClientSettings {
  let settings = clients.get(config);
  if (settings === undefined) clients.set(config, (settings = readClientConfig(config)));
  return settings;
}

export function serverSettings(config: ServerConfig): ServerSettings {
  let settings = servers.get(config);
  if (settings === undefined) servers.set(config, (settings = readServerConfig(config)));
  return settings;
}

function readClientConfig(config: ClientConfig): ClientSettings {
  const common = commonSettings(config);
  const keyShareGroups = config.keyShareGroups ?? defaultKeyShareGroups(common.groups);
  for (const group of keyShareGroups) {
    if (!common.groups.includes(group)) throw configError(`keyShareGroups has group ${group}, which is not in groups`);
  }
  if (new Set(keyShareGroups).size !== keyShareGroups.length) throw configError('keyShareGroups names a group twice');
  if (config.credential !== undefined) checkCredential(config.credential);
  return {
    ...common,
    roots: config.roots,
    // RFC 8446 §4.2.8: shares stand in the order of supported_groups.
    keyShareGroups: common.groups.filter((group) => keyShareGroups.includes(group)),
    judgePeerChain: config.judgePeerChain ?? false,
    requestOcspStaple: config.requestOcspStaple ?? false,
    credential: config.credential,
    refuseTickets: config.refuseTickets ?? false,
  };
}

/** A server without the hybrid should not have to ask again: x25519 is 32 bytes more, and its key is the hybrid's own. */
function defaultKeyShareGroups(groups: readonly NamedGroup[]): readonly NamedGroup[] {
  const [first] = groups;
  return groups.filter(
    (group) => group === first || (first === NamedGroup.X25519MLKEM768 && group === NamedGroup.X25519),
  );
}

function readServerConfig(config: ServerConfig): ServerSettings {
  checkCredential(config.credential);
  return {
    ...commonSettings(config),
    credential: config.credential,
    clientAuthentication: clientAuthentication(config),
    resumption: resumption(config),
  };
}

function clientAuthentication({
  clientAuthentication: wanted,
  provider,
}: ServerConfig): ServerSettings['clientAuthentication'] {
  if (wanted === undefined) return undefined;
  const { roots, isRequired = true, judgePeerChain = false } = wanted;
  // Without a root no certificate is good, which nobody wants who asks for them.
  if (roots.size === 0) throw configError('clientAuthentication.roots is empty: no client could pass');
  const authorities =
    roots.size > MAX_SENT_AUTHORITIES ? [] : [...new Set([...roots].map(readSubject))].map(latin1Bytes);
  const context = authenticationContext({ provider, roots, judgePeerChain });
  return { roots, isRequired, judgePeerChain, context, authorities };
}

function resumption({ resumption: wanted }: ServerConfig): ServerSettings['resumption'] {
  if (wanted === undefined) return undefined;
  const { tickets, ticketCount = 2, lifetime = 86_400, earlyData } = wanted;
  if (!Number.isInteger(ticketCount) || ticketCount < 0 || ticketCount > MAX_TICKET_COUNT)
    throw configError(`resumption.ticketCount expected 0 to ${MAX_TICKET_COUNT}, got ${ticketCount}`);
  if (!Number.isInteger(lifetime) || lifetime < 1 || lifetime > MAX_TICKET_LIFETIME)
    throw configError(`resumption.lifetime expected 1 to ${MAX_TICKET_LIFETIME} seconds, got ${lifetime}`);
  return { tickets, ticketCount, lifetime, ...(earlyData === undefined ? {} : { earlyData }) };
}

/** @throws TlsError ERR_TLS_CONFIG */
export function checkCredential(credential: Credential | CredentialChooser): void {
  if (!('choose' in credential) && credential.chain.length === 0) throw configError('credential.chain is empty');
}

/** Bytes of a carrier's extensions: session, cookie and the handshake's own must fit into 65,535 with them. QUIC's have 100 or so. */
const MAX_OPAQUE_SIZE = 16_384;

/** What the handshake sends and reads itself, or knows to be of no use here. */
const OWN_TYPES: ReadonlySet<number> = new Set<number>(
  Object.values(ExtensionType).filter((type) => type !== ExtensionType.QUIC_TRANSPORT_PARAMETERS),
);

/** @throws TlsError ERR_TLS_CONFIG where two extensions have one type, or one has the handshake's, or they are too large */
export function checkOpaqueExtensions(extensions: readonly OpaqueExtension[]): void {
  const types = new Set(extensions.map((extension) => extension.type));
  if (types.size !== extensions.length) throw configError('extensions names a type twice');
  const own = extensions.find(({ type }) => OWN_TYPES.has(type));
  if (own !== undefined)
    throw configError(`extensions has ${extensionName(own.type)}, which is the handshake's own business`);
  const size = extensions.reduce((sum, { data }) => sum + 4 + data.length, 0);
  if (size > MAX_OPAQUE_SIZE) throw configError(`extensions has ${size} bytes, expected ${MAX_OPAQUE_SIZE} at most`);
}

export function configError(message: string): TlsError {
  return new TlsError('ERR_TLS_CONFIG', Alert.INTERNAL_ERROR, message, { fault: 'local' });
}

function commonSettings(config: ClientConfig | ServerConfig): CommonSettings {
  const { provider, random, alpnProtocols, keyLog } = config;
  const isQuic = config.carrier !== 'records';
  // RFC 9001 §8.1: QUIC requires ALPN.
  if (isQuic && alpnProtocols.length === 0) throw configError('alpnProtocols is empty');
  for (const name of alpnProtocols) {
    if (!/^[\x21-\x7e]{1,255}$/.test(name))
      throw configError(`alpnProtocols has ${JSON.stringify(name)}, expected 1 to 255 ASCII characters`);
  }
  const cipherSuites = config.cipherSuites ?? CIPHER_SUITES;
  if (cipherSuites.length === 0) throw configError('cipherSuites is empty');
  const groups = config.groups ?? provider.groups;
  if (groups.length === 0) throw configError('groups is empty');
  for (const group of groups) {
    if (!provider.groups.includes(group))
      throw configError(`groups has group ${group}, which the provider ${provider.name} cannot do`);
  }
  const certificateSchemes = provider.verifySchemes;
  return {
    provider,
    random,
    isQuic,
    alpnProtocols,
    cipherSuites,
    groups,
    keyLog,
    certificateCompressors: config.certificateCompressors ?? [],
    signatureSchemes: certificateSchemes.filter((scheme) => !PKCS1_SCHEMES.includes(scheme)),
    certificateSchemes,
  };
}
