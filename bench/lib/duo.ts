/** Contenders that are two processes: one serves, the other works. */
import { Child, startNode } from '../../tools/children.ts';
import { denoArgs, installDeno } from '../../interop/install.ts';
import type { Contender, Sample, Settings } from './benchmark.ts';

/** ms for whatever is not a measurement. */
export const PATIENCE = 30_000;

export interface DuoOptions {
  readonly name: string;
  readonly settings: Settings;
  /** Starts one process. @throws Error that says for people why it cannot be */
  readonly spawn: (role: string) => Child;
  /** Arguments for `listen` (with the certificate) and `connect` (with the port and the CA). */
  readonly args?: object;
  /** One measurement between two processes that are connected. */
  readonly measure: (server: Child, client: Child) => Promise<Sample>;
}

/** Two programs of bench/parties that know the commands `listen` and `connect`. */
export class Duo implements Contender {
  readonly name: string;
  readonly #options: DuoOptions;
  #server: Child | undefined;
  #client: Child | undefined;

  constructor(options: DuoOptions) {
    this.name = options.name;
    this.#options = options;
  }

  async start(): Promise<void> {
    const { spawn, settings, args } = this.#options;
    const { caPem, certificatePem, keyPem } = settings.certificates;
    const server = (this.#server = spawn('server'));
    const client = (this.#client = spawn('client'));
    const port = await server.request<number>('listen', { certificatePem, keyPem, ...args }, PATIENCE);
    await client.request('connect', { port, caPem, ...args }, PATIENCE);
  }

  measure(): Promise<Sample> {
    if (this.#server === undefined || this.#client === undefined) throw new Error(`${this.name} was not started`);
    return this.#options.measure(this.#server, this.#client);
  }

  async stop(): Promise<void> {
    await Promise.all([this.#client?.stop(), this.#server?.stop()]);
  }
}

/** Starts a program of bench/parties in Node.js. */
export function spawnNode(program: string, settings: Settings, flags: readonly string[] = []): (role: string) => Child {
  return (role) =>
    startNode(new URL(`../parties/${program}`, import.meta.url), {
      name: `${program} as ${role}`,
      nodeArgs: [...settings.nodeArgs, ...flags],
    });
}

/** Starts a program of bench/parties in Deno. */
export function spawnDeno(program: string, settings: Settings): (role: string) => Child {
  return (role) => {
    const deno = installDeno(settings.log);
    return new Child({
      name: `${program} as ${role}`,
      command: deno.path,
      args: denoArgs(new URL(`../parties/${program}`, import.meta.url)),
      env: deno.env,
    });
  };
}
