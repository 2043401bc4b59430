/**
 * What can be wrong with a certificate, each with its alert (RFC 8446 §6.2), and how certificates are named in messages.
 *
 * A sentence here is read by the person whose connection fails: it names the certificate and says what to do.
 */
import { Alert } from '../alerts.ts';
import { TlsError } from '../errors.ts';

/** The certificate, or something in it, cannot be read or breaks RFC 5280. */
export function malformedCertificate(message: string, cause?: unknown): TlsError {
  return new TlsError('ERR_TLS_CERTIFICATE_INVALID', Alert.BAD_CERTIFICATE, message, { cause });
}

/** Readable, but of a kind that is not supported. */
export function unsupportedCertificate(message: string): TlsError {
  return new TlsError('ERR_TLS_CERTIFICATE_INVALID', Alert.UNSUPPORTED_CERTIFICATE, message);
}

export function badSignature(message: string): TlsError {
  return new TlsError('ERR_TLS_CERTIFICATE_SIGNATURE', Alert.BAD_CERTIFICATE, message);
}

/** A signature algorithm that is too weak to say anything. */
export function weakSignature(message: string): TlsError {
  return new TlsError('ERR_TLS_CERTIFICATE_SIGNATURE', Alert.UNSUPPORTED_CERTIFICATE, message);
}

export function unknownCa(message: string): TlsError {
  return new TlsError('ERR_TLS_CERTIFICATE_UNKNOWN_CA', Alert.UNKNOWN_CA, message);
}

/** More work than a chain is worth. */
export function chainTooComplex(message: string): TlsError {
  return new TlsError('ERR_TLS_CERTIFICATE_INVALID', Alert.CERTIFICATE_UNKNOWN, message);
}

export function certificateExpired(message: string): TlsError {
  return new TlsError('ERR_TLS_CERTIFICATE_EXPIRED', Alert.CERTIFICATE_EXPIRED, message);
}

/** RFC 8446 §6.2 has one alert for "expired or not currently valid". */
export function certificateNotYetValid(message: string): TlsError {
  return new TlsError('ERR_TLS_CERTIFICATE_NOT_YET_VALID', Alert.CERTIFICATE_EXPIRED, message);
}

export function wrongPurpose(message: string): TlsError {
  return new TlsError('ERR_TLS_CERTIFICATE_PURPOSE', Alert.UNSUPPORTED_CERTIFICATE, message);
}

/** A CA certificate that may not issue what it issued. */
export function notAnIssuer(message: string): TlsError {
  return new TlsError('ERR_TLS_CERTIFICATE_PURPOSE', Alert.BAD_CERTIFICATE, message);
}

export function nameMismatch(message: string): TlsError {
  return new TlsError('ERR_TLS_CERTIFICATE_NAME_MISMATCH', Alert.BAD_CERTIFICATE, message);
}

/** Our own caller asked for something impossible. */
export function verificationMisuse(message: string): TlsError {
  return new TlsError('ERR_TLS_CONFIG', Alert.INTERNAL_ERROR, message, { fault: 'local' });
}

/** Makes text of a peer fit for a log line: no control characters, no endless names. */
export function printable(text: string): string {
  const clean = text.replace(/\p{C}/gu, '?');
  return clean.length > 200 ? `${clean.slice(0, 200)}...` : clean;
}
