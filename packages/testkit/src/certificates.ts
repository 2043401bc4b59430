/** The committed certificates as credentials and roots: no key is made, so that a seed gives the same bytes every time. */
import { RootStore, createCredential, readCertificatesPem } from '@mquictt/tls13';
import type { Credential, CryptoProvider, Random } from '@mquictt/tls13';
import {
  CA_P256,
  CA_RSA2048,
  CHAIN_RSA,
  LEAF_ED25519,
  LEAF_P256,
  LEAF_P384,
  LEAF_RSA2048,
} from './certificate-data.ts';
import type { CertificateData } from './certificate-data.ts';

/** `rsa-chain` is a P-256 leaf below an intermediate that was signed with RSA PKCS#1 v1.5. */
export type TestCredentialKind = 'ecdsa-p256' | 'ed25519' | 'rsa-2048' | 'ecdsa-p384' | 'rsa-chain';

export const TEST_CREDENTIAL_KINDS: readonly TestCredentialKind[] = [
  'ecdsa-p256',
  'ed25519',
  'rsa-2048',
  'ecdsa-p384',
  'rsa-chain',
];

const DATA: Readonly<Record<TestCredentialKind, CertificateData>> = {
  'ecdsa-p256': LEAF_P256,
  ed25519: LEAF_ED25519,
  'rsa-2048': LEAF_RSA2048,
  'ecdsa-p384': LEAF_P384,
  'rsa-chain': CHAIN_RSA,
};

/** The name, besides 127.0.0.1 and ::1, that every test leaf is for. */
export const TEST_SERVER_NAME = 'localhost';

/** A moment (ms since 1970) at which the committed certificates are valid, for simulations. */
export const TEST_UNIX_TIME: number = Date.UTC(2030, 0, 1);

/** @returns a leaf with its key, and its intermediate where it has one. */
export function testCredential(kind: TestCredentialKind, provider: CryptoProvider, random: Random): Credential {
  return createCredential({ provider, random, ...DATA[kind] });
}

/** PEM text of a leaf (with its intermediate) and its key, for what wants files. */
export function testCertificatePem(kind: TestCredentialKind): CertificateData {
  return DATA[kind];
}

/** The two authorities that all test credentials lead to. */
export function testRoots(): RootStore {
  return new RootStore([CA_P256, CA_RSA2048].flatMap(({ certificatePem }) => readCertificatesPem(certificatePem)));
}

/** PEM text of both authorities. */
export function testRootsPem(): string {
  return CA_P256.certificatePem + CA_RSA2048.certificatePem;
}
