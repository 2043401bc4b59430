/** Connections that are resumed: a server with tickets, and a client that has been there before. */
import { TEST_SERVER_NAME, TEST_UNIX_TIME, seededRandom } from '@mquictt/testkit';
import * as assert from 'uvu/assert';
import { ClientHandshake } from '../../src/client-handshake.ts';
import type { ClientConfig, ClientHandshakeOptions, Resumption, ServerConfig } from '../../src/config.ts';
import type { HandshakeEvent } from '../../src/handshake.ts';
import { nobleProvider } from '../../src/providers/noble.ts';
import type { ClientSession } from '../../src/sessions/client-session.ts';
import type { EarlyDataGuard } from '../../src/sessions/early-data-guard.ts';
import { SealedTickets } from '../../src/sessions/sealed-tickets.ts';
import { CLIENT_EXTENSION, clientConfig, connect, newClient, newServer } from './handshakes.ts';

export function sealedTickets(): SealedTickets {
  return new SealedTickets({ provider: nobleProvider, random: seededRandom(31) });
}

/** Lets every ticket in once. */
export function onceGuard(): EarlyDataGuard {
  const seen = new Set<string>();
  return {
    admit(ticket) {
      const key = String(ticket);
      if (seen.has(key)) return false;
      seen.add(key);
      return true;
    },
  };
}

export function sessionsOf(events: readonly HandshakeEvent[]): ClientSession[] {
  return events.flatMap((event) => (event.type === 'session' ? [event.session] : []));
}

export function completeOf(events: readonly HandshakeEvent[]): Extract<HandshakeEvent, { type: 'complete' }> {
  const found = events.find((event) => event.type === 'complete');
  assert.ok(found?.type === 'complete', 'the handshake did not complete');
  return found as Extract<HandshakeEvent, { type: 'complete' }>;
}

/** A server configuration that hands out tickets; further handshakes of it take them. */
export function resuming(
  overrides: Partial<ServerConfig> = {},
  resumption: Partial<Resumption> = {},
): Partial<ServerConfig> {
  return { ...overrides, resumption: { tickets: sealedTickets(), ...resumption } };
}

/** A first connection. @returns the sessions that the client has after it */
export function firstSessions(server: Partial<ServerConfig>, client: Partial<ClientConfig> = {}): ClientSession[] {
  return sessionsOf(connect(newClient(client), newServer(server)).clientEvents);
}

export function returningClient(
  session: ClientSession,
  options: Partial<ClientHandshakeOptions> = {},
  overrides: Partial<ClientConfig> = {},
): ClientHandshake {
  return new ClientHandshake(clientConfig({ random: seededRandom(77), ...overrides }), {
    serverName: TEST_SERVER_NAME,
    extensions: [CLIENT_EXTENSION],
    session,
    ...options,
  });
}

export const LATER: number = TEST_UNIX_TIME + 60_000;
