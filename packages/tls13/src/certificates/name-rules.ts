/** How names of each kind are held against name constraints (RFC 5280 §4.2.1.10). */
import { isDnsName } from '../server-name.ts';
import type { DistinguishedName, RelativeName } from './distinguished-name.ts';
import { NameTag } from './general-names.ts';
import { formatIpAddress } from './names.ts';

export interface NameRule<Name> {
  readonly tag: number;
  /** For "name constraints on ...". */
  readonly kind: string;
  /** Whether the name is written so that it can be compared. */
  readonly isReadable: (name: Name) => boolean;
  readonly isReadableBase: (base: Name) => boolean;
  /** Whether all that the name stands for is certainly within the base. */
  readonly isWithin: (name: Name, base: Name) => boolean;
  /** Whether something that the name stands for may be within the base. */
  readonly touches: (name: Name, base: Name) => boolean;
  readonly text: (name: Name) => string;
}

export const DNS_NAMES: NameRule<string> = {
  tag: NameTag.DNS,
  kind: 'DNS names',
  isReadable: (name) => isDnsName(name.startsWith('*.') ? name.slice(2) : name),
  isReadableBase: isDomain,
  isWithin: isWithinDomain,
  // `*.example.com` may be `secret.example.com`.
  touches: (name, base) =>
    isWithinDomain(name, base) ||
    (name.startsWith('*.') && isWithinDomain(base.startsWith('.') ? base.slice(1) : base, name.slice(2))),
  text: (name) => name,
};

/** Ranges of IPv4 say nothing about IPv6; a list with either kind permits no address of the other. */
export const IP_ADDRESSES: NameRule<Uint8Array> = {
  tag: NameTag.IP,
  kind: 'IP addresses',
  isReadable: () => true,
  isReadableBase: () => true,
  isWithin: isInRange,
  touches: isInRange,
  text: formatIpAddress,
};

/** A base is a mailbox, a host (every mailbox on it), or a domain with a leading dot (every mailbox on a host within). */
export const MAIL_ADDRESSES: NameRule<string> = {
  tag: NameTag.MAIL,
  kind: 'mail addresses',
  isReadable: isMailAddress,
  isReadableBase: (base) => (base.includes('@') ? isMailAddress(base) : isDomain(base)),
  isWithin: isWithinMailBase,
  touches: isWithinMailBase,
  text: (address) => address,
};

/** A base is a host, or a domain with a leading dot. A URI whose host is no DNS name is refused, as §4.2.1.10 asks. */
export const URIS: NameRule<string> = {
  tag: NameTag.URI,
  kind: 'URIs',
  isReadable: (uri) => uriHost(uri) !== undefined,
  isReadableBase: isDomain,
  isWithin: isWithinUriBase,
  touches: isWithinUriBase,
  text: (uri) => uri,
};

/** A base is the beginning of the name (§7.1). */
export const DIRECTORY_NAMES: NameRule<DistinguishedName> = {
  tag: NameTag.DIRECTORY,
  kind: 'directory names',
  isReadable: () => true,
  isReadableBase: () => true,
  isWithin: (name, base) => startsWith(name, base, (a, b) => a.normalized === b.normalized),
  touches: (name, base) => startsWith(name, base, mayBeEqual),
  text: ({ text }) => `"${text}"`,
};

/** A DNS name, one with a leading dot, or nothing, which stands for every name. */
function isDomain(base: string): boolean {
  return base === '' || isDnsName(base.startsWith('.') ? base.slice(1) : base);
}

/**
 * Whether the name is the base or ends in it at a label's border. A base with a leading dot, which RFC 5280 knows only for URIs and mail but authorities
 * write, stands for names below it alone. A wildcard counts as a label.
 */
function isWithinDomain(name: string, base: string): boolean {
  const lowerName = name.toLowerCase();
  const lowerBase = base.toLowerCase();
  if (lowerBase === '' || lowerName === lowerBase) return true;
  return lowerName.endsWith(lowerBase.startsWith('.') ? lowerBase : `.${lowerBase}`);
}

/** One host, or all hosts within a domain with a leading dot. */
function isHostWithin(host: string, base: string): boolean {
  return base === '' || base.startsWith('.') ? isWithinDomain(host, base) : host.toLowerCase() === base.toLowerCase();
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

/** A dot-string of RFC 5321 §4.1.2 and a host; quoted local parts can be written in several ways, and count as unreadable. */
function isMailAddress(address: string): boolean {
  const at = address.indexOf('@');
  const local = address.slice(0, at);
  return at > 0 && at <= 64 && /^[\w!#$%&'*+/=?^`{|}~.-]+$/.test(local) && isDnsName(address.slice(at + 1));
}

/** Local parts are compared as they are, hosts without case (RFC 5280 §7.5). */
function isWithinMailBase(address: string, base: string): boolean {
  const [local, host] = address.split('@');
  const [baseLocal, baseHost] = base.split('@');
  if (baseHost === undefined) return isHostWithin(host, base);
  return local === baseLocal && host.toLowerCase() === baseHost.toLowerCase();
}

function isWithinUriBase(uri: string, base: string): boolean {
  const host = uriHost(uri);
  return host !== undefined && isHostWithin(host, base);
}

/** @returns the DNS name in a URI's authority (RFC 3986 §3.2), or undefined where there is none */
function uriHost(uri: string): string | undefined {
  const host = /^[a-z][a-z\d+.-]*:\/\/(?:[\w.~%!$&'()*+,;=:-]*@)?([\w.-]+)(?::\d*)?(?:[/?#]|$)/i.exec(uri)?.[1];
  return host !== undefined && isDnsName(host) ? host : undefined;
}

function startsWith(
  name: DistinguishedName,
  base: DistinguishedName,
  isEqual: (a: RelativeName, b: RelativeName) => boolean,
): boolean {
  return base.parts.length <= name.parts.length && base.parts.every((part, i) => isEqual(part, name.parts[i]));
}

/** Values that are no plain text may mean the same in other bytes. */
function mayBeEqual(a: RelativeName, b: RelativeName): boolean {
  return a.normalized === b.normalized || (a.types === b.types && (!a.isText || !b.isText));
}
