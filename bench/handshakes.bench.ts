/** Full handshakes per second, one after another, from one process to another. */
import type { Benchmark } from './lib/benchmark.ts';
import { Duo, PATIENCE, spawnNode } from './lib/duo.ts';
import type { Handshakes } from './parties/handshake.ts';

export const benchmarks: readonly Benchmark[] = [
  {
    name: 'handshakes',
    unit: '/s',
    better: 'more',
    warmUps: 2,
    rounds: 5,
    contenders(settings) {
      const contender = (name: string, program: string): Duo =>
        new Duo({
          name,
          settings,
          spawn: spawnNode(program, settings),
          async measure(_server, client) {
            const { duration } = settings;
            const { count, ms } = await client.request<Handshakes>('run', { ms: duration }, duration + PATIENCE);
            return { value: (1000 * count) / ms };
          },
        });
      return [contender('mquictt', 'handshake-ours.ts'), contender('node:tls', 'handshake-tls.ts')];
    },
  },
];
