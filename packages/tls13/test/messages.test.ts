/** Each message written and read again, and refused at every length that is not its own. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Alert } from '../src/alerts.ts';
import { TlsError } from '../src/errors.ts';
import { ExtensionType, type Extensions } from '../src/extensions.ts';
import { readCertificateRequest, writeCertificateRequest } from '../src/messages/certificate-request.ts';
import { readCertificateVerify, writeCertificateVerify } from '../src/messages/certificate-verify.ts';
import { readCertificate, writeCertificate } from '../src/messages/certificate.ts';
import { readClientHello, writeClientHello } from '../src/messages/client-hello.ts';
import { readEncryptedExtensions, writeEncryptedExtensions } from '../src/messages/encrypted-extensions.ts';
import { readFinished, writeFinished } from '../src/messages/finished.ts';
import { messageName } from '../src/messages/handshake-message.ts';
import { readNewSessionTicket, writeNewSessionTicket } from '../src/messages/new-session-ticket.ts';
import { HELLO_RETRY_REQUEST_RANDOM, readServerHello, writeServerHello } from '../src/messages/server-hello.ts';
import { concat, fromHex, readVectors, toHex } from './support/bytes.ts';

const test = suite('messages');

const extensions: Extensions = new Map([
  [0xfefe, Uint8Array.of(1, 2, 3)],
  [0x3939, new Uint8Array(0)],
]);
const random = new Uint8Array(32).fill(3);
const empty = new Uint8Array(0);

interface Codec {
  readonly written: Uint8Array;
  read(body: Uint8Array): unknown;
  readonly expected: unknown;
  /** Body lengths at which an older version of the message ends. */
  readonly alsoEndsAt?: number;
}

const codecs: readonly Codec[] = [
  {
    written: writeClientHello({ random, cipherSuites: [0x1301, 0x1303], extensions }),
    read: readClientHello,
    expected: {
      legacyVersion: 0x0303,
      random,
      legacySessionId: empty,
      cipherSuites: [0x1301, 0x1303],
      legacyCompressionMethods: Uint8Array.of(0),
      extensions,
    },
    alsoEndsAt: 2 + 32 + 1 + 6 + 2,
  },
  {
    written: writeServerHello({ random, cipherSuite: 0x1302, extensions }),
    read: readServerHello,
    expected: serverHello(random, false),
    alsoEndsAt: 38,
  },
  {
    written: writeServerHello({ random: HELLO_RETRY_REQUEST_RANDOM, cipherSuite: 0x1302, extensions }),
    read: readServerHello,
    expected: serverHello(HELLO_RETRY_REQUEST_RANDOM, true),
    alsoEndsAt: 38,
  },
  { written: writeEncryptedExtensions(extensions), read: readEncryptedExtensions, expected: extensions },
  {
    written: writeCertificateRequest({ certificateRequestContext: Uint8Array.of(7), extensions }),
    read: readCertificateRequest,
    expected: { certificateRequestContext: Uint8Array.of(7), extensions },
  },
  {
    written: writeCertificate({
      certificateRequestContext: empty,
      certificateList: [
        { certData: Uint8Array.of(1, 2), extensions },
        { certData: Uint8Array.of(3), extensions: new Map() },
      ],
    }),
    read: readCertificate,
    expected: {
      certificateRequestContext: empty,
      certificateList: [
        { certData: Uint8Array.of(1, 2), extensions },
        { certData: Uint8Array.of(3), extensions: new Map() },
      ],
    },
  },
  {
    written: writeCertificateVerify({ algorithm: 0x0403, signature: Uint8Array.of(5, 6) }),
    read: readCertificateVerify,
    expected: { algorithm: 0x0403, signature: Uint8Array.of(5, 6) },
  },
  { written: writeFinished(random), read: (body) => readFinished(body, 32), expected: random },
  {
    written: writeNewSessionTicket({
      ticketLifetimeSeconds: 7200,
      ticketAgeAdd: 0xffff_ffff,
      ticketNonce: Uint8Array.of(0),
      ticket: Uint8Array.of(1),
      maxEarlyDataSize: 0xffff_ffff,
    }),
    read: readNewSessionTicket,
    expected: {
      ticketLifetimeSeconds: 7200,
      ticketAgeAdd: 0xffff_ffff,
      ticketNonce: Uint8Array.of(0),
      ticket: Uint8Array.of(1),
      maxEarlyDataSize: 0xffff_ffff,
    },
  },
];

function isDecodeError(error: unknown): boolean {
  return error instanceof TlsError && error.alert === Alert.DECODE_ERROR;
}

for (const [i, { written, read, expected, alsoEndsAt }] of codecs.entries()) {
  const name = `${messageName(written[0] as number)} (${i})`;
  const body = written.subarray(4);

  test(`${name} comes back as it was written`, () => assert.equal(read(body), expected));

  test(`${name} is refused at every other length`, () => {
    for (let length = 0; length < body.length; length++) {
      if (length === alsoEndsAt) continue;
      assert.throws(() => read(body.slice(0, length)), isDecodeError, `length ${length}`);
    }
    assert.throws(() => read(concat(body, Uint8Array.of(0))), isDecodeError);
  });
}

test('the messages of RFC 8448 section 3 are understood', () => {
  const { messages } = readVectors<{ messages: Record<string, string> }>('rfc8448-simple-1rtt.json');
  const body = (name: string): Uint8Array => fromHex(messages[name] as string).subarray(4);
  const clientHello = readClientHello(body('clientHello'));
  assert.equal(clientHello.cipherSuites, [0x1301, 0x1303, 0x1302]);
  assert.is(toHex(clientHello.extensions.get(ExtensionType.SUPPORTED_VERSIONS) as Uint8Array), '020304');
  assert.is(readServerHello(body('serverHello')).cipherSuite, 0x1301);
  assert.equal([...readEncryptedExtensions(body('encryptedExtensions')).keys()], [10, 28, 0]);
  assert.is(readCertificate(body('certificate')).certificateList.length, 1);
  assert.is(readCertificateVerify(body('certificateVerify')).algorithm, 0x0804);
  assert.is(readNewSessionTicket(body('newSessionTicket')).maxEarlyDataSize, 1024);
});

test('messages are named', () => {
  assert.is(messageName(8), 'encrypted_extensions');
  assert.is(messageName(99), 'unknown message 99');
});

function serverHello(helloRandom: Uint8Array, isHelloRetryRequest: boolean): unknown {
  return {
    legacyVersion: 0x0303,
    random: helloRandom,
    isHelloRetryRequest,
    legacySessionIdEcho: empty,
    cipherSuite: 0x1302,
    legacyCompressionMethod: 0,
    extensions,
  };
}

test.run();
