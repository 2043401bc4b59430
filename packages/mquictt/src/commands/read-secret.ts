/** A line from a terminal that does not show it. */
import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';

/** @returns undefined where standard input is no terminal; rejects when it is broken off */
export async function readSecret(
  prompt: string,
  openInput: () => typeof process.stdin,
  output: NodeJS.WritableStream,
): Promise<string | undefined> {
  const input = openInput();
  if (!input.isTTY) return undefined;
  // With a terminal readline itself echoes, into a stream that shows nothing.
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input, output: nowhere, terminal: true });
  // Not before the terminal has been told not to show what is typed.
  output.write(prompt);
  try {
    return await new Promise<string>((resolve, reject) => {
      lines.once('line', resolve);
      lines.once('SIGINT', () => lines.close());
      lines.once('close', () => reject(new Error('No password was given')));
    });
  } finally {
    lines.close();
    output.write('\n');
  }
}
