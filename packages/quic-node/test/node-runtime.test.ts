import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { DatagramBatch } from '@mquictt/quic-core';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { nodeRuntime as runtime } from '../src/node-runtime.ts';
import type { UdpSocket } from '../src/runtime.ts';

const test = suite('node runtime');

/** Timers of the runtime do not keep a process alive; tests that wait for one do. */
async function whileAlive<T>(promise: Promise<T>): Promise<T> {
  const keepAlive = setTimeout(() => {}, 30_000);
  try {
    return await promise;
  } finally {
    clearTimeout(keepAlive);
  }
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => void setTimeout(resolve, ms));

interface Received {
  data: string;
  address: string;
  port: number;
}

async function open(
  address: string,
): Promise<{ socket: UdpSocket; received: Received[]; next: () => Promise<Received> }> {
  const received: Received[] = [];
  let arrived: () => void = () => {};
  const socket = await runtime.bind({
    address,
    port: 0,
    onDatagram: (data, address, port) => {
      received.push({ data: Buffer.from(data).toString(), address, port });
      arrived();
    },
    onWritable: () => {},
    onError: (error) => assert.unreachable(error.message),
  });
  const next = async (): Promise<Received> => {
    while (received.length === 0) await new Promise<void>((resolve) => (arrived = resolve));
    return received.shift()!;
  };
  return { socket, received, next };
}

test('a timer fires once, at its deadline or soon after', async () => {
  for (const delay of [0.2, 3, 12]) {
    let count = 0;
    const deadline = runtime.now() + delay;
    const firedAt = await whileAlive(
      new Promise<number>((resolve) => {
        const timer = runtime.createTimer(() => {
          count++;
          resolve(runtime.now());
        });
        timer.set(deadline);
      }),
    );
    assert.ok(firedAt >= deadline, `${firedAt} >= ${deadline}`);
    await pause(3);
    assert.is(count, 1);
  }
});

test('a deadline in the past fires in the next turn', async () => {
  let isSync = true;
  await whileAlive(
    new Promise<void>((resolve) => {
      runtime
        .createTimer(() => {
          assert.not(isSync);
          resolve();
        })
        .set(runtime.now() - 1_000);
      isSync = false;
    }),
  );
});

test('a timer can be moved to later, to earlier, and be cleared', async () => {
  const fired: string[] = [];
  const later = runtime.createTimer(() => fired.push('later'));
  const start = runtime.now();
  later.set(start + 5);
  later.set(start + 40);
  const earlier = runtime.createTimer(() => fired.push('earlier'));
  earlier.set(start + 1_000_000);
  earlier.set(start + 5);
  const cleared = runtime.createTimer(() => fired.push('cleared'));
  cleared.set(start + 5);
  cleared.clear();
  const polled = runtime.createTimer(() => fired.push('polled'));
  polled.set(start);
  polled.clear();
  const never = runtime.createTimer(() => fired.push('never'));
  never.set(start + 5);
  never.set(Infinity);
  await pause(25);
  assert.equal(fired, ['earlier']);
  await pause(40);
  assert.equal(fired, ['earlier', 'later']);
  cleared.set(runtime.now() + 1);
  await pause(15);
  assert.equal(fired, ['earlier', 'later', 'cleared']);
});

test('a deadline beyond what setTimeout can do does not fire early', async () => {
  let isFired = false;
  const timer = runtime.createTimer(() => (isFired = true));
  timer.set(runtime.now() + 2 ** 40);
  await pause(10);
  timer.clear();
  assert.not(isFired);
});

test('a timer can be set again from its own callback', async () => {
  let rounds = 0;
  await whileAlive(
    new Promise<void>((resolve) => {
      const timer = runtime.createTimer(() => {
        if (++rounds === 5) resolve();
        else timer.set(runtime.now() + 1.5);
      });
      timer.set(runtime.now() + 1.5);
    }),
  );
  assert.is(rounds, 5);
});

test('timers do not keep the process alive unless asked to', () => {
  const source = (ref: boolean): string => `
    import { nodeRuntime } from ${JSON.stringify(fileURLToPath(new URL('../src/node-runtime.ts', import.meta.url)))};
    const timer = nodeRuntime.createTimer(() => console.log('fired'), { ref: ${ref} });
    timer.set(nodeRuntime.now() + 30);`;
  const run = (ref: boolean): string => {
    const args = ['--conditions=@mquictt/source', '--import', 'tsx', '--input-type=module', '-e', source(ref)];
    return spawnSync(process.execPath, args, { encoding: 'utf8', timeout: 60_000 }).stdout;
  };
  assert.is(run(false), '');
  assert.is(run(true), 'fired\n');
});

test('schedule() runs after what is at hand, once', async () => {
  const order: string[] = [];
  runtime.schedule(() => order.push('scheduled'));
  queueMicrotask(() => order.push('microtask'));
  order.push('now');
  await pause(5);
  assert.equal(order, ['now', 'microtask', 'scheduled']);
});

for (const address of ['127.0.0.1', '::1']) {
  test(`datagrams go both ways over ${address}, several in one call`, async () => {
    const a = await open(address);
    const b = await open(address);
    assert.is(a.socket.address, address);
    assert.ok(a.socket.port > 0);
    const batch = new DatagramBatch(8, 80_000);
    batch.push(Buffer.from('skipped'), 0, address, b.socket.port, 0);
    batch.push(Buffer.from('one'), 0, address, b.socket.port, 0);
    batch.push(Buffer.alloc(60_000, 'x'), 0, address, b.socket.port, 0);
    assert.is(a.socket.send(batch, 1), 2);
    // The bytes may be reused at once.
    batch.buffer.fill(0);
    assert.equal(await b.next(), { data: 'one', address, port: a.socket.port });
    assert.is((await b.next()).data, 'x'.repeat(60_000));
    batch.clear();
    batch.push(Buffer.from('back'), 0, address, a.socket.port, 0);
    assert.is(b.socket.send(batch, 0), 1);
    assert.equal(await a.next(), { data: 'back', address, port: b.socket.port });
    await Promise.all([a.socket.close(), b.socket.close()]);
  });
}

test('an IPv4 peer reaches a socket on :: and gets an answer', async () => {
  const server = await open('::');
  const client = await open('127.0.0.1');
  const batch = new DatagramBatch(1, 100);
  batch.push(Buffer.from('question'), 0, '127.0.0.1', server.socket.port, 0);
  client.socket.send(batch, 0);
  const question = await server.next();
  assert.is(question.address, '::ffff:127.0.0.1');
  batch.clear();
  batch.push(Buffer.from('answer'), 0, question.address, question.port, 0);
  server.socket.send(batch, 0);
  assert.is((await client.next()).data, 'answer');
  await Promise.all([server.socket.close(), client.socket.close()]);
});

test('errors of single datagrams are losses: the others arrive, and the socket lives', async () => {
  const a = await open('127.0.0.1');
  const b = await open('127.0.0.1');
  const dead = await open('127.0.0.1');
  await dead.socket.close();
  const batch = new DatagramBatch(8, 300_000);
  batch.push(Buffer.alloc(65_530), 0, '127.0.0.1', b.socket.port, 0); // EMSGSIZE
  batch.push(Buffer.from('x'), 0, '127.0.0.1', 0, 0); // port 0
  batch.push(Buffer.from('x'), 0, '127.0.0.1', dead.socket.port, 0); // ICMP port unreachable
  batch.push(Buffer.from('x'), 0, '255.255.255.255', 9, 0); // EACCES: no broadcasts
  batch.push(Buffer.from('x'), 0, '::1', b.socket.port, 0); // the wrong family
  batch.push(Buffer.from('good'), 0, '127.0.0.1', b.socket.port, 0);
  assert.is(a.socket.send(batch, 0), 6);
  assert.is((await b.next()).data, 'good');
  await pause(5);
  batch.clear();
  batch.push(Buffer.from('still'), 0, '127.0.0.1', b.socket.port, 0);
  a.socket.send(batch, 0);
  assert.is((await b.next()).data, 'still');
  await Promise.all([a.socket.close(), b.socket.close()]);
});

test('buffer sizes that the system does not grant are no error', async () => {
  const socket = await runtime.bind({
    address: '127.0.0.1',
    port: 0,
    receiveBufferSize: 2 ** 31 - 1,
    sendBufferSize: 1,
    onDatagram: () => {},
    onWritable: () => {},
    onError: () => {},
  });
  await socket.close();
});

test('a port in use and an address of others are named in the error', async () => {
  const a = await open('127.0.0.1');
  const options = { onDatagram: () => {}, onWritable: () => {}, onError: () => {} };
  const inUse = await runtime
    .bind({ ...options, address: '127.0.0.1', port: a.socket.port })
    .catch((error: unknown) => error);
  assert.is((inUse as { code: string }).code, 'ERR_QUIC_BIND');
  assert.is((inUse as Error).message, `Could not bind UDP 127.0.0.1:${a.socket.port}: the port is in use`);
  const foreign = await runtime.bind({ ...options, address: '192.0.2.1', port: 0 }).catch((error: unknown) => error);
  assert.is((foreign as { code: string }).code, 'ERR_QUIC_BIND');
  assert.is((foreign as Error).message, 'Could not bind UDP 192.0.2.1:0: this machine does not have the address');
  await a.socket.close();
});

test('close is idempotent, and sending afterwards is a loss', async () => {
  const a = await open('127.0.0.1');
  await Promise.all([a.socket.close(), a.socket.close()]);
  const batch = new DatagramBatch(1, 100);
  batch.push(Buffer.from('x'), 0, '127.0.0.1', 9, 0);
  assert.is(a.socket.send(batch, 0), 1);
});

test('lookup gives literals back, finds localhost, and names what it cannot find', async () => {
  assert.equal(await runtime.lookup('192.0.2.1'), ['192.0.2.1']);
  assert.equal(await runtime.lookup('::1'), ['::1']);
  const found = await runtime.lookup('localhost');
  assert.ok(found.includes('127.0.0.1') || found.includes('::1'));
  const error = await runtime.lookup('no-such-host.invalid').catch((error: unknown) => error as Error);
  assert.is((error as unknown as { code: string }).code, 'ERR_QUIC_LOOKUP');
  assert.match((error as Error).message, /^Could not find an address for no-such-host\.invalid: E/);
});

test.run();
