import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { Duplex, Readable, Transform, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { QuicStream } from '../src/index.ts';
import { errorOf, openPair, readAll, type LocalPair } from './support/loopback.ts';

const test = suite('duplex');

interface Streams extends LocalPair {
  readonly near: QuicStream;
  readonly far: QuicStream;
}

/** One stream as both sides see it. */
async function openStreams(options: Parameters<typeof openPair>[0] = {}): Promise<Streams> {
  const pair = await openPair(options);
  const near = await pair.client.openStream();
  await near.write(Buffer.from('!'));
  const far = (await pair.server.acceptStream())!;
  assert.is(String(Buffer.from((await far.read())!)), '!');
  return { ...pair, near, far };
}

function hash(data: Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}

test('10 MB through a pipeline there and back come out as they went in', async () => {
  const { near, far, close } = await openStreams();
  const data = randomBytes(10_000_000);
  const echo = far.toDuplex();
  const echoing = pipeline(echo, new Transform({ transform: (chunk, _, done) => done(null, chunk) }), echo);
  const duplex = near.toDuplex();
  const [back] = await Promise.all([
    readAll(duplex),
    pipeline(Readable.from(inPieces(data)), duplex, { end: true }).catch(() => {}),
  ]);
  assert.is(back.length, data.length);
  assert.is(hash(back), hash(data));
  await echoing;
  await close();
});

function* inPieces(data: Uint8Array): Generator<Uint8Array> {
  for (let at = 0, size = 1; at < data.length; at += size, size = (size * 7 + 13) % 100_000)
    yield data.subarray(at, at + size);
}

test('10 MB one way into a Writable, with the hash of the sender', async () => {
  const { near, far, close } = await openStreams();
  const data = randomBytes(10_000_000);
  const digest = createHash('sha256');
  const sink = new Writable({
    write(chunk: Uint8Array, _encoding, done) {
      digest.update(chunk);
      done();
    },
  });
  await Promise.all([
    pipeline(Readable.from(inPieces(data)), writableSide(near.toDuplex())),
    pipeline(readableSide(far.toDuplex()), sink),
  ]);
  assert.is(digest.digest('hex'), hash(data));
  await close();
});

/** pipeline() waits for both sides of a Duplex; here only one is in use. */
function writableSide(duplex: Duplex): Writable {
  duplex.resume();
  return new Writable({
    write: (chunk, encoding, done) => void duplex.write(chunk, encoding, done),
    final: (done) => void duplex.end(done),
  });
}

function readableSide(duplex: Duplex): Readable {
  duplex.end();
  return duplex;
}

test('a slow reader stops the writer, and memory stays bounded', async () => {
  const window = 65_536;
  const { near, far, close } = await openStreams({
    listen: { transport: { streamReceiveWindow: window } },
    connect: { transport: { streamSendBuffer: window } },
  });
  const writer = near.toDuplex();
  const reader = far.toDuplex();
  // `for await` destroys a stream after its end, both sides of it, which resets the way back.
  writer.on('error', () => {});
  // Its own half is never ended, so the end of the connection is an error to it, unless it was destroyed before: versions of Node differ.
  reader.on('error', () => {});
  let written = 0;
  let isDone = false;
  const chunk = Buffer.alloc(10_000, 7);
  const writing = (async () => {
    for (let i = 0; i < 500; i++) {
      if (!writer.write(chunk)) await once(writer, 'drain');
      written += chunk.length;
    }
    writer.end();
    isDone = true;
  })();
  await new Promise((resolve) => setTimeout(resolve, 200));
  // Nobody reads: both windows, both Duplexes' buffers and the chunk at hand are all that there can be.
  const stalledAt = written;
  assert.ok(
    stalledAt <= 2 * window + writer.writableHighWaterMark + reader.readableHighWaterMark + 4 * chunk.length,
    `${stalledAt}`,
  );
  assert.not(isDone);
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.is(written, stalledAt);
  assert.is((await readAll(reader)).length, 5_000_000);
  await writing;
  await close();
});

test('half-open: the end of one direction leaves the other alone', async () => {
  const { near, far, close } = await openStreams();
  const duplex = near.toDuplex();
  duplex.end('question');
  await once(duplex, 'finish');
  assert.is(String(await readAll(far)), 'question');
  await far.end(Buffer.from('answer'));
  assert.is(String(await readAll(duplex)), 'answer');
  assert.ok(duplex.readableEnded && duplex.writableFinished);
  if (!duplex.destroyed) await once(duplex, 'close');
  assert.is(duplex.errored, null);
  await close();
});

test('text is written as UTF-8, and a reused buffer does no harm', async () => {
  const { near, far, close } = await openStreams();
  const duplex = near.toDuplex();
  duplex.write('grüße ');
  const buffer = Buffer.alloc(20_000, 'a');
  await new Promise<void>((resolve) => duplex.write(buffer, () => resolve()));
  buffer.fill('b');
  duplex.end();
  const text = String(await readAll(far));
  assert.is(text, 'grüße ' + 'a'.repeat(20_000));
  far.reset();
  duplex.on('error', () => {});
  await close();
});

test('destroying early resets and stops', async () => {
  const { near, far, close } = await openStreams();
  const stopped = new Promise<number>((resolve) => (far.onStopped = resolve));
  const duplex = near.toDuplex();
  duplex.write('some of it');
  duplex.destroy();
  await once(duplex, 'close');
  assert.is(await stopped, 0);
  let error: { code?: string } | undefined;
  for (let chunk: unknown = true; chunk !== undefined;) {
    chunk = await far.read().catch((thrown: unknown) => void (error = thrown as { code: string }));
  }
  assert.is(error!.code, 'ERR_QUIC_STREAM_RESET');
  await close();
});

test('destroying after an orderly end takes nothing back', async () => {
  const { near, far, close } = await openStreams();
  const duplex = near.toDuplex();
  duplex.end(Buffer.alloc(100_000, 1));
  await once(duplex, 'finish');
  duplex.destroy();
  assert.is((await readAll(far)).length, 100_000);
  await close();
});

test("the peer's reset and stop destroy it with their codes", async () => {
  const first = await openStreams();
  const reading = first.near.toDuplex();
  const failed = errorOf(readAll(reading));
  first.far.reset(11);
  assert.is((await failed).code, 'ERR_QUIC_STREAM_RESET');
  assert.is((await failed).errorCode, 11);
  assert.ok(reading.destroyed);
  await first.close();

  const second = await openStreams({ connect: { transport: { streamSendBuffer: 4_096 } } });
  const writing = second.near.toDuplex();
  const broken = errorOf(new Promise((_, reject) => writing.on('error', reject)));
  writing.write(Buffer.alloc(1_000_000));
  second.far.stop(12);
  assert.is((await broken).code, 'ERR_QUIC_STREAM_STOPPED');
  assert.is((await broken).errorCode, 12);
  await second.close();
});

test('the end of the connection destroys it, after what had arrived was read', async () => {
  const { near, far, server, close } = await openStreams({ connect: { transport: { streamSendBuffer: 4_096 } } });
  const duplex = near.toDuplex();
  const chunks: string[] = [];
  await far.write(Buffer.alloc(50_000, 'x'));
  await far.write(Buffer.from('the last words'));
  await server.close({ errorCode: 6 });
  const error = await errorOf(
    (async () => {
      for await (const chunk of duplex) chunks.push(String(chunk));
    })(),
  );
  assert.is(error.code, 'ERR_QUIC_APPLICATION_CLOSE');
  assert.is(error.errorCode, 6);
  assert.is(chunks.join('').length, 50_014);
  assert.ok(chunks.join('').endsWith('the last words'));
  await close();
});

test('closing the connection here ends it without an error', async () => {
  const { near, client, close } = await openStreams({ connect: { transport: { streamSendBuffer: 4_096 } } });
  const duplex = near.toDuplex();
  duplex.on('error', () => assert.unreachable());
  const closed = once(duplex, 'close');
  await client.close();
  await closed;
  assert.ok(duplex.destroyed);
  await close();
});

test('a writer that waits hears of the end of the connection', async () => {
  const { near, server, close } = await openStreams({ connect: { transport: { streamSendBuffer: 4_096 } } });
  const duplex = near.toDuplex();
  const failed = errorOf(
    new Promise((_, reject) => duplex.write(Buffer.alloc(1_000_000), (error) => error && reject(error))),
  );
  const heard = errorOf(new Promise((_, reject) => duplex.on('error', reject)));
  await server.close({ errorCode: 6, immediate: true });
  assert.is((await failed).errorCode, 6);
  assert.is((await heard).errorCode, 6);
  await close();
});

test('one-way streams have one side', async () => {
  const { client, server, close } = await openPair();
  const out = (await client.openStream({ bidirectional: false })).toDuplex();
  assert.not(out.readable);
  out.end('only this');
  const incoming = (await server.acceptStream())!.toDuplex();
  assert.not(incoming.writable);
  assert.is(String(await readAll(incoming)), 'only this');
  await close();
});

test.run();
