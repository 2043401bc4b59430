/** RSASSA-PSS-params (RFC 4055 §3.1), which stand with a signature and, as limits, with a key. */
import {
  DerTag,
  derContent,
  derOid,
  derUnsigned,
  derWhole,
  expectDerChild,
  readDerChildren,
  readDerRoot,
} from './der.ts';
import type { HashAlgorithm } from './provider.ts';

export const RSASSA_PSS_OID = '1.2.840.113549.1.1.10';
const MGF1_OID = '1.2.840.113549.1.1.8';

const HASHES: ReadonlyMap<string, HashAlgorithm> = new Map([
  ['2.16.840.1.101.3.4.2.1', 'sha256'],
  ['2.16.840.1.101.3.4.2.2', 'sha384'],
  ['2.16.840.1.101.3.4.2.3', 'sha512'],
]);

export interface PssParameters {
  /** For the message and for MGF1. */
  readonly hash: HashAlgorithm;
  /** Bytes. */
  readonly saltLength: number;
}

/**
 * @param bytes the SEQUENCE as a whole DER element
 * @returns undefined for what TLS cannot name (RFC 8446 §4.2.3): two hashes, one that is not SHA-2 (as SHA-1, which an absent field stands for), another mask
 *   or trailer
 * @throws DerError
 */
export function readPssParameters(bytes: Uint8Array): PssParameters | undefined {
  const fields = readDerChildren(bytes, readDerRoot(bytes, DerTag.SEQUENCE));
  const tags = fields.map(({ tag }) => tag);
  // hashAlgorithm [0], maskGenAlgorithm [1], saltLength [2] with 20 as default. trailerField [3] has one value, which DER leaves out.
  if (tags[0] !== 0xa0 || tags[1] !== 0xa1 || tags.length > 3 || (tags.length === 3 && tags[2] !== 0xa2))
    return undefined;
  const [hashField, maskField, saltField] = fields.map((field) => derContent(bytes, field));
  const hash = readHash(hashField);
  const mask = readDerChildren(maskField, readDerRoot(maskField, DerTag.SEQUENCE));
  if (mask.length !== 2 || derOid(maskField, expectDerChild(mask, 0, DerTag.OBJECT_IDENTIFIER)) !== MGF1_OID)
    return undefined;
  if (hash === undefined || readHash(derWhole(maskField, mask[1])) !== hash) return undefined;
  if (saltField === undefined) return { hash, saltLength: 20 };
  const salt = derUnsigned(saltField, readDerRoot(saltField, DerTag.INTEGER));
  return salt.length === 1 ? { hash, saltLength: salt[0] } : undefined;
}

/** RFC 4055 §2.1: parameters absent or NULL. @param identifier AlgorithmIdentifier as a whole DER element */
function readHash(identifier: Uint8Array): HashAlgorithm | undefined {
  const children = readDerChildren(identifier, readDerRoot(identifier, DerTag.SEQUENCE));
  const isPlain =
    children.length === 1 ||
    (children.length === 2 && children[1].tag === DerTag.NULL && children[1].contentStart === children[1].end);
  const hash = HASHES.get(derOid(identifier, expectDerChild(children, 0, DerTag.OBJECT_IDENTIFIER)));
  return isPlain ? hash : undefined;
}
