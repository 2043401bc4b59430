/**
 * The test runner: each test file runs alone in a process of its own, as many at once as there are cores.
 *
 *     npm test                         everything
 *     npm test -- varint close         files whose path contains one of the words
 *     npm test -- --timeout=60 --jobs=1
 *
 * It trusts no exit code alone. uvu says nothing and exits 0 when a file forgets run(), and when a `before` hook throws,
 * so a file passes only if its own summary says that every one of its tests, and at least one, passed.
 * The last line of stdout is always `N passed, N failed`.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, relative, resolve, sep } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';

/** How one test file ended. */
export interface FileResult {
  /** Path relative to the root, with forward slashes. */
  file: string;
  passed: number;
  failed: number;
  skipped: number;
  /** Wall time in seconds. */
  seconds: number;
  /** Why the file as a whole counts as failed; empty when its tests speak for themselves. */
  reason: string;
  /** Everything that the file wrote to stdout and stderr, as it came. */
  output: string;
}

/** How to run the files. */
export interface RunOptions {
  /** Folder that holds packages/; also the working directory of every test file. */
  root: string;
  /** Milliseconds that one file may take before it is killed. */
  timeout: number;
  /** Files that run at the same time. */
  jobs: number;
}

/** What uvu counted in one file. */
export interface Summary {
  total: number;
  passed: number;
  skipped: number;
}

/** Output kept per file, in characters: the start is cut away beyond it. A failing file must not eat the memory. */
const MAX_OUTPUT = 4_000_000;

/** Folders that hold test files, as patterns on the path relative to the root. */
const TEST_FOLDERS = [/^packages\/[^/]+\/test\//, /^(?:bench|examples|interop|tools)\/test\//];

const running = new Set<ChildProcess>();

/**
 * Finds the test files under a root.
 *
 * @param filters - words of which a path has to contain at least one; none means every file
 * @returns paths relative to the root, with forward slashes, sorted
 */
export function findTests(root: string, filters: readonly string[] = []): string[] {
  const found: string[] = [];
  const walk = (dir: string): void => {
    for (const entry of readdirSync(dir, { withFileTypes: true })) {
      const path = join(dir, entry.name);
      if (entry.isDirectory()) {
        // Fixtures are test files that fail on purpose.
        if (entry.name !== 'node_modules' && entry.name !== 'dist' && entry.name !== 'fixtures') walk(path);
      } else if (entry.name.endsWith('.test.ts')) {
        const file = relative(root, path).split(sep).join('/');
        if (TEST_FOLDERS.some((folder) => folder.test(file))) found.push(file);
      }
    }
  };
  for (const top of ['packages', 'bench', 'examples', 'interop', 'tools']) {
    if (existsSync(join(root, top))) walk(join(root, top));
  }
  const words = filters.map((word) => word.replace(/^\.\//, '').split(sep).join('/'));
  return found.filter((file) => words.length === 0 || words.some((word) => file.includes(word))).sort();
}

/** Reads the summaries that uvu prints after the last test: one, if the file is as it should be. */
export function parseSummaries(output: string): Summary[] {
  const pattern = /^ {2}Total: +(\d+)\r?\n {2}Passed: +(\d+)\r?\n {2}Skipped: +(\d+)\r?$/gm;
  return [...output.matchAll(pattern)].map((match) => ({
    total: Number(match[1]),
    passed: Number(match[2]),
    skipped: Number(match[3]),
  }));
}

/**
 * Turns the way that a process ended into counts.
 *
 * @param exit - the exit code, the name of the signal, or 'timeout'
 */
export function judge(
  exit: number | string,
  summaries: readonly Summary[],
): Pick<FileResult, 'passed' | 'failed' | 'skipped' | 'reason'> {
  const { total, passed, skipped } = summaries[0] ?? { total: 0, passed: 0, skipped: 0 };
  const failed = total - passed;
  const broken = (reason: string) => ({ passed, skipped, failed: Math.max(1, failed), reason });

  if (exit === 'timeout') return broken('killed at its time limit');
  if (typeof exit === 'string') return broken(`killed by ${exit}`);
  // uvu starts over when run() comes late: it loses a suite and forgets the exit code of the first round.
  if (summaries.length > 1) return broken('run() was called after the first tests had ended');
  if (exit !== 0 && failed === 0) return broken(`exit code ${exit}`);
  if (summaries.length === 0) return broken('no summary: did it call run()?');
  if (total === 0) return broken('no tests');
  return { passed, skipped, failed, reason: failed > 0 && exit === 0 ? 'a hook threw' : '' };
}

/** Kills a test file with everything that it started. */
function killTree(child: ChildProcess): void {
  try {
    // Each file leads its own process group, so that its children go with it.
    if (child.pid !== undefined && process.platform !== 'win32') process.kill(-child.pid, 'SIGKILL');
    else child.kill('SIGKILL');
  } catch {
    child.kill('SIGKILL');
  }
}

/** Runs one file to its end. Never rejects: a file that cannot even start is a failed file. */
export function runFile(file: string, options: Omit<RunOptions, 'jobs'>): Promise<FileResult> {
  return new Promise((done) => {
    const start = performance.now();
    const child = spawn(
      process.execPath,
      ['--expose-gc', '--conditions=@mquictt/source', '--import', 'tsx', resolve(options.root, file)],
      {
        cwd: options.root,
        detached: process.platform !== 'win32',
        stdio: ['ignore', 'pipe', 'pipe'],
        env: { ...process.env, NO_COLOR: '1', FORCE_COLOR: '0', NODE_NO_WARNINGS: '1' },
      },
    );
    running.add(child);
    let output = '';
    let timedOut = false;
    const collect = (text: string): void => {
      output += text;
      if (output.length > 2 * MAX_OUTPUT) output = output.slice(-MAX_OUTPUT);
    };
    child.stdout.setEncoding('utf8').on('data', collect);
    child.stderr.setEncoding('utf8').on('data', collect);

    const timer = setTimeout(() => {
      timedOut = true;
      killTree(child);
    }, options.timeout);

    const finish = (exit: number | string): void => {
      clearTimeout(timer);
      running.delete(child);
      const seconds = (performance.now() - start) / 1000;
      done({ file, seconds, output, ...judge(timedOut ? 'timeout' : exit, parseSummaries(output)) });
    };
    child.once('error', (error) => {
      collect(`${error.message}\n`);
      finish(1);
    });
    child.once('exit', () => {
      // A child that the file left behind would hold the pipes open, and 'close' would wait for it.
      if (process.platform !== 'win32') killTree(child);
    });
    child.once('close', (code, signal) => finish(signal ?? code ?? 1));
  });
}

/** Runs all files, a few at a time, and hands over each result as it comes. */
export async function runFiles(
  files: readonly string[],
  options: RunOptions,
  onResult: (result: FileResult) => void,
): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < files.length) onResult(await runFile(files[next++] as string, options));
  };
  await Promise.all(Array.from({ length: Math.min(options.jobs, files.length) }, worker));
}

function describe(result: FileResult): string {
  const ok = result.failed === 0;
  const counts = [`${result.passed} passed`];
  if (!ok) counts.push(`${result.failed} failed`);
  if (result.skipped > 0) counts.push(`${result.skipped} skipped`);
  if (result.reason !== '') counts.push(result.reason);
  return `${ok ? 'ok  ' : 'FAIL'} ${result.file}  ${counts.join(', ')}  ${result.seconds.toFixed(1)} s`;
}

function positive(text: string, name: string): number {
  const value = Number(text);
  if (!(value > 0) || !Number.isFinite(value))
    throw new RangeError(`--${name} expected a positive number, got ${text}`);
  return value;
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      root: { type: 'string', default: fileURLToPath(new URL('..', import.meta.url)) },
      timeout: { type: 'string', default: '300' },
      jobs: { type: 'string', default: String(availableParallelism()) },
    },
  });
  const options: RunOptions = {
    root: resolve(values.root),
    timeout: positive(values.timeout, 'timeout') * 1000,
    jobs: Math.ceil(positive(values.jobs, 'jobs')),
  };

  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const) {
    process.once(signal, () => {
      for (const child of running) killTree(child);
      process.exit(code);
    });
  }

  const files = findTests(options.root, positionals);
  const bad: FileResult[] = [];
  let passed = 0;
  let failed = 0;
  let skipped = 0;
  const start = performance.now();
  await runFiles(files, options, (result) => {
    passed += result.passed;
    failed += result.failed;
    skipped += result.skipped;
    if (result.failed > 0) bad.push(result);
    console.log(describe(result));
  });

  for (const result of bad) {
    console.log(`\n---- ${result.file}${result.reason === '' ? '' : `: ${result.reason}`}`);
    console.log(result.output.trimEnd());
  }
  if (bad.length > 0) console.log(`\nFailed:\n${bad.map((result) => `  ${result.file}`).join('\n')}`);
  if (files.length === 0) console.log('No test files found');
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  console.log(`\n${files.length} files, ${skipped} skipped, ${seconds} s`);
  console.log(`${passed} passed, ${failed} failed`);
  if (failed > 0 || files.length === 0) process.exitCode = 1;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await main();
