/** What a benchmark is, and how one is run: all contenders stay up, and take turns. */
import { median } from './statistics.ts';

/** What a row says, and `npm run bench -- --json` prints. */
export interface Row {
  name: string;
  unit: string;
  /** Median of the rounds; null when it could not be measured. */
  ours: number | null;
  peerName: string;
  peer: number | null;
  /** ours / peer. */
  ratio: number | null;
}

/** One value that a contender achieved. */
export interface Sample {
  value: number;
  /** What was lost on the way, 0..1. Undefined where nothing can be. */
  loss?: number;
}

/** Ours or a peer. It holds what it needs (processes, connections) between start() and stop(). */
export interface Contender {
  readonly name: string;
  /** @throws Error that says for people why it cannot take part */
  start(): Promise<void>;
  measure(): Promise<Sample>;
  stop(): Promise<void>;
}

export interface Benchmark {
  /** What `npm run bench -- NAME` calls it. */
  readonly name: string;
  readonly unit: string;
  /** Runs only when it is named: it looks at a part, or at a case that few have. */
  readonly onRequest?: boolean;
  readonly better: 'more' | 'less';
  /** Rounds before those that count. */
  readonly warmUps: number;
  /** Rounds that count. */
  readonly rounds: number;
  /** Ours comes first. */
  readonly contenders: (settings: Settings) => readonly [Contender, ...Contender[]];
}

/** What the command line and main.ts decide for all benchmarks. */
export interface Settings {
  /** Length of one measurement, ms. */
  readonly duration: number;
  readonly certificates: Certificates;
  /** Arguments that make Node.js run our code. */
  readonly nodeArgs: readonly string[];
  /** Told what goes on. */
  readonly log: (message: string) => void;
}

export interface Certificates {
  readonly caPem: string;
  readonly certificatePem: string;
  readonly keyPem: string;
}

/** What one contender achieved in all rounds. */
export interface Result {
  readonly name: string;
  readonly values: readonly number[];
  /** The worst of all rounds, 0..1. */
  readonly loss: number;
  /** Why there are no values; empty when there are. */
  readonly failure: string;
}

/**
 * Measures all contenders of a benchmark: they are started together, warmed up, and then take turns, so that whatever else the
 * machine does hits all of them alike.
 *
 * @param rounds - rounds that count
 */
export async function runBenchmark(benchmark: Benchmark, rounds: number, settings: Settings): Promise<Result[]> {
  const entries = benchmark.contenders(settings).map((contender) => ({
    contender,
    values: [] as number[],
    loss: 0,
    failure: '',
  }));
  const attempt = async (entry: (typeof entries)[number], action: () => Promise<void>): Promise<void> => {
    if (entry.failure !== '') return;
    try {
      await action();
    } catch (error) {
      entry.failure = explain(error);
      settings.log(`${benchmark.name}: ${entry.contender.name} failed: ${entry.failure}`);
    }
  };
  try {
    for (const entry of entries) await attempt(entry, () => entry.contender.start());
    for (let round = 1 - benchmark.warmUps; round <= rounds; round++) {
      settings.log(`${benchmark.name}: ${round < 1 ? 'warm-up' : `round ${round} of ${rounds}`}`);
      // Whoever comes first in one round comes last in the next.
      for (const entry of round % 2 === 0 ? entries : entries.toReversed()) {
        await attempt(entry, async () => {
          const { value, loss = 0 } = await entry.contender.measure();
          if (round < 1) return;
          entry.values.push(value);
          entry.loss = Math.max(entry.loss, loss);
        });
      }
    }
  } finally {
    await Promise.all(entries.map(({ contender }) => contender.stop().catch(() => {})));
  }
  return entries.map(({ contender, values, loss, failure }) => ({ name: contender.name, values, loss, failure }));
}

/** One row for each peer. */
export function rowsOf({ name, unit }: Pick<Benchmark, 'name' | 'unit'>, results: readonly Result[]): Row[] {
  const [first, ...peers] = results;
  const ours = first === undefined ? null : valueOf(first);
  return peers.map((result) => {
    const peer = valueOf(result);
    const ratio = ours === null || peer === null || peer === 0 ? null : rounded(ours / peer);
    return { name, unit, ours, peerName: result.name, peer, ratio };
  });
}

function valueOf({ values, failure }: Result): number | null {
  return failure !== '' || values.length === 0 ? null : rounded(median(values));
}

/** Four significant digits: more would be noise. */
function rounded(value: number): number {
  return Number(value.toPrecision(4));
}

function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return typeof error.cause === 'string' ? `${error.message}\n${error.cause}` : error.message;
}
