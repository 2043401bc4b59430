/** The key schedule against the same formulas written over node:crypto; rfc8448/ has it against the RFC's traces. */
import { createHash, createHmac } from 'node:crypto';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { nodeProvider } from '@mquictt/tls13/node';
import { CIPHER_SUITES, TLS_AES_128_GCM_SHA256 } from '../src/cipher-suites.ts';
import { EarlySchedule } from '../src/key-schedule.ts';
import { HELLO_RETRY_REQUEST_RANDOM } from '../src/messages/server-hello.ts';
import { nobleProvider } from '../src/providers/noble.ts';
import type { CryptoProvider, HashAlgorithm } from '../src/provider.ts';
import { transcriptWithRetry } from '../src/transcript.ts';
import { concat, toHex } from './support/bytes.ts';

const providers: readonly CryptoProvider[] = [nobleProvider, nodeProvider];

const test = suite('key schedule');

for (const provider of providers) {
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
