import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Link, LINKS, Simulation, type Stage, stages } from '../../src/index.ts';

const SEED = Number(process.env['SEED'] ?? 1);
console.log(`SEED=${SEED}`);

const { blackhole, corrupt, delay, dropIf, dropNth, duplicate, jitter, loss, mtu, rate, reorder, tap } = stages;
const test = suite('stages');

interface Arrival {
  time: number;
  /** The number that send() wrote into the datagram. */
  id: number;
  bytes: Uint8Array;
}

interface Bench {
  simulation: Simulation;
  link: Link;
  arrivals: Arrival[];
  /** Sends `count` datagrams, one every `spacing` ms from now. */
  send(count: number, spacing: number, size?: number): void;
  ids(): number[];
}

function bench(stageList: Stage[], seed = SEED): Bench {
  const simulation = new Simulation({ seed, start: 0 });
  const arrivals: Arrival[] = [];
  let next = 0;
  const link = new Link({
    simulation,
    name: 'a>b',
    stages: stageList,
    deliver: (bytes) =>
      void arrivals.push({
        time: simulation.now,
        id: bytes.length < 100 ? -1 : new DataView(bytes.buffer).getUint32(96),
        bytes: bytes.slice(),
      }),
  });
  return {
    simulation,
    link,
    arrivals,
    send(count, spacing, size = 1000) {
      const buffer = new Uint8Array(size);
      for (let i = 0; i < count; i++) {
        simulation.at(simulation.now + i * spacing, () => {
          new DataView(buffer.buffer).setUint32(96, next++);
          link.send(buffer);
          buffer.fill(0xee);
        });
      }
      simulation.run(() => false);
    },
    ids: () => arrivals.map(({ id }) => id),
  };
}

const inOrder = (ids: number[]): boolean => ids.every((id, i) => i === 0 || id > ids[i - 1]!);

test('a link without stages delivers at once', () => {
  const b = bench([]);
  b.send(3, 1);
  assert.equal(
    b.arrivals.map(({ time, id }) => [time, id]),
    [
      [0, 0],
      [1, 1],
      [2, 2],
    ],
  );
});

test('delay', () => {
  const b = bench([delay(15)]);
  b.send(3, 1);
  assert.equal(
    b.arrivals.map(({ time }) => time),
    [15, 16, 17],
  );
});

test('jitter reorders within its bounds', () => {
  const b = bench([jitter(20)]);
  b.send(500, 1);
  assert.is(b.arrivals.length, 500);
  assert.not.ok(inOrder(b.ids()));
  for (const { time, id } of b.arrivals) assert.ok(time >= id && time < id + 20);
});

test('reorder holds some back', () => {
  const b = bench([reorder(0.25, 10)]);
  b.send(1000, 1);
  const late = b.arrivals.filter(({ time, id }) => time === id + 10).length;
  assert.ok(late > 200 && late < 300, `${late}`);
  assert.is(b.arrivals.filter(({ time, id }) => time === id).length, 1000 - late);
});

test('rate sends one after another and drops what finds the queue full', () => {
  const b = bench([rate(8_000_000, 5)]); // 1 byte per µs
  b.send(10, 0, 972); // and 28 of headers: 1 ms each
  assert.equal(
    b.arrivals.map(({ time }) => time),
    [1, 2, 3, 4, 5, 6],
  );
  assert.is(b.link.stats.dropped, 4);
  b.send(1, 0, 972);
  assert.is(b.arrivals.at(-1)!.time, 7);
});

test('rate lets all pass that come slower', () => {
  const b = bench([rate(8_000_000, 0)]);
  b.send(100, 1, 972);
  assert.is(b.arrivals.length, 100);
});

test('loss, with bounded bursts', () => {
  const free = bench([loss(0.3)]);
  free.send(10_000, 1);
  assert.ok(Math.abs(free.link.stats.dropped - 3000) < 200, `${free.link.stats.dropped}`);
  const bounded = bench([loss(0.9, 3)]);
  bounded.send(1000, 1);
  const ids = bounded.ids();
  assert.ok(ids.every((id, i) => i === 0 || id - ids[i - 1]! <= 4));
  assert.ok(ids.some((id, i) => i > 0 && 4 === id - ids[i - 1]!));
  const none = bench([loss(1)]);
  none.send(10, 1);
  assert.is(none.arrivals.length, 0);
});

test('corrupt changes one byte among the first', () => {
  const b = bench([corrupt(0.3, 50)]);
  b.send(2000, 1);
  assert.is(b.arrivals.length, 2000);
  const expected = new Uint8Array(1000).fill(0xee);
  let damaged = 0;
  for (const { bytes, id } of b.arrivals) {
    const original = id === 0 ? new Uint8Array(1000) : expected.slice();
    new DataView(original.buffer).setUint32(96, id);
    const differing = [...bytes.keys()].filter((i) => bytes[i] !== original[i]);
    assert.ok(differing.length <= 1 && (differing[0] ?? 0) < 50);
    damaged += differing.length;
  }
  assert.is(damaged, b.link.stats.corrupted);
  assert.ok(damaged > 500 && damaged < 700, `${damaged}`);
});

test('corrupt copes with short datagrams', () => {
  const b = bench([corrupt(1, 50)]);
  b.link.send(new Uint8Array(0));
  assert.is(b.link.stats.corrupted, 0);
});

test('duplicate', () => {
  const b = bench([duplicate(0.1, 3)]);
  b.send(1000, 1);
  assert.is(b.arrivals.length, 1000 + b.link.stats.duplicated);
  assert.ok(b.link.stats.duplicated > 60 && b.link.stats.duplicated < 140);
  assert.is(b.arrivals.filter(({ time, id }) => time === id + 3).length, b.link.stats.duplicated);
});

test('blackhole swallows the end of each period', () => {
  const b = bench([blackhole(2000, 5000)]);
  b.send(101, 100);
  const times = b.arrivals.map(({ time }) => time);
  assert.ok(times.every((time) => time % 5000 < 3000));
  assert.is(times.length, 61);
});

test('dropNth, dropIf and mtu drop what they should', () => {
  const nth = bench([dropNth(0, 3)]);
  nth.send(5, 1);
  assert.equal(nth.ids(), [1, 2, 4]);
  const some = bench([dropIf((bytes, index) => bytes.length > 500 && index % 2 === 1)]);
  some.send(5, 1);
  assert.equal(some.ids(), [0, 2, 4]);
  const shrinking = bench([mtu((now) => (now < 3 ? 1000 : 999))]);
  shrinking.send(5, 1);
  assert.equal(shrinking.ids(), [0, 1, 2]);
});

test('tap sees what is left', () => {
  const seen: number[] = [];
  const b = bench([dropNth(1), tap((_bytes, now, index) => seen.push(now, index))]);
  b.send(3, 1);
  assert.equal(seen, [0, 0, 2, 2]);
});

test('stages work in the order of the array', () => {
  const b = bench([dropNth(0), duplicate(1), delay(5), dropIf((_bytes, index) => index === 1)]);
  b.send(3, 1);
  assert.equal(b.ids(), [2, 2]);
  assert.is(b.link.stats.dropped, 3);
});

test('dropNext drops whatever the stages say', () => {
  const b = bench([]);
  b.link.dropNext(2);
  b.send(4, 1);
  assert.equal(b.ids(), [2, 3]);
});

test('the same seed gives the same arrivals and log, another seed others', () => {
  const run = (seed: number): string => {
    const b = bench([loss(0.1), corrupt(0.1), duplicate(0.1), jitter(5), rate(5_000_000, 20)], seed);
    b.send(500, 1);
    return JSON.stringify(b.arrivals.map(({ time, id }) => [time, id])) + b.simulation.packetLog.hash;
  };
  assert.is(run(5), run(5));
  assert.is.not(run(5), run(6));
});

test('every preset delivers something, and only what was sent', () => {
  for (const [name, make] of Object.entries(LINKS)) {
    const b = bench(make());
    b.send(300, 2);
    const { sent, delivered, dropped, duplicated } = b.link.stats;
    assert.is(sent, 300, name);
    assert.is(delivered, sent - dropped + duplicated, name);
    assert.ok(delivered > 150, name);
  }
});

test.run();
