/**
 * Someone in the middle against a client: what it takes to pass for the server, or to weaken what the two agree on.
 *
 * Not here because nothing could be turned off: falling back to TLS 1.2, which is not implemented.
 */
import { createPrivateKey, sign } from 'node:crypto';
import {
  CLIENT_AUTH,
  TEST_SERVER_NAME,
  TEST_UNIX_TIME,
  extensions,
  seededRandom,
  testCertificatePem,
} from '@mquictt/testkit';
import * as assert from 'uvu/assert';
import { Alert } from '../../src/alerts.ts';
import { RootStore } from '../../src/certificates/roots.ts';
import {
  TLS_AES_128_GCM_SHA256,
  TLS_AES_256_GCM_SHA384,
  TLS_CHACHA20_POLY1305_SHA256,
} from '../../src/cipher-suites.ts';
import type { Credential, ServerConfig } from '../../src/config.ts';
import { ExtensionType } from '../../src/extensions.ts';
import { readAlpn, writeAlpn } from '../../src/extensions/alpn.ts';
import { readClientShares, readServerShare, writeClientShares } from '../../src/extensions/key-share.ts';
import { writeUint16List } from '../../src/extensions/uint16-list.ts';
import { EncryptionLevel } from '../../src/handshake.ts';
import { readServerHello } from '../../src/messages/server-hello.ts';
import { nodeProvider } from '../../src/node/index.ts';
import { NamedGroup, SignatureScheme, type SigningKey } from '../../src/provider.ts';
import type { ServerSession } from '../../src/sessions/server-session.ts';
import { changingHellos, credentialFor, stageAttacks, type Attack, type Stage } from '../support/attacks.ts';
import { authority, keyFor, leaf } from '../support/chains.ts';
import { connect, credentialOf, messagesOf, sentAt, type Carriage, type Connected } from '../support/handshakes.ts';
import { completeOf, sealedTickets, sessionsOf } from '../support/sessions.ts';
import { WEAK_PROVIDERS, ZERO_SHARES } from '../support/weak-providers.ts';

const { INITIAL, HANDSHAKE } = EncryptionLevel;
const KEY_USAGE = '2.5.29.15';
const DAY = 86_400_000;

const root = authority('root that the client trusts');
const roots = new RootStore([root.der]);
const genuine = credentialOf('ecdsa-p256', nodeProvider);

/** The attacker's own certificate: good in every respect, but for another name. */
const attacker = leaf(root, ['attacker.example'], {
  subject: 'attacker',
  key: keyFor('attacker'),
  remove: [KEY_USAGE],
});
/** A key without a certificate. */
const strangeKey = nodeProvider.importSigningKey(keyFor('stranger').pkcs8, seededRandom(3));

/** The client dials localhost and meets this server. */
function meets(config: Partial<ServerConfig>, carriage: Carriage = {}): (stage: Stage) => Connected {
  return (stage) => connect(stage.client({ roots }), stage.server(config), carriage);
}

/** The same, but the client trusts the authorities of the test credentials. */
function meetsKnown(config: Partial<ServerConfig> = {}, carriage: Carriage = {}): (stage: Stage) => Connected {
  return (stage) => connect(stage.client(), stage.server(config), carriage);
}

function serverHelloOf({ serverEvents }: Connected): ReturnType<typeof readServerHello> {
  return readServerHello((messagesOf(sentAt(serverEvents, INITIAL)).at(-1) as Uint8Array).subarray(4));
}

function groupOf(connected: Connected): number {
  return readServerShare(serverHelloOf(connected).extensions.get(ExtensionType.KEY_SHARE) as Uint8Array).group;
}

/** Signs as recorded, whatever is to be signed. */
function recordedKey(): SigningKey {
  const { key } = genuine;
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

const verify = {
  off: 'provider: signatures in CertificateVerify',
  alert: Alert.DECRYPT_ERROR,
  code: 'ERR_TLS_AUTHENTICATION',
  rfc: 'RFC 8446 §4.4.3',
} as const;

const WITHOUT_THE_KEY: readonly Attack[] = [
  {
    what: 'a certificate with another key behind it',
    ...verify,
    run: meetsKnown({ credential: { chain: genuine.chain, key: strangeKey } }),
    gain: (_connected, victim) => assert.equal(victim.peerCertificates, genuine.chain),
  },
  {
    what: 'a certificate swapped for another one of the same name',
    ...verify,
    run: meetsKnown({ credential: { chain: credentialOf('ecdsa-p384', nodeProvider).chain, key: genuine.key } }),
  },
  {
    what: 'a CertificateVerify over another transcript',
    ...verify,
    misdeeds: ['signs another transcript'],
    run: meetsKnown(),
  },
  { what: 'a CertificateVerify made as a client', ...verify, misdeeds: ['signs as the other role'], run: meetsKnown() },
  {
    what: 'a CertificateVerify recorded elsewhere',
    ...verify,
    run: meetsKnown({ credential: { chain: genuine.chain, key: recordedKey() } }),
  },
  {
    what: 'a CertificateVerify with PKCS#1 v1.5',
    rfc: 'RFC 8446 §4.2.3, §4.4.3',
    off: 'no PKCS#1 v1.5 in CertificateVerify',
    misdeeds: ['signs with a scheme that was not offered'],
    alert: Alert.ILLEGAL_PARAMETER,
    code: 'ERR_TLS_PEER_MISBEHAVED',
    run: meetsKnown({ credential: pkcs1Credential() }),
  },
  {
    what: 'a server without CertificateVerify',
    rfc: 'RFC 8446 §4.4.3, §A.1',
    off: 'a server sends CertificateVerify',
    misdeeds: ['server: no CertificateVerify'],
    alert: Alert.UNEXPECTED_MESSAGE,
    code: 'ERR_TLS_PEER_MISBEHAVED',
    run: meetsKnown({ credential: { chain: genuine.chain, key: strangeKey } }),
  },
  {
    what: 'a server without any certificate',
    rfc: 'RFC 8446 §4.4.2, §A.1',
    off: 'a server sends certificates',
    misdeeds: ['server: no Certificate'],
    alert: Alert.UNEXPECTED_MESSAGE,
    code: 'ERR_TLS_PEER_MISBEHAVED',
    run: meetsKnown(),
    gain: (_connected, victim) => assert.equal(victim.peerCertificates, []),
  },
];

const name = {
  off: 'name of the server',
  alert: Alert.BAD_CERTIFICATE,
  code: 'ERR_TLS_CERTIFICATE_NAME_MISMATCH',
  rfc: 'RFC 9525 §6, RFC 8446 §4.4.2.4',
} as const;
const path = {
  off: 'path to a trusted root',
  alert: Alert.UNKNOWN_CA,
  code: 'ERR_TLS_CERTIFICATE_UNKNOWN_CA',
  rfc: 'RFC 5280 §6.1, RFC 8446 §6.2',
} as const;
const issuerPurpose = { alert: Alert.BAD_CERTIFICATE, code: 'ERR_TLS_CERTIFICATE_PURPOSE' } as const;

const otherAuthority = authority(root.subject, undefined, { key: keyFor('another root') });
const subordinate = authority('subordinate', root);
const inner = authority('inner', subordinate);
const narrow = authority('narrow', root, { replace: [extensions.nameConstraints(['example.org'])] });
const shallow = authority('shallow', root, { replace: [extensions.basicConstraints(true, 0)] });
const belowShallow = authority('below shallow', shallow);
const noSigner = authority('no signer', root, { replace: [extensions.keyUsage(0)] });

const WITH_A_CERTIFICATE: readonly Attack[] = [
  {
    what: 'a certificate for another name, from an authority that the client trusts',
    ...name,
    run: meets({ credential: credentialFor(attacker) }),
    gain: (connected) => assert.is(completeOf(connected.clientEvents).serverName, TEST_SERVER_NAME),
  },
  {
    what: 'a certificate for *.localhost',
    ...name,
    run: meets({ credential: credentialFor(leaf(root, ['*.localhost'])) }),
  },
  {
    what: 'a certificate of nobody but itself',
    ...path,
    run: meets({ credential: credentialFor(leaf(authority('made up'), [TEST_SERVER_NAME])) }),
  },
  {
    what: 'a chain without its intermediate',
    ...path,
    run: meets({ credential: credentialFor(leaf(subordinate, [TEST_SERVER_NAME])) }),
  },
  {
    what: 'a chain without the intermediate in its middle',
    ...path,
    run: meets({ credential: credentialFor(leaf(inner, [TEST_SERVER_NAME]), inner) }),
  },
  {
    what: 'a certificate that only says who issued it',
    rfc: 'RFC 5280 §6.1.3 (a)(1)',
    off: 'provider: signatures in certificates',
    alert: Alert.BAD_CERTIFICATE,
    code: 'ERR_TLS_CERTIFICATE_SIGNATURE',
    run: meets({ credential: credentialFor(leaf(root, [TEST_SERVER_NAME], { issuerKey: keyFor('attacker') })) }),
  },
  {
    what: 'an authority of the same name with another key',
    rfc: 'RFC 5280 §6.1.3 (a)(1)',
    off: 'provider: signatures in certificates',
    alert: Alert.BAD_CERTIFICATE,
    code: 'ERR_TLS_CERTIFICATE_SIGNATURE',
    run: meets({ credential: credentialFor(leaf(otherAuthority, [TEST_SERVER_NAME]), otherAuthority) }),
  },
  {
    what: 'a certificate that has expired',
    rfc: 'RFC 5280 §6.1.3 (a)(2), RFC 8446 §6.2',
    off: 'period of validity',
    alert: Alert.CERTIFICATE_EXPIRED,
    code: 'ERR_TLS_CERTIFICATE_EXPIRED',
    run: meets({ credential: credentialFor(leaf(root, [TEST_SERVER_NAME], { notAfter: TEST_UNIX_TIME - 1_000 })) }),
  },
  {
    what: 'a certificate that is not valid yet',
    rfc: 'RFC 5280 §6.1.3 (a)(2), RFC 8446 §6.2',
    off: 'period of validity',
    alert: Alert.CERTIFICATE_EXPIRED,
    code: 'ERR_TLS_CERTIFICATE_NOT_YET_VALID',
    run: meets({ credential: credentialFor(leaf(root, [TEST_SERVER_NAME], { notBefore: TEST_UNIX_TIME + 1_000 })) }),
  },
  {
    what: 'a certificate issued by the owner of another one',
    rfc: 'RFC 5280 §6.1.4 (k)',
    off: 'issuers are authorities',
    ...issuerPurpose,
    run: meets({ credential: credentialFor(leaf(attacker, [TEST_SERVER_NAME]), attacker) }),
  },
  {
    what: 'a certificate of an authority that may not sign any',
    rfc: 'RFC 5280 §6.1.4 (n)',
    off: 'issuers may sign certificates',
    ...issuerPurpose,
    run: meets({ credential: credentialFor(leaf(noSigner, [TEST_SERVER_NAME]), noSigner) }),
  },
  {
    what: 'an authority below one that may have none below',
    rfc: 'RFC 5280 §6.1.4 (m)',
    off: 'length of the path',
    ...issuerPurpose,
    run: meets({ credential: credentialFor(leaf(belowShallow, [TEST_SERVER_NAME]), belowShallow, shallow) }),
  },
  {
    what: 'an authority that may not speak for this name',
    rfc: 'RFC 5280 §6.1.4 (g)',
    off: 'name constraints',
    alert: Alert.BAD_CERTIFICATE,
    code: 'ERR_TLS_CERTIFICATE_NAME_MISMATCH',
    run: meets({ credential: credentialFor(leaf(narrow, [TEST_SERVER_NAME]), narrow) }),
  },
  {
    what: 'the certificate of a client as that of a server',
    rfc: 'RFC 5280 §4.2.1.12',
    off: 'purpose of the certificate',
    alert: Alert.UNSUPPORTED_CERTIFICATE,
    code: 'ERR_TLS_CERTIFICATE_PURPOSE',
    run: meets({
      credential: credentialFor(
        leaf(root, [TEST_SERVER_NAME], { replace: [extensions.extendedKeyUsage(CLIENT_AUTH)] }),
      ),
    }),
  },
  {
    what: 'a key that may not sign',
    rfc: 'RFC 8446 §4.4.2.2',
    off: 'key usage',
    alert: Alert.UNSUPPORTED_CERTIFICATE,
    code: 'ERR_TLS_CERTIFICATE_PURPOSE',
    run: meets({ credential: credentialFor(leaf(root, [TEST_SERVER_NAME], { replace: [extensions.keyUsage(2)] })) }),
  },
  {
    what: 'a certificate under a condition that nobody here understands',
    rfc: 'RFC 5280 §4.2',
    off: 'critical extensions',
    alert: Alert.UNSUPPORTED_CERTIFICATE,
    code: 'ERR_TLS_CERTIFICATE_INVALID',
    run: meets({
      credential: credentialFor(
        leaf(root, [TEST_SERVER_NAME], { replace: [{ oid: '1.2.3.4', critical: true, value: Uint8Array.of(5, 0) }] }),
      ),
    }),
  },
];

const transcript = {
  off: 'provider: transcript',
  alert: Alert.DECRYPT_ERROR,
  code: 'ERR_TLS_AUTHENTICATION',
  rfc: 'RFC 8446 §4.4.1, §4.4.3',
} as const;
const BETTER_AND_WORSE = ['better', 'worse'];

const ON_THE_WAY: readonly Attack[] = [
  {
    what: 'a key share that makes the secret zero',
    rfc: 'RFC 8446 §7.4.2, RFC 7748 §6.1',
    off: 'provider: points of small order',
    alert: Alert.ILLEGAL_PARAMETER,
    code: 'ERR_TLS_PEER_MISBEHAVED',
    run: ({ client, server }) =>
      connect(client({ groups: [NamedGroup.X25519] }), server({ provider: ZERO_SHARES, credential: genuine })),
  },
  {
    what: 'a Finished changed on the way',
    rfc: 'RFC 8446 §4.4.4',
    off: 'Finished is right',
    alert: Alert.DECRYPT_ERROR,
    code: 'ERR_TLS_AUTHENTICATION',
    // The client's Finished covers the server's as it came, so the attacker stands at the server's end and lets it pass there as well.
    run: (stage) => {
      const carriage: Carriage = {
        onServerSends(level, data) {
          if (level === HANDSHAKE) data[data.length - 1] = (data.at(-1) as number) ^ 1;
          return data;
        },
      };
      return connect(stage.client(), stage.server(), carriage);
    },
    misdeeds: ['Finished is right'],
  },
  {
    what: 'a Finished made without the keys',
    rfc: 'RFC 8446 §4.4.4',
    off: 'provider: MACs',
    alert: Alert.DECRYPT_ERROR,
    code: 'ERR_TLS_AUTHENTICATION',
    run: meetsKnown({ provider: WEAK_PROVIDERS['provider: MACs'], credential: genuine }),
  },
  {
    what: 'the better protocol stripped from ALPN',
    ...transcript,
    run: ({ client, server }) =>
      connect(
        client({ alpnProtocols: BETTER_AND_WORSE }),
        server({ alpnProtocols: BETTER_AND_WORSE }),
        changingHellos((extensions) => {
          const type = ExtensionType.APPLICATION_LAYER_PROTOCOL_NEGOTIATION;
          extensions.set(type, writeAlpn(readAlpn(extensions.get(type) as Uint8Array).slice(1)));
        }),
      ),
    gain: ({ clientEvents }) => assert.is(completeOf(clientEvents).alpnProtocol, 'worse'),
  },
  {
    what: 'ALPN stripped where the carrier can do without',
    ...transcript,
    run: ({ client, server }) =>
      connect(
        client({ carrier: 'records' }),
        server({ carrier: 'records' }),
        changingHellos((extensions) => {
          extensions.delete(ExtensionType.APPLICATION_LAYER_PROTOCOL_NEGOTIATION);
        }),
      ),
    gain: ({ clientEvents }) => assert.is(completeOf(clientEvents).alpnProtocol, ''),
  },
  {
    what: 'a server that chooses no protocol in QUIC',
    rfc: 'RFC 9001 §8.1',
    off: 'a protocol was chosen',
    misdeeds: ['server: no protocol'],
    alert: Alert.NO_APPLICATION_PROTOCOL,
    code: 'ERR_TLS_NO_APPLICATION_PROTOCOL',
    run: meetsKnown(),
    gain: ({ clientEvents }) => assert.is(completeOf(clientEvents).alpnProtocol, ''),
  },
  {
    what: 'a protocol that the client does not speak',
    rfc: 'RFC 7301 §3.1, RFC 8446 §6.2',
    off: 'the protocol was offered',
    misdeeds: ['server: another protocol'],
    alert: Alert.ILLEGAL_PARAMETER,
    code: 'ERR_TLS_PEER_MISBEHAVED',
    run: meetsKnown(),
    gain: ({ clientEvents }) => assert.is(completeOf(clientEvents).alpnProtocol, 'other'),
  },
  {
    what: 'the post-quantum group stripped',
    ...transcript,
    run: ({ client, server }) => {
      const groups = [NamedGroup.X25519MLKEM768, NamedGroup.X25519];
      return connect(
        client({ groups }),
        server({ groups }),
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
    gain: (connected) => assert.is(groupOf(connected), NamedGroup.X25519),
  },
  {
    what: 'a HelloRetryRequest provoked, to another group',
    ...transcript,
    run: ({ client, server }) => {
      const groups = [NamedGroup.X25519, NamedGroup.SECP256R1];
      return connect(
        client({ groups }),
        server({ groups }),
        changingHellos((extensions) => {
          extensions.set(ExtensionType.SUPPORTED_GROUPS, writeUint16List([NamedGroup.SECP256R1]));
          const shares = readClientShares(extensions.get(ExtensionType.KEY_SHARE) as Uint8Array);
          extensions.set(
            ExtensionType.KEY_SHARE,
            writeClientShares(shares.filter(({ group }) => group === NamedGroup.SECP256R1)),
          );
        }),
      );
    },
    gain: (connected) => assert.is(groupOf(connected), NamedGroup.SECP256R1),
  },
  {
    what: 'the better cipher suite stripped',
    ...transcript,
    run: ({ client, server }) => {
      const cipherSuites = [TLS_AES_256_GCM_SHA384, TLS_AES_128_GCM_SHA256];
      return connect(
        client({ cipherSuites }),
        server({ cipherSuites }),
        changingHellos(() => ({ cipherSuites: [TLS_AES_128_GCM_SHA256.id] })),
      );
    },
    gain: (_connected, victim) => assert.is(victim.suite?.id, TLS_AES_128_GCM_SHA256.id),
  },
  {
    what: 'a transport parameter changed',
    ...transcript,
    run: ({ client, server }) =>
      connect(
        client(),
        server(),
        changingHellos((extensions) => {
          extensions.set(ExtensionType.QUIC_TRANSPORT_PARAMETERS, Uint8Array.of(9));
        }),
      ),
  },
  {
    what: 'another suite than the one of the HelloRetryRequest',
    rfc: 'RFC 8446 §4.1.4',
    off: 'the suite of the retry stays',
    misdeeds: ['server: another suite after the retry'],
    alert: Alert.ILLEGAL_PARAMETER,
    code: 'ERR_TLS_PEER_MISBEHAVED',
    run: ({ client, server }) =>
      connect(
        client({ groups: [NamedGroup.X25519, NamedGroup.SECP256R1] }),
        server({ groups: [NamedGroup.SECP256R1] }),
      ),
    gain: (_connected, victim) => assert.is(victim.suite?.id, TLS_CHACHA20_POLY1305_SHA256.id),
  },
];

const tickets = sealedTickets();
const resumption = { tickets };

const WITH_TICKETS: readonly Attack[] = [
  {
    what: 'a server that takes a ticket whose secret it does not know',
    rfc: 'RFC 8446 §2.2, §4.4.4',
    off: 'provider: MACs',
    misdeeds: ['the binder is right'],
    alert: Alert.DECRYPT_ERROR,
    code: 'ERR_TLS_AUTHENTICATION',
    run(stage) {
      const [session] = sessionsOf(connect(stage.client(), stage.server({ resumption })).clientEvents);
      const guessing = {
        issue: () => undefined,
        redeem: (ticket: Uint8Array, unixTime: number): ServerSession => ({
          ...(tickets.redeem(ticket, unixTime) as ServerSession),
          secret: new Uint8Array(32),
        }),
      };
      const imposter = stage.server({
        provider: WEAK_PROVIDERS['provider: MACs'],
        credential: { chain: [attacker.der], key: strangeKey },
        resumption: { tickets: guessing },
      });
      return connect(stage.client({}, { session: session! }), imposter);
    },
    gain: ({ clientEvents }) => assert.ok(completeOf(clientEvents).isResumed),
  },
  {
    what: 'a session with one name used to pass for another',
    ...name,
    off: 'the session is of this name',
    misdeeds: ['the ticket is of this name'],
    run(stage) {
      const credential = credentialFor(attacker);
      const visit = connect(
        stage.client({ roots }, { serverName: 'attacker.example' }),
        stage.server({ credential, resumption }),
      );
      const [session] = sessionsOf(visit.clientEvents);
      return connect(stage.client({ roots }, { session: session! }), stage.server({ credential, resumption }));
    },
    gain: ({ clientEvents }) => assert.is(completeOf(clientEvents).serverName, TEST_SERVER_NAME),
  },
  {
    what: 'a session kept alive behind a certificate that has expired',
    rfc: 'RFC 8446 §4.6.1, §C.4',
    off: 'the session has not expired',
    alert: Alert.CERTIFICATE_EXPIRED,
    code: 'ERR_TLS_CERTIFICATE_EXPIRED',
    run(stage) {
      const credential = credentialFor(leaf(root, [TEST_SERVER_NAME], { notAfter: TEST_UNIX_TIME + DAY }));
      const unforgetting = {
        issue: tickets.issue.bind(tickets),
        redeem: (ticket: Uint8Array): ServerSession => ({
          ...(tickets.redeem(ticket, TEST_UNIX_TIME) as ServerSession),
          expiresAt: Infinity,
        }),
      };
      const config = { credential, resumption: { tickets: unforgetting } };
      const [session] = sessionsOf(connect(stage.client({ roots }), stage.server(config)).clientEvents);
      return connect(stage.client({ roots }, { session: session! }), stage.server(config), {
        unixTime: TEST_UNIX_TIME + 2 * DAY,
      });
    },
    gain: ({ clientEvents }) => assert.ok(completeOf(clientEvents).isResumed),
  },
  {
    what: 'an identity chosen that was not offered',
    rfc: 'RFC 8446 §4.2.11',
    off: 'the identity was offered',
    misdeeds: ['server: another identity'],
    alert: Alert.ILLEGAL_PARAMETER,
    code: 'ERR_TLS_PEER_MISBEHAVED',
    run(stage) {
      const [session] = sessionsOf(connect(stage.client(), stage.server({ resumption })).clientEvents);
      return connect(stage.client({}, { session: session! }), stage.server({ resumption }));
    },
  },
];

const otherSuite = { cipherSuites: [TLS_CHACHA20_POLY1305_SHA256] };

/** A client that has been there before sends early data to a server that says yes to it against the rules. */
function earlyTo(stage: Stage, before: Partial<ServerConfig>, now: Partial<ServerConfig>): Connected {
  const client = { alpnProtocols: ['first', 'second'] };
  const guarded = { tickets, earlyData: { admit: () => true } };
  const first = { alpnProtocols: ['first'], cipherSuites: [TLS_AES_128_GCM_SHA256], resumption: guarded, ...before };
  const [session] = sessionsOf(connect(stage.client(client), stage.server(first)).clientEvents);
  return connect(stage.client(client, { session: session!, earlyData: true }), stage.server({ ...first, ...now }));
}

function assertEarlyDataAccepted({ clientEvents }: Connected): void {
  assert.ok(clientEvents.some((event) => event.type === 'early-data' && event.isAccepted));
}

const early = {
  rfc: 'RFC 8446 §4.2.10',
  misdeeds: ['server: accepts all early data'],
  alert: Alert.ILLEGAL_PARAMETER,
  code: 'ERR_TLS_PEER_MISBEHAVED',
  gain: assertEarlyDataAccepted,
} as const;

const WITH_EARLY_DATA: readonly Attack[] = [
  {
    what: 'early data accepted without the session that it belongs to',
    ...early,
    off: 'early data goes with a session',
    run: (stage) =>
      earlyTo(stage, {}, { resumption: { tickets: { issue: () => undefined, redeem: () => undefined } } }),
  },
  {
    what: 'early data accepted under another suite',
    ...early,
    off: 'early data is of the suite of its session',
    run: (stage) => earlyTo(stage, {}, otherSuite),
  },
  {
    what: 'early data accepted for another protocol',
    ...early,
    off: 'early data is of the protocol of its session',
    run: (stage) => earlyTo(stage, {}, { alpnProtocols: ['second'] }),
  },
];

stageAttacks('client', [...WITHOUT_THE_KEY, ...WITH_A_CERTIFICATE, ...ON_THE_WAY, ...WITH_TICKETS, ...WITH_EARLY_DATA]);
