/** Configuration with its defaults filled in and its mistakes found: ERR_TLS_CONFIG, before a byte is sent. */
import { Alert } from './alerts.ts';
import type { RootStore } from './certificates/roots.ts';
import { CIPHER_SUITES, type CipherSuite } from './cipher-suites.ts';
import type { ClientConfig, Credential, ServerConfig } from './config.ts';
import { TlsError } from './errors.ts';
import type { KeyLog, OpaqueExtension } from './handshake.ts';
import { SignatureScheme, type CryptoProvider, type NamedGroup } from './provider.ts';
import type { Random } from './random.ts';

interface CommonSettings {
  readonly provider: CryptoProvider;
  readonly random: Random;
  readonly alpnProtocols: readonly string[];
  readonly cipherSuites: readonly CipherSuite[];
  readonly groups: readonly NamedGroup[];
  readonly keyLog: KeyLog | undefined;
}

export interface ClientSettings extends CommonSettings {
  readonly roots: RootStore;
  readonly keyShareGroups: readonly NamedGroup[];
  readonly judgePeerChain: boolean;
  /** What may sign a CertificateVerify. */
  readonly signatureSchemes: readonly SignatureScheme[];
  /** What may sign a certificate. */
  readonly certificateSchemes: readonly SignatureScheme[];
}

export interface ServerSettings extends CommonSettings {
  readonly credential: Credential;
}

// RFC 8446 §4.2.3: these sign certificates only, "and are not defined for use in signed TLS handshake messages".
const PKCS1_SCHEMES: readonly SignatureScheme[] = [
  SignatureScheme.RSA_PKCS1_SHA256,
  SignatureScheme.RSA_PKCS1_SHA384,
  SignatureScheme.RSA_PKCS1_SHA512,
];

export function clientSettings(config: ClientConfig): ClientSettings {
  const common = commonSettings(config);
  const keyShareGroups = config.keyShareGroups ?? common.groups.slice(0, 1);
  for (const group of keyShareGroups) {
    if (!common.groups.includes(group)) throw configError(`keyShareGroups has group ${group}, which is not in groups`);
  }
  if (new Set(keyShareGroups).size !== keyShareGroups.length) throw configError('keyShareGroups names a group twice');
  const certificateSchemes = config.provider.verifySchemes;
  return {
    ...common,
    roots: config.roots,
    // RFC 8446 §4.2.8: shares stand in the order of supported_groups.
    keyShareGroups: common.groups.filter((group) => keyShareGroups.includes(group)),
    judgePeerChain: config.judgePeerChain ?? false,
    signatureSchemes: certificateSchemes.filter((scheme) => !PKCS1_SCHEMES.includes(scheme)),
    certificateSchemes,
  };
}

export function serverSettings(config: ServerConfig): ServerSettings {
  if (config.credential.chain.length === 0) throw configError('credential.chain is empty');
  return { ...commonSettings(config), credential: config.credential };
}

/** @throws TlsError ERR_TLS_CONFIG where two extensions have one type */
export function checkOpaqueExtensions(extensions: readonly OpaqueExtension[]): void {
  const types = new Set(extensions.map((extension) => extension.type));
  if (types.size !== extensions.length) throw configError('extensions names a type twice');
}

export function configError(message: string): TlsError {
  return new TlsError('ERR_TLS_CONFIG', Alert.INTERNAL_ERROR, message, { fault: 'local' });
}

function commonSettings(config: ClientConfig | ServerConfig): CommonSettings {
  const { provider, random, alpnProtocols } = config;
  // RFC 9001 §8.1: QUIC requires ALPN.
  if (alpnProtocols.length === 0) throw configError('alpnProtocols is empty');
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
  return { provider, random, alpnProtocols, cipherSuites, groups, keyLog: config.keyLog };
}
