/** Where a broker listens besides the QUIC address it is started with. */
import type { ClientCertificates } from './client-certificates.ts';

export type ListenerOptions =
  | QuicListenerOptions
  | TcpListenerOptions
  | TlsListenerOptions
  | WebSocketListenerOptions
  | SecureWebSocketListenerOptions;

export interface CommonListenerOptions {
  /** What logs call it. @default its type, with a number from the second on */
  readonly name?: string;
  /** IP address or name: `0.0.0.0` is every IPv4 interface, `::` every IPv6 one and, as a rule, every IPv4 one too. @default that of the broker's address */
  readonly host?: string;
  /** 0 = any free one. @default by type: quic 14567 (UDP), tcp 1883, tls 8883, ws 8080, wss 8083 */
  readonly port?: number;
  /** Connections at once; more are refused. @default 65_536 */
  readonly maxConnections?: number;
  /**
   * Connections whose CONNECT has not been accepted, over QUIC those in the handshake. Beyond it the oldest is ended, over QUIC new ones are not answered.
   * @default 4_096, over QUIC 1_024
   */
  readonly maxHalfOpenConnections?: number;
}

export interface QuicListenerOptions extends CommonListenerOptions {
  readonly type: 'quic';
}

/** Without encryption: for networks that can be trusted. */
export interface TcpListenerOptions extends CommonListenerOptions {
  readonly type: 'tcp';
}

export interface SecureListenerCertificates {
  /** PEM text of the certificate and those that lead to its CA. @default that of the configuration */
  readonly cert?: string;
  /** PEM text of its private key. */
  readonly key?: string;
  /** How clients are asked for certificates, as in BrokerOptions; false = not at all. @default that of the broker */
  readonly clientCertificates?: ClientCertificates | false;
}

/** TLS 1.2 and 1.3 by node:tls, ALPN `mqtt` (which clients need not offer). */
export interface TlsListenerOptions extends CommonListenerOptions, SecureListenerCertificates {
  readonly type: 'tls';
}

export interface WebSocketPath {
  /** Path of the URL. @default '/mqtt' */
  readonly path?: string;
}

/** Without encryption: for networks that can be trusted, or behind a proxy that has it. */
export interface WebSocketListenerOptions extends CommonListenerOptions, WebSocketPath {
  readonly type: 'ws';
}

export interface SecureWebSocketListenerOptions
  extends CommonListenerOptions, SecureListenerCertificates, WebSocketPath {
  readonly type: 'wss';
}
