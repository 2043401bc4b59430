/** Handshakes of node:tls over TCP, laid out like ours: both ends, as commands. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect, createSecureContext, createServer, type TLSSocket } from 'node:tls';
import { runCommands } from '../../tools/command-loop.ts';
import { repeat, type Handshakes } from './handshake.ts';

/** The cheapest full handshake that both sides speak; ours agrees on the same group. */
const SETTINGS = {
  minVersion: 'TLSv1.3',
  ciphers: 'TLS_AES_128_GCM_SHA256',
  ecdhCurve: 'X25519',
  ALPNProtocols: ['bench'],
} as const;

let handshake: () => Promise<void>;

runCommands({
  async listen({ certificatePem, keyPem }: { certificatePem: string; keyPem: string }): Promise<number> {
    const server = createServer({
      ...SETTINGS,
      ALPNProtocols: [...SETTINGS.ALPNProtocols],
      cert: certificatePem,
      key: keyPem,
    });
    // The client goes away without a word.
    server.on('secureConnection', (socket) => socket.on('error', () => {}).resume());
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  },

  connect({ port, caPem }: { port: number; caPem: string }): void {
    // Parsed once, as our roots are; without a session every handshake is a full one.
    const secureContext = createSecureContext({ ca: caPem, ...SETTINGS });
    handshake = async () => {
      const socket: TLSSocket = connect({
        host: '127.0.0.1',
        port,
        servername: 'localhost',
        secureContext,
        ...SETTINGS,
        ALPNProtocols: [...SETTINGS.ALPNProtocols],
      });
      await once(socket, 'secureConnect');
      if (!socket.authorized || socket.isSessionReused()) throw new Error('This was no full handshake');
      socket.destroy();
    };
  },

  run: ({ ms }: { ms: number }): Promise<Handshakes> => repeat(handshake, ms),
});
