/** What a path from a leaf to a trusted root is judged by once its signatures are good: RFC 5280 §6.1.3 and §6.1.4 with the rules of RFC 8446 §4.4.2. */
import { Alert } from '../alerts.ts';
import { ANY_EXTENDED_KEY_USAGE, CLIENT_AUTH, KeyUsageFlag, SERVER_AUTH } from './certificate-extensions.ts';
import { dateText } from './date-text.ts';
import { chainFault } from './errors.ts';
import type { ChainFault } from './errors.ts';
import { checkNameConstraints } from './name-constraints.ts';
import { describeCertificate, isSelfIssued } from './parse.ts';
import type { ParsedCertificate } from './parse.ts';
import type { SearchBudget } from './search-budget.ts';

export type Purpose = 'server' | 'client';

/**
 * @param path leaf first, root last; the leaf alone where that is trusted itself
 * @returns for the first certificate, from the leaf up, that fails a check
 */
export function checkPath(
  path: readonly ParsedCertificate[],
  purpose: Purpose,
  unixTime: number,
  budget: SearchBudget,
): ChainFault | undefined {
  return (
    firstFault(path, (certificate) => checkValidity(certificate, unixTime)) ??
    checkIssuers(path) ??
    checkLeafUsage(path[0]) ??
    firstFault(path, (certificate, index) => checkExtendedKeyUsage(certificate, purpose, index === 0)) ??
    firstFault(path, checkCriticalExtensions) ??
    firstFault(path, (issuer, index) =>
      firstFault(path.slice(0, index), (certificate, below) =>
        // §6.1.4 (b) and §4.2.1.10: self-issued certificates are exempt unless they are the leaf.
        below > 0 && isSelfIssued(certificate) ? undefined : checkNameConstraints(issuer, certificate, budget),
      ),
    )
  );
}

/** What speaks against a certificate as the leaf of any path at all: a key that cannot or should not be used. */
export function checkKey(certificate: ParsedCertificate): ChainFault | undefined {
  const { publicKey } = certificate;
  if (typeof publicKey !== 'string') return undefined;
  // Too few bits, an exponent of 1, a point of small order: whoever looks can sign with them. The phrases are those of readPublicKeyInfo().
  const check = /only|usable/.test(publicKey) ? 'weak-key' : 'unsupported';
  return chainFault(
    check,
    certificate,
    `Certificate ${describeCertificate(certificate)} cannot be used: its key ${publicKey}`,
  );
}

function firstFault(
  path: readonly ParsedCertificate[],
  check: (certificate: ParsedCertificate, index: number) => ChainFault | undefined,
): ChainFault | undefined {
  for (const [index, certificate] of path.entries()) {
    const fault = check(certificate, index);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

/** RFC 5280 §4.1.2.5: both ends are part of the period. Roots must be valid as well, although §6.1 does not ask for it. */
function checkValidity(certificate: ParsedCertificate, unixTime: number): ChainFault | undefined {
  const { notBefore, notAfter } = certificate;
  if (unixTime > notAfter)
    return chainFault(
      'validity',
      certificate,
      `Certificate ${describeCertificate(certificate)} expired on ${dateText(notAfter)}; renew it, or check this machine's clock`,
    );
  if (unixTime >= notBefore) return undefined;
  return chainFault(
    'validity',
    certificate,
    `Certificate ${describeCertificate(certificate)} is not valid before ${dateText(notBefore)}; check this machine's clock`,
    { code: 'ERR_TLS_CERTIFICATE_NOT_YET_VALID' },
  );
}

function checkIssuers(path: readonly ParsedCertificate[]): ChainFault | undefined {
  // RFC 5280 §6.1.4 (l): certificates of an authority for itself (a new key) do not count against pathLen.
  let intermediateCount = 0;
  return firstFault(path.slice(1), (certificate) => {
    const fault = checkIssuer(certificate, intermediateCount);
    if (!isSelfIssued(certificate)) intermediateCount++;
    return fault;
  });
}

/**
 * RFC 5280 §6.1.4 (k) to (n). Authorities should mark these extensions critical; they hold in any case.
 *
 * @param intermediateCount how many authorities stand between it and the leaf
 */
function checkIssuer(certificate: ParsedCertificate, intermediateCount: number): ChainFault | undefined {
  const { isCa, pathLength, keyUsage } = certificate.extensions;
  const who = describeCertificate(certificate);
  if (!isCa)
    return chainFault(
      'basic-constraints',
      certificate,
      `Certificate ${who} is no authority (CA:FALSE) but issued another`,
    );
  if (keyUsage !== undefined && (keyUsage & KeyUsageFlag.KEY_CERT_SIGN) === 0)
    return chainFault(
      'key-usage',
      certificate,
      `Certificate ${who} may not sign certificates (key usage without keyCertSign) but issued another`,
    );
  if (pathLength === undefined || intermediateCount <= pathLength) return undefined;
  return chainFault(
    'path-length',
    certificate,
    `Certificate ${who} allows ${pathLength} authorities below it (pathLen), and the chain has ${intermediateCount}`,
  );
}

/** RFC 8446 §4.4.2.2: the key must be allowed to sign, if the extension says anything. */
function checkLeafUsage(leaf: ParsedCertificate): ChainFault | undefined {
  const { keyUsage } = leaf.extensions;
  if (keyUsage === undefined || (keyUsage & KeyUsageFlag.DIGITAL_SIGNATURE) !== 0) return undefined;
  return chainFault(
    'key-usage',
    leaf,
    `Certificate ${describeCertificate(leaf)} may not sign handshakes; have it issued with key usage digitalSignature`,
    { alert: Alert.UNSUPPORTED_CERTIFICATE },
  );
}

/**
 * RFC 5280 §4.2.1.12. Without the extension a certificate is good for everything. On an authority it bounds what is below, which the RFC
 * does not ask for but everybody does; only there "any" will do.
 */
function checkExtendedKeyUsage(
  certificate: ParsedCertificate,
  purpose: Purpose,
  isLeaf: boolean,
): ChainFault | undefined {
  const { extendedKeyUsage } = certificate.extensions;
  if (extendedKeyUsage === undefined) return undefined;
  const [wanted, usage] = purpose === 'server' ? [SERVER_AUTH, 'serverAuth'] : [CLIENT_AUTH, 'clientAuth'];
  if (extendedKeyUsage.includes(wanted) || (!isLeaf && extendedKeyUsage.includes(ANY_EXTENDED_KEY_USAGE)))
    return undefined;
  return chainFault(
    'extended-key-usage',
    certificate,
    `Certificate ${describeCertificate(certificate)} is not meant for a ${purpose}; have it issued with extended key usage ${usage}`,
  );
}

/**
 * RFC 5280 §4.2: what is critical and not understood must be refused, on roots too. That goes for policyConstraints, policyMappings and
 * inhibitAnyPolicy: policies are not evaluated here, and who makes them binding means them to be.
 */
function checkCriticalExtensions(certificate: ParsedCertificate): ChainFault | undefined {
  const [oid] = certificate.extensions.unknownCritical;
  if (oid === undefined) return undefined;
  return chainFault(
    'critical-extension',
    certificate,
    `Certificate ${describeCertificate(certificate)} has the critical extension ${oid}, which is not supported`,
  );
}
