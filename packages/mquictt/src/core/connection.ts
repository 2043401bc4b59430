/** One network connection of a client, for as long as it lives: a QUIC connection with its streams. What outlives it is its Session. */
import type { PeerLimits } from '../packets/codec.ts';
import type { ProtocolVersion } from '../packets/packet-types.ts';
import type { Channel } from './channel.ts';
import type { ConnectRequest } from './connect-request.ts';
import type { Timed } from './deadlines.ts';
import { PartialPackets } from './partial-packets.ts';
import type { Session } from './session.ts';
import type { Throttle } from './throttle.ts';

/** Before CONNECT was accepted, after, and once it is to be closed. */
export type ConnectionState = 'new' | 'connected' | 'closed';

export class Connection implements Timed, PeerLimits {
  /** Address and port of the client, for logs. */
  readonly remote: string;
  /** What the judge of its certificate called the client; undefined where nobody was asked. */
  readonly peerIdentity: string | undefined;
  /** To whom its session belongs: that, unless authentication says otherwise. */
  identity: string | undefined;
  state: ConnectionState = 'new';
  version: ProtocolVersion = 5;
  /** For logs; empty before CONNECT was accepted. */
  clientId = '';
  /** Its CONNECT, while that waits for an answer. */
  waitingConnect: ConnectRequest | undefined = undefined;
  /** Counted by AddressLimits until the connection is gone. */
  isCounted = false;
  /** Only while the state is 'connected'. */
  session: Session | undefined = undefined;
  /** The channel on which CONNECT comes; set by BrokerCore.openChannel(). */
  control: Channel | undefined = undefined;
  /** All channels that are not closed, the control channel included. */
  readonly channels: Set<Channel> = new Set();
  /** Packets that have come in part, on all channels. */
  readonly partialPackets: PartialPackets<Channel> = new PartialPackets();
  /** Bytes; larger packets are not sent. [MQTT-3.1.2-24] */
  maximumPacketSize: number = Infinity;
  /** Topic aliases that we may use on each channel, 0 = none. [MQTT-3.1.2-26], [MQTT-3.1.2-27] */
  topicAliasMaximum = 0;
  /** Whether the client wants diagnostics in other packets than CONNACK and DISCONNECT. [MQTT-3.1.2-29] */
  requestProblemInformation = true;
  /** Seconds, as granted to CONNECT; Infinity = for ever. */
  sessionExpiryInterval = 0;
  /** ms within which the client must send something, 1.5 times its keep-alive; 0 = never. [MQTT-3.1.2-22] */
  patience = 0;
  lastReceived: number;
  /** Data channels that ended with an error. */
  protocolErrorCount = 0;
  /** Nothing is read while CONNECT waits for an answer, or the client is over its rate. */
  isPaused = false;
  /** ms at which the identity is no longer valid. */
  validUntil: number = Infinity;
  /** How much the client may send; undefined = anything. */
  throttle: Throttle | undefined = undefined;
  /** Set when the connection shall be closed, after everything on the control channel has been written. */
  closeCode = -1;
  closeReason = '';
  /** Named by the core and not yet looked at. Kept by BrokerCore. */
  isReady = false;
  /** For the driver to hang its own object on. */
  context: unknown = undefined;
  deadline: number = Infinity;
  heapIndex = -1;

  readonly #onTimeout: (connection: Connection, now: number) => void;

  constructor(
    remote: string,
    peerIdentity: string | undefined,
    now: number,
    onTimeout: (connection: Connection, now: number) => void,
  ) {
    this.remote = remote;
    this.peerIdentity = peerIdentity;
    this.identity = peerIdentity;
    this.lastReceived = now;
    this.#onTimeout = onTimeout;
  }

  handleTimeout(now: number): void {
    this.#onTimeout(this, now);
  }
}
