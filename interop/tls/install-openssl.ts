/** Sees to it that there is an `openssl` to meet, from the packages of the system. */
import { spawnSync } from 'node:child_process';
import { opensslVersion } from './openssl.ts';

/** ms that apt-get may take. */
const INSTALL_TIMEOUT = 120_000;

/**
 * Installs the package `openssl` with apt-get where there is no `openssl` and we may.
 *
 * @param log told what takes the time, or why there is none
 * @returns what `openssl version` says, undefined where there is none
 */
export function installOpenssl(log: (message: string) => void): string | undefined {
  const version = opensslVersion();
  if (version !== undefined) return version;
  if (process.getuid?.() !== 0 || spawnSync('apt-get', ['--version']).status !== 0) {
    log('there is no openssl here, and only root with apt-get could install it: apt-get install openssl');
    return undefined;
  }
  log('installing openssl (apt-get)');
  for (const args of [['update'], ['install', '--yes', '--no-install-recommends', 'openssl']]) {
    const { status, stderr } = spawnSync('apt-get', ['--quiet', ...args], {
      encoding: 'utf8',
      timeout: INSTALL_TIMEOUT,
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    });
    if (status !== 0) log(`apt-get ${args[0]} failed: ${stderr.trim()}`);
  }
  return opensslVersion();
}
