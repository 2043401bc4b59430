/** A certificate chain with its key, from PEM text. */
import { Alert } from './alerts.ts';
import { describeCertificate, parseCertificate } from './certificates/parse.ts';
import type { Credential } from './config.ts';
import { equalBytes } from './der.ts';
import { TlsError } from './errors.ts';
import { readCertificatesPem, readPrivateKeyPem } from './pem.ts';
import type { CryptoProvider } from './provider.ts';
import { writePublicKeyInfo } from './public-key.ts';
import type { Random } from './random.ts';

export interface CredentialOptions {
  readonly provider: CryptoProvider;
  readonly random: Random;
  /** The leaf first, then its intermediates. */
  readonly certificatePem: string;
  /** PKCS#8, SEC1 or PKCS#1, not encrypted. */
  readonly keyPem: string;
}

/**
 * Reads certificate and key and checks that they belong together.
 *
 * @throws TlsError ERR_TLS_PEM when the text holds no certificate or no key, ERR_TLS_KEY_UNSUPPORTED, ERR_TLS_CERTIFICATE_INVALID, and
 *   ERR_TLS_CONFIG when the key is another certificate's
 */
export function createCredential({ provider, random, certificatePem, keyPem }: CredentialOptions): Credential {
  const chain = readCertificatesPem(certificatePem);
  const [leafDer] = chain;
  if (leafDer === undefined)
    throw local(
      'ERR_TLS_PEM',
      'There is no certificate in the PEM text; check that certificate and key are not swapped',
    );
  const key = provider.importSigningKey(readPrivateKeyPem(keyPem), random);
  const leaf = parseCertificate(leafDer);
  if (typeof leaf.publicKey === 'string')
    throw local(
      'ERR_TLS_KEY_UNSUPPORTED',
      `Certificate ${describeCertificate(leaf)} cannot be used: its key ${leaf.publicKey}`,
    );
  // The certificate's own bytes may be another encoding of the same key.
  if (!equalBytes(key.publicKeyInfo, writePublicKeyInfo(leaf.publicKey)))
    throw local('ERR_TLS_CONFIG', mismatch(chain, key.publicKeyInfo, describeCertificate(leaf)));
  return { chain, key };
}

function mismatch(chain: readonly Uint8Array[], publicKeyInfo: Uint8Array, leaf: string): string {
  const owner = chain.findIndex(
    (der, index) => index > 0 && equalBytes(parseCertificate(der).publicKeyInfo, publicKeyInfo),
  );
  return owner === -1
    ? `The private key does not belong to certificate ${leaf}; give the key that this certificate was requested with`
    : `The private key belongs to certificate ${owner + 1} of the chain, not to the first, ${leaf}; put the server's own certificate first`;
}

function local(code: 'ERR_TLS_PEM' | 'ERR_TLS_KEY_UNSUPPORTED' | 'ERR_TLS_CONFIG', message: string): TlsError {
  return new TlsError(code, Alert.INTERNAL_ERROR, message, { fault: 'local' });
}
