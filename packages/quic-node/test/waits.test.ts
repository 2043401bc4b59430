/** Everything that waits can be aborted, has an end, and says why. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { errorOf, listenLocally, openPair } from './support/loopback.ts';

const test = suite('waits');
const reason = new Error('changed my mind');

function soon(): AbortSignal {
  const controller = new AbortController();
  setTimeout(() => controller.abort(reason), 10);
  return controller.signal;
}

test('accept() of a listener: aborted, or over when the listener closes', async () => {
  const listener = await listenLocally();
  assert.is(await errorOf(listener.accept({ signal: soon() })), reason);
  assert.is(await errorOf(listener.accept({ signal: AbortSignal.abort(reason) })), reason);
  const waiting = listener.accept();
  await listener.close();
  assert.is(await waiting, undefined);
  assert.is(await listener.accept(), undefined);
});

test('acceptStream(): aborted, or over when the connection is', async () => {
  const { client, server, close } = await openPair();
  assert.is(await errorOf(server.acceptStream({ signal: soon() })), reason);
  const waiting = server.acceptStream();
  await client.close({ errorCode: 7, reason: 'bye' });
  assert.is(await waiting, undefined);
  assert.is(await server.acceptStream(), undefined);
  const error = await server.closed;
  assert.is(error!.code, 'ERR_QUIC_APPLICATION_CLOSE');
  assert.is(error!.errorCode, 7);
  assert.is(error!.fault, 'peer');
  assert.match(error!.message, /bye/);
  assert.is(server.closeError, error);
  // Closed by us, but not with 0.
  assert.is((await client.closed)!.errorCode, 7);
  await close();
});

test('openStream(): aborted, timed out, closed, and fair', async () => {
  const { client, server, close } = await openPair({ listen: { transport: { maxBidirectionalStreams: 1 } } });
  const first = await client.openStream();
  assert.is(client.tryOpenStream(), undefined);
  assert.is(await errorOf(client.openStream({ signal: soon() })), reason);
  const late = await errorOf(client.openStream({ timeout: 20 }));
  assert.is(late.code, 'ERR_QUIC_STREAM_LIMIT');
  const { port } = client.remoteAddress;
  assert.is(late.message, `127.0.0.1:${port} allowed no further bidirectional stream within 20 ms`);
  const second = client.openStream();
  const third = client.openStream();
  void first.end(Buffer.from('x'));
  const accepted = (await server.acceptStream())!;
  void accepted.end();
  assert.is(String(Buffer.from((await accepted.read())!)), 'x');
  assert.is(await accepted.read(), undefined);
  assert.is(await first.read(), undefined);
  assert.is((await second).id, 4);
  const rejected = errorOf(third);
  const closing = client.close();
  assert.is((await rejected).code, 'ERR_QUIC_INVALID_STATE');
  assert.is(client.tryOpenStream(), undefined);
  await closing;
  assert.is((await errorOf(client.openStream())).code, 'ERR_QUIC_APPLICATION_CLOSE');
  assert.is(client.tryOpenStream(), undefined);
  await close();
});

test('read(): aborted without losing data, and served in order', async () => {
  const { client, server, close } = await openPair();
  const stream = await client.openStream();
  await stream.write(Buffer.from('1'));
  const incoming = (await server.acceptStream())!;
  await incoming.read();
  assert.is(await errorOf(incoming.read({ signal: soon() })), reason);
  const a = incoming.read();
  const b = incoming.read();
  await stream.write(Buffer.from('2'));
  assert.is(String(Buffer.from((await a)!)), '2');
  void stream.end(Buffer.from('3'));
  assert.is(String(Buffer.from((await b)!)), '3');
  assert.is(await incoming.read(), undefined);
  assert.is(await incoming.read(), undefined);
  await close();
});

test('write(): waits for the reader, can be aborted, and goes on after that', async () => {
  const { client, server, close } = await openPair({
    listen: { transport: { streamReceiveWindow: 16_384 } },
    connect: { transport: { streamSendBuffer: 16_384 } },
  });
  const stream = await client.openStream();
  let isAccepted = false;
  const writing = stream.write(new Uint8Array(100_000).fill(1)).then(() => (isAccepted = true));
  const aborted = stream.write(Buffer.from('never'), { signal: soon() });
  assert.is(await errorOf(aborted), reason);
  assert.not(isAccepted);
  assert.is(stream.writableBytes, 0);
  assert.is(stream.tryWrite(Buffer.from('not now')), 0);
  const ended = stream.end(Buffer.from('end'));
  const incoming = (await server.acceptStream())!;
  let total = 0;
  let last = '';
  for await (const chunk of incoming) {
    total += chunk.length;
    last = Buffer.from(chunk.subarray(-3)).toString();
  }
  await Promise.all([writing, ended]);
  assert.is(total, 100_003);
  assert.is(last, 'end');
  assert.is((await errorOf(stream.write(Buffer.from('x')))).code, 'ERR_QUIC_INVALID_STATE');
  await close();
});

test('reset: the reader sees the code, after which both sides are done', async () => {
  const { client, server, close } = await openPair();
  const stream = await client.openStream();
  await stream.write(Buffer.from('x'));
  const incoming = (await server.acceptStream())!;
  await incoming.read();
  const waiting = incoming.read();
  const second = errorOf(incoming.read());
  let readable = 0;
  incoming.onReadable = () => readable++;
  stream.reset(42);
  const error = await errorOf(waiting);
  assert.is(error.code, 'ERR_QUIC_STREAM_RESET');
  assert.is(error.errorCode, 42);
  assert.is((await second).errorCode, 42);
  assert.is((await errorOf(incoming.read())).errorCode, 42);
  assert.is(incoming.receiveState, 'reset');
  assert.is(incoming.resetCode, 42);
  assert.is(readable, 1);
  assert.is((await errorOf(stream.write(Buffer.from('x')))).code, 'ERR_QUIC_INVALID_STATE');
  // The other direction is untouched.
  await incoming.end(Buffer.from('still here'));
  assert.is(String(Buffer.from((await stream.read())!)), 'still here');
  assert.is(await stream.read(), undefined);
  assert.is(client.streamCount + server.streamCount, 0);
  assert.is(server.stats().openStreams, 0);
  await close();
});

test('streams that are reset as soon as they are opened cost the peer no credit, nor us memory', async () => {
  const { client, server, close, listener } = await openPair({
    listen: { transport: { maxUnidirectionalStreams: 8 } },
  });
  for (let i = 0; i < 2_000; i++) {
    const stream = await client.openStream({ bidirectional: false });
    stream.tryWrite(Buffer.from('x'));
    stream.reset(1);
  }
  const last = await client.openStream();
  await last.end(Buffer.from('done'));
  assert.is(server.stats().openStreams, 1);
  assert.is(server.streamCount, 1);
  assert.is((await server.acceptStream())!.id, last.id);
  assert.is(listener.internalErrors, 0);
  await close();
});

test('stop: the writer sees the code, and onStopped is called', async () => {
  const { client, server, close } = await openPair({ connect: { transport: { streamSendBuffer: 4_096 } } });
  const stream = await client.openStream();
  const codes: number[] = [];
  stream.onStopped = (code) => codes.push(code);
  const writing = errorOf(stream.write(new Uint8Array(10_000_000)));
  const ending = errorOf(stream.end());
  const incoming = (await server.acceptStream())!;
  await incoming.read();
  const reading = incoming.read();
  incoming.stop(43);
  await reading;
  assert.is(await incoming.read(), undefined);
  assert.is((await writing).code, 'ERR_QUIC_STREAM_STOPPED');
  assert.is((await writing).errorCode, 43);
  assert.is((await ending).errorCode, 43);
  assert.equal(codes, [43]);
  assert.is((await errorOf(stream.end())).code, 'ERR_QUIC_STREAM_STOPPED');
  assert.is(stream.tryWrite(Buffer.from('x')), 0);
  assert.is(stream.writableBytes, 0);
  await close();
});

test('leaving a for await loop early stops the stream', async () => {
  const { client, server, close } = await openPair();
  const stream = await client.openStream();
  const isStopped = new Promise<number>((resolve) => (stream.onStopped = resolve));
  await stream.write(Buffer.from('x'));
  for await (const chunk of (await server.acceptStream())!) {
    assert.is(chunk.length, 1);
    break;
  }
  assert.is(await isStopped, 0);
  await close();
});

test('the end of the connection reaches everyone who waits', async () => {
  const { client, server, listener } = await openPair({ connect: { transport: { streamSendBuffer: 4_096 } } });
  const stream = await client.openStream();
  const closedWith: number[] = [];
  stream.onClosed = (error) => closedWith.push(error.errorCode);
  const reading = errorOf(stream.read());
  const writing = errorOf(stream.write(new Uint8Array(10_000_000)));
  const ending = errorOf(stream.end());
  await server.acceptStream();
  await server.close({ errorCode: 9, immediate: true });
  for (const error of await Promise.all([reading, writing, ending])) {
    assert.is(error.code, 'ERR_QUIC_APPLICATION_CLOSE');
    assert.is(error.errorCode, 9);
  }
  assert.equal(closedWith, [9]);
  assert.is((await errorOf(stream.read())).errorCode, 9);
  assert.is((await errorOf(stream.write(Buffer.from('x')))).errorCode, 9);
  assert.is(stream.tryWrite(Buffer.from('x')), 0);
  assert.is(stream.tryRead(), undefined);
  stream.reset(1);
  stream.stop(1);
  client.ping();
  assert.not(client.updateKeys());
  assert.is((await client.closed)!.errorCode, 9);
  await client.close();
  await listener.close();
});

test('data and end that had arrived can be read after the peer closed', async () => {
  const { client, server, close } = await openPair();
  const stream = await client.openStream({ bidirectional: false });
  await stream.end(Buffer.from('the last words'));
  await client.close();
  await server.closed;
  const incoming = (await server.acceptStream())!;
  assert.is(String(Buffer.from((await incoming.read())!)), 'the last words');
  assert.is(await incoming.read(), undefined);
  assert.is(await server.acceptStream(), undefined);
  await close();
});

test('what is not bytes is refused', async () => {
  const { client, close } = await openPair();
  const stream = await client.openStream();
  assert.is((await errorOf(stream.write('text' as unknown as Uint8Array))).code, 'ERR_QUIC_INVALID_ARGUMENT');
  await close();
});

test('an exception in a callback is the process’s to hear, and harms no one else', async () => {
  const { client, server, close, listener } = await openPair();
  const caught: unknown[] = [];
  const onUncaught = (error: unknown): number => caught.push(error);
  process.on('uncaughtException', onUncaught);
  server.onStream = (stream) => {
    stream.onReadable = () => {
      throw new Error('in onReadable');
    };
    throw new Error('in onStream');
  };
  const stream = await client.openStream();
  await stream.end(Buffer.from('x'));
  process.off('uncaughtException', onUncaught);
  assert.equal(
    caught.map((error) => (error as Error).message),
    ['in onStream', 'in onReadable'],
  );
  assert.is(server.closeError, undefined);
  assert.is(listener.internalErrors, 0);
  await close();
});

test.run();
