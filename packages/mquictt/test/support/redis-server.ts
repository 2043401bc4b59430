/** A Redis of the tests' own: from the packages of the system, on a port of its own, in a temporary folder, with every write on disk before its answer. */
import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createConnection, createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

/** ms that apt-get may take. */
const INSTALL_TIMEOUT = 120_000;
const ATTEMPTS = 3;
/** ms until a Redis that was started listens. */
const START_TIMEOUT = 10_000;

/** What a broker asks of its Redis. */
export const SAFE_SETTINGS: readonly string[] =
  '--appendonly yes --appendfsync always --maxmemory-policy noeviction'.split(' ');

const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/**
 * Installs the package `redis-server` with apt-get where there is none and we may.
 *
 * @returns why there is none, undefined where there is one
 */
export function installRedis(): string | undefined {
  if (hasRedis()) return undefined;
  if (process.getuid?.() !== 0 || spawnSync('apt-get', ['--version']).status !== 0)
    return 'there is no redis-server here, and only root with apt-get could install it: apt-get install redis-server';
  let problem = '';
  // Test files run side by side, and apt-get of another one may be in the way.
  for (let attempt = 0; attempt < ATTEMPTS && !hasRedis(); attempt++) problem = runAptGet();
  return hasRedis() ? undefined : problem;
}

/** @returns what went wrong last */
function runAptGet(): string {
  let problem = '';
  for (const args of [['update'], ['install', '--yes', '--no-install-recommends', 'redis-server']]) {
    const { status, stderr } = spawnSync('apt-get', ['--quiet', '-o', 'DPkg::Lock::Timeout=60', ...args], {
      encoding: 'utf8',
      timeout: INSTALL_TIMEOUT,
      stdio: ['ignore', 'ignore', 'pipe'],
      // The package would start one for everybody, on the port that everybody knows.
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' },
    });
    if (status !== 0) problem = `apt-get ${args[0]} failed: ${stderr.trim()}`;
  }
  return problem;
}

function hasRedis(): boolean {
  return spawnSync('redis-server', ['--version']).status === 0;
}

export class RedisServer {
  readonly port: number;
  readonly #folder: string;
  #child: ChildProcess | undefined = undefined;

  private constructor(port: number, folder: string) {
    this.port = port;
    this.#folder = folder;
  }

  /** @param settings as on its command line */
  static async start(settings: readonly string[] = SAFE_SETTINGS): Promise<RedisServer> {
    const server = new RedisServer(await freePort(), await mkdtemp(join(tmpdir(), 'mquictt-redis-')));
    await server.start(settings);
    return server;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** Starts it again where it was. */
  async start(settings: readonly string[] = SAFE_SETTINGS): Promise<void> {
    const place = ['--bind', '127.0.0.1', '--port', String(this.port), '--dir', this.#folder];
    const child = spawn('redis-server', [...place, '--save', '', '--daemonize', 'no', ...settings], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    running.add(child);
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.once('exit', () => running.delete(child));
    for (const end = Date.now() + START_TIMEOUT; !(await listens(this.port)); await delay(20)) {
      if (child.exitCode !== null || Date.now() > end) throw new Error(`redis-server did not start:\n${output}`);
    }
  }

  /** Ends it as a crash would. */
  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exit = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await exit;
  }

  /** Neither answers nor ends, until resume(). */
  pause(): void {
    this.#child?.kill('SIGSTOP');
  }

  resume(): void {
    this.#child?.kill('SIGCONT');
  }

  async stop(): Promise<void> {
    await this.kill();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Whether it answers PING: while it loads its file it does not. */
function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ host: '127.0.0.1', port }, () => socket.write('PING\r\n'));
    socket.once('data', (chunk) => {
      resolve(chunk.toString().startsWith('+PONG'));
      socket.destroy();
    });
    socket.once('error', () => resolve(false));
  });
}
