/**
 * The child's side of tools/children.ts: commands come in as lines of JSON on stdin, answers and events go out on stdout.
 *
 * Runs in Node.js and in Deno, so it uses nothing that either lacks. The process ends when stdin does, and so never
 * outlives the parent that started it.
 */
import process from 'node:process';
import { createInterface } from 'node:readline';

/** What a program can be asked to do, by name. Arguments and results are JSON. */
export type Commands = Readonly<Record<string, (args: never) => unknown>>;

interface Request {
  id: number;
  command: string;
  args: unknown;
}

/** Tells the parent something that it has not asked for. */
export function emit(event: object): void {
  process.stdout.write(`${JSON.stringify({ event })}\n`);
}

/** Answers commands until stdin ends. Several may be in progress at once. */
export function runCommands(commands: Commands): void {
  const answer = async ({ id, command, args }: Request): Promise<void> => {
    let response: object;
    try {
      const run = commands[command];
      if (run === undefined) throw new RangeError(`There is no command ${command}`);
      response = { id, result: (await run(args as never)) ?? null };
    } catch (error) {
      response = { id, error: describeError(error) };
    }
    process.stdout.write(`${JSON.stringify(response)}\n`);
  };
  const lines = createInterface({ input: process.stdin });
  lines.on('line', (line) => void answer(JSON.parse(line) as Request));
  lines.on('close', () => process.exit(0));
  // Ctrl-C reaches the whole process group; the parent decides what happens then.
  process.on('SIGINT', () => {});
}

function describeError(error: unknown): { message: string; stack: string } {
  if (!(error instanceof Error)) return { message: String(error), stack: '' };
  return { message: error.message, stack: error.stack ?? '' };
}
