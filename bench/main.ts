/**
 * Measures us and others side by side.
 *
 *     npm run bench                    everything but what runs only on request, in about four minutes
 *     npm run bench -- stream          the benchmarks whose name is, or else contains, one of the words
 *     npm run bench -- --json          the rows as JSON, nothing else on stdout
 *     npm run bench -- --quick         short measurements, to see that it runs
 *     npm run bench -- --source        our sources as they are, instead of the build
 *
 * Every bench/*.bench.ts exports `benchmarks`. What is measured runs in processes of its own.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { killChildrenAtExit } from '../tools/children.ts';
import { parseArguments, select } from './lib/arguments.ts';
import { rowsOf, runBenchmark, type Benchmark, type Result, type Row, type Settings } from './lib/benchmark.ts';
import { makeCertificates } from './lib/certificates.ts';
import { describeLoad, describeMachine } from './lib/machine.ts';
import { formatNumber, formatTable } from './lib/table.ts';

const FOLDER = new URL('.', import.meta.url);

/** ms of one measurement. */
const DURATION = 1_000;
const QUICK_DURATION = 300;

async function findBenchmarks(): Promise<Benchmark[]> {
  const files = readdirSync(FOLDER).filter((file) => file.endsWith('.bench.ts'));
  const modules = await Promise.all(
    files.sort().map((file) => import(new URL(file, FOLDER).href) as Promise<{ benchmarks: readonly Benchmark[] }>),
  );
  return modules.flatMap((module) => module.benchmarks);
}

/** Builds the packages, since that is what users run: the loader of the sources costs speed. */
function build(log: (message: string) => void): void {
  log('building');
  const tsc = fileURLToPath(new URL('../node_modules/typescript/bin/tsc', FOLDER));
  const root = fileURLToPath(new URL('..', FOLDER));
  const { status, stdout } = spawnSync(process.execPath, [tsc, '-b', root], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`The build failed\n${stdout}`);
}

/** Says what a row cannot: how far the rounds lie apart, and what was lost. */
function describeSpread(name: string, results: readonly Result[]): string {
  const parts = results.map(({ name, values, loss, failure }) => {
    if (failure !== '') return `${name} failed: ${failure.split('\n', 1)[0]}`;
    const range = `${formatNumber(Math.min(...values))} to ${formatNumber(Math.max(...values))}`;
    return `${name} ${range}${loss > 0 ? `, ${(100 * loss).toFixed(2)} % lost` : ''}`;
  });
  return `  ${name}: ${parts.join('; ')}`;
}

async function main(): Promise<void> {
  const { names, json, quick, source } = parseArguments(process.argv.slice(2));
  killChildrenAtExit();
  const log = (message: string): void => console.error(message);
  const chosen = select(await findBenchmarks(), names);
  if (!source) build(log);
  const settings: Settings = {
    duration: quick ? QUICK_DURATION : DURATION,
    certificates: await makeCertificates(),
    nodeArgs: source ? ['--conditions=@mquictt/source'] : [],
    log,
  };

  const machine = describeMachine();
  const load = describeLoad();
  const rows: Row[] = [];
  const spreads: string[] = [];
  for (const benchmark of chosen) {
    const results = await runBenchmark(benchmark, quick ? 1 : benchmark.rounds, settings);
    rows.push(...rowsOf(benchmark, results));
    spreads.push(describeSpread(benchmark.name, results));
    // A peer that is missing leaves a hole in the table; that we fail is an error.
    if (results[0]?.failure !== '') process.exitCode = 1;
  }
  if (json) {
    console.log(JSON.stringify(rows, null, 2));
    return;
  }
  const less = chosen.filter(({ better }) => better === 'less').map(({ name }) => name);
  console.log(`${machine}\nLoad ${load} before, ${describeLoad()} after\n\n${formatTable(rows)}\n`);
  console.log(`Medians; the rounds went${quick ? ' (--quick: one short round)' : ''}\n${spreads.join('\n')}`);
  if (less.length > 0) console.log(`Less is better: ${less.join(', ')}`);
}

try {
  await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
