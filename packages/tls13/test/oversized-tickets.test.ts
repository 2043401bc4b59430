/** Tickets may be as large as the server likes (RFC 8446 §4.6.1), but they have to fit into the next ClientHello. */
import { TEST_UNIX_TIME } from '@mquictt/testkit';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { EncryptionLevel } from '../src/handshake.ts';
import { MAX_CLIENT_SESSION_SIZE } from '../src/limits.ts';
import { writeNewSessionTicket } from '../src/messages/new-session-ticket.ts';
import type { ClientSession } from '../src/sessions/client-session.ts';
import { connect, drain, newClient, newServer } from './support/handshakes.ts';
import { completeOf, firstSessions, resuming, returningClient, sessionsOf } from './support/sessions.ts';

const { APPLICATION } = EncryptionLevel;
const test = suite('oversized tickets');

/** What a client makes of a ticket of this many bytes. */
function sessionFrom(size: number): ClientSession | undefined {
  const client = newClient();
  connect(client, newServer());
  const ticket = writeNewSessionTicket({
    ticketLifetimeSeconds: 7200,
    ticketAgeAdd: 1,
    ticketNonce: Uint8Array.of(0),
    ticket: new Uint8Array(size),
    maxEarlyDataSize: 0,
  });
  client.handleMessages(APPLICATION, ticket, TEST_UNIX_TIME);
  return sessionsOf(drain(client))[0];
}

test('a ticket that is too large is not kept', () => {
  assert.ok(sessionFrom(MAX_CLIENT_SESSION_SIZE - 4_000) !== undefined);
  for (const size of [MAX_CLIENT_SESSION_SIZE, 65_000, 65_400]) assert.ok(sessionFrom(size) === undefined, `${size}`);
});

test('a session whose ticket is too large is passed over, and the connection is made', () => {
  const server = resuming();
  const [session] = firstSessions(server);
  for (const size of [MAX_CLIENT_SESSION_SIZE + 1, 65_000, 65_535, 100_000]) {
    const { clientEvents } = connect(
      returningClient({ ...session!, ticket: new Uint8Array(size) }, { earlyData: true }),
      newServer(server),
    );
    assert.not(completeOf(clientEvents).isResumed);
  }
});

test('the largest ticket that is kept fits into a ClientHello', () => {
  const session = sessionFrom(MAX_CLIENT_SESSION_SIZE - 4_000);
  const { clientEvents } = connect(returningClient(session!), newServer(resuming()));
  assert.not(completeOf(clientEvents).isResumed);
});

test.run();
