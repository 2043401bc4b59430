/** One stream of ours: both ends, as commands. */
import { performance } from 'node:perf_hooks';
import { connect, listen, type QuicConnection, type QuicStream } from '@mquictt/quic-node';
import { RootStore } from '@mquictt/tls13';
import { runCommands } from '../../tools/command-loop.ts';
import type { Taken } from './stream.ts';

const ALPN = 'bench';
const CHUNK = 256 * 1024;

let connection: QuicConnection;
let accept: () => Promise<QuicStream>;
let taken: Promise<Taken> | undefined;

async function drain(stream: QuicStream): Promise<Taken> {
  let bytes = 0;
  let first = 0;
  for await (const chunk of stream) {
    if (bytes === 0) first = performance.now();
    bytes += chunk.length;
  }
  return { bytes, ms: performance.now() - first };
}

runCommands({
  async listen(options: { certificatePem: string; keyPem: string; datagramSize: number }): Promise<number> {
    const { datagramSize, ...certificate } = options;
    const listener = await listen({
      host: '127.0.0.1',
      port: 0,
      alpnProtocols: [ALPN],
      certificate,
      transport: { maxDatagramSize: datagramSize },
    });
    const accepted = listener.accept();
    accept = async () => {
      const stream = await (await accepted)?.acceptStream();
      if (stream === undefined) throw new Error('The connection ended');
      return stream;
    };
    return listener.address.port;
  },

  async connect({ port, caPem, datagramSize }: { port: number; caPem: string; datagramSize: number }): Promise<void> {
    connection = await connect({
      host: '127.0.0.1',
      port,
      serverName: 'localhost',
      alpnProtocols: [ALPN],
      roots: RootStore.fromPem(caPem),
      transport: { maxDatagramSize: datagramSize, keepAliveInterval: 5_000 },
    });
  },

  /** Sends for a while on a new stream. @returns bytes sent */
  async run({ ms }: { ms: number }): Promise<number> {
    const stream = await connection.openStream({ bidirectional: false });
    const chunk = new Uint8Array(CHUNK);
    let sent = 0;
    for (const end = performance.now() + ms; performance.now() < end;) {
      await stream.write(chunk);
      sent += CHUNK;
    }
    await stream.end();
    return sent;
  },

  /** The receiver gets ready for the next run. */
  begin(): void {
    taken = accept().then(drain);
  },

  /** What arrived since `begin`, once the stream has ended. */
  taken: () => taken,
});
