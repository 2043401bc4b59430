import { equalBytes } from '../der.ts';
import type { ChainReport, ReportedCertificate } from './chain-report.ts';
import type { EndedPath } from './chain.ts';
import type { ChainFault, UnreadableCertificate } from './errors.ts';
import { printable } from './errors.ts';
import { fingerprintOf } from './parse.ts';
import type { ParsedCertificate } from './parse.ts';
import type { RootStore } from './roots.ts';

/**
 * @param ended the first of the paths that were tried
 * @param endedCount how many there were
 * @param chain as it was presented
 */
export function createReport(
  fault: ChainFault,
  ended: readonly EndedPath[],
  endedCount: number,
  chain: readonly Uint8Array[],
  roots: RootStore,
): ChainReport {
  const report = (certificate: ParsedCertificate | UnreadableCertificate): ReportedCertificate => {
    const position = chain.findIndex((der) => equalBytes(der, certificate.der));
    const isParsed = certificate.tbs !== undefined;
    return {
      position: position === -1 ? undefined : position,
      isTrustedRoot: isParsed && roots.has(certificate),
      fingerprint: isParsed ? certificate.fingerprint : fingerprintOf(certificate.der),
      subject: isParsed ? certificate.subjectText : undefined,
      issuer: isParsed ? certificate.issuerText : undefined,
      serialNumber: isParsed ? printable(certificate.serialNumber) : undefined,
      notBefore: isParsed ? certificate.notBefore : undefined,
      notAfter: isParsed ? certificate.notAfter : undefined,
    };
  };
  return {
    certificate: fault.certificate === undefined ? undefined : report(fault.certificate),
    check: fault.check,
    reason: fault.message,
    paths: ended.map(({ path, fault: end }) => ({
      certificates: path.map((certificate) => report(certificate)),
      check: end.check,
      reason: end.message,
    })),
    morePaths: endedCount - ended.length,
  };
}
