import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { findTests, judge, parseSummaries, runFile } from '../test.ts';

const test = suite('runner');

const root = fileURLToPath(new URL('./fixtures', import.meta.url));
const runner = fileURLToPath(new URL('../test.ts', import.meta.url));

function run(name: string, timeout = 60_000) {
  return runFile(`packages/demo/test/${name}.test.ts`, { root, timeout });
}

/** Starts the runner as `npm test` does, on the fixtures. */
function start(env: Record<string, string>, ...args: string[]) {
  const child = spawn(process.execPath, ['--import', 'tsx', runner, `--root=${root}`, ...args], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let stdout = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  const closed = new Promise<{ code: number | null; stdout: string }>((resolve) =>
    child.once('close', (code) => resolve({ code, stdout })),
  );
  return { child, closed };
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function eventually(condition: () => boolean, what: string): Promise<void> {
  for (const end = Date.now() + 20_000; !condition();) {
    if (Date.now() > end) throw new Error(`Still not so after 20 s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

test('a file passes when its summary says that all of its tests passed', async () => {
  const { passed, failed, skipped, reason } = await run('passing');
  assert.equal({ passed, failed, skipped, reason }, { passed: 2, failed: 0, skipped: 1, reason: '' });
});

test('several suites in a file are counted together', async () => {
  const { passed, failed, reason } = await run('two-suites');
  assert.equal({ passed, failed, reason }, { passed: 3, failed: 0, reason: '' });
});

test('a file that calls run() too late fails, as uvu would lose its first failure', async () => {
  const { failed, reason } = await run('late-run');
  assert.is(failed, 1);
  assert.match(reason, 'run() was called after');
});

test('a failing test is counted and its output kept', async () => {
  const { passed, failed, output } = await run('failing');
  assert.equal({ passed, failed }, { passed: 1, failed: 1 });
  assert.match(output, 'one is not two');
  assert.not.match(output, '\u001b[');
});

test('a file that never calls run() fails', async () => {
  const { passed, failed, reason } = await run('forgotten-run');
  assert.equal({ passed, failed }, { passed: 0, failed: 1 });
  assert.match(reason, 'run()');
});

test('a file without tests fails', async () => {
  const { passed, failed } = await run('empty');
  assert.equal({ passed, failed }, { passed: 0, failed: 1 });
});

test('a file that crashes fails, with the reason in its output', async () => {
  const { failed, reason, output } = await run('crashing');
  assert.is(failed, 1);
  assert.is(reason, 'exit code 1');
  assert.match(output, 'thrown outside of any test');
});

test('a hook that throws fails the tests that it kept from running', async () => {
  const { passed, failed } = await run('broken-hook');
  assert.equal({ passed, failed }, { passed: 0, failed: 2 });
});

test('a file that does not exist fails', async () => {
  const { failed } = await run('missing');
  assert.is(failed, 1);
});

test('a file that hangs is killed at its time limit, and its children with it', async () => {
  const { failed, seconds, reason, output } = await run('hanging', 4000);
  assert.is(failed, 1);
  assert.match(reason, 'time limit');
  assert.ok(seconds < 30);
  const pid = Number(/child=(\d+)/.exec(output)?.[1]);
  await eventually(() => !isAlive(pid), 'the child is gone');
});

test('the last line counts everything and the exit code follows', async () => {
  const bad = await start({}, 'passing', 'failing', 'forgotten-run').closed;
  assert.is(bad.code, 1);
  assert.is(bad.stdout.trimEnd().split('\n').at(-1), '3 passed, 2 failed');
  assert.match(bad.stdout, 'one is not two');

  const good = await start({}, 'test/passing').closed;
  assert.is(good.code, 0);
  assert.is(good.stdout.trimEnd().split('\n').at(-1), '2 passed, 0 failed');
});

test('a filter that matches nothing is a failure', async () => {
  const { code, stdout } = await start({}, 'no-such-file').closed;
  assert.is(code, 1);
  assert.is(stdout.trimEnd().split('\n').at(-1), '0 passed, 0 failed');
});

test('an interrupt kills the files that are running', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'runner-'));
  const pidFile = join(folder, 'pid');
  const { child, closed } = start({ PID_FILE: pidFile }, 'hanging', '--timeout=60');
  try {
    await eventually(() => existsSync(pidFile), 'the file has started');
    const pid = Number(readFileSync(pidFile, 'utf8'));
    child.kill('SIGINT');
    assert.is((await closed).code, 130);
    await eventually(() => !isAlive(pid), 'the child of the file is gone');
  } finally {
    child.kill('SIGTERM');
    rmSync(folder, { recursive: true });
  }
});

test('finds test files by folder and by word', () => {
  const all = findTests(root);
  assert.ok(all.includes('packages/demo/test/passing.test.ts'));
  assert.equal(findTests(root, ['passing', 'empty']), [
    'packages/demo/test/empty.test.ts',
    'packages/demo/test/passing.test.ts',
  ]);
  const own = findTests(fileURLToPath(new URL('../..', import.meta.url)));
  assert.ok(own.includes('tools/test/runner.test.ts'));
  assert.not.ok(own.some((file) => file.includes('fixtures')));
});

test('reads summaries and nothing that looks like one', () => {
  const text = (total: number, passed: number) =>
    `\n  Total:     ${total}\n  Passed:    ${passed}\n  Skipped:   0\n  Duration:  1.00ms\n\n`;
  assert.equal(parseSummaries(text(3, 2)), [{ total: 3, passed: 2, skipped: 0 }]);
  assert.is(parseSummaries(text(1, 1) + text(3, 2)).length, 2);
  assert.equal(parseSummaries('Total: 3, Passed: 3'), []);
});

test('every way to end has a verdict', () => {
  const summary = { total: 3, passed: 3, skipped: 0 };
  assert.is(judge(0, [summary]).failed, 0);
  assert.is(judge(1, [summary]).failed, 1);
  assert.is(judge('SIGSEGV', [summary]).failed, 1);
  assert.is(judge('timeout', [summary]).failed, 1);
  assert.is(judge(0, [summary, summary]).failed, 1);
  assert.is(judge(0, []).failed, 1);
  assert.is(judge(1, [{ total: 5, passed: 2, skipped: 0 }]).failed, 3);
  assert.is(judge(0, [{ total: 0, passed: 0, skipped: 2 }]).failed, 1);
});

test.run();
