/** Sessions that were made under one configuration and come back under another, with the same tickets: shared keys, or a server that was started anew. */
import { TEST_UNIX_TIME, testRoots } from '@mquictt/testkit';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Alert } from '../../src/alerts.ts';
import { RootStore } from '../../src/certificates/roots.ts';
import type { ClientAuthentication, ClientConfig, Credential } from '../../src/config.ts';
import { ExtensionType } from '../../src/extensions.ts';
import { EncryptionLevel } from '../../src/handshake.ts';
import { readClientHello } from '../../src/messages/client-hello.ts';
import type { ClientSession } from '../../src/sessions/client-session.ts';
import {
  connect,
  credentialOf,
  drain,
  expectAlert,
  newClient,
  newServer,
  sentAt,
  type Carriage,
  type Connected,
} from '../support/handshakes.ts';
import {
  completeOf,
  firstSessions,
  resuming,
  returningClient,
  sealedTickets,
  sessionsOf,
} from '../support/sessions.ts';

const test = suite('review: crossing sessions');
const roots = testRoots();
const credential: Credential = credentialOf('ed25519');
const [otherRoot] = credentialOf('ecdsa-p256').chain;

function run(
  authentication: ClientAuthentication,
  tickets: ReturnType<typeof sealedTickets>,
  session?: ClientSession,
): Connected & { readonly judged: number } {
  let judged = 0;
  const carriage: Carriage = {
    onEvent(handshake, event) {
      if (event.type !== 'judge-peer-chain') return;
      judged++;
      handshake.acceptPeerChain('sensor 7');
    },
  };
  const server = newServer(resuming({ clientAuthentication: authentication }, { tickets }));
  const client = session === undefined ? newClient({ credential }) : returningClient(session, {}, { credential });
  return { ...connect(client, server, carriage), judged };
}

/** @returns whether a session of the one configuration is resumed under the other */
function crosses(before: ClientAuthentication, after: ClientAuthentication): boolean {
  const tickets = sealedTickets();
  const [session] = sessionsOf(run(before, tickets).clientEvents);
  assert.ok(session !== undefined);
  return completeOf(run(after, tickets, session).serverEvents).isResumed;
}

test('a session goes on where clients are authenticated as they were', () => {
  assert.ok(crosses({ roots }, { roots: new RootStore([...roots].toReversed()) }));
  assert.ok(crosses({ roots, judgePeerChain: true }, { roots, judgePeerChain: true }));
  assert.ok(crosses({ roots, isRequired: false }, { roots }));
});

test('a client whose authority is trusted no more does not come back by its session', () => {
  assert.not(crosses({ roots: new RootStore([...roots, otherRoot!]) }, { roots }));
  const tickets = sealedTickets();
  const [session] = sessionsOf(run({ roots }, tickets).clientEvents);
  assert.ok(session !== undefined);
  expectAlert(() => run({ roots: new RootStore([otherRoot!]) }, tickets, session), Alert.UNKNOWN_CA);
});

test('a client that nobody judged is judged where clients are', () => {
  const tickets = sealedTickets();
  const [session] = sessionsOf(run({ roots }, tickets).clientEvents);
  assert.ok(session !== undefined);
  const again = run({ roots, judgePeerChain: true }, tickets, session);
  assert.is(again.judged, 1);
  const complete = completeOf(again.serverEvents);
  assert.not(complete.isResumed);
  assert.is(complete.peerIdentity, 'sensor 7');
});

test('a name that a judge gave is gone where nobody judges', () => {
  const tickets = sealedTickets();
  const [session] = sessionsOf(run({ roots, judgePeerChain: true }, tickets).clientEvents);
  assert.ok(session !== undefined);
  const complete = completeOf(run({ roots }, tickets, session).serverEvents);
  assert.not(complete.isResumed);
  assert.is(complete.peerIdentity, undefined);
});

test('it goes through sessions that come out of sessions', () => {
  const tickets = sealedTickets();
  const [first] = sessionsOf(run({ roots }, tickets).clientEvents);
  const [second] = sessionsOf(run({ roots }, tickets, first).clientEvents);
  assert.ok(second !== undefined);
  assert.ok(completeOf(run({ roots }, tickets, second).serverEvents).isResumed);
  assert.not(completeOf(run({ roots, judgePeerChain: true }, tickets, second).serverEvents).isResumed);
});

test('a client offers its session only where the server would be verified and judged as it was', () => {
  const server = resuming();
  const [session] = firstSessions(server);
  assert.ok(session !== undefined);
  const offers = (overrides: Partial<ClientConfig>): boolean => {
    const client = returningClient(session, {}, overrides);
    client.start(TEST_UNIX_TIME);
    const hello = readClientHello(sentAt(drain(client), EncryptionLevel.INITIAL).subarray(4));
    return hello.extensions.has(ExtensionType.PRE_SHARED_KEY);
  };
  assert.ok(offers({}));
  assert.ok(offers({ roots: new RootStore([...testRoots()].toReversed()) }));
  assert.not(offers({ roots: new RootStore([...testRoots()].slice(1)) }));
  assert.not(offers({ judgePeerChain: true }));
});

test.run();
