import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { CIPHER_SUITES, type AeadAlgorithm } from '@mquictt/tls13';
import { fastProtector, nodeProtector, type PacketProtector } from '../src/index.ts';
import { cipherSuitesFor } from '../src/cipher-suites.ts';
import { openPair, readAll } from './support/loopback.ts';

const test = suite('cipher suites');

/** Remembers which algorithms it made packet keys for. */
function recording(protector: PacketProtector): PacketProtector & { readonly used: Set<AeadAlgorithm> } {
  const used = new Set<AeadAlgorithm>();
  return {
    name: protector.name,
    prefers: protector.prefers,
    used,
    packetKey(algorithm, key, iv) {
      used.add(algorithm);
      return protector.packetKey(algorithm, key, iv);
    },
    headerKey: (algorithm, key) => protector.headerKey(algorithm, key),
  };
}

/** What is agreed on between two protectors. Initial packets are always AES-128-GCM. */
async function agreed(ofClient: PacketProtector, ofServer: PacketProtector): Promise<AeadAlgorithm[]> {
  const [client, server] = [recording(ofClient), recording(ofServer)];
  const pair = await openPair({ connect: { protector: client }, listen: { protector: server } });
  const stream = await pair.client.openStream({ bidirectional: false });
  void stream.end(Buffer.alloc(100_000, 7));
  assert.ok(Buffer.alloc(100_000, 7).equals(await readAll((await pair.server.acceptStream())!)));
  await pair.close();
  assert.equal([...client.used].sort(), [...server.used].sort());
  return [...client.used].sort();
}

test('what the protector prefers comes first, and nothing is left out', () => {
  assert.equal(cipherSuitesFor(nodeProtector), CIPHER_SUITES);
  assert.is(cipherSuitesFor(nodeProtector)[0]!.aead, 'aes-128-gcm');
  const suites = cipherSuitesFor(fastProtector);
  assert.is(suites[0]!.aead, 'chacha20-poly1305');
  assert.equal(
    suites.slice(1).map((each) => each.aead),
    ['aes-128-gcm', 'aes-256-gcm'],
  );
});

test('two ends with WebAssembly agree on ChaCha20', async () => {
  assert.equal(await agreed(fastProtector, fastProtector), ['aes-128-gcm', 'chacha20-poly1305']);
});

test('a server with WebAssembly takes ChaCha20 from a client that offers AES first', async () => {
  assert.equal(await agreed(nodeProtector, fastProtector), ['aes-128-gcm', 'chacha20-poly1305']);
});

test('a server without SIMD takes AES, whatever the client offers first', async () => {
  assert.equal(await agreed(fastProtector, nodeProtector), ['aes-128-gcm']);
});

test('without SIMD at either end it is AES', async () => {
  assert.equal(await agreed(nodeProtector, nodeProtector), ['aes-128-gcm']);
});

test.run();
