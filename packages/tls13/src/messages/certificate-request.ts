/** CertificateRequest (RFC 8446 §4.3.2). */
import { Reader } from '../codec.ts';
import { readExtensions, writeExtensions, type Extensions } from '../extensions.ts';
import { HandshakeType, writeMessage } from './handshake-message.ts';

export interface CertificateRequest {
  readonly certificateRequestContext: Uint8Array;
  readonly extensions: Extensions;
}

export function readCertificateRequest(body: Uint8Array): CertificateRequest {
  const reader = new Reader(body, 'CertificateRequest');
  const certificateRequestContext = reader.vector8();
  const extensions = readExtensions(reader, 'CR');
  reader.end();
  return { certificateRequestContext, extensions };
}

export function writeCertificateRequest(request: CertificateRequest): Uint8Array {
  return writeMessage(HandshakeType.CERTIFICATE_REQUEST, (writer) => {
    writer.vector8(request.certificateRequestContext);
    writeExtensions(writer, request.extensions);
  });
}
