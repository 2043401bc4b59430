/** Installs a package of the system with apt-get, where we may. */
import { spawnSync } from 'node:child_process';

/** ms that apt-get may take. */
const INSTALL_TIMEOUT = 120_000;

/** @param log told what takes the time, or why nothing was installed */
export function installPackage(name: string, log: (message: string) => void): void {
  if (process.getuid?.() !== 0 || spawnSync('apt-get', ['--version']).status !== 0) {
    log(`there is no ${name} here, and only root with apt-get could install it: apt-get install ${name}`);
    return;
  }
  log(`installing ${name} (apt-get)`);
  for (const args of [['update'], ['install', '--yes', '--no-install-recommends', name]]) {
    const { status, stderr } = spawnSync('apt-get', ['--quiet', ...args], {
      encoding: 'utf8',
      timeout: INSTALL_TIMEOUT,
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    });
    if (status !== 0) log(`apt-get ${args[0]} failed: ${stderr.trim()}`);
  }
}
