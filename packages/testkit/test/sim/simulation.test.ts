import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PacketLog, settle, settleFor, Simulation } from '../../src/index.ts';

const SEED = Number(process.env['SEED'] ?? 1);
console.log(`SEED=${SEED}`);

const test = suite('simulation');

test('does things in the order of their time, and of asking at the same time', () => {
  const simulation = new Simulation({ start: 0 });
  const done: string[] = [];
  simulation.at(5, () => done.push('b'));
  simulation.at(1, () => done.push('a'));
  simulation.at(5, () => done.push('c'));
  simulation.at(5, () => simulation.at(2, () => done.push('d')));
  assert.ok(simulation.run(() => done.length === 4));
  assert.equal(done, ['a', 'b', 'c', 'd']);
  assert.is(simulation.now, 5);
  assert.not.ok(simulation.step());
});

test('the heap keeps any order', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(20), fc.boolean()), { maxLength: 100 }), (items) => {
      const simulation = new Simulation({ start: 0 });
      const done: number[] = [];
      const handles = items.map(([time], i) => simulation.at(time, () => done.push(i)));
      items.forEach(([, cancel], i) => cancel && simulation.cancel(handles[i]!));
      simulation.run(() => false);
      const expected = items
        .map(([time, cancel], i) => ({ time, cancel, i }))
        .filter(({ cancel }) => !cancel)
        .sort((a, b) => a.time - b.time || a.i - b.i)
        .map(({ i }) => i);
      assert.equal(done, expected);
    }),
    { seed: SEED },
  );
});

test('stops at a deadline without going there', () => {
  const simulation = new Simulation({ start: 0 });
  simulation.at(10, () => {});
  assert.not.ok(simulation.run(() => false, 9));
  assert.is(simulation.now, 0);
  simulation.runUntil(9);
  assert.is(simulation.now, 9);
  assert.is(simulation.nextTime, 10);
});

test('refuses times that never come', () => {
  const simulation = new Simulation();
  assert.throws(() => simulation.at(Infinity, () => {}), /Infinity/);
  assert.throws(() => simulation.at(NaN, () => {}), /NaN/);
});

test('the log hash tells time, direction, bytes and order apart', () => {
  const hash = (...entries: [number, string, number[]][]): string => {
    const log = new PacketLog();
    for (const [time, direction, bytes] of entries) log.record(time, direction, Uint8Array.from(bytes));
    return log.hash;
  };
  const base = hash([1, 'a', [1, 2]], [2, 'b', [3]]);
  assert.is(base, hash([1, 'a', [1, 2]], [2, 'b', [3]]));
  const others = [
    hash([1, 'a', [1, 2]]),
    hash([1, 'a', [1, 2]], [2.5, 'b', [3]]),
    hash([1, 'a', [1, 2]], [2, 'c', [3]]),
    hash([1, 'a', [1, 2]], [2, 'b', [4]]),
    hash([2, 'b', [3]], [1, 'a', [1, 2]]),
  ];
  assert.is(new Set([base, ...others]).size, 6);
});

test('the log keeps the newest entries in order', () => {
  const log = new PacketLog();
  for (let i = 0; i < 200; i++) log.record(i, 'a', Uint8Array.of(i));
  const times = log.recent().map(({ time }) => time);
  assert.equal([times[0], times.at(-1), times.length], [136, 199, 64]);
});

test('settle() lets promises get on before the clock does', async () => {
  const simulation = new Simulation({ start: 0 });
  const sleep = (ms: number): Promise<void> =>
    new Promise((resolve) => void simulation.at(simulation.now + ms, resolve));
  const order: string[] = [];
  const work = async (): Promise<number> => {
    await sleep(10);
    for (let i = 0; i < 20; i++) await Promise.resolve();
    order.push(`work at ${simulation.now}`);
    await new Promise<void>((resolve) => void setImmediate(resolve));
    await sleep(5);
    return simulation.now;
  };
  simulation.at(11, () => order.push('other at 11'));
  assert.is(await settle(simulation, work()), 15);
  assert.equal(order, ['work at 10', 'other at 11']);
});

test('settle() passes failures on and gives up', async () => {
  const simulation = new Simulation({ start: 0, seed: 77 });
  const message = async (promise: Promise<unknown>, limitMs = 1000): Promise<string> =>
    settle(simulation, promise, { limitMs }).then(
      () => 'none',
      (error: Error) => error.message,
    );
  assert.is(await message(Promise.reject(new Error('mine'))), 'mine');
  assert.match(await message(new Promise(() => {})), /Nothing is pending.*SEED=77/);
  const again = (): void => void simulation.at(simulation.now + 100, again);
  again();
  assert.match(await message(new Promise(() => {})), /Not settled.*SEED=77/);
});

test('settleFor() lets time pass', async () => {
  const simulation = new Simulation({ start: 0 });
  let ticks = 0;
  const tick = (): void => {
    ticks++;
    simulation.at(simulation.now + 10, tick);
  };
  simulation.at(10, tick);
  await settleFor(simulation, 55);
  assert.is(ticks, 5);
  assert.is(simulation.now, 55);
});

test.run();
