/**
 * Is this chain good for this purpose, this name and this moment? Path validation of RFC 5280 §6.1 with the rules of RFC 8446 §4.4.2.
 *
 * Left out: revocation (neither CRL nor OCSP; RFC 8446 leaves it to the application) and certificate policies.
 */
import { MAX_CHAIN_SIZE, MAX_PATH_LENGTH } from '../limits.ts';
import { TlsError } from '../errors.ts';
import type { CryptoProvider } from '../provider.ts';
import { ANY_EXTENDED_KEY_USAGE, CLIENT_AUTH, KeyUsageFlag, SERVER_AUTH } from './certificate-extensions.ts';
import { findPath } from './chain.ts';
import { dateText } from './date-text.ts';
import {
  certificateExpired,
  certificateNotYetValid,
  chainTooComplex,
  malformedCertificate,
  nameMismatch,
  notAnIssuer,
  unsupportedCertificate,
  verificationMisuse,
  wrongPurpose,
} from './errors.ts';
import { checkNameConstraints } from './name-constraints.ts';
import { matchesServerName, nameList, parseServerName } from './names.ts';
import { describeCertificate, parseCertificate } from './parse.ts';
import type { ParsedCertificate } from './parse.ts';
import type { RootStore } from './roots.ts';

export interface VerifyChainOptions {
  readonly provider: CryptoProvider;
  /** DER certificates as the peer presented them: the leaf first, the rest in any order. */
  readonly chain: readonly Uint8Array[];
  readonly roots: RootStore;
  /** What the leaf is to be: a server's certificate or a client's. */
  readonly purpose: 'server' | 'client';
  /** DNS name or IP address that the leaf must carry. A server's chain cannot be verified without one. */
  readonly serverName?: string;
  /** Wall clock, ms since 1970. */
  readonly unixTime: number;
}

export interface VerifiedChain {
  readonly leaf: ParsedCertificate;
  /** Leaf first, root last. */
  readonly path: readonly ParsedCertificate[];
}

/** @throws TlsError saying which certificate fails which check, with the alert for the peer */
export function verifyChain(options: VerifyChainOptions): VerifiedChain {
  const { provider, chain, roots, purpose, serverName, unixTime } = options;
  if (purpose === 'server' && serverName === undefined)
    throw verificationMisuse('A server can only be verified against the name that was dialled; set serverName');
  // NaN would pass every comparison below.
  if (!Number.isFinite(unixTime)) throw verificationMisuse(`unixTime expected ms since 1970, got ${unixTime}`);
  const name = serverName === undefined ? undefined : parseServerName(serverName);

  // 1. Parse, within bounds
  const [leaf, ...intermediates] = parseAll(chain);
  if (leaf === undefined) throw malformedCertificate('No certificate was presented');
  // Before any path: a key that is never usable is the reason to give, even where no authority vouches for the certificate either.
  checkLeafKey(leaf);

  // 2. Signatures up to a root, 3. everything that a path is judged by
  const path = findPath({
    provider,
    leaf,
    intermediates,
    roots,
    judge: (candidate) => {
      try {
        checkPath(candidate, purpose, unixTime);
        return undefined;
      } catch (error) {
        if (error instanceof TlsError) return error;
        throw error;
      }
    },
  });

  // 4. The name
  const names = leaf.extensions.subjectAlternativeName;
  if (name !== undefined && !matchesServerName(names, name))
    throw nameMismatch(
      `Certificate ${describeCertificate(leaf)} is not for ${serverName ?? ''} but for ${nameList(names)}; dial one of those, or have it issued with ${name.type === 'ip' ? 'that IP address' : 'that name'} as subject alternative name`,
    );
  return { leaf, path };
}

function parseAll(chain: readonly Uint8Array[]): ParsedCertificate[] {
  if (chain.length > MAX_PATH_LENGTH)
    throw chainTooComplex(`${chain.length} certificates were presented where ${MAX_PATH_LENGTH} are allowed`);
  const size = chain.reduce((sum, der) => sum + der.length, 0);
  if (size > MAX_CHAIN_SIZE)
    throw chainTooComplex(`Certificates of ${size} bytes were presented where ${MAX_CHAIN_SIZE} are allowed`);
  return chain.map((der) => parseCertificate(der));
}

/** @throws TlsError for the first certificate, from the leaf up, that fails a check */
function checkPath(path: readonly ParsedCertificate[], purpose: 'server' | 'client', unixTime: number): void {
  for (const certificate of path) checkValidity(certificate, unixTime);
  // RFC 5280 §6.1.4 (l): certificates of an authority for itself (a new key) do not count against pathLen.
  let intermediateCount = 0;
  for (const [index, certificate] of path.entries()) {
    if (index > 0) {
      checkIssuer(certificate, intermediateCount);
      if (certificate.subject !== certificate.issuer) intermediateCount++;
    }
  }
  checkLeafUsage(path[0]);
  for (const [index, certificate] of path.entries()) checkExtendedKeyUsage(certificate, purpose, index === 0);
  for (const certificate of path) checkCriticalExtensions(certificate);
  for (const [index, issuer] of path.entries())
    for (const [below, certificate] of path.slice(0, index).entries())
      // §6.1.4 (b) and §4.2.1.10: self-issued certificates are exempt unless they are the leaf.
      if (below === 0 || certificate.subject !== certificate.issuer) checkNameConstraints(issuer, certificate);
}

/** RFC 5280 §4.1.2.5: both ends are part of the period. */
function checkValidity(certificate: ParsedCertificate, unixTime: number): void {
  const { notBefore, notAfter } = certificate;
  if (unixTime > notAfter)
    throw certificateExpired(
      `Certificate ${describeCertificate(certificate)} expired on ${dateText(notAfter)}; renew it, or check this machine's clock`,
    );
  if (unixTime < notBefore)
    throw certificateNotYetValid(
      `Certificate ${describeCertificate(certificate)} is not valid before ${dateText(notBefore)}; check this machine's clock`,
    );
}

/** RFC 5280 §6.1.4 (k) to (n). @param intermediateCount how many authorities stand between it and the leaf */
function checkIssuer(certificate: ParsedCertificate, intermediateCount: number): void {
  const { isCa, pathLength, keyUsage } = certificate.extensions;
  const who = describeCertificate(certificate);
  if (!isCa) throw notAnIssuer(`Certificate ${who} is no authority (CA:FALSE) but issued another`);
  if (keyUsage !== undefined && (keyUsage & KeyUsageFlag.KEY_CERT_SIGN) === 0)
    throw notAnIssuer(
      `Certificate ${who} may not sign certificates (key usage without keyCertSign) but issued another`,
    );
  if (pathLength !== undefined && intermediateCount > pathLength)
    throw notAnIssuer(
      `Certificate ${who} allows ${pathLength} authorities below it (pathLen), and the chain has ${intermediateCount}`,
    );
}

function checkLeafKey(leaf: ParsedCertificate): void {
  if (typeof leaf.publicKey === 'string')
    throw unsupportedCertificate(`Certificate ${describeCertificate(leaf)} cannot be used: its key ${leaf.publicKey}`);
}

/** RFC 8446 §4.4.2.2: the key must be allowed to sign, if the extension says anything. */
function checkLeafUsage(leaf: ParsedCertificate): void {
  const { keyUsage } = leaf.extensions;
  if (keyUsage !== undefined && (keyUsage & KeyUsageFlag.DIGITAL_SIGNATURE) === 0)
    throw wrongPurpose(
      `Certificate ${describeCertificate(leaf)} may not sign handshakes; have it issued with key usage digitalSignature`,
    );
}

/**
 * RFC 5280 §4.2.1.12. Without the extension a certificate is good for everything. On an authority it bounds what is below, which the RFC
 * does not ask for but everybody does; only there "any" will do.
 */
function checkExtendedKeyUsage(certificate: ParsedCertificate, purpose: 'server' | 'client', isLeaf: boolean): void {
  const { extendedKeyUsage } = certificate.extensions;
  if (extendedKeyUsage === undefined) return;
  const [wanted, usage] = purpose === 'server' ? [SERVER_AUTH, 'serverAuth'] : [CLIENT_AUTH, 'clientAuth'];
  if (extendedKeyUsage.includes(wanted) || (!isLeaf && extendedKeyUsage.includes(ANY_EXTENDED_KEY_USAGE))) return;
  throw wrongPurpose(
    `Certificate ${describeCertificate(certificate)} is not meant for a ${purpose}; have it issued with extended key usage ${usage}`,
  );
}

/** RFC 5280 §4.2: what is critical and not understood must be refused. */
function checkCriticalExtensions(certificate: ParsedCertificate): void {
  const [oid] = certificate.extensions.unknownCritical;
  if (oid !== undefined)
    throw unsupportedCertificate(
      `Certificate ${describeCertificate(certificate)} has the critical extension ${oid}, which is not supported`,
    );
}
