/** What a case is. */
import type { Meeting, Pair, Role } from '../meeting.ts';

export interface TlsCase {
  readonly name: string;
  /** Roles of ours. @default both */
  readonly roles?: readonly Role[];
  /** Only for the peers of these names. @default openssl and Node */
  readonly peers?: readonly string[];
  run(meeting: Meeting): Promise<void>;
}

export const OPENSSL = 'openssl';
export const NODE = 'node:tls';
export const GO = 'Go crypto/tls';

/** Both ends' messages of a connection that has to fail. */
export async function failure({ end, peer }: Pair): Promise<{ ours: string; theirs: string }> {
  await end.ended();
  end.close();
  return { ours: end.alert, theirs: await peer.failed() };
}
