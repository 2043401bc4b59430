/**
 * One stream of quinn, through Deno's QUIC interface: both ends, as commands. Runs in Deno.
 *
 * Deno takes no datagram size: quinn starts at 1,200 bytes and finds 1,452 by itself.
 */
import { performance } from 'node:perf_hooks';
import { runCommands } from '../../tools/command-loop.ts';
import type { Taken } from './stream.ts';

const ALPN = 'bench';
/** Bytes per write: enough that the way through Deno's streams costs little. */
const CHUNK = 256 * 1024;

let connection: Deno.QuicConn;
let taken: Promise<Taken> | undefined;
let accept: () => Promise<ReadableStream<Uint8Array>>;

async function drain(stream: ReadableStream<Uint8Array>): Promise<Taken> {
  let bytes = 0;
  let first = 0;
  for await (const chunk of stream) {
    if (bytes === 0) first = performance.now();
    bytes += chunk.length;
  }
  return { bytes, ms: performance.now() - first };
}

runCommands({
  listen({ certificatePem, keyPem }: { certificatePem: string; keyPem: string }): number {
    const endpoint = new Deno.QuicEndpoint({ hostname: '127.0.0.1', port: 0 });
    const listener = endpoint.listen({ cert: certificatePem, key: keyPem, alpnProtocols: [ALPN] });
    const streams = listener.accept().then((accepted) => accepted.incomingUnidirectionalStreams.getReader());
    accept = async () => {
      const { value } = await (await streams).read();
      if (value === undefined) throw new Error('The connection ended');
      return value;
    };
    return endpoint.addr.port;
  },

  async connect({ port, caPem }: { port: number; caPem: string }): Promise<void> {
    connection = await Deno.connectQuic({
      hostname: '127.0.0.1',
      port,
      serverName: 'localhost',
      alpnProtocols: [ALPN],
      caCerts: [caPem],
      endpoint: new Deno.QuicEndpoint({ hostname: '127.0.0.1', port: 0 }),
      keepAliveInterval: 5_000,
    });
  },

  /** Sends for a while on a new stream. @returns bytes sent */
  async run({ ms }: { ms: number }): Promise<number> {
    const writer = (await connection.createUnidirectionalStream()).getWriter();
    const chunk = new Uint8Array(CHUNK);
    let sent = 0;
    for (const end = performance.now() + ms; performance.now() < end;) {
      await writer.write(chunk);
      sent += CHUNK;
    }
    await writer.close();
    return sent;
  },

  /** The receiver gets ready for the next run. */
  begin(): void {
    taken = accept().then(drain);
  },

  /** What arrived since `begin`, once the stream has ended. */
  taken: () => taken,
});
