/** Listeners and connections over real UDP on loopback, with committed certificates. */
import { TEST_SERVER_NAME, testCertificatePem, testRoots } from '@mquictt/testkit';
import {
  connect,
  listen,
  type ConnectOptions,
  type ListenOptions,
  type QuicConnection,
  type QuicListener,
} from '../../src/index.ts';

export const ALPN: readonly string[] = ['test'];

export function listenLocally(options: Partial<ListenOptions> = {}): Promise<QuicListener> {
  return listen({
    host: '127.0.0.1',
    port: 0,
    alpnProtocols: ALPN,
    certificate: testCertificatePem('ecdsa-p256'),
    ...options,
  });
}

export function connectTo(listener: QuicListener, options: Partial<ConnectOptions> = {}): Promise<QuicConnection> {
  return connect({
    ...listener.address,
    serverName: TEST_SERVER_NAME,
    alpnProtocols: ALPN,
    roots: testRoots(),
    timeout: 5_000,
    ...options,
  });
}

export interface LocalPair {
  readonly listener: QuicListener;
  readonly client: QuicConnection;
  readonly server: QuicConnection;
  close(): Promise<void>;
}

/** A client and a server connection, both at hand. */
export async function openPair(
  options: { listen?: Partial<ListenOptions>; connect?: Partial<ConnectOptions> } = {},
): Promise<LocalPair> {
  const listener = await listenLocally(options.listen);
  const [client, server] = await Promise.all([connectTo(listener, options.connect), listener.accept()]);
  return {
    listener,
    client,
    server: server!,
    close: async () => {
      await client.close();
      await listener.close();
    },
  };
}

/** Everything up to the end of a stream. */
export async function readAll(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return Buffer.concat(all);
}

/** What a promise is rejected with. */
export async function errorOf(promise: Promise<unknown>): Promise<Error & { code?: string; errorCode?: number }> {
  try {
    await promise;
  } catch (error) {
    return error as Error;
  }
  throw new Error('It was not rejected');
}
