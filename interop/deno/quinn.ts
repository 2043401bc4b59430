/**
 * quinn, through Deno's QUIC interface.
 *
 * Deno hands error codes over only inside messages, so they are read from there; it cannot reset a stream, and its
 * STOP_SENDING always carries 0.
 */
import {
  ALPN,
  CloseError,
  StreamError,
  type CloseInfo,
  type ConnectOptions,
  type Implementation,
  type ListenOptions,
  type PeerConnection,
  type PeerListener,
  type PeerStream,
} from '../peer.ts';

const LOOPBACK = '127.0.0.1';

class DenoStream implements PeerStream {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array> | undefined;

  constructor(readable: ReadableStream<Uint8Array> | undefined, writable: WritableStream<Uint8Array> | undefined) {
    this.#reader = readable?.getReader();
    this.#writer = writable?.getWriter();
    // Whoever writes next is told; a rejected promise that nobody looks at would end the process.
    this.#writer?.closed.catch(() => {});
    this.#reader?.closed.catch(() => {});
  }

  async read(): Promise<Uint8Array | undefined> {
    if (this.#reader === undefined) throw new TypeError('The stream cannot be read');
    try {
      return (await this.#reader.read()).value;
    } catch (error) {
      throw streamError(error);
    }
  }

  async write(data: Uint8Array): Promise<void> {
    if (this.#writer === undefined) throw new TypeError('The stream cannot be written');
    try {
      await this.#writer.write(data);
    } catch (error) {
      throw streamError(error);
    }
  }

  async end(): Promise<void> {
    await this.#writer?.close();
  }

  reset(): Promise<void> {
    throw new TypeError('Deno cannot reset a stream');
  }

  async stop(): Promise<void> {
    await this.#reader?.cancel();
  }
}

class DenoConnection implements PeerConnection {
  readonly closed: Promise<CloseInfo>;
  readonly #connection: Deno.QuicConn;
  readonly #bidirectional: AsyncIterator<Deno.QuicBidirectionalStream>;
  readonly #unidirectional: AsyncIterator<ReadableStream<Uint8Array>>;

  constructor(connection: Deno.QuicConn) {
    this.#connection = connection;
    this.#bidirectional = connection.incomingBidirectionalStreams[Symbol.asyncIterator]();
    this.#unidirectional = connection.incomingUnidirectionalStreams[Symbol.asyncIterator]();
    this.closed = connection.closed.then(
      ({ closeCode, reason }) => ({ kind: 'application', code: closeCode, reason }),
      (error: unknown) => closeInfo(error),
    );
  }

  get alpnProtocol(): string | undefined {
    return this.#connection.protocol;
  }

  get serverName(): string | undefined {
    return this.#connection.serverName;
  }

  async openBidirectional(): Promise<PeerStream> {
    const stream = await this.#connection.createBidirectionalStream({ waitUntilAvailable: true });
    return new DenoStream(stream.readable, stream.writable);
  }

  async openUnidirectional(): Promise<PeerStream> {
    return new DenoStream(undefined, await this.#connection.createUnidirectionalStream({ waitUntilAvailable: true }));
  }

  async acceptBidirectional(): Promise<PeerStream | undefined> {
    const stream = await next(this.#bidirectional);
    return stream && new DenoStream(stream.readable, stream.writable);
  }

  async acceptUnidirectional(): Promise<PeerStream | undefined> {
    const stream = await next(this.#unidirectional);
    return stream && new DenoStream(stream, undefined);
  }

  updateKeys(): boolean {
    throw new TypeError('Deno cannot update the keys');
  }

  close(code: number, reason: string): void {
    this.#connection.close({ closeCode: code, reason });
  }
}

export const quinn: Implementation = {
  name: 'quinn',
  canReset: false,
  canStopWithCode: false,
  canUpdateKeys: false,

  listen({ certificatePem, keyPem }: ListenOptions): Promise<PeerListener> {
    const endpoint = new Deno.QuicEndpoint({ hostname: LOOPBACK, port: 0 });
    const listener = endpoint.listen({ cert: certificatePem, key: keyPem, alpnProtocols: [ALPN] });
    return Promise.resolve({
      port: endpoint.addr.port,
      async accept() {
        try {
          return new DenoConnection(await listener.accept());
        } catch (error) {
          throw new CloseError(closeInfo(error));
        }
      },
    });
  },

  async connect({ port, serverName, alpnProtocols, caPem }: ConnectOptions): Promise<PeerConnection> {
    try {
      const connection = await Deno.connectQuic({
        hostname: LOOPBACK,
        port,
        serverName,
        alpnProtocols: [...alpnProtocols],
        caCerts: [caPem],
        // Deno's own choice would be an endpoint on all interfaces.
        endpoint: new Deno.QuicEndpoint({ hostname: LOOPBACK, port: 0 }),
      });
      return new DenoConnection(connection);
    } catch (error) {
      throw new CloseError(closeInfo(error));
    }
  },
};

/** The next of the streams that the peer opens, undefined once the connection is closed. */
async function next<T>(streams: AsyncIterator<T>): Promise<T | undefined> {
  try {
    const { value, done } = await streams.next();
    return done === true ? undefined : (value as T);
  } catch {
    return undefined;
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function closeInfo(error: unknown): CloseInfo {
  const reason = messageOf(error);
  const alert = /handshake failed: error (\d+)/.exec(reason);
  return { kind: alert === null ? 'other' : 'tls', code: Number(alert?.[1] ?? 0), reason };
}

function streamError(error: unknown): unknown {
  const match = /(reset|stopped) by peer: error (\d+)/.exec(messageOf(error));
  if (match === null) return error;
  return new StreamError(match[1] as 'reset' | 'stopped', Number(match[2]));
}
