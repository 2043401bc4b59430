/**
 * Finds a path from a leaf over presented intermediates to a root (RFC 5280 §6.1, RFC 4158 for the search).
 *
 * What a peer presents may be out of order, may hold certificates that belong to no path, and may be cross-signed in loops. The search goes depth
 * first, roots before intermediates, and pays for each signature it checks from a budget, so that no set of certificates makes it
 * long. A path that is complete but not good (an old cross-signed root has expired) does not end the search.
 */
import { MAX_PATH_LENGTH, MAX_SIGNATURE_CHECKS } from '../limits.ts';
import type { TlsError } from '../errors.ts';
import type { CryptoProvider } from '../provider.ts';
import { badSignature, chainTooComplex, unknownCa, unsupportedCertificate, weakSignature } from './errors.ts';
import { describeCertificate } from './parse.ts';
import type { ParsedCertificate } from './parse.ts';
import type { RootStore } from './roots.ts';

export interface ChainSearch {
  readonly provider: CryptoProvider;
  readonly leaf: ParsedCertificate;
  /** What else the peer presented, in any order. */
  readonly intermediates: readonly ParsedCertificate[];
  readonly roots: RootStore;
  /** Says what is wrong with a path whose signatures are good. @param path leaf first, root last */
  readonly judge: (path: readonly ParsedCertificate[]) => TlsError | undefined;
}

/**
 * @returns the first path that is good, leaf first, root last
 * @throws TlsError when there is none: what was wrong with the first complete path, or else why no path was complete
 */
export function findPath(search: ChainSearch): ParsedCertificate[] {
  const finder = new PathFinder(search);
  const path = finder.extend([search.leaf]);
  if (path !== undefined) return path;
  throw finder.failure();
}

class PathFinder {
  readonly #search: ChainSearch;
  #checksLeft: number = MAX_SIGNATURE_CHECKS;
  /** The first complaint of each kind; a path's fault is worth more than a signature's, and both more than a missing issuer. */
  #pathError: TlsError | undefined;
  #linkError: TlsError | undefined;
  #missingIssuer: TlsError | undefined;
  #isExhausted = false;

  constructor(search: ChainSearch) {
    this.#search = search;
  }

  /** @param path leaf first, without a root so far */
  extend(path: readonly ParsedCertificate[]): ParsedCertificate[] | undefined {
    const last = path[path.length - 1];
    let hasCandidate = false;
    for (const { issuer, isRoot } of this.#candidates(last, path)) {
      hasCandidate = true;
      if (!this.#isSignedBy(last, issuer)) {
        if (this.#isExhausted) return undefined;
        continue;
      }
      const next = [...path, issuer];
      if (isRoot) {
        const error = this.#search.judge(next);
        if (error === undefined) return next;
        this.#pathError ??= error;
      } else if (next.length < MAX_PATH_LENGTH) {
        const found = this.extend(next);
        if (found !== undefined || this.#isExhausted) return found;
      }
    }
    if (!hasCandidate) this.#missingIssuer ??= missingIssuer(last, path.length === 1);
    return undefined;
  }

  failure(): TlsError {
    return (
      this.#pathError ??
      (this.#isExhausted
        ? chainTooComplex(
            `Certificate ${describeCertificate(this.#search.leaf)} came with others that would take more than ${MAX_SIGNATURE_CHECKS} signature checks; present only its own chain`,
          )
        : undefined) ??
      this.#linkError ??
      this.#missingIssuer ??
      unknownCa(`Certificate ${describeCertificate(this.#search.leaf)} leads to no trusted root`)
    );
  }

  /** Certificates whose subject is the issuer's name: roots first, and those whose key identifier is the one asked for before others. */
  *#candidates(
    certificate: ParsedCertificate,
    path: readonly ParsedCertificate[],
  ): Iterable<{ issuer: ParsedCertificate; isRoot: boolean }> {
    const wantedKey = certificate.extensions.authorityKeyIdentifier;
    const hasOtherKey = ({ extensions }: ParsedCertificate): boolean =>
      wantedKey !== undefined &&
      extensions.subjectKeyIdentifier !== undefined &&
      extensions.subjectKeyIdentifier !== wantedKey;
    const named = [
      ...this.#search.roots.findBySubject(certificate.issuer).map((issuer) => ({ issuer, isRoot: true })),
      ...this.#search.intermediates
        .filter(({ subject }) => subject === certificate.issuer)
        .map((issuer) => ({ issuer, isRoot: false })),
    ].filter(({ issuer }) => !path.some((member) => isSameAuthority(member, issuer)));
    // A wrong identifier is a hint and no proof (RFC 4158 §3.5.12): such certificates come last but do come.
    yield* named.filter(({ issuer }) => !hasOtherKey(issuer));
    yield* named.filter(({ issuer }) => hasOtherKey(issuer));
  }

  #isSignedBy(certificate: ParsedCertificate, issuer: ParsedCertificate): boolean {
    const { signatureAlgorithm, tbs, signature } = certificate;
    if (signatureAlgorithm.scheme === undefined) {
      this.#linkError ??= unusableSignature(certificate);
      return false;
    }
    if (typeof issuer.publicKey === 'string') {
      this.#linkError ??= unsupportedCertificate(
        `Certificate ${describeCertificate(issuer)} cannot be used: its key ${issuer.publicKey}`,
      );
      return false;
    }
    if (this.#checksLeft === 0) {
      this.#isExhausted = true;
      return false;
    }
    this.#checksLeft--;
    const { provider } = this.#search;
    if (provider.verify(issuer.publicKeyInfo, signatureAlgorithm.scheme, tbs, signature)) return true;
    this.#linkError ??= badSignature(
      `Certificate ${describeCertificate(certificate)} was not signed by the key of ${describeCertificate(issuer)}; it was changed, or that authority has a newer certificate of the same name`,
    );
    return false;
  }
}

/** One authority in another certificate (cross-signed) would only lead in a circle. */
function isSameAuthority(a: ParsedCertificate, b: ParsedCertificate): boolean {
  if (a === b) return true;
  if (a.subject !== b.subject || a.publicKeyInfo.length !== b.publicKeyInfo.length) return false;
  return a.publicKeyInfo.every((byte, i) => byte === b.publicKeyInfo[i]);
}

function unusableSignature(certificate: ParsedCertificate): TlsError {
  const { weak, unknown } = certificate.signatureAlgorithm;
  return weak === undefined
    ? unsupportedCertificate(
        `Certificate ${describeCertificate(certificate)} is signed with ${unknown ?? 'something unknown'}, which is not supported; use ECDSA with P-256 or P-384, Ed25519 or RSA`,
      )
    : weakSignature(
        `Certificate ${describeCertificate(certificate)} is signed with ${weak}, which is too weak to be trusted; have it issued again with SHA-256`,
      );
}

function missingIssuer(certificate: ParsedCertificate, isLeaf: boolean): TlsError {
  const who = describeCertificate(certificate);
  if (certificate.subject === certificate.issuer)
    return unknownCa(
      isLeaf
        ? `Certificate ${who} is self-signed and no authority vouches for it; have it issued by an authority and trust that one's certificate`
        : `The chain ends in ${who}, which is not among the trusted roots; add it to them if it is yours`,
    );
  return unknownCa(
    `The issuer of certificate ${who}, "${certificate.issuerText}", is neither a trusted root nor among the certificates presented; add the root, or have the peer present its intermediates`,
  );
}
