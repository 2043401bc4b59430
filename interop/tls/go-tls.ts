/** Go's crypto/tls, in a program of our own (go/main.go), where this machine has Go. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { NamedGroup } from '@mquictt/tls13';
import { GO } from './cases/case.ts';
import { EXPORTER_LABEL, EXPORTER_LENGTH } from './peer.ts';
import type { Peer, PeerConnection, PeerOptions, PeerReport, PeerServer } from './peer.ts';
import { SERVER_NAME } from './pki.ts';
import { Program } from './program.ts';

/** ms that a build may take where nothing of Go's library has been built before. */
const BUILD_TIMEOUT = 180_000;
const SOURCE = fileURLToPath(new URL('go', import.meta.url));

/** @returns what `go version` says, undefined where there is no Go */
export function goVersion(): string | undefined {
  const { status, stdout } = spawnSync('go', ['version'], { encoding: 'utf8', timeout: 10_000 });
  return status === 0 ? stdout.trim() : undefined;
}

/**
 * Builds the program, which takes half a minute where nothing of Go's library has been built before: start it early.
 *
 * @param folder for the program and for sessions
 * @throws Error where it cannot be built, as with a Go that is too old
 */
export async function buildGoPeer(folder: string): Promise<Peer> {
  const path = join(folder, 'go-peer');
  // With what is here, and nothing from the network.
  const env = { ...process.env, GOTOOLCHAIN: 'local', GOPROXY: 'off', GOWORK: 'off', GOFLAGS: '-buildvcs=false' };
  const build = new Program('go', ['build', '-o', path, '.'], { cwd: SOURCE, env });
  const ending = await build.ended(BUILD_TIMEOUT);
  if (ending !== 'ended with exit code 0') throw new Error(`go build ${ending}`, { cause: build.output });
  return goPeer(path, folder);
}

function goPeer(path: string, folder: string): Peer {
  return {
    name: GO,
    groups: Object.values(NamedGroup),
    connect: (port, options) => {
      const sessionFile = join(folder, `go-session-${sessionFiles++}`);
      const { session } = options;
      const program = new Program(path, [
        `-port=${port}`,
        `-server-name=${options.serverName ?? SERVER_NAME}`,
        `-session-out=${sessionFile}`,
        ...(session === undefined ? [] : [`-session-in=${session as string}`]),
        ...commonArgs(options),
      ]);
      return Promise.resolve(new GoConnection(program, 0, sessionFile));
    },
    listen: (options) => GoServer.start(path, options),
  };
}

let sessionFiles = 0;

function commonArgs({ groups, alpn, identity, caFile, clientCertificates }: PeerOptions): string[] {
  return [
    `-ca=${caFile}`,
    `-exporter-label=${EXPORTER_LABEL}`,
    `-exporter-length=${EXPORTER_LENGTH}`,
    ...(groups === undefined ? [] : [`-groups=${groups.join(',')}`]),
    ...(alpn === undefined ? [] : [`-alpn=${alpn.join(',')}`]),
    ...(identity === undefined ? [] : [`-cert=${identity.certificateFile}`, `-key=${identity.keyFile}`]),
    ...(clientCertificates === undefined ? [] : [`-client-auth=${clientCertificates}`]),
  ];
}

/** The line of an event. Go sorts the keys of a map, so that "event" may stand anywhere in it. */
function lineOf(event: string): RegExp {
  return new RegExp(`^\\{.*"event":"${event}".*\\}\\n`, 'm');
}

class GoConnection implements PeerConnection {
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
    if (event.event === 'failed') throw new Error(`Go: ${event.message}`);
    return {
      ...event,
      // TLS 1.3 by Go's name.
      protocol: event.protocol?.replace(' ', 'v'),
      distrust: '',
    };
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

class GoServer implements PeerServer {
  readonly port: number;
  readonly #program: Program;
  #seen: number;
  #accepted = 0;

  private constructor(program: Program, port: number) {
    this.#program = program;
    this.port = port;
    this.#seen = program.output.length;
  }

  static async start(path: string, options: PeerOptions): Promise<GoServer> {
    const program = new Program(path, commonArgs(options));
    const [line] = await program.match(lineOf('listening'));
    return new GoServer(program, (JSON.parse(line) as { port: number }).port);
  }

  async accept(): Promise<PeerConnection> {
    if (this.#accepted++ > 0) {
      await this.#program.match(lineOf('ended'), this.#seen);
      this.#seen = this.#program.output.length;
    }
    return new GoConnection(this.#program, this.#seen);
  }

  close(): void {
    this.#program.kill();
  }
}
