/** Host and port, as options carry them and as people write them. */
import { isIP, isIPv6 } from 'node:net';
import { QuicNodeError } from './errors.ts';

/** A host name or IP literal (IPv6 without brackets) and a UDP port. */
export interface SocketAddress {
  readonly host: string;
  /** 0..65535; 0 = any free port, only where one is bound. */
  readonly port: number;
}

/**
 * Reads `host:port`, `[::1]:port`, `host` or `[::1]` (with a default port) and `:port` (all interfaces, for listening).
 *
 * @param input text, or an address that is only checked
 * @param defaultPort used where the text names none
 * @throws QuicNodeError ERR_QUIC_ADDRESS
 */
export function parseAddress(input: string | SocketAddress, defaultPort?: number): SocketAddress {
  if (typeof input !== 'string') {
    if (typeof input.host !== 'string' || input.host === '') throw invalid(input.host, 'host is empty');
    checkPort(input.port, String(input.port));
    return { host: stripBrackets(input.host), port: input.port };
  }
  const text = input.trim();
  if (text === '') throw invalid(input, 'expected host:port');
  if (text.startsWith('[')) {
    const end = text.indexOf(']');
    const host = text.slice(1, end);
    if (end === -1 || !isIPv6(host)) throw invalid(input, 'expected an IPv6 address in brackets');
    const rest = text.slice(end + 1);
    if (rest !== '' && !rest.startsWith(':')) throw invalid(input, 'expected :port after the brackets');
    return { host, port: readPort(input, rest.slice(1), defaultPort) };
  }
  // A bare IPv6 literal has colons of its own and therefore cannot carry a port.
  if (isIPv6(text)) return { host: text, port: readPort(input, '', defaultPort) };
  const colon = text.lastIndexOf(':');
  const host = colon === -1 ? text : text.slice(0, colon);
  const port = readPort(input, colon === -1 ? '' : text.slice(colon + 1), defaultPort);
  if (host.includes(':')) throw invalid(input, 'an IPv6 address with a port is written in brackets, as in [::1]:8883');
  if (/[\s/?#@]/.test(host)) throw invalid(input, 'a host name has no such characters');
  return { host: host === '' ? '::' : host, port };
}

/** @returns `host:port`, with brackets around an IPv6 address. */
export function formatAddress(address: SocketAddress): string {
  return address.host.includes(':') ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}

/** An IPv4 address seen through a dual-stack socket, without its `::ffff:`; anything else as it is. */
export function plainAddress(address: string): string {
  if (!address.startsWith('::ffff:')) return address;
  const ipv4 = address.slice(7);
  return isIP(ipv4) === 4 ? ipv4 : address;
}

function readPort(input: string, text: string, defaultPort: number | undefined): number {
  if (text === '') {
    if (defaultPort === undefined) throw invalid(input, 'the port is missing');
    return defaultPort;
  }
  if (!/^\d{1,5}$/.test(text)) throw invalid(input, `port expected 0..65535, got ${text}`);
  return checkPort(Number(text), input);
}

function checkPort(port: number, input: string): number {
  if (!Number.isInteger(port) || port < 0 || port > 65_535) throw invalid(input, `port expected 0..65535, got ${port}`);
  return port;
}

function stripBrackets(host: string): string {
  return host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host;
}

function invalid(input: string, why: string): QuicNodeError {
  return new QuicNodeError('ERR_QUIC_ADDRESS', `Invalid address ${JSON.stringify(input)}: ${why}`);
}
