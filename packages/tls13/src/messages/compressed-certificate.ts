/** CompressedCertificate (RFC 8879 §4), which stands for a Certificate message. */
import { Reader } from '../codec.ts';
import { HandshakeType, writeMessage } from './handshake-message.ts';

export interface CompressedCertificate {
  /** Code point of CertificateCompressionAlgorithm. */
  readonly algorithm: number;
  /** Bytes of the Certificate message's body. */
  readonly uncompressedLength: number;
  readonly compressedCertificateMessage: Uint8Array;
}

export function readCompressedCertificate(body: Uint8Array): CompressedCertificate {
  const reader = new Reader(body, 'CompressedCertificate');
  const algorithm = reader.uint16();
  const uncompressedLength = reader.uint24();
  const compressedCertificateMessage = reader.vector24(1);
  reader.end();
  return { algorithm, uncompressedLength, compressedCertificateMessage };
}

export function writeCompressedCertificate(compressed: CompressedCertificate): Uint8Array {
  return writeMessage(HandshakeType.COMPRESSED_CERTIFICATE, (writer) => {
    writer.uint16(compressed.algorithm).uint24(compressed.uncompressedLength);
    writer.vector24(compressed.compressedCertificateMessage);
  });
}
