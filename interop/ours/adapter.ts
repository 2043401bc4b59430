/** Our side: quic-node. */
import { QuicError } from '@mquictt/quic-core';
import { connect, listen, type QuicConnection, type QuicStream } from '@mquictt/quic-node';
import { RootStore } from '@mquictt/tls13';
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

class OurStream implements PeerStream {
  readonly #stream: QuicStream;

  constructor(stream: QuicStream) {
    this.#stream = stream;
  }

  async read(): Promise<Uint8Array | undefined> {
    return this.#stream.read().catch(rethrow);
  }

  async write(data: Uint8Array): Promise<void> {
    await this.#stream.write(data).catch(rethrow);
  }

  async end(): Promise<void> {
    await this.#stream.end().catch(rethrow);
  }

  reset(code: number): Promise<void> {
    this.#stream.reset(code);
    return Promise.resolve();
  }

  stop(code: number): Promise<void> {
    this.#stream.stop(code);
    return Promise.resolve();
  }
}

class OurConnection implements PeerConnection {
  readonly closed: Promise<CloseInfo>;
  readonly #connection: QuicConnection;
  readonly #bidirectional = new Queue<PeerStream>();
  readonly #unidirectional = new Queue<PeerStream>();

  constructor(connection: QuicConnection) {
    this.#connection = connection;
    connection.onStream = (stream) => {
      (stream.bidirectional ? this.#bidirectional : this.#unidirectional).push(new OurStream(stream));
    };
    this.closed = connection.closed.then((error) => {
      this.#bidirectional.end();
      this.#unidirectional.end();
      return error === undefined ? { kind: 'application', code: 0, reason: '' } : closeInfo(error);
    });
  }

  get alpnProtocol(): string | undefined {
    return this.#connection.alpnProtocol;
  }

  get serverName(): string | undefined {
    return this.#connection.serverName;
  }

  async openBidirectional(): Promise<PeerStream> {
    return new OurStream(await this.#connection.openStream({ bidirectional: true }));
  }

  async openUnidirectional(): Promise<PeerStream> {
    return new OurStream(await this.#connection.openStream({ bidirectional: false }));
  }

  acceptBidirectional(): Promise<PeerStream | undefined> {
    return this.#bidirectional.next();
  }

  acceptUnidirectional(): Promise<PeerStream | undefined> {
    return this.#unidirectional.next();
  }

  updateKeys(): boolean {
    return this.#connection.updateKeys();
  }

  close(code: number, reason: string): void {
    void this.#connection.close({ errorCode: code, reason });
  }
}

/** Things that arrive, for whoever asks. */
class Queue<T> {
  readonly #items: T[] = [];
  readonly #waiting: ((item: T | undefined) => void)[] = [];
  #ended = false;

  push(item: T): void {
    const waiting = this.#waiting.shift();
    if (waiting === undefined) this.#items.push(item);
    else waiting(item);
  }

  end(): void {
    this.#ended = true;
    for (const waiting of this.#waiting.splice(0)) waiting(undefined);
  }

  next(): Promise<T | undefined> {
    if (this.#items.length > 0 || this.#ended) return Promise.resolve(this.#items.shift());
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}

export const ours: Implementation = {
  name: 'mquictt',
  canReset: true,
  canStopWithCode: true,
  canUpdateKeys: true,

  async listen(certificate: ListenOptions): Promise<PeerListener> {
    const listener = await listen({ host: LOOPBACK, port: 0, alpnProtocols: [ALPN], certificate });
    const connections = listener[Symbol.asyncIterator]();
    return {
      port: listener.address.port,
      async accept() {
        const { value, done } = await connections.next();
        return done === true ? undefined : new OurConnection(value);
      },
    };
  },

  async connect({ port, serverName, alpnProtocols, caPem }: ConnectOptions): Promise<PeerConnection> {
    const roots = RootStore.fromPem(caPem);
    try {
      return new OurConnection(await connect({ host: LOOPBACK, port, serverName, alpnProtocols, roots }));
    } catch (error) {
      if (error instanceof QuicError) throw new CloseError(closeInfo(error));
      throw error;
    }
  },
};

function closeInfo(error: QuicError): CloseInfo {
  const { code, errorCode, message, reason } = error;
  if (code === 'ERR_QUIC_APPLICATION_CLOSE') {
    return { kind: 'application', code: errorCode, reason };
  }
  // RFC 9001 §4.8: a TLS alert travels as 0x0100 + alert.
  if (code === 'ERR_QUIC_TLS') return { kind: 'tls', code: errorCode - 0x0100, reason: message };
  return { kind: 'other', code: errorCode, reason: `${code}: ${message}` };
}

function rethrow(error: unknown): never {
  if (error instanceof QuicError && error.code === 'ERR_QUIC_STREAM_RESET') {
    throw new StreamError('reset', error.errorCode);
  }
  if (error instanceof QuicError && error.code === 'ERR_QUIC_STREAM_STOPPED') {
    throw new StreamError('stopped', error.errorCode);
  }
  throw error;
}
