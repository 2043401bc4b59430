/** The server of the cases: each stream begins with a line that says what to do with it. */
import { emit } from '../tools/command-loop.ts';
import { Incoming, contents, line, sha256 } from './contents.ts';
import {
  CloseError,
  StreamError,
  updateKeys,
  type Implementation,
  type PeerConnection,
  type PeerStream,
} from './peer.ts';

/** The first line of a stream. */
export type Order =
  /** Say what the handshake agreed on. */
  | { do: 'describe' }
  /** Read to the end, answer with the hash, then send as many bytes of contents(seed). */
  | { do: 'exchange'; seed: number; length: number }
  /** Send everything back as it comes. */
  | { do: 'echo' }
  /** Update the keys, say so, and send everything back. */
  | { do: 'update-keys' }
  | { do: 'close'; code: number; reason: string }
  /** Reset our half, after a few bytes. */
  | { do: 'reset'; code: number }
  /** Stop the client's half. */
  | { do: 'stop'; code: number }
  /** Write without end until stopped, and tell the code. */
  | { do: 'flood' }
  /** Say so, then read to the end and tell how it ends. */
  | { do: 'watch' };

/** What the server tells unasked, for the cases to wait for. */
export type ServerEvent =
  | { type: 'refused'; reason: string }
  | { type: 'closed'; kind: string; code: number; reason: string }
  | { type: 'stream-ended'; how: 'fin' | 'reset' | 'stopped'; code: number };

function tell(event: ServerEvent): void {
  emit(event);
}

/** Answers an `exchange`, on the stream itself or, for a unidirectional one, on a stream of its own. */
async function exchange(incoming: Incoming, outgoing: PeerStream, seed: number, length: number): Promise<void> {
  const received = await incoming.rest();
  await outgoing.write(line({ sha256: await sha256(received), length: received.length }));
  await outgoing.write(contents(seed, length));
  await outgoing.end();
}

async function echo(incoming: Incoming, stream: PeerStream): Promise<void> {
  for (let chunk = await incoming.chunk(); chunk !== undefined; chunk = await incoming.chunk()) {
    await stream.write(chunk);
  }
  await stream.end();
}

/** Reads until the client's half is over, and tells how it ended. */
async function watch(incoming: Incoming): Promise<void> {
  try {
    while ((await incoming.chunk()) !== undefined);
    tell({ type: 'stream-ended', how: 'fin', code: 0 });
  } catch (error) {
    if (!(error instanceof StreamError)) throw error;
    tell({ type: 'stream-ended', how: error.kind, code: error.code });
  }
}

async function flood(stream: PeerStream): Promise<void> {
  const chunk = contents(1, 4096);
  try {
    for (;;) await stream.write(chunk);
  } catch (error) {
    if (!(error instanceof StreamError)) throw error;
    tell({ type: 'stream-ended', how: error.kind, code: error.code });
  }
}

async function obey(connection: PeerConnection, stream: PeerStream): Promise<void> {
  const incoming = new Incoming(stream);
  const order = await incoming.line<Order>();
  switch (order.do) {
    case 'describe':
      await stream.write(line({ alpnProtocol: connection.alpnProtocol, serverName: connection.serverName }));
      return stream.end();
    case 'exchange':
      return exchange(incoming, stream, order.seed, order.length);
    case 'update-keys':
      await updateKeys(connection);
      await stream.write(line({ updated: true }));
      return echo(incoming, stream);
    case 'echo':
      return echo(incoming, stream);
    case 'close':
      return connection.close(order.code, order.reason);
    case 'reset':
      await stream.write(contents(1, 100));
      return stream.reset(order.code);
    case 'stop':
      await stream.stop(order.code);
      return stream.end();
    case 'flood':
      return flood(stream);
    case 'watch':
      await stream.write(line({ watching: true }));
      await watch(incoming);
      return stream.end();
    default:
      throw new RangeError('There is no such order');
  }
}

async function obeyUnidirectional(connection: PeerConnection, stream: PeerStream): Promise<void> {
  const incoming = new Incoming(stream);
  const order = await incoming.line<Order>();
  if (order.do !== 'exchange') throw new RangeError('There is no such order for a unidirectional stream');
  return exchange(incoming, await connection.openUnidirectional(), order.seed, order.length);
}

/** Takes the streams of one kind until the connection ends. A stream that ends badly is the client's to notice. */
async function serveStreams(
  accept: () => Promise<PeerStream | undefined>,
  handle: (stream: PeerStream) => Promise<void>,
): Promise<void> {
  for (let stream = await accept(); stream !== undefined; stream = await accept()) {
    handle(stream).catch((error: unknown) => console.error(error));
  }
}

/** Serves until the process ends. @returns the port */
export async function serve(
  implementation: Implementation,
  options: { certificatePem: string; keyPem: string },
): Promise<number> {
  const listener = await implementation.listen(options);
  const acceptConnections = async (): Promise<void> => {
    for (;;) {
      try {
        const connection = await listener.accept();
        if (connection === undefined) return;
        void connection.closed.then(({ kind, code, reason }) => tell({ type: 'closed', kind, code, reason }));
        void serveStreams(
          () => connection.acceptBidirectional(),
          (stream) => obey(connection, stream),
        );
        void serveStreams(
          () => connection.acceptUnidirectional(),
          (stream) => obeyUnidirectional(connection, stream),
        );
      } catch (error) {
        if (!(error instanceof CloseError)) throw error;
        tell({ type: 'refused', reason: error.message });
      }
    }
  };
  void acceptConnections();
  return listener.port;
}
