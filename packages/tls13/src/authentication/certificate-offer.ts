/** What a peer says about the certificates that it can use: in a ClientHello and in a CertificateRequest with the same extensions (RFC 8446 §4.2.3, §4.2.4). */
import type { CertificateOffer } from '../config.ts';
import { ExtensionType, requireExtension, type Extensions } from '../extensions.ts';
import { readCertificateAuthorities } from '../extensions/certificate-authorities.ts';
import { readCompressionAlgorithms } from '../extensions/compress-certificate.ts';
import { readUint16List } from '../extensions/uint16-list.ts';
import type { CertificateWishes } from './own-chain.ts';

/** @throws TlsError missing_extension without signature_algorithms */
export function readCertificateOffer(extensions: Extensions, serverName: string | undefined): CertificateOffer {
  const schemes = requireExtension(extensions, ExtensionType.SIGNATURE_ALGORITHMS);
  const signatureSchemes = readUint16List(schemes, 'signature_algorithms');
  const ofCertificates = extensions.get(ExtensionType.SIGNATURE_ALGORITHMS_CERT);
  const authorities = extensions.get(ExtensionType.CERTIFICATE_AUTHORITIES);
  return {
    serverName,
    signatureSchemes,
    certificateSchemes:
      ofCertificates === undefined ? signatureSchemes : readUint16List(ofCertificates, 'signature_algorithms_cert'),
    authorities: authorities === undefined ? [] : readCertificateAuthorities(authorities),
  };
}

/** @param wantsOcspResponse status_request has another form in each of the two messages */
export function readCertificateWishes(extensions: Extensions, wantsOcspResponse: boolean): CertificateWishes {
  const algorithms = extensions.get(ExtensionType.COMPRESS_CERTIFICATE);
  const compressionAlgorithms = algorithms === undefined ? [] : readCompressionAlgorithms(algorithms);
  return { wantsOcspResponse, compressionAlgorithms };
}
