import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Incoming, contents, line, sha256 } from '../contents.ts';
import type { PeerStream } from '../peer.ts';

const test = suite('contents');

/** A stream that hands out the bytes in pieces of a given size. */
function inPieces(bytes: Uint8Array, size: number): PeerStream {
  let offset = 0;
  const never = (): Promise<never> => Promise.reject(new Error('only for reading'));
  return {
    read() {
      if (offset >= bytes.length) return Promise.resolve(undefined);
      const piece = bytes.subarray(offset, offset + size);
      offset += size;
      return Promise.resolve(piece);
    },
    write: never,
    end: never,
    reset: never,
    stop: never,
  };
}

test('contents are the same for a seed and different for two', async () => {
  assert.equal(contents(7, 1000), contents(7, 1000));
  const hashes = new Set<string>();
  for (let seed = 0; seed < 100; seed++) hashes.add(await sha256(contents(seed, 100)));
  assert.is(hashes.size, 100);
});

test('SHA-256 is what FIPS 180-4 says of "abc"', async () => {
  const digest = await sha256(new TextEncoder().encode('abc'));
  assert.is(digest, 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
});

test('a line, a fixed length and the rest are read, however the bytes are cut', async () => {
  const bytes = Uint8Array.from([...line({ do: 'echo' }), ...contents(1, 50)]);
  for (let size = 1; size <= bytes.length; size++) {
    const incoming = new Incoming(inPieces(bytes, size));
    assert.equal(await incoming.line(), { do: 'echo' });
    assert.equal(await incoming.exactly(20), contents(1, 50).subarray(0, 20));
    assert.equal(await incoming.rest(), contents(1, 50).subarray(20));
    assert.is(await incoming.chunk(), undefined);
  }
});

test('a stream that ends too early says how far it came', async () => {
  const incoming = new Incoming(inPieces(contents(1, 10), 3));
  try {
    await incoming.exactly(11);
    assert.unreachable();
  } catch (error) {
    assert.is((error as Error).message, 'Stream ended after 10 of 11 bytes');
  }
});

test.run();
