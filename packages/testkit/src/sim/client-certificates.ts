/**
 * Certificates for clients, from an authority of their own. They are made of committed keys and signed with Ed25519, whose signatures are the same each
 * time, so that a seed still gives the same bytes.
 */
import { createCredential, readPrivateKeyPem, RootStore } from '@mquictt/tls13';
import type { Credential, CryptoProvider, Random } from '@mquictt/tls13';
import { buildCertificate, CLIENT_AUTH, extensions, testKeyPairFromPkcs8, toPem } from '../certificate-builder.ts';
import type { TestKeyPair } from '../certificate-builder.ts';
import { LEAF_ED25519, LEAF_P256 } from '../certificate-data.ts';
import type { CertificateData } from '../certificate-data.ts';

const CA_NAME = 'Test client CA';
const CERT_SIGN = 5;

function keyOf(data: CertificateData): TestKeyPair {
  return testKeyPairFromPkcs8(readPrivateKeyPem(data.keyPem));
}

/** PEM text of the authority that all client certificates lead to. */
export function testClientCaPem(): string {
  const authority = [extensions.basicConstraints(true), extensions.keyUsage(CERT_SIGN)];
  return toPem('CERTIFICATE', buildCertificate({ subject: CA_NAME, key: keyOf(LEAF_ED25519), extensions: authority }));
}

export function testClientRoots(): RootStore {
  return RootStore.fromPem(testClientCaPem());
}

/**
 * PEM texts of a certificate for a client and its key.
 *
 * @param name its common name, and its DNS name
 * @param surplus bytes that make the certificate larger
 */
export function testClientCertificate(name: string, surplus: number = 0): CertificateData {
  const leaf = [extensions.extendedKeyUsage(CLIENT_AUTH), extensions.subjectAlternativeName(name)];
  if (surplus > 0) leaf.push({ oid: '1.3.6.1.4.1.55555.1', value: new Uint8Array(surplus) });
  const certificate = buildCertificate({
    subject: name,
    key: keyOf(LEAF_P256),
    issuer: CA_NAME,
    issuerKey: keyOf(LEAF_ED25519),
    extensions: leaf,
  });
  return { certificatePem: toPem('CERTIFICATE', certificate), keyPem: LEAF_P256.keyPem };
}

export function testClientCredential(
  name: string,
  provider: CryptoProvider,
  random: Random,
  surplus: number = 0,
): Credential {
  return createCredential({ provider, random, ...testClientCertificate(name, surplus) });
}
