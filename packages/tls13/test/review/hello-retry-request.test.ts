/** What a HelloRetryRequest does to a client beyond what it asks for: RFC 8446 §4.1.4, §4.2.2, §4.2.10. */
import { TEST_UNIX_TIME } from '@mquictt/testkit';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Alert } from '../../src/alerts.ts';
import { ExtensionType } from '../../src/extensions.ts';
import { writeCookie } from '../../src/extensions/cookie.ts';
import { writeSelectedVersion } from '../../src/extensions/supported-versions.ts';
import { EncryptionLevel } from '../../src/handshake.ts';
import { MAX_COOKIE_LENGTH } from '../../src/limits.ts';
import { readClientHello } from '../../src/messages/client-hello.ts';
import { HELLO_RETRY_REQUEST_RANDOM, writeServerHello } from '../../src/messages/server-hello.ts';
import { NamedGroup } from '../../src/provider.ts';
import { drain, eventNames, expectAlert, newClient, newServer, sentAt } from '../support/handshakes.ts';
import { firstSessions, onceGuard, resuming, returningClient } from '../support/sessions.ts';

const { INITIAL, EARLY } = EncryptionLevel;
const { X25519, SECP256R1 } = NamedGroup;
const test = suite('review: hello retry request');

function cookieRequest(length: number): Uint8Array {
  return writeServerHello({
    random: HELLO_RETRY_REQUEST_RANDOM,
    cipherSuite: 0x1301,
    extensions: new Map<number, Uint8Array>([
      [ExtensionType.SUPPORTED_VERSIONS, writeSelectedVersion()],
      [ExtensionType.COOKIE, writeCookie(new Uint8Array(length).fill(7))],
    ]),
  });
}

test('a cookie as large as a server needs comes back', () => {
  const client = newClient();
  client.start(TEST_UNIX_TIME);
  drain(client);
  client.handleMessages(INITIAL, cookieRequest(MAX_COOKIE_LENGTH), TEST_UNIX_TIME);
  const { extensions } = readClientHello(sentAt(drain(client), INITIAL).subarray(4));
  assert.is(extensions.get(ExtensionType.COOKIE)?.length, 2 + MAX_COOKIE_LENGTH);
});

// A cookie of 65,000 bytes did not fit into the second ClientHello with the rest of it: internal_error, and the fault was ours.
for (const length of [MAX_COOKIE_LENGTH + 1, 65_000])
  test(`a cookie of ${length} bytes is refused as the server's fault`, () => {
    const client = newClient();
    client.start(TEST_UNIX_TIME);
    drain(client);
    const request = cookieRequest(length);
    expectAlert(
      () => client.handleMessages(INITIAL, request, TEST_UNIX_TIME),
      Alert.ILLEGAL_PARAMETER,
      'ERR_TLS_PEER_MISBEHAVED',
      client,
    );
  });

test('a client hears that its early data is refused before it sends the second ClientHello', () => {
  const server = resuming({}, { earlyData: onceGuard() });
  const [session] = firstSessions(server);
  assert.ok(session !== undefined);
  const client = returningClient(session, { earlyData: true }, { groups: [X25519, SECP256R1] });
  client.start(TEST_UNIX_TIME);
  const first = drain(client);
  assert.ok(eventNames(first).includes(`write-secret ${EARLY}`));
  const retrying = newServer({ ...server, groups: [SECP256R1] });
  retrying.handleMessages(INITIAL, sentAt(first, INITIAL), TEST_UNIX_TIME);
  client.handleMessages(INITIAL, sentAt(drain(retrying), INITIAL), TEST_UNIX_TIME);
  const events = drain(client);
  // RFC 8446 §4.2.10: early data must not go on behind it, and the carrier has no other way to know.
  assert.equal(eventNames(events), ['early-data', `send ${INITIAL}`]);
  assert.equal(events[0], { type: 'early-data', isAccepted: false });
});

test.run();
