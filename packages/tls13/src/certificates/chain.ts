/**
 * Finds a path from a leaf over presented intermediates to a root (RFC 5280 §6.1, RFC 4158 for the search).
 *
 * What a peer presents may be out of order, may hold certificates that belong to no path, and may be cross-signed in loops. The search goes depth
 * first, roots before intermediates, and pays for each step and each signature from a budget, so that no set of certificates makes it
 * long. A path that is complete but not good (an old cross-signed root has expired) does not end the search.
 */
import { MAX_PATH_LENGTH, MAX_PATH_STEPS, MAX_REPORTED_PATHS, MAX_SIGNATURE_CHECKS } from '../limits.ts';
import { equalBytes } from '../der.ts';
import type { CryptoProvider } from '../provider.ts';
import { chainFault } from './errors.ts';
import type { ChainFault } from './errors.ts';
import { describeCertificate, isSelfIssued } from './parse.ts';
import type { ParsedCertificate } from './parse.ts';
import { checkKey } from './path-checks.ts';
import type { RootStore } from './roots.ts';
import type { SearchBudget } from './search-budget.ts';
import { isKnownSignature, rememberSignatures, signatureKey } from './signature-cache.ts';

export interface PathSearchOptions {
  readonly provider: CryptoProvider;
  readonly leaf: ParsedCertificate;
  /** What else the peer presented, in any order. */
  readonly intermediates: readonly ParsedCertificate[];
  readonly roots: RootStore;
  readonly budget: SearchBudget;
  /** Says what is wrong with a path whose signatures are good. @param path leaf first, root last */
  readonly judge: (path: readonly ParsedCertificate[]) => ChainFault | undefined;
}

/** A path that led nowhere, and why. */
export interface EndedPath {
  readonly path: readonly ParsedCertificate[];
  readonly fault: ChainFault;
}

export class PathSearch {
  readonly #options: PathSearchOptions;
  readonly #intermediates: readonly ParsedCertificate[];
  /** Signatures by certificate and key: the same link belongs to many paths. */
  readonly #signatures: Map<string, boolean> = new Map();
  /** The first fault of each kind; a path's is worth more than a link's, and both more than a missing issuer. */
  #pathFault: ChainFault | undefined;
  #exhausted: ChainFault | undefined;
  #linkFault: ChainFault | undefined;
  #missingIssuer: ChainFault | undefined;
  readonly #ended: EndedPath[] = [];
  #endedCount = 0;

  constructor(options: PathSearchOptions) {
    this.#options = options;
    const { leaf, intermediates, roots } = options;
    this.#intermediates = intermediates.filter(
      (certificate, index) =>
        !roots.has(certificate) &&
        certificate.fingerprint !== leaf.fingerprint &&
        intermediates.findIndex(({ fingerprint }) => fingerprint === certificate.fingerprint) === index,
    );
  }

  /** @returns the first path that is good, leaf first, root last; undefined where there is none, and then `fault` says why */
  find(): ParsedCertificate[] | undefined {
    const { leaf, roots, provider } = this.#options;
    const path = (roots.has(leaf) ? this.#judged([leaf]) : undefined) ?? this.#extend([leaf]);
    if (path !== undefined) rememberSignatures(provider, path);
    return path;
  }

  /** What was wrong with the first complete path, or else why no path was complete. */
  get fault(): ChainFault | undefined {
    return this.#pathFault ?? this.#exhausted ?? this.#linkFault ?? this.#missingIssuer;
  }

  /** Whether nothing is wrong but that an issuer was not found. */
  get isIncomplete(): boolean {
    return this.fault === this.#missingIssuer;
  }

  /** Up to MAX_REPORTED_PATHS, the first ones. */
  get endedPaths(): readonly EndedPath[] {
    return this.#ended;
  }

  get endedCount(): number {
    return this.#endedCount;
  }

  /** @param path leaf first, without a root so far */
  #extend(path: readonly ParsedCertificate[]): ParsedCertificate[] | undefined {
    const last = path[path.length - 1];
    if (path.length >= MAX_PATH_LENGTH) {
      const fault = this.#tooLong();
      this.#pathFault ??= fault;
      this.#end(path, fault);
      return undefined;
    }
    let hasCandidate = false;
    for (const { issuer, isRoot } of this.#candidates(last, path)) {
      hasCandidate = true;
      const next = [...path, issuer];
      if (!this.#options.budget.spendStep()) this.#exhausted ??= this.#tooComplex(`${MAX_PATH_STEPS} steps`);
      else if (this.#isGoodLink(next, last, issuer)) {
        const found = isRoot ? this.#judged(next) : this.#extend(next);
        if (found !== undefined) return found;
      }
      if (this.#exhausted !== undefined) return undefined;
    }
    if (hasCandidate) return undefined;
    const fault = missingIssuer(last, path.length === 1);
    this.#missingIssuer ??= fault;
    this.#end(path, fault);
    for (const problem of this.#options.roots.findProblems(last.issuerName))
      this.#linkFault ??= unusableRoot(last, problem.message);
    return undefined;
  }

  /** @param path complete */
  #judged(path: ParsedCertificate[]): ParsedCertificate[] | undefined {
    const fault = this.#options.judge(path);
    if (fault === undefined) return path;
    this.#pathFault ??= fault;
    this.#end(path, fault);
    return undefined;
  }

  /** Certificates whose subject is the issuer's name: roots first, and those whose key identifier is the one asked for before others. */
  *#candidates(
    certificate: ParsedCertificate,
    path: readonly ParsedCertificate[],
  ): Iterable<{ issuer: ParsedCertificate; isRoot: boolean }> {
    const { issuerName } = certificate;
    const named = [
      ...this.#options.roots.findBySubject(issuerName).map((issuer) => ({ issuer, isRoot: true })),
      ...this.#intermediates
        .filter(({ subjectName }) => subjectName.normalized === issuerName.normalized)
        .map((issuer) => ({ issuer, isRoot: false })),
    ].filter(({ issuer }) => !path.some((member) => isSameAuthority(member, issuer)));
    // A wrong identifier is a hint and no proof (RFC 4158 §3.5.12): such certificates come last but do come.
    yield* named.filter(({ issuer }) => !isOtherIssuer(certificate, issuer));
    yield* named.filter(({ issuer }) => isOtherIssuer(certificate, issuer));
  }

  #isGoodLink(path: readonly ParsedCertificate[], certificate: ParsedCertificate, issuer: ParsedCertificate): boolean {
    const fault = unusableSignature(certificate) ?? checkKey(issuer) ?? this.#checkSignature(certificate, issuer);
    if (fault === undefined) return true;
    if (fault.check !== 'too-complex') this.#linkFault ??= fault;
    this.#end(path, fault);
    return false;
  }

  #checkSignature(certificate: ParsedCertificate, issuer: ParsedCertificate): ChainFault | undefined {
    const key = signatureKey(certificate, issuer);
    let isGood = this.#signatures.get(key);
    if (isGood === undefined) {
      // What is remembered from earlier chains costs as much, so that no outcome depends on what came before.
      if (!this.#options.budget.spendSignatureCheck())
        return (this.#exhausted ??= this.#tooComplex(`${MAX_SIGNATURE_CHECKS} signature checks`));
      isGood = isKnownSignature(this.#options.provider, key) || this.#verify(certificate, issuer);
      this.#signatures.set(key, isGood);
    }
    if (isGood) return undefined;
    return chainFault(
      'signature',
      certificate,
      `Certificate ${describeCertificate(certificate)} was not signed by the key of ${describeCertificate(issuer)}; it was changed, or that authority has a newer certificate of the same name`,
    );
  }

  #verify(certificate: ParsedCertificate, issuer: ParsedCertificate): boolean {
    const { signatureAlgorithm, tbs, signature } = certificate;
    const { provider } = this.#options;
    if (signatureAlgorithm.algorithm === undefined) return false;
    return provider.verifyCertificate(issuer.publicKeyInfo, signatureAlgorithm.algorithm, tbs, signature);
  }

  #tooComplex(work: string): ChainFault {
    return chainFault(
      'too-complex',
      undefined,
      `Certificate ${describeCertificate(this.#options.leaf)} came with others that would take more than ${work}; present only its own chain`,
    );
  }

  #tooLong(): ChainFault {
    return chainFault(
      'too-complex',
      undefined,
      `Certificate ${describeCertificate(this.#options.leaf)} came with a path of more than ${MAX_PATH_LENGTH} certificates, the root included; have it issued by an authority nearer to the root`,
    );
  }

  #end(path: readonly ParsedCertificate[], fault: ChainFault): void {
    this.#endedCount++;
    if (this.#ended.length < MAX_REPORTED_PATHS) this.#ended.push({ path, fault });
  }
}

/** One authority in another certificate (cross-signed) would only lead in a circle. */
function isSameAuthority(a: ParsedCertificate, b: ParsedCertificate): boolean {
  return (
    a === b || (a.subjectName.normalized === b.subjectName.normalized && equalBytes(a.publicKeyInfo, b.publicKeyInfo))
  );
}

/** Whether the certificate says that somebody else of that name signed it (RFC 5280 §4.2.1.1): by the key, or else by the serial number. */
function isOtherIssuer({ extensions }: ParsedCertificate, issuer: ParsedCertificate): boolean {
  const { authorityKeyIdentifier, authoritySerialNumber } = extensions;
  const { subjectKeyIdentifier } = issuer.extensions;
  if (authorityKeyIdentifier !== undefined && subjectKeyIdentifier !== undefined)
    return authorityKeyIdentifier !== subjectKeyIdentifier;
  return authoritySerialNumber !== undefined && authoritySerialNumber !== issuer.serialNumber;
}

function unusableSignature(certificate: ParsedCertificate): ChainFault | undefined {
  const { scheme, weak, unknown } = certificate.signatureAlgorithm;
  if (scheme !== undefined) return undefined;
  return weak === undefined
    ? chainFault(
        'unsupported',
        certificate,
        `Certificate ${describeCertificate(certificate)} is signed with ${unknown ?? 'something unknown'}, which is not supported; use ECDSA, Ed25519 or RSA with SHA-256, SHA-384 or SHA-512`,
      )
    : chainFault(
        'weak-signature',
        certificate,
        `Certificate ${describeCertificate(certificate)} is signed with ${weak}, which is too weak to be trusted; have it issued again with SHA-256`,
      );
}

function missingIssuer(certificate: ParsedCertificate, isLeaf: boolean): ChainFault {
  const who = describeCertificate(certificate);
  if (isSelfIssued(certificate))
    return chainFault(
      'unknown-issuer',
      certificate,
      isLeaf
        ? `Certificate ${who} is self-signed and no authority vouches for it; add it to the trusted roots if it is yours, or have it issued by an authority that you trust`
        : `The chain ends in ${who}, which is not among the trusted roots; add it to them if it is yours`,
    );
  return chainFault(
    'unknown-issuer',
    certificate,
    `The issuer of certificate ${who}, "${certificate.issuerText}", is neither a trusted root nor among the certificates presented; add the root, or have the peer present its intermediates`,
  );
}

/** A root of the right name is there, but not one that can be used: nobody else would tell the person who put it there. */
function unusableRoot(certificate: ParsedCertificate, problem: string): ChainFault {
  return chainFault(
    'unknown-issuer',
    certificate,
    `The issuer of certificate ${describeCertificate(certificate)}, "${certificate.issuerText}", is among the trusted roots but cannot be used: ${problem}`,
  );
}
