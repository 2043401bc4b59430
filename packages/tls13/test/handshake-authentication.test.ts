/**
 * Every step that proves who the peer is, broken alone while the rest stays honest. A check that is skipped is the worst
 * bug this package could have.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  SERVER_AUTH,
  TEST_SERVER_NAME,
  TEST_UNIX_TIME,
  buildCertificate,
  extensions as certificateExtensions,
  seededRandom,
  testKeyPair,
} from '@mquictt/testkit';
import { Alert } from '../src/alerts.ts';
import { RootStore } from '../src/certificates/roots.ts';
import { CIPHER_SUITES } from '../src/cipher-suites.ts';
import type { ClientHandshake } from '../src/client-handshake.ts';
import type { ClientConfig, Credential } from '../src/config.ts';
import { TlsError } from '../src/errors.ts';
import { ExtensionType } from '../src/extensions.ts';
import { readCertificateStatus } from '../src/extensions/status-request.ts';
import { writeUint16List } from '../src/extensions/uint16-list.ts';
import { EncryptionLevel } from '../src/handshake.ts';
import { writeCertificateRequest } from '../src/messages/certificate-request.ts';
import { writeCertificateVerify } from '../src/messages/certificate-verify.ts';
import { readCertificate, writeCertificate } from '../src/messages/certificate.ts';
import { writeEncryptedExtensions } from '../src/messages/encrypted-extensions.ts';
import { writeFinished } from '../src/messages/finished.ts';
import { HandshakeType, writeMessage } from '../src/messages/handshake-message.ts';
import { nobleProvider } from '../src/providers/noble.ts';
import { SignatureScheme } from '../src/provider.ts';
import { concat } from './support/bytes.ts';
import {
  CLIENT_EXTENSION,
  connect,
  credentialOf,
  drain,
  expectAlert,
  messagesOf,
  newClient,
  newServer,
  sentAt,
} from './support/handshakes.ts';
import {
  certificateMessage,
  encryptedExtensions,
  scriptedFlight,
  type EditContext,
  type FlightMessage,
  type Script,
} from './support/scripted-server.ts';

const { INITIAL, HANDSHAKE, APPLICATION } = EncryptionLevel;

const test = suite('handshake authentication');

interface Options {
  readonly client?: Partial<ClientConfig>;
  readonly serverName?: string;
  readonly unixTime?: number;
}

/** A started client and the flight that a scripted server answers it with. */
function against(script: Script, options: Options = {}): { client: ClientHandshake; deliver: () => void } {
  const client = newClient(options.client, options.serverName);
  client.start(TEST_UNIX_TIME);
  const flight = scriptedFlight(sentAt(drain(client), INITIAL), script);
  const deliver = (): void => {
    for (const { level, data } of flight) client.handleMessages(level, data, options.unixTime ?? TEST_UNIX_TIME);
  };
  return { client, deliver };
}

/** A script that replaces one message. */
function replacing(name: FlightMessage, edit: (message: Uint8Array, context: EditContext) => Uint8Array[]): Script {
  return { edit: (each, message, context) => (each === name ? edit(message, context) : [message]) };
}

function refused(script: Script, alert: Alert, code?: TlsError['code'], options?: Options): void {
  const { client, deliver } = against(script, options);
  expectAlert(deliver, alert, code, client);
  assert.not(client.isComplete);
}

test('the scripted server is honest when nothing is changed', () => {
  for (const cipherSuite of CIPHER_SUITES) {
    const { client, deliver } = against({ suite: cipherSuite });
    deliver();
    assert.ok(client.isComplete);
  }
});

// CertificateVerify (RFC 8446 §4.4.3)

test('client refuses a changed signature', () => {
  for (const at of [8, 20, 70]) {
    const script = replacing('certificate_verify', (message) => {
      const changed = message.slice();
      changed[at] = (changed[at] as number) ^ 1;
      return [changed];
    });
    refused(script, Alert.DECRYPT_ERROR, 'ERR_TLS_AUTHENTICATION');
  }
});

test('client refuses an empty signature', () => {
  const script = replacing('certificate_verify', () => [
    writeCertificateVerify({ algorithm: SignatureScheme.ECDSA_SECP256R1_SHA256, signature: new Uint8Array(0) }),
  ]);
  refused(script, Alert.DECRYPT_ERROR, 'ERR_TLS_AUTHENTICATION');
});

test('client refuses a signature by another key', () => {
  const { pkcs8 } = testKeyPair('p256');
  const key = nobleProvider.importSigningKey(pkcs8, seededRandom(3));
  const credential: Credential = { chain: credentialOf('ecdsa-p256').chain, key };
  refused({ credential }, Alert.DECRYPT_ERROR, 'ERR_TLS_AUTHENTICATION');
});

test('client refuses a signature by a key of another type', () => {
  const credential: Credential = { chain: credentialOf('ecdsa-p256').chain, key: credentialOf('ed25519').key };
  refused({ credential }, Alert.DECRYPT_ERROR, 'ERR_TLS_AUTHENTICATION');
});

test('client refuses a signature over another transcript', () => {
  const script: Script = {
    signContent(content) {
      const changed = content.slice();
      changed[changed.length - 1] = (changed.at(-1) as number) ^ 1;
      return changed;
    },
  };
  refused(script, Alert.DECRYPT_ERROR, 'ERR_TLS_AUTHENTICATION');
});

test('client refuses a signature made for the client role', () => {
  const script: Script = {
    signContent: (content) =>
      new Uint8Array(Buffer.from(Buffer.from(content).toString('latin1').replace('server', 'client'), 'latin1')),
  };
  refused(script, Alert.DECRYPT_ERROR, 'ERR_TLS_AUTHENTICATION');
});

test('client refuses a signature under the name of another scheme', () => {
  for (const scheme of [
    SignatureScheme.ECDSA_SECP384R1_SHA384,
    SignatureScheme.ED25519,
    SignatureScheme.RSA_PSS_RSAE_SHA256,
  ]) {
    refused({ scheme }, Alert.DECRYPT_ERROR, 'ERR_TLS_AUTHENTICATION');
  }
});

test('client refuses PKCS#1 v1.5 and unknown schemes in CertificateVerify', () => {
  const schemes = [
    SignatureScheme.RSA_PKCS1_SHA256,
    SignatureScheme.RSA_PKCS1_SHA384,
    SignatureScheme.RSA_PKCS1_SHA512,
  ];
  for (const scheme of [...schemes, 0x0201, 0x0203, 0x0000, 0xfefe]) {
    refused({ scheme, credential: credentialOf('rsa-2048') }, Alert.ILLEGAL_PARAMETER, 'ERR_TLS_PEER_MISBEHAVED');
  }
});

// Finished (RFC 8446 §4.4.4)

test('client refuses a wrong Finished', () => {
  for (const at of [4, 20, 35]) {
    const script = replacing('finished', (message) => {
      const changed = message.slice();
      changed[at] = (changed[at] as number) ^ 0x80;
      return [changed];
    });
    refused(script, Alert.DECRYPT_ERROR, 'ERR_TLS_AUTHENTICATION');
  }
});

test('client refuses a Finished of another length', () => {
  for (const length of [0, 31, 33, 48]) {
    const script = replacing('finished', (message) => [
      writeFinished(concat(message.slice(4), new Uint8Array(16)).subarray(0, length)),
    ]);
    refused(script, Alert.DECODE_ERROR);
  }
});

test('client refuses its own Finished reflected', () => {
  const script = replacing('finished', (_message, { schedule, digest }) => [
    writeFinished(schedule?.clientVerifyData(digest()) as Uint8Array),
  ]);
  refused(script, Alert.DECRYPT_ERROR, 'ERR_TLS_AUTHENTICATION');
});

test('server refuses a wrong Finished and never gives read keys for 1-RTT', () => {
  for (const at of [0, 15, 31]) {
    const client = newClient();
    const server = newServer();
    const onClientSends = (level: EncryptionLevel, data: Uint8Array): Uint8Array => {
      if (level === HANDSHAKE) data[4 + at] = (data[4 + at] as number) ^ 1;
      return data;
    };
    expectAlert(
      () => connect(client, server, { onClientSends }),
      Alert.DECRYPT_ERROR,
      'ERR_TLS_AUTHENTICATION',
      server,
    );
    assert.not(server.isComplete);
  }
});

test('server refuses a Finished of another length', () => {
  for (const length of [0, 31, 33]) {
    const client = newClient();
    const server = newServer();
    const onClientSends = (level: EncryptionLevel, data: Uint8Array): Uint8Array =>
      level === HANDSHAKE ? writeFinished(concat(data.slice(4), new Uint8Array(8)).subarray(0, length)) : data;
    expectAlert(() => connect(client, server, { onClientSends }), Alert.DECODE_ERROR, undefined, server);
  }
});

// The transcript

test('client finds out about anything changed between the two sides', () => {
  const reference = connect(newClient(), newServer());
  const flight = sentAt(reference.serverEvents, HANDSHAKE);
  const [encrypted] = messagesOf(flight);
  // A byte of the opaque extension: parses as well as before.
  const at = (encrypted as Uint8Array).length - 1;
  const client = newClient();
  const onServerSends = (level: EncryptionLevel, data: Uint8Array): Uint8Array => {
    if (level === HANDSHAKE) data[at] = (data[at] as number) ^ 1;
    return data;
  };
  expectAlert(
    () => connect(client, newServer(), { onServerSends }),
    Alert.DECRYPT_ERROR,
    'ERR_TLS_AUTHENTICATION',
    client,
  );
});

test('client finds out about a changed ClientHello', () => {
  const client = newClient();
  const onClientSends = (level: EncryptionLevel, data: Uint8Array): Uint8Array => {
    // The last byte is in the opaque extension.
    if (level === INITIAL) data[data.length - 1] = (data.at(-1) as number) ^ 1;
    return data;
  };
  expectAlert(
    () => connect(client, newServer(), { onClientSends }),
    Alert.DECRYPT_ERROR,
    'ERR_TLS_AUTHENTICATION',
    client,
  );
});

// The certificate

test('client refuses a certificate for another name', () => {
  for (const serverName of ['example.com', 'sub.localhost', '127.0.0.2', '::2']) {
    refused({}, Alert.BAD_CERTIFICATE, 'ERR_TLS_CERTIFICATE_NAME_MISMATCH', { serverName });
  }
});

test('client refuses a certificate of an unknown authority', () => {
  refused({}, Alert.UNKNOWN_CA, 'ERR_TLS_CERTIFICATE_UNKNOWN_CA', { client: { roots: new RootStore([]) } });
  refused({ credential: selfMade() }, Alert.UNKNOWN_CA, 'ERR_TLS_CERTIFICATE_UNKNOWN_CA');
});

test('client refuses a certificate that is expired or not yet valid', () => {
  refused({}, Alert.CERTIFICATE_EXPIRED, 'ERR_TLS_CERTIFICATE_EXPIRED', { unixTime: Date.UTC(2999, 0, 1) });
  refused({}, Alert.CERTIFICATE_EXPIRED, 'ERR_TLS_CERTIFICATE_NOT_YET_VALID', { unixTime: 0 });
});

test('client refuses a chain without its intermediate', () => {
  const { chain, key } = credentialOf('rsa-chain');
  refused({ credential: { chain: chain.slice(0, 1), key } }, Alert.UNKNOWN_CA, 'ERR_TLS_CERTIFICATE_UNKNOWN_CA');
});

test('client refuses a changed certificate', () => {
  const { chain, key } = credentialOf('ecdsa-p256');
  const [leaf] = chain;
  for (const back of [1, 80, 120]) {
    const changed = (leaf as Uint8Array).slice();
    const at = changed.length - back;
    changed[at] = (changed[at] as number) ^ 1;
    const { client, deliver } = against({ credential: { chain: [changed], key } });
    assert.throws(
      deliver,
      (error: unknown) => error instanceof TlsError && error.code.startsWith('ERR_TLS_CERTIFICATE'),
    );
    assert.not(client.isComplete);
  }
});

test('client refuses what is no certificate', () => {
  const { key } = credentialOf('ecdsa-p256');
  refused(
    { credential: { chain: [Uint8Array.of(1, 2, 3)], key } },
    Alert.BAD_CERTIFICATE,
    'ERR_TLS_CERTIFICATE_INVALID',
  );
});

test('client refuses a Certificate that is empty', () => {
  refused(
    replacing('certificate', () => [certificateMessage([])]),
    Alert.DECODE_ERROR,
  );
});

test('client refuses a Certificate with an empty entry', () => {
  refused(
    replacing('certificate', () => [certificateMessage([new Uint8Array(0)])]),
    Alert.DECODE_ERROR,
  );
});

test('client refuses a Certificate with a context', () => {
  const certificateList = [{ certData: credentialOf('ecdsa-p256').chain[0] as Uint8Array, extensions: new Map() }];
  const script = replacing('certificate', () => [
    writeCertificate({ certificateRequestContext: Uint8Array.of(1), certificateList }),
  ]);
  refused(script, Alert.ILLEGAL_PARAMETER);
});

test('client refuses more certificates than it will look at', () => {
  const { chain, key } = credentialOf('ecdsa-p256');
  const leaf = chain[0] as Uint8Array;
  const credential = { chain: Array.from({ length: 11 }, () => leaf), key };
  refused({ credential }, Alert.BAD_CERTIFICATE, 'ERR_TLS_CERTIFICATE_INVALID');
});

test('client refuses certificate extensions that it did not ask for', () => {
  const certData = credentialOf('ecdsa-p256').chain[0] as Uint8Array;
  for (const [type, alert] of [
    [ExtensionType.STATUS_REQUEST, Alert.UNSUPPORTED_EXTENSION],
    [ExtensionType.SIGNED_CERTIFICATE_TIMESTAMP, Alert.UNSUPPORTED_EXTENSION],
    [0xfefe, Alert.UNSUPPORTED_EXTENSION],
    [ExtensionType.KEY_SHARE, Alert.ILLEGAL_PARAMETER],
  ] as const) {
    const extensions = new Map([[type as number, Uint8Array.of(1)]]);
    const script = replacing('certificate', () => [
      writeCertificate({ certificateRequestContext: new Uint8Array(0), certificateList: [{ certData, extensions }] }),
    ]);
    refused(script, alert);
  }
});

// Messages that are left out, doubled or out of order

test('client refuses a server that leaves out a message', () => {
  for (const name of ['encrypted_extensions', 'certificate', 'certificate_verify'] as const) {
    refused(
      replacing(name, () => []),
      Alert.UNEXPECTED_MESSAGE,
    );
  }
});

test('client refuses a server that authenticates with nothing but its Finished', () => {
  const script: Script = { edit: (name, message) => (name.startsWith('certificate') ? [] : [message]) };
  refused(script, Alert.UNEXPECTED_MESSAGE);
});

test('client does not complete without Finished', () => {
  const { client, deliver } = against(replacing('finished', () => []));
  deliver();
  assert.not(client.isComplete);
  assert.equal(
    drain(client).filter((event) => event.type === 'complete' || event.type === 'send'),
    [],
  );
});

test('client refuses Finished before CertificateVerify', () => {
  const script: Script = {
    edit(name, message, { schedule, digest }) {
      if (name === 'finished') return [];
      return name === 'certificate_verify'
        ? [writeFinished(schedule?.serverVerifyData(digest()) as Uint8Array), message]
        : [message];
    },
  };
  refused(script, Alert.UNEXPECTED_MESSAGE);
});

test('client refuses a message that comes twice', () => {
  for (const name of ['server_hello', 'encrypted_extensions', 'certificate', 'certificate_verify'] as const) {
    refused(
      replacing(name, (message) => [message, message]),
      Alert.UNEXPECTED_MESSAGE,
    );
  }
});

test('client refuses a CertificateRequest after Certificate', () => {
  const request = certificateRequest();
  refused(
    replacing('certificate', (message) => [message, request]),
    Alert.UNEXPECTED_MESSAGE,
  );
  refused(
    replacing('certificate_verify', (message) => [message, request]),
    Alert.UNEXPECTED_MESSAGE,
  );
  refused(
    replacing('certificate', (message) => [request, request, message]),
    Alert.UNEXPECTED_MESSAGE,
  );
  refused(
    replacing('encrypted_extensions', (message) => [request, message]),
    Alert.UNEXPECTED_MESSAGE,
  );
});

test('client answers a CertificateRequest with an empty Certificate', () => {
  const { client, deliver } = against(replacing('certificate', (message) => [certificateRequest(), message]));
  deliver();
  const [certificate, finished, ...rest] = messagesOf(sentAt(drain(client), HANDSHAKE));
  assert.equal(certificate, certificateMessage([]));
  assert.is(finished?.[0], 20);
  assert.equal(rest, []);
  assert.ok(client.isComplete);
});

test('client staples its OCSP response where a CertificateRequest has an empty status_request', () => {
  const ocspResponse = Uint8Array.of(0x30, 0x03, 0x0a, 0x01, 0x03);
  const request = certificateRequest([ExtensionType.STATUS_REQUEST, new Uint8Array(0)]);
  const credential = { ...credentialOf('ecdsa-p256'), ocspResponse };
  const { client, deliver } = against(
    replacing('certificate', (message) => [request, message]),
    { client: { credential } },
  );
  deliver();
  const [certificate] = messagesOf(sentAt(drain(client), HANDSHAKE));
  const { certificateList } = readCertificate(certificate?.subarray(4) as Uint8Array);
  const staple = certificateList[0]?.extensions.get(ExtensionType.STATUS_REQUEST) as Uint8Array;
  assert.equal(readCertificateStatus(staple), ocspResponse);
  assert.ok(client.isComplete);
});

test('client refuses a status_request of a CertificateRequest that says anything', () => {
  const request = certificateRequest([ExtensionType.STATUS_REQUEST, Uint8Array.of(1, 0, 0, 0, 0)]);
  refused(
    replacing('certificate', (message) => [request, message]),
    Alert.DECODE_ERROR,
  );
});

test('client refuses a CertificateRequest with a context or without signature_algorithms', () => {
  const algorithms = new Map([[ExtensionType.SIGNATURE_ALGORITHMS as number, writeUint16List([0x0403])]]);
  const withContext = writeCertificateRequest({ certificateRequestContext: Uint8Array.of(1), extensions: algorithms });
  refused(
    replacing('certificate', (message) => [withContext, message]),
    Alert.ILLEGAL_PARAMETER,
  );
  const without = writeCertificateRequest({ certificateRequestContext: new Uint8Array(0), extensions: new Map() });
  refused(
    replacing('certificate', (message) => [without, message]),
    Alert.MISSING_EXTENSION,
  );
});

test('client refuses more bytes behind Finished at its level', () => {
  const keyUpdate = writeMessage(HandshakeType.KEY_UPDATE, (writer) => writer.uint8(0));
  const client = newClient();
  client.start(TEST_UNIX_TIME);
  const flight = scriptedFlight(sentAt(drain(client), INITIAL));
  const handshake = flight.filter(({ level }) => level === HANDSHAKE).map(({ data }) => data);
  client.handleMessages(INITIAL, flight[0]?.data as Uint8Array, TEST_UNIX_TIME);
  const bytes = concat(...handshake, keyUpdate);
  expectAlert(
    () => client.handleMessages(HANDSHAKE, bytes, TEST_UNIX_TIME),
    Alert.UNEXPECTED_MESSAGE,
    undefined,
    client,
  );
});

test('client refuses bytes of ServerHello that run over into the next level', () => {
  const client = newClient();
  client.start(TEST_UNIX_TIME);
  const flight = scriptedFlight(sentAt(drain(client), INITIAL));
  // The first byte of EncryptedExtensions.
  const bytes = concat(flight[0]?.data as Uint8Array, Uint8Array.of(8));
  expectAlert(() => client.handleMessages(INITIAL, bytes, TEST_UNIX_TIME), Alert.UNEXPECTED_MESSAGE, undefined, client);
});

// The judgement of the application

test('client waits for the application to judge a chain', () => {
  const { client, deliver } = against({}, { client: { judgePeerChain: true } });
  deliver();
  const events = drain(client);
  const judge = events.at(-1);
  assert.ok(judge?.type === 'judge-peer-chain');
  assert.equal(judge.chain, credentialOf('ecdsa-p256').chain);
  assert.equal(judge.path[0]?.der, judge.chain[0]);
  assert.is(judge.ocspResponse, undefined);
  assert.not(client.isComplete);
  assert.equal(drain(client), []);
  client.acceptPeerChain();
  assert.ok(client.isComplete);
  assert.is(drain(client).at(-1)?.type, 'complete');
  assert.throws(
    () => client.acceptPeerChain(),
    (error: TlsError) => error.code === 'ERR_TLS_INVALID_STATE',
  );
});

test('a chain is shown only once the server has proved that it is its own', () => {
  const { client, deliver } = against({ signContent: () => new Uint8Array(1) }, { client: { judgePeerChain: true } });
  expectAlert(deliver, Alert.DECRYPT_ERROR, 'ERR_TLS_AUTHENTICATION', client);
});

test('a rejected chain ends the handshake', () => {
  const { client, deliver } = against({}, { client: { judgePeerChain: true } });
  deliver();
  const error = new TlsError('ERR_TLS_CERTIFICATE_REJECTED', Alert.ACCESS_DENIED, 'Not on the list');
  client.rejectPeerChain(error);
  assert.equal(drain(client), []);
  assert.not(client.isComplete);
  assert.throws(
    () => client.handleMessages(HANDSHAKE, Uint8Array.of(1), TEST_UNIX_TIME),
    (again: unknown) => again === error,
  );
});

test('what waits during the judgement is checked afterwards', () => {
  const script = replacing('finished', (message) => [message.map((byte, i) => (i === 10 ? byte ^ 1 : byte))]);
  const { client, deliver } = against(script, { client: { judgePeerChain: true } });
  deliver();
  expectAlert(() => client.acceptPeerChain(), Alert.DECRYPT_ERROR, 'ERR_TLS_AUTHENTICATION', client);
});

test('what waits during the judgement is bounded', () => {
  const { client, deliver } = against({}, { client: { judgePeerChain: true } });
  deliver();
  client.handleMessages(HANDSHAKE, new Uint8Array(60_000), TEST_UNIX_TIME);
  expectAlert(() => client.handleMessages(HANDSHAKE, new Uint8Array(6_000), TEST_UNIX_TIME), Alert.UNEXPECTED_MESSAGE);
});

test('bytes of another level are refused during the judgement too', () => {
  const { client, deliver } = against({}, { client: { judgePeerChain: true } });
  deliver();
  expectAlert(
    () => client.handleMessages(APPLICATION, Uint8Array.of(4), TEST_UNIX_TIME),
    Alert.UNEXPECTED_MESSAGE,
    undefined,
    client,
  );
});

// EncryptedExtensions, behind the keys and still unauthenticated

test('client refuses a server without transport extension', () => {
  const extensions = encryptedExtensions();
  extensions.delete(CLIENT_EXTENSION.type);
  refused(
    replacing('encrypted_extensions', () => [writeEncryptedExtensions(extensions)]),
    Alert.MISSING_EXTENSION,
  );
});

function certificateRequest(...more: readonly (readonly [number, Uint8Array])[]): Uint8Array {
  const algorithms = writeUint16List([0x0403, 0x0804]);
  const extensions = new Map([[ExtensionType.SIGNATURE_ALGORITHMS as number, algorithms], ...more]);
  return writeCertificateRequest({ certificateRequestContext: new Uint8Array(0), extensions });
}

/** Good in every respect but that nobody trusts it. */
function selfMade(): Credential {
  const pair = testKeyPair('p256');
  const certificate = buildCertificate({
    subject: 'self-made',
    key: pair,
    extensions: [
      certificateExtensions.subjectAlternativeName(TEST_SERVER_NAME),
      certificateExtensions.extendedKeyUsage(SERVER_AUTH),
    ],
  });
  return { chain: [certificate], key: nobleProvider.importSigningKey(pair.pkcs8, seededRandom(4)) };
}

test.run();
