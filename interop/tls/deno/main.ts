/**
 * rustls as a peer, by way of Deno: a client of one connection, or a server of one connection after another. Its argument is a `Config` as JSON; see
 * line-peer.ts for what it tells and hears.
 */
import type { Config } from '../rustls.ts';

const config = JSON.parse(Deno.args[0] ?? '') as Config;
const encoder = new TextEncoder();

function tell(event: object): void {
  console.log(JSON.stringify(event));
}

let connection: Deno.TlsConn | undefined;

/** Runs one connection to its end. */
async function serve(opened: Deno.TlsConn): Promise<void> {
  const decoder = new TextDecoder();
  try {
    const { alpnProtocol } = await opened.handshake();
    connection = opened;
    tell({ event: 'established', alpn: alpnProtocol ?? '' });
    const buffer = new Uint8Array(4096);
    for (;;) {
      const count = await opened.read(buffer);
      if (count === null) break;
      tell({ event: 'data', text: decoder.decode(buffer.subarray(0, count)) });
    }
  } catch (error) {
    tell({ event: 'failed', message: String(error) });
  }
  connection = undefined;
  opened.close();
}

async function forwardInput(): Promise<void> {
  for await (const chunk of Deno.stdin.readable.pipeThrough(new TextDecoderStream()))
    await connection?.write(encoder.encode(chunk));
  Deno.exit(0);
}

void forwardInput();
const { alpnProtocols, server, client } = config;
if (client !== undefined) {
  const tcp = await Deno.connect({ hostname: '127.0.0.1', port: client.port });
  try {
    await serve(await Deno.startTls(tcp, { hostname: client.serverName, caCerts: [client.caPem], alpnProtocols }));
  } catch (error) {
    tell({ event: 'failed', message: String(error) });
  }
} else if (server !== undefined) {
  const { certificatePem: cert, keyPem: key } = server;
  const listener = Deno.listenTls({ hostname: '127.0.0.1', port: 0, cert, key, alpnProtocols });
  tell({ event: 'listening', port: listener.addr.port });
  for (;;) {
    await serve(await listener.accept());
    tell({ event: 'ended' });
  }
}
