/** Runs the TLS cases: our handshake on a record layer for tests, against openssl, Node's tls, Go's crypto/tls and rustls, in both roles. */
import { nobleProvider } from '@mquictt/tls13';
import { nodeProvider } from '@mquictt/tls13/node';
import { AUTHENTICATION } from './cases/authentication.ts';
import { GO, NODE, OPENSSL, RUSTLS, type TlsCase } from './cases/case.ts';
import { CLIENT_CERTIFICATES } from './cases/client-certificates.ts';
import { EARLY_DATA } from './cases/early-data.ts';
import { GO_ONLY } from './cases/go-only.ts';
import { NEGOTIATION } from './cases/negotiation.ts';
import { OPENSSL_ONLY } from './cases/openssl-only.ts';
import { WITH_RUSTLS } from './cases/with-rustls.ts';
import { RESUMPTION } from './cases/resumption.ts';
import { buildGoPeer, goVersion } from './go-tls.ts';
import { installDeno } from '../install.ts';
import { installOpenssl } from './install-openssl.ts';
import { Meeting, type Role } from './meeting.ts';
import { nodePeer } from './node-tls.ts';
import { opensslPeer } from './openssl.ts';
import type { Peer } from './peer.ts';
import { rustlsPeer } from './rustls.ts';
import { makePki, type Pki } from './pki.ts';

const CASES: readonly TlsCase[] = [
  ...NEGOTIATION,
  ...AUTHENTICATION,
  ...CLIENT_CERTIFICATES,
  ...RESUMPTION,
  ...EARLY_DATA,
  ...OPENSSL_ONLY,
  ...GO_ONLY,
  ...WITH_RUSTLS,
];

export interface Counts {
  passed: number;
  failed: number;
  /** Cases that this machine, or a peer, cannot do. */
  skipped: number;
}

/** One case with one peer and one role of ours. */
interface Run {
  readonly title: string;
  readonly name: string;
  readonly peer: string;
  readonly role: Role;
  readonly test: TlsCase;
}

/**
 * @param words of which the title or the name of a case has to contain one; none means every case
 * @returns undefined where no case has such a name
 */
export async function runTls(words: readonly string[], log: (line: string) => void): Promise<Counts | undefined> {
  const runs = allRuns().filter(
    ({ title, name }) => words.length === 0 || words.some((word) => `${title}: ${name}`.includes(word)),
  );
  if (runs.length === 0) return undefined;

  const counts: Counts = { passed: 0, failed: 0, skipped: 0 };
  const pki = makePki();
  const peers = findPeers(pki, log);
  const hybrid = new Set<string>();
  let title = '';
  for (const run of runs) {
    if (run.title !== title) log(`\n${run.title}`);
    title = run.title;
    const peer = await peers.get(run.peer);
    if (peer === undefined) {
      counts.skipped++;
      log(`  skip  ${run.name}  not possible: no ${run.peer} here`);
      continue;
    }
    const impossible = run.test.impossible?.(peer, run.role);
    if (impossible !== undefined) {
      counts.skipped++;
      log(`  skip  ${run.name}  not possible: ${impossible}`);
      continue;
    }
    const begin = performance.now();
    // Both providers are met: the portable one where the peer is in this process and costs little.
    const provider = run.peer === OPENSSL ? nodeProvider : nobleProvider;
    const meeting = new Meeting(run.role, peer, pki, provider);
    try {
      await run.test.run(meeting);
      counts.passed++;
      if (run.name.includes('X25519MLKEM768')) hybrid.add(run.title.replace('TLS: ', ''));
      log(`  PASS  ${run.name}  ${(performance.now() - begin).toFixed(0)} ms`);
    } catch (error) {
      counts.failed++;
      log(`  FAIL  ${run.name}  ${(performance.now() - begin).toFixed(0)} ms\n${explain(error)}`);
    } finally {
      meeting.close();
    }
  }
  log(`\nX25519MLKEM768 was met by: ${[...hybrid].join('; ') || 'none of these'}`);
  return counts;
}

function allRuns(): Run[] {
  return [OPENSSL, NODE, GO, RUSTLS].flatMap((peer) =>
    (['client', 'server'] as const).flatMap((role) => {
      const title = role === 'client' ? `TLS: our client, ${peer} server` : `TLS: ${peer} client, our server`;
      return CASES.filter(
        ({ roles, peers }) => (roles?.includes(role) ?? true) && (peers ?? [OPENSSL, NODE, GO]).includes(peer),
      ).map((test): Run => ({ title, name: test.name, peer, role, test }));
    }),
  );
}

/** The peers that this machine has, by name. Go's takes its time. */
function findPeers(pki: Pki, log: (line: string) => void): Map<string, Peer | Promise<Peer | undefined>> {
  const openssl = installOpenssl(log);
  const go = goVersion();
  const deno = installDeno(log);
  const versions = [
    openssl ?? 'no openssl',
    `Node.js tls on OpenSSL ${process.versions.openssl}`,
    go ?? 'no Go',
    `rustls as in Deno ${deno.version}`,
  ];
  log(`TLS peers: ${versions.join('; ')}`);
  const peers = new Map<string, Peer | Promise<Peer | undefined>>([
    [NODE, nodePeer],
    [RUSTLS, rustlsPeer(deno)],
  ]);
  if (openssl !== undefined) peers.set(OPENSSL, opensslPeer(openssl, pki.folder));
  if (go !== undefined) {
    const built = buildGoPeer(pki.folder).catch((error: unknown) => log(`no peer of Go's:\n${explain(error)}`));
    peers.set(
      GO,
      built.then((peer) => peer ?? undefined),
    );
  }
  return peers;
}

/** The message with its causes, which hold what a program printed. */
function explain(error: unknown): string {
  const lines: string[] = [];
  for (let each: unknown = error; each !== undefined; each = each instanceof Error ? each.cause : undefined)
    lines.push(each instanceof Error ? (each.stack ?? each.message) : String(each));
  return lines.join('\n').replace(/^/gm, '        ');
}
