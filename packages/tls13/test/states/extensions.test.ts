/**
 * Every extension in every message (RFC 8446 §4.2): where it belongs, where it does not, twice, unasked for, and unknown.
 *
 * The table is written down here once more, from the RFCs and not from the source, so that a slip in one of the two shows.
 */
import { TEST_SERVER_NAME, TEST_UNIX_TIME, seededRandom, testRoots } from '@mquictt/testkit';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Alert, alertName } from '../../src/alerts.ts';
import { ClientHandshake } from '../../src/client-handshake.ts';
import type { ClientConfig } from '../../src/config.ts';
import { TlsError } from '../../src/errors.ts';
import { writeExtensions, type Extensions } from '../../src/extensions.ts';
import { EncryptionLevel, type Handshake } from '../../src/handshake.ts';
import { writeCertificateRequest } from '../../src/messages/certificate-request.ts';
import { writeCertificate } from '../../src/messages/certificate.ts';
import { readClientHello, writeClientHello } from '../../src/messages/client-hello.ts';
import { writeEncryptedExtensions } from '../../src/messages/encrypted-extensions.ts';
import { HandshakeType, writeMessage } from '../../src/messages/handshake-message.ts';
import { HELLO_RETRY_REQUEST_RANDOM, readServerHello, writeServerHello } from '../../src/messages/server-hello.ts';
import { nodeProvider, zlibCertificateCompressor } from '../../src/node/index.ts';
import { NamedGroup } from '../../src/provider.ts';
import {
  CLIENT_EXTENSION,
  clientConfig,
  connect,
  credentialOf,
  drain,
  messagesOf,
  newServer,
  sentAt,
} from '../support/handshakes.ts';
import { encryptedExtensions } from '../support/scripted-server.ts';

const { INITIAL, HANDSHAKE, APPLICATION } = EncryptionLevel;
const test = suite('extensions');

type Place = 'CH' | 'SH' | 'HRR' | 'EE' | 'CT' | 'CR' | 'NST';

/** RFC 8446 §4.2, and below the line RFC 8879 §3 and RFC 9001 §8.2. */
const TABLE: readonly (readonly [name: string, type: number, places: string])[] = [
  ['server_name', 0, 'CH EE'],
  ['max_fragment_length', 1, 'CH EE'],
  ['status_request', 5, 'CH CR CT'],
  ['supported_groups', 10, 'CH EE'],
  ['signature_algorithms', 13, 'CH CR'],
  ['use_srtp', 14, 'CH EE'],
  ['heartbeat', 15, 'CH EE'],
  ['application_layer_protocol_negotiation', 16, 'CH EE'],
  ['signed_certificate_timestamp', 18, 'CH CR CT'],
  ['client_certificate_type', 19, 'CH EE'],
  ['server_certificate_type', 20, 'CH EE'],
  ['padding', 21, 'CH'],
  ['key_share', 51, 'CH SH HRR'],
  ['pre_shared_key', 41, 'CH SH'],
  ['psk_key_exchange_modes', 45, 'CH'],
  ['early_data', 42, 'CH EE NST'],
  ['cookie', 44, 'CH HRR'],
  ['supported_versions', 43, 'CH SH HRR'],
  ['certificate_authorities', 47, 'CH CR'],
  ['oid_filters', 48, 'CR'],
  ['post_handshake_auth', 49, 'CH'],
  ['signature_algorithms_cert', 50, 'CH CR'],
  // ----
  ['compress_certificate', 27, 'CH CR'],
  ['quic_transport_parameters', 57, 'CH EE'],
];
/** Of TLS 1.2, of other RFCs, reserved by GREASE (RFC 8701), and of nobody. */
const UNKNOWN = [2, 11, 22, 23, 28, 35, 52, 0x0a0a, 0xfafa, 0xfe0d, 0xff01, 0xfefe];

type Entry = readonly [type: number, data: Uint8Array];

const none = new Uint8Array(0);
const bytes = (...values: readonly number[]): Uint8Array => Uint8Array.from(values);

/** Well-formed contents for what is no part of the honest message, where they are not empty or looked at by nobody. */
const CONTENTS: Readonly<Partial<Record<Place, Readonly<Record<number, Uint8Array>>>>> = {
  CH: {
    5: bytes(1, 0, 0, 0, 0),
    // One identity with a binder of 32 bytes.
    41: bytes(0, 7, 0, 1, 9, 0, 0, 0, 0, 0, 33, 32, ...new Uint8Array(32)),
    44: bytes(0, 1, 9),
    47: bytes(0, 4, 0, 2, 0x30, 0),
    27: bytes(2, 0, 1),
  },
  CR: { 50: bytes(0, 2, 4, 3), 47: bytes(0, 4, 0, 2, 0x30, 0), 27: bytes(2, 0, 1) },
  EE: { 10: bytes(0, 2, 0, 0x1d) },
  CT: { 5: bytes(1, 0, 0, 1, 9) },
  HRR: { 44: bytes(0, 1, 9) },
  NST: { 42: bytes(0xff, 0xff, 0xff, 0xff) },
};

/** A message in which extensions stand, and how to hand it to one that expects it. */
interface Message {
  readonly place: Place;
  readonly reader: 'client' | 'server';
  readonly level: EncryptionLevel;
  /** Brings a handshake to where it expects the message. @returns types that it has asked for; of requests undefined */
  reach(): { handshake: Handshake; asked: ReadonlySet<number> | undefined };
  /** The extensions of an honest message. */
  honest(): readonly Entry[];
  write(entries: readonly Entry[]): Uint8Array;
}

/** In the order of the wire, and twice where that is wanted. */
function block(entries: readonly Entry[]): Extensions {
  return entries as unknown as Extensions;
}

const GROUPS = { groups: [NamedGroup.X25519, NamedGroup.SECP256R1] };
/** Asks for all that a client can ask for. */
const EVERYTHING: Partial<ClientConfig> = {
  provider: nodeProvider,
  requestOcspStaple: true,
  certificateCompressors: [zlibCertificateCompressor],
  ...GROUPS,
};

function startedClient(): { client: ClientHandshake; hello: Uint8Array } {
  const client = new ClientHandshake(clientConfig({ ...EVERYTHING, random: seededRandom(61) }), {
    serverName: TEST_SERVER_NAME,
    extensions: [CLIENT_EXTENSION],
  });
  client.start(TEST_UNIX_TIME);
  return { client, hello: sentAt(drain(client), INITIAL) };
}

/** @param count of the server's messages that the client has read */
function clientAfter(count: number): { handshake: Handshake; asked: ReadonlySet<number> } {
  const { client, hello } = startedClient();
  const server = newServer({ provider: nodeProvider, ...GROUPS });
  server.handleMessages(INITIAL, hello, TEST_UNIX_TIME);
  const events = drain(server);
  const flight = [INITIAL, HANDSHAKE].flatMap((level) =>
    messagesOf(sentAt(events, level)).map((message) => [level, message] as const),
  );
  for (const [level, message] of flight.slice(0, count)) client.handleMessages(level, message, TEST_UNIX_TIME);
  drain(client);
  return { handshake: client, asked: new Set(readClientHello(hello.subarray(4)).extensions.keys()) };
}

function serverHello(): ReturnType<typeof readServerHello> {
  const server = newServer({ provider: nodeProvider, ...GROUPS });
  server.handleMessages(INITIAL, startedClient().hello, TEST_UNIX_TIME);
  return readServerHello(sentAt(drain(server), INITIAL).subarray(4));
}

const HELLO = readClientHello(startedClient().hello.subarray(4));
const SERVER_HELLO = serverHello();
const CHAIN = credentialOf('ecdsa-p256', nodeProvider).chain;

const certificate = (entries: readonly Entry[]): Uint8Array =>
  writeCertificate({
    certificateRequestContext: none,
    certificateList: CHAIN.map((certData, i) => ({ certData, extensions: block(i === 0 ? entries : []) })),
  });

const MESSAGES: readonly Message[] = [
  {
    place: 'CH',
    reader: 'server',
    level: INITIAL,
    reach: () => ({ handshake: newServer({ provider: nodeProvider, ...GROUPS }), asked: undefined }),
    honest: () => [...HELLO.extensions],
    write: (entries) => writeClientHello({ ...HELLO, extensions: block(entries) }),
  },
  {
    place: 'SH',
    reader: 'client',
    level: INITIAL,
    reach: () => clientAfter(0),
    honest: () => [...SERVER_HELLO.extensions],
    write: (entries) => writeServerHello({ ...SERVER_HELLO, extensions: block(entries) }),
  },
  {
    place: 'HRR',
    reader: 'client',
    level: INITIAL,
    reach: () => {
      const { handshake, asked } = clientAfter(0);
      // RFC 8446 §4.2: the one answer that nobody asks for.
      return { handshake, asked: new Set([...asked, 44]) };
    },
    honest: () => [
      [43, bytes(3, 4)],
      [51, bytes(0, NamedGroup.SECP256R1)],
    ],
    write: (entries) =>
      writeServerHello({ random: HELLO_RETRY_REQUEST_RANDOM, cipherSuite: 0x1301, extensions: block(entries) }),
  },
  {
    place: 'EE',
    reader: 'client',
    level: HANDSHAKE,
    reach: () => clientAfter(1),
    honest: () => [...encryptedExtensions()],
    write: (entries) => writeEncryptedExtensions(block(entries)),
  },
  {
    place: 'CR',
    reader: 'client',
    level: HANDSHAKE,
    reach: () => ({ ...clientAfter(2), asked: undefined }),
    honest: () => [[13, bytes(0, 2, 4, 3)]],
    write: (entries) => writeCertificateRequest({ certificateRequestContext: none, extensions: block(entries) }),
  },
  {
    place: 'CT',
    reader: 'client',
    level: HANDSHAKE,
    reach: () => clientAfter(2),
    honest: () => [],
    write: certificate,
  },
  {
    place: 'CT',
    reader: 'server',
    level: HANDSHAKE,
    reach: () => {
      const server = newServer({ provider: nodeProvider, ...GROUPS, clientAuthentication: { roots: testRoots() } });
      server.handleMessages(INITIAL, startedClient().hello, TEST_UNIX_TIME);
      const request = messagesOf(sentAt(drain(server), HANDSHAKE))[1] as Uint8Array;
      assert.is(request[0], HandshakeType.CERTIFICATE_REQUEST);
      // Our CertificateRequest asks for nothing that could stand in a Certificate.
      return { handshake: server, asked: new Set() };
    },
    honest: () => [],
    write: certificate,
  },
  {
    place: 'NST',
    reader: 'client',
    level: APPLICATION,
    reach: () => {
      const client = new ClientHandshake(clientConfig(EVERYTHING), {
        serverName: TEST_SERVER_NAME,
        extensions: [CLIENT_EXTENSION],
      });
      connect(client, newServer({ provider: nodeProvider, ...GROUPS }));
      return { handshake: client, asked: undefined };
    },
    honest: () => [],
    write: (entries) =>
      writeMessage(HandshakeType.NEW_SESSION_TICKET, (writer) => {
        writer
          .uint32(7200)
          .uint32(1)
          .vector8(bytes(0))
          .vector16(bytes(1, 2, 3));
        writeExtensions(writer, block(entries));
      }),
  },
];

/** @returns the alert that the reader answers with; undefined where it goes on */
function alertOf(message: Message, entries: readonly Entry[]): string | undefined {
  const { handshake } = message.reach();
  try {
    handshake.handleMessages(message.level, message.write(entries), TEST_UNIX_TIME);
    drain(handshake);
  } catch (error) {
    assert.instance(error, TlsError, String(error));
    const { alert, fault } = error as TlsError;
    assert.is(fault, 'peer', String(error));
    assert.is(handshake.nextEvent(), undefined);
    assert.throws(
      () => handshake.handleMessages(message.level, bytes(0), TEST_UNIX_TIME),
      (again: unknown) => again === error,
    );
    return alertName(alert);
  }
  return undefined;
}

const ILLEGAL = alertName(Alert.ILLEGAL_PARAMETER);
const UNSUPPORTED = alertName(Alert.UNSUPPORTED_EXTENSION);

/** The honest message with one extension more, or another in its place; pre_shared_key goes last and so behind. */
function withEntry(honest: readonly Entry[], type: number, data: Uint8Array): readonly Entry[] {
  return honest.some(([each]) => each === type) ? honest : [...honest, [type, data]];
}

/** The rule of RFC 8446 §4.2 for an extension that the RFC knows. */
function expected(message: Message, type: number, places: string): string | undefined {
  if (!places.split(' ').includes(message.place)) return ILLEGAL;
  const { asked } = message.reach();
  if (asked !== undefined && !asked.has(type)) return UNSUPPORTED;
  // Two that a first ClientHello cannot have by themselves: §4.2.10 wants a pre-shared key beside early data, §4.2.2 a HelloRetryRequest before a cookie.
  return message.place === 'CH' && (type === 42 || type === 44) ? ILLEGAL : undefined;
}

for (const message of MESSAGES) {
  const { place, reader } = message;

  test(`${place}, read by a ${reader}, is taken as it is, and in any order`, () => {
    assert.is(alertOf(message, message.honest()), undefined);
    assert.is(alertOf(message, message.honest().toReversed()), undefined);
  });

  for (const [name, type, places] of TABLE)
    test(`${name} in ${place}, read by a ${reader}`, () => {
      const data = CONTENTS[place]?.[type] ?? none;
      const entries = withEntry(message.honest(), type, data);
      assert.is(alertOf(message, entries), expected(message, type, places));
    });

  test(`${place}, read by a ${reader}, with each of its extensions twice`, () => {
    for (const [name, type, places] of TABLE) {
      const data = CONTENTS[place]?.[type] ?? none;
      const entries = withEntry(message.honest(), type, data);
      const own = entries.find(([each]) => each === type) as Entry;
      const alert = alertOf(message, [...entries, own]);
      assert.is(alert, ILLEGAL, `${name} ${places}`);
    }
    for (const type of UNKNOWN)
      assert.is(alertOf(message, [...message.honest(), [type, none], [type, bytes(1)]]), ILLEGAL, `${type}`);
  });

  test(`${place}, read by a ${reader}, with extensions that nobody here knows`, () => {
    const { asked } = message.reach();
    const alert = asked === undefined ? undefined : UNSUPPORTED;
    for (const type of UNKNOWN)
      for (const data of [none, bytes(1, 2, 3), new Uint8Array(500)]) {
        assert.is(alertOf(message, [...message.honest(), [type, data]]), alert, `${type}`);
        assert.is(alertOf(message, [[type, data], ...message.honest()]), alert, `${type}`);
      }
  });
}

test('pre_shared_key is the last extension of a ClientHello (RFC 8446 §4.2.11)', () => {
  const hello = MESSAGES[0] as Message;
  const psk: Entry = [41, CONTENTS.CH?.[41] as Uint8Array];
  assert.is(alertOf(hello, [...hello.honest(), psk]), undefined);
  for (let at = 0; at < hello.honest().length; at++)
    assert.is(alertOf(hello, [...hello.honest().slice(0, at), psk, ...hello.honest().slice(at)]), ILLEGAL);
});

test('what is mandatory is missed (RFC 8446 §9.2, RFC 9001 §8.2)', () => {
  const missing = alertName(Alert.MISSING_EXTENSION);
  const without = (message: Message, type: number): string | undefined =>
    alertOf(
      message,
      message.honest().filter(([each]) => each !== type),
    );
  const [hello, serverHello, retry, encrypted, request] = MESSAGES as [Message, Message, Message, Message, Message];
  for (const type of [10, 13, 51, 57]) assert.is(without(hello, type), missing, `${type}`);
  assert.is(without(hello, 43), alertName(Alert.PROTOCOL_VERSION));
  assert.is(without(hello, 16), alertName(Alert.NO_APPLICATION_PROTOCOL));
  assert.is(without(serverHello, 51), missing);
  assert.is(without(serverHello, 43), alertName(Alert.PROTOCOL_VERSION));
  assert.is(without(retry, 43), alertName(Alert.PROTOCOL_VERSION));
  // It would change nothing (§4.1.4).
  assert.is(without(retry, 51), ILLEGAL);
  assert.is(without(encrypted, 57), missing);
  assert.is(without(encrypted, 16), alertName(Alert.NO_APPLICATION_PROTOCOL));
  assert.is(without(request, 13), missing);
});

test('what a ClientHello can do without is not missed', () => {
  const hello = MESSAGES[0] as Message;
  for (const type of [0, 5, 27, 45, 50])
    assert.is(
      alertOf(
        hello,
        hello.honest().filter(([each]) => each !== type),
      ),
      undefined,
      `${type}`,
    );
});

test.run();
