/** A broker in a process of its own, to be killed. As a program: kind and location of its store (see places.ts), port; certificates in the environment. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Config, server } from '../../src/index.ts';
import { openStore } from '../stores/places.ts';
import type { PlaceKind } from '../stores/places.ts';
import { developmentCertificates } from './loopback.ts';

export class StoredBrokerProcess {
  readonly port: number;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, port: number) {
    this.#child = child;
    this.port = port;
  }

  /** @param port 0 for any free one */
  static async start(kind: PlaceKind, location: string, port = 0): Promise<StoredBrokerProcess> {
    const { certificatePem, keyPem } = await developmentCertificates();
    const script = fileURLToPath(import.meta.url);
    const child = spawn(process.execPath, [...process.execArgv, script, kind, location, String(port)], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, BROKER_CERTIFICATE: certificatePem, BROKER_KEY: keyPem },
    });
    const onExit = (): unknown => child.kill('SIGKILL');
    process.once('exit', onExit);
    child.once('exit', () => process.removeListener('exit', onExit));
    const bound = await new Promise<number>((resolve, reject) => {
      child.stdout.once('data', (chunk: Buffer) => resolve(Number(chunk.toString())));
      child.once('exit', (code) => reject(new Error(`The broker ended with ${code}`)));
    });
    return new StoredBrokerProcess(child, bound);
  }

  /** kill -9, or SIGTERM for an end in good order. */
  async kill(signal: 'SIGKILL' | 'SIGTERM' = 'SIGKILL'): Promise<void> {
    const exit = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.kill(signal);
    await exit;
  }
}

if (process.argv[1]?.endsWith('stored-broker-process.ts') === true) {
  const [kind, location, port] = process.argv.slice(2) as [PlaceKind, string, string];
  const { BROKER_CERTIFICATE: certificatePem = '', BROKER_KEY: keyPem = '' } = process.env;
  const broker = await server(`127.0.0.1:${port}`, Config.fromPem({ certificatePem, keyPem }), {
    store: await openStore(kind, location),
  });
  process.once('SIGTERM', () => void broker.close());
  process.stdout.write(`${broker.address().port}\n`);
}
