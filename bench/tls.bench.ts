/** The handshake of tls13 and that of node:tls on the same work: both ends in one process, over memory. */
import type { Child } from '../tools/children.ts';
import type { Benchmark, Contender, Sample, Settings } from './lib/benchmark.ts';
import { PATIENCE, spawnNode } from './lib/duo.ts';
import { Solo } from './lib/solo.ts';
import { makeChains } from './lib/tls-chains.ts';
import type { Handshakes } from './parties/handshake.ts';
import type { TlsWork } from './parties/tls-work.ts';

/** More than MAX_CACHED_SIGNATURES of tls13: by the time a leaf comes again, what was known of it has gone. */
export const COLD_CHAINS = 1_100;
/**
 * Connections before the first look: what is loaded and compiled for the first of them is not charged to the others, nor the room for garbage that a heap
 * takes once.
 */
const FIRST = 1_000;
const COUNT = 2_000;

type Kind = Pick<TlsWork, 'group' | 'isResumed'>;

const FULL: Kind = { group: 'x25519', isResumed: false };
const HYBRID: Kind = { group: 'x25519mlkem768', isResumed: false };

const OURS = 'tls-ours.ts';
const NODE = 'tls-node.ts';

interface Party {
  readonly name: string;
  readonly program: string;
  readonly work: TlsWork;
}

function contender(
  { name, program, work }: Party,
  settings: Settings,
  measure: (child: Child) => Promise<Sample>,
  flags: readonly string[] = [],
): Solo {
  const spawn = spawnNode(program, settings, flags);
  return new Solo({ name, spawn: () => spawn('both ends'), work, measure });
}

/** @param asWell what else node:tls is measured with */
function handshakes(name: string, kind: Kind, chainCount = 1, asWell: Readonly<Record<string, Kind>> = {}): Benchmark {
  return {
    name,
    unit: '/s',
    better: 'more',
    warmUps: 2,
    rounds: 5,
    contenders(settings) {
      const { duration } = settings;
      const run = async (child: Child): Promise<Sample> => {
        const { count, ms } = await child.request<Handshakes>('run', { ms: duration }, duration + PATIENCE);
        return { value: (1000 * count) / ms };
      };
      const chains = makeChains(chainCount);
      const peer = (name: string, kind: Kind): Contender =>
        contender({ name, program: NODE, work: { ...chains, ...kind } }, settings, run);
      return [
        contender({ name: 'tls13', program: OURS, work: { ...chains, ...kind } }, settings, run),
        peer('node:tls', kind),
        ...Object.entries(asWell).map(([name, other]) => peer(name, other)),
      ];
    },
  };
}

async function memoryOf(child: Child): Promise<Sample> {
  await child.request('idle', { count: FIRST }, PATIENCE);
  const before = await child.request<number>('memory', {}, PATIENCE);
  await child.request('idle', { count: COUNT }, PATIENCE);
  const after = await child.request<number>('memory', {}, PATIENCE);
  return { value: (after - before) / COUNT / 1024 };
}

/** Starts anew for each measurement: a process gives memory back as it likes. */
function memoryContender(party: Party, settings: Settings): Contender {
  let solo: Solo | undefined;
  return {
    name: party.name,
    start: () => Promise.resolve(),
    async measure() {
      solo = contender(party, settings, memoryOf, ['--expose-gc']);
      try {
        await solo.start();
        return await solo.measure();
      } finally {
        await solo.stop();
      }
    },
    stop: async () => solo?.stop(),
  };
}

export const benchmarks: readonly Benchmark[] = [
  handshakes('tls-full', FULL),
  handshakes('tls-full-cold', FULL, COLD_CHAINS),
  handshakes('tls-resumed', { ...FULL, isResumed: true }),
  // The OpenSSL of Node 20 has no hybrid; the second row gives the scale there.
  handshakes('tls-full-hybrid', HYBRID, 1, { 'node:tls, X25519 alone': FULL }),
  {
    name: 'tls-memory',
    unit: 'KiB/connection',
    better: 'less',
    warmUps: 0,
    rounds: 3,
    contenders(settings) {
      const work = { ...makeChains(1), ...FULL };
      return [
        memoryContender({ name: 'tls13', program: OURS, work }, settings),
        memoryContender({ name: 'node:tls', program: NODE, work }, settings),
      ];
    },
  },
];
