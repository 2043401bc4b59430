/** Every state of both roles, with an honest way into it and the rule for what may come next. */
import * as assert from 'uvu/assert';
import { TEST_SERVER_NAME, TEST_UNIX_TIME, seededRandom, testRoots } from '@mquictt/testkit';
import { ClientHandshake } from '../../src/client-handshake.ts';
import type { ClientConfig, ClientHandshakeOptions, Credential, ServerConfig } from '../../src/config.ts';
import { EncryptionLevel, type Handshake, type HandshakeEvent } from '../../src/handshake.ts';
import { HandshakeType } from '../../src/messages/handshake-message.ts';
import { nodeProvider, zlibCertificateCompressor } from '../../src/node/index.ts';
import { NamedGroup } from '../../src/provider.ts';
import { ServerHandshake } from '../../src/server-handshake.ts';
import type { ClientSession } from '../../src/sessions/client-session.ts';
import type { ServerSession } from '../../src/sessions/server-session.ts';
import {
  CLIENT_EXTENSION,
  SERVER_EXTENSION,
  clientConfig,
  connect,
  credentialOf,
  messagesOf,
  serverConfig,
} from './handshakes.ts';
import { sealedTickets, sessionsOf } from './sessions.ts';

const { INITIAL, EARLY, HANDSHAKE, APPLICATION } = EncryptionLevel;

/** What a state reads. */
export interface Reads {
  readonly level: EncryptionLevel;
  /** Types of message that may come; everything else is unexpected_message. */
  readonly expects: readonly number[];
  /** Where a HelloRetryRequest may not come although a ServerHello may. */
  readonly isRetried?: boolean;
}

export interface State extends Reads {
  readonly name: string;
  /** Brings a fresh handshake into this state; its events have been taken. */
  reach(): Handshake;
  /** Of a state that waits for an answer: what comes meanwhile is kept, and judged afterwards as `next`. The answer may complete the handshake. */
  readonly waits?: { answer(handshake: Handshake): void; readonly next: Reads; readonly completes?: boolean };
}

/** How the two ends of a state's connection are set up. */
export interface Setup {
  readonly client?: Partial<ClientConfig>;
  readonly server?: Partial<ServerConfig>;
  readonly session?: () => ClientSession;
  /** Which questions stay open; all others are answered at once. */
  readonly open?: HandshakeEvent['type'];
}

const provider = nodeProvider;
const roots = testRoots();
const tickets = sealedTickets();
const X25519 = { groups: [NamedGroup.X25519] };
const HYBRID = { groups: [NamedGroup.X25519MLKEM768, NamedGroup.X25519] };
const RETRY: Setup = {
  client: { groups: [NamedGroup.X25519, NamedGroup.SECP256R1] },
  server: { groups: [NamedGroup.SECP256R1] },
};
const own = (kind: 'ed25519' | 'ecdsa-p256'): Credential => credentialOf(kind, provider);
const MUTUAL: Setup = { client: { credential: own('ed25519') }, server: { clientAuthentication: { roots } } };
const JUDGED: Setup = { ...MUTUAL, server: { clientAuthentication: { roots, judgePeerChain: true } } };
const OPTIONAL: Setup = { server: { clientAuthentication: { roots, isRequired: false } } };
const COMPRESSED = { certificateCompressors: [zlibCertificateCompressor] };
const RESUMPTION = { resumption: { tickets, earlyData: { admit: () => true } } };
const LOOKED_UP = { resumption: { tickets: { issue: tickets.issue.bind(tickets), redeem: () => 'wait' as const } } };

const sessions = new Map<string, ClientSession>();

/** @param carrier as sessions of QUIC have another early data size than those of records */
function session(carrier: 'quic' | 'records' = 'quic'): ClientSession {
  let known = sessions.get(carrier);
  if (known === undefined) {
    const [client, server] = ends({ client: { carrier }, server: { carrier, ...RESUMPTION } });
    known = sessionsOf(connect(client, server).clientEvents)[0];
    assert.ok(known !== undefined);
    sessions.set(carrier, known);
  }
  return known;
}

const RESUMED: Setup = { server: RESUMPTION, session };
const EARLY_RECORDS: Setup = {
  client: { carrier: 'records' },
  server: { carrier: 'records', ...RESUMPTION },
  session: () => session('records'),
};

/** Both ends of a connection. */
export function ends({ client, server, session: make }: Setup): [ClientHandshake, ServerHandshake] {
  const options: Partial<ClientHandshakeOptions> = make === undefined ? {} : { session: make(), earlyData: true };
  return [
    new ClientHandshake(clientConfig({ provider, random: seededRandom(51), ...X25519, ...client }), {
      serverName: TEST_SERVER_NAME,
      extensions: [CLIENT_EXTENSION],
      ...options,
    }),
    new ServerHandshake(serverConfig({ provider, ...X25519, ...server }), { extensions: [SERVER_EXTENSION] }),
  ];
}

/**
 * Runs both ends, message by message.
 *
 * @param count how many messages the role is to be given; Infinity for all there are
 * @returns the end of that role
 */
function reached(role: 'client' | 'server', count: number, setup: Setup = {}, isTaken = true): Handshake {
  const [client, server] = ends(setup);
  const target: Handshake = role === 'client' ? client : server;
  const waiting = new Map<Handshake, [EncryptionLevel, Uint8Array][]>([
    [client, []],
    [server, []],
  ]);
  let given = 0;
  const take = (from: Handshake, to: Handshake): void => {
    for (let event = from.nextEvent(); event !== undefined; event = from.nextEvent()) {
      if (event.type === 'send')
        for (const message of messagesOf(event.data)) waiting.get(to)?.push([event.level, message]);
      if (event.type !== setup.open) answer(from, event);
    }
  };
  client.start(TEST_UNIX_TIME);
  server.start(TEST_UNIX_TIME);
  for (let isBusy = true; isBusy;) {
    isBusy = false;
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      take(from, to);
      const next = waiting.get(to)?.[0];
      if (next === undefined || (to === target && given === count)) continue;
      isBusy = true;
      waiting.get(to)?.shift();
      to.handleMessages(...next, TEST_UNIX_TIME);
      if (to !== target) continue;
      given++;
      if (given === count && !isTaken) return target;
    }
  }
  assert.ok(given === count || count === Infinity, `only ${given} messages came`);
  return target;
}

/** Says yes to whatever an application is asked. */
export function answer(handshake: Handshake, event: HandshakeEvent): void {
  if (event.type === 'judge-peer-chain') handshake.acceptPeerChain();
  if (event.type === 'choose-certificate')
    handshake.provideCredential(own(handshake.isClient ? 'ed25519' : 'ecdsa-p256'));
  if (event.type === 'look-up-ticket')
    handshake.provideSession(tickets.redeem(event.ticket, TEST_UNIX_TIME) as ServerSession);
}

const {
  CLIENT_HELLO,
  SERVER_HELLO,
  NEW_SESSION_TICKET,
  END_OF_EARLY_DATA,
  ENCRYPTED_EXTENSIONS,
  CERTIFICATE,
  CERTIFICATE_REQUEST,
  CERTIFICATE_VERIFY,
  FINISHED,
  COMPRESSED_CERTIFICATE,
} = HandshakeType;

function state(
  name: string,
  level: EncryptionLevel,
  expects: readonly number[],
  reach: () => Handshake,
  waits?: State['waits'],
): State {
  return { name, level, expects, reach, ...(waits === undefined ? {} : { waits }) };
}

/** RFC 8446 §A.1, with what waits for the application. */
const CLIENT_STATES: readonly State[] = [
  state('WaitServerHello', INITIAL, [SERVER_HELLO], () => reached('client', 0)),
  state('WaitServerHello with a session', INITIAL, [SERVER_HELLO], () => reached('client', 0, RESUMED)),
  {
    ...state('WaitServerHelloAfterRetry', INITIAL, [SERVER_HELLO], () => reached('client', 1, RETRY)),
    isRetried: true,
  },
  {
    ...state('WaitServerHelloAfterRetry with a session', INITIAL, [SERVER_HELLO], () =>
      reached('client', 1, { ...RETRY, session }),
    ),
    isRetried: true,
  },
  state('WaitEncryptedExtensions', HANDSHAKE, [ENCRYPTED_EXTENSIONS], () => reached('client', 1)),
  state('WaitEncryptedExtensions, resumed', HANDSHAKE, [ENCRYPTED_EXTENSIONS], () => reached('client', 1, RESUMED)),
  state('WaitCertificateOrRequest', HANDSHAKE, [CERTIFICATE, CERTIFICATE_REQUEST], () => reached('client', 2)),
  state(
    'WaitCertificateOrRequest with compression',
    HANDSHAKE,
    [CERTIFICATE, CERTIFICATE_REQUEST, COMPRESSED_CERTIFICATE],
    () => reached('client', 2, { client: COMPRESSED }),
  ),
  state('WaitCertificate', HANDSHAKE, [CERTIFICATE], () => reached('client', 3, MUTUAL)),
  state('WaitCertificate with compression', HANDSHAKE, [CERTIFICATE, COMPRESSED_CERTIFICATE], () =>
    reached('client', 3, { ...MUTUAL, client: COMPRESSED }),
  ),
  state('WaitCertificateVerify', HANDSHAKE, [CERTIFICATE_VERIFY], () => reached('client', 3)),
  state('WaitCertificateVerify after a request', HANDSHAKE, [CERTIFICATE_VERIFY], () => reached('client', 4, MUTUAL)),
  state(
    'judge-peer-chain',
    HANDSHAKE,
    [],
    () => reached('client', 4, { client: { judgePeerChain: true }, open: 'judge-peer-chain' }),
    { answer: (handshake) => handshake.acceptPeerChain(), next: { level: HANDSHAKE, expects: [FINISHED] } },
  ),
  state('WaitServerFinished', HANDSHAKE, [FINISHED], () => reached('client', 4)),
  state('WaitServerFinished after a request', HANDSHAKE, [FINISHED], () => reached('client', 5, MUTUAL)),
  state('WaitServerFinished, resumed', HANDSHAKE, [FINISHED], () => reached('client', 2, RESUMED)),
  state(
    'choose-certificate',
    APPLICATION,
    [],
    () =>
      reached('client', 6, {
        ...MUTUAL,
        client: { credential: { choose: () => 'wait' } },
        open: 'choose-certificate',
      }),
    {
      answer: (handshake) => handshake.provideCredential(own('ed25519')),
      next: { level: APPLICATION, expects: [NEW_SESSION_TICKET] },
      completes: true,
    },
  ),
  state('ClientConnected', APPLICATION, [NEW_SESSION_TICKET], () => reached('client', 5)),
  state('ClientConnected, resumed', APPLICATION, [NEW_SESSION_TICKET], () => reached('client', 3, RESUMED)),
  state('ClientConnected without tickets', APPLICATION, [NEW_SESSION_TICKET], () =>
    reached('client', 5, { client: { refuseTickets: true } }),
  ),
  state('ClientConnected in records', APPLICATION, [NEW_SESSION_TICKET], () => reached('client', 3, EARLY_RECORDS)),
];

/** The flight follows as soon as the events of the ClientHello have been taken. */
const FLIGHT_THEN = (next: Reads): NonNullable<State['waits']> => ({
  answer(handshake) {
    while (handshake.nextEvent() !== undefined);
  },
  next,
});
const NOTHING_AT_INITIAL: Reads = { level: HANDSHAKE, expects: [] };

/** RFC 8446 §A.2, likewise. */
const SERVER_STATES: readonly State[] = [
  state('WaitClientHello', INITIAL, [CLIENT_HELLO], () => reached('server', 0)),
  state(
    'look-up-ticket',
    INITIAL,
    [],
    () => reached('server', 1, { server: LOOKED_UP, session, open: 'look-up-ticket' }),
    { answer: (handshake) => handshake.provideSession(undefined), next: NOTHING_AT_INITIAL },
  ),
  state(
    'look-up-ticket after a retry',
    INITIAL,
    [],
    () =>
      reached('server', 2, {
        client: RETRY.client!,
        server: { ...RETRY.server, ...LOOKED_UP },
        session,
        open: 'look-up-ticket',
      }),
    { answer: (handshake) => handshake.provideSession(undefined), next: NOTHING_AT_INITIAL },
  ),
  state(
    'choose-certificate',
    INITIAL,
    [],
    () => reached('server', 1, { server: { credential: { choose: () => 'wait' } }, open: 'choose-certificate' }),
    { answer: (handshake) => handshake.provideCredential(own('ecdsa-p256')), next: NOTHING_AT_INITIAL },
  ),
  state('WaitSecondClientHello', INITIAL, [CLIENT_HELLO], () => reached('server', 1, RETRY)),
  state('WaitSecondClientHello with a session', INITIAL, [CLIENT_HELLO], () =>
    reached('server', 1, { client: RETRY.client!, server: { ...RETRY.server, ...RESUMPTION }, session }),
  ),
  state(
    'WriteServerFlight',
    HANDSHAKE,
    [],
    () => reached('server', 1, {}, false),
    FLIGHT_THEN({ level: HANDSHAKE, expects: [FINISHED] }),
  ),
  state(
    'WriteServerFlight with a request',
    HANDSHAKE,
    [],
    () => reached('server', 1, MUTUAL, false),
    FLIGHT_THEN({ level: HANDSHAKE, expects: [CERTIFICATE] }),
  ),
  state(
    'WriteServerFlight with early data in records',
    HANDSHAKE,
    [],
    () => reached('server', 1, EARLY_RECORDS, false),
    FLIGHT_THEN({ level: EARLY, expects: [] }),
  ),
  state('WaitEndOfEarlyData', EARLY, [END_OF_EARLY_DATA], () => reached('server', 1, EARLY_RECORDS)),
  state('WaitClientCertificate', HANDSHAKE, [CERTIFICATE], () => reached('server', 1, MUTUAL)),
  state('WaitClientCertificate, optional', HANDSHAKE, [CERTIFICATE], () => reached('server', 1, OPTIONAL)),
  state('WaitClientCertificate with compression', HANDSHAKE, [CERTIFICATE, COMPRESSED_CERTIFICATE], () =>
    reached('server', 1, { ...MUTUAL, server: { ...MUTUAL.server, ...COMPRESSED } }),
  ),
  state('WaitClientCertificateVerify', HANDSHAKE, [CERTIFICATE_VERIFY], () => reached('server', 2, MUTUAL)),
  state('judge-peer-chain', HANDSHAKE, [], () => reached('server', 3, { ...JUDGED, open: 'judge-peer-chain' }), {
    answer: (handshake) => handshake.acceptPeerChain('sensor 7'),
    next: { level: HANDSHAKE, expects: [FINISHED] },
  }),
  state('WaitClientFinished', HANDSHAKE, [FINISHED], () => reached('server', 1)),
  state('WaitClientFinished after a retry', HANDSHAKE, [FINISHED], () => reached('server', 2, RETRY)),
  state('WaitClientFinished, resumed', HANDSHAKE, [FINISHED], () => reached('server', 1, RESUMED)),
  state('WaitClientFinished after EndOfEarlyData', HANDSHAKE, [FINISHED], () => reached('server', 2, EARLY_RECORDS)),
  state('WaitClientFinished after no certificate', HANDSHAKE, [FINISHED], () => reached('server', 2, OPTIONAL)),
  state('WaitClientFinished after CertificateVerify', HANDSHAKE, [FINISHED], () => reached('server', 3, MUTUAL)),
  state('ServerConnected', APPLICATION, [], () => reached('server', 2)),
  state('ServerConnected, resumed', APPLICATION, [], () => reached('server', 2, RESUMED)),
  state('ServerConnected after client certificates', APPLICATION, [], () => reached('server', 4, MUTUAL)),
];

export const STATES: readonly State[] = [
  ...CLIENT_STATES.map((each) => ({ ...each, name: `client ${each.name}` })),
  ...SERVER_STATES.map((each) => ({ ...each, name: `server ${each.name}` })),
];

/** Connections that between them have every message in every form. */
export const CONNECTIONS: Readonly<Record<string, Setup>> = {
  'a full handshake': { server: { resumption: { tickets } } },
  'a full handshake with the hybrid group': { client: HYBRID, server: HYBRID },
  'a HelloRetryRequest': RETRY,
  'client certificates': JUDGED,
  'compressed certificates and a staple': {
    client: { ...MUTUAL.client, ...COMPRESSED, requestOcspStaple: true },
    server: {
      ...MUTUAL.server,
      ...COMPRESSED,
      credential: { ...own('ecdsa-p256'), ocspResponse: new Uint8Array(300).fill(7) },
    },
  },
  'no client certificate where none is required': OPTIONAL,
  'a session with early data': RESUMED,
  'a session through a HelloRetryRequest': {
    client: RETRY.client!,
    server: { ...RETRY.server, ...RESUMPTION },
    session,
  },
  'a session with early data in records': EARLY_RECORDS,
};
