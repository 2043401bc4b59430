/** Every example runs as a program of its own, ends by itself, and says what it promises. */
import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';

const test = suite('examples');
const folder = new URL('../', import.meta.url);

/** What each prints. An example without a line here fails: nobody would notice when it broke. */
const EXPECTED: Readonly<Record<string, RegExp>> = {
  'demo.ts': /stream +4 +home\/kitchen\/temperature[^]*stream +8 [^]*Everything arrived/,
  'seed.ts': /^hello again!\n$/,
  'tls-handshake.ts':
    /^first: TLS_\w+, with certificates, both export the same\nsecond: TLS_\w+, resumed, both export the same\n$/,
  'quic-echo.ts': /^stream 0: one\nstream 4: two\nstream 8: three\n$/,
};

interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function run(file: string, interruptWhen?: RegExp): Promise<Outcome> {
  const child = spawn(process.execPath, [...process.execArgv, new URL(file, folder).pathname], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  let isInterrupted = false;
  child.stdout.on('data', (data: Buffer) => {
    stdout += data.toString();
    if (interruptWhen?.test(stdout) !== true || isInterrupted) return;
    isInterrupted = true;
    child.kill('SIGINT');
  });
  child.stderr.on('data', (data: Buffer) => (stderr += data.toString()));
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, stdout, stderr })));
}

for (const file of readdirSync(folder).filter((name) => name.endsWith('.ts'))) {
  test(`${file} runs and ends`, async () => {
    const { code, stdout, stderr } = await run(file);
    assert.is(stderr, '');
    assert.match(stdout, EXPECTED[file] ?? /an example that this test knows nothing of/);
    assert.is(code, 0);
  });
}

test('the demo cleans up when it is interrupted', async () => {
  const { code, stdout } = await run('demo.ts', /Broker:/);
  // It closes clients and broker and says that it did not get through; where it was already through, that is fine as well.
  assert.ok(code === 1 || /Everything arrived/.test(stdout), `exit code ${code}`);
});

test.run();
