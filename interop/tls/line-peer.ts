/**
 * Programs of ours that let another implementation tell of itself in lines of JSON: go/main.go and deno/main.ts.
 *
 * Events: listening (port), established (a PeerReport), data (text), session, failed (message), ended. What comes on stdin goes to the peer.
 */
import type { PeerConnection, PeerReport, PeerServer } from './peer.ts';
import type { Program } from './program.ts';

/** The line of an event. "event" may stand anywhere in it. */
function lineOf(event: string): RegExp {
  return new RegExp(`^\\{.*"event":"${event}".*\\}\\n`, 'm');
}

export class LineConnection implements PeerConnection {
  readonly #program: Program;
  readonly #from: number;
  readonly #sessionFile: string;

  constructor(program: Program, from: number, sessionFile = '') {
    this.#program = program;
    this.#from = from;
    this.#sessionFile = sessionFile;
  }

  async established(): Promise<PeerReport> {
    const [line] = await this.#program.match(lineOf('(?:established|failed)'), this.#from);
    const event = JSON.parse(line) as PeerReport & { event: string; message: string };
    if (event.event === 'failed') throw new Error(`The peer: ${event.message}`);
    return { ...event, distrust: '' };
  }

  async failed(): Promise<string> {
    const [line] = await this.#program.match(lineOf('failed'), this.#from);
    return (JSON.parse(line) as { message: string }).message;
  }

  write(text: string): void {
    this.#program.write(text);
  }

  async read(text: string): Promise<void> {
    const quoted = JSON.stringify(text).slice(1, -1);
    await this.#program.match(new RegExp(`"text":".*${quoted.replace(/\\/g, '\\\\')}`), this.#from);
  }

  async session(): Promise<string> {
    await this.#program.match(lineOf('session'), this.#from);
    return this.#sessionFile;
  }

  get hasTicket(): boolean {
    return lineOf('session').test(this.#program.output.slice(this.#from));
  }

  close(): void {
    this.#program.end();
  }
}

/** A server that serves one connection after another. */
export class LineServer implements PeerServer {
  readonly port: number;
  readonly #program: Program;
  #seen: number;
  #accepted = 0;

  private constructor(program: Program, port: number) {
    this.#program = program;
    this.port = port;
    this.#seen = program.output.length;
  }

  static async start(program: Program): Promise<LineServer> {
    const [line] = await program.match(lineOf('listening'));
    return new LineServer(program, (JSON.parse(line) as { port: number }).port);
  }

  async accept(): Promise<PeerConnection> {
    if (this.#accepted++ > 0) {
      await this.#program.match(lineOf('ended'), this.#seen);
      this.#seen = this.#program.output.length;
    }
    return new LineConnection(this.#program, this.#seen);
  }

  close(): void {
    this.#program.kill();
  }
}
