/** MQTT over TLS over TCP, by node:tls. */
import { constants } from 'node:crypto';
import type { Server as HttpsServer } from 'node:https';
import { createServer } from 'node:tls';
import type { Server, TlsOptions, TLSSocket } from 'node:tls';
import type { ClientCertificateOptions } from '@mquictt/quic-node';
import type { CertificatePem } from '../config.ts';
import { ALPN } from '../quic-options.ts';
import { ANONYMOUS, authenticate } from './client-certificate.ts';
import type { Client } from './client-certificate.ts';
import { addressOf } from './closing-connection.ts';
import { keyOf } from './half-open.ts';
import { SocketConnection } from './socket-connection.ts';
import { SERVER_OPTIONS, SocketListener } from './socket-listener.ts';
import type { SocketListenerOptions } from './socket-listener.ts';

export interface SecureListenerOptions extends SocketListenerOptions {
  readonly certificate: CertificatePem;
  readonly clientCertificates?: ClientCertificateOptions | undefined;
}

/** A listener whose certificate can be replaced while it runs. */
export class SecureListener extends SocketListener {
  readonly #server: Server | HttpsServer;
  readonly #options: SecureListenerOptions;

  constructor(server: Server | HttpsServer, options: SecureListenerOptions) {
    super(server, options);
    this.#server = server;
    this.#options = options;
    server.on('tlsClientError', (error, socket) => this.refused(addressOf(socket), error.message));
  }

  /**
   * New connections get this certificate; those that live keep what they have.
   * @throws the error of node:tls, and everything stays as it was
   */
  setCertificate(certificate: CertificatePem): void {
    this.#server.setSecureContext(contextOptions({ ...this.#options, certificate }));
  }

  /** Judges the client by its certificate, where that is asked for. @returns undefined when it was refused */
  async authenticate(socket: TLSSocket): Promise<Client | undefined> {
    const { clientCertificates } = this.#options;
    if (clientCertificates === undefined) return ANONYMOUS;
    const address = addressOf(socket);
    try {
      const client = await authenticate(socket, clientCertificates, address);
      return socket.destroyed ? undefined : client;
    } catch (error) {
      this.refused(address, (error as Error).message);
      socket.destroy();
      return undefined;
    }
  }
}

export function secureOptions(options: SecureListenerOptions): TlsOptions {
  return {
    ...SERVER_OPTIONS,
    ...contextOptions(options),
    minVersion: 'TLSv1.2',
    requestCert: options.clientCertificates !== undefined,
    // Chains are judged by the code that judges them over QUIC, right after the handshake.
    rejectUnauthorized: false,
  };
}

function contextOptions({ certificate, clientCertificates }: SecureListenerOptions): TlsOptions {
  return {
    cert: certificate.certificatePem,
    key: certificate.keyPem,
    minVersion: 'TLSv1.2',
    // A resumed session shows the client's certificate without those that lead to its CA, and would have to be trusted unseen.
    ...(clientCertificates === undefined ? {} : { secureOptions: constants.SSL_OP_NO_TICKET }),
  };
}

/** @throws the system's error when the address cannot be had, that of node:tls when the certificate cannot be used */
export function listenTls(options: SecureListenerOptions): Promise<SecureListener> {
  const server = createServer({ ...secureOptions(options), ALPNProtocols: [ALPN] });
  const listener = new SecureListener(server, options);
  server.on('secureConnection', (socket) => void accept(socket, listener, options));
  return listener.listen(options) as Promise<SecureListener>;
}

async function accept(socket: TLSSocket, listener: SecureListener, options: SecureListenerOptions): Promise<void> {
  // Until there is a connection that listens.
  socket.on('error', () => {});
  const client = await listener.authenticate(socket);
  if (client === undefined || socket.destroyed) return;
  const key = keyOf(socket);
  const { kind, name } = options;
  const onAccepted = (): void => listener.accepted(key);
  listener.deliver(new SocketConnection(socket, { kind, listener: name, client, onAccepted }));
}
