/** The command line as a function: arguments in, exit code out. */
import { Command, CommanderError } from 'commander';
import { certificatesCommand } from './certificates.ts';
import { ExitCode, UsageError } from './io.ts';
import type { CommandIo } from './io.ts';
import { passwdCommand } from './passwd.ts';
import { publishCommand } from './publish.ts';
import { serveCommand } from './serve.ts';
import { subscribeCommand } from './subscribe.ts';
import { VERSION } from '../version.ts';

/**
 * @param args without the program's name
 * @returns the exit code: 0, 1 for what failed, 2 for wrong arguments, see ExitCode
 */
export async function run(args: readonly string[], io: CommandIo): Promise<number> {
  let code: number = ExitCode.OK;
  const done = (result: ExitCode): void => {
    code = result;
  };
  const program = new Command('mquictt')
    .description('MQTT over QUIC')
    .version(VERSION, '--version', 'show the version')
    .helpOption('--help', 'show this help');
  for (const command of [
    serveCommand(io, done),
    publishCommand(io, done),
    subscribeCommand(io, done),
    certificatesCommand(io, done),
    passwdCommand(io, done),
  ]) {
    program.addCommand(command);
  }
  for (const command of [program, ...program.commands]) {
    command
      .exitOverride()
      .configureOutput({ writeOut: (text) => io.out(text), writeErr: (text) => io.error(text.trimEnd()) })
      .showSuggestionAfterError();
  }
  try {
    await program.parseAsync(args, { from: 'user' });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) {
      // Help and version that were asked for are no errors; commander has said all there is to say.
      return error.exitCode === 0 ? ExitCode.OK : ExitCode.USAGE;
    }
    if (error instanceof UsageError) {
      io.error(`error: ${error.message}`);
      return ExitCode.USAGE;
    }
    if (io.signal.aborted) return ExitCode.INTERRUPTED;
    const { code: errorCode, message } = error as Error & { code?: string };
    io.error(`error: ${errorCode === undefined ? '' : `${errorCode}: `}${message}`);
    return ExitCode.FAILED;
  }
}
