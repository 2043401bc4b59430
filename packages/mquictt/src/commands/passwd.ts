/** `mquictt passwd`: names and hashed passwords in a file for `access.password_file`. */
import { randomBytes } from 'node:crypto';
import { readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { Command } from 'commander';
import { PasswordFile, withPassword } from '../access/password-file.ts';
import { MqttError } from '../errors.ts';
import { ExitCode, UsageError } from './io.ts';
import type { CommandIo } from './io.ts';

export function passwdCommand(io: CommandIo, done: (code: ExitCode) => void): Command {
  return new Command('passwd')
    .description(
      'set a password in a password file; it is asked for, or read from standard input when that is no terminal',
    )
    .argument('<file>', 'made when it is missing')
    .argument('<name>', 'whose password it is')
    .option('-D, --delete', 'take the name out instead')
    .action(async (file: string, name: string, flags: { readonly delete?: boolean }) =>
      done(await change(file, name, flags.delete === true, io)),
    );
}

async function change(file: string, name: string, isDeleting: boolean, io: CommandIo): Promise<ExitCode> {
  const text = await readText(file, isDeleting);
  // What is there is not made worse.
  PasswordFile.parse(text, file);
  const password = isDeleting ? undefined : await askPassword(io);
  await replace(file, await withPassword(text, name, password));
  io.error(isDeleting ? `Took ${name} out of ${file}.` : `Set the password of ${name} in ${file}.`);
  return ExitCode.OK;
}

async function askPassword(io: CommandIo): Promise<Uint8Array> {
  const password = await io.readSecret('Password: ');
  if (password === undefined) {
    // One line, whose end is not part of it.
    const [line = ''] = Buffer.from(await io.readInput())
      .toString('utf8')
      .split(/\r?\n/, 1);
    if (line === '') throw new UsageError('The password is empty');
    return Buffer.from(line);
  }
  if (password === '') throw new UsageError('The password is empty');
  if ((await io.readSecret('Once more: ')) !== password) throw new UsageError('The two are not the same');
  return Buffer.from(password);
}

async function readText(file: string, mustExist: boolean): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT' && !mustExist) return '';
    throw new MqttError('ERR_MQTT_ACCESS', `Cannot read the password file: ${(error as Error).message}`, {
      fault: 'usage',
      cause: error,
    });
  }
}

/** As a whole: a broker that reads it meanwhile sees the old file or the new one. */
async function replace(file: string, text: string): Promise<void> {
  const temporary = `${file}.${randomBytes(6).toString('hex')}`;
  try {
    const mode = await stat(file).then(
      (found) => found.mode & 0o777,
      () => 0o600,
    );
    await writeFile(temporary, text, { mode, flag: 'wx' });
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true });
    throw new MqttError('ERR_MQTT_ACCESS', `Cannot write the password file: ${(error as Error).message}`, {
      fault: 'usage',
      cause: error,
    });
  }
}
