/** MB/s of one stream over loopback, from one process to another. */
import type { Child } from '../tools/children.ts';
import type { Benchmark, Sample, Settings } from './lib/benchmark.ts';
import { Duo, PATIENCE, spawnDeno, spawnNode } from './lib/duo.ts';
import type { Taken } from './parties/stream.ts';

/** The receiver's word counts: bytes that it was handed, from the first to the last. */
const transfer =
  ({ duration }: Settings) =>
  async (server: Child, client: Child): Promise<Sample> => {
    await server.request('begin', {}, PATIENCE);
    const sent = await client.request<number>('run', { ms: duration }, duration + PATIENCE);
    const { bytes, ms } = await server.request<Taken>('taken', {}, PATIENCE);
    return { value: bytes / 1000 / ms, loss: 1 - bytes / sent };
  };

function stream(datagramSize: number, peers: readonly ('node:dgram' | 'quinn')[], onRequest = false): Benchmark {
  return {
    name: `stream-${datagramSize}`,
    onRequest,
    unit: 'MB/s',
    better: 'more',
    warmUps: 2,
    rounds: 5,
    contenders(settings) {
      const measure = transfer(settings);
      const args = { datagramSize };
      const known = {
        'node:dgram': { name: 'node:dgram', spawn: spawnNode('stream-dgram.ts', settings) },
        quinn: { name: 'quinn in Deno', spawn: spawnDeno('stream-quinn.ts', settings) },
      };
      return [
        new Duo({ name: 'mquictt', settings, args, measure, spawn: spawnNode('stream-ours.ts', settings) }),
        ...peers.map((peer) => new Duo({ settings, args, measure, ...known[peer] })),
      ];
    },
  };
}

export const benchmarks: readonly Benchmark[] = [
  stream(1200, ['node:dgram', 'quinn']),
  stream(8900, ['node:dgram'], true),
  stream(16384, ['node:dgram'], true),
];
