/**
 * One client and the connection it lives on. A session ends with its connection (session expiry is announced as 0), so that both are one object.
 */
import type { ReceivedWill } from '../packets/codec.ts';
import type { ProtocolVersion } from '../packets/packet-types.ts';
import type { Timed } from './deadlines.ts';
import type { Flow } from './flow.ts';
import { InFlightWindow } from './in-flight.ts';
import { PartialPackets } from './partial-packets.ts';

export type SessionState = 'new' | 'connected' | 'closed';

export class Session implements Timed {
  /** Address and port of the client, for logs. */
  readonly remote: string;
  /** What the judge of its certificate called the client; undefined where nobody was asked. */
  readonly peerIdentity: string | undefined;
  state: SessionState = 'new';
  clientId = '';
  version: ProtocolVersion = 5;
  /** The flow on which CONNECT comes; set by BrokerCore.openFlow(). */
  control: Flow | undefined = undefined;
  /** All flows that are not closed, the control flow included. */
  readonly flows: Set<Flow> = new Set();
  /** What we sent with QoS 1 and what was not acknowledged. */
  readonly inFlight: InFlightWindow = new InFlightWindow(65_535);
  /** Packets that have come in part, on all flows. */
  readonly partialPackets: PartialPackets<Flow> = new PartialPackets();
  /** Bytes; larger packets are not sent. */
  maximumPacketSize: number = Infinity;
  /** Seconds, as CONNECT asked. */
  sessionExpiryInterval = 0;
  /** ms within which the client must send something, 1.5 times its keep-alive; 0 = never. [MQTT-3.1.2-22] */
  patience = 0;
  lastReceived: number;
  subscriptionCount = 0;
  /** Levels of the topic filters of all of them. */
  subscriptionLevels = 0;
  /** Data flows that ended with an error. */
  protocolErrorCount = 0;
  will: ReceivedWill | undefined = undefined;
  /** Set when the connection shall be closed, after everything on the control flow has been written. */
  closeCode = -1;
  closeReason = '';
  /** Named by the core and not yet looked at. Kept by BrokerCore. */
  isReady = false;
  /** For the driver to hang its own object on. */
  context: unknown = undefined;
  deadline: number = Infinity;
  heapIndex = -1;

  readonly #onTimeout: (session: Session, now: number) => void;

  constructor(
    remote: string,
    peerIdentity: string | undefined,
    now: number,
    onTimeout: (session: Session, now: number) => void,
  ) {
    this.remote = remote;
    this.peerIdentity = peerIdentity;
    this.lastReceived = now;
    this.#onTimeout = onTimeout;
  }

  handleTimeout(now: number): void {
    this.#onTimeout(this, now);
  }
}
