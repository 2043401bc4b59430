/** Other people's programs, run with their output collected. They are killed when this process ends. */
import { spawn, type ChildProcessWithoutNullStreams, type SpawnOptionsWithoutStdio } from 'node:child_process';
import { Waiter } from './waiter.ts';

/** Characters of output that are kept. */
const MAX_OUTPUT = 1_000_000;

const running = new Set<Program>();
process.once('exit', () => {
  for (const program of running) program.kill();
});

export class Program {
  /** stdout and stderr as they came. */
  output = '';
  readonly #name: string;
  readonly #child: ChildProcessWithoutNullStreams;
  #end = '';
  readonly #waiter = new Waiter();

  constructor(command: string, args: readonly string[], options: Pick<SpawnOptionsWithoutStdio, 'cwd' | 'env'> = {}) {
    this.#name = [command.split('/').at(-1), args[0]].join(' ');
    this.#child = spawn(command, args, { ...options, stdio: 'pipe' });
    running.add(this);
    const collect = (text: string): void => {
      this.output = (this.output + text).slice(-MAX_OUTPUT);
      this.#waiter.wake();
    };
    this.#child.stdout.setEncoding('utf8').on('data', collect);
    this.#child.stderr.setEncoding('utf8').on('data', collect);
    // Writing to a program that is gone: what it said tells more.
    this.#child.stdin.on('error', () => {});
    const end = (reason: string): void => {
      this.#end = reason;
      running.delete(this);
      this.#waiter.wake();
    };
    this.#child.once('error', (error) => end(error.message));
    this.#child.once('close', (code, signal) => end(`ended with ${signal ?? `exit code ${code}`}`));
  }

  get isOver(): boolean {
    return this.#end !== '';
  }

  write(text: string): void {
    this.#child.stdin.write(text);
  }

  /** Ends its input, which ends OpenSSL's programs. */
  end(): void {
    this.#child.stdin.end();
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  /**
   * Waits for output from some place on.
   *
   * @throws Error with the output where the program ends without it, or takes too long
   */
  async match(pattern: RegExp, from = 0): Promise<RegExpExecArray> {
    const find = (): RegExpExecArray | null => pattern.exec(this.output.slice(from));
    await this.#until(() => find() !== null || this.isOver, String(pattern));
    const match = find();
    if (match === null) throw this.#error(`${this.#end} without ${pattern}`);
    return match;
  }

  /** @returns how it ended, such as 'ended with exit code 0' */
  async ended(timeout?: number): Promise<string> {
    await this.#until(() => this.isOver, 'its end', timeout);
    return this.#end;
  }

  async #until(isDone: () => boolean, what: string, timeout?: number): Promise<void> {
    await this.#waiter.until(isDone, what, timeout).catch((error: Error) => {
      throw this.#error(error.message);
    });
  }

  #error(what: string): Error {
    return new Error(`${this.#name}: ${what}`, { cause: this.output });
  }
}
