/** Certificates of one run, held in memory only. */
import { createDevelopmentCertificates } from '@mquictt/tls13/development-certificates';

export interface Certificates {
  /** The authority of the server's certificate. */
  caPem: string;
  certificatePem: string;
  keyPem: string;
  /** An authority that has nothing to do with it. */
  strangeCaPem: string;
}

export async function makeCertificates(): Promise<Certificates> {
  const [server, strange] = await Promise.all([createDevelopmentCertificates(), createDevelopmentCertificates()]);
  return { ...server, strangeCaPem: strange.caPem };
}
