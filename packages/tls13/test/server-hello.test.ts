/** What a client makes of ServerHellos and EncryptedExtensions that are not as they should be. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TEST_UNIX_TIME, seededRandom } from '@mquictt/testkit';
import { Alert } from '../src/alerts.ts';
import { TLS_AES_128_GCM_SHA256 } from '../src/cipher-suites.ts';
import type { ClientHandshake } from '../src/client-handshake.ts';
import { Writer } from '../src/codec.ts';
import { ExtensionType } from '../src/extensions.ts';
import { writeAlpn } from '../src/extensions/alpn.ts';
import { writeServerShare } from '../src/extensions/key-share.ts';
import { writeUint16List } from '../src/extensions/uint16-list.ts';
import { EncryptionLevel } from '../src/handshake.ts';
import { writeEncryptedExtensions } from '../src/messages/encrypted-extensions.ts';
import { HandshakeType, writeMessage } from '../src/messages/handshake-message.ts';
import { readServerHello, writeServerHello, type ServerHello } from '../src/messages/server-hello.ts';
import { nobleProvider } from '../src/providers/noble.ts';
import { concat, fromHex } from './support/bytes.ts';
import { ALPN, CLIENT_EXTENSION, drain, expectAlert, newClient, sentAt } from './support/handshakes.ts';
import { encryptedExtensions, scriptedFlight, type ScriptedMessage } from './support/scripted-server.ts';

const { INITIAL, HANDSHAKE } = EncryptionLevel;
const test = suite('server hello');

function started(serverName?: string): { client: ClientHandshake; hello: Uint8Array } {
  const client = newClient({ cipherSuites: [TLS_AES_128_GCM_SHA256] }, serverName);
  client.start(TEST_UNIX_TIME);
  return { client, hello: sentAt(drain(client), INITIAL) };
}

type Edit = (message: Uint8Array) => Uint8Array;

/** What a client with one suite says to a ServerHello that went through `edit`. */
function refused(edit: Edit, alert: Alert): void {
  const { client, hello } = started();
  const [answer] = scriptedFlight(hello) as [ScriptedMessage];
  expectAlert(() => client.handleMessages(INITIAL, edit(answer.data), TEST_UNIX_TIME), alert, undefined, client);
}

function changed(
  change: (extensions: Map<number, Uint8Array>, hello: ServerHello) => Partial<ServerHello> | void,
): Edit {
  return (message) => {
    const hello = readServerHello(message.subarray(4));
    const extensions = new Map(hello.extensions);
    const overrides = change(extensions, hello) ?? {};
    return writeServerHello({ ...hello, extensions, ...overrides });
  };
}

const set = (type: number, data: Uint8Array): Edit => changed((extensions) => void extensions.set(type, data));
const without = (type: number): Edit => changed((extensions) => void extensions.delete(type));

/** Replaces bytes of the message at an offset. */
const patched =
  (at: number, ...bytes: number[]): Edit =>
  (message) => {
    const copy = message.slice();
    copy.set(bytes, at);
    return copy;
  };

const share = (group: number, keyExchange: Uint8Array): Edit => set(51, writeServerShare({ group, keyExchange }));

function downgraded(version: number): Edit {
  const random = concat(new Uint8Array(24), fromHex('444f574e4752 44'), Uint8Array.of(version));
  return changed((extensions) => {
    extensions.delete(ExtensionType.SUPPORTED_VERSIONS);
    return { random };
  });
}

const p256 = nobleProvider.generateKeyShares([0x17], seededRandom(4))[0];

const refusals: readonly [string, Edit, Alert][] = [
  ['without supported_versions', without(43), Alert.PROTOCOL_VERSION],
  ['that was downgraded to TLS 1.2', downgraded(1), Alert.ILLEGAL_PARAMETER],
  ['that was downgraded to TLS 1.1', downgraded(0), Alert.ILLEGAL_PARAMETER],
  ['for TLS 1.2 by extension', set(43, Uint8Array.of(3, 3)), Alert.ILLEGAL_PARAMETER],
  ['for a version to come', set(43, Uint8Array.of(3, 5)), Alert.ILLEGAL_PARAMETER],
  ['with a list of versions', set(43, Uint8Array.of(2, 3, 4)), Alert.DECODE_ERROR],
  ['with legacy_version 0x0304', patched(4, 3, 4), Alert.ILLEGAL_PARAMETER],
  ['with legacy_version 0x0300', patched(4, 3, 0), Alert.PROTOCOL_VERSION],
  ['with a suite that was not offered', changed(() => ({ cipherSuite: 0x1302 })), Alert.ILLEGAL_PARAMETER],
  ['with a suite of TLS 1.2', changed(() => ({ cipherSuite: 0xc02f })), Alert.ILLEGAL_PARAMETER],
  ['with compression', patched(4 + 2 + 32 + 1 + 2, 1), Alert.ILLEGAL_PARAMETER],
  ['with a session ID', (message) => withSessionId(message, 32), Alert.ILLEGAL_PARAMETER],
  ['with a session ID of 33 bytes', (message) => withSessionId(message, 33), Alert.DECODE_ERROR],
  ['without key_share', without(51), Alert.MISSING_EXTENSION],
  ['with a share of a group that was not shared', share(0x17, p256.publicKey), Alert.ILLEGAL_PARAMETER],
  ['with a share of an unknown group', share(0x11ec, new Uint8Array(32)), Alert.ILLEGAL_PARAMETER],
  ['with a share of zeros', share(0x1d, new Uint8Array(32)), Alert.ILLEGAL_PARAMETER],
  ['with a share of 33 bytes', share(0x1d, new Uint8Array(33).fill(9)), Alert.ILLEGAL_PARAMETER],
  ['with an empty share', share(0x1d, new Uint8Array(0)), Alert.DECODE_ERROR],
  // RFC 8446 §4.2: none was offered.
  ['that chooses a pre-shared key', set(41, Uint8Array.of(0, 0)), Alert.UNSUPPORTED_EXTENSION],
  ['with an extension that was not sent', set(0xfefe, new Uint8Array(0)), Alert.UNSUPPORTED_EXTENSION],
  // RFC 9001 §8.2: in EncryptedExtensions, where nobody can change them.
  ['with transport parameters', set(0x39, Uint8Array.of(1)), Alert.ILLEGAL_PARAMETER],
  ['with ALPN', set(16, writeAlpn([ALPN])), Alert.ILLEGAL_PARAMETER],
  ['with a cookie', set(44, Uint8Array.of(0, 1, 1)), Alert.ILLEGAL_PARAMETER],
];
for (const [name, edit, alert] of refusals) {
  test(`client refuses a ServerHello ${name}`, () => refused(edit, alert));
}

test('client refuses a ServerHello that is cut off anywhere', () => {
  const { hello } = started();
  const [answer] = scriptedFlight(hello) as [ScriptedMessage];
  const body = answer.data.subarray(4);
  for (let length = 0; length < body.length; length++) {
    // Cut right before the extensions it is a ServerHello of TLS 1.2.
    const alert = length === 2 + 32 + 1 + 2 + 1 ? Alert.PROTOCOL_VERSION : Alert.DECODE_ERROR;
    const edit: Edit = () =>
      writeMessage(HandshakeType.SERVER_HELLO, (writer) => writer.bytes(body.subarray(0, length)));
    refused(edit, alert);
  }
});

// EncryptedExtensions

function refusedExtensions(
  change: (extensions: Map<number, Uint8Array>) => void,
  alert: Alert,
  serverName?: string,
): void {
  const { client, hello } = started(serverName);
  const extensions = encryptedExtensions();
  change(extensions);
  const edit = (name: string, message: Uint8Array): Uint8Array[] => [
    name === 'encrypted_extensions' ? writeEncryptedExtensions(extensions) : message,
  ];
  const flight = scriptedFlight(hello, { edit });
  expectAlert(
    () => {
      for (const { level, data } of flight) client.handleMessages(level, data, TEST_UNIX_TIME);
    },
    alert,
    undefined,
    client,
  );
}

const setExtension =
  (type: number, data: Uint8Array) =>
  (extensions: Map<number, Uint8Array>): void =>
    void extensions.set(type, data);

const extensionRefusals: readonly [string, (extensions: Map<number, Uint8Array>) => void, Alert][] = [
  ['without ALPN', (extensions) => void extensions.delete(16), Alert.NO_APPLICATION_PROTOCOL],
  ['with a protocol that was not offered', setExtension(16, writeAlpn(['h3'])), Alert.ILLEGAL_PARAMETER],
  ['with two protocols', setExtension(16, writeAlpn([ALPN, ALPN])), Alert.ILLEGAL_PARAMETER],
  ['with an empty protocol', setExtension(16, Uint8Array.of(0, 1, 0)), Alert.DECODE_ERROR],
  ['without protocols', setExtension(16, Uint8Array.of(0, 0)), Alert.DECODE_ERROR],
  [
    'without transport extension',
    (extensions) => void extensions.delete(CLIENT_EXTENSION.type),
    Alert.MISSING_EXTENSION,
  ],
  ['with early_data', setExtension(42, new Uint8Array(0)), Alert.UNSUPPORTED_EXTENSION],
  ['with an extension that was not sent', setExtension(0xfefe, new Uint8Array(0)), Alert.UNSUPPORTED_EXTENSION],
  ['with max_fragment_length', setExtension(1, Uint8Array.of(1)), Alert.UNSUPPORTED_EXTENSION],
  ['with key_share', setExtension(51, Uint8Array.of(0, 0)), Alert.ILLEGAL_PARAMETER],
  ['with supported_versions', setExtension(43, Uint8Array.of(3, 4)), Alert.ILLEGAL_PARAMETER],
  ['with pre_shared_key', setExtension(41, Uint8Array.of(0, 0)), Alert.ILLEGAL_PARAMETER],
  ['with signature_algorithms', setExtension(13, writeUint16List([0x0403])), Alert.ILLEGAL_PARAMETER],
  ['with a server_name that says something', setExtension(0, Uint8Array.of(0)), Alert.DECODE_ERROR],
  ['with broken supported_groups', setExtension(10, Uint8Array.of(0)), Alert.DECODE_ERROR],
];
for (const [name, change, alert] of extensionRefusals) {
  test(`client refuses EncryptedExtensions ${name}`, () => refusedExtensions(change, alert));
}

test('client refuses a server_name where it sent none', () => {
  refusedExtensions(setExtension(0, new Uint8Array(0)), Alert.UNSUPPORTED_EXTENSION, '127.0.0.1');
});

test('client accepts an empty server_name and the groups of the server', () => {
  const { client, hello } = started();
  const extensions = encryptedExtensions();
  extensions.set(ExtensionType.SERVER_NAME, new Uint8Array(0));
  extensions.set(ExtensionType.SUPPORTED_GROUPS, writeUint16List([0x11ec, 0x1d]));
  const edit = (name: string, message: Uint8Array): Uint8Array[] => [
    name === 'encrypted_extensions' ? writeEncryptedExtensions(extensions) : message,
  ];
  for (const { level, data } of scriptedFlight(hello, { edit })) client.handleMessages(level, data, TEST_UNIX_TIME);
  assert.ok(client.isComplete);
});

test('client refuses EncryptedExtensions with one extension twice', () => {
  const { client, hello } = started();
  const [answer] = scriptedFlight(hello) as [ScriptedMessage];
  client.handleMessages(INITIAL, answer.data, TEST_UNIX_TIME);
  const message = writeMessage(HandshakeType.ENCRYPTED_EXTENSIONS, (writer) => {
    writer.vector16((block) => {
      for (let i = 0; i < 2; i++) block.uint16(16).vector16(writeAlpn([ALPN]));
    });
  });
  expectAlert(
    () => client.handleMessages(HANDSHAKE, message, TEST_UNIX_TIME),
    Alert.ILLEGAL_PARAMETER,
    undefined,
    client,
  );
});

function withSessionId(message: Uint8Array, length: number): Uint8Array {
  const body = message.subarray(4);
  return new Writer()
    .uint8(HandshakeType.SERVER_HELLO)
    .vector24((writer) => {
      writer.bytes(body.subarray(0, 34)).vector8(new Uint8Array(length)).bytes(body.subarray(35));
    })
    .finish();
}

test.run();
