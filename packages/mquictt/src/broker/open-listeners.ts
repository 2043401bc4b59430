/** Opens the listeners of a broker: all of them, or none. */
import { CredentialStore, formatAddress, listen, parseAddress } from '@mquictt/quic-node';
import type { Credential, JudgePeer, Runtime, SocketAddress, TransportConfig } from '@mquictt/quic-node';
import type { CertificatePem, Config } from '../config.ts';
import type { LogFunction } from '../core/broker-stats.ts';
import { MqttError, usageError } from '../errors.ts';
import { MAX_STREAMS } from '../limits.ts';
import { ALPN, DEFAULT_PORT, listenError, quicOptionsOf } from '../quic-options.ts';
import { QuicTransportListener } from '../transports/quic.ts';
import type { SocketListenerOptions } from '../transports/socket-listener.ts';
import { listenTcp } from '../transports/tcp.ts';
import { listenTls } from '../transports/tls.ts';
import type { SecureListener, SecureListenerOptions } from '../transports/tls.ts';
import type { TransportListener } from '../transports/transport.ts';
import { listenSecureWebSocket, listenWebSocket } from '../transports/websocket.ts';
import type { BrokerOptions } from './broker.ts';
import { clientCertificatesOf } from './client-certificates.ts';
import type { ListenerOptions, SecureListenerCertificates } from './listener-options.ts';

/** Ports by custom. */
const PORTS: Readonly<Record<ListenerOptions['type'], number>> = {
  quic: DEFAULT_PORT,
  tcp: 1_883,
  tls: 8_883,
  ws: 8_080,
  wss: 8_083,
};

/** What a broker allows each client of QUIC; `transport` of BrokerOptions goes before it. */
const TRANSPORT: TransportConfig = {
  // MQTT's keep-alive rules, which is not known when the handshake fixes this.
  maxIdleTimeout: 0,
  maxBidirectionalStreams: MAX_STREAMS,
  // Larger buffers only make messages older.
  streamSendBuffer: 262_144,
};

export interface OpenListeners {
  /** In the order of the options, the broker's own address first. */
  readonly listeners: readonly TransportListener[];
  /** Changes the certificate of the configuration wherever it is shown. @throws MqttError ERR_MQTT_CERTIFICATE */
  setCertificate(config: Config): void;
}

/**
 * @param judge names clients by their certificates, where the options have no judge
 * @throws MqttError ERR_MQTT_CERTIFICATE, ERR_MQTT_LISTEN, ERR_MQTT_INVALID_ARGUMENT
 */
export async function openListeners(
  address: string | SocketAddress,
  config: Config,
  options: BrokerOptions,
  runtime: Runtime,
  log: LogFunction,
  judge: JudgePeer,
): Promise<OpenListeners> {
  const credentials = new CredentialStore([certificateOf(config).credential]);
  const listeners: TransportListener[] = [];
  /** Those that show the certificate of the configuration. */
  const secure: SecureListener[] = [];

  const openQuic = async (name: string, where: SocketAddress, limits: Limits): Promise<void> => {
    const listener = await listen({
      ...quicOptionsOf(options),
      ...limits,
      ...where,
      runtime,
      alpnProtocols: [ALPN],
      certificate: credentials,
      clientCertificates: clientCertificatesOf(config, options.clientCertificates, judge),
      transport: { ...TRANSPORT, ...options.transport },
    });
    listeners.push(new QuicTransportListener(listener, name));
  };

  const open = async (listener: ListenerOptions, name: string, where: SocketAddress): Promise<void> => {
    const { maxConnections = options.maxConnections, maxHalfOpenConnections } = listener;
    const limits: Limits = { maxConnections, maxHalfOpenConnections };
    if (listener.type === 'quic') return openQuic(name, where, limits);
    const socket: SocketListenerOptions = { ...limits, ...where, kind: listener.type, name, log };
    const webSocket = { maxPacketSize: options.maxPacketSize, path: pathOf(listener) };
    if (listener.type === 'tcp') return void listeners.push(await listenTcp(socket));
    if (listener.type === 'ws') return void listeners.push(await listenWebSocket({ ...socket, ...webSocket }));
    const { clientCertificates = options.clientCertificates } = listener;
    const secureOptions: SecureListenerOptions = {
      ...socket,
      certificate: ownCertificateOf(listener, name) ?? certificateOf(config),
      clientCertificates: clientCertificatesOf(config, clientCertificates, judge),
    };
    const opened =
      listener.type === 'tls'
        ? await listenTls(secureOptions)
        : await listenSecureWebSocket({ ...secureOptions, ...webSocket });
    listeners.push(opened);
    if (listener.cert === undefined) secure.push(opened);
  };

  try {
    const main = parseAddress(address, DEFAULT_PORT);
    await openQuic('quic', main, { maxConnections: options.maxConnections, maxHalfOpenConnections: undefined });
    const names = new Set(['quic']);
    for (const listener of options.listeners ?? []) {
      checkType(listener);
      const name = nameOf(listener, names);
      const where = parseAddress({ host: listener.host ?? main.host, port: listener.port ?? PORTS[listener.type] });
      await open(listener, name, where).catch((error: unknown) => {
        throw explain(error, listener, where);
      });
    }
  } catch (error) {
    await Promise.all(listeners.map((listener) => listener.close({ deadline: 0 })));
    throw listenError(error);
  }
  return {
    listeners,
    setCertificate(next: Config): void {
      const certificate = certificateOf(next);
      try {
        for (const listener of secure) listener.setCertificate(certificate);
        credentials.replace([certificate.credential]);
      } catch (error) {
        throw certificateError('The certificate cannot be used', error);
      }
    },
  };
}

interface Limits {
  readonly maxConnections: number | undefined;
  readonly maxHalfOpenConnections: number | undefined;
}

function checkType({ type }: ListenerOptions): void {
  if (!Object.hasOwn(PORTS, type))
    throw usageError(
      'ERR_MQTT_INVALID_ARGUMENT',
      `A listener's type expected ${Object.keys(PORTS).join(', ')}, got ${String(type)}`,
    );
}

function nameOf({ name, type }: ListenerOptions, taken: Set<string>): string {
  if (name !== undefined && taken.has(name))
    throw usageError('ERR_MQTT_INVALID_ARGUMENT', `Two listeners are called ${name}`);
  let result: string = name ?? type;
  for (let i = 2; taken.has(result); i++) result = `${type}-${i}`;
  taken.add(result);
  return result;
}

function pathOf(listener: ListenerOptions): string | undefined {
  if (listener.type !== 'ws' && listener.type !== 'wss') return undefined;
  const { path } = listener;
  if (path !== undefined && !/^\/[^?#\s]*$/.test(path))
    throw usageError('ERR_MQTT_INVALID_ARGUMENT', `path expected something like /mqtt, got ${path}`);
  return path;
}

function certificateOf({ credential, certificate }: Config): CertificatePem & { readonly credential: Credential } {
  if (credential !== undefined && certificate !== undefined) return { ...certificate, credential };
  throw usageError(
    'ERR_MQTT_CERTIFICATE',
    'A broker needs a certificate: name cert_file and key_file under "auth" of its configuration (mquictt certificates makes some for development)',
  );
}

function ownCertificateOf({ cert, key }: SecureListenerCertificates, name: string): CertificatePem | undefined {
  if (cert === undefined && key === undefined) return undefined;
  if (cert !== undefined && key !== undefined) return { certificatePem: cert, keyPem: key };
  throw usageError('ERR_MQTT_CERTIFICATE', `The listener ${name} needs cert and key together`);
}

function explain(error: unknown, { type }: ListenerOptions, where: SocketAddress): unknown {
  const { code, syscall, message } = error as NodeJS.ErrnoException;
  if (error instanceof MqttError) return error;
  if (syscall !== undefined) {
    const why = code === 'EADDRINUSE' ? 'it is in use' : code === 'EACCES' ? 'the system does not allow it' : message;
    const text = `Cannot listen on ${type} ${formatAddress(where)}: ${why}`;
    return new MqttError('ERR_MQTT_LISTEN', text, { fault: 'usage', cause: error });
  }
  if (code?.startsWith('ERR_OSSL') === true || code?.startsWith('ERR_SSL') === true)
    return certificateError(`Certificate and key of the ${type} listener cannot be used`, error);
  return error;
}

function certificateError(text: string, error: unknown): MqttError {
  const message = `${text}: ${(error as Error).message}`;
  return new MqttError('ERR_MQTT_CERTIFICATE', message, { fault: 'usage', cause: error });
}
