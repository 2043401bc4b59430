/** Sees to it that there is an `openssl` to meet, from the packages of the system. */
import { installPackage } from '../install-package.ts';
import { opensslVersion } from './openssl.ts';

/**
 * Installs the package `openssl` with apt-get where there is no `openssl` and we may.
 *
 * @param log told what takes the time, or why there is none
 * @returns what `openssl version` says, undefined where there is none
 */
export function installOpenssl(log: (message: string) => void): string | undefined {
  const version = opensslVersion();
  if (version !== undefined) return version;
  installPackage('openssl', log);
  return opensslVersion();
}
