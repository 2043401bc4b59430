/** What every transport promises, see src/transports/transport.ts. Real sockets on loopback. */
import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type {
  TransportConnection,
  TransportKind,
  TransportListener,
  TransportStream,
} from '../../src/transports/transport.ts';
import { until } from '../support/loopback.ts';
import { random } from '../support/seed.ts';
import { WIRES } from './wires.ts';
import type { Peer } from './wires.ts';

const MIB = 1_048_576;

/** Bytes that tell where they belong: a shift by one or a lost piece shows. */
function pattern(length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  for (let i = 0; i < length; i++) bytes[i] = (i * 31 + (i >> 8)) & 0xff;
  return bytes;
}

function collect(stream: Duplex): { bytes: () => Buffer; length: () => number } {
  const chunks: Buffer[] = [];
  let length = 0;
  stream.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    length += chunk.length;
  });
  return { bytes: () => Buffer.concat(chunks), length: () => length };
}

/** Reads everything as it comes. */
function read(stream: TransportStream, onChunk: (chunk: Uint8Array) => void): void {
  const pull = (): void => {
    for (let chunk = stream.tryRead(); chunk !== undefined; chunk = stream.tryRead()) onChunk(chunk);
  };
  stream.onReadable = pull;
  pull();
}

/** Writes all of it as the stream takes it, and then ends our half if asked. */
function write(stream: TransportStream, data: Uint8Array, fin: boolean = false): void {
  let at = 0;
  const push = (): void => {
    at += stream.tryWrite(data.subarray(at), fin);
  };
  stream.onWritable = push;
  push();
}

/** Waits until a number has not changed for a while. */
async function settled(value: () => number): Promise<number> {
  let last = -1;
  for (let rounds = 0; rounds < 3; rounds = value() === last ? rounds + 1 : 0) {
    last = value();
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return last;
}

interface Accepted {
  readonly connection: TransportConnection;
  readonly stream: TransportStream;
}

interface World {
  readonly listener: TransportListener;
  /** @param hello bytes that the peer sends first, without which QUIC shows no stream */
  meet(hello?: Uint8Array): Promise<Accepted & { readonly peer: Peer }>;
}

export function transportContract(kind: TransportKind): void {
  const wire = WIRES[kind];
  const test = suite(`${kind} transport`);

  const withListener = async (run: (world: World) => Promise<void>, host = '127.0.0.1'): Promise<void> => {
    const listener = await wire.listen({ host });
    const accepted: Accepted[] = [];
    let wake = (): void => {};
    listener.onConnection = (connection) => {
      connection.accepted();
      connection.onStream = (stream) => {
        accepted.push({ connection, stream });
        wake();
      };
    };
    const peers: Peer[] = [];
    try {
      await run({
        listener,
        async meet(hello = Buffer.from('hello')) {
          const peer = await wire.dial(listener.address.port, host);
          peers.push(peer);
          peer.stream.write(hello);
          if (accepted.length === 0)
            await new Promise<void>((resolve) => {
              wake = resolve;
            });
          return { peer, ...(accepted.shift() as Accepted) };
        },
      });
    } finally {
      for (const peer of peers) peer.cut();
      await listener.close({ deadline: 100 });
    }
  };

  test('bytes go both ways, whatever pieces they are written in', () =>
    withListener(async ({ meet }) => {
      const draw = random();
      const data = pattern(2 * MIB);
      const { peer, stream } = await meet(data.subarray(0, 1));
      const echoed = collect(peer.stream);
      const waiting: Uint8Array[] = [];
      const push = (): void => {
        while (waiting.length > 0) {
          const taken = stream.tryWrite(waiting[0]!);
          if (taken < waiting[0]!.length) {
            waiting[0] = waiting[0]!.subarray(taken);
            return;
          }
          waiting.shift();
        }
      };
      stream.onWritable = push;
      read(stream, (chunk) => {
        waiting.push(chunk);
        if (waiting.length === 1) push();
      });
      for (let at = 1; at < data.length;) {
        const size = draw() < 0.5 ? 1 + Math.floor(draw() * 20) : 1 + Math.floor(draw() * 200_000);
        if (!peer.stream.write(data.subarray(at, at + size))) await once(peer.stream, 'drain');
        at += size;
      }
      await until(() => echoed.length() === data.length);
      assert.ok(echoed.bytes().equals(data));
    }));

  test('who does not read holds the peer back, and loses nothing', () =>
    withListener(async ({ meet }) => {
      const total = 24 * MIB;
      const block = pattern(256 * 1024);
      const { peer, stream, connection } = await meet(block);
      let sent = block.length;
      const send = async (): Promise<void> => {
        while (sent < total) {
          sent += block.length;
          if (!peer.stream.write(block)) await once(peer.stream, 'drain');
        }
      };
      const sending = send();
      // When the test ends before, its error is the one that counts.
      sending.catch(() => {});
      const arrived = await settled(() => connection.stats().bytesReceived);
      // The kernel keeps some as well, which is its affair.
      assert.ok(arrived < 16 * MIB, `${arrived} bytes arrived without anybody reading`);
      assert.ok(sent < total, 'the peer is held back');
      let received = 0;
      let isRight = true;
      read(stream, (chunk) => {
        isRight &&= chunk.every((byte, i) => byte === block[(received + i) % block.length]);
        received += chunk.length;
      });
      await sending;
      await until(() => received === total, 20_000);
      assert.ok(isRight, 'in order');
    }));

  test('a peer that does not read makes tryWrite() take nothing, and onWritable says when it reads on', () =>
    withListener(async ({ meet }) => {
      const { peer, stream } = await meet();
      const block = pattern(64 * 1024);
      let taken = 0;
      const push = (): void => {
        for (let n = block.length; n > 0; taken += n) {
          n = stream.tryWrite(block.subarray(taken % block.length));
          if (taken + n >= 24 * MIB) {
            taken += n;
            return;
          }
        }
      };
      stream.onWritable = push;
      push();
      const before = await settled(() => taken);
      assert.ok(before < 16 * MIB, `${before} bytes were taken while nobody read`);
      const received = collect(peer.stream);
      await until(() => taken >= 24 * MIB && received.length() === taken, 20_000);
      const bytes = received.bytes();
      for (let at = 0; at < bytes.length; at += block.length) {
        if (!bytes.subarray(at, at + block.length).equals(block.subarray(0, bytes.length - at)))
          throw new Error(`Wrong bytes at ${at}`);
      }
    }));

  if (wire.hasHalves) {
    test('a peer that ends its half still gets answers', () =>
      withListener(async ({ meet }) => {
        const { peer, stream } = await meet(Buffer.from('question'));
        const answer = collect(peer.stream);
        const ended = once(peer.stream, 'end');
        let question = '';
        peer.stream.end('?');
        read(stream, (chunk) => (question += Buffer.from(chunk).toString()));
        await until(() => stream.receiveState === 'finished');
        assert.is(question, 'question?');
        write(stream, pattern(MIB), true);
        await until(() => answer.length() === MIB);
        await ended;
      }));
  }

  test('what arrived before the peer was cut off can be read in onClosed', () =>
    withListener(async ({ meet }) => {
      const { peer, stream, connection } = await meet(Buffer.from('last words'));
      await until(() => connection.stats().bytesReceived >= 10);
      const order: string[] = [];
      stream.onClosed = () => {
        let words = '';
        for (let chunk = stream.tryRead(); chunk !== undefined; chunk = stream.tryRead())
          words += Buffer.from(chunk).toString();
        order.push(words);
      };
      void connection.closed.then(() => order.push('closed'));
      await new Promise((resolve) => setTimeout(resolve, 20));
      peer.cut();
      await until(() => order.length === 2);
      assert.equal(order, ['last words', 'closed']);
      assert.is(stream.writableBytes, 0);
      await connection.close();
    }));

  test('close() lets everything leave that was written before, even while the peer still sends', () =>
    withListener(async ({ meet, listener }) => {
      const { peer, stream, connection } = await meet(pattern(MIB));
      const data = pattern(4 * MIB);
      let at = 0;
      const push = (): void => {
        at += stream.tryWrite(data.subarray(at), true);
      };
      stream.onWritable = push;
      push();
      const closing = connection.close({ errorCode: 0x8b, reason: 'That was all', deadline: 10_000 });
      const received = collect(peer.stream);
      peer.stream.write(pattern(MIB));
      await until(() => received.length() === data.length);
      assert.ok(received.bytes().equals(data));
      // Without halves the end is already on its way.
      if (wire.hasHalves) peer.stream.end();
      await closing;
      await connection.closed;
      await until(() => listener.connectionCount === 0);
      await connection.close();
    }));

  test('close() waits no longer than its deadline for a peer that does not read', () =>
    withListener(async ({ meet }) => {
      const { stream, connection } = await meet();
      write(stream, pattern(32 * MIB));
      const begin = performance.now();
      await connection.close({ deadline: 150 });
      const took = performance.now() - begin;
      assert.ok(took >= 140 && took < 5_000, `${took} ms`);
      assert.is(stream.tryWrite(Buffer.from('late')), 0);
    }));

  test('close({ immediate }) does not wait', () =>
    withListener(async ({ meet }) => {
      const { peer, stream, connection } = await meet();
      write(stream, pattern(32 * MIB));
      const begin = performance.now();
      void connection.close({ deadline: 60_000 });
      await connection.close({ immediate: true });
      assert.ok(performance.now() - begin < 5_000);
      peer.stream.resume();
      if (wire.hasHalves) peer.stream.end();
      await peer.closed;
    }));

  for (const host of ['127.0.0.1', '::1']) {
    test(`who it is: ${host}`, () =>
      withListener(async ({ meet, listener }) => {
        assert.is(listener.kind, kind);
        assert.is(listener.name, 'a name');
        assert.is(listener.address.host, host);
        const { peer, connection, stream } = await meet();
        assert.equal(connection.remoteAddress, { host, port: peer.localPort });
        assert.equal([connection.kind, connection.listener], [kind, 'a name']);
        assert.equal([connection.peerIdentity, connection.peerCertificates], [undefined, []]);
        assert.is(stream.id, 0);
        assert.is(stream.bidirectional, true);
        assert.is(listener.connectionCount, 1);
        await until(() => connection.stats().bytesReceived >= 5);
        const { rtt, packetsLost } = connection.stats();
        assert.is(typeof rtt, kind === 'quic' ? 'number' : 'undefined');
        assert.is(typeof packetsLost, kind === 'quic' ? 'number' : 'undefined');
        peer.cut();
        await connection.closed;
        assert.is(connection.remoteAddress.host, host, 'it is remembered');
        await until(() => listener.connectionCount === 0);
      }, host));
  }

  test('ping() brings a sign of life, where the transport does not look after that itself', () =>
    withListener(async ({ meet }) => {
      const { connection, peer } = await meet();
      peer.stream.resume();
      const before = await settled(() => connection.stats().bytesReceived);
      assert.is(connection.ping(), kind !== 'tcp' && kind !== 'tls');
      if (kind !== 'tcp' && kind !== 'tls') await until(() => connection.stats().bytesReceived > before);
    }));

  test('1,000 connections at once, and close() of the listener ends them all', async () => {
    const listener = await wire.listen();
    const ended: Promise<unknown>[] = [];
    listener.onConnection = (connection) => {
      ended.push(connection.closed);
      connection.onStream = (stream) => read(stream, (chunk) => stream.tryWrite(chunk));
    };
    const peers: Peer[] = [];
    for (let i = 0; i < 20; i++)
      peers.push(...(await Promise.all(Array.from({ length: 50 }, () => wire.dial(listener.address.port)))));
    let answers = 0;
    for (const [i, { stream }] of peers.entries()) {
      stream.write(`I am ${i}`);
      stream.once('data', (chunk: Buffer) => {
        if (chunk.toString() === `I am ${i}`) answers++;
        stream.resume();
      });
    }
    await until(() => answers === 1_000, 20_000);
    assert.is(listener.connectionCount, 1_000);
    await listener.close({ deadline: 2_000 });
    assert.is(listener.connectionCount, 0);
    assert.is(ended.length, 1_000);
    await Promise.all(ended);
    for (const peer of peers) peer.cut();
    await Promise.all(peers.map(({ closed }) => closed));
  });

  test.run();
}
