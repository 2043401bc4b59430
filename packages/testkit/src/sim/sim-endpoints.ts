/** Endpoints for a Pair: committed certificates, a portable provider and seeded randomness, so that a seed gives the same bytes. */
import { createEndpoint, type Endpoint, type PacketProtector, type TransportConfig } from '@mquictt/quic-core';
import { nobleProvider } from '@mquictt/tls13';
import { TEST_UNIX_TIME, testCredential, testRoots } from '../certificates.ts';
import { fakeProtector } from '../fake-protector.ts';
import type { Simulation } from './simulation.ts';

/** The one protocol that these endpoints speak. */
export const SIM_ALPN = 'sim';

export interface SimEndpointOptions {
  readonly transport?: TransportConfig;
  /** @default fakeProtector: no secrecy, but fast */
  readonly protector?: PacketProtector;
}

export function simClient(simulation: Simulation, options: SimEndpointOptions = {}): Endpoint {
  const random = simulation.random.fork();
  return createEndpoint({
    provider: nobleProvider,
    protector: options.protector ?? fakeProtector,
    random,
    unixTime: () => TEST_UNIX_TIME + simulation.now,
    transport: options.transport ?? {},
    client: { provider: nobleProvider, random, alpnProtocols: [SIM_ALPN], roots: testRoots() },
  });
}

export function simServer(simulation: Simulation, options: SimEndpointOptions = {}): Endpoint {
  const random = simulation.random.fork();
  return createEndpoint({
    provider: nobleProvider,
    protector: options.protector ?? fakeProtector,
    random,
    unixTime: () => TEST_UNIX_TIME + simulation.now,
    transport: options.transport ?? {},
    server: {
      provider: nobleProvider,
      random,
      alpnProtocols: [SIM_ALPN],
      credential: testCredential('ecdsa-p256', nobleProvider, random),
    },
  });
}
