/** Mutual TLS (RFC 8446 §4.3.2, §4.4.2): clients are asked for certificates, verified and judged. */
import { SERVER_AUTH, TEST_UNIX_TIME, extensions, testRoots } from '@mquictt/testkit';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Alert } from '../src/alerts.ts';
import { readSubject } from '../src/certificates/parse.ts';
import { RootStore } from '../src/certificates/roots.ts';
import type { CertificateOffer, ClientAuthentication, ClientConfig } from '../src/config.ts';
import { TlsError } from '../src/errors.ts';
import { EncryptionLevel, type Handshake, type HandshakeEvent } from '../src/handshake.ts';
import { HandshakeType } from '../src/messages/handshake-message.ts';
import { nodeProvider } from '../src/node/index.ts';
import { nobleProvider } from '../src/providers/noble.ts';
import { latin1Text } from '../src/ascii.ts';
import { authority, leaf } from './support/chains.ts';
import {
  connect,
  credentialOf,
  drain,
  expectAlert,
  messagesOf,
  newClient,
  newServer,
  sentAt,
  type Carriage,
  type Connected,
} from './support/handshakes.ts';
import { completeOf, firstSessions, resuming, returningClient } from './support/sessions.ts';

const { HANDSHAKE } = EncryptionLevel;
const test = suite('client certificates');

const roots = testRoots();

function run(
  client: Partial<ClientConfig>,
  authentication: Partial<ClientAuthentication> = {},
  carriage: Carriage = {},
): Connected & { server: Handshake } {
  const server = newServer({ clientAuthentication: { roots, ...authentication } });
  return { ...connect(newClient(client), server, carriage), server };
}

for (const kind of ['ecdsa-p256', 'ecdsa-p384', 'ed25519', 'rsa-2048', 'rsa-chain'] as const)
  for (const provider of [nobleProvider, nodeProvider])
    test(`a client with ${kind} is who it says it is (${provider.name})`, () => {
      const credential = credentialOf(kind, provider);
      const server = newServer({ provider, clientAuthentication: { roots } });
      const { clientEvents, serverEvents } = connect(newClient({ provider, credential }), server);
      assert.equal(server.peerCertificates, credential.chain);
      assert.is(completeOf(serverEvents).peerIdentity, undefined);
      const flight = messagesOf(sentAt(clientEvents, HANDSHAKE)).map((message) => message[0]);
      assert.equal(flight, [HandshakeType.CERTIFICATE, HandshakeType.CERTIFICATE_VERIFY, HandshakeType.FINISHED]);
    });

test('a client without a certificate is welcome where none is required', () => {
  const { server, serverEvents } = run({}, { isRequired: false });
  assert.equal(server.peerCertificates, []);
  assert.ok(completeOf(serverEvents));
});

test('a client without a certificate is refused where one is required', () => {
  const server = newServer({ clientAuthentication: { roots } });
  expectAlert(() => connect(newClient(), server), Alert.CERTIFICATE_REQUIRED, 'ERR_TLS_CERTIFICATE_REQUIRED', server);
});

test('a client of another authority is refused', () => {
  const ca = authority('someone else');
  const server = newServer({ clientAuthentication: { roots: new RootStore([ca.der]), isRequired: false } });
  expectAlert(
    () => connect(newClient({ credential: credentialOf('ecdsa-p256') }), server),
    Alert.UNKNOWN_CA,
    'ERR_TLS_CERTIFICATE_UNKNOWN_CA',
    server,
  );
});

test('a certificate that is not for clients is refused', () => {
  const ca = authority('test root');
  const served = leaf(ca, ['example.org'], { replace: [extensions.extendedKeyUsage(SERVER_AUTH)] });
  const key = nobleProvider.importSigningKey(served.key.pkcs8, { fillPublic: () => {}, fillPrivate: () => {} });
  const server = newServer({ clientAuthentication: { roots: new RootStore([ca.der]) } });
  expectAlert(
    () => connect(newClient({ credential: { chain: [served.der], key } }), server),
    Alert.UNSUPPORTED_CERTIFICATE,
    'ERR_TLS_CERTIFICATE_PURPOSE',
    server,
  );
});

test('an application gives a client its identity, and may take its time', () => {
  const waiting: Handshake[] = [];
  const client = newClient({ credential: credentialOf('ed25519') });
  const server = newServer({ clientAuthentication: { roots, judgePeerChain: true } });
  const { serverEvents } = connect(client, server, {
    onEvent(handshake, event) {
      if (event.type !== 'judge-peer-chain') return;
      assert.equal(event.chain, credentialOf('ed25519').chain);
      assert.ok(roots.has(event.path.at(-1)!));
      waiting.push(handshake);
    },
  });
  assert.not(serverEvents.some(({ type }) => type === 'complete'));
  assert.not(server.isComplete);
  waiting[0]!.acceptPeerChain('sensor 7');
  const complete = completeOf(drain(server));
  assert.is(complete.peerIdentity, 'sensor 7');
});

test('an application may refuse a client', () => {
  const { server, serverEvents } = run({ credential: credentialOf('ed25519') }, { judgePeerChain: true });
  const error = new TlsError('ERR_TLS_CERTIFICATE_REJECTED', Alert.ACCESS_DENIED, 'not on the list');
  server.rejectPeerChain(error);
  assert.not(serverEvents.some(({ type }) => type === 'complete'));
  assert.throws(
    () => server.handleMessages(HANDSHAKE, Uint8Array.of(0), TEST_UNIX_TIME),
    (thrown: unknown) => thrown === error,
  );
});

test('no one is judged who presents nothing', () => {
  const { serverEvents } = run({}, { judgePeerChain: true, isRequired: false });
  assert.not(serverEvents.some(({ type }) => type === 'judge-peer-chain'));
  completeOf(serverEvents);
});

test('an identity that is too long is refused, and the question stays open', () => {
  const { server } = run({ credential: credentialOf('ed25519') }, { judgePeerChain: true });
  assert.throws(
    () => server.acceptPeerChain('x'.repeat(1_025)),
    (error: TlsError) => error.code === 'ERR_TLS_INVALID_STATE',
  );
  server.acceptPeerChain('x'.repeat(1_024));
  assert.ok(server.isComplete);
});

test('a resumed client keeps its identity, and is not judged again', () => {
  const credential = credentialOf('ed25519');
  const server = resuming({ clientAuthentication: { roots, judgePeerChain: true } });
  const judged: string[] = [];
  const carriage: Carriage = {
    onEvent(handshake, event) {
      if (event.type !== 'judge-peer-chain') return;
      judged.push(event.type);
      handshake.acceptPeerChain('sensor 7');
    },
  };
  const first = connect(newClient({ credential }), newServer(server), carriage);
  const session = first.clientEvents.flatMap((event: HandshakeEvent) =>
    event.type === 'session' ? [event.session] : [],
  )[0]!;
  const again = newServer(server);
  const { serverEvents } = connect(returningClient(session), again, carriage);
  const complete = completeOf(serverEvents);
  assert.ok(complete.isResumed);
  assert.is(complete.peerIdentity, 'sensor 7');
  assert.equal(again.peerCertificates, credential.chain.slice(0, 1));
  assert.is(judged.length, 1);
});

test('a session of nobody does not get in where certificates are required', () => {
  const { tickets } = resuming().resumption!;
  const [session] = firstSessions(resuming({ clientAuthentication: { roots, isRequired: false } }, { tickets }));
  const strict = newServer(resuming({ clientAuthentication: { roots } }, { tickets }));
  expectAlert(() => connect(returningClient(session!), strict), Alert.CERTIFICATE_REQUIRED, undefined, strict);
});

test('the identity of a session is gone where nobody is asked any more', () => {
  const { tickets } = resuming().resumption!;
  const client = { credential: credentialOf('ed25519') };
  const [session] = firstSessions(resuming({ clientAuthentication: { roots } }, { tickets }), client);
  const { serverEvents } = connect(returningClient(session!), newServer(resuming({}, { tickets })));
  assert.not(completeOf(serverEvents).isResumed);
});

test('a client is told which authorities are trusted, and presents what fits or nothing', () => {
  const offers: CertificateOffer[] = [];
  const { server } = run(
    {
      credential: {
        choose(offer) {
          offers.push(offer);
          return undefined;
        },
      },
    },
    { isRequired: false },
  );
  assert.equal(server.peerCertificates, []);
  const [offer] = offers;
  assert.ok(offer !== undefined && offer.signatureSchemes.length > 0);
  assert.equal(offer.authorities.map(latin1Text), [...roots].map(readSubject));
});

test('a client may take its time to choose', () => {
  const credential = credentialOf('ed25519');
  const client = newClient({ credential: { choose: () => 'wait' } });
  const server = newServer({ clientAuthentication: { roots } });
  connect(client, server);
  assert.not(client.isComplete);
  client.provideCredential(credential);
  server.handleMessages(HANDSHAKE, sentAt(drain(client), HANDSHAKE), TEST_UNIX_TIME);
  assert.ok(client.isComplete && server.isComplete);
  assert.equal(server.peerCertificates, credential.chain);
});

test('a client whose key fits none of the schemes presents nothing', () => {
  const { chain, key } = credentialOf('ed25519');
  const { server } = run({ credential: { chain, key: { ...key, schemes: [] } } }, { isRequired: false });
  assert.equal(server.peerCertificates, []);
});

test('a server that trusts nobody is a mistake', () => {
  assert.throws(
    () => newServer({ clientAuthentication: { roots: new RootStore() } }),
    (error: TlsError) => error.code === 'ERR_TLS_CONFIG',
  );
});

test.run();
