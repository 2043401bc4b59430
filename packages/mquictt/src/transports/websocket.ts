/** MQTT over WebSocket and secure WebSocket (MQTT 5 §6): HTTP by Node, frames by ws. */
import { createServer as createHttpServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { Server as HttpsServer } from 'node:https';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import { MAX_HTTP_HEADER_SIZE, MAX_PACKET_SIZE } from '../limits.ts';
import { ANONYMOUS } from './client-certificate.ts';
import type { Client } from './client-certificate.ts';
import { addressOf } from './closing-connection.ts';
import { keyOf } from './half-open.ts';
import { SERVER_OPTIONS, SocketListener } from './socket-listener.ts';
import type { SocketListenerOptions } from './socket-listener.ts';
import { SecureListener, secureOptions } from './tls.ts';
import type { SecureListenerOptions } from './tls.ts';
import { WebSocketConnection } from './websocket-connection.ts';

export interface WebSocketOptions {
  /** What the URL must say behind host and port. @default '/mqtt' */
  readonly path?: string | undefined;
  /** Largest MQTT packet, bytes: no frame needs to be larger, since packets may be split over frames. */
  readonly maxPacketSize?: number | undefined;
}

const SUBPROTOCOL = 'mqtt';
const DEFAULT_PATH = '/mqtt';

/** Limits are kept by HalfOpen, which knows nothing of HTTP; Node's own would look every 30 s. */
const HTTP_OPTIONS = {
  ...SERVER_OPTIONS,
  maxHeaderSize: MAX_HTTP_HEADER_SIZE,
  headersTimeout: 0,
  requestTimeout: 0,
} as const;

type Authenticate = (socket: Socket) => Promise<Client | undefined>;

/** @throws the system's error when the address cannot be had */
export function listenWebSocket(options: SocketListenerOptions & WebSocketOptions): Promise<SocketListener> {
  const server = createHttpServer(HTTP_OPTIONS);
  const listener = new SocketListener(server, options);
  serve(server, listener, options, () => Promise.resolve(ANONYMOUS));
  return listener.listen(options);
}

/** @throws the system's error when the address cannot be had, that of node:tls when the certificate cannot be used */
export function listenSecureWebSocket(options: SecureListenerOptions & WebSocketOptions): Promise<SecureListener> {
  const server = createHttpsServer({ ...HTTP_OPTIONS, ...secureOptions(options), ALPNProtocols: ['http/1.1'] });
  const listener = new SecureListener(server, options);
  serve(server, listener, options, (socket) => listener.authenticate(socket as TLSSocket));
  return listener.listen(options) as Promise<SecureListener>;
}

function serve(
  server: Server | HttpsServer,
  listener: SocketListener,
  options: SocketListenerOptions & WebSocketOptions,
  authenticate: Authenticate,
): void {
  const { kind, name, path = DEFAULT_PATH, maxPacketSize = MAX_PACKET_SIZE } = options;
  const webSockets = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: maxPacketSize,
    // [MQTT-6.0.0-4]
    handleProtocols: () => SUBPROTOCOL,
  });
  server.on('request', (request, response) => explain(request, response, path));
  server.on('clientError', (error, stream) => {
    listener.refused(addressOf(stream as Socket), error.message);
    stream.destroy();
  });
  server.on('upgrade', (request, stream: Duplex, head) => {
    const socket = stream as Socket;
    const refuse = (status: string, why: string): void => {
      listener.refused(addressOf(socket), why);
      socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: ${why.length}\r\n\r\n${why}`);
    };
    socket.on('error', () => {});
    if (pathOf(request) !== path) return refuse('404 Not Found', `MQTT is spoken at ${path}`);
    // [MQTT-6.0.0-3]
    if (!offersMqtt(request)) return refuse('400 Bad Request', 'Offer the WebSocket subprotocol mqtt');
    void authenticate(socket).then((client) => {
      if (client === undefined || socket.destroyed) return;
      webSockets.handleUpgrade(request, socket, head, (webSocket) => {
        const key = keyOf(socket);
        const onAccepted = (): void => listener.accepted(key);
        listener.deliver(new WebSocketConnection(webSocket, socket, { kind, listener: name, client, onAccepted }));
      });
    });
  });
}

/** To people who came with a browser. */
function explain(request: IncomingMessage, response: ServerResponse, path: string): void {
  const isHere = pathOf(request) === path;
  response.writeHead(isHere ? 426 : 404, {
    connection: 'close',
    'content-type': 'text/plain',
    ...(isHere ? { upgrade: 'websocket' } : {}),
  });
  response.end(`MQTT over WebSocket is spoken at ${path}, with the subprotocol ${SUBPROTOCOL}\n`);
}

function pathOf({ url = '' }: IncomingMessage): string {
  const end = url.indexOf('?');
  return end === -1 ? url : url.slice(0, end);
}

function offersMqtt({ headers }: IncomingMessage): boolean {
  const offered = headers['sec-websocket-protocol'];
  return offered !== undefined && offered.split(',').some((name) => name.trim() === SUBPROTOCOL);
}
