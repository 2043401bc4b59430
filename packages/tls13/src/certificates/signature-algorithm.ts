/**
 * The signatureAlgorithm of a certificate (RFC 5280 §4.1.1.2): RFC 5758 §3.2 (ECDSA), RFC 4055 §3 and §5 (RSA), RFC 8410 §3 (Ed25519).
 */
import { DerTag, derOid, derWhole, expectDerChild, readDerChildren, readDerRoot } from '../der.ts';
import { HASH_LENGTHS } from '../provider-checks.ts';
import { SignatureScheme } from '../provider.ts';
import type { SignatureAlgorithm } from '../provider.ts';
import { RSASSA_PSS_OID, readPssParameters } from '../pss-parameters.ts';
import { schemeParameters } from '../signature-schemes.ts';

/** By OID. Parameters are absent (RFC 5758 §3.2, RFC 8410 §3), or NULL for RSA, where writers have always disagreed (RFC 4055 §5). */
const SCHEMES: ReadonlyMap<string, SignatureScheme> = new Map([
  ['1.2.840.10045.4.3.2', SignatureScheme.ECDSA_SECP256R1_SHA256],
  ['1.2.840.10045.4.3.3', SignatureScheme.ECDSA_SECP384R1_SHA384],
  ['1.2.840.10045.4.3.4', SignatureScheme.ECDSA_SECP521R1_SHA512],
  ['1.2.840.113549.1.1.11', SignatureScheme.RSA_PKCS1_SHA256],
  ['1.2.840.113549.1.1.12', SignatureScheme.RSA_PKCS1_SHA384],
  ['1.2.840.113549.1.1.13', SignatureScheme.RSA_PKCS1_SHA512],
  ['1.3.101.112', SignatureScheme.ED25519],
]);

const PSS_SCHEMES = {
  sha256: SignatureScheme.RSA_PSS_RSAE_SHA256,
  sha384: SignatureScheme.RSA_PSS_RSAE_SHA384,
  sha512: SignatureScheme.RSA_PSS_RSAE_SHA512,
} as const;

/** Names for messages about what is refused. */
const WEAK: ReadonlyMap<string, string> = new Map([
  ['1.2.840.113549.1.1.2', 'MD2 with RSA'],
  ['1.2.840.113549.1.1.4', 'MD5 with RSA'],
  ['1.2.840.113549.1.1.5', 'SHA-1 with RSA'],
  ['1.3.14.3.2.29', 'SHA-1 with RSA'],
  ['1.2.840.10045.4.1', 'SHA-1 with ECDSA'],
  ['1.2.840.10040.4.3', 'SHA-1 with DSA'],
]);

export type CertificateSignatureAlgorithm =
  | {
      readonly algorithm: SignatureAlgorithm;
      /** What TLS calls it: of ECDSA, the scheme of the same hash, whatever the curve; of PSS, the one for keys of the general OID. */
      readonly scheme: SignatureScheme;
      readonly weak?: undefined;
      readonly unknown?: undefined;
    }
  | { readonly algorithm?: undefined; readonly scheme?: undefined; readonly weak: string; readonly unknown?: undefined }
  | {
      readonly algorithm?: undefined;
      readonly scheme?: undefined;
      readonly weak?: undefined;
      readonly unknown: string;
    };

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
  if (oid === RSASSA_PSS_OID) {
    // Without parameters, PSS means SHA-1 (RFC 4055 §3.1). A salt is as long as the hash in all that TLS can name (RFC 8446 §4.2.3).
    const pss = parameters === undefined ? undefined : readPssParameters(derWhole(identifier, parameters));
    return pss !== undefined && pss.saltLength === HASH_LENGTHS[pss.hash] && children.length === 2
      ? named(PSS_SCHEMES[pss.hash])
      : { unknown: 'RSASSA-PSS with unusual parameters' };
  }
  const scheme = SCHEMES.get(oid);
  const isNull = parameters?.tag === DerTag.NULL && parameters.contentStart === parameters.end;
  const isPlain = children.length === 1 || (children.length === 2 && isNull && oid.startsWith(RSA_PREFIX));
  return scheme !== undefined && isPlain ? named(scheme) : { unknown: `algorithm ${oid}` };
}

function named(scheme: SignatureScheme): CertificateSignatureAlgorithm {
  const parameters = schemeParameters(scheme);
  return parameters === undefined ? { unknown: `scheme ${scheme}` } : { algorithm: parameters.algorithm, scheme };
}
