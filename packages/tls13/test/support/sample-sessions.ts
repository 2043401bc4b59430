/** Sessions as handshakes leave them, and both providers. */
import { seededRandom, TEST_UNIX_TIME } from '@mquictt/testkit';
import { CIPHER_SUITES, nobleProvider } from '../../src/index.ts';
import type { ClientSession, CryptoProvider, ServerSession } from '../../src/index.ts';
import { nodeProvider } from '../../src/node/index.ts';

export const PROVIDERS: readonly CryptoProvider[] = [nobleProvider, nodeProvider];

export const HOUR = 3_600_000;
export const DAY: number = 24 * HOUR;

/** @param seed other secrets for each */
export function serverSession(seed: number, overrides: Partial<ServerSession> = {}): ServerSession {
  const random = seededRandom(seed);
  const suite = random.pick(CIPHER_SUITES);
  const issuedAt = overrides.issuedAt ?? TEST_UNIX_TIME;
  return {
    cipherSuite: suite.id,
    secret: random.bytes(suite.hashLength),
    alpnProtocol: 'mqtt',
    serverName: 'broker.example.org',
    peerIdentity: 'sensor 7',
    peerCertificate: random.bytes(600),
    authenticationContext: random.bytes(32),
    ticketAgeAdd: random.uint32(),
    issuedAt,
    expiresAt: issuedAt + DAY,
    isEarlyDataAllowed: true,
    earlyDataContext: random.bytes(40),
    ...overrides,
  };
}

/** @param seed other secrets for each */
export function clientSession(seed: number, overrides: Partial<ClientSession> = {}): ClientSession {
  const random = seededRandom(seed);
  const suite = random.pick(CIPHER_SUITES);
  const receivedAt = overrides.receivedAt ?? TEST_UNIX_TIME;
  return {
    serverName: 'broker.example.org',
    alpnProtocol: 'mqtt',
    cipherSuite: suite.id,
    secret: random.bytes(suite.hashLength),
    ticket: random.bytes(180),
    ticketAgeAdd: random.uint32(),
    receivedAt,
    expiresAt: receivedAt + DAY,
    maxEarlyDataSize: 0xffff_ffff,
    peerExtensions: [
      { type: 0x39, data: random.bytes(50) },
      { type: 0xffa5, data: new Uint8Array(0) },
    ],
    peerCertificates: [random.bytes(700), random.bytes(500)],
    authenticationContext: random.bytes(32),
    ...overrides,
  };
}
