/**
 * Child processes that are asked over lines of JSON: see tools/command-loop.ts for their side.
 *
 * They are killed when this process ends in any way that it can notice, and end by themselves when it cannot.
 */
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** How to start a child. */
export interface ChildOptions {
  /** What messages call it. */
  name: string;
  command: string;
  args: readonly string[];
  env?: NodeJS.ProcessEnv;
  /** Called for what the child tells unasked. */
  onEvent?: (event: Record<string, unknown>) => void;
}

interface Pending {
  resolve: (value: unknown) => void;
  reject: (error: Error) => void;
  timer: NodeJS.Timeout;
}

/** Characters of stderr and of stray output that are kept to explain a failure. */
const MAX_LOG = 16_000;

/** How long a child may take to end by itself, ms. */
const STOP_TIMEOUT = 2_000;

const living = new Set<Child>();

export class Child {
  readonly name: string;
  readonly #process: ChildProcessWithoutNullStreams;
  readonly #pending = new Map<number, Pending>();
  readonly #ended: Promise<void>;
  #nextId = 0;
  #log = '';
  #end = '';

  constructor({ name, command, args, env, onEvent }: ChildOptions) {
    this.name = name;
    this.#process = spawn(command, args, { stdio: 'pipe', env: env ?? process.env });
    living.add(this);

    createInterface({ input: this.#process.stdout }).on('line', (line) => this.#handleLine(line, onEvent));
    this.#process.stderr.setEncoding('utf8').on('data', (text: string) => this.#remember(text));
    // Writing to a child that is gone: its exit says more.
    this.#process.stdin.on('error', () => {});
    this.#ended = new Promise((resolve) => {
      const end = (reason: string): void => {
        this.#end = reason;
        living.delete(this);
        for (const id of this.#pending.keys()) this.#fail(id, reason);
        resolve();
      };
      this.#process.once('error', (error) => end(error.message));
      this.#process.once('close', (code, signal) => end(`ended with ${signal ?? `exit code ${code}`}`));
    });
  }

  get isAlive(): boolean {
    return this.#end === '';
  }

  /**
   * Sends a command and waits for the answer.
   *
   * @param timeout - ms; afterwards the child is killed, since nobody knows what state it is in
   * @throws Error when the command failed, the child ended or the time is up
   */
  request<T>(command: string, args: object, timeout: number): Promise<T> {
    const id = this.#nextId++;
    return new Promise<unknown>((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#fail(id, `no answer to '${command}' within ${timeout} ms`);
        this.kill();
      }, timeout);
      this.#pending.set(id, { resolve, reject, timer });
      if (this.isAlive) this.#process.stdin.write(`${JSON.stringify({ id, command, args })}\n`);
      else this.#fail(id, this.#end);
    }) as Promise<T>;
  }

  /** Lets the child end, and kills it if it does not. */
  async stop(): Promise<void> {
    if (!this.isAlive) return;
    this.#process.stdin.end();
    const timer = setTimeout(() => this.kill(), STOP_TIMEOUT);
    await this.#ended;
    clearTimeout(timer);
  }

  kill(): void {
    this.#process.kill('SIGKILL');
  }

  #handleLine(line: string, onEvent: ChildOptions['onEvent']): void {
    let message: { id?: number; result?: unknown; error?: { message: string; stack: string }; event?: unknown };
    try {
      message = JSON.parse(line) as typeof message;
    } catch {
      this.#remember(`${line}\n`);
      return;
    }
    if (message.event !== undefined) {
      onEvent?.(message.event as Record<string, unknown>);
      return;
    }
    const pending = this.#pending.get(message.id ?? -1);
    if (pending === undefined) return;
    if (message.error === undefined) {
      clearTimeout(pending.timer);
      this.#pending.delete(message.id as number);
      pending.resolve(message.result);
    } else {
      this.#remember(`${message.error.stack}\n`);
      this.#fail(message.id as number, message.error.message);
    }
  }

  #fail(id: number, reason: string): void {
    const pending = this.#pending.get(id);
    if (pending === undefined) return;
    clearTimeout(pending.timer);
    this.#pending.delete(id);
    const log = this.#log.trim();
    pending.reject(new Error(`${this.name}: ${reason}`, log === '' ? {} : { cause: log }));
  }

  #remember(text: string): void {
    this.#log = (this.#log + text).slice(-MAX_LOG);
  }
}

/** Starts a TypeScript program of this repository under Node.js. */
export function startNode(
  program: URL,
  options: Omit<ChildOptions, 'command' | 'args'> & { nodeArgs?: readonly string[] },
): Child {
  const { nodeArgs = ['--conditions=@mquictt/source'], ...rest } = options;
  return new Child({
    ...rest,
    command: process.execPath,
    args: [...nodeArgs, '--import', 'tsx', fileURLToPath(program)],
  });
}

function killAll(): void {
  for (const child of living) child.kill();
}

/** Kills the children on Ctrl-C, on SIGTERM and whenever this process exits. */
export function killChildrenAtExit(): void {
  process.once('exit', killAll);
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const) {
    process.once(signal, () => process.exit(code));
  }
}
