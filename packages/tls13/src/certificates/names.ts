/**
 * Does a certificate carry the name that was dialled? RFC 9525 (service identity), RFC 5280 §4.2.1.6 (subjectAltName).
 *
 * Only subjectAltName counts: dNSName for names, iPAddress for addresses, never the one for the other and never the common name
 * (RFC 9525 §2). Internationalized names are compared as A-labels.
 */
import { isDnsName, isIpLiteral } from '../server-name.ts';
import { printable, verificationMisuse } from './errors.ts';
import type { GeneralNames } from './general-names.ts';

export type ServerName =
  | {
      readonly type: 'dns';
      /** Lower case, without a trailing dot. */
      readonly name: string;
    }
  | {
      readonly type: 'ip';
      /** 4 or 16 bytes. */
      readonly address: Uint8Array;
    };

/**
 * @param text a DNS name (A-labels for other scripts) or an IPv4 or IPv6 address, without brackets
 * @throws TlsError ERR_TLS_CONFIG when it is neither
 */
export function parseServerName(text: string): ServerName {
  if (isIpLiteral(text)) {
    const address = parseIpAddress(text);
    if (address !== undefined) return { type: 'ip', address };
  } else {
    const name = (text.endsWith('.') ? text.slice(0, -1) : text).toLowerCase();
    if (isDnsName(name)) return { type: 'dns', name };
  }
  throw verificationMisuse(
    `"${printable(text)}" is neither a DNS name nor an IP address; write other scripts as A-labels (xn--...) and IPv6 without brackets`,
  );
}

/** Whether one of the names of a certificate is the one that was dialled. */
export function matchesServerName(names: GeneralNames | undefined, wanted: ServerName): boolean {
  if (names === undefined) return false;
  if (wanted.type === 'dns') return names.dnsNames.some((pattern) => matchesDnsName(pattern, wanted.name));
  return names.ipAddresses.some(
    (address) => address.length === wanted.address.length && address.every((byte, i) => byte === wanted.address[i]),
  );
}

/**
 * RFC 9525 §6.3: labels are compared one by one, without case; a wildcard is the whole left-most label and stands for exactly one label. As browsers
 * and rustls do, two labels at least must follow it, so that nobody can have a certificate for `*.com`.
 *
 * @param pattern what the certificate says, one character per byte
 * @param name lower case
 */
export function matchesDnsName(pattern: string, name: string): boolean {
  const lower = pattern.toLowerCase();
  if (!lower.startsWith('*.')) return isDnsName(lower) && lower === name;
  const suffix = lower.slice(1);
  const firstDot = name.indexOf('.');
  return isDnsName(suffix.slice(1)) && suffix.indexOf('.', 1) !== -1 && firstDot > 0 && name.slice(firstDot) === suffix;
}

/** The names of a certificate for a message: what it would have been good for. */
export function nameList(names: GeneralNames | undefined): string {
  const all = [...(names?.dnsNames ?? []), ...(names?.ipAddresses ?? []).map((address) => formatIpAddress(address))];
  if (all.length === 0) return 'no DNS name and no IP address';
  const shown = all.slice(0, 5).map((name) => printable(name));
  return all.length > 5 ? `${shown.join(', ')} and ${all.length - 5} more` : shown.join(', ');
}

/** @returns 4 bytes, 16 bytes, or undefined when `text` is no address. Zone identifiers are not part of an address in a certificate. */
export function parseIpAddress(text: string): Uint8Array | undefined {
  return text.includes(':') ? parseIpv6(text) : parseIpv4(text);
}

function parseIpv4(text: string): Uint8Array | undefined {
  const parts = text.split('.');
  // Leading zeros would be octal for some readers and decimal for others.
  if (parts.length !== 4 || !parts.every((part) => /^(?:0|[1-9]\d{0,2})$/.test(part) && Number(part) < 256))
    return undefined;
  return Uint8Array.from(parts, Number);
}

/** RFC 4291 §2.2, all three forms. */
function parseIpv6(text: string): Uint8Array | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const head = parseGroups(halves[0] ?? '', halves.length === 1);
  const tail = halves.length === 1 ? [] : parseGroups(halves[1] ?? '', true);
  if (head === undefined || tail === undefined) return undefined;
  const missing = 16 - head.length - tail.length;
  if (halves.length === 1 ? missing !== 0 : missing < 2) return undefined;
  return Uint8Array.from([...head, ...Array.from<number>({ length: missing }).fill(0), ...tail]);
}

/** @param isLast an IPv4 address may only end the whole */
function parseGroups(text: string, isLast: boolean): number[] | undefined {
  if (text === '') return [];
  const bytes: number[] = [];
  const groups = text.split(':');
  for (const [index, group] of groups.entries()) {
    if (group.includes('.')) {
      const ipv4 = isLast && index === groups.length - 1 ? parseIpv4(group) : undefined;
      if (ipv4 === undefined) return undefined;
      bytes.push(...ipv4);
    } else {
      if (!/^[0-9a-f]{1,4}$/i.test(group)) return undefined;
      const value = Number.parseInt(group, 16);
      bytes.push(value >> 8, value & 0xff);
    }
  }
  return bytes.length <= 16 ? bytes : undefined;
}

/** For messages; IPv6 without shortening. */
export function formatIpAddress(address: Uint8Array): string {
  if (address.length === 4) return address.join('.');
  const groups: string[] = [];
  for (let i = 0; i + 1 < address.length; i += 2) groups.push((address[i] * 256 + address[i + 1]).toString(16));
  return groups.join(':');
}
