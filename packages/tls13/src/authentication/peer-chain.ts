/**
 * A peer's Certificate (RFC 8446 §4.4.2), or the CompressedCertificate that stands for it, from its bytes to a verified chain. The same for both roles.
 */
import { Alert } from '../alerts.ts';
import type { VerifiedChain } from '../certificates/verify.ts';
import type { CertificateCompressor, PeerChain } from '../config.ts';
import { TlsError, illegalParameter } from '../errors.ts';
import { ExtensionType, refuseUnsolicited } from '../extensions.ts';
import { readCertificateStatus } from '../extensions/status-request.ts';
import { MAX_CERTIFICATES, MAX_MESSAGE_LENGTH } from '../limits.ts';
import { readCertificate, type CertificateEntry } from '../messages/certificate.ts';
import { readCompressedCertificate } from '../messages/compressed-certificate.ts';
import { HandshakeType, type HandshakeMessage } from '../messages/handshake-message.ts';

/**
 * @param who "server" or "client", for messages
 * @param compressors those that were offered to the peer
 * @param requested types of the extensions that entries may have, since we asked for them
 * @returns the entries, none where the peer has no certificate
 */
export function readPeerCertificates(
  message: HandshakeMessage,
  who: 'server' | 'client',
  compressors: readonly CertificateCompressor[],
  requested: ReadonlySet<number>,
): readonly CertificateEntry[] {
  const body =
    message.type === HandshakeType.COMPRESSED_CERTIFICATE ? decompress(message.body, who, compressors) : message.body;
  const { certificateRequestContext, certificateList } = readCertificate(body);
  // RFC 8446 §4.4.2: a server's has none, and our CertificateRequests have none either.
  if (certificateRequestContext.length > 0) throw illegalParameter(`Certificate of the ${who} has a context`);
  if (certificateList.length > MAX_CERTIFICATES) {
    throw new TlsError(
      'ERR_TLS_CERTIFICATE_INVALID',
      Alert.BAD_CERTIFICATE,
      `The ${who} sent ${certificateList.length} certificates, expected ${MAX_CERTIFICATES} at most`,
    );
  }
  for (const entry of certificateList) refuseUnsolicited(entry.extensions, requested);
  return certificateList;
}

/** @param verified the same certificates once they have been verified */
export function peerChain(entries: readonly CertificateEntry[], verified: VerifiedChain): PeerChain {
  const status = entries[0]?.extensions.get(ExtensionType.STATUS_REQUEST);
  return {
    chain: entries.map((entry) => entry.certData),
    path: verified.path,
    ocspResponse: status === undefined ? undefined : readCertificateStatus(status),
  };
}

/** Until when all certificates of a path are valid, ms since 1970. */
export function pathExpiry({ path }: PeerChain): number {
  return Math.min(...path.map(({ notAfter }) => notAfter));
}

/** RFC 8879 §4: everything that does not come out as it was announced is bad_certificate. */
function decompress(body: Uint8Array, who: string, compressors: readonly CertificateCompressor[]): Uint8Array {
  const { algorithm, uncompressedLength, compressedCertificateMessage } = readCompressedCertificate(body);
  const compressor = compressors.find((each) => each.algorithm === algorithm);
  if (compressor === undefined)
    throw illegalParameter(`The ${who} compressed its certificate with algorithm ${algorithm}, which was not offered`);
  const content =
    uncompressedLength > MAX_MESSAGE_LENGTH
      ? undefined
      : compressor.decompress(compressedCertificateMessage, uncompressedLength);
  if (content === undefined) {
    throw new TlsError(
      'ERR_TLS_PEER_MISBEHAVED',
      Alert.BAD_CERTIFICATE,
      `The ${who} sent a compressed certificate that does not decompress to ${uncompressedLength} bytes`,
    );
  }
  return content;
}
