/**
 * Certificates for development: an authority and a server certificate that it issues, made on the spot.
 *
 * The authority's key is thrown away once it has signed: whoever trusts `ca.pem` trusts this one certificate and can never be shown another. It is a
 * P-256 authority whatever the server's key is, which every peer can verify.
 */
import 'reflect-metadata';
import { generateKeyPair, randomBytes, webcrypto } from 'node:crypto';
import type { KeyPairKeyObjectResult } from 'node:crypto';
import { promisify } from 'node:util';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PublicKey,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509CertificateGenerator,
} from '@peculiar/x509';
import type { Extension } from '@peculiar/x509';
import { Alert } from '../alerts.ts';
import { parseServerName } from '../certificates/names.ts';
import { TlsError } from '../errors.ts';

export type DevelopmentKeyType = 'ecdsa-p256' | 'ecdsa-p384' | 'ed25519' | 'rsa-2048';

export interface DevelopmentCertificateOptions {
  /** DNS names (a leading `*.` stands for one label) and IP addresses the server is dialled by. @default ['localhost', '127.0.0.1', '::1'] */
  readonly names?: readonly string[];
  /** How long both certificates are valid, 1..3650. @default 365 */
  readonly days?: number;
  /** Kind of the server's key. @default 'ecdsa-p256' */
  readonly keyType?: DevelopmentKeyType;
  /** The moment they start to be valid, ms since 1970. @default an hour ago, for peers whose clock is behind */
  readonly notBefore?: number;
}

export interface DevelopmentCertificates {
  /** The authority, for the clients' roots. */
  readonly caPem: string;
  /** The server's certificate, good for a client as well. */
  readonly certificatePem: string;
  /** The server's private key as PKCS#8. */
  readonly keyPem: string;
}

const DAY = 86_400_000;
const HOUR = 3_600_000;

/**
 * Makes an authority and a certificate with key.
 *
 * @throws TlsError ERR_TLS_CONFIG for a name that is none, no names, or days out of range
 */
export async function createDevelopmentCertificates(
  options: DevelopmentCertificateOptions = {},
): Promise<DevelopmentCertificates> {
  const {
    names = ['localhost', '127.0.0.1', '::1'],
    days = 365,
    keyType = 'ecdsa-p256',
    notBefore = Date.now() - HOUR,
  } = options;
  const [firstName] = names;
  if (firstName === undefined) throw configError('Development certificates need at least one name');
  if (!(days >= 1 && days <= 3650)) throw configError(`"days" expected 1 to 3650, got ${days}`);
  const alternativeNames = names.map(alternativeName);
  const validity = { notBefore: new Date(notBefore), notAfter: new Date(notBefore + days * DAY) };

  const signingAlgorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const caKeys = await webcrypto.subtle.generateKey(signingAlgorithm, true, ['sign', 'verify']);
  // A name of its own for each: a client that trusts several would not know which of one name to try.
  const issuer = `CN=mquictt development CA ${randomBytes(4).toString('hex')}`;
  const caKeyIdentifier = await SubjectKeyIdentifierExtension.create(caKeys.publicKey, false, webcrypto);
  const ca = await X509CertificateGenerator.create(
    {
      ...validity,
      serialNumber: serialNumber(),
      subject: issuer,
      issuer,
      publicKey: caKeys.publicKey,
      signingKey: caKeys.privateKey,
      signingAlgorithm,
      extensions: [
        new BasicConstraintsExtension(true, 0, true),
        new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
        caKeyIdentifier,
      ],
    },
    webcrypto,
  );

  const { publicKey, privateKey } = await generateServerKey(keyType);
  const serverKey = new PublicKey(publicKey.export({ type: 'spki', format: 'der' }));
  const extensions: Extension[] = [
    new BasicConstraintsExtension(false, undefined, true),
    new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
    new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth, ExtendedKeyUsage.clientAuth]),
    new SubjectAlternativeNameExtension(alternativeNames),
    await SubjectKeyIdentifierExtension.create(serverKey, false, webcrypto),
    new AuthorityKeyIdentifierExtension(caKeyIdentifier.keyId),
  ];
  const certificate = await X509CertificateGenerator.create(
    {
      ...validity,
      serialNumber: serialNumber(),
      // X.520 allows a common name 64 characters; the names that count are in the extension.
      subject: [{ CN: [firstName.slice(0, 64)] }],
      issuer,
      publicKey: serverKey,
      signingKey: caKeys.privateKey,
      signingAlgorithm,
      extensions,
    },
    webcrypto,
  );
  return {
    caPem: pem(ca.toString('pem')),
    certificatePem: pem(certificate.toString('pem')),
    keyPem: pem(privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()),
  };
}

/** RFC 5280 §4.1.2.2: positive, at most 20 bytes. */
function serialNumber(): string {
  const bytes = randomBytes(16);
  bytes[0] = (bytes[0] & 0x3f) | 0x40;
  return bytes.toString('hex');
}

function alternativeName(name: string): { type: 'dns' | 'ip'; value: string } {
  const isWildcard = name.startsWith('*.');
  const { type } = parseServerName(isWildcard ? name.slice(2) : name);
  if (isWildcard && type === 'ip') throw configError(`"${name}" is no name: an IP address has no wildcard`);
  return { type, value: name };
}

const generateKeyPairAsync = promisify(generateKeyPair);

/** With node:crypto, whose Ed25519 is out of its experimental stage on Node 20, unlike that of WebCrypto. */
function generateServerKey(keyType: DevelopmentKeyType): Promise<KeyPairKeyObjectResult> {
  switch (keyType) {
    case 'ecdsa-p256':
      return generateKeyPairAsync('ec', { namedCurve: 'P-256' });
    case 'ecdsa-p384':
      return generateKeyPairAsync('ec', { namedCurve: 'P-384' });
    case 'ed25519':
      return generateKeyPairAsync('ed25519');
    case 'rsa-2048':
      return generateKeyPairAsync('rsa', { modulusLength: 2048 });
    default:
      throw configError(`"keyType" expected ecdsa-p256, ecdsa-p384, ed25519 or rsa-2048, got ${String(keyType)}`);
  }
}

/** One line end at the end, so that files can be put together. */
function pem(text: string): string {
  return `${text.trim()}\n`;
}

export function configError(message: string, cause?: unknown): TlsError {
  return new TlsError('ERR_TLS_CONFIG', Alert.INTERNAL_ERROR, message, { fault: 'local', cause });
}
