/** MQTT over TCP, without encryption. */
import { createServer } from 'node:net';
import { ANONYMOUS } from './client-certificate.ts';
import { keyOf } from './half-open.ts';
import { SocketConnection } from './socket-connection.ts';
import { SERVER_OPTIONS, SocketListener } from './socket-listener.ts';
import type { SocketListenerOptions } from './socket-listener.ts';

/** @throws the system's error when the address cannot be had */
export function listenTcp(options: SocketListenerOptions): Promise<SocketListener> {
  const server = createServer(SERVER_OPTIONS);
  const listener = new SocketListener(server, options);
  server.on('connection', (socket) => {
    if (socket.destroyed) return;
    const key = keyOf(socket);
    const { kind, name } = options;
    const onAccepted = (): void => listener.accepted(key);
    listener.deliver(new SocketConnection(socket, { kind, listener: name, client: ANONYMOUS, onAccepted }));
  });
  return listener.listen(options);
}
