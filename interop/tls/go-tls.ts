/** Go's crypto/tls, in a program of our own (go/main.go), where this machine has Go. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { NamedGroup } from '@mquictt/tls13';
import { GO } from './cases/case.ts';
import { LineConnection, LineServer } from './line-peer.ts';
import { EXPORTER_LABEL, EXPORTER_LENGTH } from './peer.ts';
import type { Peer, PeerOptions } from './peer.ts';
import { SERVER_NAME } from './pki.ts';
import { Program } from './program.ts';

/** ms that a build may take where nothing of Go's library has been built before. */
const BUILD_TIMEOUT = 180_000;
const SOURCE = fileURLToPath(new URL('go', import.meta.url));

/** @returns what `go version` says, undefined where there is no Go */
export function goVersion(): string | undefined {
  const { status, stdout } = spawnSync('go', ['version'], { encoding: 'utf8', timeout: 10_000 });
  return status === 0 ? stdout.trim() : undefined;
}

/**
 * Builds the program, which takes half a minute where nothing of Go's library has been built before: start it early.
 *
 * @param folder for the program and for sessions
 * @throws Error where it cannot be built, as with a Go that is too old
 */
export async function buildGoPeer(folder: string): Promise<Peer> {
  const path = join(folder, 'go-peer');
  // With what is here, and nothing from the network.
  const env = { ...process.env, GOTOOLCHAIN: 'local', GOPROXY: 'off', GOWORK: 'off', GOFLAGS: '-buildvcs=false' };
  const build = new Program('go', ['build', '-o', path, '.'], { cwd: SOURCE, env });
  const ending = await build.ended(BUILD_TIMEOUT);
  if (ending !== 'ended with exit code 0') throw new Error(`go build ${ending}`, { cause: build.output });
  return goPeer(path, folder);
}

function goPeer(path: string, folder: string): Peer {
  return {
    name: GO,
    groups: Object.values(NamedGroup),
    connect: (port, options) => {
      const sessionFile = join(folder, `go-session-${sessionFiles++}`);
      const { session } = options;
      const program = new Program(path, [
        `-port=${port}`,
        `-server-name=${options.serverName ?? SERVER_NAME}`,
        `-session-out=${sessionFile}`,
        ...(session === undefined ? [] : [`-session-in=${session as string}`]),
        ...commonArgs(options),
      ]);
      return Promise.resolve(new LineConnection(program, 0, sessionFile));
    },
    listen: (options) => LineServer.start(new Program(path, commonArgs(options))),
  };
}

let sessionFiles = 0;

function commonArgs({ groups, alpn, identity, caFile, clientCertificates }: PeerOptions): string[] {
  return [
    `-ca=${caFile}`,
    `-exporter-label=${EXPORTER_LABEL}`,
    `-exporter-length=${EXPORTER_LENGTH}`,
    ...(groups === undefined ? [] : [`-groups=${groups.join(',')}`]),
    ...(alpn === undefined ? [] : [`-alpn=${alpn.join(',')}`]),
    ...(identity === undefined ? [] : [`-cert=${identity.certificateFile}`, `-key=${identity.keyFile}`]),
    ...(clientCertificates === undefined ? [] : [`-client-auth=${clientCertificates}`]),
  ];
}
