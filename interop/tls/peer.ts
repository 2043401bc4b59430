/** What the cases need of an implementation, whichever it is. */
import { Alert, NamedGroup } from '@mquictt/tls13';
import type { Identity } from './pki.ts';

/** How the peer is to behave, in either role. */
export interface PeerOptions {
  /** Names of RFC 8446 §B.4. @default its own */
  readonly suite?: string;
  /** Best first. A client sends a share for the first. @default its own */
  readonly groups?: readonly NamedGroup[];
  /** @default no ALPN */
  readonly alpn?: readonly string[];
  /** A server's certificate, or a client's. */
  readonly identity?: Identity;
  /** File of the authorities that it trusts. */
  readonly caFile: string;
  /** Of a client: the name it dials and verifies. */
  readonly serverName?: string;
  /** Of a server: whether it asks for certificates. @default it does not */
  readonly clientCertificates?: 'optional' | 'required';
  /** Of a client: what an earlier connection's `session()` gave. */
  readonly session?: unknown;
  /** More arguments, for OpenSSL's programs only. */
  readonly args?: readonly string[];
}

/** What the peer says about an established connection; undefined where it does not say. */
export interface PeerReport {
  readonly protocol?: string;
  readonly suite?: string;
  readonly group?: NamedGroup | undefined;
  /** Empty for none. */
  readonly alpn: string;
  readonly isReused?: boolean;
  /** The exporter of RFC 8446 §7.5 with EXPORTER_LABEL, hexadecimal. */
  readonly keyMaterial?: string;
  /** The common name of our certificate; empty where it saw none. */
  readonly peerName?: string;
  /** Why our certificate is not trusted, as the peer says it; empty where it is. */
  readonly distrust: string;
}

export interface PeerConnection {
  /** @throws Error with what the peer said where there was no connection */
  established(): Promise<PeerReport>;
  /** Waits for the end of a connection that failed, and gives what the peer said. */
  failed(): Promise<string>;
  write(text: string): void;
  read(text: string): Promise<void>;
  /** Of a client: what resumes this connection. */
  session(): Promise<unknown>;
  /** Of a client: whether the server has sent a ticket so far. */
  readonly hasTicket: boolean;
  /** Ends the connection in order. */
  close(): void;
}

export interface PeerServer {
  readonly port: number;
  /** The next connection; one after the other, and to be called before the client connects. */
  accept(): Promise<PeerConnection>;
  close(): void;
}

export interface Peer {
  readonly name: string;
  /** Those of ours that it has. */
  readonly groups: readonly NamedGroup[];
  connect(port: number, options: PeerOptions): Promise<PeerConnection>;
  listen(options: PeerOptions): Promise<PeerServer>;
}

export const EXPORTER_LABEL = 'EXPORTER-mquictt-interop';
export const EXPORTER_LENGTH = 32;

/** How Go calls the alerts that our cases bring about. */
const GO_ALERTS: Readonly<Record<string, Alert>> = {
  'unexpected message': Alert.UNEXPECTED_MESSAGE,
  'handshake failure': Alert.HANDSHAKE_FAILURE,
  'access denied': Alert.ACCESS_DENIED,
  'bad certificate': Alert.BAD_CERTIFICATE,
  'expired certificate': Alert.CERTIFICATE_EXPIRED,
  'unknown certificate authority': Alert.UNKNOWN_CA,
  'certificate required': Alert.CERTIFICATE_REQUIRED,
  'no application protocol': Alert.NO_APPLICATION_PROTOCOL,
};

/** The alert that a peer says it has received, from what OpenSSL, in a program or in Node, Go and rustls write about errors. */
export function alertNumber(text: string): number | undefined {
  const number = /SSL alert number (\d+)/.exec(text)?.[1];
  if (number !== undefined) return Number(number);
  const name = /received fatal alert: (\w+)/.exec(text)?.[1]?.replaceAll(/(?<=[a-z])(?=[A-Z])/g, '_');
  if (name !== undefined) return Alert[name.toUpperCase() as keyof typeof Alert];
  return GO_ALERTS[/remote error: tls: (.*)/.exec(text)?.[1] ?? ''];
}

/** @param version of OpenSSL, such as '3.0.19'; X25519MLKEM768 came with 3.5 */
export function opensslGroups(version: string): NamedGroup[] {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const usual = [NamedGroup.X25519, NamedGroup.SECP256R1, NamedGroup.SECP384R1];
  return major > 3 || (major === 3 && minor >= 5) ? [NamedGroup.X25519MLKEM768, ...usual] : usual;
}

/** Groups by the names that OpenSSL takes, and those that it prints. */
const GROUP_NAMES: readonly (readonly [NamedGroup, ...string[]])[] = [
  [NamedGroup.X25519, 'X25519'],
  [NamedGroup.SECP256R1, 'P-256', 'prime256v1', 'ECDH, prime256v1'],
  [NamedGroup.SECP384R1, 'P-384', 'secp384r1', 'ECDH, secp384r1'],
  [NamedGroup.X25519MLKEM768, 'X25519MLKEM768'],
];

/** @returns a list for OpenSSL */
export function groupList(groups: readonly NamedGroup[]): string {
  return groups.map((group) => GROUP_NAMES.find(([known]) => known === group)?.[1]).join(':');
}

export function groupNamed(name: string | undefined): NamedGroup | undefined {
  return GROUP_NAMES.find(([, ...names]) => names.includes(name ?? ''))?.[0];
}
