/** Resident memory that an idle MQTT connection costs the broker. */
import type { Child } from '../tools/children.ts';
import type { Benchmark, Contender, Sample, Settings } from './lib/benchmark.ts';
import { Duo, PATIENCE, spawnNode } from './lib/duo.ts';

/** Connections before the first look: what is loaded and compiled for the first of them is not charged to the others. */
const FIRST = 50;
const COUNT = 500;

async function measure(broker: Child, client: Child): Promise<Sample> {
  await client.request('idle', { count: FIRST }, PATIENCE);
  const before = await broker.request<number>('memory', {}, PATIENCE);
  await client.request('idle', { count: COUNT }, PATIENCE);
  const after = await broker.request<number>('memory', {}, PATIENCE);
  return { value: (after - before) / COUNT / 1024 };
}

/** Starts anew for each measurement: a process gives memory back as it likes. */
function contender(name: string, program: string, settings: Settings): Contender {
  const spawn = spawnNode(program, settings, ['--expose-gc']);
  let duo: Duo | undefined;
  return {
    name,
    start: () => Promise.resolve(),
    async measure() {
      duo = new Duo({ name, settings, spawn, measure });
      try {
        await duo.start();
        return await duo.measure();
      } finally {
        await duo.stop();
      }
    },
    stop: async () => duo?.stop(),
  };
}

export const benchmarks: readonly Benchmark[] = [
  {
    name: 'memory',
    unit: 'KiB/connection',
    better: 'less',
    warmUps: 0,
    rounds: 3,
    contenders: (settings) => [
      contender('mquictt', 'mqtt-ours.ts', settings),
      contender('aedes over TLS', 'mqtt-aedes.ts', settings),
    ],
  },
];
