/** RFC 8448: our readers take every message of the traces, and our writers give its bytes again. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { readCookie } from '../../src/extensions/cookie.ts';
import { readSelectedGroup } from '../../src/extensions/key-share.ts';
import { readOfferedPsks, readSelectedIdentity } from '../../src/extensions/pre-shared-key.ts';
import { TLS_1_3, readSelectedVersion } from '../../src/extensions/supported-versions.ts';
import { ExtensionType, requireExtension } from '../../src/extensions.ts';
import { readCertificateRequest, writeCertificateRequest } from '../../src/messages/certificate-request.ts';
import { readCertificateVerify, writeCertificateVerify } from '../../src/messages/certificate-verify.ts';
import { readCertificate, writeCertificate } from '../../src/messages/certificate.ts';
import { readClientHello, writeClientHello } from '../../src/messages/client-hello.ts';
import { readEncryptedExtensions, writeEncryptedExtensions } from '../../src/messages/encrypted-extensions.ts';
import { readFinished, writeFinished } from '../../src/messages/finished.ts';
import { HandshakeType } from '../../src/messages/handshake-message.ts';
import { readNewSessionTicket, writeNewSessionTicket } from '../../src/messages/new-session-ticket.ts';
import { readServerHello, writeServerHello } from '../../src/messages/server-hello.ts';
import { NamedGroup } from '../../src/provider.ts';
import { toHex } from '../support/bytes.ts';
import {
  SUITE,
  TRACES,
  body,
  clientAuthentication,
  compatibility,
  message,
  resumed,
  retry,
  simple,
} from '../support/rfc8448.ts';

/** Reads a body and writes the whole message, by message type. */
const REWRITE: ReadonlyMap<number, (body: Uint8Array) => Uint8Array> = new Map([
  [HandshakeType.CLIENT_HELLO, (data: Uint8Array) => writeClientHello(readClientHello(data))],
  [HandshakeType.SERVER_HELLO, (data: Uint8Array) => writeServerHello(readServerHello(data))],
  [HandshakeType.NEW_SESSION_TICKET, (data: Uint8Array) => writeNewSessionTicket(readNewSessionTicket(data))],
  [HandshakeType.ENCRYPTED_EXTENSIONS, (data: Uint8Array) => writeEncryptedExtensions(readEncryptedExtensions(data))],
  [HandshakeType.CERTIFICATE, (data: Uint8Array) => writeCertificate(readCertificate(data))],
  [HandshakeType.CERTIFICATE_REQUEST, (data: Uint8Array) => writeCertificateRequest(readCertificateRequest(data))],
  [HandshakeType.CERTIFICATE_VERIFY, (data: Uint8Array) => writeCertificateVerify(readCertificateVerify(data))],
  [HandshakeType.FINISHED, (data: Uint8Array) => writeFinished(readFinished(data, SUITE.hashLength))],
]);

const test = suite('RFC 8448 messages');

for (const trace of TRACES) {
  test(`${trace.name}: read and written again`, () => {
    for (const name of Object.keys(trace.messages)) {
      const bytes = message(trace, name);
      if (name === 'endOfEarlyData') {
        assert.is(toHex(bytes), '05000000');
        continue;
      }
      // Our hellos have no session ID; that of compatibility mode is read below.
      if (trace === compatibility && name.endsWith('Hello')) continue;
      const rewrite = REWRITE.get(bytes[0] as number);
      assert.ok(rewrite, name);
      assert.is(toHex(rewrite(bytes.subarray(4))), toHex(bytes), name);
    }
  });
}

test('compatibility mode: the server echoes the session ID of 32 bytes', () => {
  const { legacySessionId } = readClientHello(body(compatibility, 'clientHello'));
  const { legacySessionIdEcho, extensions } = readServerHello(body(compatibility, 'serverHello'));
  assert.is(legacySessionId.length, 32);
  assert.is(toHex(legacySessionIdEcho), toHex(legacySessionId));
  assert.is(readSelectedVersion(requireExtension(extensions, ExtensionType.SUPPORTED_VERSIONS)), TLS_1_3);
});

test('HelloRetryRequest is told by its random, and its cookie comes back', () => {
  const request = readServerHello(body(retry, 'helloRetryRequest'));
  assert.ok(request.isHelloRetryRequest);
  assert.not(readServerHello(body(retry, 'serverHello')).isHelloRetryRequest);
  assert.is(readSelectedGroup(requireExtension(request.extensions, ExtensionType.KEY_SHARE)), NamedGroup.SECP256R1);
  const cookie = (extensions: typeof request.extensions): string =>
    toHex(readCookie(requireExtension(extensions, ExtensionType.COOKIE)));
  assert.is(cookie(readClientHello(body(retry, 'clientHello')).extensions), cookie(request.extensions));
  assert.not(readClientHello(body(retry, 'firstClientHello')).extensions.has(ExtensionType.COOKIE));
});

test('the ticket of section 3 is what section 4 offers, 6 ms later, and what its server selects', () => {
  const ticket = readNewSessionTicket(body(simple, 'newSessionTicket'));
  assert.is(ticket.ticketLifetimeSeconds, 30);
  assert.is(ticket.maxEarlyDataSize, 1024);
  const { extensions } = readClientHello(body(resumed, 'clientHello'));
  const { identities, binders } = readOfferedPsks(requireExtension(extensions, ExtensionType.PRE_SHARED_KEY));
  assert.is(binders.length, 1);
  assert.equal(
    identities.map(({ identity }) => toHex(identity)),
    [toHex(ticket.ticket)],
  );
  assert.is((identities[0]?.obfuscatedTicketAge ?? 0) - ticket.ticketAgeAdd, 6);
  assert.ok(extensions.has(ExtensionType.EARLY_DATA));
  const answer = readServerHello(body(resumed, 'serverHello')).extensions;
  assert.is(readSelectedIdentity(requireExtension(answer, ExtensionType.PRE_SHARED_KEY)), 0);
  assert.ok(readEncryptedExtensions(body(resumed, 'encryptedExtensions')).has(ExtensionType.EARLY_DATA));
});

test('the certificates of both sides answer with an empty context', () => {
  const { certificateRequestContext } = readCertificateRequest(body(clientAuthentication, 'certificateRequest'));
  assert.is(certificateRequestContext.length, 0);
  for (const name of ['certificate', 'clientCertificate']) {
    const certificate = readCertificate(body(clientAuthentication, name));
    assert.is(certificate.certificateRequestContext.length, 0);
    assert.is(certificate.certificateList.length, 1);
  }
});

test.run();
