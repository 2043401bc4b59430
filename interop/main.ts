/**
 * Meets other people's QUIC: quinn, as Deno ships it, as client of our server and as server of our client. And other people's TLS: see tls/, and clients of
 * MQTT: see mqtt/.
 *
 *     npm run interop                  every case, both ways
 *     npm run interop -- close reset   the cases whose name contains one of the words
 *     npm run interop -- TLS           the cases of TLS alone; also by peer, as in "TLS: openssl client"
 *     npm run interop -- MQTT          the cases of MQTT alone
 *     npm run interop -- --self        quinn against quinn: proves the programs, so that a failure points to us
 *
 * All traffic stays on the loopback interface. Prints a line per case and ends with exit code 1 if one failed.
 */
import { parseArgs } from 'node:util';
import { Child, killChildrenAtExit, startNode } from '../tools/children.ts';
import { CASES, type Case, type Meeting, type Side } from './cases.ts';
import { makeCertificates, type Certificates } from './certificates.ts';
import { ORDINARY_CLOSE } from './client-role.ts';
import { denoArgs, installDeno, type Deno } from './install.ts';
import type { About } from './program.ts';
import type { ServerEvent } from './server-role.ts';
import { runMqtt } from './mqtt/run.ts';
import { runTls, type Counts } from './tls/run.ts';

/** ms that one case may take; then the two programs are killed and started anew. */
const CASE_TIMEOUT = 20_000;
const START_TIMEOUT = 30_000;

type Start = (role: string, onEvent: (event: Record<string, unknown>) => void) => Child;

/** A client and a server that live for many cases, and are replaced when one of them fails. */
class Pair {
  readonly #start: { client: Start; server: Start };
  readonly #certificates: Certificates;
  #events: ServerEvent[] = [];
  #wake: () => void = () => {};
  #sides: { client: Side; server: Side; port: number } | undefined;

  constructor(start: { client: Start; server: Start }, certificates: Certificates) {
    this.#start = start;
    this.#certificates = certificates;
  }

  async run(test: Case): Promise<{ skipped: string | undefined }> {
    const { client, server, port } = (this.#sides ??= await this.#begin());
    const skipped = test.impossible?.({ client, server });
    if (skipped !== undefined) return { skipped };

    const target = { port, caPem: this.#certificates.caPem };
    const deadline = performance.now() + CASE_TIMEOUT;
    this.#events = [];
    const meeting: Meeting = {
      client,
      server,
      target,
      strangeCaPem: this.#certificates.strangeCaPem,
      ask: (command, args = {}) => client.child.request(command, { ...target, ...args }, deadline - performance.now()),
      told: (type) => this.#told(type, deadline),
    };
    try {
      await test.run(meeting);
      if (!server.child.isAlive) throw new Error(`${server.child.name} ended`);
    } catch (error) {
      await this.stop();
      throw error;
    }
    return { skipped: undefined };
  }

  async stop(): Promise<void> {
    const sides = this.#sides;
    this.#sides = undefined;
    if (sides !== undefined) await Promise.all([sides.client.child.stop(), sides.server.child.stop()]);
  }

  async #begin(): Promise<{ client: Side; server: Side; port: number }> {
    const children = {
      server: this.#start.server('server', (event) => {
        if (event['type'] === 'closed' && event['reason'] === ORDINARY_CLOSE) return;
        this.#events.push(event as ServerEvent);
        this.#wake();
      }),
      client: this.#start.client('client', () => {}),
    };
    const { certificatePem, keyPem } = this.#certificates;
    const [client, server, port] = await Promise.all([
      aboutSide(children.client),
      aboutSide(children.server),
      children.server.request<number>('serve', { certificatePem, keyPem }, START_TIMEOUT),
    ]);
    return { client, server, port };
  }

  async #told<T extends ServerEvent['type']>(type: T, deadline: number): Promise<Extract<ServerEvent, { type: T }>> {
    for (;;) {
      const event = this.#events.find((event) => event.type === type);
      if (event !== undefined) return event as Extract<ServerEvent, { type: T }>;
      const left = deadline - performance.now();
      if (left <= 0) throw new Error(`The server did not tell '${type}' in time`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }
}

async function aboutSide(child: Child): Promise<Side> {
  return { child, ...(await child.request<About>('about', {}, START_TIMEOUT)) };
}

function startQuinn(deno: Deno): Start {
  return (role, onEvent) =>
    new Child({
      name: `quinn ${role}`,
      command: deno.path,
      args: denoArgs(new URL('deno/main.ts', import.meta.url)),
      env: deno.env,
      onEvent,
    });
}

const startOurs: Start = (role, onEvent) =>
  startNode(new URL('ours/main.ts', import.meta.url), { name: `our ${role}`, onEvent });

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { self: { type: 'boolean', default: false } },
  });
  const cases = CASES.filter(({ name }) => positionals.length === 0 || positionals.some((word) => name.includes(word)));

  killChildrenAtExit();
  const quic = cases.length === 0 ? undefined : await runQuic(cases, values.self);
  const tls = values.self ? undefined : await runTls(positionals, (line) => console.log(line));
  const mqtt = values.self ? undefined : await runMqtt(positionals, (line) => console.log(line));
  if (quic === undefined && tls === undefined && mqtt === undefined)
    throw new RangeError(`No case matches ${positionals.join(' ')}`);

  const sum = (key: keyof Counts): number => (quic?.[key] ?? 0) + (tls?.[key] ?? 0) + (mqtt?.[key] ?? 0);
  console.log(`\n${sum('passed')} passed, ${sum('failed')} failed, ${sum('skipped')} not possible`);
  if (sum('failed') > 0) process.exitCode = 1;
}

async function runQuic(cases: readonly Case[], isSelf: boolean): Promise<Counts> {
  const deno = installDeno((message) => console.log(message));
  const quinn = startQuinn(deno);
  const meetings = isSelf
    ? [{ title: 'quinn client, quinn server', client: quinn, server: quinn }]
    : [
        { title: 'our client, quinn server', client: startOurs, server: quinn },
        { title: 'quinn client, our server', client: quinn, server: startOurs },
      ];
  console.log(`quinn as in Deno ${deno.version}, Node.js ${process.versions.node}`);

  const certificates = await makeCertificates();
  const counts: Counts = { passed: 0, failed: 0, skipped: 0 };
  for (const { title, ...start } of meetings) {
    console.log(`\n${title}`);
    const pair = new Pair(start, certificates);
    for (const test of cases) {
      const begin = performance.now();
      try {
        const result = await pair.run(test);
        const ms = (performance.now() - begin).toFixed(0);
        if (result.skipped === undefined) {
          counts.passed++;
          console.log(`  PASS  ${test.name}  ${ms} ms`);
        } else {
          counts.skipped++;
          console.log(`  skip  ${test.name}  ${result.skipped}`);
        }
      } catch (error) {
        counts.failed++;
        const ms = (performance.now() - begin).toFixed(0);
        console.log(`  FAIL  ${test.name}  ${ms} ms\n${indent(describe(error))}`);
      }
    }
    await pair.stop();
  }
  return counts;
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : `${error.message}\n${String(error.cause)}`;
}

function indent(text: string): string {
  return text.replace(/^/gm, '        ');
}

try {
  await main();
} catch (error) {
  console.error(describe(error));
  process.exitCode = 1;
}
