/** QUIC as a transport: quic-node's streams fit as they are. */
import type { QuicConnection, QuicListener, SocketAddress } from '@mquictt/quic-node';
import type {
  TransportCloseOptions,
  TransportConnection,
  TransportListener,
  TransportStats,
  TransportStream,
} from './transport.ts';

export class QuicTransportListener implements TransportListener {
  readonly kind = 'quic';
  readonly name: string;
  readonly #listener: QuicListener;
  #onConnection: ((connection: TransportConnection) => void) | undefined = undefined;

  constructor(listener: QuicListener, name: string = 'quic') {
    this.#listener = listener;
    this.name = name;
  }

  get address(): SocketAddress {
    return this.#listener.address;
  }

  get connectionCount(): number {
    return this.#listener.connectionCount;
  }

  get onConnection(): ((connection: TransportConnection) => void) | undefined {
    return this.#onConnection;
  }

  set onConnection(callback: ((connection: TransportConnection) => void) | undefined) {
    this.#onConnection = callback;
    this.#listener.onConnection =
      callback === undefined ? undefined : (connection) => callback(new QuicTransport(connection, this.name));
  }

  close(options?: TransportCloseOptions): Promise<void> {
    return this.#listener.close(options);
  }
}

class QuicTransport implements TransportConnection {
  readonly kind = 'quic';
  readonly listener: string;
  readonly #connection: QuicConnection;
  #onStream: ((stream: TransportStream) => void) | undefined = undefined;

  constructor(connection: QuicConnection, listener: string) {
    this.#connection = connection;
    this.listener = listener;
  }

  get remoteAddress(): SocketAddress {
    return this.#connection.remoteAddress;
  }

  get peerIdentity(): string | undefined {
    return this.#connection.peerIdentity;
  }

  get peerCertificates(): readonly Uint8Array[] {
    return this.#connection.peerCertificates;
  }

  get onStream(): ((stream: TransportStream) => void) | undefined {
    return this.#onStream;
  }

  set onStream(callback: ((stream: TransportStream) => void) | undefined) {
    this.#onStream = callback;
    this.#connection.onStream = callback;
  }

  get closed(): Promise<Error | undefined> {
    return this.#connection.closed;
  }

  /** QUIC counts handshakes, in quic-core. */
  accepted(): void {}

  ping(): boolean {
    this.#connection.ping();
    return true;
  }

  stats(): TransportStats {
    const { bytesReceived, bytesSent, smoothedRtt, packetsSent, packetsLost } = this.#connection.stats();
    return { bytesReceived, bytesSent, rtt: smoothedRtt, packetsSent, packetsLost };
  }

  close(options?: TransportCloseOptions): Promise<void> {
    return this.#connection.close(options);
  }
}
