/**
 * What can be wrong with a certificate: each check with its code and alert (RFC 8446 §6.2).
 *
 * A sentence here is read by the person whose connection fails: it names the certificate and says what to do.
 */
import { Alert } from '../alerts.ts';
import { TlsError } from '../errors.ts';
import type { TlsErrorCode } from '../errors.ts';
import type { ChainCheck } from './chain-report.ts';
import type { ParsedCertificate } from './parse.ts';

/** A check that a certificate, or a path, did not pass. Paths are tried one after the other, so that most of these are not thrown. */
export interface ChainFault {
  readonly check: ChainCheck;
  /** Undefined where it is the chain as a whole. */
  readonly certificate: ParsedCertificate | UnreadableCertificate | undefined;
  readonly message: string;
  readonly code: TlsErrorCode;
  readonly alert: Alert;
  readonly cause?: unknown;
}

/** One that could not be parsed. */
export interface UnreadableCertificate {
  readonly der: Uint8Array;
  readonly tbs?: undefined;
}

const CODES: Readonly<Record<ChainCheck, readonly [TlsErrorCode, Alert]>> = {
  malformed: ['ERR_TLS_CERTIFICATE_INVALID', Alert.BAD_CERTIFICATE],
  unsupported: ['ERR_TLS_CERTIFICATE_INVALID', Alert.UNSUPPORTED_CERTIFICATE],
  'too-complex': ['ERR_TLS_CERTIFICATE_INVALID', Alert.CERTIFICATE_UNKNOWN],
  'unknown-issuer': ['ERR_TLS_CERTIFICATE_UNKNOWN_CA', Alert.UNKNOWN_CA],
  signature: ['ERR_TLS_CERTIFICATE_SIGNATURE', Alert.BAD_CERTIFICATE],
  'weak-signature': ['ERR_TLS_CERTIFICATE_SIGNATURE', Alert.UNSUPPORTED_CERTIFICATE],
  'weak-key': ['ERR_TLS_CERTIFICATE_INVALID', Alert.UNSUPPORTED_CERTIFICATE],
  // RFC 8446 §6.2 has one alert for "expired or not currently valid".
  validity: ['ERR_TLS_CERTIFICATE_EXPIRED', Alert.CERTIFICATE_EXPIRED],
  name: ['ERR_TLS_CERTIFICATE_NAME_MISMATCH', Alert.BAD_CERTIFICATE],
  'name-constraints': ['ERR_TLS_CERTIFICATE_NAME_MISMATCH', Alert.BAD_CERTIFICATE],
  'basic-constraints': ['ERR_TLS_CERTIFICATE_PURPOSE', Alert.BAD_CERTIFICATE],
  'path-length': ['ERR_TLS_CERTIFICATE_PURPOSE', Alert.BAD_CERTIFICATE],
  'key-usage': ['ERR_TLS_CERTIFICATE_PURPOSE', Alert.BAD_CERTIFICATE],
  'extended-key-usage': ['ERR_TLS_CERTIFICATE_PURPOSE', Alert.UNSUPPORTED_CERTIFICATE],
  'critical-extension': ['ERR_TLS_CERTIFICATE_INVALID', Alert.UNSUPPORTED_CERTIFICATE],
};

/** @param other code and alert where they are not the usual ones of the check */
export function chainFault(
  check: ChainCheck,
  certificate: ParsedCertificate | undefined,
  message: string,
  other?: { readonly code?: TlsErrorCode; readonly alert?: Alert },
): ChainFault {
  const [code, alert] = CODES[check];
  return { check, certificate, message, code: other?.code ?? code, alert: other?.alert ?? alert };
}

/** @param error of parseCertificate(der) */
export function unreadableFault(error: TlsError, der: Uint8Array): ChainFault {
  const { message, code, alert, cause } = error;
  const check = alert === Alert.UNSUPPORTED_CERTIFICATE ? 'unsupported' : 'malformed';
  return { check, certificate: { der }, message, code, alert, cause };
}

/** The certificate, or something in it, cannot be read or breaks RFC 5280. */
export function malformedCertificate(message: string, cause?: unknown): TlsError {
  return new TlsError(...CODES.malformed, message, { cause });
}

/** Readable, but of a kind that is not supported. */
export function unsupportedCertificate(message: string): TlsError {
  return new TlsError(...CODES.unsupported, message);
}

/** Our own caller asked for something impossible. */
export function verificationMisuse(message: string): TlsError {
  return new TlsError('ERR_TLS_CONFIG', Alert.INTERNAL_ERROR, message, { fault: 'local' });
}

/** Makes text of a peer fit for a log line: no control characters, no endless names. */
export function printable(text: string): string {
  const clean = text.slice(0, 200).replace(/\p{C}/gu, '?');
  return text.length > 200 ? `${clean}...` : clean;
}
