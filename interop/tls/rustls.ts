/** rustls, as Deno's sockets have it (deno/main.ts). */
import { readFileSync } from 'node:fs';
import { NamedGroup } from '@mquictt/tls13';
import { denoArgs, type Deno } from '../install.ts';
import { RUSTLS } from './cases/case.ts';
import { LineConnection, LineServer } from './line-peer.ts';
import type { Peer, PeerOptions } from './peer.ts';
import { SERVER_NAME } from './pki.ts';
import { Program } from './program.ts';

/** What the program gets as its argument. */
export interface Config {
  readonly alpnProtocols: readonly string[];
  readonly client?: { readonly port: number; readonly serverName: string; readonly caPem: string };
  readonly server?: { readonly certificatePem: string; readonly keyPem: string };
}

export function rustlsPeer(deno: Deno): Peer {
  const start = (config: Config): Program => {
    const args = [...denoArgs(new URL('deno/main.ts', import.meta.url)), JSON.stringify(config)];
    return new Program(deno.path, args, { env: deno.env });
  };
  return {
    name: RUSTLS,
    groups: Object.values(NamedGroup),
    connect: (port, options) => {
      const { alpn: alpnProtocols = [], caFile, serverName = SERVER_NAME } = options;
      const client = { port, serverName, caPem: readFileSync(caFile, 'utf8') };
      return Promise.resolve(new LineConnection(start({ alpnProtocols, client }), 0));
    },
    listen: ({ alpn: alpnProtocols = [], identity }: PeerOptions) => {
      if (identity === undefined) throw new Error('A server needs an identity');
      const server = { certificatePem: identity.certificatePem + identity.chainPem, keyPem: identity.keyPem };
      return LineServer.start(start({ alpnProtocols, server }));
    },
  };
}
