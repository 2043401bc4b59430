/** The certificate that all servers show, and its authority: P-256, as the peers get it. */
import { CA_P256, testCertificatePem } from '@mquictt/testkit';
import type { Certificates } from './benchmark.ts';

export function makeCertificates(): Promise<Certificates> {
  return Promise.resolve({ caPem: CA_P256.certificatePem, ...testCertificatePem('ecdsa-p256') });
}
