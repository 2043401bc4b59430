/**
 * What a broker keeps of one client, whether it is connected or not (MQTT 5 §4.1): subscriptions and what waits for them, exchanges that are not over,
 * the will, and how long all that is kept.
 */
import { MAX_SESSION_QUEUE_BYTES, MAX_SESSION_QUEUE_MESSAGES } from '../limits.ts';
import type { ReceivedWill } from '../packets/codec.ts';
import type { ProtocolVersion } from '../packets/packet-types.ts';
import type { Connection } from './connection.ts';
import type { Timed } from './deadlines.ts';
import { Flow } from './flow.ts';
import type { FlowHost } from './flow.ts';
import { InFlightWindow } from './in-flight.ts';
import type { MessageSource } from './outbound-queue.ts';
import type { Permissions, Principal } from './permissions.ts';
import { OrphanedReceipts } from './receipts.ts';
import type { ReceiptLog } from './receipts.ts';

/** How much may wait for one session. */
export interface SessionQueueLimits {
  /** @default 100_000 */
  readonly maxMessages?: number;
  /** @default 64 MiB */
  readonly maxBytes?: number;
}

/** What a session needs from the core. */
export interface SessionHost extends FlowHost {
  readonly sessionQueue: Required<SessionQueueLimits>;
}

export const DEFAULT_SESSION_QUEUE: Required<SessionQueueLimits> = {
  maxMessages: MAX_SESSION_QUEUE_MESSAGES,
  maxBytes: MAX_SESSION_QUEUE_BYTES,
};

export class Session implements Timed {
  readonly clientId: string;
  /** To whom it belongs; undefined = nobody in particular. */
  readonly identity: string | undefined;
  /** For whom it acts since the last CONNECT, and what is allowed to it; undefined = everything. */
  principal: Principal;
  permissions: Permissions | undefined = undefined;
  /** Of the last connection: what waits is encoded for it. */
  version: ProtocolVersion;
  /** Undefined while the client is not connected. */
  connection: Connection | undefined = undefined;
  /** What we sent with QoS 1 or 2 and is not acknowledged, on all flows. */
  readonly inFlight: InFlightWindow = new InFlightWindow(65_535);
  /** The flow of the control stream and of whatever has no stream of its own any more. */
  readonly control: Flow;
  /** QoS 2 messages received on flows that are gone. */
  readonly orphanedReceipts: OrphanedReceipts;
  /** Writes down what is received with QoS 2. */
  readonly receiptLog: ReceiptLog | undefined;
  /** Flows that it has had. */
  flowCount = 0;
  /** Whether what it holds is in the store, and whether there is a record of the session itself. Kept by Journal. */
  isStored = false;
  hasRecord = false;
  /** The broker ended while the client was connected: its return cancels the will. */
  isInterrupted = false;
  /** Seconds for which it is kept without a connection, Infinity = for ever. */
  expiryInterval = 0;
  subscriptionCount = 0;
  /** Levels of the topic filters of all of them. */
  subscriptionLevels = 0;
  will: ReceivedWill | undefined = undefined;
  /** ms; Infinity while connected. */
  expiresAt: number = Infinity;
  /** ms at which the will is published unless the client returns; Infinity when there is nothing to publish. */
  willAt: number = Infinity;
  /** Of messages that wait on all its flows, those to be sent again included. */
  queuedBytes = 0;
  queuedMessages = 0;
  isOpen = true;
  deadline: number = Infinity;
  heapIndex = -1;

  readonly #limits: Required<SessionQueueLimits>;
  readonly #onTimeout: (session: Session, now: number) => void;

  /** @param connection that begins it; its version and identity are taken over */
  constructor(
    clientId: string,
    connection: Pick<Connection, 'identity' | 'version'>,
    host: SessionHost,
    onTimeout: (session: Session, now: number) => void,
  ) {
    this.clientId = clientId;
    this.identity = connection.identity;
    this.principal = { identity: connection.identity, clientId };
    this.version = connection.version;
    this.#limits = host.sessionQueue;
    this.#onTimeout = onTimeout;
    const { journal } = host;
    if (journal !== undefined) this.inFlight.onTaken = (exchange) => journal.taken(exchange);
    this.receiptLog = journal?.receiptLogOf(this);
    this.orphanedReceipts = new OrphanedReceipts(this.receiptLog);
    this.control = new Flow(this, host);
  }

  /** Whether another message may wait. One subscription may take half of the room, so that it does not starve the others. */
  hasRoomFor(bytes: number, source: MessageSource): boolean {
    const { maxMessages, maxBytes } = this.#limits;
    if (this.queuedMessages >= maxMessages || this.queuedBytes + bytes > maxBytes) return false;
    return source.queuedMessages * 2 < maxMessages && (source.queuedBytes + bytes) * 2 <= maxBytes;
  }

  handleTimeout(now: number): void {
    this.#onTimeout(this, now);
  }
}
