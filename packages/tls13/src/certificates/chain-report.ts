/**
 * Why a chain was refused, for programs and for people: which certificate, which check, and every path that was tried.
 *
 * Texts in it that come from certificates are cut to 200 characters and hold no control characters.
 */
import { dateText } from './date-text.ts';

/** The checks that a chain can fail. */
export type ChainCheck =
  /** Not DER, or not what RFC 5280 §4 asks for. */
  | 'malformed'
  /** A version, key type or signature algorithm that is not supported. */
  | 'unsupported'
  /** More bytes, certificates, names or signatures than a chain is worth. */
  | 'too-complex'
  /** The issuer is neither trusted nor presented. */
  | 'unknown-issuer'
  | 'signature'
  /** MD5, SHA-1. */
  | 'weak-signature'
  /** RSA below 2048 bits, and keys that protect nothing. */
  | 'weak-key'
  /** Expired, or not yet valid. */
  | 'validity'
  /** Not for the name that was dialled. */
  | 'name'
  | 'name-constraints'
  /** Issued others without being an authority. */
  | 'basic-constraints'
  | 'path-length'
  | 'key-usage'
  | 'extended-key-usage'
  /** A critical extension that is not understood. */
  | 'critical-extension';

/** A certificate as a report names it. What could not be read is undefined. */
export interface ReportedCertificate {
  /** Place among those presented, 0 for the leaf. Undefined for a root that the peer did not present. */
  readonly position: number | undefined;
  /** Whether it is one of the trusted roots. */
  readonly isTrustedRoot: boolean;
  /** SHA-256 of the DER, 64 hexadecimal digits. */
  readonly fingerprint: string;
  readonly subject: string | undefined;
  readonly issuer: string | undefined;
  /** Hexadecimal. */
  readonly serialNumber: string | undefined;
  /** ms since 1970, both inclusive. */
  readonly notBefore: number | undefined;
  readonly notAfter: number | undefined;
}

/** A path that was tried, and where it ended. */
export interface ReportedPath {
  /** Leaf first, up to the certificate where the path ended. */
  readonly certificates: readonly ReportedCertificate[];
  readonly check: ChainCheck;
  readonly reason: string;
}

/** Why a chain was refused. */
export interface ChainReport {
  /** The certificate that failed; undefined where it is the chain as a whole. */
  readonly certificate: ReportedCertificate | undefined;
  readonly check: ChainCheck;
  /** A sentence, the message of the TlsError. */
  readonly reason: string;
  /** In the order in which they were tried, up to 16. Empty where the chain failed before any path was. */
  readonly paths: readonly ReportedPath[];
  /** How many paths were tried besides. */
  readonly morePaths: number;
}

/** @returns lines for a log or a terminal, without line ends */
export function chainReportLines(report: ChainReport): string[] {
  const { certificate, check, reason, paths, morePaths } = report;
  const lines = [`Certificate chain refused (${check}): ${reason}`];
  if (certificate !== undefined) lines.push(...certificateLines(certificate));
  for (const [index, path] of paths.entries()) {
    lines.push(`  path ${index + 1} ended at ${path.check}: ${path.reason}`);
    for (const member of path.certificates) lines.push(`    ${subjectText(member)} (${origin(member)})`);
  }
  if (morePaths > 0) lines.push(`  and ${morePaths} more`);
  return lines;
}

function certificateLines(certificate: ReportedCertificate): string[] {
  const { issuer, serialNumber, notBefore, notAfter, fingerprint } = certificate;
  const lines = [`  certificate: ${subjectText(certificate)} (${origin(certificate)})`];
  if (issuer !== undefined) lines.push(`  issuer: ${issuer}`);
  if (serialNumber !== undefined) lines.push(`  serial number: ${serialNumber}`);
  if (notBefore !== undefined && notAfter !== undefined)
    lines.push(`  valid: ${dateText(notBefore)} to ${dateText(notAfter)}`);
  lines.push(`  SHA-256: ${fingerprint}`);
  return lines;
}

function subjectText({ subject }: ReportedCertificate): string {
  return subject ?? 'unreadable';
}

function origin({ position, isTrustedRoot }: ReportedCertificate): string {
  const place =
    position === undefined ? 'not presented' : position === 0 ? 'presented as leaf' : `presented at ${position}`;
  return isTrustedRoot ? `trusted root, ${place}` : place;
}
