/**
 * Name constraints (RFC 5280 §4.2.1.10 and §6.1.4 (g)) for DNS names and IP addresses: what an authority may issue certificates for.
 *
 * A constraint on names of another kind (mail addresses, URIs, directory names) is not understood. It is harmless while the certificates below carry
 * no name of that kind, and refuses them when they do. Directory names every certificate carries.
 */
import { MAX_NAME_COMPARISONS } from '../limits.ts';
import type { GeneralNames, NameConstraints } from './certificate-extensions.ts';
import { chainTooComplex, nameMismatch, printable, unsupportedCertificate } from './errors.ts';
import { formatIpAddress } from './names.ts';
import { describeCertificate } from './parse.ts';
import type { ParsedCertificate } from './parse.ts';

const DIRECTORY_NAME = 0xa4;

/**
 * @param issuer a certificate with name constraints
 * @param certificate one below it
 * @throws TlsError when a name of `certificate` is not one the issuer may vouch for, or the constraint is not understood
 */
export function checkNameConstraints(issuer: ParsedCertificate, certificate: ParsedCertificate): void {
  const constraints = issuer.extensions.nameConstraints;
  if (constraints === undefined) return;
  const names = certificate.extensions.subjectAlternativeName;
  checkKinds(constraints, names, issuer, certificate);
  const refuse = (name: string): never => {
    throw nameMismatch(
      `Certificate ${describeCertificate(certificate)} is for ${printable(name)}, which its authority ${describeCertificate(issuer)} may not vouch for (name constraints)`,
    );
  };
  const { permitted, excluded } = constraints;
  const nameCount = countNames(names);
  if (nameCount * (countNames(permitted) + countNames(excluded)) > MAX_NAME_COMPARISONS)
    throw chainTooComplex(
      `Certificate ${describeCertificate(certificate)} has ${nameCount} names, too many for the name constraints of ${describeCertificate(issuer)}`,
    );
  for (const name of names?.dnsNames ?? []) {
    const isPermitted = permitted.dnsNames.length === 0 || permitted.dnsNames.some((base) => isWithin(name, base));
    if (!isPermitted || excluded.dnsNames.some((base) => touches(name, base))) refuse(name);
  }
  for (const address of names?.ipAddresses ?? []) {
    // Ranges of IPv4 say nothing about IPv6; a list with either kind permits no address of the other.
    const isPermitted =
      permitted.ipAddresses.length === 0 || permitted.ipAddresses.some((range) => isInRange(address, range));
    if (!isPermitted || excluded.ipAddresses.some((range) => isInRange(address, range)))
      refuse(formatIpAddress(address));
  }
}

function countNames(names: GeneralNames | undefined): number {
  return names === undefined ? 0 : names.dnsNames.length + names.ipAddresses.length;
}

/** @throws TlsError when a kind of name that occurs is constrained in a way that is not understood */
function checkKinds(
  { permitted, excluded }: NameConstraints,
  names: GeneralNames | undefined,
  issuer: ParsedCertificate,
  certificate: ParsedCertificate,
): void {
  const unknown = new Set([...permitted.otherTags, ...excluded.otherTags]);
  const occurring = new Set(names?.otherTags);
  if (certificate.subject.length > 2) occurring.add(DIRECTORY_NAME);
  if ((names?.dnsNames.length ?? 0) > 0) occurring.add(0x82);
  if ((names?.ipAddresses.length ?? 0) > 0) occurring.add(0x87);
  for (const tag of unknown)
    if (occurring.has(tag))
      throw unsupportedCertificate(
        `Authority ${describeCertificate(issuer)} has name constraints on ${KINDS.get(tag) ?? `names with tag ${tag}`}, which are not supported, and ${describeCertificate(certificate)} has such a name`,
      );
}

const KINDS: ReadonlyMap<number, string> = new Map([
  [0xa0, 'other names'],
  [0x81, 'mail addresses'],
  [0x82, 'DNS names with a minimum or maximum'],
  [DIRECTORY_NAME, 'directory names'],
  [0x86, 'URIs'],
  [0x87, 'IP addresses with a minimum or maximum'],
]);

/**
 * Whether the name is the base or ends in it at a label's border. A base with a leading dot, which RFC 5280 knows only for URIs but authorities
 * write, stands for names below it alone. The empty base is every name. A wildcard counts as a label.
 */
function isWithin(name: string, base: string): boolean {
  const lowerName = name.toLowerCase();
  const lowerBase = base.toLowerCase();
  if (lowerBase === '' || lowerName === lowerBase) return true;
  return lowerName.endsWith(lowerBase.startsWith('.') ? lowerBase : `.${lowerBase}`);
}

/** Whether a name may stand for anything within the base: `*.example.com` may be `secret.example.com`. */
function touches(name: string, base: string): boolean {
  if (isWithin(name, base)) return true;
  if (!name.startsWith('*.')) return false;
  const plainBase = base.startsWith('.') ? base.slice(1) : base;
  return isWithin(plainBase, name.slice(2));
}

/** @param range address and mask, 8 or 32 bytes */
function isInRange(address: Uint8Array, range: Uint8Array): boolean {
  const length = address.length;
  if (range.length !== 2 * length) return false;
  for (let i = 0; i < length; i++) {
    const mask = range[length + i];
    if ((address[i] & mask) !== (range[i] & mask)) return false;
  }
  return true;
}
