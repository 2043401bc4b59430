/** Where a client keeps its sessions until it dials again. */
import { MAX_CLIENT_SESSION_SIZE, MAX_SESSIONS_PER_NAME, MAX_SESSION_NAMES } from '../limits.ts';
import type { ClientSession } from './client-session.ts';
import { clientSessionSize } from './client-session-codec.ts';
import { isCurrent } from './session-fields.ts';

export interface SessionCacheOptions {
  /** Pairs of server name and scope that sessions are kept for; the longest unused goes first. @default 100 */
  readonly maxNames?: number;
}

/**
 * Keeps up to four sessions for each server in memory and gives each out once, the newest first: a ticket that is shown twice links the connections for
 * whoever watches the network (RFC 8446 §C.4).
 *
 * Share it only between connections that are alike to the application. A resumed connection has the peer that the full handshake judged, and
 * presents no client certificate again: other roots, another client certificate or another hook that judges peers need another scope or another cache.
 */
export class SessionCache {
  readonly #maxNames: number;
  /** By scope and name, the longest unused first; the oldest session of each first. No list is empty. */
  readonly #sessions: Map<string, ClientSession[]> = new Map();

  /** @throws RangeError where maxNames is no positive integer */
  constructor({ maxNames = MAX_SESSION_NAMES }: SessionCacheOptions = {}) {
    if (!Number.isSafeInteger(maxNames) || maxNames < 1)
      throw new RangeError(`"maxNames" expected a positive integer, got ${maxNames}`);
    this.#maxNames = maxNames;
  }

  /** How many sessions are kept, expired ones included. */
  get size(): number {
    let size = 0;
    for (const sessions of this.#sessions.values()) size += sessions.length;
    return size;
  }

  /**
   * Keeps a session. One that would take more than 32,768 bytes is dropped.
   *
   * @param scope whatever tells servers of one name apart, such as port and ALPN name: `take` finds only what was put with the same
   */
  put(session: ClientSession, scope: string): void {
    if (clientSessionSize(session) > MAX_CLIENT_SESSION_SIZE) return;
    const key = keyOf(session.serverName, scope);
    const sessions = this.#sessions.get(key) ?? [];
    sessions.push(session);
    if (sessions.length > MAX_SESSIONS_PER_NAME) sessions.shift();
    this.#touch(key, sessions);
    if (this.#sessions.size > this.#maxNames)
      for (const longestUnused of this.#sessions.keys()) {
        this.#sessions.delete(longestUnused);
        break;
      }
  }

  /**
   * Takes the newest session out that has not expired.
   *
   * @param serverName as it is dialled; case does not count
   * @param unixTime wall clock, ms since 1970
   */
  take(serverName: string, scope: string, unixTime: number): ClientSession | undefined {
    const key = keyOf(serverName, scope);
    const usable = this.#sessions.get(key)?.filter(({ expiresAt }) => isCurrent(expiresAt, unixTime));
    const session = usable?.pop();
    if (usable !== undefined) this.#touch(key, usable);
    return session;
  }

  #touch(key: string, sessions: ClientSession[]): void {
    this.#sessions.delete(key);
    if (sessions.length > 0) this.#sessions.set(key, sessions);
  }
}

function keyOf(serverName: string, scope: string): string {
  return JSON.stringify([serverName.toLowerCase(), scope]);
}
