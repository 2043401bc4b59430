/** What a client is called by its certificate, which has been verified before anybody asks. */
import type { ParsedCertificate } from '@mquictt/tls13';
import { MAX_IDENTITY_LENGTH } from '../limits.ts';

/** Where the name stands: the common name of the subject, or the first subject alternative name of a kind. */
export type CertificateNameSource = 'common-name' | 'dns' | 'email' | 'uri';

export const CERTIFICATE_NAME_SOURCES: readonly CertificateNameSource[] = ['common-name', 'dns', 'email', 'uri'];

/**
 * @returns undefined when there is none that can be a name: a subject with two common names is nobody, and so is a name that is no text or has control
 *   characters in it
 */
export function certificateName(certificate: ParsedCertificate, source: CertificateNameSource): string | undefined {
  const names = namesOf(certificate, source);
  const name = source === 'common-name' && names.length > 1 ? undefined : names[0];
  if (name === undefined || name === '' || name.length > MAX_IDENTITY_LENGTH || /\p{Cc}/u.test(name)) return undefined;
  return name;
}

function namesOf({ subjectName, extensions }: ParsedCertificate, source: CertificateNameSource): readonly string[] {
  if (source === 'common-name') return subjectName.commonNames;
  const names = extensions.subjectAlternativeName;
  const found = source === 'dns' ? names?.dnsNames : source === 'email' ? names?.mailAddresses : names?.uris;
  // These are ASCII (RFC 5280 §4.2.1.6); other bytes would be text of no certain encoding.
  return (found ?? []).slice(0, 1).filter((name) => /^[\x20-\x7e]*$/.test(name));
}
