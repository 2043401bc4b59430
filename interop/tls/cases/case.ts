/** What a case is. */
import type { NamedGroup } from '@mquictt/tls13';
import type { Meeting, Pair, Role } from '../meeting.ts';
import type { Peer } from '../peer.ts';
import type { KeyType } from '../pki.ts';

export interface TlsCase {
  readonly name: string;
  /** Roles of ours. @default both */
  readonly roles?: readonly Role[];
  /** Only for the peers of these names. @default all but rustls, of which Deno shows little */
  readonly peers?: readonly string[];
  /** @returns why this peer cannot do it, undefined where it can */
  impossible?(peer: Peer, role: Role): string | undefined;
  run(meeting: Meeting): Promise<void>;
}

export const OPENSSL = 'openssl';
export const NODE = 'node:tls';
export const GO = 'Go crypto/tls';
export const RUSTLS = 'rustls';

/** For `impossible` of cases that need a group. */
export function lacksGroup(peer: Peer, group: NamedGroup): string | undefined {
  return peer.groups.includes(group) ? undefined : `this ${peer.name} does not have the group`;
}

/** For `impossible` of cases that need a key of a type. */
export function lacksKeyType(peer: Peer, keyType: KeyType): string | undefined {
  const lacks = keyType === 'rsa-pss' && (peer.name === GO || peer.name === RUSTLS);
  return lacks ? `${peer.name} has no such keys` : undefined;
}

/** Both ends' messages of a connection that has to fail. */
export async function failure({ end, peer }: Pair): Promise<{ ours: string; theirs: string }> {
  await end.ended();
  end.close();
  return { ours: end.alert, theirs: await peer.failed() };
}
