/** Development certificates as files. */
import { access, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { configError, createDevelopmentCertificates } from './create.ts';
import type { DevelopmentCertificateOptions } from './create.ts';

export interface WriteDevelopmentCertificateOptions extends DevelopmentCertificateOptions {
  /** Replace what is there. @default false: existing files are an error */
  readonly overwrite?: boolean;
}

/** Where the files are. */
export interface DevelopmentCertificateFiles {
  readonly caFile: string;
  readonly certificateFile: string;
  readonly keyFile: string;
}

/**
 * Makes development certificates and writes `ca.pem`, `cert.pem` and `key.pem` (the latter for its owner only) into a folder, which is made
 * when it is missing.
 *
 * @throws TlsError ERR_TLS_CONFIG when one of the files is there already and `overwrite` is not set; the file system's errors
 *
 * @example
 * const { caFile } = await writeDevelopmentCertificates('certificates', { names: ['broker.test'] });
 */
export async function writeDevelopmentCertificates(
  folder: string,
  options: WriteDevelopmentCertificateOptions = {},
): Promise<DevelopmentCertificateFiles> {
  const { overwrite = false, ...rest } = options;
  const files = {
    caFile: join(folder, 'ca.pem'),
    certificateFile: join(folder, 'cert.pem'),
    keyFile: join(folder, 'key.pem'),
  };
  if (!overwrite)
    // All are looked at first: a half-written set would be certificates that do not fit.
    for (const path of Object.values(files))
      if (await exists(path))
        throw configError(`${path} is there already; remove it, choose another folder or allow overwriting`);
  const { caPem, certificatePem, keyPem } = await createDevelopmentCertificates(rest);
  await mkdir(folder, { recursive: true });
  await replaceFile(files.caFile, caPem, 0o644, overwrite);
  await replaceFile(files.certificateFile, certificatePem, 0o644, overwrite);
  await replaceFile(files.keyFile, keyPem, 0o600, overwrite);
  return files;
}

/** A file that is overwritten keeps its mode, and so the world its view of a key: it is removed first. */
async function replaceFile(path: string, text: string, mode: number, overwrite: boolean): Promise<void> {
  if (overwrite) await rm(path, { force: true });
  await writeFile(path, text, { mode, flag: 'wx' });
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch {
    return false;
  }
}
