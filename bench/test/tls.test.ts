import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as limits from '../../packages/tls13/src/limits.ts';
import { startNode } from '../../tools/children.ts';
import { makeChains } from '../lib/tls-chains.ts';
import type { Handshakes } from '../parties/handshake.ts';
import type { TlsWork } from '../parties/tls-work.ts';
import { COLD_CHAINS } from '../tls.bench.ts';

const test = suite('tls benchmarks');
const PATIENCE = 30_000;
const chains = makeChains(1);

/** The parties refuse to count a handshake that is another than the one asked for, or that leaves tickets out. */
async function countOf(program: string, work: Omit<TlsWork, keyof typeof chains>): Promise<number> {
  const child = startNode(new URL(`../parties/${program}`, import.meta.url), { name: program });
  try {
    await child.request('prepare', { ...chains, ...work }, PATIENCE);
    const { count } = await child.request<Handshakes>('run', { ms: 20 }, PATIENCE);
    await child.request('idle', { count: 2 }, PATIENCE);
    return count;
  } finally {
    await child.stop();
  }
}

for (const program of ['tls-ours.ts', 'tls-node.ts'])
  for (const isResumed of [false, true])
    test(`${program} does ${isResumed ? 'resumptions' : 'full handshakes'}`, async () => {
      assert.ok((await countOf(program, { group: 'x25519', isResumed })) > 0);
    });

test('tls-ours.ts does full handshakes with the hybrid', async () => {
  assert.ok((await countOf('tls-ours.ts', { group: 'x25519mlkem768', isResumed: false })) > 0);
});

test('a cold certificate is one that no cache can hold any more', () => {
  assert.ok(COLD_CHAINS > Math.max(limits.MAX_CACHED_CERTIFICATES, limits.MAX_CACHED_SIGNATURES));
});

test.run();
