/** `peerCertificates` holds nothing that is not proved: a chain alone can be presented by anybody. */
import { TEST_UNIX_TIME, testRoots } from '@mquictt/testkit';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { EncryptionLevel } from '../../src/handshake.ts';
import { connect, credentialOf, drain, messagesOf, newClient, newServer, sentAt } from '../support/handshakes.ts';
import { firstSessions, resuming, returningClient } from '../support/sessions.ts';

const { INITIAL, HANDSHAKE } = EncryptionLevel;
const test = suite('review: unproved certificates');

test('a server is nobody before CertificateVerify', () => {
  const client = newClient();
  const server = newServer();
  client.start(TEST_UNIX_TIME);
  server.handleMessages(INITIAL, sentAt(drain(client), INITIAL), TEST_UNIX_TIME);
  const flight = drain(server);
  client.handleMessages(INITIAL, sentAt(flight, INITIAL), TEST_UNIX_TIME);
  const [extensions, certificate, verify] = messagesOf(sentAt(flight, HANDSHAKE));
  for (const message of [extensions!, certificate!]) {
    client.handleMessages(HANDSHAKE, message, TEST_UNIX_TIME);
    assert.equal(client.peerCertificates, []);
  }
  client.handleMessages(HANDSHAKE, verify!, TEST_UNIX_TIME);
  assert.equal(client.peerCertificates, credentialOf('ecdsa-p256').chain);
});

test('a client is nobody before CertificateVerify', () => {
  const credential = credentialOf('ed25519');
  const client = newClient({ credential });
  const server = newServer({ clientAuthentication: { roots: testRoots() } });
  client.start(TEST_UNIX_TIME);
  server.handleMessages(INITIAL, sentAt(drain(client), INITIAL), TEST_UNIX_TIME);
  const flight = drain(server);
  for (const level of [INITIAL, HANDSHAKE]) client.handleMessages(level, sentAt(flight, level), TEST_UNIX_TIME);
  const [certificate, verify] = messagesOf(sentAt(drain(client), HANDSHAKE));
  server.handleMessages(HANDSHAKE, certificate!, TEST_UNIX_TIME);
  assert.equal(server.peerCertificates, []);
  server.handleMessages(HANDSHAKE, verify!, TEST_UNIX_TIME);
  assert.equal(server.peerCertificates, credential.chain);
});

test('a resumed server is nobody before its Finished', () => {
  const config = resuming();
  const [session] = firstSessions(config);
  const client = returningClient(session!);
  const server = newServer(config);
  client.start(TEST_UNIX_TIME);
  server.handleMessages(INITIAL, sentAt(drain(client), INITIAL), TEST_UNIX_TIME);
  const flight = drain(server);
  client.handleMessages(INITIAL, sentAt(flight, INITIAL), TEST_UNIX_TIME);
  const [extensions, finished] = messagesOf(sentAt(flight, HANDSHAKE));
  client.handleMessages(HANDSHAKE, extensions!, TEST_UNIX_TIME);
  assert.equal(client.peerCertificates, []);
  client.handleMessages(HANDSHAKE, finished!, TEST_UNIX_TIME);
  assert.equal(client.peerCertificates, session!.peerCertificates);
});

test('a resumed client is nobody before its Finished: its ClientHello may be a recording', () => {
  const credential = credentialOf('ed25519');
  const config = resuming({ clientAuthentication: { roots: testRoots() } });
  const [session] = firstSessions(config, { credential });
  const client = returningClient(session!);
  client.start(TEST_UNIX_TIME);
  const recorded = newServer(config);
  recorded.handleMessages(INITIAL, sentAt(drain(client), INITIAL), TEST_UNIX_TIME);
  drain(recorded);
  assert.equal(recorded.peerCertificates, []);
  const server = newServer(config);
  connect(returningClient(session!), server);
  assert.equal(server.peerCertificates, credential.chain.slice(0, 1));
});

test.run();
