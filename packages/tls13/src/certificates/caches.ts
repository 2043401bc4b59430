/** For benchmarks and tests that want to see what a chain costs the first time. */
import { forgetParsedCertificates } from './parse.ts';
import { forgetSignatures } from './signature-cache.ts';

/** Forgets every parsed certificate and every good signature. Root stores keep the roots that they have parsed. */
export function clearCertificateCaches(): void {
  forgetParsedCertificates();
  forgetSignatures();
}
