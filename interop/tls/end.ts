/** Our end of a TLS connection over a socket. Everything waits for a bounded time only. For tests only: see record-layer.ts. */
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { alertName, TlsError, type HandshakeEvent } from '@mquictt/tls13';
import type { Connection } from './connection.ts';
import { Waiter } from './waiter.ts';

export class End {
  readonly connection: Connection;
  readonly #socket: Socket;
  #isClosed = false;
  readonly #waiter = new Waiter();

  constructor(connection: Connection, socket: Socket) {
    this.connection = connection;
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (data) => {
      connection.receive(data);
      this.#flush();
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      this.#isClosed = true;
      this.#waiter.wake();
    });
    connection.start();
    this.#flush();
  }

  /** The handshake's `complete`. @throws Error that says how it ended otherwise */
  async completed(): Promise<Extract<HandshakeEvent, { type: 'complete' }>> {
    await this.#until(() => this.event('complete') !== undefined, 'the end of the handshake');
    return this.event('complete') as Extract<HandshakeEvent, { type: 'complete' }>;
  }

  /** Waits for application data, all of it together. */
  async read(text: string): Promise<void> {
    await this.#until(() => this.connection.received.includes(text), JSON.stringify(text));
  }

  /** Waits for an event. */
  async told<T extends HandshakeEvent['type']>(type: T): Promise<Extract<HandshakeEvent, { type: T }>> {
    await this.#until(() => this.event(type) !== undefined, `the event '${type}'`);
    return this.event(type) as Extract<HandshakeEvent, { type: T }>;
  }

  /** Waits until either side has ended the connection, whether for an error or not. */
  async ended(): Promise<void> {
    await this.#waiter.until(() => this.isOver, 'the end of the connection');
  }

  /** The last event of a type. */
  event<T extends HandshakeEvent['type']>(type: T): Extract<HandshakeEvent, { type: T }> | undefined {
    return this.connection.events.findLast((event) => event.type === type) as
      Extract<HandshakeEvent, { type: T }> | undefined;
  }

  /** The alert that ended it, with who sent it, such as 'sent unknown_ca'; 'none' where there was none. */
  get alert(): string {
    const { error, peerAlert } = this.connection;
    if (error !== undefined) return `sent ${error instanceof TlsError ? alertName(error.alert) : String(error.stack)}`;
    return peerAlert === undefined ? 'none' : `received ${alertName(peerAlert)}`;
  }

  get isOver(): boolean {
    return this.#isClosed || this.connection.error !== undefined || this.connection.peerAlert !== undefined;
  }

  write(text: string): void {
    this.connection.write(text);
    this.#flush();
  }

  /** Runs a call into the handshake. */
  decide(step: Parameters<Connection['decide']>[0]): void {
    this.connection.decide(step);
    this.#flush();
  }

  /** Ends the connection in order. */
  close(): void {
    if (!this.isOver) {
      this.connection.close();
      this.#flush();
    }
    this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #flush(): void {
    const output = this.connection.takeOutput();
    if (output.length > 0 && !this.#socket.destroyed) this.#socket.write(output);
    if (this.connection.error !== undefined) this.#socket.end();
    this.#waiter.wake();
  }

  async #until(isDone: () => boolean, what: string): Promise<void> {
    await this.#waiter.until(() => isDone() || this.isOver, what);
    if (!isDone()) throw new Error(`Instead of ${what}: ${this.#ending()}`, { cause: this.connection.error });
  }

  #ending(): string {
    const { error } = this.connection;
    if (error !== undefined) return `${this.alert}: ${error.message}`;
    return this.connection.peerAlert === undefined ? 'the connection was cut' : this.alert;
  }
}

/** Connects to a port of this machine. */
export async function connectTo(port: number, connection: Connection): Promise<End> {
  const socket = connect(port, '127.0.0.1');
  await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject));
  return new End(connection, socket);
}

/** A server on a port of its own, on the loopback interface. */
export class Listener {
  readonly #server: Server;
  readonly #ends: End[] = [];
  readonly #waiter = new Waiter();
  #accepted = 0;
  /** Of `accept`, which may throw for its configuration. */
  #error: Error | undefined;

  private constructor(server: Server) {
    this.#server = server;
  }

  /** @param accept makes the connection for each socket that comes in */
  static async open(accept: () => Connection): Promise<Listener> {
    const server = createServer((socket) => {
      try {
        listener.#ends.push(new End(accept(), socket));
      } catch (error) {
        listener.#error = error as Error;
        socket.destroy();
      }
      listener.#waiter.wake();
    });
    const listener = new Listener(server);
    await new Promise<void>((resolve, reject) => server.listen(0, '127.0.0.1', resolve).once('error', reject));
    return listener;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** The next connection that comes in. */
  async accept(): Promise<End> {
    const index = this.#accepted++;
    await this.#waiter.until(() => this.#ends.length > index || this.#error !== undefined, 'a connection');
    if (this.#error !== undefined) throw this.#error;
    return this.#ends[index] as End;
  }

  close(): void {
    for (const end of this.#ends) end.destroy();
    this.#server.close();
  }
}
