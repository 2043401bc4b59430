/**
 * Name constraints (RFC 5280 §4.2.1.10 and §6.1.4 (g)): what an authority may issue certificates for. DNS names, IP addresses, mail addresses, hosts of
 * URIs and directory names are compared.
 *
 * What cannot be evaluated is refused and never passed over: a constraint of another kind where a name of that kind occurs, and a name that is not
 * written as its kind is, where its kind is constrained.
 */
import { Alert } from '../alerts.ts';
import { chainFault, printable } from './errors.ts';
import type { ChainFault } from './errors.ts';
import { NameTag } from './general-names.ts';
import type { GeneralNames } from './general-names.ts';
import { DIRECTORY_NAMES, DNS_NAMES, IP_ADDRESSES, MAIL_ADDRESSES, URIS } from './name-rules.ts';
import type { NameRule } from './name-rules.ts';
import { describeCertificate } from './parse.ts';
import type { ParsedCertificate } from './parse.ts';
import type { SearchBudget } from './search-budget.ts';

/**
 * @param issuer a certificate that may have name constraints
 * @param certificate one below it
 * @returns why a name of `certificate` is not one that the issuer may vouch for
 */
export function checkNameConstraints(
  issuer: ParsedCertificate,
  certificate: ParsedCertificate,
  budget: SearchBudget,
): ChainFault | undefined {
  const constraints = issuer.extensions.nameConstraints;
  if (constraints === undefined) return undefined;
  const { permitted, excluded } = constraints;
  const names = certificate.extensions.subjectAlternativeName;
  const { subjectName } = certificate;
  const directoryNames = [
    ...(names?.directoryNames ?? []),
    // §4.2.1.10: the subject counts where it is not empty.
    ...(subjectName.parts.length > 0 ? [subjectName] : []),
  ];
  const mailAddresses = [...(names?.mailAddresses ?? []), ...subjectName.mailAddresses];
  const tags = new Set(names?.otherTags);
  const check = <Name>(
    rule: NameRule<Name>,
    occurring: readonly Name[] | undefined,
    inBases: readonly Name[],
    outBases: readonly Name[],
  ): ChainFault | undefined => {
    if (occurring === undefined || occurring.length === 0) return undefined;
    tags.add(rule.tag);
    return checkKind(rule, occurring, inBases, outBases, issuer, certificate, budget);
  };
  return (
    check(DNS_NAMES, names?.dnsNames, permitted.dnsNames, excluded.dnsNames) ??
    check(IP_ADDRESSES, names?.ipAddresses, permitted.ipAddresses, excluded.ipAddresses) ??
    check(MAIL_ADDRESSES, mailAddresses, permitted.mailAddresses, excluded.mailAddresses) ??
    check(URIS, names?.uris, permitted.uris, excluded.uris) ??
    check(DIRECTORY_NAMES, directoryNames, permitted.directoryNames, excluded.directoryNames) ??
    checkOtherKinds(permitted, excluded, tags, issuer, certificate)
  );
}

function checkKind<Name>(
  rule: NameRule<Name>,
  names: readonly Name[],
  permitted: readonly Name[],
  excluded: readonly Name[],
  issuer: ParsedCertificate,
  certificate: ParsedCertificate,
  budget: SearchBudget,
): ChainFault | undefined {
  if (permitted.length + excluded.length === 0) return undefined;
  if (!permitted.every(rule.isReadableBase) || !excluded.every(rule.isReadableBase))
    return notEvaluated(`${rule.kind} that cannot be read`, issuer, certificate);
  if (!budget.spendComparisons(names.length * (permitted.length + excluded.length)))
    return chainFault(
      'too-complex',
      certificate,
      `Certificate ${describeCertificate(certificate)} has ${names.length} names, too many for the name constraints of ${describeCertificate(issuer)}`,
    );
  const refused = names.find(
    (name) =>
      !rule.isReadable(name) ||
      (permitted.length > 0 && !permitted.some((base) => rule.isWithin(name, base))) ||
      excluded.some((base) => rule.touches(name, base)),
  );
  if (refused === undefined) return undefined;
  return chainFault(
    'name-constraints',
    certificate,
    `Certificate ${describeCertificate(certificate)} is for ${printable(rule.text(refused))}, which its authority ${describeCertificate(issuer)} may not vouch for (name constraints)`,
  );
}

/** @param occurring tags of the kinds of name that the certificate has */
function checkOtherKinds(
  permitted: GeneralNames,
  excluded: GeneralNames,
  occurring: ReadonlySet<number>,
  issuer: ParsedCertificate,
  certificate: ParsedCertificate,
): ChainFault | undefined {
  for (const tag of [...permitted.otherTags, ...excluded.otherTags])
    if (occurring.has(tag)) return notEvaluated(KINDS.get(tag) ?? `names with tag ${tag}`, issuer, certificate);
  return undefined;
}

function notEvaluated(kind: string, issuer: ParsedCertificate, certificate: ParsedCertificate): ChainFault {
  return chainFault(
    'name-constraints',
    certificate,
    `Authority ${describeCertificate(issuer)} has name constraints on ${kind}, which are not supported, and ${describeCertificate(certificate)} has such a name`,
    { code: 'ERR_TLS_CERTIFICATE_INVALID', alert: Alert.UNSUPPORTED_CERTIFICATE },
  );
}

/** Kinds that are understood come here with a minimum or a maximum. */
const KINDS: ReadonlyMap<number, string> = new Map([
  [NameTag.OTHER, 'other names'],
  [NameTag.MAIL, 'mail addresses with a minimum or maximum'],
  [NameTag.DNS, 'DNS names with a minimum or maximum'],
  [NameTag.DIRECTORY, 'directory names with a minimum or maximum'],
  [NameTag.URI, 'URIs with a minimum or maximum'],
  [NameTag.IP, 'IP addresses with a minimum or maximum'],
]);
