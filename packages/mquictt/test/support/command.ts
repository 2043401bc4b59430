/** Runs a command in this process with ends of our own. */
import { run } from '../../src/commands/program.ts';

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly error: string;
}

export interface Running {
  readonly ran: Promise<Ran>;
  /** What was written so far. */
  readonly error: () => string;
  readonly out: () => string;
  /** Ctrl-C. */
  interrupt(): void;
  /** SIGHUP. */
  reload(): void;
}

export function start(args: readonly string[], input = ''): Running {
  const controller = new AbortController();
  let out = '';
  let error = '';
  let reload = (): void => {};
  const ran = run(args, {
    out: (text) => {
      out += typeof text === 'string' ? text : Buffer.from(text).toString();
    },
    error: (line) => {
      error += `${line}\n`;
    },
    readSecret: async () => undefined,
    onReload(callback) {
      reload = callback;
      return () => {
        reload = () => {};
      };
    },
    isTerminal: true,
    readInput: async () => Buffer.from(input),
    async *lines() {
      for (const line of input.split('\n').slice(0, -1)) yield line;
    },
    signal: controller.signal,
  }).then((code) => ({ code, out, error }));
  return { ran, error: () => error, out: () => out, interrupt: () => controller.abort(), reload: () => reload() };
}

export function command(args: readonly string[], input = ''): Promise<Ran> {
  return start(args, input).ran;
}
