/** What a ClientHello can make a server do beyond reading it. Counted, not timed. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { CredentialStore } from '../../src/credential-store.ts';
import type { Credential } from '../../src/config.ts';
import { authority, leaf } from '../support/chains.ts';
import { credentialOf } from '../support/handshakes.ts';

const test = suite('review: cost');

/** Counts how many elements are looked at. */
function counted<T>(list: readonly T[]): { readonly list: readonly T[]; readonly reads: () => number } {
  let reads = 0;
  const proxy = new Proxy(list, {
    get(target, key) {
      if (typeof key === 'string' && /^\d+$/.test(key)) reads++;
      return Reflect.get(target, key) as unknown;
    },
  });
  return { list: proxy, reads: () => reads };
}

// 64 KiB of signature_algorithms against a hundred certificates of as many authorities were three million comparisons: more than the handshake itself.
test('a long list of signature schemes is read once, however many certificates there are', () => {
  const { key } = credentialOf('ecdsa-p256');
  const credentials = Array.from({ length: 20 }, (_, i): Credential => {
    const issuer = authority(`Authority ${i}`);
    return { chain: [leaf(issuer, [`host${i}.example.org`]).der], key };
  });
  const store = new CredentialStore(credentials);
  const schemes = counted([...new Array<number>(1_000).fill(0x9999), 0x0403]);
  const certificateSchemes = counted([...new Array<number>(1_000).fill(0x9999), 0x0403]);
  const chosen = store.choose({
    serverName: undefined,
    signatureSchemes: schemes.list,
    certificateSchemes: certificateSchemes.list,
    authorities: [],
  });
  assert.is(chosen, credentials[0]);
  assert.ok(schemes.reads() <= 1_001, `${schemes.reads()} reads`);
  assert.ok(certificateSchemes.reads() <= 1_001, `${certificateSchemes.reads()} reads`);
});

test.run();
