/** Someone in the middle, or a client that is not who it says, against a server: mutual TLS, sessions, and what the two agree on. */
import { createPrivateKey, sign } from 'node:crypto';
import { SERVER_AUTH, TEST_UNIX_TIME, extensions, seededRandom, testCertificatePem, testRoots } from '@mquictt/testkit';
import * as assert from 'uvu/assert';
import { Alert } from '../../src/alerts.ts';
import { RootStore } from '../../src/certificates/roots.ts';
import { TLS_AES_128_GCM_SHA256, TLS_AES_256_GCM_SHA384 } from '../../src/cipher-suites.ts';
import type { ClientConfig, Credential, Resumption, ServerConfig } from '../../src/config.ts';
import { ExtensionType } from '../../src/extensions.ts';
import { readAlpn, writeAlpn } from '../../src/extensions/alpn.ts';
import { readClientShares, writeClientShares } from '../../src/extensions/key-share.ts';
import { writeUint16List } from '../../src/extensions/uint16-list.ts';
import { EncryptionLevel, type Handshake, type HandshakeEvent } from '../../src/handshake.ts';
import { writeFinished } from '../../src/messages/finished.ts';
import { nodeProvider } from '../../src/node/index.ts';
import { NamedGroup, SignatureScheme, type SigningKey } from '../../src/provider.ts';
import { nobleProvider } from '../../src/providers/noble.ts';
import { authenticationContext } from '../../src/sessions/authentication-context.ts';
import type { ClientSession } from '../../src/sessions/client-session.ts';
import { SealedTickets } from '../../src/sessions/sealed-tickets.ts';
import type { SessionTickets } from '../../src/sessions/server-session.ts';
import { changingHellos, credentialFor, stageAttacks, type Attack, type Stage } from '../support/attacks.ts';
import { authority, keyFor, leaf } from '../support/chains.ts';
import { connect, credentialOf, drain, sentAt, type Carriage, type Connected } from '../support/handshakes.ts';
import { completeOf, sealedTickets, sessionsOf } from '../support/sessions.ts';
import { WEAK_PROVIDERS, ZERO_SHARES } from '../support/weak-providers.ts';

const { INITIAL, HANDSHAKE } = EncryptionLevel;
const KEY_USAGE = '2.5.29.15';
const DAY = 86_400_000;

/** The server knows its clients by certificates of this authority. */
const root = authority('root that the server trusts');
const clientAuthentication = { roots: new RootStore([root.der]) };
const NAMES = ['sensor.example'];
const sensor = leaf(root, NAMES, { subject: 'sensor 7', key: keyFor('sensor 7') });
const attacker = leaf(root, NAMES, { subject: 'sensor 666', key: keyFor('attacker'), remove: [KEY_USAGE] });
const strangeKey = nodeProvider.importSigningKey(keyFor('stranger').pkcs8, seededRandom(3));

/** The application calls clients by the subject of their leaf. */
const NAMING: Carriage = {
  onEvent(handshake, event) {
    if (event.type === 'judge-peer-chain') handshake.acceptPeerChain(event.path[0]?.subjectText);
  },
};

/** A client comes to a server that asks for certificates. */
function comes(
  client: Partial<ClientConfig>,
  server: Partial<ServerConfig> = {},
  carriage: Carriage = NAMING,
): (stage: Stage) => Connected {
  return (stage) =>
    connect(
      stage.client(client),
      stage.server({ clientAuthentication: { ...clientAuthentication, judgePeerChain: true }, ...server }),
      carriage,
    );
}

/** The connection counts as the sensor's. */
function passesForSensor({ serverEvents }: Connected): void {
  assert.is(completeOf(serverEvents).peerIdentity, 'CN=sensor 7');
}

const verify = {
  off: 'provider: signatures in CertificateVerify',
  alert: Alert.DECRYPT_ERROR,
  code: 'ERR_TLS_AUTHENTICATION',
  rfc: 'RFC 8446 §4.4.3',
} as const;

function recordedKey(): SigningKey {
  const { key } = credentialFor(sensor);
  const recorded = key.sign(SignatureScheme.ECDSA_SECP256R1_SHA256, new Uint8Array(130).fill(0x20));
  return { ...key, sign: () => recorded };
}

function pkcs1Credential(): Credential {
  const key = createPrivateKey(testCertificatePem('rsa-2048').keyPem);
  const { chain, key: usual } = credentialOf('rsa-2048', nodeProvider);
  const pkcs1: SigningKey = {
    schemes: [SignatureScheme.RSA_PKCS1_SHA256],
    publicKeyInfo: usual.publicKeyInfo,
    sign: (_scheme, message) => new Uint8Array(sign('sha256', message, key)),
  };
  return { chain, key: pkcs1 };
}

const WITHOUT_THE_KEY: readonly Attack[] = [
  {
    what: 'a certificate with another key behind it',
    ...verify,
    run: comes({ credential: { chain: [sensor.der], key: strangeKey } }),
    gain: passesForSensor,
  },
  {
    what: 'a certificate swapped for that of another client',
    ...verify,
    run: comes({ credential: { chain: [sensor.der], key: credentialFor(attacker).key } }),
    gain: passesForSensor,
  },
  {
    what: 'a CertificateVerify over another transcript',
    ...verify,
    misdeeds: ['signs another transcript'],
    // The server signs with the same code, and the attacker does not look.
    run: comes({
      credential: credentialFor(sensor),
      provider: WEAK_PROVIDERS['provider: signatures in CertificateVerify'],
    }),
    gain: passesForSensor,
  },
  {
    what: 'a CertificateVerify made as a server',
    ...verify,
    misdeeds: ['signs as the other role'],
    run: comes({
      credential: credentialFor(sensor),
      provider: WEAK_PROVIDERS['provider: signatures in CertificateVerify'],
    }),
    gain: passesForSensor,
  },
  {
    what: 'a CertificateVerify recorded elsewhere',
    ...verify,
    run: comes({ credential: { chain: [sensor.der], key: recordedKey() } }),
    gain: passesForSensor,
  },
  {
    what: 'a CertificateVerify with PKCS#1 v1.5',
    rfc: 'RFC 8446 §4.2.3, §4.4.3',
    off: 'no PKCS#1 v1.5 in CertificateVerify',
    misdeeds: ['signs with a scheme that was not offered'],
    alert: Alert.ILLEGAL_PARAMETER,
    code: 'ERR_TLS_PEER_MISBEHAVED',
    run: comes({ credential: pkcs1Credential() }, { clientAuthentication: { roots: testRoots() } }),
  },
  {
    what: 'a client without CertificateVerify',
    rfc: 'RFC 8446 §4.4.3, §A.2',
    off: 'a client sends CertificateVerify',
    misdeeds: ['client: no CertificateVerify'],
    alert: Alert.UNEXPECTED_MESSAGE,
    code: 'ERR_TLS_PEER_MISBEHAVED',
    run: comes({ credential: { chain: [sensor.der], key: strangeKey } }),
    gain: (_connected, victim) => assert.equal(victim.peerCertificates, [sensor.der]),
  },
  {
    what: 'a client that passes over the CertificateRequest',
    rfc: 'RFC 8446 §4.4.2, §A.2',
    off: 'a client sends a Certificate',
    misdeeds: ['client: no Certificate'],
    alert: Alert.UNEXPECTED_MESSAGE,
    code: 'ERR_TLS_PEER_MISBEHAVED',
    run: comes({}),
  },
  {
    what: 'a client without a certificate',
    rfc: 'RFC 8446 §4.4.2.4',
    off: 'a certificate is required',
    alert: Alert.CERTIFICATE_REQUIRED,
    code: 'ERR_TLS_CERTIFICATE_REQUIRED',
    run: comes({}),
    gain: (_connected, victim) => assert.equal(victim.peerCertificates, []),
  },
];

const path = {
  off: 'path to a trusted root',
  alert: Alert.UNKNOWN_CA,
  code: 'ERR_TLS_CERTIFICATE_UNKNOWN_CA',
  rfc: 'RFC 5280 §6.1, RFC 8446 §6.2',
} as const;
const subordinate = authority('subordinate', root);
const SENSOR = { subject: 'sensor 7', key: keyFor('sensor 7') };

const WITH_A_CERTIFICATE: readonly Attack[] = [
  {
    what: 'a certificate of nobody but itself',
    ...path,
    run: comes({ credential: credentialFor(leaf(authority('made up'), NAMES, SENSOR)) }),
    gain: passesForSensor,
  },
  {
    what: 'a chain without its intermediate',
    ...path,
    run: comes({ credential: credentialFor(leaf(subordinate, NAMES, SENSOR)) }),
  },
  {
    what: 'a certificate of nobody but itself, where none is required',
    ...path,
    run: comes(
      { credential: credentialFor(leaf(authority('made up'), NAMES, SENSOR)) },
      { clientAuthentication: { ...clientAuthentication, isRequired: false, judgePeerChain: true } },
    ),
    gain: passesForSensor,
  },
  {
    what: 'a certificate that only says who issued it',
    rfc: 'RFC 5280 §6.1.3 (a)(1)',
    off: 'provider: signatures in certificates',
    alert: Alert.BAD_CERTIFICATE,
    code: 'ERR_TLS_CERTIFICATE_SIGNATURE',
    run: comes({ credential: credentialFor(leaf(root, NAMES, { ...SENSOR, issuerKey: keyFor('attacker') })) }),
    gain: passesForSensor,
  },
  {
    what: 'a certificate issued by the owner of another one',
    rfc: 'RFC 5280 §6.1.4 (k)',
    off: 'issuers are authorities',
    alert: Alert.BAD_CERTIFICATE,
    code: 'ERR_TLS_CERTIFICATE_PURPOSE',
    run: comes({ credential: credentialFor(leaf(attacker, NAMES, SENSOR), attacker) }),
    gain: passesForSensor,
  },
  {
    what: 'a certificate that has expired',
    rfc: 'RFC 5280 §6.1.3 (a)(2), RFC 8446 §6.2',
    off: 'period of validity',
    alert: Alert.CERTIFICATE_EXPIRED,
    code: 'ERR_TLS_CERTIFICATE_EXPIRED',
    run: comes({ credential: credentialFor(leaf(root, NAMES, { ...SENSOR, notAfter: TEST_UNIX_TIME - 1_000 })) }),
  },
  {
    what: 'the certificate of a server as that of a client',
    rfc: 'RFC 5280 §4.2.1.12',
    off: 'purpose of the certificate',
    alert: Alert.UNSUPPORTED_CERTIFICATE,
    code: 'ERR_TLS_CERTIFICATE_PURPOSE',
    run: comes({
      credential: credentialFor(leaf(root, NAMES, { ...SENSOR, replace: [extensions.extendedKeyUsage(SERVER_AUTH)] })),
    }),
  },
  {
    what: 'a key that may not sign',
    rfc: 'RFC 8446 §4.4.2.2',
    off: 'key usage',
    alert: Alert.UNSUPPORTED_CERTIFICATE,
    code: 'ERR_TLS_CERTIFICATE_PURPOSE',
    run: comes({ credential: credentialFor(leaf(root, NAMES, { ...SENSOR, replace: [extensions.keyUsage(2)] })) }),
  },
];

/** Of two honest ends, told to look away on the client's side: then it is the server alone that can notice. */
const transcript = {
  off: 'provider: transcript',
  // The client's end takes any signature and any Finished.
  misdeeds: ['Finished is right'],
  alert: Alert.DECRYPT_ERROR,
  code: 'ERR_TLS_AUTHENTICATION',
  rfc: 'RFC 8446 §4.4.1, §4.4.4',
} as const;

/** The client of these: the same primitives as the server but for the signature, which it does not look at. */
function careless({ client, provider }: Stage, config: Partial<ClientConfig> = {}): Handshake {
  return client({ provider: { ...provider, verify: () => true }, ...config });
}

const ON_THE_WAY: readonly Attack[] = [
  {
    what: 'a key share that makes the secret zero',
    rfc: 'RFC 8446 §7.4.2, RFC 7748 §6.1',
    off: 'provider: points of small order',
    alert: Alert.ILLEGAL_PARAMETER,
    code: 'ERR_TLS_PEER_MISBEHAVED',
    run: ({ client, server }) => connect(client({ provider: ZERO_SHARES, groups: [NamedGroup.X25519] }), server()),
  },
  {
    what: 'a Finished changed on the way',
    rfc: 'RFC 8446 §4.4.4',
    off: 'Finished is right',
    alert: Alert.DECRYPT_ERROR,
    code: 'ERR_TLS_AUTHENTICATION',
    run: ({ client, server }) =>
      connect(client(), server(), {
        onClientSends(level, data) {
          if (level === HANDSHAKE) data[data.length - 1] = (data.at(-1) as number) ^ 1;
          return data;
        },
      }),
  },
  {
    what: 'a Finished made without the keys',
    rfc: 'RFC 8446 §4.4.4',
    off: 'provider: MACs',
    misdeeds: ['Finished is right'],
    alert: Alert.DECRYPT_ERROR,
    code: 'ERR_TLS_AUTHENTICATION',
    run: ({ client, server }) => connect(client({ provider: WEAK_PROVIDERS['provider: MACs'] }), server()),
  },
  {
    what: 'the better protocol stripped from ALPN',
    ...transcript,
    run: (stage) =>
      connect(
        careless(stage, { alpnProtocols: ['better', 'worse'] }),
        stage.server({ alpnProtocols: ['better', 'worse'] }),
        changingHellos((extensions) => {
          const type = ExtensionType.APPLICATION_LAYER_PROTOCOL_NEGOTIATION;
          extensions.set(type, writeAlpn(readAlpn(extensions.get(type) as Uint8Array).slice(1)));
        }),
      ),
    gain: ({ serverEvents }) => assert.is(completeOf(serverEvents).alpnProtocol, 'worse'),
  },
  {
    what: 'another server name',
    ...transcript,
    run: (stage) =>
      connect(
        careless(stage),
        stage.server(),
        changingHellos((extensions) => {
          extensions.delete(ExtensionType.SERVER_NAME);
        }),
      ),
    gain: ({ serverEvents }) => assert.is(completeOf(serverEvents).serverName, undefined),
  },
  {
    what: 'the post-quantum group stripped',
    ...transcript,
    run: (stage) => {
      const groups = [NamedGroup.X25519MLKEM768, NamedGroup.X25519];
      return connect(
        careless(stage, { groups }),
        stage.server({ groups }),
        changingHellos((extensions) => {
          extensions.set(ExtensionType.SUPPORTED_GROUPS, writeUint16List([NamedGroup.X25519]));
          const shares = readClientShares(extensions.get(ExtensionType.KEY_SHARE) as Uint8Array);
          extensions.set(
            ExtensionType.KEY_SHARE,
            writeClientShares(shares.filter(({ group }) => group === NamedGroup.X25519)),
          );
        }),
      );
    },
  },
  {
    what: 'the better cipher suite stripped',
    ...transcript,
    run: (stage) => {
      const cipherSuites = [TLS_AES_256_GCM_SHA384, TLS_AES_128_GCM_SHA256];
      return connect(
        careless(stage, { cipherSuites }),
        stage.server({ cipherSuites }),
        changingHellos(() => ({ cipherSuites: [TLS_AES_128_GCM_SHA256.id] })),
      );
    },
    gain: (_connected, victim) => assert.is(victim.suite?.id, TLS_AES_128_GCM_SHA256.id),
  },
  {
    what: 'a transport parameter changed',
    ...transcript,
    run: (stage) =>
      connect(
        careless(stage),
        stage.server(),
        changingHellos((extensions) => {
          extensions.set(ExtensionType.QUIC_TRANSPORT_PARAMETERS, Uint8Array.of(9));
        }),
      ),
    gain: ({ serverEvents }) =>
      assert.equal(
        serverEvents.find(({ type }) => type === 'peer-extension'),
        { type: 'peer-extension', extensionType: 0x39, data: Uint8Array.of(9) },
      ),
  },
  {
    what: 'a second ClientHello that offers something else',
    rfc: 'RFC 8446 §4.1.2',
    off: 'the second ClientHello is the first',
    misdeeds: ['client: other protocols after the retry'],
    alert: Alert.ILLEGAL_PARAMETER,
    code: 'ERR_TLS_PEER_MISBEHAVED',
    run: ({ client, server }) =>
      connect(
        client({ groups: [NamedGroup.X25519, NamedGroup.SECP256R1] }),
        server({ groups: [NamedGroup.SECP256R1] }),
      ),
  },
];

const required = { alert: Alert.CERTIFICATE_REQUIRED, code: 'ERR_TLS_CERTIFICATE_REQUIRED' } as const;
const judged = { ...clientAuthentication, judgePeerChain: true };
const tickets = sealedTickets();

/** The sensor's own connection, after which it has a session. */
function sensorsSession(stage: Stage, resumption: Resumption): ClientSession {
  const client = stage.client({ credential: credentialFor(sensor) });
  return sessionsOf(
    connect(client, stage.server({ clientAuthentication: judged, resumption }), NAMING).clientEvents,
  )[0]!;
}

/** Keeps the secret of every ticket for ever. */
function unforgetting(): SessionTickets {
  return {
    issue: tickets.issue.bind(tickets),
    redeem: (ticket) => tickets.redeem(ticket, TEST_UNIX_TIME),
  };
}

/** Changes the name in a ticket that anybody can read; tickets have text with two bytes for each character. */
function renamed(session: ClientSession, from: string, to: string): ClientSession {
  const bigEndian = (text: string): string => [...text].map((character) => `\0${character}`).join('');
  const text = Buffer.from(session.ticket).toString('latin1');
  return { ...session, ticket: new Uint8Array(Buffer.from(text.replace(bigEndian(from), bigEndian(to)), 'latin1')) };
}

const WITH_TICKETS: readonly Attack[] = [
  {
    what: 'a stolen ticket without its secret',
    rfc: 'RFC 8446 §4.2.11',
    off: 'provider: MACs',
    misdeeds: ['Finished is right'],
    alert: Alert.DECRYPT_ERROR,
    code: 'ERR_TLS_AUTHENTICATION',
    run(stage) {
      const session = sensorsSession(stage, { tickets });
      return connect(
        stage.client(
          { provider: WEAK_PROVIDERS['provider: MACs'] },
          { session: { ...session, secret: new Uint8Array(32) } },
        ),
        stage.server({ clientAuthentication: judged, resumption: { tickets } }),
      );
    },
    gain: passesForSensor,
  },
  {
    what: 'a binder that is wrong',
    rfc: 'RFC 8446 §4.2.11',
    off: 'the binder is right',
    misdeeds: ['client: wrong binder'],
    alert: Alert.DECRYPT_ERROR,
    code: 'ERR_TLS_AUTHENTICATION',
    run(stage) {
      const session = sensorsSession(stage, { tickets });
      return connect(
        stage.client({}, { session }),
        stage.server({ clientAuthentication: judged, resumption: { tickets } }),
      );
    },
    gain: passesForSensor,
  },
  {
    what: 'a recorded ClientHello with its ticket, and a Finished made without the keys',
    rfc: 'RFC 8446 §4.4.4, §8',
    off: 'provider: MACs',
    alert: Alert.DECRYPT_ERROR,
    code: 'ERR_TLS_AUTHENTICATION',
    run(stage) {
      const session = sensorsSession(stage, { tickets });
      const config = { clientAuthentication: judged, resumption: { tickets } };
      const { clientEvents } = connect(stage.client({}, { session }), stage.server(config));
      const again = stage.server(config);
      again.handleMessages(INITIAL, sentAt(clientEvents, INITIAL), TEST_UNIX_TIME);
      const serverEvents: HandshakeEvent[] = drain(again);
      again.handleMessages(HANDSHAKE, writeFinished(new Uint8Array(32).fill(0xaa)), TEST_UNIX_TIME);
      return { clientEvents, serverEvents: [...serverEvents, ...drain(again)] };
    },
    gain: passesForSensor,
  },
  {
    what: 'a ticket rewritten to carry another name',
    rfc: 'RFC 8446 §4.6.1',
    off: 'provider: AEAD',
    ...required,
    run(stage) {
      const sealed = new SealedTickets({ provider: stage.provider, random: seededRandom(31) });
      const config = { clientAuthentication: judged, resumption: { tickets: sealed } };
      const visit = connect(stage.client({ credential: credentialFor(attacker) }), stage.server(config), NAMING);
      const [own] = sessionsOf(visit.clientEvents);
      let session = renamed(own!, 'CN=sensor 666', 'CN=sensor 777');
      // What is sealed cannot be read: a byte is changed in the dark, where the name may be.
      if (String(session.ticket) === String(own!.ticket))
        session = { ...own!, ticket: own!.ticket.map((byte, i) => (i === 100 ? byte ^ 1 : byte)) };
      return connect(stage.client({}, { session }), stage.server(config), NAMING);
    },
    gain: ({ serverEvents }) => assert.is(completeOf(serverEvents).peerIdentity, 'CN=sensor 777'),
  },
  {
    what: 'a ticket of one virtual server used at another',
    rfc: 'RFC 8446 §4.6.1, RFC 6066 §3',
    off: 'the ticket is of this name',
    ...required,
    run(stage) {
      // The client has changed what its session says: the server has to know by itself.
      const { roots } = clientAuthentication;
      const session = {
        ...sensorsSession(stage, { tickets }),
        serverName: 'other.example',
        authenticationContext: authenticationContext({ provider: nobleProvider, roots, judgePeerChain: false }),
      };
      const credential = credentialFor(leaf(root, ['other.example']));
      return connect(
        stage.client({ roots }, { session, serverName: 'other.example' }),
        stage.server({ credential, clientAuthentication: judged, resumption: { tickets } }),
      );
    },
    gain: passesForSensor,
  },
  {
    what: 'a ticket of nobody where a certificate is required',
    rfc: 'RFC 8446 §4.4.2.4',
    off: 'the ticket is of somebody',
    ...required,
    run(stage) {
      const [session] = sessionsOf(connect(stage.client(), stage.server({ resumption: { tickets } })).clientEvents);
      return connect(
        stage.client({}, { session: session! }),
        stage.server({ clientAuthentication: judged, resumption: { tickets } }),
      );
    },
  },
  {
    what: 'a ticket that has expired, kept by whoever keeps tickets',
    rfc: 'RFC 8446 §4.6.1',
    off: 'the ticket has not expired',
    ...required,
    run(stage) {
      const resumption = { tickets: unforgetting() };
      const session = { ...sensorsSession(stage, resumption), expiresAt: Infinity };
      return connect(stage.client({}, { session }), stage.server({ clientAuthentication: judged, resumption }), {
        unixTime: TEST_UNIX_TIME + 2 * DAY,
      });
    },
    gain: passesForSensor,
  },
];

const WITH_EARLY_DATA: readonly Attack[] = [
  {
    what: 'early data offered again after a HelloRetryRequest',
    rfc: 'RFC 8446 §4.1.2, §4.2.10',
    off: 'no early data after a retry',
    misdeeds: ['client: early data after the retry'],
    alert: Alert.ILLEGAL_PARAMETER,
    code: 'ERR_TLS_PEER_MISBEHAVED',
    run(stage) {
      const client = { groups: [NamedGroup.X25519, NamedGroup.SECP256R1] };
      const server = {
        groups: [NamedGroup.SECP256R1],
        resumption: { tickets, earlyData: { admit: () => true } },
      };
      const [session] = sessionsOf(connect(stage.client(client), stage.server(server)).clientEvents);
      return connect(stage.client(client, { session: session!, earlyData: true }), stage.server(server));
    },
    gain: ({ serverEvents }) =>
      assert.ok(serverEvents.some((event) => event.type === 'early-data' && event.isAccepted)),
  },
];

stageAttacks('server', [...WITHOUT_THE_KEY, ...WITH_A_CERTIFICATE, ...ON_THE_WAY, ...WITH_TICKETS, ...WITH_EARLY_DATA]);
