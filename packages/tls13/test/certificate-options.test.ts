/** Which certificate a server shows, and what comes with it: staples (RFC 8446 §4.4.2.1) and compression (RFC 8879). */
import { TEST_SERVER_NAME, TEST_UNIX_TIME, testRoots } from '@mquictt/testkit';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Alert } from '../src/alerts.ts';
import type { CertificateCompressor, CertificateOffer } from '../src/config.ts';
import { EncryptionLevel } from '../src/handshake.ts';
import { HandshakeType } from '../src/messages/handshake-message.ts';
import { brotliCertificateCompressor, zlibCertificateCompressor } from '../src/node/index.ts';
import { SignatureScheme } from '../src/provider.ts';
import {
  connect,
  credentialOf,
  drain,
  expectAlert,
  messagesOf,
  newClient,
  newServer,
  sentAt,
} from './support/handshakes.ts';
import { completeOf } from './support/sessions.ts';

const { HANDSHAKE, INITIAL } = EncryptionLevel;
const test = suite('certificate options');

test('a server chooses by name and by what the client can check', () => {
  const offers: CertificateOffer[] = [];
  const server = newServer({
    credential: {
      choose(offer) {
        offers.push(offer);
        return credentialOf('rsa-2048');
      },
    },
  });
  const client = newClient();
  connect(client, server);
  assert.equal(client.peerCertificates, credentialOf('rsa-2048').chain);
  const [offer] = offers;
  assert.is(offer?.serverName, TEST_SERVER_NAME);
  assert.ok(offer?.signatureSchemes.includes(SignatureScheme.ED25519));
  assert.not(offer?.signatureSchemes.includes(SignatureScheme.RSA_PKCS1_SHA256));
  assert.ok(offer?.certificateSchemes.includes(SignatureScheme.RSA_PKCS1_SHA256));
});

test('a server without a certificate for that name says so', () => {
  const server = newServer({ credential: { choose: () => undefined } });
  expectAlert(() => connect(newClient(), server), Alert.HANDSHAKE_FAILURE, 'ERR_TLS_NEGOTIATION', server);
});

test('a server may take its time to choose, and certificates change while it runs', () => {
  for (const kind of ['ecdsa-p256', 'ed25519'] as const) {
    const client = newClient();
    const server = newServer({ credential: { choose: () => 'wait' } });
    const { serverEvents } = connect(client, server);
    assert.is(serverEvents.at(-1)?.type, 'choose-certificate');
    assert.is(sentAt(serverEvents, INITIAL).length, 0);
    server.provideCredential(credentialOf(kind));
    const rest = drain(server);
    for (const level of [INITIAL, HANDSHAKE] as const)
      client.handleMessages(level, sentAt(rest, level), TEST_UNIX_TIME);
    assert.ok(client.isComplete);
    assert.equal(client.peerCertificates, credentialOf(kind).chain);
  }
});

test('a server that waited in vain says so', () => {
  const server = newServer({ credential: { choose: () => 'wait' } });
  connect(newClient(), server);
  expectAlert(() => server.provideCredential(undefined), Alert.HANDSHAKE_FAILURE, 'ERR_TLS_NEGOTIATION', server);
});

test('an OCSP response comes to those who ask, and to their judge', () => {
  const ocspResponse = Uint8Array.of(0x30, 3, 1, 2, 3);
  const credential = { ...credentialOf('ecdsa-p256'), ocspResponse };
  const judged: (Uint8Array | undefined)[] = [];
  for (const requestOcspStaple of [true, false]) {
    const client = newClient({ requestOcspStaple, judgePeerChain: true });
    connect(client, newServer({ credential }), {
      onEvent(handshake, event) {
        if (event.type !== 'judge-peer-chain') return;
        judged.push(event.ocspResponse);
        handshake.acceptPeerChain();
      },
    });
    assert.ok(client.isComplete);
    assert.equal(client.peerOcspResponse, requestOcspStaple ? ocspResponse : undefined);
  }
  assert.equal(judged, [ocspResponse, undefined]);
});

function certificateMessage(
  ours: readonly CertificateCompressor[],
  theirs: readonly CertificateCompressor[],
): Uint8Array {
  const client = newClient({ certificateCompressors: ours });
  const server = newServer({ certificateCompressors: theirs, credential: credentialOf('rsa-chain') });
  const { clientEvents, serverEvents } = connect(client, server);
  completeOf(clientEvents);
  assert.equal(client.peerCertificates, credentialOf('rsa-chain').chain);
  return messagesOf(sentAt(serverEvents, HANDSHAKE))[1]!;
}

test('certificates are compressed where both sides can', () => {
  const plain = certificateMessage([], []);
  assert.is(plain[0], HandshakeType.CERTIFICATE);
  for (const compressor of [zlibCertificateCompressor, brotliCertificateCompressor]) {
    const compressed = certificateMessage([compressor], [brotliCertificateCompressor, zlibCertificateCompressor]);
    assert.is(compressed[0], HandshakeType.COMPRESSED_CERTIFICATE);
    assert.is(compressed[5], compressor.algorithm);
    assert.ok(compressed.length < plain.length);
  }
  assert.is(
    certificateMessage([zlibCertificateCompressor], [brotliCertificateCompressor])[0],
    HandshakeType.CERTIFICATE,
  );
});

test('a client compresses its certificate as well', () => {
  const compressors = [zlibCertificateCompressor];
  const client = newClient({ certificateCompressors: compressors, credential: credentialOf('rsa-chain') });
  const server = newServer({ certificateCompressors: compressors, clientAuthentication: { roots: testRoots() } });
  const { clientEvents } = connect(client, server);
  assert.is(messagesOf(sentAt(clientEvents, HANDSHAKE))[0]![0], HandshakeType.COMPRESSED_CERTIFICATE);
  assert.equal(server.peerCertificates, credentialOf('rsa-chain').chain);
});

test('a compressed certificate that is damaged, too long or of another length is refused', () => {
  const damages: readonly [(message: Uint8Array) => void, Alert][] = [
    [(message) => void (message[20]! ^= 0xff), Alert.BAD_CERTIFICATE],
    [(message) => void (message[8]! ^= 1), Alert.BAD_CERTIFICATE],
    [(message) => void (message[6] = 0xff), Alert.BAD_CERTIFICATE],
    [(message) => void (message[5] = 2), Alert.ILLEGAL_PARAMETER],
  ];
  for (const [damage, alert] of damages) {
    const client = newClient({ certificateCompressors: [zlibCertificateCompressor] });
    const server = newServer({
      certificateCompressors: [zlibCertificateCompressor],
      credential: credentialOf('rsa-chain'),
    });
    const change = (level: EncryptionLevel, data: Uint8Array): Uint8Array => {
      if (level !== HANDSHAKE) return data;
      const [extensions, certificate] = messagesOf(data);
      damage(data.subarray(extensions!.length, extensions!.length + certificate!.length));
      return data;
    };
    expectAlert(() => connect(client, server, { onServerSends: change }), alert, undefined, client);
  }
});

test.run();
