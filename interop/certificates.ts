/** Certificates of one run, held in memory only. */
import { CA_P256, CA_RSA2048, testCertificatePem } from '@mquictt/testkit';

export interface Certificates {
  /** The authority of the server's certificate. */
  caPem: string;
  certificatePem: string;
  keyPem: string;
  /** An authority that has nothing to do with it. */
  strangeCaPem: string;
}

export function makeCertificates(): Promise<Certificates> {
  return Promise.resolve({
    caPem: CA_P256.certificatePem,
    ...testCertificatePem('ecdsa-p256'),
    strangeCaPem: CA_RSA2048.certificatePem,
  });
}
