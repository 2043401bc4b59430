/** A listener and a client of each kind. The client is of node:net, node:tls, ws or quic-node, none of which knows our transports. */
import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import type { TLSSocket } from 'node:tls';
import { RootStore, connect as connectQuic, listen } from '@mquictt/quic-node';
import { WebSocket, createWebSocketStream } from 'ws';
import { QuicTransportListener } from '../../src/transports/quic.ts';
import type { SocketListenerOptions } from '../../src/transports/socket-listener.ts';
import { listenTcp } from '../../src/transports/tcp.ts';
import { listenTls } from '../../src/transports/tls.ts';
import type { TransportKind, TransportListener } from '../../src/transports/transport.ts';
import { listenSecureWebSocket, listenWebSocket } from '../../src/transports/websocket.ts';
import { developmentCertificates } from '../support/loopback.ts';

export interface Peer {
  readonly stream: Duplex;
  readonly localPort: number;
  /** Settles when the peer knows that the connection is over. */
  readonly closed: Promise<void>;
  /** Ends the connection without any farewell of its own. */
  cut(): void;
}

export interface Wire {
  /** Whether the peer can end its half and still read. */
  readonly hasHalves: boolean;
  listen(options?: Partial<SocketListenerOptions>): Promise<TransportListener>;
  dial(port: number, host?: string): Promise<Peer>;
}

const common = (
  kind: Exclude<TransportKind, 'quic'>,
  options: Partial<SocketListenerOptions>,
): SocketListenerOptions => ({
  kind,
  name: 'a name',
  host: '127.0.0.1',
  port: 0,
  log: () => {},
  ...options,
});

const certificate = async (): Promise<{ certificatePem: string; keyPem: string }> => developmentCertificates();

function peerOf(stream: Duplex, localPort: number, cut: () => void): Peer {
  stream.on('error', () => {});
  return { stream, localPort, cut, closed: new Promise((resolve) => stream.once('close', resolve)) };
}

export async function dialTls(port: number, host: string, options: object = {}): Promise<TLSSocket> {
  const { caPem } = await developmentCertificates();
  const socket = connectTls({ port, host, ca: caPem, servername: 'localhost', ALPNProtocols: ['mqtt'], ...options });
  await once(socket, 'secureConnect');
  return socket;
}

async function dialWebSocket(scheme: string, port: number, host: string): Promise<Peer> {
  const { caPem } = await developmentCertificates();
  const name = host.includes(':') ? `[${host}]` : host;
  const options = { ca: caPem, servername: 'localhost', perMessageDeflate: false };
  const webSocket = new WebSocket(`${scheme}://${name}:${port}/mqtt`, 'mqtt', options);
  let localPort = 0;
  webSocket.once('upgrade', ({ socket }) => {
    localPort = socket.localPort ?? 0;
  });
  const stream = createWebSocketStream(webSocket);
  const closed = new Promise<void>((resolve) => webSocket.once('close', () => resolve()));
  await once(webSocket, 'open');
  return { ...peerOf(stream, localPort, () => webSocket.terminate()), closed };
}

export const WIRES: Readonly<Record<TransportKind, Wire>> = {
  quic: {
    hasHalves: true,
    async listen({ host = '127.0.0.1' } = {}) {
      const transport = { maxIdleTimeout: 0 };
      const options = { host, port: 0, alpnProtocols: ['mqtt'], certificate: await certificate(), transport };
      return new QuicTransportListener(await listen(options), 'a name');
    },
    async dial(port, host = '127.0.0.1') {
      const { caPem } = await developmentCertificates();
      const roots = RootStore.fromPem(caPem);
      const connection = await connectQuic({ host, port, serverName: 'localhost', alpnProtocols: ['mqtt'], roots });
      const stream = (await connection.openStream()).toDuplex();
      const cut = (): void => void connection.close({ immediate: true });
      const peer = peerOf(stream, connection.localAddress.port, cut);
      return { ...peer, closed: connection.closed.then(() => undefined) };
    },
  },
  tcp: {
    hasHalves: true,
    listen: (options = {}) => listenTcp(common('tcp', options)),
    async dial(port, host = '127.0.0.1') {
      const socket = connectTcp({ port, host, allowHalfOpen: true });
      await once(socket, 'connect');
      return peerOf(socket, socket.localPort ?? 0, () => socket.resetAndDestroy());
    },
  },
  tls: {
    hasHalves: true,
    listen: async (options = {}) => listenTls({ ...common('tls', options), certificate: await certificate() }),
    async dial(port, host = '127.0.0.1') {
      const raw = connectTcp({ port, host, allowHalfOpen: true });
      const socket = await dialTls(port, host, { socket: raw, allowHalfOpen: true });
      return peerOf(socket, raw.localPort ?? 0, () => raw.resetAndDestroy());
    },
  },
  ws: {
    hasHalves: false,
    listen: (options = {}) => listenWebSocket(common('ws', options)),
    dial: (port, host = '127.0.0.1') => dialWebSocket('ws', port, host),
  },
  wss: {
    hasHalves: false,
    listen: async (options = {}) =>
      listenSecureWebSocket({ ...common('wss', options), certificate: await certificate() }),
    dial: (port, host = '127.0.0.1') => dialWebSocket('wss', port, host),
  },
};
