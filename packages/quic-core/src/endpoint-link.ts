/** The endpoint's side of a connection. */
import type { ConnectionHost } from './connection-context.ts';
import type { ConnectionId } from './connection-id.ts';
import type { QuicCoreConnection } from './connection.ts';
import type { EndpointEvent } from './contract.ts';
import type { Routes } from './routes.ts';
import type { Timed } from './timer-heap.ts';

/** What a link passes on to its endpoint. */
export interface LinkOwner {
  readonly routes: Routes<EndpointLink>;
  wake(link: EndpointLink): void;
  onEvents(link: EndpointLink): void;
  onInternalError(error: unknown): void;
}

/**
 * A connection as the endpoint holds it: its places in the lists, and the narrow interface through which it asks. It is its own event, as at most one is
 * pending.
 */
export class EndpointLink implements ConnectionHost, Timed, EndpointEvent {
  readonly type = 'connection' as const;
  readonly #endpoint: LinkOwner;
  /** Set right after construction; the two need each other. */
  connection!: QuicCoreConnection;
  deadline: number = Infinity;
  heapIndex: number = -1;
  isReady: boolean = false;
  isDirty: boolean = false;
  isHalfOpen: boolean = false;
  /** Among the endpoint's connections. Before and after that nothing it asks for is heard: nobody has been told of it. */
  isListed: boolean = false;
  hasEventQueued: boolean = false;
  /** The destination that the client chose first. Routed as long as the connection lives, so that its first datagram, repeated, opens no second one. */
  originalId: ConnectionId | undefined = undefined;

  constructor(endpoint: LinkOwner) {
    this.#endpoint = endpoint;
  }

  issueConnectionId(): ConnectionId {
    return this.#endpoint.routes.issue(this);
  }

  retireConnectionId(id: ConnectionId): void {
    this.#endpoint.routes.retire(id);
  }

  statelessResetToken(id: ConnectionId): Uint8Array {
    return this.#endpoint.routes.statelessResetToken(id.bytes);
  }

  addResetToken(token: Uint8Array): void {
    this.#endpoint.routes.addResetToken(token, this);
  }

  removeResetToken(token: Uint8Array): void {
    this.#endpoint.routes.removeResetToken(token);
  }

  wake(): void {
    this.#endpoint.wake(this);
  }

  onEvents(): void {
    this.#endpoint.onEvents(this);
  }

  onInternalError(error: unknown): void {
    this.#endpoint.onInternalError(error);
  }
}
