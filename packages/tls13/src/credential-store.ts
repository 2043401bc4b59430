/** Several certificates behind one name of a port: which of them a peer gets (RFC 8446 §4.4.2.2, §4.4.2.3). */
import { Alert } from './alerts.ts';
import { latin1Text } from './ascii.ts';
import { parseCertificate, type ParsedCertificate } from './certificates/parse.ts';
import type { CertificateOffer, Credential, CredentialChooser } from './config.ts';
import { TlsError } from './errors.ts';
import { isDnsName } from './server-name.ts';

export interface CredentialStoreOptions {
  /** Whether a client that names a server which none of the certificates is for is refused (handshake_failure). @default false: it gets the default */
  readonly strictNames?: boolean;
}

/** A credential with what it is chosen by. */
interface Entry {
  readonly credential: Credential;
  /** Code points of what its chain is signed with, without self-signed ones; -1 stands for what TLS has no name for. */
  readonly chainSchemes: readonly number[];
  /** DER Names of those who issued a certificate of the chain, one character per byte. */
  readonly issuers: readonly string[];
  /** Equal for entries that no offer can tell apart but by name. */
  readonly profile: string;
}

interface Index {
  /** By name in lower case. */
  readonly exact: ReadonlyMap<string, readonly Entry[]>;
  /** By what follows the `*`, such as `.example.org`. */
  readonly wildcard: ReadonlyMap<string, readonly Entry[]>;
  readonly fallback: readonly Entry[];
}

/**
 * Chooses among credentials: by the name that the client dialled, then by the signatures that the peer can verify, then by the authorities
 * that it trusts.
 *
 * - Names are the DNS names of the leaf's subjectAltName. A certificate for the very name comes before a wildcard, which stands for one label. Where no
 *   certificate is for the name, or the peer named none, all are candidates: the first one added is the default.
 * - A credential whose key has no scheme in common with the peer's is never chosen. Of the others, those come first whose whole chain is signed with
 *   what the peer accepts, then those that lead to an authority it named, then the one that was added first.
 *
 * A client that takes part in mutual TLS can use one as well; no name plays a part there.
 *
 * @example
 * const credentials = new CredentialStore([forExampleOrg, forExampleNet]);
 * const config: ServerConfig = { provider, random, alpnProtocols: ['mqtt'], credential: credentials };
 * credentials.replace([renewedForExampleOrg, forExampleNet]);
 */
export class CredentialStore implements CredentialChooser {
  readonly #strictNames: boolean;
  #index: Index;

  /** @throws TlsError ERR_TLS_CONFIG where there is no credential, or one holds no certificate that can be read */
  constructor(credentials: readonly Credential[], { strictNames = false }: CredentialStoreOptions = {}) {
    this.#strictNames = strictNames;
    this.#index = indexOf(credentials);
  }

  /**
   * Puts others in place of all that were there. Handshakes under way keep what they chose. Where it throws, nothing has changed.
   *
   * @throws TlsError ERR_TLS_CONFIG, see the constructor
   */
  replace(credentials: readonly Credential[]): void {
    this.#index = indexOf(credentials);
  }

  /** @returns undefined where none will do */
  choose(offer: CertificateOffer): Credential | undefined {
    const { exact, wildcard, fallback } = this.#index;
    const { serverName } = offer;
    const forName = serverName === undefined ? undefined : exact.get(serverName);
    const forWildcard = serverName === undefined ? undefined : wildcard.get(serverName.slice(serverName.indexOf('.')));
    if (forName !== undefined || forWildcard !== undefined)
      return best(forName ?? [], offer) ?? best(forWildcard ?? [], offer);
    return serverName !== undefined && this.#strictNames ? undefined : best(fallback, offer);
  }
}

function best(entries: readonly Entry[], offer: CertificateOffer): Credential | undefined {
  // Sets, as a peer may name thousands and there may be many certificates.
  const signatureSchemes = new Set(offer.signatureSchemes);
  const usable = entries.filter(({ credential }) =>
    credential.key.schemes.some((scheme) => signatureSchemes.has(scheme)),
  );
  if (usable.length <= 1) return usable[0]?.credential;
  const certificateSchemes = new Set(offer.certificateSchemes);
  const authorities = new Set(offer.authorities.map(latin1Text));
  let chosen: Entry | undefined;
  let chosenRank = -1;
  for (const entry of usable) {
    const isVerifiable = entry.chainSchemes.every((scheme) => certificateSchemes.has(scheme));
    const isTrusted = authorities.size === 0 || entry.issuers.some((name) => authorities.has(name));
    const rank = (isVerifiable ? 2 : 0) + (isTrusted ? 1 : 0);
    if (rank <= chosenRank) continue;
    chosen = entry;
    chosenRank = rank;
  }
  return chosen?.credential;
}

function indexOf(credentials: readonly Credential[]): Index {
  if (credentials.length === 0) throw configError('There is no credential; give at least one certificate with its key');
  const exact = new Map<string, Entry[]>();
  const wildcard = new Map<string, Entry[]>();
  const fallback: Entry[] = [];
  for (const [index, credential] of credentials.entries()) {
    const { entry, names } = readCredential(credential, index);
    add(fallback, entry);
    for (const name of names) {
      const [map, key] = name.startsWith('*.') ? [wildcard, name.slice(1)] : [exact, name];
      // As where names are verified: two labels at least follow a wildcard.
      if (!isDnsName(key.replace(/^\./, '')) || key.lastIndexOf('.') === 0) continue;
      const list = map.get(key);
      if (list === undefined) map.set(key, [entry]);
      else add(list, entry);
    }
  }
  return { exact, wildcard, fallback };
}

/** One that nothing sets apart from another before it would never be chosen: a thousand names of one authority are one default. */
function add(list: Entry[], entry: Entry): void {
  if (!list.some(({ profile }) => profile === entry.profile)) list.push(entry);
}

function readCredential(credential: Credential, index: number): { entry: Entry; names: readonly string[] } {
  const chain = credential.chain.map((der) => parseOwn(der, index));
  const [leaf] = chain;
  if (leaf === undefined) throw configError(`Credential ${index} (counted from 0) has no certificate`);
  // A peer's authorities and schemes say nothing about the signature of a root on itself.
  const signed = chain.filter(({ subject, issuer }) => subject !== issuer);
  const chainSchemes = [...new Set(signed.map(({ signatureAlgorithm }) => signatureAlgorithm.scheme ?? -1))];
  const issuers = [...new Set(chain.map(({ issuer }) => issuer))];
  const profile = JSON.stringify([credential.key.schemes, chainSchemes.toSorted(), issuers.toSorted()]);
  const names = leaf.extensions.subjectAlternativeName?.dnsNames ?? [];
  return { entry: { credential, chainSchemes, issuers, profile }, names: names.map((name) => name.toLowerCase()) };
}

function parseOwn(der: Uint8Array, index: number): ParsedCertificate {
  try {
    return parseCertificate(der);
  } catch (cause) {
    const reason = cause instanceof TlsError ? `: ${cause.message}` : '';
    throw configError(`Credential ${index} (counted from 0) has a certificate that cannot be read${reason}`, cause);
  }
}

function configError(message: string, cause?: unknown): TlsError {
  return new TlsError('ERR_TLS_CONFIG', Alert.INTERNAL_ERROR, message, { fault: 'local', cause });
}
