/** What one client, one identity and one address may take, for the operator to set. */
import { MAX_SUBSCRIPTIONS_PER_SESSION } from '../limits.ts';

export interface ClientLimitOptions {
  /** PUBLISH per second from one client, as many at once; beyond it the client is not read for a while, and nothing is lost. @default any number */
  readonly maxMessageRate?: number;
  /** Bytes of MQTT packets per second from one client, as many at once; beyond it likewise. @default any number */
  readonly maxByteRate?: number;
  /** Connections per second from one address, an IPv6 address counting as its /64; beyond it they are closed with 0x9F. @default any number */
  readonly maxConnectionRatePerAddress?: number;
  /** Connections at once from one address; beyond it they are closed with 0x97. @default any number */
  readonly maxConnectionsPerAddress?: number;
  /** Clients at once with one identity; beyond it CONNECT gets 0x97. Those without an identity are not counted. @default any number */
  readonly maxConnectionsPerIdentity?: number;
  /** Subscriptions of one session; beyond it SUBACK says 0x97. @default 4_096, which is also the most */
  readonly maxSubscriptions?: number;
}

export type ClientLimits = Required<ClientLimitOptions>;

export const CLIENT_LIMIT_NAMES: readonly (keyof ClientLimitOptions)[] = [
  'maxMessageRate',
  'maxByteRate',
  'maxConnectionRatePerAddress',
  'maxConnectionsPerAddress',
  'maxConnectionsPerIdentity',
  'maxSubscriptions',
];

export function clientLimitsOf(options: ClientLimitOptions = {}): ClientLimits {
  return {
    maxMessageRate: options.maxMessageRate ?? Infinity,
    maxByteRate: options.maxByteRate ?? Infinity,
    maxConnectionRatePerAddress: options.maxConnectionRatePerAddress ?? Infinity,
    maxConnectionsPerAddress: options.maxConnectionsPerAddress ?? Infinity,
    maxConnectionsPerIdentity: options.maxConnectionsPerIdentity ?? Infinity,
    maxSubscriptions: Math.min(options.maxSubscriptions ?? Infinity, MAX_SUBSCRIPTIONS_PER_SESSION),
  };
}

/** What is wrong with limits, as in `limits.${problem}`; undefined when nothing is. */
export function clientLimitsProblem(options: Readonly<Record<string, unknown>>): string | undefined {
  for (const [name, value] of Object.entries(options)) {
    if (!CLIENT_LIMIT_NAMES.includes(name as keyof ClientLimitOptions))
      return `${name} is none of ${CLIENT_LIMIT_NAMES.join(', ')}`;
    const isRate = name.includes('Rate');
    if (value === undefined || (typeof value === 'number' && value > 0 && (isRate || value % 1 === 0))) continue;
    return `${name} expected ${isRate ? 'a number above 0' : 'a whole number from 1 on'}, got ${String(value)}`;
  }
  return undefined;
}
