/** What counts as a DNS name and what as an IP address literal, for SNI (RFC 6066 §3). */

// Labels of letters, digits, hyphens and underscores: underscores are no host names but are in use.
const DNS_NAME = /^(?=.{1,253}$)[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*$/i;

/** An IPv6 literal is told by its colons, an IPv4 literal by a last label that is a number (no TLD is). */
export function isIpLiteral(name: string): boolean {
  return name.includes(':') || /(?:^|\.)\d+$/.test(name);
}

/** Whether `name` can go into SNI: an ASCII name (A-labels for other scripts) without a trailing dot. */
export function isDnsName(name: string): boolean {
  return DNS_NAME.test(name) && !isIpLiteral(name);
}
