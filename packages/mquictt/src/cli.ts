/** The program: the command line of commands/program.ts on a real process. */
import { createInterface } from 'node:readline';
import { run } from './commands/program.ts';
import { readSecret } from './commands/read-secret.ts';

const controller = new AbortController();
/** ms that a process may go on after a command that was told to stop has stopped: what hangs then will hang for ever. */
const LAST_MOMENT = 1_000;
const SIGNALS = ['SIGINT', 'SIGTERM'] as const;
// Once to clean up; whoever asks again has lost patience, and the default ends the process.
const stop = (): void => {
  for (const signal of SIGNALS) process.off(signal, stop);
  controller.abort();
};
for (const signal of SIGNALS) process.on(signal, stop);
// Where the reader of a pipe is gone, there is nobody left to tell.
process.stdout.on('error', () => controller.abort());

/** Standard input is opened by looking at it, so it is only looked at where it is wanted. */
let input: typeof process.stdin | undefined;
const openInput = (): typeof process.stdin => (input ??= process.stdin);

process.exitCode = await run(process.argv.slice(2), {
  out: (text) => void process.stdout.write(text),
  error: (line) => void process.stderr.write(`${line}\n`),
  async readInput() {
    const chunks: Buffer[] = [];
    for await (const chunk of openInput()) chunks.push(chunk as Buffer);
    return Buffer.concat(chunks);
  },
  readSecret: (prompt) => readSecret(prompt, openInput, process.stderr),
  onReload(callback) {
    process.on('SIGHUP', callback);
    return () => process.off('SIGHUP', callback);
  },
  isTerminal: process.stderr.isTTY,
  lines: () => createInterface({ input: openInput(), crlfDelay: Infinity, signal: controller.signal }),
  signal: controller.signal,
});
// What was not read to its end must not keep the process.
input?.destroy();
if (controller.signal.aborted) setTimeout(() => process.exit(), LAST_MOMENT).unref();
