/** `openssl s_client` and `openssl s_server`, read by what they print. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { OPENSSL } from './cases/case.ts';
import { EXPORTER_LABEL, EXPORTER_LENGTH, groupList, groupNamed, opensslGroups } from './peer.ts';
import type { Peer, PeerConnection, PeerOptions, PeerReport, PeerServer } from './peer.ts';
import { SERVER_NAME } from './pki.ts';
import { Program } from './program.ts';

/** @returns the first line of `openssl version`, or undefined where there is none */
export function opensslVersion(): string | undefined {
  const { status, stdout } = spawnSync('openssl', ['version'], { encoding: 'utf8', timeout: 10_000 });
  return status === 0 ? stdout.trim() : undefined;
}

/**
 * @param version its first line
 * @param folder for session files
 */
export function opensslPeer(version: string, folder: string): Peer {
  return {
    name: OPENSSL,
    groups: opensslGroups(version.split(' ')[1] ?? ''),
    connect: (port, options) => Promise.resolve(new ClientConnection(folder, port, options)),
    listen: (options) => OpensslServer.start(options),
  };
}

const COMMON = ['-tls1_3', '-keymatexport', EXPORTER_LABEL, '-keymatexportlen', String(EXPORTER_LENGTH)];

function commonArgs(options: PeerOptions): string[] {
  const { suite, groups, alpn, identity, args = [] } = options;
  return [
    ...COMMON,
    ...(suite === undefined ? [] : ['-ciphersuites', suite]),
    ...(groups === undefined ? [] : ['-groups', groupList(groups)]),
    ...(alpn === undefined ? [] : ['-alpn', alpn.join(',')]),
    ...(identity === undefined ? [] : ['-cert', identity.certificateFile, '-key', identity.keyFile]),
    ...(identity === undefined || identity.chainPem === '' ? [] : ['-cert_chain', identity.chainFile]),
    ...args,
  ];
}

function trustArgs(caFile: string): string[] {
  return ['-CAfile', caFile, '-no-CApath', '-no-CAstore', '-verify_return_error'];
}

/** What s_server prints when a handshake has failed. */
const ERROR = /:error:[0-9A-F]{8}:.*\n/;

let sessionFiles = 0;

class ClientConnection implements PeerConnection {
  readonly #program: Program;
  readonly #sessionFile: string;

  constructor(folder: string, port: number, options: PeerOptions) {
    const { caFile, serverName = SERVER_NAME, session } = options;
    this.#sessionFile = join(folder, `session-${sessionFiles++}.pem`);
    const names = ['-servername', serverName, '-verify_hostname', serverName];
    this.#program = new Program('openssl', [
      ...['s_client', '-connect', `127.0.0.1:${port}`].concat(names, trustArgs(caFile), '-sess_out', this.#sessionFile),
      ...(session === undefined ? [] : ['-sess_in', session as string]),
      ...commonArgs(options),
    ]);
  }

  async established(): Promise<PeerReport> {
    await this.#program.match(/^Keying material exporter:\n.*\n.*\n.*Keying material: .*\n---\n/m);
    const { output } = this.#program;
    return {
      protocol: find(/^(?:New|Reused), (\S+), Cipher/m, output),
      suite: find(/Cipher is (\S+)$/m, output),
      group: groupNamed(
        find(/^(?:Server|Peer) Temp Key: (.*), \d+ bits$/m, output) ||
          find(/^Negotiated TLS1\.3 group: (\S+)$/m, output),
      ),
      alpn: find(/^ALPN protocol: (.*)$/m, output),
      isReused: /^Reused, /m.test(output),
      keyMaterial: find(/Keying material: (\S+)/, output).toLowerCase(),
      peerName: find(/^subject=CN = (.*)$/m, output),
      distrust: find(/^Verify return code: (?!0 )\d+ \((.*)\)/m, output),
    };
  }

  async failed(): Promise<string> {
    this.#program.end();
    await this.#program.ended();
    return this.#program.output;
  }

  write(text: string): void {
    this.#program.write(text);
  }

  async read(text: string): Promise<void> {
    await this.#program.match(new RegExp(escape(text)));
  }

  /** The file that holds it. s_client writes it for each ticket, so it is there before data that came behind the ticket. */
  session(): Promise<string> {
    return this.hasTicket ? Promise.resolve(this.#sessionFile) : Promise.reject(new Error('s_client has no session'));
  }

  get hasTicket(): boolean {
    return existsSync(this.#sessionFile);
  }

  close(): void {
    this.#program.end();
  }
}

class OpensslServer implements PeerServer {
  readonly port: number;
  readonly #program: Program;
  /** What it prints from here on belongs to the connection that was accepted last. */
  #seen: number;
  #accepted = 0;

  private constructor(program: Program, port: number) {
    this.#program = program;
    this.port = port;
    this.#seen = program.output.length;
  }

  static async start(options: PeerOptions): Promise<OpensslServer> {
    const { caFile, clientCertificates } = options;
    const program = new Program('openssl', [
      ...['s_server', '-accept', '127.0.0.1:0'].concat(trustArgs(caFile)),
      ...(clientCertificates === undefined ? [] : [clientCertificates === 'required' ? '-Verify' : '-verify', '4']),
      ...commonArgs(options),
    ]);
    const [, port] = await program.match(/^ACCEPT 127\.0\.0\.1:(\d+)$/m);
    return new OpensslServer(program, Number(port));
  }

  async accept(): Promise<PeerConnection> {
    if (this.#accepted++ > 0) {
      await this.#program.match(new RegExp(`^DONE\\n|${ERROR.source}`, 'm'), this.#seen);
      this.#seen = this.#program.output.length;
    }
    return new ServerConnection(this.#program, this.#seen);
  }

  close(): void {
    this.#program.kill();
  }
}

class ServerConnection implements PeerConnection {
  readonly #program: Program;
  readonly #from: number;

  constructor(program: Program, from: number) {
    this.#program = program;
    this.#from = from;
  }

  async established(): Promise<PeerReport> {
    await this.#program.match(new RegExp(`Keying material: .*\\n|${ERROR.source}`), this.#from);
    const output = this.#output;
    if (!output.includes('Keying material: ')) throw new Error('openssl s_server failed', { cause: output });
    return {
      suite: find(/^CIPHER is (\S+)$/m, output),
      alpn: find(/^ALPN protocols selected: (.*)$/m, output),
      isReused: /^Reused session-id$/m.test(output),
      keyMaterial: find(/Keying material: (\S+)/, output).toLowerCase(),
      peerName: find(/^subject=CN = (.*)$/m, output),
      distrust: '',
    };
  }

  async failed(): Promise<string> {
    await this.#program.match(ERROR, this.#from);
    return this.#output;
  }

  write(text: string): void {
    this.#program.write(text);
  }

  async read(text: string): Promise<void> {
    await this.#program.match(new RegExp(escape(text)), this.#from);
  }

  session(): Promise<never> {
    return Promise.reject(new Error('A server keeps its sessions'));
  }

  readonly hasTicket: boolean = false;

  /** s_server ends the connection, and goes on, for a line that begins with q. */
  close(): void {
    this.#program.write('q\n');
  }

  get #output(): string {
    return this.#program.output.slice(this.#from);
  }
}

/** The first group of a match, or '' where there is none. */
function find(pattern: RegExp, text: string): string {
  return pattern.exec(text)?.[1] ?? '';
}

function escape(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
