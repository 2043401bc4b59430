import { DatagramBatch } from '@mquictt/quic-core';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { LINKS, SimNetwork, simRuntime, Simulation, stages } from '../../src/index.ts';

const test = suite('network');

const SERVER = '192.0.2.2';

test('carries datagrams between sockets', () => {
  const simulation = new Simulation({ start: 0 });
  const network = new SimNetwork({ simulation });
  const seen: unknown[] = [];
  const server = network.bind({
    address: SERVER,
    port: 53,
    onDatagram: (bytes, address, port) => {
      seen.push([simulation.now, [...bytes], address, port]);
      server.send(Uint8Array.of(2), address, port);
    },
  });
  const client = network.bind({
    address: '192.0.2.1',
    port: 0,
    onDatagram: (bytes, address, port) => void seen.push([simulation.now, [...bytes], address, port]),
  });
  assert.is(client.port, 49_152);
  client.send(Uint8Array.of(1), SERVER, 53);
  client.send(Uint8Array.of(1), SERVER, 54);
  simulation.run(() => false);
  assert.equal(seen, [
    [1, [1], '192.0.2.1', 49_152],
    [2, [2], SERVER, 53],
  ]);
});

test('gives free ports and refuses taken ones', () => {
  const network = new SimNetwork({ simulation: new Simulation() });
  const onDatagram = (): void => {};
  const a = network.bind({ address: SERVER, port: 0, onDatagram });
  const b = network.bind({ address: SERVER, port: 0, onDatagram });
  assert.is.not(a.port, b.port);
  assert.throws(
    () => network.bind({ address: SERVER, port: a.port, onDatagram }),
    (error: Error & { code?: string }) => error.code === 'EADDRINUSE',
  );
  a.close();
  network.bind({ address: SERVER, port: a.port, onDatagram });
});

test('a closed socket neither sends nor receives', () => {
  const simulation = new Simulation();
  const network = new SimNetwork({ simulation });
  let count = 0;
  const a = network.bind({ address: SERVER, port: 1, onDatagram: () => count++ });
  const b = network.bind({ address: SERVER, port: 2, onDatagram: () => count++ });
  a.send(Uint8Array.of(1), SERVER, 2);
  b.close();
  b.send(Uint8Array.of(1), SERVER, 1);
  simulation.run(() => false);
  assert.is(count, 0);
});

test('makes one link per direction, with the stages of the factory', () => {
  const simulation = new Simulation({ start: 0 });
  const network = new SimNetwork({
    simulation,
    link: (from) => (from.port === 1 ? [stages.delay(10)] : LINKS.clean()),
  });
  const times: number[] = [];
  const a = network.bind({ address: SERVER, port: 1, onDatagram: () => times.push(simulation.now) });
  const b = network.bind({ address: SERVER, port: 2, onDatagram: () => b.send(Uint8Array.of(1), SERVER, 1) });
  a.send(Uint8Array.of(1), SERVER, 2);
  a.send(Uint8Array.of(1), SERVER, 2);
  simulation.run(() => false);
  assert.equal(times, [15, 15]);
  assert.is(network.link(a, b).stats.delivered, 2);
  network.link(a, b).dropNext(1);
  a.send(Uint8Array.of(1), SERVER, 2);
  simulation.run(() => false);
  assert.is(times.length, 2);
});

test('knows names and IP literals', () => {
  const network = new SimNetwork({ simulation: new Simulation() });
  network.name('broker.example', SERVER, '2001:db8::2');
  assert.equal(network.lookup('broker.example'), [SERVER, '2001:db8::2']);
  assert.equal(network.lookup('2001:db8::1'), ['2001:db8::1']);
  assert.equal(network.lookup('192.0.2.9'), ['192.0.2.9']);
  assert.equal(network.lookup('unknown.example'), []);
});

test('is a runtime: sockets, timers and a clock', async () => {
  const simulation = new Simulation({ start: 100 });
  const network = new SimNetwork({ simulation });
  const runtime = simRuntime(network, SERVER);
  const seen: unknown[] = [];
  const options = { onWritable: () => {}, onError: () => {} };
  const a = await runtime.bind({
    ...options,
    address: '0.0.0.0',
    port: 0,
    onDatagram: (data, address, port) => void seen.push([...data, address, port]),
  });
  const b = await runtime.bind({ ...options, address: '::', port: 7, onDatagram: () => {} });
  assert.equal([a.address, b.address, b.port], [SERVER, SERVER, 7]);
  const batch = new DatagramBatch(3, 100);
  for (let i = 0; i < 3; i++) batch.push(Uint8Array.of(i), 0, a.address, a.port, 0);
  assert.is(b.send(batch, 1), 2);
  simulation.runUntil(101);
  assert.equal(seen, [
    [1, SERVER, 7],
    [2, SERVER, 7],
  ]);

  const fired: number[] = [];
  const timer = runtime.createTimer(() => fired.push(runtime.now()));
  timer.set(105);
  timer.set(110);
  simulation.runUntil(120);
  timer.set(130);
  timer.clear();
  timer.set(50);
  simulation.runUntil(140);
  assert.equal(fired, [110, 120]);
  runtime.schedule(() => fired.push(-1));
  simulation.runUntil(140);
  assert.equal(fired, [110, 120, -1]);
  assert.is(runtime.unixTime() % 1000, 40);
  await a.close();
  b.send(batch, 0);
  simulation.run(() => false);
  assert.is(seen.length, 2);
});

test.run();
