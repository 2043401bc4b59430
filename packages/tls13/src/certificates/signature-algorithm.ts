/**
 * The signatureAlgorithm of a certificate (RFC 5280 §4.1.1.2) as a TLS SignatureScheme: RFC 5758 §3.2 (ECDSA), RFC 4055 §3 and §5 (RSA),
 * RFC 8410 §3 (Ed25519).
 */
import {
  DerTag,
  derContent,
  derOid,
  derUnsigned,
  derWhole,
  expectDerChild,
  readDerChildren,
  readDerRoot,
} from '../der.ts';
import { SignatureScheme } from '../provider.ts';

/** By OID. Parameters are absent (RFC 5758 §3.2, RFC 8410 §3), or NULL for RSA, where writers have always disagreed (RFC 4055 §5). */
const SCHEMES: ReadonlyMap<string, SignatureScheme> = new Map([
  ['1.2.840.10045.4.3.2', SignatureScheme.ECDSA_SECP256R1_SHA256],
  ['1.2.840.10045.4.3.3', SignatureScheme.ECDSA_SECP384R1_SHA384],
  ['1.2.840.113549.1.1.11', SignatureScheme.RSA_PKCS1_SHA256],
  ['1.2.840.113549.1.1.12', SignatureScheme.RSA_PKCS1_SHA384],
  ['1.2.840.113549.1.1.13', SignatureScheme.RSA_PKCS1_SHA512],
  ['1.3.101.112', SignatureScheme.ED25519],
]);

/** Names for messages about what is refused. */
const WEAK: ReadonlyMap<string, string> = new Map([
  ['1.2.840.113549.1.1.2', 'MD2 with RSA'],
  ['1.2.840.113549.1.1.4', 'MD5 with RSA'],
  ['1.2.840.113549.1.1.5', 'SHA-1 with RSA'],
  ['1.3.14.3.2.29', 'SHA-1 with RSA'],
  ['1.2.840.10045.4.1', 'SHA-1 with ECDSA'],
  ['1.2.840.10040.4.3', 'SHA-1 with DSA'],
]);

const RSASSA_PSS = '1.2.840.113549.1.1.10';

const PSS_SCHEMES: ReadonlyMap<string, { readonly scheme: SignatureScheme; readonly saltLength: number }> = new Map([
  ['96 134 72 1 101 3 4 2 1', { scheme: SignatureScheme.RSA_PSS_RSAE_SHA256, saltLength: 32 }],
  ['96 134 72 1 101 3 4 2 2', { scheme: SignatureScheme.RSA_PSS_RSAE_SHA384, saltLength: 48 }],
  ['96 134 72 1 101 3 4 2 3', { scheme: SignatureScheme.RSA_PSS_RSAE_SHA512, saltLength: 64 }],
]);
const MGF1 = '42 134 72 134 247 13 1 1 8';

export type CertificateSignatureAlgorithm =
  | { readonly scheme: SignatureScheme; readonly weak?: undefined; readonly unknown?: undefined }
  | { readonly scheme?: undefined; readonly weak: string; readonly unknown?: undefined }
  | { readonly scheme?: undefined; readonly weak?: undefined; readonly unknown: string };

const RSA_PREFIX = '1.2.840.113549.1.1.';

/**
 * @param identifier the AlgorithmIdentifier as a whole DER element
 * @throws DerError when it is malformed
 */
export function readSignatureAlgorithm(identifier: Uint8Array): CertificateSignatureAlgorithm {
  const children = readDerChildren(identifier, readDerRoot(identifier, DerTag.SEQUENCE));
  const oid = derOid(identifier, expectDerChild(children, 0, DerTag.OBJECT_IDENTIFIER));
  const weak = WEAK.get(oid);
  if (weak !== undefined) return { weak };
  const parameters = children[1];
  if (oid === RSASSA_PSS) {
    const scheme = parameters === undefined ? undefined : readPssParameters(derWhole(identifier, parameters));
    // Without parameters, PSS means SHA-1 (RFC 4055 §3.1).
    return scheme === undefined ? { unknown: 'RSASSA-PSS with unusual parameters' } : { scheme };
  }
  const scheme = SCHEMES.get(oid);
  const isNull = parameters?.tag === DerTag.NULL && parameters.contentStart === parameters.end;
  const isPlain = children.length === 1 || (children.length === 2 && isNull && oid.startsWith(RSA_PREFIX));
  return scheme !== undefined && isPlain ? { scheme } : { unknown: `algorithm ${oid}` };
}

/** Only what TLS can name: one hash for both uses, MGF1, a salt as long as the hash (RFC 8446 §4.2.3). @throws DerError */
function readPssParameters(bytes: Uint8Array): SignatureScheme | undefined {
  const fields = readDerChildren(bytes, readDerRoot(bytes, DerTag.SEQUENCE));
  const field = (n: number): Uint8Array | undefined => {
    const element = fields.find(({ tag }) => tag === (0xa0 | n));
    return element === undefined ? undefined : derContent(bytes, element);
  };
  const hash = field(0);
  const mask = field(1);
  const salt = field(2);
  // The trailer field may only say its default.
  if (hash === undefined || mask === undefined || salt === undefined || field(3) !== undefined) return undefined;
  const row = PSS_SCHEMES.get(algorithmOid(hash));
  if (row === undefined || algorithmOid(mask) !== MGF1) return undefined;
  const maskHash = readDerChildren(mask, readDerRoot(mask, DerTag.SEQUENCE))[1];
  if (maskHash === undefined || algorithmOid(derWhole(mask, maskHash)) !== algorithmOid(hash)) return undefined;
  const saltLength = derUnsigned(salt, readDerRoot(salt, DerTag.INTEGER));
  return saltLength.length === 1 && saltLength[0] === row.saltLength ? row.scheme : undefined;
}

/** The content of an AlgorithmIdentifier's OID, as text to compare. @throws DerError */
function algorithmOid(identifier: Uint8Array): string {
  const children = readDerChildren(identifier, readDerRoot(identifier, DerTag.SEQUENCE));
  return derContent(identifier, expectDerChild(children, 0, DerTag.OBJECT_IDENTIFIER)).join(' ');
}
