/** Certificate (RFC 8446 §4.4.2). Raw public keys (RFC 7250) are not offered and so not read. */
import { Reader } from '../codec.ts';
import { readExtensions, writeExtensions, type Extensions } from '../extensions.ts';
import { HandshakeType, writeMessage } from './handshake-message.ts';

export interface CertificateEntry {
  /** DER. */
  readonly certData: Uint8Array;
  readonly extensions: Extensions;
}

export interface Certificate {
  readonly certificateRequestContext: Uint8Array;
  readonly certificateList: readonly CertificateEntry[];
}

export function readCertificate(body: Uint8Array): Certificate {
  const reader = new Reader(body, 'Certificate');
  const certificateRequestContext = reader.vector8();
  const list = new Reader(reader.vector24(), 'certificate_list');
  reader.end();
  const certificateList: CertificateEntry[] = [];
  while (list.remaining > 0) {
    certificateList.push({ certData: list.vector24(1), extensions: readExtensions(list, 'CT') });
  }
  return { certificateRequestContext, certificateList };
}

export function writeCertificate(certificate: Certificate): Uint8Array {
  return writeMessage(HandshakeType.CERTIFICATE, (writer) => {
    writer.vector8(certificate.certificateRequestContext);
    writer.vector24(() => {
      for (const entry of certificate.certificateList) {
        writer.vector24(entry.certData);
        writeExtensions(writer, entry.extensions);
      }
    });
  });
}
