import { createCredential, CredentialStore, type Credential, type CryptoProvider, type Random } from '@mquictt/tls13';
import type { CertificateOptions } from './options.ts';

/** @throws TlsError for a certificate or key that cannot be used */
export function credentialOf(
  certificate: CertificateOptions | Credential | CredentialStore,
  provider: CryptoProvider,
  random: Random,
): Credential | CredentialStore {
  if (certificate instanceof CredentialStore || 'chain' in certificate) return certificate;
  return createCredential({ provider, random, ...certificate });
}
