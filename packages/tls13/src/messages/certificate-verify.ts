/** CertificateVerify and what it signs (RFC 8446 §4.4.3). */
import { asciiBytes } from '../ascii.ts';
import { Reader, Writer } from '../codec.ts';
import { HandshakeType, writeMessage } from './handshake-message.ts';

export interface CertificateVerify {
  readonly algorithm: number;
  readonly signature: Uint8Array;
}

export function readCertificateVerify(body: Uint8Array): CertificateVerify {
  const reader = new Reader(body, 'CertificateVerify');
  const algorithm = reader.uint16();
  const signature = reader.vector16();
  reader.end();
  return { algorithm, signature };
}

export function writeCertificateVerify(verify: CertificateVerify): Uint8Array {
  return writeMessage(HandshakeType.CERTIFICATE_VERIFY, (writer) => {
    writer.uint16(verify.algorithm).vector16(verify.signature);
  });
}

/**
 * The bytes under a signature: 64 spaces, a context string that says whose it is, a zero and the transcript hash. The spaces keep a signature of TLS 1.2
 * over a chosen random from being one of TLS 1.3.
 */
export function signatureContent(role: 'client' | 'server', transcriptHash: Uint8Array): Uint8Array {
  return new Writer()
    .bytes(new Uint8Array(64).fill(0x20))
    .bytes(asciiBytes(`TLS 1.3, ${role} CertificateVerify`))
    .uint8(0)
    .bytes(transcriptHash)
    .finish();
}
