/** The key schedule against RFC 8448 and against the same formulas written over node:crypto. */
import { X509Certificate, constants, createHash, createHmac, verify } from 'node:crypto';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { nodeProvider } from '@mquictt/tls13/node';
import { CIPHER_SUITES, TLS_AES_128_GCM_SHA256 } from '../src/cipher-suites.ts';
import { EarlySchedule, hkdfExpandLabel } from '../src/key-schedule.ts';
import { readCertificateVerify, serverSignatureContent } from '../src/messages/certificate-verify.ts';
import { readCertificate } from '../src/messages/certificate.ts';
import { HELLO_RETRY_REQUEST_RANDOM } from '../src/messages/server-hello.ts';
import { nobleProvider } from '../src/providers/noble.ts';
import { SignatureScheme, type CryptoProvider, type HashAlgorithm } from '../src/provider.ts';
import { Transcript, transcriptWithRetry } from '../src/transcript.ts';
import { concat, fromHex, readVectors, toHex } from './support/bytes.ts';

interface Trace {
  readonly sharedSecret: string;
  readonly messages: Readonly<Record<string, string>>;
  readonly secrets: Readonly<Record<string, string>>;
  readonly serverHandshakeKey: string;
  readonly serverHandshakeIv: string;
}

const trace = readVectors<Trace>('rfc8448-simple-1rtt.json');
const message = (name: string): Uint8Array => fromHex(trace.messages[name] as string);
const providers: readonly CryptoProvider[] = [nobleProvider, nodeProvider];

const test = suite('key schedule');

for (const provider of providers) {
  test(`${provider.name} gives the secrets and Finished messages of RFC 8448 section 3`, () => {
    const cipherSuite = TLS_AES_128_GCM_SHA256;
    const transcript = new Transcript(provider, cipherSuite);
    transcript.add(message('clientHello')).add(message('serverHello'));
    const schedule = new EarlySchedule(provider, cipherSuite).handshake(
      fromHex(trace.sharedSecret),
      transcript.digest(),
    );
    assert.is(toHex(schedule.clientTrafficSecret), trace.secrets['clientHandshakeTraffic']);
    assert.is(toHex(schedule.serverTrafficSecret), trace.secrets['serverHandshakeTraffic']);

    const { hash, keyLength } = cipherSuite;
    const empty = new Uint8Array(0);
    const key = hkdfExpandLabel(provider, hash, schedule.serverTrafficSecret, 'key', empty, keyLength);
    const iv = hkdfExpandLabel(provider, hash, schedule.serverTrafficSecret, 'iv', empty, 12);
    assert.is(toHex(key), trace.serverHandshakeKey);
    assert.is(toHex(iv), trace.serverHandshakeIv);

    transcript.add(message('encryptedExtensions')).add(message('certificate')).add(message('certificateVerify'));
    assert.is(toHex(schedule.serverVerifyData(transcript.digest())), toHex(message('serverFinished').subarray(4)));

    transcript.add(message('serverFinished'));
    const master = schedule.master(transcript.digest());
    assert.is(toHex(master.clientTrafficSecret), trace.secrets['clientApplicationTraffic']);
    assert.is(toHex(master.serverTrafficSecret), trace.secrets['serverApplicationTraffic']);
    assert.is(toHex(master.exporterSecret()), trace.secrets['exporterMaster']);
    assert.is(toHex(schedule.clientVerifyData(transcript.digest())), toHex(message('clientFinished').subarray(4)));
  });

  test(`${provider.name} agrees with the formulas of RFC 8446 section 7.1 over node:crypto`, () => {
    for (const cipherSuite of CIPHER_SUITES) {
      const { hash } = cipherSuite;
      const sharedSecret = new Uint8Array(32).fill(7);
      const hello = digest(hash, 'hello');
      const finished = digest(hash, 'finished');
      const zeros = new Uint8Array(cipherSuite.hashLength);
      const early = hmac(hash, zeros, zeros);
      const handshakeSecret = hmac(hash, expand(hash, early, 'derived', digest(hash, '')), sharedSecret);
      const masterSecret = hmac(hash, expand(hash, handshakeSecret, 'derived', digest(hash, '')), zeros);

      const schedule = new EarlySchedule(provider, cipherSuite).handshake(sharedSecret, hello);
      const master = schedule.master(finished);
      assert.is(toHex(schedule.clientTrafficSecret), toHex(expand(hash, handshakeSecret, 'c hs traffic', hello)));
      assert.is(toHex(schedule.serverTrafficSecret), toHex(expand(hash, handshakeSecret, 's hs traffic', hello)));
      assert.is(toHex(master.clientTrafficSecret), toHex(expand(hash, masterSecret, 'c ap traffic', finished)));
      assert.is(toHex(master.serverTrafficSecret), toHex(expand(hash, masterSecret, 's ap traffic', finished)));
      assert.is(toHex(master.exporterSecret()), toHex(expand(hash, masterSecret, 'exp master', finished)));
    }
  });
}

test('what CertificateVerify signs is what RFC 8448 section 3 signed', () => {
  const transcript = new Transcript(nobleProvider, TLS_AES_128_GCM_SHA256);
  for (const name of ['clientHello', 'serverHello', 'encryptedExtensions', 'certificate'])
    transcript.add(message(name));
  const [entry] = readCertificate(message('certificate').subarray(4)).certificateList;
  // Verified by node:crypto: the key has 1,024 bits, which no provider here accepts.
  const key = {
    key: new X509Certificate(entry?.certData as Uint8Array).publicKey,
    padding: constants.RSA_PKCS1_PSS_PADDING,
  };
  const { algorithm, signature } = readCertificateVerify(message('certificateVerify').subarray(4));
  assert.is(algorithm, SignatureScheme.RSA_PSS_RSAE_SHA256);
  assert.ok(verify('sha256', serverSignatureContent(transcript.digest()), key, signature));
  transcript.add(message('certificateVerify'));
  assert.not(verify('sha256', serverSignatureContent(transcript.digest()), key, signature));
});

test('the transcript replaces a retried ClientHello by its hash', () => {
  const first = Uint8Array.of(1, 0, 0, 1, 42);
  const retry = Uint8Array.of(2, 0, 0, 1, 43);
  const expected = createHash('sha256')
    .update(concat(Uint8Array.of(254, 0, 0, 32), digest('sha256', first), retry))
    .digest();
  assert.is(toHex(transcriptWithRetry(nobleProvider, TLS_AES_128_GCM_SHA256, first, retry).digest()), toHex(expected));
});

test('the random of HelloRetryRequest is the hash of its name', () => {
  assert.is(toHex(HELLO_RETRY_REQUEST_RANDOM), toHex(digest('sha256', 'HelloRetryRequest')));
});

function digest(hash: HashAlgorithm, data: string | Uint8Array): Uint8Array {
  return new Uint8Array(createHash(hash).update(data).digest());
}

/** HKDF-Extract. */
function hmac(hash: HashAlgorithm, salt: Uint8Array, inputKeyMaterial: Uint8Array): Uint8Array {
  return new Uint8Array(createHmac(hash, salt).update(inputKeyMaterial).digest());
}

/** HKDF-Expand-Label by hand, one block long: HMAC(secret, label || 0x01). */
function expand(hash: HashAlgorithm, secret: Uint8Array, label: string, context: Uint8Array): Uint8Array {
  const name = Buffer.from(`tls13 ${label}`);
  const info = concat(Uint8Array.of(0, context.length, name.length), name, Uint8Array.of(context.length), context);
  return new Uint8Array(createHmac(hash, secret).update(info).update(Uint8Array.of(1)).digest());
}

test.run();
