import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Deadlines } from '../../src/core/deadlines.ts';
import type { Timed } from '../../src/core/deadlines.ts';
import { SEED, random } from '../support/seed.ts';

const test = suite('deadlines');

function item(onTimeout: (now: number) => void = () => {}): Timed {
  return { deadline: Infinity, heapIndex: -1, handleTimeout: onTimeout };
}

test('calls what is due, earliest first, whatever was moved or removed', () => {
  const draw = random();
  const deadlines = new Deadlines();
  const called: number[] = [];
  const items = Array.from({ length: 200 }, () => {
    const timed: Timed = item(() => called.push(at.get(timed)!));
    return timed;
  });
  const at = new Map<Timed, number>();
  for (let i = 0; i < 2_000; i++) {
    const timed = items[Math.floor(draw() * items.length)];
    const deadline = draw() < 0.2 ? Infinity : Math.floor(draw() * 1_000);
    deadlines.set(timed, deadline);
    at.set(timed, deadline);
  }
  const expected = [...at.values()].filter((deadline) => deadline <= 500).sort((a, b) => a - b);
  assert.is(deadlines.next(), expected[0], `SEED=${SEED}`);
  deadlines.run(500);
  assert.equal(called, expected, `SEED=${SEED}`);
  assert.is(deadlines.size, [...at.values()].filter((deadline) => deadline > 500 && deadline < Infinity).length);
});

test('something that is set again for the past waits for the next call', () => {
  const deadlines = new Deadlines();
  let calls = 0;
  const timed: Timed = item(() => {
    calls++;
    deadlines.set(timed, 0);
  });
  deadlines.set(timed, 0);
  deadlines.run(10);
  assert.is(calls, 1);
  deadlines.run(10);
  assert.is(calls, 2);
});

test.run();
