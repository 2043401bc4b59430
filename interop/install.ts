/**
 * Installs what interop/package.json names, inside interop/, where it stays: the other packages need none of it, and
 * Deno alone weighs 100 MB.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const FOLDER = fileURLToPath(new URL('.', import.meta.url));
const MODULES = join(FOLDER, 'node_modules');
/** Holds the hash of the lock file that node_modules was installed from. */
const STAMP = join(MODULES, '.lock-sha256');

/** Deno as installed here. */
export interface Deno {
  path: string;
  version: string;
  /** Environment that keeps Deno's caches inside node_modules. */
  env: NodeJS.ProcessEnv;
}

/**
 * Runs `npm ci` in interop/ unless node_modules is what the lock file says.
 *
 * @param log - told what takes the time
 * @throws Error when it cannot be installed, with the reason for people
 */
export function installDeno(log: (message: string) => void): Deno {
  const hash = createHash('sha256')
    .update(readFileSync(join(FOLDER, 'package-lock.json')))
    .digest('hex');
  if (!existsSync(STAMP) || readFileSync(STAMP, 'utf8') !== hash) {
    log('installing the peers in interop/ (npm ci)');
    runNpm(['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error', '--prefix', FOLDER]);
    writeFileSync(STAMP, hash);
  }
  return {
    path: denoPath(),
    version: (JSON.parse(readFileSync(join(MODULES, 'deno', 'package.json'), 'utf8')) as { version: string }).version,
    env: { ...process.env, DENO_DIR: join(MODULES, '.deno'), DENO_NO_UPDATE_CHECK: '1', NO_COLOR: '1' },
  };
}

/** Arguments that run a program of this repository: with loopback, without a network beyond it, without a file. */
export function denoArgs(program: URL): string[] {
  const flags = ['--no-prompt', '--no-config', '--no-lock', '--no-remote', '--no-npm', '--no-check'];
  return ['run', ...flags, '--unstable-net', '--allow-net=127.0.0.1', fileURLToPath(program)];
}

function runNpm(args: string[]): void {
  // npm says where it is when it started us; on Windows `npm` is a script that spawn does not find.
  const cli = process.env['npm_execpath'];
  const [command, first] = cli === undefined ? ['npm', []] : [process.execPath, [cli]];
  const { status, error, stderr } = spawnSync(command, [...first, ...args], {
    cwd: FOLDER,
    encoding: 'utf8',
    stdio: ['ignore', 'ignore', 'pipe'],
    shell: cli === undefined && process.platform === 'win32',
  });
  if (status === 0) return;
  const why = error?.message ?? stderr.trim();
  throw new Error(`The peers could not be installed. They need a network once: (cd interop && npm ci).\n${why}`);
}

/** The binary itself, since the package's script would put a process in between. */
function denoPath(): string {
  const scope = join(MODULES, '@deno');
  const binary = process.platform === 'win32' ? 'deno.exe' : 'deno';
  const paths = existsSync(scope) ? readdirSync(scope).map((name) => join(scope, name, binary)) : [];
  const path = paths.find((path) => existsSync(path));
  if (path === undefined) throw new Error(`Deno has no binary for ${process.platform} on ${process.arch}`);
  return path;
}
