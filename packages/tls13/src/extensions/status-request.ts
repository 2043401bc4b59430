/** status_request (RFC 6066 §8, RFC 8446 §4.4.2.1): asking for a stapled OCSP response, and the response in a Certificate. */
import { Reader, Writer } from '../codec.ts';
import { decodeError } from '../errors.ts';

const OCSP = 1;

/** @returns whether a client wants an OCSP response; statuses of other kinds are not known. */
export function readStatusRequest(data: Uint8Array): boolean {
  const reader = new Reader(data, 'status_request');
  if (reader.uint8() !== OCSP) return false;
  reader.vector16();
  reader.vector16();
  reader.end();
  return true;
}

/** RFC 8446 §4.4.2.1: a server that wants one sends the extension empty in its CertificateRequest. */
export function checkStatusWish(data: Uint8Array): void {
  new Reader(data, 'status_request of CertificateRequest').end();
}

/** Any responder, no extensions. */
export function writeStatusRequest(): Uint8Array {
  return new Writer().uint8(OCSP).uint16(0).uint16(0).finish();
}

/** @returns DER OCSPResponse */
export function readCertificateStatus(data: Uint8Array): Uint8Array {
  const reader = new Reader(data, 'status_request');
  const type = reader.uint8();
  if (type !== OCSP) throw decodeError(`status_request has status type ${type}, expected ${OCSP}`);
  const response = reader.vector24(1);
  reader.end();
  return response;
}

export function writeCertificateStatus(ocspResponse: Uint8Array): Uint8Array {
  return new Writer().uint8(OCSP).vector24(ocspResponse).finish();
}
