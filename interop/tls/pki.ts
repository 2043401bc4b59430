/** Certificates of one run, made at its start, in a folder that goes when the program does. */
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createCredential, RootStore, type Credential, type CryptoProvider } from '@mquictt/tls13';
import { nodeRandom } from '@mquictt/tls13/node';
import { CLIENT_AUTH, SERVER_AUTH, buildCertificate, extensions, testKeyPairFromPkcs8, toPem } from '@mquictt/testkit';
import type { TestKeyPair } from '@mquictt/testkit';

/** The name that the servers have, all but one. */
export const SERVER_NAME = 'localhost';
export const CLIENT_NAME = 'the client';

export const KEY_TYPES = ['rsa-2048', 'rsa-pss', 'ecdsa-p256', 'ecdsa-p384', 'ecdsa-p521', 'ed25519'] as const;
export type KeyType = (typeof KEY_TYPES)[number];

const DIGITAL_SIGNATURE = 0;
const KEY_CERT_SIGN = 5;
const CRL_SIGN = 6;
/** Enough for a Certificate message of several records of 2^14 bytes. */
const MANY_NAMES = 1000;

/** A certificate with its key, as text and as files. */
export interface Identity {
  readonly commonName: string;
  readonly certificatePem: string;
  /** The intermediates, which follow the leaf; empty where there are none. */
  readonly chainPem: string;
  readonly keyPem: string;
  /** Leaf and intermediates. */
  readonly certificateFile: string;
  /** Intermediates only. */
  readonly chainFile: string;
  readonly keyFile: string;
}

interface Authority {
  readonly name: string;
  readonly key: TestKeyPair;
  readonly pem: string;
}

export interface Pki {
  readonly folder: string;
  readonly caPem: string;
  readonly caFile: string;
  readonly caKeyFile: string;
  /** An authority that has nothing to do with anyone. */
  readonly strangeCaPem: string;
  readonly strangeCaFile: string;
  readonly servers: Readonly<Record<KeyType, Identity>>;
  readonly clients: Readonly<Record<KeyType, Identity>>;
  readonly withIntermediate: Identity;
  readonly large: Identity;
  readonly expired: Identity;
  readonly otherName: Identity;
  readonly strangeClient: Identity;
}

/** Makes them, and removes them when this process ends. */
export function makePki(): Pki {
  const folder = mkdtempSync(join(tmpdir(), 'mquictt-interop-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  const file = (name: string, text: string): string => {
    const path = join(folder, name);
    writeFileSync(path, text, { mode: 0o600 });
    return path;
  };

  const ca = authority('Interop CA');
  const strange = authority('Strange CA');
  const intermediate = authority('Interop intermediate CA', ca);
  let count = 0;
  const issue = (commonName: string, from: Authority, options: LeafOptions = {}): Identity => {
    const key = leafKey(options.keyType ?? 'ecdsa-p256');
    const serial = 1000 + count++;
    const certificatePem = leafPem(commonName, from, key, serial, options);
    const keyPem = toPem('PRIVATE KEY', key.pkcs8);
    const chainPem = from === intermediate ? from.pem : '';
    return {
      commonName,
      certificatePem,
      chainPem,
      keyPem,
      certificateFile: file(`${serial}.pem`, certificatePem + chainPem),
      chainFile: file(`${serial}-chain.pem`, chainPem),
      keyFile: file(`${serial}-key.pem`, keyPem),
    };
  };
  const perKeyType = (commonName: string): Record<KeyType, Identity> => ({
    'rsa-2048': issue(commonName, ca, { keyType: 'rsa-2048' }),
    'rsa-pss': issue(commonName, ca, { keyType: 'rsa-pss' }),
    'ecdsa-p256': issue(commonName, ca, { keyType: 'ecdsa-p256' }),
    'ecdsa-p384': issue(commonName, ca, { keyType: 'ecdsa-p384' }),
    'ecdsa-p521': issue(commonName, ca, { keyType: 'ecdsa-p521' }),
    ed25519: issue(commonName, ca, { keyType: 'ed25519' }),
  });
  const manyNames = Array.from({ length: MANY_NAMES }, (_, index) => `host-${index}.interop.example`);
  return {
    folder,
    caPem: ca.pem,
    caFile: file('ca.pem', ca.pem),
    caKeyFile: file('ca-key.pem', toPem('PRIVATE KEY', ca.key.pkcs8)),
    strangeCaPem: strange.pem,
    strangeCaFile: file('strange-ca.pem', strange.pem),
    servers: perKeyType(SERVER_NAME),
    clients: perKeyType(CLIENT_NAME),
    withIntermediate: issue(SERVER_NAME, intermediate),
    large: issue(SERVER_NAME, ca, { names: [SERVER_NAME, ...manyNames] }),
    expired: issue(SERVER_NAME, ca, { notAfter: Date.UTC(2021, 0, 1) }),
    otherName: issue('other.example', ca, { names: ['other.example'] }),
    strangeClient: issue(CLIENT_NAME, strange),
  };
}

/** Reads an identity for a handshake of ours. */
export function credentialFrom(identity: Identity, provider: CryptoProvider): Credential {
  const certificatePem = identity.certificatePem + identity.chainPem;
  return createCredential({ provider, random: nodeRandom, certificatePem, keyPem: identity.keyPem });
}

export function rootsFrom(caPem: string): RootStore {
  return RootStore.fromPem(caPem);
}

interface LeafOptions {
  readonly keyType?: KeyType;
  readonly names?: readonly string[];
  readonly notAfter?: number;
}

function authority(name: string, issuer?: Authority): Authority {
  const key = leafKey('ecdsa-p256');
  const der = buildCertificate({
    subject: name,
    serial: issuer === undefined ? 1 : 2,
    key,
    ...(issuer === undefined ? {} : { issuer: issuer.name, issuerKey: issuer.key }),
    extensions: [
      extensions.basicConstraints(true),
      extensions.keyUsage(DIGITAL_SIGNATURE, KEY_CERT_SIGN, CRL_SIGN),
      extensions.subjectKeyIdentifier(key),
      ...(issuer === undefined ? [] : [extensions.authorityKeyIdentifier(issuer.key)]),
    ],
  });
  return { name, key, pem: toPem('CERTIFICATE', der) };
}

function leafPem(
  commonName: string,
  issuer: Authority,
  key: TestKeyPair,
  serial: number,
  options: LeafOptions,
): string {
  const der = buildCertificate({
    subject: commonName,
    issuer: issuer.name,
    issuerKey: issuer.key,
    serial,
    key,
    ...(options.notAfter === undefined ? {} : { notAfter: options.notAfter }),
    extensions: [
      extensions.basicConstraints(false),
      extensions.keyUsage(DIGITAL_SIGNATURE),
      extensions.extendedKeyUsage(SERVER_AUTH, CLIENT_AUTH),
      extensions.subjectKeyIdentifier(key),
      extensions.authorityKeyIdentifier(issuer.key),
      extensions.subjectAlternativeName(...(options.names ?? [SERVER_NAME])),
    ],
  });
  return toPem('CERTIFICATE', der);
}

function leafKey(type: KeyType): TestKeyPair {
  return testKeyPairFromPkcs8(new Uint8Array(privateKey(type).export({ format: 'der', type: 'pkcs8' })));
}

function privateKey(type: KeyType): KeyObject {
  switch (type) {
    case 'rsa-2048':
      return generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
    case 'rsa-pss':
      return generateKeyPairSync('rsa-pss', { modulusLength: 2048 }).privateKey;
    case 'ed25519':
      return generateKeyPairSync('ed25519').privateKey;
    default:
      return generateKeyPairSync('ec', { namedCurve: type.replace('ecdsa-p', 'P-') }).privateKey;
  }
}
