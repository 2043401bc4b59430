/** The certificate that all servers show, ours and the peers': P-256, and its authority as well. */
import { createDevelopmentCertificates } from '@mquictt/tls13/development-certificates';
import type { Certificates } from './benchmark.ts';

export function makeCertificates(): Promise<Certificates> {
  return createDevelopmentCertificates({ keyType: 'ecdsa-p256' });
}
