/** A broker and clients over real UDP, closed at the end of the test whatever happens. */
import { createDevelopmentCertificates } from '@mquictt/tls13/development-certificates';
import type { DevelopmentCertificates } from '@mquictt/tls13/development-certificates';
import { Client, Config, server } from '../../src/index.ts';
import type { Broker, BrokerOptions, ClientOptions } from '../../src/index.ts';

let certificates: Promise<DevelopmentCertificates> | undefined;

/** The same for all tests of a file. */
export function developmentCertificates(): Promise<DevelopmentCertificates> {
  certificates ??= createDevelopmentCertificates();
  return certificates;
}

export interface World {
  readonly broker: Broker;
  readonly config: Config;
  connect(clientId?: string, options?: ClientOptions): Promise<Client>;
}

/** Runs a test with a broker. */
export async function withBroker(run: (world: World) => Promise<void>, options: BrokerOptions = {}): Promise<void> {
  const pem = await developmentCertificates();
  const broker = await server('127.0.0.1:0', Config.fromPem(pem), options);
  const config = Config.fromPem({ caPem: pem.caPem });
  const clients: Client[] = [];
  try {
    await run({
      broker,
      config,
      async connect(clientId = '', clientOptions = {}) {
        const client = await Client.connect(
          '127.0.0.1:0',
          broker.address(),
          'localhost',
          clientId,
          config,
          clientOptions,
        );
        clients.push(client);
        return client;
      },
    });
  } finally {
    await Promise.all(clients.map((client) => client.close({ deadline: 500 })));
    await broker.close();
  }
}

/** What a promise rejects with. */
export async function rejection(promise: Promise<unknown>): Promise<Error & { code?: string; reasonCode?: number }> {
  try {
    await promise;
  } catch (error) {
    return error as Error;
  }
  throw new Error('Expected a rejection');
}

/** Waits until something is true, for what no promise tells. */
export async function until(condition: () => boolean, ms = 10_000): Promise<void> {
  const deadline = performance.now() + ms;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`Not true within ${ms} ms: ${condition.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
