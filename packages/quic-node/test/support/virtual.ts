/** Listeners and connections in virtual time, over paths as bad as wanted. */
import { portableProtector } from '@mquictt/quic-core';
import { nobleProvider } from '@mquictt/tls13';
import {
  settle,
  SimNetwork,
  simRuntime,
  Simulation,
  TEST_SERVER_NAME,
  testCertificatePem,
  testRoots,
  type Stage,
} from '@mquictt/testkit';
import {
  connect,
  listen,
  type ConnectOptions,
  type ListenOptions,
  type QuicConnection,
  type QuicListener,
} from '../../src/index.ts';
import { ALPN } from './loopback.ts';

export const SERVER = '192.0.2.2';
export const CLIENT = '192.0.2.1';
export const PORT = 4433;

const COMMON = { alpnProtocols: ALPN, provider: nobleProvider, protector: portableProtector };

export interface VirtualPair {
  readonly simulation: Simulation;
  readonly network: SimNetwork;
  readonly listener: QuicListener;
  readonly client: QuicConnection;
  readonly server: QuicConnection;
  /** Lets virtual time pass until the promise settles. */
  settle<T>(promise: Promise<T>): Promise<T>;
}

export interface VirtualOptions {
  readonly seed?: number;
  /** The stages of one direction. @default 1 ms of delay */
  readonly link?: () => Stage[];
  readonly listen?: Partial<ListenOptions>;
  readonly connect?: Partial<ConnectOptions>;
}

export async function openVirtualPair(options: VirtualOptions = {}): Promise<VirtualPair> {
  const simulation = new Simulation({ seed: options.seed ?? 1 });
  const { link } = options;
  const network = new SimNetwork({ simulation, ...(link === undefined ? {} : { link: () => link() }) });
  const listener = await settle(
    simulation,
    listen({
      ...COMMON,
      runtime: simRuntime(network, SERVER),
      host: SERVER,
      port: PORT,
      certificate: testCertificatePem('ecdsa-p256'),
      ...options.listen,
    }),
  );
  const [client, server] = await settle(
    simulation,
    Promise.all([connect({ ...connectOptions(network), ...options.connect }), listener.accept()]),
  );
  return { simulation, network, listener, client, server: server!, settle: (promise) => settle(simulation, promise) };
}

/** One more client of the same server. */
export function openAnother(simulation: Simulation, network: SimNetwork): Promise<QuicConnection> {
  return settle(simulation, connect(connectOptions(network)));
}

function connectOptions(network: SimNetwork): ConnectOptions {
  return {
    ...COMMON,
    runtime: simRuntime(network, CLIENT),
    host: SERVER,
    port: PORT,
    serverName: TEST_SERVER_NAME,
    roots: testRoots(),
    timeout: 60_000,
  };
}
