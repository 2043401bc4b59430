/** mosquitto_pub, mosquitto_sub and mosquitto_rr, from the packages of the system. */
import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { installPackage } from '../install-package.ts';

export type Program = 'mosquitto_pub' | 'mosquitto_sub' | 'mosquitto_rr';

export interface Ran {
  /** null when it was killed. */
  readonly code: number | null;
  readonly out: string;
  readonly error: string;
}

export interface Running {
  readonly ran: Promise<Ran>;
  kill(): void;
}

const living = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of living) child.kill('SIGKILL');
});

/**
 * Installs the package `mosquitto-clients` with apt-get where its programs are missing and we may.
 *
 * @returns what they call their version, undefined where there are none
 */
export function installMosquitto(log: (message: string) => void): string | undefined {
  const before = version();
  if (before !== undefined) return before;
  installPackage('mosquitto-clients', log);
  return version();
}

function version(): string | undefined {
  // It prints its help with exit code 1, and its version in it.
  const { error, stdout } = spawnSync('mosquitto_rr', ['--help'], { encoding: 'utf8', timeout: 5_000 });
  if (error !== undefined) return undefined;
  return /version (\S+)/.exec(stdout)?.[1] ?? 'of unknown version';
}

export function start(program: Program, args: readonly string[], input = ''): Running {
  const child = spawn(program, args, { stdio: 'pipe' });
  living.add(child);
  let out = '';
  let error = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (error += text));
  // A program that is gone does not read; its exit says more.
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  const ran = new Promise<Ran>((resolve) => {
    child.once('error', (cause) => {
      living.delete(child);
      resolve({ code: null, out, error: cause.message });
    });
    child.once('close', (code) => {
      living.delete(child);
      resolve({ code, out, error });
    });
  });
  return { ran, kill: () => void child.kill('SIGKILL') };
}
