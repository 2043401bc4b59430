/** A small HTTP port for those who watch a broker: `/metrics` for Prometheus, `/health` for whoever restarts or spares it. */
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { SocketAddress } from '@mquictt/quic-node';
import { MqttError } from '../errors.ts';
import { MAX_MONITORING_CONNECTIONS, MAX_MONITORING_HEADERS, MONITORING_DEADLINE } from '../limits.ts';

/** What can be watched; Broker is one. */
export interface MonitoredBroker {
  /** Prometheus text. */
  metrics(): string;
  /** Sentences, none = all is well. */
  problems(): readonly string[];
}

export interface MonitoringOptions {
  /** @default '127.0.0.1': whoever reaches it may read it */
  readonly host?: string;
  /** TCP port, 0 = any free one. @default 9_567 */
  readonly port?: number;
}

export interface Monitoring {
  readonly address: SocketAddress;
  /** Never rejects. */
  close(): Promise<void>;
}

export const DEFAULT_MONITORING_PORT = 9_567;

/**
 * `GET /metrics` gives Prometheus text. `GET /health` gives 200 `{"status":"ok","problems":[]}`, or 503 with the sentences that say which promise does not
 * hold.
 *
 * @throws MqttError ERR_MQTT_LISTEN
 *
 * @example
 * const monitoring = await startMonitoring(broker, { port: 9567 });
 */
export async function startMonitoring(broker: MonitoredBroker, options: MonitoringOptions = {}): Promise<Monitoring> {
  const { host = '127.0.0.1', port = DEFAULT_MONITORING_PORT } = options;
  const server = createServer(
    {
      maxHeaderSize: MAX_MONITORING_HEADERS,
      headersTimeout: MONITORING_DEADLINE,
      requestTimeout: MONITORING_DEADLINE,
      keepAliveTimeout: MONITORING_DEADLINE,
      connectionsCheckingInterval: 1_000,
    },
    (request, response) => answer(broker, request, response),
  );
  server.maxConnections = MAX_MONITORING_CONNECTIONS;
  // Those who do not read their answer either.
  server.setTimeout(MONITORING_DEADLINE, (socket) => socket.destroy());
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => {
      const message = `Cannot listen on http ${host}:${port}: ${error.message}`;
      reject(new MqttError('ERR_MQTT_LISTEN', message, { fault: 'usage', cause: error }));
    });
    server.listen({ host, port }, resolve);
  });
  const { address, port: bound } = server.address() as AddressInfo;
  return {
    address: { host: address, port: bound },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function answer(broker: MonitoredBroker, request: IncomingMessage, response: ServerResponse): void {
  const send = (status: number, type: string, body: string): void => {
    // Whatever was sent along is not read.
    const hasBody = (request.headers['content-length'] ?? '0') !== '0' || 'transfer-encoding' in request.headers;
    response.writeHead(status, {
      'content-type': type,
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      ...(hasBody ? { connection: 'close' } : {}),
      ...(status === 405 ? { allow: 'GET, HEAD' } : {}),
    });
    response.end(request.method === 'HEAD' ? undefined : body);
  };
  if (request.method !== 'GET' && request.method !== 'HEAD') return send(405, 'text/plain', 'GET or HEAD\n');
  const [path] = (request.url ?? '').split('?');
  if (path === '/metrics') return send(200, 'text/plain; version=0.0.4; charset=utf-8', broker.metrics());
  if (path === '/health') {
    const problems = broker.problems();
    const status = problems.length === 0 ? 'ok' : 'failing';
    return send(problems.length === 0 ? 200 : 503, 'application/json', `${JSON.stringify({ status, problems })}\n`);
  }
  send(404, 'text/plain', '/metrics or /health\n');
}
