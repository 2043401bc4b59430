/**
 * One connection and what the core knows of it: stream 0 is the control stream; the others wait unread, held back by flow control, until CONNECT has been
 * accepted on it.
 */
import { formatAddress } from '@mquictt/quic-node';
import type { BrokerCore } from '../core/broker-core.ts';
import type { Connection } from '../core/connection.ts';
import type { Timed } from '../core/deadlines.ts';
import { CLOSE_DEADLINE, LIVENESS_INTERVAL, LIVENESS_ROUNDS, MAX_STREAMS_BEFORE_CONNECT } from '../limits.ts';
import { ApplicationErrorCode } from '../reason-codes.ts';
import type { ConnectionMeter, StreamKind, TransportMetrics } from '../operations/transport-metrics.ts';
import type { TransportConnection, TransportStream } from '../transports/transport.ts';
import { StreamBinding } from './stream-binding.ts';
import type { StreamBindingHost } from './stream-binding.ts';

export class ConnectionBinding implements Timed {
  readonly connection: Connection;
  deadline: number = Infinity;
  heapIndex = -1;

  readonly #transport: TransportConnection;
  readonly #core: BrokerCore;
  readonly #host: StreamBindingHost;
  readonly #meter: ConnectionMeter;
  #waiting: TransportStream[] = [];
  #isAccepted = false;
  #isClosing = false;
  #bytesSeen = 0;
  #silentRounds = 0;

  /** Binds a connection for as long as it lives; core and connection know it from then on. */
  static start(
    transport: TransportConnection,
    core: BrokerCore,
    host: StreamBindingHost,
    metrics: TransportMetrics,
  ): void {
    const binding = new ConnectionBinding(transport, core, host, metrics.open(transport));
    void transport.closed.then(() => binding.#onClosed());
    transport.onStream = (stream) => binding.#onStream(stream);
  }

  private constructor(
    transport: TransportConnection,
    core: BrokerCore,
    host: StreamBindingHost,
    meter: ConnectionMeter,
  ) {
    this.#transport = transport;
    this.#core = core;
    this.#host = host;
    this.#meter = meter;
    const { remoteAddress, peerIdentity } = transport;
    this.connection = core.openConnection(formatAddress(remoteAddress), host.now(), peerIdentity);
    this.connection.context = this;
    core.deadlines.set(this, host.now() + LIVENESS_INTERVAL);
  }

  /** Closes the connection as the core wants it. */
  serve(): void {
    if (this.#isClosing) return;
    this.#isClosing = true;
    this.#waiting = [];
    void this.#transport.close({
      errorCode: this.connection.closeCode,
      reason: this.connection.closeReason,
      deadline: CLOSE_DEADLINE,
    });
  }

  /**
   * No idle timeout is agreed on, since the keep-alive is not known when the handshake fixes it. With a keep-alive of 0 nothing else would notice that a
   * peer is gone.
   */
  handleTimeout(now: number): void {
    if (this.#isClosing) return;
    this.#meter.observe();
    if (this.connection.patience === 0) {
      const { bytesReceived } = this.#transport.stats();
      this.#silentRounds = bytesReceived === this.#bytesSeen ? this.#silentRounds + 1 : 0;
      this.#bytesSeen = bytesReceived;
      if (this.#silentRounds >= LIVENESS_ROUNDS) {
        void this.#transport.close({ immediate: true });
        return;
      }
      if (!this.#transport.ping()) return;
    }
    this.#core.deadlines.set(this, now + LIVENESS_INTERVAL);
  }

  #onStream(stream: TransportStream): void {
    const { connection } = this;
    if (stream.id === 0) {
      this.#bind(stream, 'control');
      // Whatever came on the others may be read as soon as CONNECT has been accepted, which can be now or at any later packet.
    } else if (connection.state === 'connected') {
      this.#bind(stream, stream.bidirectional ? 'data' : 'unidirectional');
    } else if (connection.state === 'new') {
      this.#waiting.push(stream);
      // Nobody else would hear of it, and what is subscribed to on it could never be sent.
      stream.onStopped = () => {
        this.#waiting = this.#waiting.filter((waiting) => waiting !== stream);
        stream.stop(0);
      };
      if (this.#waiting.length > MAX_STREAMS_BEFORE_CONNECT) {
        this.#core.disconnect(
          connection,
          ApplicationErrorCode.OVERLOADED,
          'Too many streams were opened before CONNECT',
          this.#host.now(),
        );
      }
    }
    // Otherwise the connection is about to end, and its end says why; a reset of the stream would not.
    this.#host.flush();
  }

  /** Once CONNECT has been accepted: binds the streams that waited for it. */
  bindWaiting(): void {
    if (this.#isAccepted || this.connection.state !== 'connected') return;
    this.#isAccepted = true;
    this.#transport.accepted();
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const stream of waiting) this.#bind(stream, stream.bidirectional ? 'data' : 'unidirectional');
  }

  #bind(stream: TransportStream, kind: StreamKind): void {
    this.#meter.countStream(kind);
    new StreamBinding(stream, this.#core.openChannel(this.connection, kind), this.#host).start();
  }

  #onClosed(): void {
    this.#isClosing = true;
    this.#waiting = [];
    this.#meter.close();
    this.#core.deadlines.set(this, Infinity);
    this.#core.closeConnection(this.connection, this.#host.now());
    this.#host.flush();
  }
}
