/**
 * Is this chain good for this purpose, this name and this moment? Path validation of RFC 5280 §6.1 with the rules of RFC 8446 §4.4.2.
 *
 * Left out: revocation (neither CRL nor OCSP; RFC 8446 leaves it to the application) and certificate policies.
 */
import { MAX_CERTIFICATES, MAX_CHAIN_SIZE } from '../limits.ts';
import { TlsError } from '../errors.ts';
import type { CryptoProvider } from '../provider.ts';
import { PathSearch } from './chain.ts';
import type { EndedPath } from './chain.ts';
import { createReport } from './create-report.ts';
import { chainFault, malformedCertificate, unreadableFault, verificationMisuse } from './errors.ts';
import type { ChainFault } from './errors.ts';
import { matchesServerName, nameList, parseServerName } from './names.ts';
import type { ServerName } from './names.ts';
import { describeCertificate, parseCertificate } from './parse.ts';
import type { ParsedCertificate } from './parse.ts';
import { checkKey, checkPath } from './path-checks.ts';
import type { Purpose } from './path-checks.ts';
import type { RootStore } from './roots.ts';
import { SearchBudget } from './search-budget.ts';

export interface VerifyChainOptions {
  readonly provider: CryptoProvider;
  /** DER certificates as the peer presented them: the leaf first, the rest in any order. */
  readonly chain: readonly Uint8Array[];
  readonly roots: RootStore;
  /** What the leaf is to be: a server's certificate or a client's. */
  readonly purpose: Purpose;
  /** DNS name or IP address that the leaf must carry. A server's chain cannot be verified without one. */
  readonly serverName?: string;
  /** Wall clock, ms since 1970. */
  readonly unixTime: number;
}

export interface VerifiedChain {
  readonly leaf: ParsedCertificate;
  /** Leaf first, root last; the leaf alone where it is one of the roots itself. */
  readonly path: readonly ParsedCertificate[];
}

/**
 * @throws TlsError saying which certificate fails which check, with the alert for the peer; its `report` has the particulars. Without a report where
 *   the options are at fault (ERR_TLS_CONFIG)
 */
export function verifyChain(options: VerifyChainOptions): VerifiedChain {
  const { provider, chain, roots, purpose, serverName, unixTime } = options;
  if (purpose === 'server' && serverName === undefined)
    throw verificationMisuse('A server can only be verified against the name that was dialled; set serverName');
  // NaN would pass every comparison below.
  if (!Number.isFinite(unixTime)) throw verificationMisuse(`unixTime expected ms since 1970, got ${unixTime}`);
  const name = serverName === undefined ? undefined : parseServerName(serverName);
  const refuse = (fault: ChainFault, ended: readonly EndedPath[] = [], endedCount = 0): never => {
    const { code, alert, message, cause } = fault;
    throw new TlsError(code, alert, message, { cause, report: createReport(fault, ended, endedCount, chain, roots) });
  };

  // 1. Parse, within bounds
  const sizeFault = checkSize(chain);
  if (sizeFault !== undefined) return refuse(sizeFault);
  const [leaf, ...others] = chain.map((der) => readOrFault(der));
  if (leaf === undefined) throw malformedCertificate('No certificate was presented');
  if (isFault(leaf)) return refuse(leaf);
  const keyFault = checkKey(leaf);
  if (keyFault !== undefined) return refuse(keyFault);

  // 2. Signatures up to a root, 3. everything that a path is judged by
  const budget = new SearchBudget();
  const search = new PathSearch({
    provider,
    leaf,
    // RFC 8446 §4.4.2: certificates that belong to no path occur. One that cannot be read is of no path.
    intermediates: others.flatMap((other) => (isFault(other) ? [] : [other])),
    roots,
    budget,
    judge: (path) => checkPath(path, purpose, unixTime, budget),
  });
  const path = search.find();
  if (path === undefined) {
    const unreadable = search.isIncomplete ? others.find(isFault) : undefined;
    const fault = unreadable ?? search.fault;
    if (fault === undefined) throw new TypeError('A search without a path has a fault');
    return refuse(fault, search.endedPaths, search.endedCount);
  }

  // 4. The name
  const nameFault = name === undefined ? undefined : checkName(leaf, name, serverName ?? '');
  if (nameFault !== undefined)
    return refuse(nameFault, [...search.endedPaths, { path, fault: nameFault }], search.endedCount + 1);
  return { leaf, path };
}

function checkSize(chain: readonly Uint8Array[]): ChainFault | undefined {
  if (chain.length > MAX_CERTIFICATES)
    return chainFault(
      'too-complex',
      undefined,
      `${chain.length} certificates were presented where ${MAX_CERTIFICATES} are allowed`,
    );
  const size = chain.reduce((sum, der) => sum + der.length, 0);
  if (size <= MAX_CHAIN_SIZE) return undefined;
  return chainFault(
    'too-complex',
    undefined,
    `Certificates of ${size} bytes were presented where ${MAX_CHAIN_SIZE} are allowed`,
  );
}

function readOrFault(der: Uint8Array): ParsedCertificate | ChainFault {
  try {
    return parseCertificate(der);
  } catch (error) {
    if (error instanceof TlsError) return unreadableFault(error, der);
    throw error;
  }
}

function isFault(value: ParsedCertificate | ChainFault): value is ChainFault {
  return 'check' in value;
}

function checkName(leaf: ParsedCertificate, name: ServerName, dialled: string): ChainFault | undefined {
  const names = leaf.extensions.subjectAlternativeName;
  if (matchesServerName(names, name)) return undefined;
  return chainFault(
    'name',
    leaf,
    `Certificate ${describeCertificate(leaf)} is not for ${dialled} but for ${nameList(names)}; dial one of those, or have it issued with ${name.type === 'ip' ? 'that IP address' : 'that name'} as subject alternative name`,
  );
}
