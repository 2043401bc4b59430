/** What a command may touch of the process, so that tests can put in their own. */
export interface CommandIo {
  /** Writes to standard output. */
  out(text: string | Uint8Array): void;
  /** Writes a line to standard error. */
  error(line: string): void;
  /** All of standard input. */
  readInput(): Promise<Uint8Array>;
  /** Asks for a line that is not shown. @returns undefined where there is no terminal to ask at */
  readSecret(prompt: string): Promise<string | undefined>;
  /** Calls back whenever the user wants the configuration to be read again (SIGHUP). @returns ends that */
  onReload(callback: () => void): () => void;
  /** Whether standard error is read by a person at a terminal. */
  readonly isTerminal: boolean;
  /** Standard input line by line, without line ends. */
  lines(): AsyncIterable<string>;
  /** Aborted when the user wants an end (Ctrl-C). */
  readonly signal: AbortSignal;
}

/** Exit codes: what mosquitto's programs use where they have one. */
export const ExitCode = {
  OK: 0,
  FAILED: 1,
  USAGE: 2,
  /** `-W` was over before `-C` messages came. */
  TIMED_OUT: 27,
  /** Ctrl-C: 128 + SIGINT. */
  INTERRUPTED: 130,
} as const;
export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];

/** Something is wrong with the arguments: said in a sentence, exit code 2. */
export class UsageError extends Error {
  override readonly name: string = 'UsageError';
}
