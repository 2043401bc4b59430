/** Many certificates of one authority, all P-256, so that a client can meet one after another that it has never seen. */
import { SERVER_AUTH, buildCertificate, extensions, testKeyPair, toPem } from '@mquictt/testkit';

export interface TlsChains {
  readonly caPem: string;
  /** Leaf and key of each. */
  readonly chains: readonly TlsChain[];
}

export interface TlsChain {
  readonly certificatePem: string;
  readonly keyPem: string;
}

const ISSUER = 'bench authority';

/** @param count of leaves, all for `localhost` */
export function makeChains(count: number): TlsChains {
  const caKey = testKeyPair('p256');
  const ca = buildCertificate({
    subject: ISSUER,
    key: caKey,
    extensions: [extensions.basicConstraints(true), extensions.keyUsage(5, 6), extensions.subjectKeyIdentifier(caKey)],
  });
  const chains = Array.from({ length: count }, (_, index) => {
    const key = testKeyPair('p256');
    const leaf = buildCertificate({
      subject: 'localhost',
      issuer: ISSUER,
      issuerKey: caKey,
      serial: index + 2,
      key,
      extensions: [
        extensions.basicConstraints(false),
        extensions.keyUsage(0),
        extensions.extendedKeyUsage(SERVER_AUTH),
        extensions.subjectAlternativeName('localhost'),
        extensions.subjectKeyIdentifier(key),
        extensions.authorityKeyIdentifier(caKey),
      ],
    });
    return { certificatePem: toPem('CERTIFICATE', leaf), keyPem: toPem('PRIVATE KEY', key.pkcs8) };
  });
  return { caPem: toPem('CERTIFICATE', ca), chains };
}
