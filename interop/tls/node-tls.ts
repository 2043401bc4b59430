/** Node's own tls, in this process. */
import type { AddressInfo } from 'node:net';
import {
  connect,
  createServer,
  type CommonConnectionOptions,
  type SecureContextOptions,
  type Server,
  type TLSSocket,
} from 'node:tls';
import { readFileSync } from 'node:fs';
import { NODE } from './cases/case.ts';
import { EXPORTER_LABEL, EXPORTER_LENGTH, groupList, groupNamed, opensslGroups } from './peer.ts';
import type { Peer, PeerConnection, PeerOptions, PeerReport, PeerServer } from './peer.ts';
import { SERVER_NAME } from './pki.ts';
import { Waiter } from './waiter.ts';

export const nodePeer: Peer = {
  name: NODE,
  groups: opensslGroups(process.versions.openssl),
  connect: (port, options) => Promise.resolve(connectNode(port, options)),
  listen: (options) => NodeServer.start(options),
};

function contextOptions({
  suite,
  groups,
  alpn,
  identity,
  caFile,
}: PeerOptions): SecureContextOptions & CommonConnectionOptions {
  return {
    minVersion: 'TLSv1.3',
    ca: readFileSync(caFile),
    ...(suite === undefined ? {} : { ciphers: suite }),
    ...(groups === undefined ? {} : { ecdhCurve: groupList(groups) }),
    ...(alpn === undefined ? {} : { ALPNProtocols: [...alpn] }),
    ...(identity === undefined ? {} : { cert: identity.certificatePem + identity.chainPem, key: identity.keyPem }),
  };
}

function connectNode(port: number, options: PeerOptions): PeerConnection {
  const socket = connect({
    ...contextOptions(options),
    host: '127.0.0.1',
    port,
    servername: options.serverName ?? SERVER_NAME,
    ...(options.session === undefined ? {} : { session: options.session as Buffer }),
  });
  const connection = new NodeConnection();
  connection.setSocket(socket);
  socket.once('secureConnect', () => connection.setSecure());
  return connection;
}

class NodeConnection implements PeerConnection {
  #socket: TLSSocket | undefined;
  #isSecure = false;
  #isClosed = false;
  #error: Error | undefined;
  #received = '';
  #session: Buffer | undefined;
  readonly #waiter = new Waiter();

  setSocket(socket: TLSSocket): void {
    this.#socket = socket;
    socket.on('data', (data) => {
      this.#received += data.toString('latin1');
      this.#waiter.wake();
    });
    socket.on('session', (session) => {
      this.#session = session;
      this.#waiter.wake();
    });
    socket.on('error', (error) => this.setError(error));
    socket.on('close', () => {
      this.#isClosed = true;
      this.#waiter.wake();
    });
  }

  setSecure(): void {
    this.#isSecure = true;
    this.#waiter.wake();
  }

  setError(error: Error): void {
    this.#error ??= error;
    this.#waiter.wake();
  }

  async established(): Promise<PeerReport> {
    await this.#until(() => this.#isSecure, 'the end of the handshake');
    const socket = this.#socket as TLSSocket;
    // Typed as if a server's socket had one, too.
    const group = socket.getEphemeralKeyInfo() as { name?: string; type?: string } | null;
    const { subject } = socket.getPeerCertificate() as { subject?: { CN?: string } };
    return {
      protocol: socket.getProtocol() ?? '',
      suite: socket.getCipher().standardName,
      group: groupNamed(group?.name ?? group?.type),
      alpn: socket.alpnProtocol || '',
      isReused: socket.isSessionReused(),
      keyMaterial: socket.exportKeyingMaterial(EXPORTER_LENGTH, EXPORTER_LABEL, Buffer.alloc(0)).toString('hex'),
      peerName: subject?.CN ?? '',
      distrust: socket.authorizationError === null ? '' : String(socket.authorizationError ?? ''),
    };
  }

  async failed(): Promise<string> {
    await this.#waiter.until(() => this.#error !== undefined || this.#isClosed, 'an error');
    const { code, message } = (this.#error ?? {}) as { code?: string; message?: string };
    return `${code ?? ''} ${message ?? ''}`;
  }

  write(text: string): void {
    this.#socket?.write(text);
  }

  read(text: string): Promise<void> {
    return this.#until(() => this.#received.includes(text), JSON.stringify(text));
  }

  async session(): Promise<Buffer> {
    await this.#until(() => this.#session !== undefined, 'a session');
    return this.#session as Buffer;
  }

  get hasTicket(): boolean {
    return this.#session !== undefined;
  }

  close(): void {
    this.#socket?.end();
  }

  async #until(isDone: () => boolean, what: string): Promise<void> {
    await this.#waiter.until(() => isDone() || this.#error !== undefined || this.#isClosed, what);
    if (!isDone()) throw new Error(`node:tls: instead of ${what}: ${this.#error?.message ?? 'the connection was cut'}`);
  }
}

class NodeServer implements PeerServer {
  readonly #server: Server;
  #next: NodeConnection = new NodeConnection();

  private constructor(options: PeerOptions) {
    const { clientCertificates } = options;
    this.#server = createServer({
      ...contextOptions(options),
      requestCert: clientCertificates !== undefined,
      rejectUnauthorized: clientCertificates === 'required',
    });
    this.#server.on('secureConnection', (socket) => {
      this.#next.setSocket(socket);
      this.#next.setSecure();
    });
    this.#server.on('tlsClientError', (error) => this.#next.setError(error));
  }

  static async start(options: PeerOptions): Promise<NodeServer> {
    const server = new NodeServer(options);
    await new Promise<void>((resolve, reject) => {
      server.#server.listen(0, '127.0.0.1', resolve).once('error', reject);
    });
    return server;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  accept(): Promise<PeerConnection> {
    this.#next = new NodeConnection();
    return Promise.resolve(this.#next);
  }

  close(): void {
    this.#server.close();
  }
}
