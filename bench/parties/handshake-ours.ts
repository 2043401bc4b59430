/** Handshakes of ours: both ends, as commands. */
import { connect, listen } from '@mquictt/quic-node';
import { NamedGroup, RootStore } from '@mquictt/tls13';
import { runCommands } from '../../tools/command-loop.ts';
import { repeat, type Handshakes } from './handshake.ts';

const ALPN = 'bench';

let handshake: () => Promise<void>;

runCommands({
  async listen(certificate: { certificatePem: string; keyPem: string }): Promise<number> {
    const listener = await listen({ host: '127.0.0.1', port: 0, alpnProtocols: [ALPN], certificate });
    void (async () => {
      // Accepted and left alone: the client closes.
      for await (const connection of listener) void connection;
    })();
    return listener.address.port;
  },

  connect({ port, caPem }: { port: number; caPem: string }): void {
    const roots = RootStore.fromPem(caPem);
    handshake = async () => {
      const connection = await connect({
        host: '127.0.0.1',
        port,
        serverName: 'localhost',
        alpnProtocols: [ALPN],
        roots,
        // As node:tls on Node.js 20 has to; what the default, X25519MLKEM768, costs is in tls-full-hybrid.
        groups: [NamedGroup.X25519],
      });
      void connection.close({ immediate: true });
    };
  },

  run: ({ ms }: { ms: number }): Promise<Handshakes> => repeat(handshake, ms),
});
